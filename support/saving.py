"""What a run leaves behind: files written whole, strict JSON, figures, and where they come from."""

import base64
import contextlib
import hashlib
import io
import json
import os
import platform
import sys
from pathlib import Path

import matplotlib.pyplot
import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display
from tqdm import tqdm

from support import ROOT

# The palette of Okabe and Ito, which color-blind readers can tell apart; drawn in this order.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY_BLUE, YELLOW, BLACK, GRAY = "#56b4e9", "#e69f00", "#000000", "#767676"
PALETTE = [BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, YELLOW, BLACK]
PART_COLORS = {"training": BLUE, "validation": ORANGE, "test": GREEN}
PERCENT = "{x:.0%}"  # for ax.yaxis.set_major_formatter: an axis of fractions reads in percent
WIDTH = 6.5  # inches between the margins of a printed page: figures are drawn at that size
matplotlib.rcdefaults()  # a person's own settings change no saved figure
matplotlib.rcParams.update(
    {
        "figure.figsize": (WIDTH, 3.2),
        "figure.constrained_layout.use": True,
        "figure.titlesize": 10,
        "font.size": 9,  # points on paper; no type is smaller than 8
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "legend.fontsize": 8,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
)
MODES = ("full", "quick", "stand-in")


def run_mode():
    """The environment's RUN_MODE: full, quick (short trainings) or stand-in (and no real images).

    Raises ValueError for any other.
    """
    mode = os.environ.get("RUN_MODE", "full")
    if mode not in MODES:
        raise ValueError(f"RUN_MODE is {mode!r}; choose one of {', '.join(MODES)}")
    return mode


RUN_MODE = run_mode()
OUTPUT = ROOT if RUN_MODE == "full" else ROOT / "build" / RUN_MODE  # short runs overwrite nothing


def write_whole(path, write):
    """Call write(temporary path), then put the file it wrote in the place of `path`.

    If that fails, or is interrupted, the temporary file is removed and the error raised.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise


def save_json(name, results):
    """Save results/<name>.json as strict JSON, which knows no NaN (ValueError)."""
    text = json.dumps(results, indent=1, allow_nan=False) + "\n"
    write_whole(OUTPUT / "results" / f"{name}.json", lambda temporary: temporary.write_text(text))


def save_figure(figure, name, alt=None):
    """Save a figure as figures/<name>.png, show it in the notebook, and close it.

    alt: what the picture shows, in words, for those who cannot see it; kept with the notebook's
    output. A figure whose images are not the real ones is marked.
    """
    if RUN_MODE == "stand-in":
        figure.text(0.5, 0.5, "stand-in images", fontsize=40, color="gray", alpha=0.4, ha="center")
    path = OUTPUT / "figures" / f"{name}.png"
    write_whole(path, lambda temporary: figure.savefig(temporary, format="png", dpi=200))
    if get_ipython() is not None:
        png = base64.b64encode(path.read_bytes()).decode()
        shown = {"width": round(120 * figure.get_figwidth())} | ({"alt": alt} if alt else {})
        data = {"image/png": png, "text/plain": alt or f"figures/{name}.png"}
        display(data, raw=True, metadata={"image/png": shown})
    matplotlib.pyplot.close(figure)  # it is shown once, not again at the end of the cell


def rounding_digest(device):
    """Return a digest of some products' bits: another one where a processor adds otherwise."""
    x = torch.linspace(-1, 1, 256 * 3072, dtype=torch.double, device=device).reshape(256, 3072)
    products = (torch.tanh(x @ x.T), x[:, :512].T @ x)
    return hashlib.sha256(b"".join(p.cpu().numpy().tobytes() for p in products)).hexdigest()[:8]


def environment(device, dtype):
    """Return what the digits of a run depend on besides the code: versions, processor, threads."""
    import torchvision  # here, since it takes half a second that loading definitions need not wait

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": np.__version__,
        "device": str(device),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "rounding": rounding_digest(device),
        "threads": torch.get_num_threads(),
        "dtype": str(dtype),
    }


PROGRESS = {"progress_bar": True}  # marks a bar's output for those who execute the notebook


class ProgressBar(tqdm):
    """tqdm's bar, in a notebook or a terminal alone; nothing of it is left when its loop is done.

    In a notebook it is an output of its own, updated in its place and emptied at the end: what the
    cell prints stays. `desc` says what runs, as in ProgressBar(epochs, desc="No 4, 7 of 22").
    """

    def __init__(self, *arguments, **options):
        self.in_notebook = hasattr(get_ipython(), "kernel")
        self.shown = None
        hidden = not (self.in_notebook or sys.stderr.isatty())
        if self.in_notebook:  # `display` shows it; a file that is no terminal: a width of its own
            options |= {"file": io.StringIO(), "ascii": False}
        super().__init__(*arguments, leave=False, disable=hidden, **options)

    def display(self, msg=None, pos=None):
        """Show the bar, or `msg` in its place."""
        if not self.in_notebook:
            return super().display(msg, pos)
        text = str(self) if msg is None else msg
        show = display if self.shown is None else self.shown.update
        options = {"display_id": True} if self.shown is None else {}
        data = {"text/plain": text} if text else {}  # without data, Jupyter shows not even a line
        self.shown = show(data, raw=True, metadata=PROGRESS, **options) or self.shown
        return False  # nothing was written to `file`
