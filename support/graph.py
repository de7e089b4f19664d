"""A small net as a picture: values and gradients at its wires, step by step, and shapes that fit.

Values are blue and stand above the wires, gradients are yellow and stand below them.
"""

from typing import NamedTuple

from support.figures import BLACK, BLUE, GRAY, WIDTH, YELLOW

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

MOST = dict(layers=3, units=4, samples=4)  # more do not fit on a page at 8 points
RED, BROWN = "#c00000", "#855a00"  # a wrong gradient; yellow, dark enough for small type
TINTS = {BLUE: "#d9eaf6", YELLOW: "#fcebc5", RED: "#ffe3e0", GRAY: "#eeeeee"}
DARK_TINTS = {BLUE: "#8fc1e3", YELLOW: "#f3c050"}
FADED = 0.22
PAGE = 72 * WIDTH  # lengths are points, on a page as wide as a printed one
CHARACTER, LINE, PAD = 4.82, 10, 3  # one character, one line of 8-point type; a box's margin
GATE, WIRE, GAP, HEAD = 13, 8, 10, 34  # half a gate; wire to numbers; between bands; the title
WHOLE = "Values go forward, gradients come back"
LOSS = "sum of\n(a-y)²"
EQUATIONS = {
    1: "(1) at the output: dL_da = 2 (a - y)",
    2: "(2) through the activation function: dL_dz = dL_da * f'(z)",
    3: "(3) to weights and biases: dL_dw = dL_dz.T @ a, dL_db = dL_dz.sum(0)",
    4: "(4) to the layer below: dL_da = dL_dz @ W",
}


class Step(NamedTuple):
    """One step of the pass: the gate where it happens, the names that it reads and makes."""

    equation: int  # 0 in the forward pass
    gate: str
    title: str
    read: set
    made: set


class Block(NamedTuple):
    """A tensor as it is drawn."""

    name: str
    text: str
    label: str
    color: str

    @property
    def width(self):
        return max(_size(self.text)[0], _size(self.label)[0])

    @property
    def height(self):
        return _size(self.text)[1] + _size(self.label)[1]


class Part(NamedTuple):
    """A gate, or a wire, which says nothing; columns of blocks above it and below it."""

    says: str
    columns: tuple

    @property
    def width(self):
        blocks = [block for side in self.columns for column in side for block in column]
        return _size(self.says)[0] if self.says else max(block.width for block in blocks) + 6

    def reach(self, side):
        """How far the columns above (side 0) or below (side 1) reach."""
        return max((sum(block.height for block in c) for c in self.columns[side]), default=0)


def draw_pass(model, y_true, lit=None):
    """The net of the last forward pass as a graph: values above, gradients below; a figure.

    y_true: (N, n_L) or (N, 1). Gradients at the wires are autograd's. dL_dw and dL_db are the
    model's own: where they differ from autograd's they are red, with the right ones below.
    lit: the number of an equation, 1 to 4, or several; the rest is faded.
    RuntimeError without a forward pass; ValueError for a net or batch that is too large (MOST),
    targets of another shape, parameters that changed since the forward pass, another `lit`.
    """
    picture = _Picture(model, y_true)
    if lit is None:
        return picture.draw(WHOLE)
    lit = [lit] if isinstance(lit, int) else list(lit)
    if not lit or not set(lit) <= set(EQUATIONS):
        raise ValueError(f"lit names equations, 1 to 4, one or several; given: {lit!r}")
    now = [step for step in picture.steps if step.equation in lit]
    title = EQUATIONS[lit[0]] if len(lit) == 1 else f"Equations {', '.join(map(str, lit))}"
    return picture.draw(title, now)


def pass_frames(model, y_true):
    """The same graph step by step, forward and then back: a list of figures of one size."""
    picture = _Picture(model, y_true)
    shown = {"a[0]", "y"} | {f"{p}{i}" for p in "Wb" for i in range(1, model.L + 1)}
    frames = [picture.draw("Given: input, targets, weights and biases", shown=shown)]
    for step in picture.steps:
        shown = shown | step.made
        frames.append(picture.draw(step.title, [step], shown))
    return [*frames, picture.draw(WHOLE)]


def draw_shapes(samples=6, inputs=2, units=3):
    """The three matrix products of a layer as rectangles to scale that fit; a figure.

    The right factor stands above the result, the left one beside it. ValueError for a size
    that is not a whole number from 2 to 6.
    """
    sizes = {"N": samples, "in": inputs, "out": units}
    if not all(isinstance(size, int) and 2 <= size <= 6 for size in sizes.values()):
        raise ValueError(
            f"sizes are whole numbers from 2 to 6, so that all is seen; given: {sizes}"
        )
    names = {"N": "N", "in": "$n_{l-1}$", "out": "$n_l$"}
    products = [  # name, rows, columns, color: left factor, right factor, result
        [("a", "N", "in", BLUE), ("W.T", "in", "out", BLUE), ("z", "N", "out", BLUE)],
        [("dL_dz.T", "out", "N", YELLOW), ("a", "N", "in", BLUE), ("dL_dw", "out", "in", YELLOW)],
        [("dL_dz", "N", "out", YELLOW), ("W", "out", "in", BLUE), ("dL_da", "N", "in", YELLOW)],
    ]
    return names, products


def _linear(i):
    return f"@ W{i}.T\n+ b{i}"


def _steps(depth):
    """All steps of a net of `depth` layers, forward and then backward."""
    steps, ends = [], {f"a[{depth}]", "y"}
    for i in range(1, depth + 1):
        read, title = {f"a[{i - 1}]", f"W{i}", f"b{i}"}, f"Layer {i}, forward: "
        steps.append(Step(0, _linear(i), title + "z = a @ W.T + b", read, {f"z[{i}]"}))
        steps.append(Step(0, f"f[{i}]", title + "a = f(z)", {f"z[{i}]"}, {f"a[{i}]"}))
    steps.append(Step(0, LOSS, "Forward: the loss is the sum of (a - y)²", ends, {"loss"}))
    steps.append(Step(1, LOSS, f"Backward, {EQUATIONS[1]}", ends, {f"dL_da[{depth}]"}))
    for i in range(depth, 0, -1):
        dz, made = {f"dL_dz[{i}]"}, {f"dL_dw[{i}]", f"dL_db[{i}]"}
        title = {no: f"Layer {i}, {equation}" for no, equation in EQUATIONS.items()}
        steps.append(Step(2, f"f[{i}]", title[2], {f"dL_da[{i}]", f"z[{i}]"}, dz))
        steps.append(Step(3, _linear(i), title[3], dz | {f"a[{i - 1}]"}, made))
        if i > 1:
            steps.append(Step(4, _linear(i), title[4], dz | {f"W{i}"}, {f"dL_da[{i - 1}]"}))
    return steps


def _agree(found, right):
    """Equal up to rounding in the precision of `right`; NaN agrees with NaN alone."""
    if not isinstance(found, torch.Tensor) or found.shape != right.shape:
        return False
    tolerance = torch.finfo(right.dtype).eps ** 0.5
    finite = right[right.isfinite()].abs()
    scale = finite.max().item() if finite.numel() else 0.0
    close = torch.isclose(found.to(right), right, tolerance, tolerance * scale, equal_nan=True)
    return bool(close.all())


def _autograd(model, y_true):
    """The loss, and autograd's gradients by name; on copies, so that the model stays as it is."""
    tensors, a = {}, model.a[0].detach()
    with torch.enable_grad():
        for i in range(1, model.L + 1):
            layer = model.fc[str(i)]
            W, b = (p.detach().clone().requires_grad_() for p in (layer.weight, layer.bias))
            z = torch.nn.functional.linear(a, W, b)
            a = model.f[i](z)
            if not _agree(model.a[i].detach(), a.detach()):
                raise ValueError(f"the net no longer gives this a[{i}]: call model(x) once more")
            tensors |= {f"dL_dw[{i}]": W, f"dL_db[{i}]": b, f"dL_dz[{i}]": z, f"dL_da[{i}]": a}
        loss = ((a - y_true) ** 2).sum()
        found = torch.autograd.grad(loss, list(tensors.values()), materialize_grads=True)
    return loss.detach(), dict(zip(tensors, found, strict=True))


def _checked(model, y_true):
    """The targets as the loss uses them: (N, n_L); see draw_pass for the errors."""
    if model.a.get(model.L) is None:
        raise RuntimeError("no forward pass yet: call model(x) before it is drawn")
    a = model.a[model.L].detach()
    given = dict(layers=model.L, units=max(model.n_l), samples=len(a))
    if any(given[what] > MOST[what] for what in MOST):
        given, most = (
            ", ".join(f"{sizes[what]} {what}" for what in MOST) for sizes in (given, MOST)
        )
        raise ValueError(f"a graph of {given} a layer cannot be read; drawn are at most {most}")
    if y_true.shape not in (a.shape, (len(a), 1)):
        raise ValueError(
            f"y_true has shape {tuple(y_true.shape)}, the net's output {tuple(a.shape)}"
        )
    return y_true.detach().to(a).expand_as(a)


def _number(value):
    """A number in at most six characters: whole, or with as many digits as fit."""
    texts = [f"{value:.0f}"] if float(value).is_integer() else []
    texts += [f"{value:.{digits}g}" for digits in (3, 2, 1)]
    return next((text for text in texts if len(text) <= 6), f"{value:.0e}")


def _matrix(tensor):
    """A tensor's numbers as text: a line for each sample or unit, in columns."""
    rows = tensor.detach().reshape(-1, tensor.shape[-1] if tensor.ndim else 1).tolist()
    rows = [[_number(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[t.rjust(w) for t, w in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(" ".join(line) for line in lines)


def _size(text):
    """Width and height of a box around a text."""
    lines = text.split("\n")
    return CHARACTER * max(map(len, lines)) + 2 * PAD, LINE * len(lines) + PAD


def _judged(name, found, right):
    """A parameter's gradient as the model has it; below it the right one, if it is another."""
    if found is None:
        return [Block(name, "None", name, GRAY)]
    same_shape = isinstance(found, torch.Tensor) and found.shape == right.shape
    other = str(tuple(found.shape)) if isinstance(found, torch.Tensor) else type(found).__name__
    text = _matrix(found) if same_shape else other
    if _agree(found, right):
        return [Block(name, text, name, YELLOW)]
    return [Block(name, text, name, RED), Block(name, _matrix(right), "by autograd", YELLOW)]


def _layers(model, y_true):
    """The graph from left to right: wires and gates of each layer, those of the loss at the end."""
    loss, right = _autograd(model, y_true)

    def value(name, tensor, space=" "):
        label = f"{'x = ' if name == 'a[0]' else ''}{name}{space}{tuple(tensor.shape)}"
        return [Block(name, _matrix(tensor), label, BLUE)]

    def wire(kind, i, tensor):
        name = f"dL_d{kind}[{i}]"
        below = [[Block(name, _matrix(right[name]), name[:5], YELLOW)]] if i else []
        return Part("", ([value(f"{kind}[{i}]", tensor, "\n")], below))

    layers = []
    for i in range(1, model.L + 1):
        layer = model.fc[str(i)]
        found = {f"{kind}[{i}]": getattr(model, kind, {}).get(i) for kind in ("dL_dw", "dL_db")}
        below = [_judged(name, gradient, right[name]) for name, gradient in found.items()]
        above = [value(f"W{i}", layer.weight), value(f"b{i}", layer.bias)]
        gates = Part(_linear(i), (above, below)), Part(f"f[{i}]", ([], []))
        layers.append(
            [wire("a", i - 1, model.a[i - 1]), gates[0], wire("z", i, model.z[i]), gates[1]]
        )
    ends = Part(LOSS, ([value("y", y_true)], [])), Part("", ([value("loss", loss, "\n")], []))
    return [*layers, [wire("a", model.L, model.a[model.L]), *ends]]


class _Picture:
    """The graph of one net and batch, and where its parts stand; `draw` makes a figure of it."""

    def __init__(self, model, y_true):
        layers, self.steps, self.rows = (
            _layers(model, _checked(model, y_true)),
            _steps(model.L),
            [[]],
        )
        for layer in layers:  # as many a row as fit
            if sum(part.width for part in self.rows[-1] + layer) > PAGE - 16:
                self.rows.append([])
            self.rows[-1] += layer
        parts = [part for row in self.rows for part in row]
        blocks = [block for part in parts for side in part.columns for c in side for block in c]
        self.names = {block.name for block in blocks}
        self.wrong = any(block.color == RED for block in blocks)
        wires = [max(part.reach(side) for part in parts if not part.says) for side in (0, 1)]
        gates = [max(part.reach(side) for part in parts if part.says) for side in (0, 1)]
        self.bands = [WIRE + reach + GAP for reach in wires]  # from a wire to the parameters
        self.ends = [band + reach for band, reach in zip(self.bands, gates, strict=True)]

    def draw(self, title, now=None, shown=None):
        """A figure. now: the steps whose parts are lit; shown: the names that are there yet."""
        self.now = self.steps if now is None else now
        self.shown = self.names if shown is None else shown
        self.made = set().union(*(step.made for step in now or []))
        self.lit = self.names if now is None else self.made.union(*(step.read for step in now))
        row_height = sum(self.ends) + GAP
        height = len(self.rows) * row_height + HEAD
        figure = plt.figure(figsize=(WIDTH, height / 72), layout="none")
        self.ax = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(0, height))
        self.ax.axis("off")
        heading = dict(family="sans-serif", ha="left")
        self.text(4, height - 9, title, fontsize=9, gid="title", **heading)
        self.text(4, height - 23, "above: values, one sample a row", color=BLUE, **heading)
        self.text(150, height - 23, "below: gradients of the loss", color=BROWN, **heading)
        if self.wrong:
            self.text(280, height - 23, "red: not what autograd finds", color=RED, **heading)
        end, y = None, height - HEAD - self.ends[0]
        for row in self.rows:
            start, last = self.row(row, y)
            if end is not None:
                self.link(end, y + row_height, start, y, row[0])
            end, y = last, y - row_height
        return figure

    def strength(self, names):
        """How strong the parts of these names are drawn: the strongest of them."""
        return 0 if not names & self.shown else 1 if names & self.shown & self.lit else FADED

    def text(self, x, y, text, alpha=1, **style):
        style = dict(fontsize=8, family="monospace", ha="center", va="center") | style
        if alpha:
            self.ax.text(x, y, text, alpha=alpha, linespacing=1.15, **style)

    def arrow(self, start, end, color, alpha):
        style = dict(arrowstyle="-|>", shrinkA=0, shrinkB=0, mutation_scale=8, linewidth=1.2)
        if alpha:
            self.ax.annotate("", end, start, arrowprops=style | dict(color=color, alpha=alpha))

    def column(self, x, y, up, column):
        """Blocks one after the other, up (1) or down (-1) from y; how strong they are drawn."""
        for block in column:
            alpha, color = self.strength({block.name}), block.color
            (width, height), label = _size(block.text), _size(block.label)[1]
            edge = color if color == RED or block.name in self.made else "none"
            style = dict(facecolor=TINTS[color], edgecolor=edge, linewidth=1.2, alpha=alpha)
            if alpha:
                corner = x - width / 2, min(y, y + up * height)
                self.ax.add_patch(Rectangle(corner, width, height, **style))
            ink, text_ink = RED if color == RED else BLACK, BLUE if color == BLUE else BROWN
            self.text(x, y + up * height / 2, block.text, alpha, color=ink, gid=block.name)
            y += up * (height + label)
            self.text(x, y - up * label / 2, block.label, alpha, color=text_ink)

    def row(self, row, y):
        """One row, its wires stretched a little where there is room; where it begins and ends."""
        spare, wires = PAGE - sum(part.width for part in row), sum(not part.says for part in row)
        stretch = min((spare - 16) / wires, 24)
        start = x = (spare - stretch * wires) / 2
        self.taken = [0, 0]  # how far the bands above and below are in use
        for part in row:
            right = x + part.width + (0 if part.says else stretch)
            (self.gate if part.says else self.wire)(part, x, right, y)
            x = right
        return start, x

    def wire(self, part, left, right, y):
        ends = [(left, y + 3), (right, y + 3)], [(right, y - 3), (left, y - 3)]
        for side, up, color in ((0, 1, BLUE), (1, -1, YELLOW)):
            for column in part.columns[side]:
                alpha = self.strength({column[0].name}) or (FADED if side == 0 else 0)
                self.arrow(*ends[side], color, alpha)
                self.column((left + right) / 2, y + up * WIRE, up, column)

    def link(self, end, above, start, y, wire):
        """From the end of a row to the wire that begins the next one, and back."""
        middle = above - self.ends[1] - GAP / 2
        for side, up, out, color in ((0, 3, 12, BLUE), (1, -3, 6, YELLOW)):
            alpha = self.strength({wire.columns[side][0][0].name}) or (FADED if side == 0 else 0)
            left = start - 6 * side
            xs = [end, end + out, end + out, left, left, start]
            ys = [above + up, above + up, middle - up, middle - up, y + up, y + up]
            self.ax.plot(xs, ys, color=color, alpha=alpha, linewidth=1.2)
        self.arrow((end + 6, above - 3), (end, above - 3), YELLOW, alpha)

    def gate(self, part, left, right, y):
        x, lit = (left + right) / 2, any(step.gate == part.says for step in self.now)
        style = dict(facecolor="white", edgecolor=BLACK if lit else "#bbbbbb", zorder=3)
        self.ax.add_patch(Rectangle((left, y - GATE), right - left, 2 * GATE, **style))
        self.text(x, y, part.says, color=BLACK if lit else GRAY, zorder=4)
        for side, up, color in ((0, 1, BLUE), (1, -1, YELLOW)):
            columns, band = part.columns[side], y + up * self.bands[side]
            self.band(columns, x, band, side, up)
            ends = (x, band - 2 * up), (x, y + up * GATE)
            alpha = self.strength({column[0].name for column in columns})
            self.arrow(*ends[::up], color, alpha)
        for step in self.steps:
            if step.gate == part.says and step.equation and step.made <= self.shown:
                alpha = 1 if step in self.now else FADED
                across, down = {3: (11, 16), 4: (-11, 7)}.get(step.equation, (0, 7))
                self.text(x + across, y - GATE - down, f"({step.equation})", alpha, weight="bold")

    def band(self, columns, x, y, side, up):
        """The columns of a gate's parameters beside each other, at x where there is room."""
        widths = [max(block.width for block in column) + 6 for column in columns]
        left = max(self.taken[side], min(x - sum(widths) / 2, PAGE - sum(widths)))
        for column, width in zip(columns, widths, strict=True):
            self.column(left + width / 2, y, up, column)
            left += width
        self.taken[side] = left
