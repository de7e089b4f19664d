"""A small net as a picture: values and gradients at its wires, step by step, and shapes that fit.

Values are blue and stand above the wires, gradients are yellow and stand below them.
"""

from typing import NamedTuple

from support.figures import BLACK, BLUE, GRAY, WIDTH, YELLOW

import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Rectangle

MOST = dict(layers=3, units=4, samples=4)  # more do not fit on a page at 8 points
RED = "#c00000"
TINTS = {BLUE: "#d9eaf6", YELLOW: "#fcebc5", RED: "#ffe3e0", GRAY: "#eeeeee"}
FADED = 0.22
PAGE = 72 * WIDTH  # lengths are points, on a page as wide as a printed one
CHARACTER, LINE, PAD = 4.82, 10, 3  # one character, one line of 8-point type; a box's margin
GATE, ABOVE, BELOW, GAP = 13, 7, 9, 9  # half a gate; from the wire to its numbers; between bands
EQUATIONS = {
    1: "(1) at the output: dL_da = 2 (a - y)",
    2: "(2) through the activation function: dL_dz = dL_da * f'(z)",
    3: "(3) to weights and biases: dL_dw = dL_dz.T @ a, dL_db = sum of dL_dz's rows",
    4: "(4) to the layer below: dL_da = dL_dz @ W",
}


class Step(NamedTuple):
    """One step of the pass: what it reads and what it makes, by name."""

    equation: int  # 0 in the forward pass
    title: str
    read: set
    made: set


def steps_of(depth):
    """All steps of a net of `depth` layers, forward and then backward."""
    steps = []
    for i in range(1, depth + 1):
        read = {f"a[{i - 1}]", f"W{i}", f"b{i}"}
        steps.append(Step(0, f"Forward, layer {i}: z = a @ W.T + b", read, {f"z[{i}]"}))
        steps.append(Step(0, f"Forward, layer {i}: a = f(z)", {f"z[{i}]"}, {f"a[{i}]"}))
    ends = {f"a[{depth}]", "y"}
    steps.append(Step(0, "Forward: the loss is the sum of (a - y)²", ends, {"loss"}))
    steps.append(Step(1, f"Backward {EQUATIONS[1]}", ends, {f"dL_da {depth}"}))
    for i in range(depth, 0, -1):
        da, dz, title = f"dL_da {i}", f"dL_dz {i}", f"Backward, layer {i} "
        steps.append(Step(2, title + EQUATIONS[2], {da, f"z[{i}]"}, {dz}))
        made = {f"dL_dw[{i}]", f"dL_db[{i}]"}
        steps.append(Step(3, title + EQUATIONS[3], {dz, f"a[{i - 1}]"}, made))
        if i > 1:
            steps.append(Step(4, title + EQUATIONS[4], {dz, f"W{i}"}, {f"dL_da {i - 1}"}))
    return steps


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
        return picture.draw("Values go forward, gradients come back")
    lit = [lit] if isinstance(lit, int) else list(lit)
    if not lit or not set(lit) <= set(EQUATIONS):
        raise ValueError(f"lit names equations, 1 to 4, one or several; given: {lit!r}")
    now = [step for step in picture.steps if step.equation in lit]
    one = EQUATIONS[lit[0]] if len(lit) == 1 else "The lit equations"
    return picture.draw(one, now)


def pass_frames(model, y_true):
    """The same graph step by step, forward and then back: a list of figures of one size."""
    picture = _Picture(model, y_true)
    shown = {"a[0]", "y"} | {f"{p}{i}" for p in "Wb" for i in range(1, model.L + 1)}
    frames = [picture.draw("Given: input, targets, weights and biases", shown=shown)]
    for step in picture.steps:
        shown = shown | step.made
        frames.append(picture.draw(step.title, [step], shown))
    return [*frames, picture.draw("Values go forward, gradients come back")]


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
            tensors |= {f"dL_dw[{i}]": W, f"dL_db[{i}]": b, f"dL_dz {i}": z, f"dL_da {i}": a}
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


def _size(*texts):
    """Width and height of a box around the largest of these texts; 0 for no text."""
    lines = [text.split("\n") for text in texts if text]
    width = max((len(line) for text in lines for line in text), default=-2 * PAD / CHARACTER)
    return CHARACTER * width + 2 * PAD, LINE * max(map(len, lines), default=0) + PAD


class _Picture:
    """What is drawn of one net and batch, and where; `draw` makes a figure of it."""

    def __init__(self, model, y_true):
        y_true = _checked(model, y_true)
        loss, right = _autograd(model, y_true)
        values = {"a[0]": model.a[0], "y": y_true, "loss": loss}
        for i in range(1, model.L + 1):
            layer = model.fc[str(i)]
            values |= {f"z[{i}]": model.z[i], f"a[{i}]": model.a[i]}
            values |= {f"W{i}": layer.weight, f"b{i}": layer.bias}
        self.steps, self.depth, self.samples = steps_of(model.L), model.L, len(y_true)
        self.shapes = {name: str(tuple(value.shape)) for name, value in values.items()}
        self.texts = {name: _matrix(value) for name, value in (values | right).items()}
        self.colors = dict.fromkeys(values, BLUE) | dict.fromkeys(right, YELLOW)
        for i in range(1, model.L + 1):
            for kind in ("dL_dw", "dL_db"):  # the model's own gradients
                self.judge(f"{kind}[{i}]", getattr(model, kind, {}).get(i), right)
        self.rows = self.arranged()

    def judge(self, name, found, right):
        """A parameter's gradient as the model has it; the right one, too, where it is wrong."""
        if found is None:
            self.texts[name], self.colors[name] = "None", GRAY
        elif not _agree(found, right[name]):
            self.texts["right " + name], self.colors["right " + name] = self.texts[name], YELLOW
            self.colors[name] = RED
            shape = getattr(found, "shape", None)
            self.texts[name] = f"{type(found).__name__}" if shape is None else str(tuple(shape))
            if shape == right[name].shape:
                self.texts[name] = _matrix(found)

    def beside(self, kind, i):
        """The names that stand at a wire or gate: above it, and below it."""
        if kind == "linear":
            return [f"W{i}", f"b{i}"], [f"dL_dw[{i}]", f"dL_db[{i}]"]
        if kind == "loss gate":
            return ["y"], []
        if kind in "za":
            return [f"{kind}[{i}]"], [f"dL_d{kind} {i}"] if i else []
        return (["loss"], []) if kind == "loss" else ([], [])

    def gate(self, kind, i):
        """What a gate says; nothing for a wire."""
        gates = {"linear": f"@ W{i}.T\n+ b{i}", "f": f"f[{i}]", "loss gate": "sum of\n(a-y)²"}
        return gates.get(kind, "")

    def label(self, name):
        if name in self.shapes and name[0] in "Wby":
            return f"{name} {self.shapes[name]}"
        return name.split()[0] if name in self.texts else ""

    def width(self, kind, i):
        """The width of a gate or wire; gates' parameters stand in bands of their own."""
        if text := self.gate(kind, i):
            return _size(text)[0]
        names = sum(self.beside(kind, i), [])
        return _size(*map(self.texts.get, names), *map(self.label, names))[0] + 8

    def arranged(self):
        """Rows of (kind, layer, width), wires and gates: as many layers a row as fit."""
        groups = [
            [("a", i - 1), ("linear", i), ("z", i), ("f", i)] for i in range(1, self.depth + 1)
        ]
        rows = [[]]
        for group in [*groups, [("a", self.depth), ("loss gate", 0), ("loss", 0)]]:
            sized = [(kind, i, self.width(kind, i)) for kind, i in group]
            if sum(width for *_, width in rows[-1] + sized) > PAGE:
                rows.append([])
            rows[-1] += sized
        return [row for row in rows if row]

    def column(self, name):
        """The blocks of one parameter, from above: its label and numbers, those of autograd."""
        blocks = [(name, self.label(name)), ("right " + name, "autograd:")]
        return [(part, label) for part, label in blocks if part in self.texts]

    def column_size(self, name):
        sizes = [
            (_size(self.texts[part], label)[0], _size(self.texts[part])[1] + LINE)
            for part, label in self.column(name)
        ]
        return max(width for width, _ in sizes), sum(height for _, height in sizes)

    def draw(self, title, now=None, shown=None):
        """A figure. now: the steps whose tensors are lit; shown: the names that are there yet."""
        read = set().union(*(step.read for step in now)) if now else set(self.texts)
        made = set().union(*(step.made for step in now)) if now else set()

        def strength(name):
            if shown is not None and name.removeprefix("right ") not in shown:
                return 0
            return 1 if name.removeprefix("right ") in read | made else FADED

        heights = [self.heights(row) for row in self.rows]
        height = sum(map(sum, heights)) + 22 + 16 * (len(self.rows) - 1)
        figure = plt.figure(figsize=(WIDTH, height / 72), layout="none")
        ax = figure.add_axes((0, 0, 1, 1))
        ax.set(xlim=(0, PAGE), ylim=(0, height))
        ax.axis("off")
        ax.text(4, height - 9, title, fontsize=9, va="center", gid="title")
        pen = _Pen(ax, self, strength, made)
        y = height - 22
        for row, (up, down) in zip(self.rows, heights, strict=True):
            pen.row(row, y - up)
            y -= up + down + 16
        return figure

    def heights(self, row):
        """What a row needs above its wire and below it."""
        box = LINE * self.samples + PAD
        up, down = ABOVE + box + 2 * LINE, BELOW + box + LINE
        above, below = [[0], [0]]
        for kind, i, _ in row:
            if self.gate(kind, i):
                for names, sizes in zip(self.beside(kind, i), (above, below), strict=True):
                    sizes += [self.column_size(name)[1] + GAP for name in names]
        return up + max(above), down + max(below)


class _Pen:
    """Draws the parts of a picture into an Axes whose unit is a point."""

    def __init__(self, ax, picture, strength, made):
        self.ax, self.picture, self.strength, self.made = ax, picture, strength, made

    def text(self, x, y, text, alpha=1, gid=None, **style):
        style = dict(fontsize=8, family="monospace", ha="center", va="center", alpha=alpha) | style
        if alpha:
            self.ax.text(x, y, text, gid=gid, **style)

    def arrow(self, start, end, color, alpha):
        if alpha:
            style = dict(
                arrowstyle="-|>",
                color=color,
                alpha=alpha,
                linewidth=1.2,
                shrinkA=0,
                shrinkB=0,
                mutation_scale=8,
            )
            self.ax.annotate("", end, start, arrowprops=style)

    def box(self, x, top, name):
        """A tensor's numbers in a box of the color of their meaning; its height."""
        width, height = _size(self.picture.texts[name])
        if alpha := self.strength(name):
            color = self.picture.colors[name]
            edge = color if name in self.made or color == RED else "none"
            self.ax.add_patch(
                Rectangle(
                    (x - width / 2, top - height),
                    width,
                    height,
                    facecolor=TINTS[color],
                    edgecolor=edge,
                    alpha=alpha,
                    linewidth=1.2,
                )
            )
            self.text(
                x,
                top - height / 2,
                self.picture.texts[name],
                alpha,
                name,
                color=RED if color == RED else BLACK,
                linespacing=1.15,
            )
        return height

    def row(self, row, y):
        spare = PAGE - sum(width for *_, width in row)
        wires = sum(not self.picture.gate(kind, i) for kind, i, _ in row)
        stretch = min(spare / wires, 24)
        x = (spare - stretch * wires) / 2
        self.ends = [0, 0]  # where the bands of parameters above and below are free
        for kind, i, width in row:
            if self.picture.gate(kind, i):
                self.gate(kind, i, x, x + width, y)
                x += width
            else:
                self.wire(kind, i, x, x + width + stretch, y)
                x += width + stretch

    def wire(self, kind, i, left, right, y):
        (value,), gradient = self.picture.beside(kind, i)
        x, alpha = (left + right) / 2, self.strength(value)
        self.arrow((left, y + 3), (right, y + 3), BLUE, alpha or FADED)
        height = _size(self.picture.texts[value])[1]
        top = y + ABOVE + height
        self.box(x, top, value)
        self.text(x, top + 6, self.picture.shapes[value], alpha, color=GRAY)
        self.text(x, top + 6 + LINE, value, alpha, color=BLUE, weight="bold")
        for name in gradient:
            alpha = self.strength(name)
            self.arrow((right, y - 3), (left, y - 3), YELLOW, alpha)
            height = self.box(x, y - BELOW, name)
            self.text(
                x,
                y - BELOW - height - 6,
                self.picture.label(name),
                alpha,
                color="#8a5c00",
                weight="bold",
            )

    def gate(self, kind, i, left, right, y):
        x = (left + right) / 2
        self.ax.add_patch(
            Rectangle(
                (left, y - GATE),
                right - left,
                2 * GATE,
                facecolor="white",
                edgecolor=BLACK,
                zorder=3,
            )
        )
        self.text(x, y, self.picture.gate(kind, i), zorder=4, linespacing=1.1)
        above, below = self.picture.beside(kind, i)
        box = LINE * self.picture.samples + PAD
        if above:
            bottom = y + ABOVE + box + 2 * LINE + GAP
            for name, center in self.band(above, x, 0):
                width, height = self.picture.column_size(name)
                alpha = self.strength(name)
                self.box(center, bottom + height - LINE, name)
                self.text(center, bottom + height - 4, self.picture.label(name), alpha, color=BLUE)
            self.arrow(
                (x, bottom - 2), (x, y + GATE), BLUE, max(map(self.strength, above)) or FADED
            )
        if below:
            top = y - BELOW - box - LINE - GAP
            for name, center in self.band(below, x, 1):
                at = top
                for part, label in self.picture.column(name):
                    self.text(
                        center, at - 5, label, self.strength(part), color="#8a5c00", weight="bold"
                    )
                    at -= LINE + self.box(center, at - LINE, part)
            alpha = max(map(self.strength, below))
            self.arrow((x, y - GATE), (x, top), YELLOW, alpha)
            self.text(x + 11, y - GATE - 16, "(3)", alpha)
            if i > 1:
                self.text(x - 11, y - GATE - 7, "(4)", self.strength(f"dL_da {i - 1}"))
        elif kind == "f":
            self.text(x, y - GATE - 7, "(2)", self.strength(f"dL_dz {i}"))
        else:
            self.text(x, y - GATE - 7, "(1)", self.strength(f"dL_da {self.picture.depth}"))

    def band(self, names, x, side):
        """Where the columns of parameters stand: centered at x if the band is free there."""
        widths = [self.picture.column_size(name)[0] + 6 for name in names]
        left = max(self.ends[side], min(x - sum(widths) / 2, PAGE - sum(widths)))
        centers = []
        for width in widths:
            centers.append(left + width / 2)
            left += width
        self.ends[side] = left
        return zip(names, centers, strict=True)
