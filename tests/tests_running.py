"""Loading and executing notebooks from the outside, and the files that a run writes."""

import math
import os
import subprocess
import sys

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

import support.saving
from support import ROOT
from support.notebooks import execute, load_definitions, main
from support.saving import save_json, write_whole


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


def test_running_part_is_named_by_its_heading(tmp_path, capfd):
    """Once for all cells of a section; a comment in code is no heading."""
    path = small_notebook(tmp_path, "x = 1", "x = 2", "", "x = 3", "x = 4")
    notebook = nbformat.read(path, as_version=4)
    texts = ["# Title\n\nWords.\n\n## 1. The `first` part", "## 2. The second\n\nWords.", "More."]
    for index, text in ((0, texts[0]), (4, texts[1]), (6, texts[2])):
        notebook.cells.insert(index, nbformat.v4.new_markdown_cell(text, id=f"text-{index}"))
    nbformat.write(notebook, path)
    execute(path)
    lines = capfd.readouterr().out.splitlines()
    assert lines == [
        "small.ipynb  1. The first part  cell 2/8",
        "small.ipynb  2. The second  cell 6/8",
    ]


def test_run_mode_is_the_kernels_alone(tmp_path, monkeypatch):
    """Definitions that need the notebook's work do not keep it from running, on the real images."""
    monkeypatch.setenv("RUN_MODE", "full")
    show = "import os\nprint(os.environ['RUN_MODE'])\nwork = [1, 2]\nBEST = max(work)"
    path = small_notebook(tmp_path, show, "AGAIN = max(work)")
    main([str(path)])
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.text == "full\n" and os.environ["RUN_MODE"] == "full"
    missing = "def load_mnist():\n    raise FileNotFoundError('no images')\n"
    main([str(small_notebook(tmp_path, missing + show))])
    (output,) = nbformat.read(tmp_path / "build/stand-in/small.ipynb", 4).cells[0].outputs[1:]
    assert output.text == "stand-in\n" and os.environ["RUN_MODE"] == "full"


def test_unknown_run_mode_is_refused_before_anything_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_MODE", "fulll")
    with pytest.raises(
        SystemExit, match="^RUN_MODE is 'fulll'; choose one of full, quick, stand-in$"
    ):
        main([str(small_notebook(tmp_path, "open('ran', 'w')"))])
    assert os.listdir(tmp_path) == ["small.ipynb"]


@pytest.mark.fault
def test_unknown_run_mode_is_refused_in_one_line(tmp_path):
    path = small_notebook(tmp_path, "open('ran', 'w')")
    command = [sys.executable, "-m", "support.notebooks", str(path)]
    environment = os.environ | {"RUN_MODE": "fulll"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == "RUN_MODE is 'fulll'; choose one of full, quick, stand-in\n"
    assert os.listdir(tmp_path) == ["small.ipynb"]


DRAW = """
import matplotlib.pyplot as plt
figure, ax = plt.subplots(figsize=(2, 1))
ax.set_title("text")
figure.savefig("figure.png")
print([name for name in ("startup", "console") if name in globals()])
"""
RC = "backend: svg\nfigure.dpi: 33\nsavefig.dpi: 44\nfont.size: 20\nsavefig.bbox: tight\n"
PROFILE = """
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.rc = {"figure.dpi": 55}
c.IPKernelApp.exec_lines = ["startup = 1"]
c.InteractiveShell.ast_node_interactivity = "all"
"""


def test_a_persons_settings_change_no_saved_file(tmp_path, monkeypatch):
    """Neither a backend, nor a matplotlibrc, nor an IPython profile, nor a file for the console."""
    path = small_notebook(tmp_path, DRAW)
    execute(path)
    saved = path.read_bytes(), (tmp_path / "figure.png").read_bytes()
    assert b"image/png" in saved[0]
    settings = tmp_path / "settings"
    startup = settings / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "first.py").write_text("startup = 1")
    (startup.parent / "ipython_kernel_config.py").write_text("c = get_config()" + PROFILE)
    (settings / "console.py").write_text("console = 1")
    for folder in (tmp_path, settings):
        (folder / "matplotlibrc").write_text(RC)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("MATPLOTLIBRC", str(settings))
    monkeypatch.setenv("IPYTHONDIR", str(settings))
    monkeypatch.setenv("PYTHONSTARTUP", str(settings / "console.py"))
    execute(path)
    assert (path.read_bytes(), (tmp_path / "figure.png").read_bytes()) == saved
