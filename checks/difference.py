"""What both kinds of checks use: bits compared, and the global state watched and put back."""

import contextlib
import random

import numpy as np
import torch

GLOBAL_STATE = {  # what a pass or a step could change outside of the model: (read it, put it back)
    "torch's random state": (torch.get_rng_state, torch.set_rng_state),
    "numpy's random state": (np.random.get_state, np.random.set_state),  # noqa: NPY002
    "Python's random state": (random.getstate, random.setstate),
    "the default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "the grad mode": (torch.is_grad_enabled, torch.set_grad_enabled),
    "the number of threads": (torch.get_num_threads, torch.set_num_threads),
}


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
