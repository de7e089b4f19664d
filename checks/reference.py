"""Both right programs as text, and what compiles them with a line replaced.

A planted mistake is a line of text in the place of a right line. What is no line (wrong at the
second call only, a hook left behind, ...) is a small function.
"""

import functools
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import torch

PASS = """\
dL_da = 2 * (y_pred - y_true)
for l in range(L, 0, -1):
    dL_dz = dL_da * df[l](z[l])
    dL_dw[l] = dL_dz.T @ a[l - 1]
    dL_db[l] = dL_dz.sum(0)
    dL_da = dL_dz @ W[l]
"""
STEP = """\
for i, p in enumerate(parameters):
    if p.grad is None:
        continue
    g = -p.grad if maximize else p.grad
    if weight_decay != 0:
        g = g.add(p, alpha=weight_decay)
    if momentum != 0:
        if v[i] is None:
            v[i] = g.clone()
        else:
            v[i].mul_(momentum).add_(g, alpha=1 - dampening)
        g = g.add(v[i], alpha=momentum) if nesterov else v[i]
    p.add_(g, alpha=-learning_rate)
"""
END = ""  # a wrong text in its place comes after the last line
TRAINING = """\
v = [None for p in parameters]
for epoch in range(epoch_count):
    for X, y in train_loader:
        model.zero_grad()
        loss = loss_function(model(X), y)
        loss.backward()
        update()
    losses.append(loss.item())
"""
RESULT = "what becomes of dL_dw and dL_db after they are computed"


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a program: in words, where to look, and what gives the same numbers."""

    words: str  # what it looks like
    look: str = ""  # the right line, or what else to look at
    lines: tuple = ()  # pairs (right line, wrong text), where it is lines
    function: Callable | None = None  # the wrong program itself, where it is none
    at_once: bool = False  # beside another mistake, in the same program
    example: str | None = None  # what a student may have written, where the lines do not show it

    def backward(self):
        """The backward pass with this mistake."""
        return self.function or backward_with(*self.lines)

    @property
    def is_line(self):
        """True where it is a line in the place of a right one."""
        return bool(self.lines and self.lines[0][0])

    @property
    def wrong(self):
        """The wrong text: what tells one mistake from another."""
        return "; ".join(filter(None, (wrong for _, wrong in self.lines))).replace("\n", "; ")

    @property
    def shown(self):
        """What a student may have written; empty where lines are left out, or nothing is a line."""
        if self.example is not None:
            return self.example
        parts = [part.strip() for part in self.wrong.split("; ") if self.is_line]
        # The copy keeps a gradient from being a view, which is another mistake: nobody writes it.
        parts = [part.replace(".clone()", "") if part[:3] == "dL_" else part for part in parts]
        return "; ".join(part for part in parts if part != "pass")


def rows(table):
    """The mistakes of {right line: {wrong text: words}}; tuples of lines are wrong together.

    In the place of the words may stand a tuple: with what to look at besides the right line, and
    with an example of what a student writes.
    """
    for right, wrongs in table.items():
        for wrong, words in wrongs.items():
            words, look, *example = (words, "") if isinstance(words, str) else words
            one = isinstance(right, str)
            lines = ((right, wrong),) if one else tuple(zip(right, wrong, strict=True))
            look = look or (right if one else right[0]) or RESULT
            yield Mistake(words, look, lines, example=example[0] if example else None)


@functools.cache
def code_of(program, lines=()):
    """The program, compiled with wrong texts in the place of right lines, at their indentation.

    lines: pairs (right line, wrong text); the text may have several lines, or none.
    """
    missing, texts = dict(lines), []
    for line in (*program.splitlines(), END):
        indent = line[: len(line) - len(line.lstrip())]
        texts.append(textwrap.indent(missing.pop(line.strip(), line.strip()), indent))
    if missing:
        raise KeyError(f"no right line is {', '.join(map(repr, missing))}")
    return compile("\n".join(texts), "; ".join(wrong for _, wrong in lines) or "right", "exec")


def names_in(model, y_true, y_pred):
    """What the names of PASS stand for."""
    names = {name: getattr(model, name) for name in ("L", "n_l", "z", "a", "dL_dw", "dL_db")}
    names |= {name: getattr(model, name, None) for name in ("f", "df")}
    fc = {int(layer): linear for layer, linear in model.fc.items()}
    W, b = ({k: getattr(linear, n) for k, linear in fc.items()} for n in ("weight", "bias"))
    names |= dict(torch=torch, model=model, y_true=y_true, y_pred=y_pred, N=len(y_pred), W=W, b=b)

    def pairs():
        for layer in fc:
            yield W[layer], model.dL_dw[layer]
            yield b[layer], model.dL_db[layer]

    def edit(change):
        for gradients in (model.dL_dw, model.dL_db):
            for layer in fc:
                gradients[layer] = change(gradients[layer])

    return names | dict(pairs=pairs, edit=edit)


def backward_with(*lines, weights=None):
    """The right backward pass, with wrong texts in the place of right lines.

    lines: pairs (right line, wrong text). weights: {layer: W} in the place of the net's own.
    """
    code = code_of(PASS, lines)

    @torch.no_grad()
    def backward(model, y_true, y_pred):
        names = names_in(model, y_true, y_pred)
        exec(code, names | ({"W": weights} if weights else {}))

    return backward


def together(first, second):
    """The lines of two mistakes at once; None where both replace the same line."""
    same = dict(first.lines).keys() & dict(second.lines).keys()
    return None if same or not (first.lines and second.lines) else first.lines + second.lines
