"""The matrix products of a layer as rectangles that fit: which edge is summed over."""

from support.figures import BLACK, BLUE, WIDTH, YELLOW
from support.graph import PAGE, TINTS

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle

CELL, GAP, HEIGHT = 11, 12, 234  # points: an entry, the distance of rectangles, the figure
DARK = {BLUE: "#8fc1e3", YELLOW: "#f3c050"}
SIZES = {"N": 6, "n_{l-1}": 3, "n_l": 4}  # three that differ
VALUES, GRADIENTS = (BLUE, BLUE, BLUE), (YELLOW, BLUE, YELLOW)  # left factor, right one, result
PRODUCTS = [  # formula, rows of the left factor, the common edge, columns of the right factor
    ("forward: z = a @ W.T", ("N", "n_{l-1}", "n_l"), VALUES),
    ("(3) weights: dL_dw = dL_dz.T @ a", ("n_l", "N", "n_{l-1}"), GRADIENTS),
    ("(4) layer below: dL_da = dL_dz @ W", ("N", "n_l", "n_{l-1}"), GRADIENTS),
]


def draw_shapes():
    """The matrix products of one layer, forward and backward, for a batch; a figure.

    The left factor stands beside the result, the right one above it, all to scale.
    """
    figure = plt.figure(figsize=(WIDTH, HEIGHT / 72), layout="none")
    ax = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(0, HEIGHT))
    ax.axis("off")
    title = "The sum of a matrix product runs along two equal edges, drawn thick"
    key = "blue: values, yellow: gradients; dark: one entry of the result, and what it is made of"
    ax.text(4, HEIGHT - 9, title, va="center")
    ax.text(4, HEIGHT - 23, key, va="center", fontsize=8)
    for no, product in enumerate(PRODUCTS):
        _draw_product(ax, PAGE / 6 * (2 * no + 1), *product)
    return figure


def _draw_product(ax, middle, formula, edges, colors):
    """One product, its formula centered at `middle`."""
    rows, inner, columns = (CELL * SIZES[edge] for edge in edges)
    left, y = middle - (inner + GAP + columns) / 2, 18 + CELL * max(SIZES.values())
    x, above = left + inner + GAP, y + GAP  # the result's upper left corner is (x, y)
    boxes = [  # left, bottom, width, height, and the same of the dark part
        ((left, y - rows, inner, rows), (left, y - 2 * CELL, inner, CELL)),
        ((x, above, columns, inner), (x + CELL, above, CELL, inner)),
        ((x, y - rows, columns, rows), (x + CELL, y - 2 * CELL, CELL, CELL)),
    ]
    for (box, dark), color in zip(boxes, colors, strict=True):
        for (at, bottom, width, height), tint in ((box, TINTS[color]), (dark, DARK[color])):
            ax.add_patch(Rectangle((at, bottom), width, height, facecolor=tint))
        at, bottom, width, height = box
        for step in range(CELL, width, CELL):
            ax.vlines(at + step, bottom, bottom + height, "white", linewidth=0.8)
        for step in range(CELL, height, CELL):
            ax.hlines(bottom + step, at, at + width, "white", linewidth=0.8)
    thick = dict(color=BLACK, linewidth=2, solid_capstyle="butt")
    ax.plot([left, left + inner], [y, y], **thick)
    ax.plot([x, x], [above, above + inner], **thick)
    result, _, first, _, second = formula.split(": ")[1].split()
    texts = [
        (left - 5, y - rows / 2, f"${edges[0]}$", "right"),
        (left + inner / 2, y + 8, f"${edges[1]}$", "center"),
        (x - 5, above + inner / 2, f"${edges[1]}$", "right"),
        (x + columns / 2, above + inner + 8, f"${edges[2]}$", "center"),
        (left + inner / 2, y - rows - 9, first, "center"),
        (x + columns + 5, above + inner / 2, second, "left"),
        (x + columns / 2, y - rows - 9, result, "center"),
        (middle, HEIGHT - 45, formula.replace(": ", "\n"), "center"),
    ]
    for at, height, text, ha in texts:  # an index is 0.7 times as large as its letter
        style = dict(fontsize=11.5) if "$" in text else dict(fontsize=8, family="monospace")
        ax.text(at, height, text, ha=ha, va="center", **style)
