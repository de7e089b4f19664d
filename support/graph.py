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
FADED = 0.22
PAGE = 72 * WIDTH  # lengths are points, on a page as wide as a printed one
CHARACTER, LINE, PAD = 4.82, 10, 3  # one character, one line of 8-point type; a box's margin
GATE, WIRE, GAP, HEAD = 13, 8, 10, 34  # half a gate; wire to numbers; between bands; the title
EQUATIONS = {
    1: "(1) at the output: dL_da = 2 (a - y)",
    2: "(2) through the activation function: dL_dz = dL_da * f'(z)",
    3: "(3) to weights and biases: dL_dw = dL_dz.T @ a, dL_db = dL_dz.sum(0)",
    4: "(4) to the layer below: dL_da = dL_dz @ W",
}


class Step(NamedTuple):
    """One step of the pass: the gate where it happens, the names that it reads and makes."""

    equation: int  # 0 in the forward pass
    gate: tuple  # its kind and its layer
    title: str
    read: set
    made: set


def steps_of(depth):
    """All steps of a net of `depth` layers, forward and then backward."""
    steps, ends = [], {f"a[{depth}]", "y"}
    for i in range(1, depth + 1):
        read, title = {f"a[{i - 1}]", f"W{i}", f"b{i}"}, f"Layer {i}, forward: "
        steps.append(Step(0, ("linear", i), title + "z = a @ W.T + b", read, {f"z[{i}]"}))
        steps.append(Step(0, ("f", i), title + "a = f(z)", {f"z[{i}]"}, {f"a[{i}]"}))
    steps.append(Step(0, ("error", 0), "Forward: the loss is the sum of (a - y)²", ends, {"loss"}))
    steps.append(Step(1, ("error", 0), f"Backward, {EQUATIONS[1]}", ends, {f"dL_da {depth}"}))
    for i in range(depth, 0, -1):
        dz, made = {f"dL_dz {i}"}, {f"dL_dw[{i}]", f"dL_db[{i}]"}
        title = {no: f"Layer {i}, {equation}" for no, equation in EQUATIONS.items()}
        steps.append(Step(2, ("f", i), title[2], {f"dL_da {i}", f"z[{i}]"}, dz))
        steps.append(Step(3, ("linear", i), title[3], dz | {f"a[{i - 1}]"}, made))
        if i > 1:
            steps.append(Step(4, ("linear", i), title[4], dz | {f"W{i}"}, {f"dL_da {i - 1}"}))
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


def _size(text):
    """Width and height of a box around a text."""
    lines = text.split("\n")
    return CHARACTER * max(map(len, lines)) + 2 * PAD, LINE * len(lines) + PAD


class _Picture:
    """What is drawn of one net and batch, and where; `draw` makes a figure of it."""

    def __init__(self, model, y_true):
        y_true = _checked(model, y_true)
        loss, right = _autograd(model, y_true)
        values, depth = {"a[0]": model.a[0], "y": y_true, "loss": loss}, model.L
        for i in range(1, depth + 1):
            values |= {f"z[{i}]": model.z[i], f"a[{i}]": model.a[i]}
            values |= {f"W{i}": model.fc[str(i)].weight, f"b{i}": model.fc[str(i)].bias}
        self.texts = {name: _matrix(value) for name, value in (values | right).items()}
        self.colors = dict.fromkeys(values, BLUE) | dict.fromkeys(right, YELLOW)
        self.labels = {name: name.split()[0] for name in right} | {
            name: f"{name}{' ' if name[0] in 'Wby' else chr(10)}{tuple(value.shape)}"
            for name, value in values.items()
        }
        self.labels |= {"a[0]": "x = " + self.labels["a[0]"], "loss": "loss"}
        self.steps = steps_of(depth)
        # At each wire and gate, columns of names: those above it, those below it.
        self.beside = {("a", 0): ([["a[0]"]], []), ("loss", 0): ([["loss"]], [])}
        self.beside["error", 0] = [["y"]], []
        for i in range(1, depth + 1):
            for kind in "za":
                self.beside[kind, i] = [[f"{kind}[{i}]"]], [[f"dL_d{kind} {i}"]]
            w, b = (
                self.judged(f"{kind}[{i}]", getattr(model, kind, {}).get(i), right)
                for kind in ("dL_dw", "dL_db")
            )
            self.beside["linear", i], self.beside["f", i] = (
                ([[f"W{i}"], [f"b{i}"]], [w, b]),
                ([], []),
            )
        self.gates = {("error", 0): "sum of\n(a-y)²"}
        for i in range(1, depth + 1):
            self.gates |= {("linear", i): f"@ W{i}.T\n+ b{i}", ("f", i): f"f[{i}]"}
        self.place(depth)

    def judged(self, name, found, right):
        """A parameter's gradient as the model has it; its column, with the right one if need be."""
        if found is None:
            self.texts[name], self.colors[name] = "None", GRAY
        if found is None or _agree(found, right[name]):
            return [name]
        self.texts[right_name := f"right {name}"] = self.texts[name]
        self.colors |= {name: RED, right_name: YELLOW}
        self.labels[right_name] = "by autograd"
        shape = getattr(found, "shape", type(found).__name__)
        same = shape == right[name].shape
        self.texts[name] = _matrix(found) if same else str(shape).removeprefix("torch.Size")
        return [name, right_name]

    def place(self, depth):
        """Rows of wires and gates, as many layers a row as fit, and the heights of all bands."""
        layers = [[("a", i - 1), ("linear", i), ("z", i), ("f", i)] for i in range(1, depth + 1)]
        self.rows, self.widths = [[]], {}
        for layer in [*layers, [("a", depth), ("error", 0), ("loss", 0)]]:
            for part in layer:
                names = [name for side in self.beside[part] for column in side for name in column]
                text = self.gates.get(part)
                self.widths[part] = _size(text)[0] if text else self.width(names) + 8
            if sum(map(self.widths.get, self.rows[-1] + layer)) > PAGE:
                self.rows.append([])
            self.rows[-1] += layer
        self.rows = [row for row in self.rows if row]
        self.bands, self.ends = [], []  # above and below: from a wire to parameters, to the end
        for side in (0, 1):
            reach = {part: self.reach(sides[side]) for part, sides in self.beside.items()}
            wires = max(reach[part] for part in reach if part not in self.gates)
            self.bands.append(WIRE + wires + GAP)
            self.ends.append(self.bands[side] + max(reach[part] for part in self.gates))

    def width(self, names):
        return max(
            _size(text)[0] for name in names for text in (self.texts[name], self.labels[name])
        )

    def reach(self, columns):
        """How far columns of names reach from where they begin."""
        heights = [
            sum(_size(self.texts[name])[1] + _size(self.labels[name])[1] for name in column)
            for column in columns
        ]
        return max(heights, default=0)

    def draw(self, title, now=None, shown=None):
        """A figure. now: the steps whose parts are lit; shown: the names that are there yet."""
        self.now, self.shown = now, set(self.texts) if shown is None else shown
        self.lit = set(self.texts) if now is None else set().union(*(s.read | s.made for s in now))
        height = len(self.rows) * (sum(self.ends) + GAP) + HEAD
        figure = plt.figure(figsize=(WIDTH, height / 72), layout="none")
        self.ax = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(0, height))
        self.ax.axis("off")
        heading = dict(family="sans-serif", ha="left")
        self.text(4, height - 9, title, fontsize=9, gid="title", **heading)
        self.text(4, height - 23, "above: values, one sample a row", color=BLUE, **heading)
        self.text(150, height - 23, "below: gradients of the loss", color=BROWN, **heading)
        if RED in self.colors.values():
            self.text(280, height - 23, "red: not what autograd finds", color=RED, **heading)
        for no, row in enumerate(self.rows):
            self.row(row, height - HEAD - self.ends[0] - no * (sum(self.ends) + GAP))
        return figure

    def strength(self, *names):
        """How strong the parts of these names are drawn: the strongest of them."""
        names = {name.removeprefix("right ") for name in names} & self.shown
        return 0 if not names else 1 if names & self.lit else FADED

    def text(self, x, y, text, alpha=1, **style):
        style = dict(fontsize=8, family="monospace", ha="center", va="center") | style
        if alpha:
            self.ax.text(x, y, text, alpha=alpha, linespacing=1.15, **style)

    def arrow(self, start, end, color, alpha):
        style = dict(arrowstyle="-|>", shrinkA=0, shrinkB=0, mutation_scale=8, linewidth=1.2)
        if alpha:
            self.ax.annotate("", end, start, arrowprops=style | dict(color=color, alpha=alpha))

    def column(self, x, y, side, names):
        """Boxes of numbers in the colors of their meanings, each with its label, away from y."""
        for name in names:
            alpha, color = self.strength(name), self.colors[name]
            made = self.now and any(name in step.made for step in self.now)
            width, height = _size(self.texts[name])
            style = dict(
                facecolor=TINTS[color], edgecolor=color if made or color == RED else "none"
            )
            box = Rectangle((x - width / 2, min(y, y + side * height)), width, height, **style)
            if alpha:
                self.ax.add_patch(box).set(alpha=alpha, linewidth=1.2)
            ink = RED if color == RED else BLACK
            self.text(x, y + side * height / 2, self.texts[name], alpha, color=ink, gid=name)
            y += side * height
            label = _size(self.labels[name])[1]
            self.text(
                x, y + side * label / 2, self.labels[name], alpha, color=BLUE if side > 0 else BROWN
            )
            y += side * label

    def row(self, row, y):
        """One row of wires and gates, the wires stretched a little where there is room."""
        spare = PAGE - sum(map(self.widths.get, row))
        stretch = min(spare / sum(part not in self.gates for part in row), 24)
        x = (spare - stretch * sum(part not in self.gates for part in row)) / 2
        self.taken = [0, 0]  # how far the bands of parameters are in use
        for part in row:
            right = x + self.widths[part] + (0 if part in self.gates else stretch)
            (self.gate if part in self.gates else self.wire)(part, x, right, y)
            x = right

    def wire(self, part, left, right, y):
        above, below = self.beside[part]
        self.arrow((left, y + 3), (right, y + 3), BLUE, self.strength(*above[0]) or FADED)
        self.column((left + right) / 2, y + WIRE, 1, above[0])
        for names in below:
            self.arrow((right, y - 3), (left, y - 3), YELLOW, self.strength(*names))
            self.column((left + right) / 2, y - WIRE, -1, names)

    def gate(self, part, left, right, y):
        x, lit = (left + right) / 2, self.now is None or any(part == s.gate for s in self.now)
        style = dict(facecolor="white", edgecolor=BLACK if lit else "#bbbbbb", zorder=3)
        self.ax.add_patch(Rectangle((left, y - GATE), right - left, 2 * GATE, **style))
        self.text(x, y, self.gates[part], color=BLACK if lit else GRAY, zorder=4)
        for side, columns in enumerate(self.beside[part]):
            sign = 1 - 2 * side
            begin = y + sign * self.bands[side]
            for center, names in self.spread(columns, x, side):
                self.column(center, begin, sign, names)
            names = [name for column in columns for name in column]
            ends = [(x, begin - sign * 2), (x, y + sign * GATE)]
            if columns:
                alpha = self.strength(*names) or (FADED if side == 0 else 0)
                self.arrow(*(ends if side == 0 else ends[::-1]), (BLUE, YELLOW)[side], alpha)
        for step in self.steps:
            if step.gate == part and step.equation and step.made <= self.shown:
                alpha = 1 if self.now is None or step in self.now else FADED
                across, down = {3: (11, 16), 4: (-11, 7)}.get(step.equation, (0, 7))
                self.text(x + across, y - GATE - down, f"({step.equation})", alpha, weight="bold")

    def spread(self, columns, x, side):
        """Where columns of parameters stand: centered at x where the band is free."""
        widths = [self.width(names) + 6 for names in columns]
        left = max(self.taken[side], min(x - sum(widths) / 2, PAGE - sum(widths)))
        self.taken[side] = left + sum(widths)
        return [
            (left + sum(widths[:no]) + width / 2, names)
            for no, (width, names) in enumerate(zip(widths, columns, strict=True))
        ]
