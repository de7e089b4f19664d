"""Runs that cannot go on: interrupted, the disk full, the notebook edited or damaged meanwhile."""

import math
import os
import re
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import support.files
from support import ROOT
from support.definitions import load_definitions
from support.files import save_json, write_whole
from support.notebooks import execute, main

import pytest

from tests.helpers.notebooks import outputs_of, small_notebook, stopped

unix = pytest.mark.skipif(os.name == "nt", reason="Windows sends no such signals")
INTERRUPTED = f"""
import os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(ROOT)!r})
from support.files import write_whole
Path("pid").write_text(str(os.getpid()))

def stop_here(source, target):
    os.kill(os.getppid(), signal.SIGINT)
    time.sleep(60)

os.replace = stop_here
write_whole("numbers.json", "{{}}")
"""


@unix
def test_interrupted_run_says_where_in_one_line(tmp_path, capfd):
    """The kernel is stopped while it writes a file, and sends the signal itself."""
    path = small_notebook(tmp_path, INTERRUPTED, heading="## Task 8: `train`")
    before = path.read_bytes()
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert stop.value.code == 128 + signal.SIGINT
    message = f"{path}: interrupted in Task 8: train (cell 2); the notebook was left as it was\n"
    assert capfd.readouterr().err == message
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert path.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["pid", "small.ipynb"], "no .part"


@unix
@pytest.mark.fault
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_from_outside(number, tmp_path):
    """The command itself, in its own process; with workers that are in the midst of a task."""
    source = (
        "import time, joblib\nprint(open('started', 'w').write('yes'))\n"
        "joblib.Parallel(n_jobs=2)(joblib.delayed(time.sleep)(60) for _ in range(2))"
    )
    path = small_notebook(tmp_path, source, heading="## Task 8")
    command, pipe = [sys.executable, "-m", "support.notebooks", str(path)], subprocess.PIPE
    run = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
    assert f"{path.name}  Task 8" in run.stdout.readline()
    run.send_signal(number)
    _, errors = run.communicate(timeout=30)
    assert run.returncode == 128 + number
    assert errors == f"{path}: interrupted in Task 8 (cell 2); the notebook was left as it was\n"


def test_notebook_edited_while_it_runs_is_kept(tmp_path):
    """The executed one is put beside it, under a name that no file has."""
    path = small_notebook(tmp_path, "print(open('small.ipynb', 'a').write(' '))")
    before = path.read_bytes()
    for count in (1, 2):
        with pytest.raises(SystemExit, match=r"changed while .*small\..+\.executed\.ipynb$"):
            main([str(path)])
        assert path.read_bytes() == before + count * b" "
        executed = list(tmp_path.glob("small.*.executed.ipynb"))
        assert [outputs_of(name)[0].text for name in executed] == count * ["1\n"]


def test_a_save_while_the_runner_writes_is_kept(tmp_path, monkeypatch):
    """The person's file is compared last, when the new one lies ready beside it."""
    path, write = small_notebook(tmp_path, "x = 1"), Path.write_bytes

    def write_slowly(part, content):
        if not path.read_text().endswith("saved"):
            path.write_text("saved")
        return write(part, content)

    monkeypatch.setattr(Path, "write_bytes", write_slowly)
    with pytest.raises(SystemExit, match=r"changed while .*small\..+\.executed\.ipynb$"):
        main([str(path)])
    (executed,) = tmp_path.glob("small.*.executed.ipynb")
    assert path.read_text() == "saved" and '"x = 1"' in executed.read_text()
    assert len(os.listdir(tmp_path)) == 2, "no .part"


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_are_followed_modes_are_kept_and_read_only_is_refused(tmp_path):
    """The kernel works where the link is, as JupyterLab's does."""
    (tmp_path / "store").mkdir()
    (tmp_path / "here").mkdir()
    real = small_notebook(tmp_path / "store", "import os\nprint(os.listdir())")
    link = tmp_path / "here" / "link.ipynb"
    link.symlink_to("../store/small.ipynb")
    real.chmod(0o664)
    main([str(link)])
    assert link.is_symlink() and outputs_of(real)[0].text == "['link.ipynb']\n"
    assert real.stat().st_mode & 0o777 == 0o664
    real.chmod(0o444)
    assert "it is read-only" in stopped(link) and real.stat().st_mode & 0o777 == 0o444
    with pytest.raises(PermissionError, match="small.ipynb"):
        write_whole(link, "")
    link.unlink()
    link.symlink_to("../store/new")
    write_whole(link, "x")
    (tmp_path / "plain").write_text("x")
    modes = [(tmp_path / name).stat().st_mode for name in ("store/new", "plain")]
    assert link.is_symlink() and modes[0] == modes[1]


def test_many_write_one_file_at_once(tmp_path):
    """Two containers may have the same process number, as two threads have."""
    path = tmp_path / "numbers"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: write_whole(path, str(i % 10) * 100_000), range(200)))
    assert len(path.read_text()) == 100_000 and os.listdir(tmp_path) == ["numbers"]


def refusal(path):
    """The one line that the runner says of a notebook, and the loader; they run nothing."""
    said = stopped(path)
    with pytest.raises(ValueError) as error:
        load_definitions(path)
    assert str(error.value) == str(path) + said and said.startswith(": ") and "\n" not in said
    return said.removeprefix(": ")


@pytest.mark.parametrize(
    "source, words",
    [
        ("x = 1\ny = = 2", "line 2: invalid syntax: y = = 2"),
        ("x = 1\n<<<<<<< HEAD\ny = 2\n=======", "line 2: invalid syntax: <<<<<<< HEAD"),
        ("x = 1\n\nreturn x", "line 3: 'return' outside function: return x"),
        ("x = 1\ny = (1 +", "line 2: '(' was never closed: y = (1 +"),
        ("x = 1\nif x:", "line 2: expected an indented block"),
        ("def f(:\n    pass", "line 1: invalid syntax: def f(:"),
        ("if True:\n  x = 1\n y = 2", "line 3: unindent does not match any outer indentation"),
    ],
)
def test_syntax_error_is_named_before_anything_runs(tmp_path, source, words):
    sources = ("open('ran', 'w')", source, "%matplotlib inline\n!ls")
    for heading, place in ((None, "cell 2"), ("## Task 8", "Task 8 (cell 3)")):
        said = refusal(small_notebook(tmp_path, *sources, heading=heading))
        assert said.startswith(f"{place}, {words}")


def test_damaged_notebook_is_named_in_one_line(tmp_path):
    path = small_notebook(tmp_path, "x = 1", "x = 2")
    whole = path.read_bytes()
    for content, words in (
        (b"{\n<<<<<<< HEAD\n" + whole[1:], "line 2: a conflict marker of git; resolve it first"),
        (b"", "the file is empty"),
        (whole[: len(whole) // 2], r"line \d\d: no notebook, or cut short: ."),
        (b"\xff\xfe\x00", "line 1: no notebook, or cut short: ."),
        (b'{"results": []}', "no notebook: it has no cells"),
        (b"[1]", "no notebook: it has no cells"),
        (b'{"cells": null}', "no notebook: it has no cells"),
        (b'{"cells": [null]}', "no notebook: cell 1 has no cell_type"),
        (whole.replace(b'"metadata": {},', b"", 1), "no notebook: cell 1 has no metadata"),
        (whole.replace(b'"x = 2"', b"null"), "no notebook: cell 2 has no source"),
        (whole.replace(b'[\n    "x = 2"\n   ]', b"[1]"), "no notebook: cell 2 has no source"),
    ):
        path.write_bytes(content)
        assert re.match(words, refusal(path))


def test_a_file_is_written_whole_or_not_at_all(monkeypatch, tmp_path):
    """Whatever breaks off, the file before stays and no part of the new one; the reason is told."""
    monkeypatch.setattr(support.files, "OUTPUT", tmp_path)
    path = tmp_path / "results" / "numbers.json"
    save_json("numbers", {"x": 1})
    write_whole(tmp_path / "text", "ä")
    assert (tmp_path / "text").read_bytes() == "ä".encode()

    def break_off(source, target):
        raise KeyboardInterrupt

    with pytest.raises(ValueError):
        save_json("numbers", {"x": math.nan})
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", break_off)
        save_json("numbers", {"x": 2})
    assert path.read_bytes() == b'{\n "x": 1\n}\n' and os.listdir(path.parent) == [path.name]
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match=r"numbers\.json"):
        save_json("numbers", {"x": 2})
    assert os.listdir(path.parent) == [path.name]


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
def test_full_disk_is_named(small_disk):
    """In a cell that saves a file, then when the executed notebook itself is saved."""
    with pytest.raises(OSError, match="No space left on device"):
        write_whole(small_disk / "x", bytes(100_000))
    assert os.listdir(small_disk) == []
    save = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom support.files import write_whole\n"
    for source in (save + "write_whole('x', bytes(100_000))", "print('x\\n' * 50_000)"):
        said = stopped(small_notebook(small_disk, source))
        assert "No space left on device" in said and len(said.splitlines()) <= 22
        assert os.listdir(small_disk) == ["small.ipynb"]


@pytest.mark.fault
def test_dead_kernel_is_named(tmp_path):
    said = stopped(small_notebook(tmp_path, "import os\nos._exit(1)"))
    assert said == ": the kernel died in cell 1; the notebook was left as it was"


@pytest.mark.fault
def test_executing_elsewhere_is_no_edit(tmp_path):
    path = small_notebook(tmp_path, "open('small.ipynb', 'a').write(' ')")
    execute(path, tmp_path / "build" / "small.ipynb")
    assert sorted(os.listdir(tmp_path)) == ["build", "small.ipynb"]
