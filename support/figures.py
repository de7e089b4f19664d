"""One visual grammar for all figures: the palette, sizes on paper, how a figure is saved."""

import base64
import io

from support import files

import matplotlib
import matplotlib.pyplot

# The palette of Okabe and Ito, which color-blind readers can tell apart; drawn in this order.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY_BLUE, YELLOW, BLACK, GRAY = "#56b4e9", "#e69f00", "#000000", "#767676"
PALETTE = [BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, YELLOW, BLACK]
PART_COLORS = {"training": BLUE, "validation": ORANGE, "test": GREEN}
PERCENT = "{x:.0%}"  # for ax.yaxis.set_major_formatter: an axis of fractions reads in percent
WIDTH = 6.5  # inches between the margins of a printed page: figures are drawn at that size
matplotlib.rcdefaults()  # a person's own settings change no saved figure
matplotlib.rc("figure", figsize=(WIDTH, 3.2), titlesize=10)
matplotlib.rc("figure.constrained_layout", use=True)
matplotlib.rc("font", size=9)  # points on paper; no type is smaller than 8
matplotlib.rc("axes", titlesize=9, labelsize=9, prop_cycle=matplotlib.cycler(color=PALETTE))
matplotlib.rc("axes.spines", top=False, right=False)
matplotlib.rc("legend", fontsize=8)
matplotlib.rc(("xtick", "ytick"), labelsize=8)


def save_figure(figure, name, alt=None):
    """Save a figure as figures/<name>.png, show it in the notebook, and close it.

    alt: what the picture shows, in words, for those who cannot see it; kept with the notebook's
    output. A figure whose images are not the real ones is marked.
    """
    from IPython import get_ipython
    from IPython.display import display

    if files.RUN_MODE == "stand-in":
        figure.text(0.5, 0.5, "stand-in images", fontsize=40, color="gray", alpha=0.4, ha="center")
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200)
    files.write_whole(files.OUTPUT / "figures" / f"{name}.png", png.getvalue())
    if get_ipython() is not None:
        shown = {"width": round(120 * figure.get_figwidth())} | ({"alt": alt} if alt else {})
        text = alt or f"figures/{name}.png"
        data = {"image/png": base64.b64encode(png.getvalue()).decode(), "text/plain": text}
        display(data, raw=True, metadata={"image/png": shown})
    matplotlib.pyplot.close(figure)  # it is shown once, not again at the end of the cell
