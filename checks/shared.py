"""What both kinds of checks use: bits compared, and the global state watched and put back."""

import contextlib
import random

import numpy as np
import torch


def bits(value):
    """Something that is equal for two tensors when every bit of them is."""
    if not isinstance(value, torch.Tensor):
        return value
    raw = value.detach().reshape(-1).contiguous().view(torch.uint8)
    return value.shape, value.dtype, bytes(raw.cpu().numpy())


def same_bits(left, right):
    """True if two tensors have the same shape, type and bits; NaN equals NaN of the same bits."""
    left, right = left.detach().contiguous(), right.detach().contiguous()
    same_kind = left.shape == right.shape and left.dtype == right.dtype
    return same_kind and left.numpy().tobytes() == right.numpy().tobytes()


def global_state():
    """What a pass could change outside of the model, by name."""
    return {
        "torch's random state": bits(torch.get_rng_state()),
        "numpy's random state": np.random.get_state(legacy=False)["state"]["key"].tobytes(),  # noqa: NPY002
        "Python's random state": random.getstate(),
        "the default dtype": torch.get_default_dtype(),
        "the grad mode": torch.is_grad_enabled(),
        "the number of threads": torch.get_num_threads(),
    }


@contextlib.contextmanager
def global_state_kept():
    """Put the global state back, whatever happens inside."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    dtype, grad, threads = (
        torch.get_default_dtype(),
        torch.is_grad_enabled(),
        torch.get_num_threads(),
    )
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])
        torch.set_default_dtype(dtype)
        torch.set_grad_enabled(grad)
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
