"""The progress bar: seen while its loop runs, and nowhere afterwards."""

import os
import sys
import threading

import nbformat
import pytest
from tests_running import small_notebook

from support import ROOT
from support.notebooks import execute
from support.saving import ProgressBar

LOOP = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from support.saving import ProgressBar
print("before")
bar = ProgressBar(range(7), unit="epoch", desc="No 4, by hand, 7 of 22")
for i in bar:
    time.sleep(0.11)
    bar.set_postfix(loss=i)
print("after")
"""


def test_progress_bars_are_for_people(capfd):
    """No bar where nobody looks: not in a worker process, not in a test."""
    assert list(ProgressBar(range(3), unit="epoch")) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def outputs_of(path):
    (cell,) = nbformat.read(path, as_version=4).cells
    return [(output.output_type, output.get("text")) for output in cell.outputs]


def test_bar_leaves_what_was_printed_and_nothing_else(tmp_path, capfd):
    """Not in the saved notebook; and none of its updates in a file or a pipe."""
    path = small_notebook(tmp_path, LOOP)
    execute(path)
    assert outputs_of(path) == [("stream", "before\nafter\n")]
    assert capfd.readouterr().err == ""


@pytest.mark.fault
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_bar_in_a_terminal_says_what_runs_and_the_time_left(tmp_path, monkeypatch):
    master, slave = os.openpty()
    seen = bytearray()

    def read():
        while chunk := os.read(master, 1000):
            seen.extend(chunk)
            if b"END" in seen:
                return

    reader = threading.Thread(target=read)
    reader.start()
    with open(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        execute(small_notebook(tmp_path, LOOP))
        terminal.write("END")
        terminal.flush()
        reader.join()
    os.close(master)
    updates = seen.decode().split("\r\x1b[K")
    assert any("No 4, by hand, 7 of 22" in u and "3/7 [00:00<00:00" in u for u in updates), updates
    assert "loss=3" in seen.decode()
    assert updates[-1] == "END", "the last update leaves an empty line"
