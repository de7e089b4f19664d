"""What a person has set, or has lying about, changes no result and no verdict, or is named."""

import ast
import os
import shutil
import subprocess
import sys

import support.notebooks
from support import ROOT
from support.notebooks import execute

import pytest

from tests.helpers.notebooks import outputs_of, small_notebook, stopped
from tests.helpers.processes import run_python

DRAW = """
import os
import sys
import matplotlib.pyplot as plt
figure, ax = plt.subplots(figsize=(2, 1))
ax.set_title("text")
figure.savefig("figure.png")
print([name for name in ("startup", "console") if name in globals()], os.environ["RUN_MODE"])
print(__debug__, sys.executable)
print("a fault", file=sys.stderr)
"""
RC = "backend: svg\nfigure.dpi: 33\nsavefig.dpi: 44\nfont.size: 20\nsavefig.bbox: tight\n"
PERSONAL = {  # files of a person's settings
    "settings/profile_default/startup/first.py": "startup = 1",
    "settings/profile_default/ipython_kernel_config.py": """
c = get_config()
c.InlineBackend.figure_formats = {"svg"}
c.InlineBackend.rc = {"figure.dpi": 55}
c.IPKernelApp.exec_lines = ["startup = 1"]
c.InteractiveShell.ast_node_interactivity = "all"
""",
    "settings/console.py": "console = 1",
    "settings/kernels/python3/kernel.json": '{"argv": ["/another/python"], "display_name": "P"}',
    "settings/matplotlibrc": RC,
    "matplotlibrc": RC,
}


def test_a_second_run_saves_the_same_bytes_whatever_a_person_has_set(tmp_path, monkeypatch, capfd):
    """A backend, a matplotlibrc, an IPython profile, a file for the console, another environment's
    kernel, a Python without assert; and no times.

    What a cell writes to stderr is shown, and stays in the saved notebook, as a fault.
    """
    path = small_notebook(tmp_path, DRAW)
    execute(path)
    saved = path.read_bytes(), (tmp_path / "figure.png").read_bytes()
    assert b"image/png" in saved[0]
    streams = {output.name: output.text for output in outputs_of(path) if "text" in output}
    assert streams == {"stdout": f"[] full\nTrue {sys.executable}\n", "stderr": "a fault\n"}
    assert capfd.readouterr().err == "a fault\n"
    for name, text in PERSONAL.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for name in ("MATPLOTLIBRC", "IPYTHONDIR", "JUPYTER_PATH"):
        monkeypatch.setenv(name, str(tmp_path / "settings"))
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "settings" / "console.py"))
    execute(path)
    assert (path.read_bytes(), (tmp_path / "figure.png").read_bytes()) == saved


@pytest.mark.skipif(os.name == "nt", reason="a script in the place of Python")
@pytest.mark.parametrize("there, reason", [(False, "No such file"), (True, "Kernel died")])
def test_a_kernel_that_does_not_start_is_one_line(tmp_path, monkeypatch, there, reason):
    """It names the specification and the interpreter; nbclient logs more for itself."""
    python = tmp_path / "python"
    if there:
        python.write_text("#!/bin/sh\nexit 3\n")
        python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    said = stopped(small_notebook(tmp_path, "x = 1"))
    start = ": no kernel started from ipykernel's own specification python3 with"
    assert said.startswith(f"{start} {python} (") and reason in said and "\n" not in said


def in_a_process(*arguments, **more):
    """The exit status of Python, its stdout, and the last line of its stderr."""
    done = run_python(*arguments, **more)
    return done.returncode, done.stdout, done.stderr.rstrip("\n").rpartition("\n")[2]


@pytest.mark.fault
def test_where_asserts_are_removed_tests_and_notebooks_refuse(tmp_path, monkeypatch):
    line = "PYTHONOPTIMIZE or -O removes each assert: the tests would check nothing. Unset it."
    assert in_a_process("-m", "pytest", "tests/tests_mynet.py", PYTHONOPTIMIZE="1")[2] == line
    monkeypatch.setattr(support.notebooks, "PERSONAL", ())  # as in JupyterLab
    monkeypatch.setenv("PYTHONOPTIMIZE", "1")
    source = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nimport support"
    last = stopped(small_notebook(tmp_path, source)).splitlines()[-1]
    assert last.startswith("ImportError: PYTHONOPTIMIZE removes each assert")


def test_no_verdict_rests_on_an_assert():
    for path in (*ROOT.glob("checks/*.py"), *ROOT.glob("support/*.py")):
        kinds = {type(node) for node in ast.walk(ast.parse(path.read_text("utf-8")))}
        assert ast.Assert not in kinds, path


@pytest.mark.parametrize("name", ["email", "torch", "random"])
def test_a_file_that_hides_a_module_is_named(tmp_path, name):
    (tmp_path / f"{name}.py").write_text("1 / 0")
    code, settings = "import support", {"folder": tmp_path, "PYTHONPATH": str(ROOT)}
    line = f"{tmp_path}/{name}.py hides Python's module {name}: rename this file"
    assert in_a_process("-c", code, **settings) == (1, "", line)
    assert in_a_process("-P", "-c", code, **settings) == (0, "", "")


@pytest.mark.fault
@pytest.mark.parametrize(
    "name, options",
    [("notebooks", []), ("notebooks", ["-h"]), ("report", ["-h"]), ("exercise", ["-h"])],
)
def test_help_and_a_command_without_a_notebook_write_nothing(name, options):
    def times():
        documents = [ROOT / document for document in ("report.md", "report.pdf", "README.md")]
        return (ROOT / "exercise").exists(), [path.stat().st_mtime_ns for path in documents]

    before = times()
    status, out, error = in_a_process("-m", f"support.{name}", *options)
    if options:
        assert status == 0 and out.startswith(f"usage: python -m support.{name}")
    else:
        assert status == 2 and error.endswith("arguments are required: notebook.ipynb")
    assert times() == before


@pytest.mark.parametrize("outside", [False, pytest.param(True, marks=pytest.mark.fault)])
def test_unknown_run_mode_is_refused_in_one_line(outside, tmp_path, monkeypatch):
    """Before anything runs; from outside, even before support.files can be imported."""
    monkeypatch.setenv("RUN_MODE", "fulll")
    path = small_notebook(tmp_path, "open('ran', 'w')")
    line = "RUN_MODE is 'fulll'; choose one of full, quick, stand-in"
    if outside:
        assert in_a_process("-m", "support.notebooks", str(path)) == (1, "", line)
        assert os.listdir(tmp_path) == ["small.ipynb"]
    else:
        assert stopped(path) == line


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git")
def test_a_clone_has_the_same_bytes_on_windows(tmp_path):
    """Where git changes the ends of lines, by a setting or by default."""
    kept = [".gitattributes", "Makefile", ".ci/run", "report.md", "report.pdf", "results/luck.json"]
    for name in kept:
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "from" / name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a", "-c", "core.autocrlf=true"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"]):
        subprocess.run([*git, *command], cwd=tmp_path / "from", check=True, capture_output=True)
    subprocess.run([*git, "clone", "-q", "from", "to"], cwd=tmp_path, check=True)
    for name in kept:
        assert (tmp_path / "to" / name).read_bytes() == (ROOT / name).read_bytes(), name
