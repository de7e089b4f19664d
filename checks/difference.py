"""One comparison, one error with fields, and the global state watched and put back."""

import contextlib
import random
from dataclasses import dataclass

import numpy as np
import torch

from checks.telling import lines_of

TINY = torch.finfo(torch.double).tiny
GLOBAL_STATE = {  # what a pass or a step could change outside of the model: (read it, put it back)
    "torch's random state": (torch.get_rng_state, torch.set_rng_state),
    "numpy's random state": (np.random.get_state, np.random.set_state),  # noqa: NPY002
    "Python's random state": (random.getstate, random.setstate),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
}


@dataclass(eq=False)
class Difference(AssertionError):
    """Something is not as it must be: in words, or two numbers that differ."""

    words: str = ""
    case: object = None  # the net and the batch
    name: str = ""  # of the gradient, and its index
    index: tuple | str = ""
    ours: float | None = None
    other: float | None = None
    source: str = "autograd"  # where `other` comes from
    error: float | None = None  # relative to the size of the gradient
    allowed: float | None = None
    of_numbers: bool = False  # the gradients are wrong, whatever it was that was looked at

    def __str__(self):
        return ": ".join(lines_of(self, digits=17))


def expect(holds, words, case=None, **fields):
    """Raise a Difference where it does not hold. A comparison with NaN must give False."""
    if not holds:
        raise Difference(words, case, **fields)


def compare(case, name, ours, other, tolerance, size=None, source="autograd"):
    """The largest |ours - other| / size; a Difference where it is not within the tolerance."""
    for what in ("shape", "dtype", "device"):
        a, b = getattr(ours, what), getattr(other, what)
        if a != b:
            a, b = (tuple(value) if what == "shape" else value for value in (a, b))
            raise Difference(f"{name} has the {what} {a}, {source} gives {b}", case)
    ours, other = ours.detach().double(), other.double()
    gap = (ours - other).abs()
    size = max(other.abs().max().item(), ours.abs().max().item()) if size is None else size
    error = gap.max().item() / max(TINY, size)
    if not error <= tolerance:  # written so that NaN fails
        at = index_of(gap.argmax().item(), gap.shape)
        values = ours[at].item(), other[at].item()
        raise Difference("", case, name, at, *values, source, error, tolerance)
    return error


def index_of(entry, shape):
    """The index, one number an axis, of an entry counted in a flat row."""
    return tuple(int(i) for i in np.unravel_index(entry, shape))


def bits(value):
    """Something that is equal for two tensors (arrays, tuples of them) when every bit of them is.

    Shape and dtype count; NaN equals NaN of the same bits.
    """
    if isinstance(value, tuple):
        if set(map(type, value)) <= {int, float, type(None)}:  # Python's random state is long
            return value
        return tuple(map(bits, value))
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype, value.tobytes()
    if not isinstance(value, torch.Tensor):
        return value
    row = torch.empty(value.numel(), dtype=value.dtype)  # of stride 1, whatever the value's is
    row.copy_(value.detach().reshape(-1))
    return value.shape, value.dtype, bytes(row.view(torch.uint8).numpy())


def same_bits(left, right):
    """True if two tensors have the same shape, type and bits."""
    return bits(left) == bits(right)


def global_state():
    """The global state, by name, in a form that can be compared."""
    return {name: bits(read()) for name, (read, _) in GLOBAL_STATE.items()}


@contextlib.contextmanager
def global_state_kept():
    """Put the global state back, whatever happens inside."""
    before = {name: read() for name, (read, _) in GLOBAL_STATE.items()}
    try:
        yield
    finally:
        for name, (read, put_back) in GLOBAL_STATE.items():
            if bits(read()) != bits(before[name]):
                put_back(before[name])
