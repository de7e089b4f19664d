"""What a net of part 1 is given: widths, a batch, targets. Where the numbers would be wrong without
a word, an error says what was given and what is expected.
"""

from collections.abc import Iterable
from numbers import Integral

import torch


def checked_widths(n_l):
    """The widths as a list of ints; a ValueError where they make no net."""
    widths = list(n_l) if isinstance(n_l, Iterable) else [n_l]
    if len(widths) < 2:
        raise ValueError(f"a net needs at least two widths, input and output; given: {n_l!r}")
    for width in widths:
        if not isinstance(width, Integral) or isinstance(width, bool) or width < 1:
            raise ValueError(
                f"a width is a whole number of at least 1, not {width!r}; given: {n_l!r}"
            )
    return [int(width) for width in widths]


def flattened(x, n_0):
    """x: (N, n_0), or (N, ...) with n_0 numbers a sample -> (N, n_0)."""
    width = x.shape[1:].numel()
    if x.ndim < 2 or width != n_0:
        raise ValueError(
            f"x has shape {tuple(x.shape)}, {width} numbers a sample; the net takes (N, {n_0})"
        )
    return torch.flatten(x, 1)


def checked_targets(model, y_true, y_pred):
    """The targets as the loss uses them: shape (N, n_L), the dtype of y_pred.

    RuntimeError without a forward pass; ValueError where y_pred is not what the last one gave,
    and for targets of any shape but (N, n_L) and (N, 1), one number for all outputs of a sample.
    """
    a_L = model.a[model.L]
    if a_L is None:
        raise RuntimeError("no forward pass yet: call y_pred = model(x) before backpropagation")
    tensors = {"y_true": y_true, "y_pred": y_pred, "the last forward pass": a_L}
    met = ", ".join(f"{name} has shape {tuple(t.shape)}" for name, t in tensors.items())
    if y_pred.shape != a_L.shape:
        raise ValueError(f"y_pred is stale, it is not from the last forward pass: {met}")
    if y_pred.dtype != a_L.dtype:
        raise ValueError(f"y_pred is stale: {y_pred.dtype}, the last forward pass {a_L.dtype}")
    if y_pred is not a_L and not torch.allclose(y_pred, a_L, rtol=0, atol=0, equal_nan=True):
        raise ValueError(f"y_pred is stale, the last forward pass gave other values: {met}")
    if y_true.shape not in (a_L.shape, (len(a_L), 1)):
        raise ValueError(f"y_true and y_pred must have one shape, nothing is broadcast: {met}")
    return y_true.to(y_pred).expand_as(y_pred)
