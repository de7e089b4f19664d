"""A small net as a picture: values and gradients at its wires, all at once or step by step.

Values are blue and stand above the wires, gradients are yellow and stand below them.
"""

from typing import NamedTuple

from support.figures import BLACK, BLUE, GRAY, WIDTH, YELLOW

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

MOST = dict(layers=3, units=4, samples=3)  # more do not fit at 8 points
RED, BROWN = "#c00000", "#855a00"  # a wrong gradient; yellow, dark enough for small type
TINTS = {BLUE: "#d9eaf6", YELLOW: "#fcebc5", RED: "#ffe3e0", GRAY: "#eeeeee"}
FADED = 0.28
PAGE = 72 * WIDTH  # lengths are points, on a page as wide as a printed one
CHARACTER, LINE, PAD = 4.82, 10, 3  # one character, one line of 8-point type; a box's margin
GATE, WIRE, GAP = 13, 8, 9  # half a gate; wire to numbers; between bands
HEAD, FOOT = 32, 8  # the title above; the key below
SIDES = ((0, 1, BLUE), (1, -1, YELLOW))  # above and below a wire: number, direction, color
WHOLE = "Values go forward, gradients come back"
KEY = "(1) loss   (2) activation   (3) weights and biases   (4) layer below"
EQUATIONS = {
    1: "(1) at the output: dL_da = 2 (a - y)",
    2: "(2) through the activation function: dL_dz = dL_da * f'(z)",
    3: "(3) to weights and biases: dL_dw = dL_dz.T @ a, dL_db = dL_dz.sum(0)",
    4: "(4) to the layer below: dL_da = dL_dz @ W",
}
NUMBER_AT = {1: 0, 2: 0, 3: 10, 4: -10}  # to the right of the middle of the gate


class Step(NamedTuple):
    """One step of the pass: the names of what it reads and what it makes."""

    equation: int  # 0 in the forward pass
    layer: int
    gate: str  # "linear", "f" or "loss"
    title: str
    read: set
    made: set


class Block(NamedTuple):
    """A tensor's numbers and its label as they are drawn."""

    name: str
    text: str
    label: str
    color: str


class Part(NamedTuple):
    """A gate, or a wire, which says nothing; columns of blocks above it and below it."""

    gate: str
    layer: int
    says: str
    columns: tuple


def draw_pass(model, y_true, lit=None, layer=None):
    """The net of the last forward pass as a graph: values above, gradients below; a figure.

    y_true: (N, n_L) or (N, 1). Gradients at the wires are autograd's. dL_dw and dL_db are the
    model's own: where they differ from autograd's they are red, with the right ones below.
    lit: the number of an equation, 1 to 4; the rest is faded. With `layer`, only this layer's part
    is lit, and what comes after it in the pass is not there yet.
    RuntimeError without a forward pass; ValueError for a net or batch that is too large (MOST),
    targets of another shape, parameters that changed since the forward pass, another `lit`.
    """
    picture = _Picture(model, y_true)
    if lit is None and layer is None:
        return picture.draw(WHOLE)
    now = [step for step in picture.steps if step.equation == lit in EQUATIONS]
    now = [step for step in now if layer in (None, step.layer)]
    if not now:
        what = "lit is 1, 2, 3 or 4, layer a layer where that equation acts"
        raise ValueError(f"{what}; given: lit={lit!r}, layer={layer!r}")
    if layer is None:
        return picture.draw(EQUATIONS[lit], now)
    past = picture.steps[: picture.steps.index(now[-1]) + 1]
    return picture.draw(now[-1].title, now, picture.given.union(*(step.made for step in past)))


def pass_frames(model, y_true):
    """The same graph step by step, forward and then back: a list of figures of one size."""
    picture = _Picture(model, y_true)
    shown = picture.given
    frames = [picture.draw("Given: input, targets, weights and biases", shown=shown)]
    for step in picture.steps:
        shown = shown | step.made
        frames.append(picture.draw(step.title, [step], shown))
    return [*frames, picture.draw(WHOLE)]


def _steps(depth):
    """All steps of a net of `depth` layers, forward and then backward."""
    steps, ends = [], {f"a[{depth}]", "y"}
    for i in range(1, depth + 1):
        read, z, a = {f"a[{i - 1}]", f"W{i}", f"b{i}"}, {f"z[{i}]"}, {f"a[{i}]"}
        steps.append(Step(0, i, "linear", f"Forward, layer {i}: z = a @ W.T + b", read, z))
        steps.append(Step(0, i, "f", f"Forward, layer {i}: a = f(z)", z, a))
    steps.append(Step(0, depth, "loss", "Forward: the loss, sum of (a - y)²", ends, {"loss"}))
    for i in range(depth, 0, -1):
        title = {no: f"Backward, layer {i}, {text}" for no, text in EQUATIONS.items()}
        da, dz, parameters = {f"dL_da[{i}]"}, {f"dL_dz[{i}]"}, {f"dL_dw[{i}]", f"dL_db[{i}]"}
        if i == depth:
            steps.append(Step(1, i, "loss", title[1], ends, da))
        steps.append(Step(2, i, "f", title[2], da | {f"z[{i}]"}, dz))
        steps.append(Step(3, i, "linear", title[3], dz | {f"a[{i - 1}]"}, parameters))
        if i > 1:
            steps.append(Step(4, i, "linear", title[4], dz | {f"W{i}"}, {f"dL_da[{i - 1}]"}))
    return steps


def _checked(model, y_true):
    """The targets as the loss uses them, (N, n_L); see draw_pass for the errors."""
    if model.a.get(model.L) is None:
        raise RuntimeError("no forward pass yet: call model(x) before it is drawn")
    a = model.a[model.L].detach()
    given = dict(layers=model.L, units=max(model.n_l), samples=len(a))
    if any(given[what] > most for what, most in MOST.items()):
        sizes = ", ".join(f"{given[what]} {what} (at most {MOST[what]})" for what in MOST)
        raise ValueError(f"this net and batch are too large for a graph that is read: {sizes}")
    if y_true.shape not in (a.shape, (len(a), 1)):
        raise ValueError(f"y_true has shape {tuple(y_true.shape)}, the output {tuple(a.shape)}")
    return y_true.detach().to(a).expand_as(a)


def _agree(found, right):
    """Equal up to rounding in the precision of `right`; NaN agrees with NaN alone."""
    if not isinstance(found, torch.Tensor) or found.shape != right.shape:
        return False
    tolerance = torch.finfo(right.dtype).eps ** 0.5
    scale = right.nan_to_num(0, 0, 0).abs().max().item()
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


def _number(value):
    """A number in at most six characters: whole, or with as many digits as fit."""
    most = 6 if float(value).is_integer() else 3
    texts = [f"{value + 0.0:.{digits}g}" for digits in (most, 3, 2, 1)]  # + 0.0: no "-0"
    return next((text for text in texts if len(text) <= 6), f"{value:.0e}")


def _matrix(tensor):
    """A tensor's numbers as text: a line for each sample or unit, in columns."""
    rows = tensor.detach().reshape(-1, tensor.shape[-1] if tensor.ndim else 1).tolist()
    rows = [[_number(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [[t.rjust(w) for t, w in zip(row, widths, strict=True)] for row in rows]
    return "\n".join(" ".join(line) for line in lines)


def _judged(name, found, right):
    """A parameter's gradient as the model has it; below it the right one, if it is another."""
    if found is None:
        return [Block(name, "None", name, GRAY)]
    if _agree(found, right):
        return [Block(name, _matrix(found), name, YELLOW)]
    text = str(tuple(found.shape)) if isinstance(found, torch.Tensor) else type(found).__name__
    text = _matrix(found) if text == str(tuple(right.shape)) else text
    return [Block(name, text, name, RED), Block(name, _matrix(right), "by autograd", YELLOW)]


def _layers(model, y_true):
    """The graph from left to right: wires and gates of each layer, those of the loss at the end."""
    loss, right = _autograd(model, y_true)

    def value(name, tensor, space=" "):
        label = f"{name}{space}{tuple(tensor.shape)}"
        return [Block(name, _matrix(tensor), f"x = {label}" if name == "a[0]" else label, BLUE)]

    def wire(kind, i, tensors):
        name = f"dL_d{kind}[{i}]"
        below = [[Block(name, _matrix(right[name]), name, YELLOW)]] if i else []
        return Part("", i, "", ([value(f"{kind}[{i}]", tensors[i], "\n")], below))

    layers, last = [], model.L
    for i in range(1, last + 1):
        above = [value(f"W{i}", model.fc[str(i)].weight), value(f"b{i}", model.fc[str(i)].bias)]
        found = {f"{kind}[{i}]": getattr(model, kind, {}).get(i) for kind in ("dL_dw", "dL_db")}
        below = [_judged(name, gradient, right[name]) for name, gradient in found.items()]
        linear = Part("linear", i, f"@ W{i}.T\n+ b{i}", (above, below))
        f = Part("f", i, _called(model.f[i], i), ([], []))
        layers.append([wire("a", i - 1, model.a), linear, wire("z", i, model.z), f])
    error = Part("loss", last, "sum of\n(a-y)²", ([value("y", y_true)], []))
    end = Part("", 0, "", ([value("loss", loss, "\n")], []))
    return [*layers, [wire("a", last, model.a), error, end]]


def _called(f, i):
    """What the gate of an activation function says: its name, too, if it has a short one."""
    name = getattr(f, "__name__", "")
    return f"f[{i}]:\n{name}" if name.isidentifier() and len(name) <= 10 else f"f[{i}]"


def _size(*texts):
    """Width and height of boxes around texts, one box above the other."""
    lines = [text.split("\n") for text in texts]
    width = CHARACTER * max(len(line) for text in lines for line in text) + 2 * PAD
    return width, sum(LINE * len(text) + PAD for text in lines)


def _column_size(column):
    return _size(*(text for block in column for text in (block.text, block.label)))


def _part_width(part):
    """A gate is as wide as its text, a wire as wide as the numbers and labels at it."""
    if part.gate:
        return _size(part.says)[0]
    blocks = [block for column in sum(part.columns, []) for block in column]
    return max(max(_size(b.text)[0] + 6, _size(b.label)[0] - PAD) for b in blocks)


class _Picture:
    """The graph of one net and batch; `draw` makes a figure of it. Lengths are points."""

    def __init__(self, model, y_true):
        layers = _layers(model, _checked(model, y_true))
        parts, self.steps, self.rows = sum(layers, []), _steps(model.L), [[]]
        blocks = [block for part in parts for c in sum(part.columns, []) for block in c]
        self.names = {block.name for block in blocks}
        self.given = self.names.difference(*(step.made for step in self.steps))
        self.wrong = any(block.color == RED for block in blocks)
        for layer in layers:  # as many a row as fit
            if sum(map(_part_width, self.rows[-1] + layer)) > PAGE - 16:
                self.rows.append([])
            self.rows[-1] += layer
        self.bands, self.ends = [], []  # from a wire to its gates' parameters, and to their ends
        for side, *_ in SIDES:
            columns = [(bool(p.gate), _column_size(c)[1]) for p in parts for c in p.columns[side]]
            wires, gates = (max(size for at, size in columns if at == kind) for kind in (0, 1))
            self.bands.append(WIRE + wires + GAP)
            self.ends.append(self.bands[side] + gates)

    def draw(self, title, now=None, shown=None):
        """A figure. now: the steps whose parts are lit; shown: the names that are there yet."""
        self.now, self.shown = now, self.names if shown is None else shown
        self.made = set().union(*(step.made for step in now or []))
        self.lit = self.names if now is None else self.made.union(*(step.read for step in now))
        row_height = sum(self.ends) + GAP
        top = row_height * len(self.rows) + HEAD + FOOT
        figure = plt.figure(figsize=(WIDTH, top / 72), layout="none")
        self.ax = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(0, top))
        self.ax.axis("off")
        heading = dict(family="sans-serif", ha="left")
        self.text(4, top - 9, title, fontsize=9, gid="title", **heading)
        self.text(4, top - 23, "above: values, one sample a row", color=BLUE, **heading)
        self.text(150, top - 23, "below: gradients of the loss", color=BROWN, **heading)
        if self.wrong:
            self.text(280, top - 23, "red: not what autograd finds", color=RED, **heading)
        self.text(PAGE - 4, 7, KEY, family="sans-serif", ha="right")
        y, end = top - HEAD - self.ends[0], None
        for row in self.rows:
            start, last = self.row(row, y)
            if end is not None:
                self.link(end, y + row_height, start, y, row[0])
            end, y = last, y - row_height
        return figure

    def strength(self, columns):
        """How strong blocks are drawn: 0 if not there yet; lit if one of them is lit."""
        names = {block.name for column in columns for block in column} & self.shown
        return 0 if not names else 1 if names & self.lit else FADED

    def text(self, x, y, text, alpha=1, **style):
        style = dict(fontsize=8, family="monospace", ha="center", va="center") | style
        self.ax.text(x, y, text, alpha=alpha, linespacing=1.15, **style)

    def arrow(self, start, end, color, alpha):
        style = dict(arrowstyle="-|>", shrinkA=0, shrinkB=0, mutation_scale=8, linewidth=1.2)
        if alpha:
            self.ax.annotate("", end, start, arrowprops=style | dict(color=color, alpha=alpha))

    def column(self, x, y, up, column):
        """Blocks one after the other, up (1) or down (-1) from y: a box of numbers, a label."""
        if not (alpha := self.strength([column])):
            return
        for name, text, label, color in column:
            width, height = _size(text)
            edge = color if color == RED or name in self.made else "none"
            style = dict(facecolor=TINTS[color], edgecolor=edge, linewidth=1.2, alpha=alpha)
            corner = x - width / 2, min(y, y + up * height)
            self.ax.add_patch(Rectangle(corner, width, height, **style))
            ink, label_ink = RED if color == RED else BLACK, BLUE if up > 0 else BROWN
            self.text(x, y + up * height / 2, text, alpha, color=ink, gid=name)
            y += up * (height + _size(label)[1])
            self.text(x, y - up * _size(label)[1] / 2, label, alpha, color=label_ink)

    def row(self, row, y):
        """One row, its wires stretched a little where there is room; where it begins and ends."""
        spare, wires = PAGE - sum(map(_part_width, row)), sum(not part.gate for part in row)
        stretch = min((spare - 16) / wires, 24)
        start = x = (spare - stretch * wires) / 2
        self.taken = [0, 0]  # how far the bands above and below are in use
        for part in row:
            right = x + _part_width(part) + (0 if part.gate else stretch)
            (self.gate if part.gate else self.wire)(part, x, right, y)
            x = right
        return start, x

    def wire(self, part, left, right, y):
        for side, up, color in SIDES:
            ends = (left, y + 3 * up), (right, y + 3 * up)
            self.arrow(*ends[::up], color, self.strength(part.columns[side]))
            for column in part.columns[side]:
                self.column((left + right) / 2, y + up * WIRE, up, column)

    def link(self, end, above, start, y, wire):
        """From the end of a row to the wire that begins the next one, and back."""
        middle = above - self.ends[1] - GAP / 2
        for side, up, color in SIDES:
            out, left = end + 9 + 3 * up, start - 6 * side
            xs = [end, out, out, left, left, start]
            ys = [above + 3 * up] * 2 + [middle - 3 * up] * 2 + [y + 3 * up] * 2
            alpha = self.strength(wire.columns[side])
            self.ax.plot(xs, ys, color=color, alpha=alpha, linewidth=1.2)
        self.arrow((end + 6, above - 3), (end, above - 3), YELLOW, alpha)

    def gate(self, part, left, right, y):
        steps = [s for s in self.steps if (s.gate, s.layer) == (part.gate, part.layer)]
        lit = [step for step in steps if self.now is None or step in self.now]
        x, ink = (left + right) / 2, BLACK if lit else "#999999"
        style = dict(facecolor="white", edgecolor=ink, zorder=3)
        self.ax.add_patch(Rectangle((left, y - GATE), right - left, 2 * GATE, **style))
        self.text(x, y, part.says, color=ink, zorder=4)
        for side, up, color in SIDES:
            band = y + up * self.bands[side]
            ends = (x, band - 2 * up), (x, y + up * GATE)
            self.arrow(*ends[::up], color, self.strength(part.columns[side]))
            widths = [_column_size(column)[0] + 6 for column in part.columns[side]]
            at = max(self.taken[side], min(x - sum(widths) / 2, PAGE - sum(widths)))
            for column, width in zip(part.columns[side], widths, strict=True):
                self.column(at + width / 2, band, up, column)
                at += width
            self.taken[side] = at
        for step in steps:
            if step.equation and step.made <= self.shown:
                alpha = 1 if step in lit else FADED
                tab = dict(facecolor="white", edgecolor="#999999", pad=1, alpha=alpha)
                at, style = x + NUMBER_AT[step.equation], dict(weight="bold", bbox=tab)
                self.text(at, y - GATE - 7, f"({step.equation})", alpha, **style)
