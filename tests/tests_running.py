"""Loading and executing notebooks from the outside, and the files that a run writes."""

import math
import os

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

import support.saving
from support.notebooks import execute, load_definitions, main
from support.saving import ProgressBar, save_json, write_whole


def test_a_file_is_written_whole_or_not_at_all(monkeypatch, tmp_path):
    monkeypatch.setattr(support.saving, "OUTPUT", tmp_path)
    path = tmp_path / "results" / "numbers.json"
    save_json("numbers", {"x": 1})

    def break_off(temporary):
        temporary.write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError):
        write_whole(path, break_off)
    with pytest.raises(ValueError):
        save_json("numbers", {"x": math.nan})
    assert path.read_bytes() == b'{\n "x": 1\n}\n'


def test_progress_bars_are_for_people(capfd):
    """No bar where nobody looks: not in a worker process, not in a test."""
    assert list(ProgressBar(range(3), unit="epoch")) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def small_notebook(folder, *sources, name="small"):
    """Write a notebook of the code cells given; return its path."""
    cells = [nbformat.v4.new_code_cell(s, id=f"cell-{i}") for i, s in enumerate(sources)]
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def test_definitions_load_without_the_work(tmp_path):
    path = small_notebook(
        tmp_path,
        "%matplotlib inline\nimport math\nLIMIT = 3\nwork = 1 / 0",
        "def f(x):\n    return LIMIT * math.sqrt(x)\n\n\ndef g():\n    raise KeyError('here')",
    )
    module = load_definitions(path)
    assert module.f(4) == 6 and not hasattr(module, "work")
    with pytest.raises(KeyError) as error:
        module.g()
    assert "raise KeyError('here')" in str(error.traceback[-1]), "the cell's own source is shown"


def test_failing_or_missing_notebook_is_named_and_left_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_MODE", "full")
    path = small_notebook(tmp_path, "print('fine')", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path)
    with pytest.raises(SystemExit, match="ZeroDivisionError") as stop:
        main([str(path)])
    assert isinstance(stop.value.code, str), "a text as the exit code: status 1"
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["small.ipynb"]
    with pytest.raises(SystemExit, match=r"nothing\.ipynb: there is no such notebook"):
        main([str(tmp_path / "nothing.ipynb")])


def test_execution_saves_no_times_and_no_stderr(tmp_path):
    path = small_notebook(tmp_path, "import sys\nprint('out')\nprint('bar', file=sys.stderr)")
    execute(path)
    first = path.read_bytes()
    execute(path)
    assert path.read_bytes() == first
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.text == "out\n"
