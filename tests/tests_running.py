"""Executing notebooks: what is shown on the way, what is saved, and what a failure leaves."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor

import support.notebooks
import support.report
from support import ROOT
from support.notebooks import execute, main
from support.progress import progress

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers.notebooks import outputs_of, small_notebook, stopped

SHOW_MODE = "import os\nprint(os.environ['RUN_MODE'])\n"


def test_a_failing_or_missing_notebook_is_named_and_left_as_it_was(tmp_path):
    source = "x = 1\n" * 20 + "print('seen')\njson = __import__('json')\njson.loads('{')"
    message = stopped(small_notebook(tmp_path, source, heading="## Task 8"))
    first, printed, *others = message.splitlines()
    assert (first, printed) == (" stopped in Task 8 (cell 2) and was left as it was:", "seen")
    assert "JSONDecodeError" in others[-1] and len(others) < 19 and "\x1b" not in message
    assert any("json.loads('{')" in line for line in others)
    with pytest.raises(SystemExit, match=r"nothing\.ipynb: there is no such notebook"):
        main([str(tmp_path / "nothing.ipynb")])


def test_running_part_is_named_by_its_heading(tmp_path, capfd):
    """Once for all cells of a section; a comment in code is no heading.

    Definitions that need the notebook's work do not keep it from running, on the real images.
    """
    text = nbformat.v4.new_markdown_cell
    first, second = "# Title\n\nWords.\n\n## 1. The `first` part", "## 2. The second\n\nWords."
    code = [f"{SHOW_MODE}work = [1, 2]\nBEST = max(work)", "AGAIN = max(work)", "# no"]
    cells = (text(first), *code, text(second), "x = 3", text("More."), "x = 4")
    path = small_notebook(tmp_path, *cells)
    main([str(path)])
    assert capfd.readouterr().out.splitlines() == [
        "small.ipynb  1. The first part  cell 2/8",
        "small.ipynb  2. The second  cell 6/8",
        f"small.ipynb: done, saved as {path}",
    ]
    assert outputs_of(path)[0].text == "full\n"


def test_a_document_that_had_to_stay_makes_the_status_1(tmp_path, monkeypatch):
    path = small_notebook(tmp_path, "print(1)")
    monkeypatch.setattr(support.notebooks, "ROOT", tmp_path)
    monkeypatch.setattr(support.report, "write_all", lambda: ["report.md"])
    with pytest.raises(SystemExit, match="saved, but report.md had to stay as before"):
        main([str(path)])
    assert outputs_of(path)[0].text == "1\n"


def test_without_images_a_short_run_says_so(tmp_path):
    missing = "def load_mnist():\n    raise FileNotFoundError('no images')\n"
    main([str(small_notebook(tmp_path, missing + SHOW_MODE))])
    banner, output = outputs_of(tmp_path / "build" / "stand-in" / "small.ipynb")
    assert banner.text.startswith("STAND-IN IMAGES") and output.text == "stand-in\n"
    assert os.environ["RUN_MODE"] == "full", "the mode is the kernel's alone"


# --- the progress bar: seen while its loop runs, and nowhere afterwards

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
    path = small_notebook(tmp_path, LOOP)
    execute(path)
    assert [output.text for output in outputs_of(path)] == ["before\nafter\n"]
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_a_bar_in_a_terminal_says_what_runs_and_the_time_left(tmp_path, monkeypatch):
    import termios

    master, slave = os.openpty()
    termios.tcsetwinsize(slave, (24, 120))

    def read(seen=b""):
        while not seen.endswith(b"END"):
            seen += os.read(master, 1000)
        return re.split("[\r\n]", seen.decode())

    with open(slave, "w") as terminal, ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        monkeypatch.setattr(sys, "stderr", terminal)
        execute(small_notebook(tmp_path, LOOP))
        print("END", file=terminal, end="", flush=True)
    os.close(master)
    updates = reading.result()
    assert any(re.fullmatch(SHOWN, update.strip()) for update in updates), updates
    assert updates[-1] == "\x1b[KEND", "the last update leaves an empty line"
