"""The environment that make makes: completed where it lacks something, and never emptied."""

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile

from support import ROOT
from support.pins import missing

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")


def write_wheel(folder, version):
    """A wheel of the package `tiny`, with its metadata alone; its path."""
    info = f"tiny-{version}.dist-info"
    files = {
        "METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": f"{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    path = folder / f"tiny-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(f"{info}/{name}", text)
    return path


def new_environment(path, version=None):
    """An environment without pip, so that an attempt to install something in it fails."""
    venv.create(path, symlinks=os.name != "nt")
    (path / "mine").write_text("mine")
    if version:
        (packages,) = path.rglob("site-packages")
        zipfile.ZipFile(write_wheel(path.parent, version)).extractall(packages)
    return path


def files_of(folder):
    return sorted(str(p) for p in folder.rglob("*") if "__pycache__" not in p.parts)


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A tree of the Makefile and what `make setup` needs, where `tiny` is pinned."""
    for name in ("Makefile", "support/__init__.py", "support/pins.py"):
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "tree" / name)
    (tmp_path / "tree" / "requirements.txt").write_text("# one\ntiny==1.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    for name in ("PYTHONSAFEPATH", "PYTHONOPTIMIZE"):  # a person's own
        monkeypatch.setenv(name, "1")
    for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # of the make that runs these tests
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "tree"


def make_setup(tree, python=sys.executable):
    command = ["make", "setup", f"PYTHON={python}"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True)


def test_environment_with_the_pins_is_used_as_it_is(tree):
    """One made by README's plain commands; then requirements.txt is touched, then commented."""
    new_environment(tree / ".venv", "1.0+cpu")
    before = files_of(tree / ".venv")
    for text in ("# one\ntiny==1.0\n", "# one\ntiny==1.0\n", "tiny==1.0  # two\n"):
        (tree / "requirements.txt").write_text(text)
        done = make_setup(tree)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert (tree / ".venv" / "requirements.txt").read_text() == text
        assert files_of(tree / ".venv") == sorted([*before, str(tree / ".venv/requirements.txt")])


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_link_is_used_or_refused_and_its_target_stays(tree, tmp_path):
    target = new_environment(tmp_path / "elsewhere", "0.9")
    (tree / ".venv").symlink_to(target)
    before = files_of(target)
    done = make_setup(tree)
    assert done.returncode != 0 and done.stdout == ""
    assert done.stderr.startswith("tiny is 0.9, not 1.0\n.venv is a link to an environment without")
    assert "rm .venv" in done.stderr and "pip install -r requirements.txt" in done.stderr
    assert files_of(target) == before
    (tree / "requirements.txt").write_text("tiny==0.9")
    done = make_setup(tree)
    assert (done.returncode, done.stderr) == (0, "") and files_of(target) == before
    (tree / ".venv").unlink()
    (tree / ".venv").symlink_to(tmp_path / "nothing")
    done = make_setup(tree)
    assert done.returncode != 0 and ".venv is a link" in done.stderr
    assert not (tmp_path / "nothing").exists()


@pytest.mark.skipif(os.name == "nt", reason="a script in the place of Python")
def test_a_python_in_a_folder_with_a_space_is_run(tree, tmp_path):
    (tmp_path / "a (b)").mkdir()
    python = tmp_path / "a (b)" / "python3"
    python.write_text("#!/bin/sh\necho run with $1\nexit 3\n")
    python.chmod(0o755)
    assert make_setup(tree, python).stdout == "run with -c\n"


def test_a_file_that_hides_a_module_is_named_first(tree):
    new_environment(tree / ".venv", "1.0")
    (tree / "email.py").touch()
    done = make_setup(tree)
    line, _ = done.stderr.splitlines()
    assert line.endswith("email.py hides Python's module email: rename this file")
    assert done.stdout == ""


def test_help_lists_every_command():
    text = (ROOT / "Makefile").read_text()
    command = ["make", "--no-print-directory", "help"]
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    targets = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split()
    expected = {*targets, "experiments/luck"} - {"$(EXPERIMENTS)"}
    assert {line.split()[1] for line in out.splitlines()} == expected


def test_pins_are_read_strictly(tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("# words\n\npytest==0.1 # old\nno-such-package==2.0\n")
    old = f"pytest is {pytest.__version__}, not 0.1"
    assert missing(path) == [old, "no-such-package is missing, not 2.0"]
    path.write_text("pytest>=9\n")
    with pytest.raises(ValueError, match="'pytest>=9' is no pin; expected name==version"):
        missing(path)
    assert missing(ROOT / "requirements.txt") == []


@pytest.mark.fault
def test_environment_is_made_then_completed(tree, tmp_path):
    """First there is none, then one that was broken off before pip, then other pins."""
    new_environment(tree / ".venv")
    for version in ("1.0", "2.0"):
        write_wheel(tmp_path, version)
        (tree / "requirements.txt").write_text(f"tiny=={version}\n")
        done = make_setup(tree)
        assert done.returncode == 0, done.stderr
        assert (tree / ".venv" / "mine").read_text() == "mine", "nothing is removed"
        (metadata,) = (tree / ".venv").rglob("tiny-*.dist-info")
        assert metadata.name == f"tiny-{version}.dist-info"
    shutil.rmtree(tree / ".venv")
    assert make_setup(tree).returncode == 0
    assert list((tree / ".venv").rglob("tiny-2.0.dist-info"))
