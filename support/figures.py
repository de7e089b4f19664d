"""One visual grammar for figures and tables: colors, markers, sizes on paper, saving.

Colors mean parts of the data, or instances, or classes, each the same everywhere; one picture uses
one of these meanings. Type is 8 points or more at printed size. Lines carry their names.
"""

import base64
import io

from support import files

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

# The palette of Okabe and Ito, which color-blind readers can tell apart; drawn in this order.
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
SKY_BLUE, YELLOW, BLACK, GRAY = "#56b4e9", "#e69f00", "#000000", "#767676"
PALETTE = [BLUE, ORANGE, GREEN, PURPLE, SKY_BLUE, YELLOW, BLACK]
PART_STYLES = {  # a part of the data, everywhere
    "training": dict(color=BLUE, marker="s", linestyle="--"),
    "validation": dict(color=ORANGE, marker="o", linestyle="-"),
    "test": dict(color=GREEN, marker="^", linestyle=":"),
}
_COLORS = [SKY_BLUE, ORANGE, BLUE, GREEN, PURPLE, YELLOW, BLACK, GRAY, BLUE, GRAY, BLACK]
INSTANCE_STYLES = {  # an instance, by its number, everywhere; where colors repeat, markers differ
    no: dict(color=color, marker=marker, linestyle="-" if no < 9 else "--")
    for no, (color, marker) in enumerate(zip(_COLORS, "osv^DPX<>*h", strict=True), 1)
}
CLASS_COLORS = (SKY_BLUE, YELLOW)
PERCENT = "{x:.0%}"  # for ax.yaxis.set_major_formatter: an axis of fractions reads in percent
POWERS = "{x:.0e}"  # for a logarithmic axis: 1e-08, since a raised exponent is below 8 points
WIDTH = 6.5  # inches between the margins of a printed page: figures are drawn at that size
matplotlib.rcdefaults()  # a person's own settings change no saved figure
matplotlib.rc("figure", figsize=(WIDTH, 3.2), titlesize=9)
matplotlib.rc("figure.constrained_layout", use=True)
matplotlib.rc("font", size=9)  # points on paper; no type is smaller than 8
matplotlib.rc("axes", titlesize=9, labelsize=9, prop_cycle=matplotlib.cycler(color=PALETTE))
matplotlib.rc("axes.spines", top=False, right=False)
matplotlib.rc("legend", fontsize=8, frameon=False)
matplotlib.rc(("xtick", "ytick"), labelsize=8)


def instance_style(no):
    """The color, marker and line style of instance `no`; a number beyond the eleventh repeats."""
    return INSTANCE_STYLES[(no - 1) % len(INSTANCE_STYLES) + 1]


def instance_name(no, learning_rate, momentum=0.0, weight_decay=0.0):
    """What an instance is: "No 4: rate 0.01, momentum 0.9". Switches of 0 are left out."""
    switches = {"rate": learning_rate, "momentum": momentum, "decay": weight_decay}
    told = [f"{name} {value:g}" for name, value in switches.items() if value or name == "rate"]
    return f"No {no}: {', '.join(told)}"


def curves(ax, lines, styles=None, **axes):
    """Draw one line a name, over 1, 2, 3, ..., and write the name at its right end.

    lines: {name: values}; styles: {name: arguments of ax.plot}; axes: arguments of ax.set.
    """
    for name, values in lines.items():
        style = {"markersize": 3} | (styles or {}).get(name, {})
        ax.plot(range(1, len(values) + 1), values, label=name, **style)
    ax.set(**axes)
    ax.xaxis.get_major_locator().set_params(integer=True)
    name_lines(ax)


def name_lines(ax, gap=9.5):
    """Write each labelled line's name at its right end, `gap` points or more apart."""
    named = [line for line in ax.lines if not line.get_label().startswith("_")]
    ends = [(line, line.get_xdata()[-1], line.get_ydata()[-1]) for line in named]
    ends = [end for end in ends if np.isfinite(end[2])]
    ax.figure.canvas.draw()  # the layout is final only now
    points_a_pixel = 72 / ax.figure.dpi
    height = {line: ax.transData.transform((x, y))[1] * points_a_pixel for line, x, y in ends}
    at = float("-inf")
    for line, x, y in sorted(ends, key=lambda end: height[end[0]]):
        at = max(height[line], at + gap)
        ax.annotate(
            line.get_label(), (x, y), (6, at - height[line]), textcoords="offset points",
            color=line.get_color(), fontsize=8, va="center", annotation_clip=False,
        )  # fmt: skip


def show_image(ax, image, title="", **style):
    """Show one image, X: (3, H, W) in [-1, 1], without axes and frame."""
    ax.imshow((image.permute(1, 2, 0).numpy() + 1) / 2)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontsize=8, **style)


def table(rows, heads=()):
    """Print rows of texts and numbers in columns; the first column is flush left, others right."""
    cells = [[str(cell) for cell in row] for row in ([heads] if heads else []) + list(rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for first, *others in cells:
        aligned = (text.rjust(width) for text, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *aligned]).rstrip())


def png_of(figure):
    """The figure as PNG bytes, at 200 dots an inch."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=200)
    return png.getvalue()


def show_figure(figure, alt=None, png=None):
    """Show a figure in the notebook, and close it; it is not saved.

    alt: what the picture shows, in words, for those who cannot see it; kept with the notebook's
    output.
    """
    from IPython import get_ipython
    from IPython.display import display

    if get_ipython() is not None:
        shown = {"width": round(120 * figure.get_figwidth())} | ({"alt": alt} if alt else {})
        image = base64.b64encode(png or png_of(figure)).decode()
        data = {"image/png": image, "text/plain": alt or "a figure"}
        display(data, raw=True, metadata={"image/png": shown})
    plt.close(figure)  # it is shown once, not again at the end of the cell


def save_figure(figure, name, alt=None):
    """Save a figure as figures/<name>.png, show it in the notebook, and close it.

    alt: as for show_figure. A figure whose images are not the real ones is marked.
    """
    if files.RUN_MODE == "stand-in":
        figure.text(0.5, 0.5, "stand-in images", fontsize=40, color="gray", alpha=0.4, ha="center")
    png = png_of(figure)
    files.write_whole(files.OUTPUT / "figures" / f"{name}.png", png)
    show_figure(figure, alt, png)


def save_animation(figures, name, milliseconds=800):
    """Save figures of one size as the frames of figures/<name>.gif; the last one stays longest.

    The same figures give the same bytes. A still picture is saved beside it by save_figure.
    """
    from PIL import Image

    frames = []
    for figure in figures:
        figure.savefig(frame := io.BytesIO(), format="png", dpi=120)
        frames.append(np.asarray(Image.open(frame).convert("RGB")))
        plt.close(figure)
    # One palette for all: what does not change from frame to frame is written once.
    every = Image.fromarray(np.concatenate(frames))
    palette = every.quantize(64, method=Image.Quantize.MAXCOVERAGE, kmeans=1)
    frames = [
        Image.fromarray(f).quantize(palette=palette, dither=Image.Dither.NONE) for f in frames
    ]
    gif = io.BytesIO()
    durations = [milliseconds] * (len(frames) - 1) + [3 * milliseconds]
    frames[0].save(
        gif, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0,
    )  # fmt: skip
    files.write_whole(files.OUTPUT / "figures" / f"{name}.gif", gif.getvalue())
