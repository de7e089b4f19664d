"""The progress bar: seen while its loop runs, and nowhere afterwards."""

import os
import re
import sys
import threading

from support import ROOT
from support.notebooks import execute
from support.progress import progress

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.notebooks import outputs_of, small_notebook

LOOP = f"""
import sys, time
sys.path.insert(0, {str(ROOT)!r})
from support.progress import progress
print("before")
bar = progress(range(7), unit="epoch", desc="No 4, by hand, 7 of 22")
for i in bar:
    for _ in progress(range(2), unit="task"):
        time.sleep(0.06)
    bar.set_postfix(loss=i)
print("after")
"""
SHOWN = r"No 4, by hand, 7 of 22: +\d+%\|.*\| 3/7 \[00:0\d<00:0\d, .*epoch/s, loss=\d\]"


def test_bars_are_for_people(capfd):
    """No bar where nobody looks: not in a worker process, not in a test."""
    assert list(progress(range(3), unit="epoch")) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


class PersonsClient(NotebookClient):
    """Executes a notebook as JupyterLab does, and keeps what each output showed on the way."""

    shown = ()

    def process_message(self, msg, cell, cell_index):
        self.shown += tuple(msg["content"].get("data", {}).values())
        return super().process_message(msg, cell, cell_index)


def test_a_persons_cell_keeps_what_it_printed_and_nothing_to_be_seen(tmp_path):
    """Each bar is an output of its own, updated in its place, and empty at the end."""
    client = PersonsClient(nbformat.read(small_notebook(tmp_path, LOOP), as_version=4))
    client.execute()
    outputs = client.nb.cells[0].outputs
    printed = [output.text for output in outputs if output.output_type == "stream"]
    assert "".join(printed) == "before\nafter\n" and printed[-1] == "after\n"
    bars = [output for output in outputs if output.output_type != "stream"]
    assert len(bars) == 1 + 7 and not any(bar.data for bar in bars)
    assert any(re.fullmatch(SHOWN, text) for text in client.shown), client.shown


def test_a_run_leaves_what_was_printed_and_no_output_of_a_bar(tmp_path, capfd):
    """Nor does a bar, or one of its updates, go to a file or a pipe."""
    path = small_notebook(tmp_path, LOOP)
    execute(path)
    assert [output.text for output in outputs_of(path)] == ["before\nafter\n"]
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_a_bar_in_a_terminal_says_what_runs_and_the_time_left(tmp_path, monkeypatch):
    import termios

    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 120))
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
    updates = re.split("[\r\n]", seen.decode())
    assert any(re.fullmatch(SHOWN, update.strip()) for update in updates), updates
    assert updates[-1] == "\x1b[KEND", "the last update leaves an empty line"
