"""Runs that cannot go on: interrupted, the disk full, the notebook edited or damaged meanwhile."""

import errno
import json
import os
import re
import signal
import subprocess
import sys

import nbformat
import pytest
from tests_running import small_notebook

from support import ROOT
from support.notebooks import execute, main
from support.saving import write_whole

unix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
INTERRUPTED = """
import os, signal, sys, time
sys.path.insert(0, {root!r})
from support.saving import write_whole
with open("pid", "w") as file:
    file.write(str(os.getpid()))

def write(temporary):
    temporary.write_text("half")
    os.kill(os.getppid(), signal.{name})
    time.sleep(60)

write_whole("numbers.json", write)
"""


def with_heading(path, heading):
    """Put a Markdown cell with a heading at the notebook's top."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_markdown_cell(f"Text.\n\n{heading}", id="heading"))
    nbformat.write(notebook, path)
    return path


@unix
@pytest.mark.parametrize("name", ["SIGINT", pytest.param("SIGTERM", marks=pytest.mark.fault)])
def test_interrupted_run_says_where_in_one_line(name, tmp_path, monkeypatch, capfd):
    """The kernel is stopped while it writes a file, and sends the signal itself."""
    monkeypatch.setenv("RUN_MODE", "full")
    path = small_notebook(tmp_path, INTERRUPTED.format(root=str(ROOT), name=name))
    before = with_heading(path, "## Task 8: `train`").read_bytes()
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert stop.value.code == 128 + getattr(signal, name)
    message = f"{path}: interrupted in Task 8: train (cell 2); the notebook was left as it was\n"
    assert capfd.readouterr().err == message
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["pid", "small.ipynb"], "no .part"


@unix
@pytest.mark.fault
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_interrupted_from_outside(name, tmp_path):
    """The command itself, in its own process; with workers that are in the midst of a task."""
    source = (
        "import time, joblib\nprint(open('started', 'w').write('yes'))\n"
        "joblib.Parallel(n_jobs=2)(joblib.delayed(time.sleep)(60) for _ in range(2))"
    )
    path = with_heading(small_notebook(tmp_path, source), "## Task 8")
    command = [sys.executable, "-m", "support.notebooks", str(path)]
    run = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert f"{path.name}  Task 8" in run.stdout.readline()
    run.send_signal(getattr(signal, name))
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 128 + getattr(signal, name)
    assert errors == f"{path}: interrupted in Task 8 (cell 2); the notebook was left as it was\n"


def test_notebook_edited_while_it_runs_is_kept(tmp_path, monkeypatch):
    """The executed one is put beside it, under a name that no file has."""
    monkeypatch.setenv("RUN_MODE", "full")
    edit = "text = open('small.ipynb').read()\nopen('small.ipynb', 'w').write(text + ' ')\nprint(1)"
    path = small_notebook(tmp_path, edit)
    (tmp_path / "small.executed.ipynb").write_text("older")
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"changed while .*small\.executed-2\.ipynb") as stop:
        main([str(path)])
    assert isinstance(stop.value.code, str), "a text as the exit code: status 1"
    assert path.read_bytes() == before + b" "
    assert (tmp_path / "small.executed.ipynb").read_text() == "older"
    (cell,) = nbformat.read(tmp_path / "small.executed-2.ipynb", as_version=4).cells
    assert cell.outputs[0].text == "1\n"


def refusal(path):
    """The one line that the runner says of a notebook; it runs nothing."""
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]
    assert isinstance(stop.value.code, str) and stop.value.code.startswith(f"{path}: ")
    assert "\n" not in stop.value.code
    return stop.value.code.removeprefix(f"{path}: ")


def test_syntax_error_is_named_before_anything_runs(tmp_path):
    path = small_notebook(tmp_path, "open('ran', 'w')", "x = 1\ny = = 2", "%matplotlib inline\n!ls")
    assert refusal(path) == "cell 2, line 2: invalid syntax: y = = 2"
    with_heading(path, "## Task 8")
    assert refusal(path) == "Task 8 (cell 3), line 2: invalid syntax: y = = 2"
    small_notebook(tmp_path, "pass", "x = 1\n<<<<<<< HEAD\ny = 2\n=======\ny = 3\n>>>>>>> other")
    assert refusal(path) == "cell 2, line 2: invalid syntax: <<<<<<< HEAD"
    small_notebook(tmp_path, "pass", "x = 1\nreturn x")
    assert refusal(path) == "cell 2, line 2: 'return' outside function: return x"
    small_notebook(tmp_path, "x = 1\nif x:")
    assert refusal(path).startswith("cell 1, line 2: expected an indented block")


def test_damaged_notebook_is_named_in_one_line(tmp_path):
    path = small_notebook(tmp_path, "x = 1", "x = 2")
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    path.write_text("".join([*lines[:5], "<<<<<<< HEAD\n", lines[5], "=======\n", ">>>>>>> a\n"]))
    assert refusal(path) == "line 6: a conflict marker of git; resolve it first"
    path.write_text("")
    assert refusal(path) == "the file is empty"
    path.write_text(text[: len(text) // 2])
    assert re.fullmatch(r"line \d+: no notebook, or cut short: .+", refusal(path))
    path.write_bytes(b"\xff\xfe\x00")
    assert "no notebook, or cut short: " in refusal(path)
    path.write_text(json.dumps({"results": []}))
    assert refusal(path) == "no notebook: it has no cells"


def test_failure_to_write_leaves_no_part_and_shows_its_reason(tmp_path):
    path = tmp_path / "numbers.json"

    def break_off(temporary):
        temporary.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(path, break_off)
    assert os.listdir(tmp_path) == []
    path.mkdir()
    with pytest.raises(OSError, match=r"numbers\.json"):
        write_whole(path, lambda temporary: temporary.write_text("whole"))
    assert os.listdir(tmp_path) == ["numbers.json"]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 kB; a skip where mounting one is refused."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault
def test_full_disk_is_named(small_disk, monkeypatch):
    """In a cell that saves a figure, then when the executed notebook itself is saved."""
    monkeypatch.setenv("RUN_MODE", "full")
    with pytest.raises(OSError) as error:
        write_whole(small_disk / "x", lambda temporary: temporary.write_bytes(bytes(100_000)))
    assert error.value.errno == errno.ENOSPC and os.listdir(small_disk) == []
    draw = "import matplotlib.pyplot as plt\nimport numpy as np\nfigure = plt.figure()\n"
    draw += "figure.figimage(np.random.default_rng(0).random((400, 400)))\n"
    save = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport support.saving as saving\n"
    save += "saving.OUTPUT = saving.Path('.')\nsaving.save_figure(figure, 'noise')"
    for source in (draw + save, "print('x' * 100_000)"):
        path = small_notebook(small_disk, source)
        before = path.read_bytes()
        with pytest.raises(SystemExit, match="No space left on device") as stop:
            main([str(path)])
        assert len(stop.value.code.splitlines()) <= 22
        assert path.read_bytes() == before
        assert not [file for file in small_disk.rglob("*") if file.name.endswith(".part")]


@pytest.mark.fault
def test_failing_cell_is_shown_briefly(tmp_path, monkeypatch):
    """Where it stands, what it printed, and Python's own traceback without colors."""
    monkeypatch.setenv("RUN_MODE", "full")
    path = small_notebook(tmp_path, "x = 1\n" * 20 + "print('seen')\njson = __import__('json')\n"
                          "json.loads('{')")  # fmt: skip
    with pytest.raises(SystemExit) as stop:
        main([str(with_heading(path, "## Task 8"))])
    first, *others = stop.value.code.splitlines()
    assert first == f"{path} stopped in Task 8 (cell 2) and was left as it was:"
    assert others[0] == "seen" and "JSONDecodeError" in others[-1] and len(others) < 20
    assert "\x1b" not in stop.value.code and any("json.loads('{')" in line for line in others)


@pytest.mark.fault
def test_dead_kernel_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("RUN_MODE", "full")
    path = small_notebook(tmp_path, "import os\nos._exit(1)")
    with pytest.raises(SystemExit, match=r"the kernel died in cell 1; .* left as it was$"):
        main([str(path)])


@pytest.mark.fault
def test_executing_elsewhere_is_no_edit(tmp_path):
    path = small_notebook(tmp_path, "open('small.ipynb', 'a').write(' ')")
    execute(path, tmp_path / "build" / "small.ipynb")
    assert sorted(os.listdir(tmp_path)) == ["build", "small.ipynb"]
