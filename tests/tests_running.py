"""Executing notebooks: what is shown on the way, what is saved, and what a failure leaves."""

import os
import subprocess
import sys

from support import ROOT
from support.notebooks import execute, main

import nbformat
import pytest

from tests.helpers.notebooks import outputs_of, small_notebook


@pytest.fixture(autouse=True)
def full_mode(monkeypatch):
    monkeypatch.setenv("RUN_MODE", "full")


def test_a_failing_or_missing_notebook_is_named_and_left_as_it_was(tmp_path):
    """Where it stands, what it printed, and Python's own traceback without colors."""
    source = "x = 1\n" * 20 + "print('seen')\njson = __import__('json')\njson.loads('{')"
    path = small_notebook(tmp_path, source, heading="## Task 8")
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert isinstance(stop.value.code, str), "a text as the exit code: status 1"
    first, *others = stop.value.code.splitlines()
    assert first == f"{path} stopped in Task 8 (cell 2) and was left as it was:"
    assert others[0] == "seen" and "JSONDecodeError" in others[-1] and len(others) < 20
    assert "\x1b" not in stop.value.code and any("json.loads('{')" in line for line in others)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["small.ipynb"]
    with pytest.raises(SystemExit, match=r"nothing\.ipynb: there is no such notebook"):
        main([str(tmp_path / "nothing.ipynb")])


DRAW = """
import os
import sys
import matplotlib.pyplot as plt
figure, ax = plt.subplots(figsize=(2, 1))
ax.set_title("text")
figure.savefig("figure.png")
print([name for name in ("startup", "console") if name in globals()], os.environ["RUN_MODE"])
print("a fault", file=sys.stderr)
"""
RC = "backend: svg\nfigure.dpi: 33\nsavefig.dpi: 44\nfont.size: 20\nsavefig.bbox: tight\n"
PROFILE = """
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.rc = {"figure.dpi": 55}
c.IPKernelApp.exec_lines = ["startup = 1"]
c.InteractiveShell.ast_node_interactivity = "all"
"""


def test_a_second_run_saves_the_same_bytes_whatever_a_person_has_set(tmp_path, monkeypatch, capfd):
    """A backend, a matplotlibrc, an IPython profile, a file for the console; and no times.

    What a cell writes to stderr is shown, and stays in the saved notebook, as a fault.
    """
    path = small_notebook(tmp_path, DRAW)
    execute(path)
    saved = path.read_bytes(), (tmp_path / "figure.png").read_bytes()
    assert b"image/png" in saved[0]
    streams = {output.name: output.text for output in outputs_of(path) if "text" in output}
    assert streams == {"stdout": "[] full\n", "stderr": "a fault\n"}
    assert capfd.readouterr().err == "a fault\n"
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


def test_running_part_is_named_by_its_heading(tmp_path, capfd):
    """Once for all cells of a section; a comment in code is no heading.

    Definitions that need the notebook's work do not keep it from running, on the real images.
    """
    show = "import os\nprint(os.environ['RUN_MODE'])\nwork = [1, 2]\nBEST = max(work)"
    path = small_notebook(tmp_path, show, "AGAIN = max(work)", "", "x = 3", "x = 4")
    notebook = nbformat.read(path, as_version=4)
    texts = ["# Title\n\nWords.\n\n## 1. The `first` part", "## 2. The second\n\nWords.", "More."]
    for index, text in ((0, texts[0]), (4, texts[1]), (6, texts[2])):
        notebook.cells.insert(index, nbformat.v4.new_markdown_cell(text, id=f"text-{index}"))
    nbformat.write(notebook, path)
    main([str(path)])
    lines = capfd.readouterr().out.splitlines()
    assert lines == [
        "small.ipynb  1. The first part  cell 2/8",
        "small.ipynb  2. The second  cell 6/8",
        f"small.ipynb: done, saved as {path}",
    ]
    assert outputs_of(path)[0].text == "full\n" and os.environ["RUN_MODE"] == "full"


def test_without_images_a_short_run_says_so(tmp_path):
    missing = "def load_mnist():\n    raise FileNotFoundError('no images')\n"
    show = "import os\nprint(os.environ['RUN_MODE'])"
    main([str(small_notebook(tmp_path, missing + show))])
    banner, output = outputs_of(tmp_path / "build" / "stand-in" / "small.ipynb")
    assert banner.text.startswith("STAND-IN IMAGES") and output.text == "stand-in\n"
    assert os.environ["RUN_MODE"] == "full", "the mode is the kernel's alone"


@pytest.mark.parametrize("outside", [False, pytest.param(True, marks=pytest.mark.fault)])
def test_unknown_run_mode_is_refused_in_one_line(outside, tmp_path, monkeypatch):
    """Before anything runs; from outside, even before support.files can be imported."""
    monkeypatch.setenv("RUN_MODE", "fulll")
    path = small_notebook(tmp_path, "open('ran', 'w')")
    line = "RUN_MODE is 'fulll'; choose one of full, quick, stand-in"
    if outside:
        command = [sys.executable, "-m", "support.notebooks", str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", line + "\n")
    else:
        with pytest.raises(SystemExit, match=f"^{line}$"):
            main([str(path)])
    assert os.listdir(tmp_path) == ["small.ipynb"]
