"""The bar that says how far a loop is: seen while it runs, and nowhere afterwards."""

import os
import sys

from tqdm import tqdm

TERMINAL = "PROGRESS_TERMINAL"  # the variable that tells a kernel where its runner's bars go


class OwnOutput:
    """A file for tqdm in a notebook: an output of its own, which shows the line written last.

    What the cell prints stays. (A stream would keep a blank line, on red where it is stderr; and a
    bar within a bar would leave all its lines there.)
    """

    encoding = "utf-8"
    shown = None

    def write(self, text):
        """Show a line in the place of the one before."""
        from IPython.display import display

        if text.startswith("\r"):  # anything else moves between the lines of a terminal
            line = text.strip()
            data = {"text/plain": line} if line else {}  # without data, Jupyter shows nothing
            if self.shown is None:
                self.shown = display(data, raw=True, display_id=True)
            else:
                self.shown.update(data, raw=True)

    def flush(self):
        """Nothing is held back."""


def progress(iterable, **options):
    """Return tqdm's bar over an iterable; tqdm's options, such as desc, total and unit, say more.

    It shows in a notebook that a person runs, in the terminal of support.notebooks, and in a
    Python that has one; nowhere else: not in a worker process, a pipe or a file.
    """
    file, ipython = sys.stderr, sys.modules.get("IPython")
    if hasattr(ipython and ipython.get_ipython(), "kernel"):
        terminal = os.environ.get(TERMINAL)
        file = open(terminal, "w", encoding="utf-8") if terminal else OwnOutput()
    # None: hidden where `file` is no terminal
    return tqdm(iterable, file=file, disable=None, leave=False, dynamic_ncols=True, **options)
