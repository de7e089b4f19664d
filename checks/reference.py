"""Both right programs as text, and what compiles them with a line replaced.

A planted mistake is a line of text in the place of a right line. What is no line (wrong at the
second call only, a hook left behind, ...) is a small function.
"""

import functools
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Mistake:
    """What is wrong with a program: in words, where to look, and what gives the same numbers."""

    words: str  # what it looks like
    look: str = ""  # the right line, or what else to look at
    lines: tuple = ()  # pairs (right line, wrong text), where it is lines
    function: Callable | None = None  # the wrong program itself, where it is none

    @property
    def wrong(self):
        """What a student may have written; empty where it is no line."""
        return "; ".join(filter(None, (wrong for _, wrong in self.lines)))


def rows(table):
    """The mistakes of {right line: {wrong text: words}}; tuples of lines are wrong together.

    In the place of the words may stand a pair, with what to look at besides the right line.
    """
    for right, wrongs in table.items():
        for wrong, words in wrongs.items():
            words, look = (words, "") if isinstance(words, str) else words
            one = isinstance(right, str)
            lines = ((right, wrong),) if one else tuple(zip(right, wrong, strict=True))
            yield Mistake(words, look or (right if one else right[0]), lines)


@functools.cache
def code_of(program, lines=()):
    """The program, compiled with wrong texts in the place of right lines, at their indentation.

    lines: pairs (right line, wrong text); the text may have several lines, or none.
    """
    missing, texts = dict(lines), []
    for line in program.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        texts.append(textwrap.indent(missing.pop(line.strip(), line.strip()), indent))
    if missing:
        raise KeyError(f"no right line is {', '.join(map(repr, missing))}")
    return compile("\n".join(texts), "; ".join(wrong for _, wrong in lines) or "right", "exec")


def together(first, second):
    """The lines of two mistakes at once; None where both replace the same line."""
    same = dict(first.lines).keys() & dict(second.lines).keys()
    return None if same or not (first.lines and second.lines) else first.lines + second.lines
