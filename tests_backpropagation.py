"""Checks that a wrong backward pass cannot pass, the proof of that, and main_test().

A check takes a backward pass and a case (a net, a batch), works on copies, and raises
AssertionError with the net, the batch, the parameter, both values and the seed where the pass is
wrong. The same checks judge the notebook's `backpropagation`, the planted bugs at the end of this
file, and, through main_test(), whatever a reader writes.
"""

import contextlib
import copy
import gzip
import hashlib
import json
import os
import random
import re
import socket
import statistics
import sys
import tempfile
import time
import warnings
import zlib
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from torch.nn import functional

TINY = torch.finfo(torch.double).tiny
EPS = torch.finfo(torch.double).eps
TOLERANCE = {torch.double: 1e-12, torch.float: 1e-5}  # against autograd, by dtype
ACTIVATIONS = {  # name: (f, its derivative), both functions of z
    "tanh": (torch.tanh, lambda z: 1 - torch.tanh(z) ** 2),
    "sigmoid": (torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z)),
    "softplus": (lambda z: functional.softplus(z, threshold=50.0), torch.sigmoid),
    "sin": (torch.sin, torch.cos),
    "sin 2z": (lambda z: torch.sin(2 * z), lambda z: 2 * torch.cos(2 * z)),  # slopes above 1
    "identity": (lambda z: z * 1, torch.ones_like),
    "relu": (torch.relu, lambda z: (z > 0).to(z.dtype)),
}
SMOOTH = ("tanh", "sin", "sigmoid", "softplus")

# ------------------------------------------------------------------------------ cases and copies


@dataclass
class Case:
    """A net with a batch; `text` says how to build it again."""

    model: torch.nn.Module
    x: torch.Tensor  # (N, ...), n_0 numbers a sample
    y: torch.Tensor  # (N, n_L)
    text: str

    def __str__(self):
        return f"net {self.model.n_l}, batch {len(self.x)}, {self.text}"


def copy_of(model):
    """A copy without z, a and gradients; the original may still be attached to a graph."""
    memo = {id(d): dict.fromkeys(d) for d in (model.z, model.a, model.dL_dw, model.dL_db)}
    return copy.deepcopy(model, memo)


def random_tensor(shape, seed, like=None):
    """Normal random numbers that leave the global random state alone."""
    values = torch.randn(shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    return values if like is None else values.to(like)


def set_activations(model, names):
    """Give layer 1, 2, ... the activations named, again from the first where they run out."""
    for layer, name in zip(range(1, model.L + 1), cycle(names), strict=False):
        model.f[layer], model.df[layer] = ACTIVATIONS[name]


def make_case(net_class, n_l, batch, names=None, seed=0, x_shape=None, dtype=torch.double):
    """A net of the widths n_l, its weights, inputs and targets drawn from `seed`.

    names: of ACTIVATIONS, layer by layer; None leaves the net's own f and df.
    """
    with torch.random.fork_rng(devices=[]):
        model = net_class(list(n_l)).to(dtype)
    if names is not None:
        set_activations(model, names)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(random_tensor(parameter.shape, 1000 * seed + number))
            parameter.div_(max(parameter.shape[-1], 1) ** 0.5)
    x = random_tensor((batch, *(x_shape or n_l[:1])), seed + 1).to(dtype)
    y = random_tensor((batch, n_l[-1]), seed + 2).to(dtype)
    functions = ", ".join(islice(cycle(names or ["own f"]), model.L))
    text = f"{functions}, {str(dtype)[6:]}, seed {seed}"
    return Case(model, x, y, text)


def run(backward, case, model=None):
    """Forward and `backward` on copies; the model that holds the results."""
    model = copy_of(case.model) if model is None else model
    backward(model, case.y.clone(), model(case.x.clone()))
    return model


def loss_of(model, x, y):
    return ((model(x) - y) ** 2).sum()


def parameters_of(model):
    """Yields name, parameter, the dictionary of its gradient and the layer."""
    for layer in range(1, model.L + 1):
        linear = model.fc[str(layer)]
        yield f"dL_dw[{layer}]", linear.weight, model.dL_dw, layer
        yield f"dL_db[{layer}]", linear.bias, model.dL_db, layer


def gradients_of(model):
    return {name: gradients.get(layer) for name, _, gradients, layer in parameters_of(model)}


def tolerance_of(case):
    """The relative error allowed against autograd in the case's dtype."""
    return TOLERANCE.get(case.y.dtype) or 50 * torch.finfo(case.y.dtype).eps


def with_slope_error(model):
    """A copy whose activations have the same values and a slope that is off by 8 eps."""
    shifted = copy_of(model)
    eps = torch.finfo(next(model.parameters()).dtype).eps
    for layer, f in model.f.items():
        shifted.f[layer] = lambda z, f=f: f(z) + 8 * eps * (z - z.detach())
    return shifted


@torch.enable_grad()
def autograd_of(case, tolerance):
    """By name: autograd's gradient, and the size that an error in it is relative to.

    Rounding sets two limits. A sum over the batch that nearly cancels is known to eps times its
    terms, here the gradients of up to eight parts of the batch. And 1 - tanh(z)^2 of a saturated
    unit is known to eps, not to eps times itself: what 8 eps in each slope does is allowed.
    """
    models = [copy_of(case.model), with_slope_error(case.model)]
    parameters = [list(model.requires_grad_(True).parameters()) for model in models]
    sizes = torch.zeros(len(parameters[0]), dtype=torch.double)
    for x, y in zip(case.x.chunk(8), case.y.chunk(8), strict=True):
        part = torch.autograd.grad(loss_of(models[0], x, y), parameters[0])
        sizes += torch.tensor([gradient.abs().max() for gradient in part], dtype=torch.double)
    total, shifted = (
        torch.autograd.grad(loss_of(model, case.x, case.y), p)
        for model, p in zip(models, parameters, strict=True)
    )
    for number, (a, b) in enumerate(zip(total, shifted, strict=True)):
        sizes[number] += (a - b).abs().max() / tolerance
    names = [name for name, *_ in parameters_of(case.model)]
    return dict(zip(names, total, strict=True)), dict(zip(names, sizes.tolist(), strict=True))


# ------------------------------------------------------------------------------------ comparisons


def index_of(entry, shape):
    """The index, one number an axis, of an entry counted in a flat row."""
    return tuple(int(i) for i in np.unravel_index(entry, shape))


def compare(case, name, ours, other, tolerance, size=None, source="autograd"):
    """The largest |ours - other| / size; AssertionError where it is not within the tolerance."""
    assert isinstance(ours, torch.Tensor), f"{case}: {name} is {ours!r}, not a tensor"
    for what in ("shape", "dtype", "device"):
        a, b = getattr(ours, what), getattr(other, what)
        assert a == b, f"{case}: {name} has {what} {a}, {source} gives {b}"
    assert not ours.requires_grad, f"{case}: {name} hangs on autograd's graph"
    ours, other = ours.double(), other.double()
    gap = (ours - other).abs()
    size = max(other.abs().max().item(), ours.abs().max().item()) if size is None else size
    error = gap.max().item() / max(TINY, size)
    if not error <= tolerance:  # written so that NaN fails
        at = index_of(gap.argmax().item(), gap.shape)
        raise AssertionError(
            f"{case}: {name}{list(at)} is {ours[at].item():.17g} but {source} gives "
            f"{other[at].item():.17g}: relative error {error:.1e}, allowed {tolerance:.0e}"
        )
    return error


def bits(value):
    """Something that is equal for two tensors when every bit of them is."""
    if not isinstance(value, torch.Tensor):
        return value
    raw = value.detach().reshape(-1).contiguous().view(torch.uint8)
    return value.shape, value.dtype, bytes(raw.cpu().numpy())


def check_against_autograd(backward, case):
    """Every dL_dw[l] and dL_db[l]: shape, dtype, device and value."""
    tolerance = tolerance_of(case)
    expected, sizes = autograd_of(case, tolerance)
    ours = gradients_of(run(backward, case))
    errors = [compare(case, n, ours[n], expected[n], tolerance, sizes[n]) for n in expected]
    return max(errors)


# ------------------------------------------------------------------- checks of the numbers: others


def in_double(case):
    """The case in double precision, as finite differences need it."""
    return Case(copy_of(case.model).double(), case.x.double(), case.y.double(), case.text)


def directions_of(parameter, every_entry):
    """Unit vectors to walk along: each entry, or three entries and a random direction."""
    count = parameter.numel()
    for entry in range(count) if every_entry else sorted({0, count // 2, count - 1}):
        direction = torch.zeros(count, dtype=parameter.dtype, device=parameter.device)
        direction[entry] = 1
        yield f"{list(index_of(entry, parameter.shape))}", direction.view_as(parameter)
    if not every_entry:
        direction = random_tensor(parameter.shape, count, like=parameter)
        yield " along a random direction", direction / direction.norm()


@torch.no_grad()
def central_difference(model, case, parameter, direction, h):
    """(L(p + h d) - L(p - h d)) / 2h, and the size of the rounding error in it."""
    start = parameter.clone()
    losses = []
    for sign in (1, -1):
        parameter.copy_(start + sign * h * direction)
        y_pred = model(case.x)
        losses.append(((y_pred - case.y) ** 2).sum().item())
    parameter.copy_(start)
    terms = (y_pred - case.y).abs() * (y_pred.abs() + case.y.abs())
    return (losses[0] - losses[1]) / (2 * h), 10 * EPS * terms.sum().item() / h


def check_central_differences(backward, case, steps=(1e-5, 1e-4, 1e-6, 1e-7), tolerance=1e-7):
    """Every entry of a small net, random directions on a large one, at the best step.

    Allowed: 1e-7 of the largest entry, and what rounding does to the difference itself.
    """
    case = in_double(case)
    ours = gradients_of(run(backward, case))
    model = copy_of(case.model)
    every_entry = sum(p.numel() for p in model.parameters()) <= 200
    worst = 0.0
    for name, parameter, *_ in parameters_of(model):
        gradient = ours[name]
        assert isinstance(gradient, torch.Tensor), f"{case}: {name} is {gradient!r}, not a tensor"
        assert gradient.shape == parameter.shape, f"{case}: {name} has shape {gradient.shape}"
        for place, direction in directions_of(parameter, every_entry):
            expected = (gradient * direction).sum().item()
            size = max(TINY, (gradient.abs().max() if every_entry else gradient.norm()).item())
            for h in steps:
                slope, noise = central_difference(model, case, parameter, direction, h)
                if abs(slope - expected) <= tolerance * size + noise:
                    worst = max(worst, abs(slope - expected) / size)
                    break
            else:
                raise AssertionError(
                    f"{case}: {name}{place} is {expected:.17g} but central differences give "
                    f"{slope:.17g}: no h of {steps} agrees"
                )
    return worst


@torch.no_grad()
def check_complex_step(backward, case, h=1e-30, tolerance=1e-14):
    """Im L(p + ih) / h has no cancellation, so it is good to 1e-14; every entry."""
    expected, sizes = autograd_of(case, tolerance)
    ours = gradients_of(run(backward, case))
    model = copy_of(case.model)
    for linear in model.fc.values():
        for name in ("weight", "bias"):
            value = getattr(linear, name).to(torch.complex128)
            setattr(linear, name, torch.nn.Parameter(value, requires_grad=False))
    x, y = case.x.to(torch.complex128), case.y.to(torch.complex128)
    worst = 0.0
    for name, parameter, *_ in parameters_of(model):
        slopes = torch.empty_like(expected[name])
        for entry in range(parameter.numel()):
            value = parameter.view(-1)[entry].clone()
            parameter.view(-1)[entry] = value + 1j * h
            slopes.view(-1)[entry] = loss_of(model, x, y).imag / h
            parameter.view(-1)[entry] = value
        args = (case, name, ours[name], slopes, tolerance, sizes[name], "the complex step")
        worst = max(worst, compare(*args))
    return worst


def as_autograd_function(backward, case):
    """The loss as a torch function of the parameters whose derivative is `backward`."""
    model = copy_of(case.model)
    parameters = [parameter for _, parameter, *_ in parameters_of(model)]

    def forward_pass(values):
        with torch.no_grad():
            for parameter, value in zip(parameters, values, strict=True):
                parameter.copy_(value)
        return model(case.x)

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *values):
            ctx.save_for_backward(*values)
            return ((forward_pass(values) - case.y) ** 2).sum()

        @staticmethod
        def backward(ctx, dL):
            backward(model, case.y.clone(), forward_pass(ctx.saved_tensors))
            return tuple(dL * gradient for gradient in gradients_of(model).values())

    values = [parameter.detach().clone().requires_grad_(True) for parameter in parameters]
    return Loss.apply, values


def check_gradcheck(backward, case):
    """PyTorch's own checker judges the pass, wrapped as an autograd function."""
    function, values = as_autograd_function(backward, case)
    try:
        torch.autograd.gradcheck(function, values, eps=1e-6, atol=1e-7, rtol=1e-6)
    except RuntimeError as error:
        raise AssertionError(f"{case}: gradcheck: {error}") from error


def check_inner_products(backward, case):
    """<u, J v> = <J^T u, v>: J v forward by torch.func.jvp, J^T u by the pass.

    The loss (y_pred - y)^2 has the slope 2 (y_pred - y): with y = y_pred - u / 2 that is u.
    """
    model = copy_of(case.model).requires_grad_(False)
    values = dict(model.named_parameters())
    v = {k: random_tensor(p.shape, i, like=p) for i, (k, p) in enumerate(values.items())}

    def outputs(values):
        return torch.func.functional_call(model, values, (case.x,))

    with warnings.catch_warnings():  # its first call imports something deprecated
        warnings.simplefilter("ignore", FutureWarning)
        y_pred, Jv = torch.func.jvp(outputs, (values,), (v,))
    u = random_tensor(y_pred.shape, 99, like=y_pred)
    ours = gradients_of(run(backward, Case(case.model, case.x, y_pred - u / 2, case.text)))
    pairs = list(zip(ours.values(), v.values(), strict=True))
    left, right = (u * Jv).sum().item(), sum((g * d).sum() for g, d in pairs).item()
    size = (u * Jv).abs().sum().item() + sum((g * d).abs().sum() for g, d in pairs).item()
    if not abs(left - right) <= 1e-13 * max(TINY, size):
        raise AssertionError(f"{case}: <u, J v> is {left:.17g} but <J^T u, v> is {right:.17g}")
    return abs(left - right) / max(TINY, size)


def check_batch_is_sum(backward, case):
    """The gradient of a batch is the sum of its samples' gradients."""
    total = gradients_of(run(backward, case))
    samples = zip(case.x.split(1), case.y.split(1), strict=True)
    singles = [gradients_of(run(backward, Case(case.model, *one, case.text))) for one in samples]
    tolerance = tolerance_of(case)
    _, sizes = autograd_of(case, tolerance)
    worst = 0.0
    for name in total:
        for single in singles:
            assert isinstance(single[name], torch.Tensor), f"{case}: {name} is {single[name]!r}"
        added = torch.stack([single[name] for single in singles]).sum(0)
        args = (case, name, total[name], added, tolerance, sizes[name], "the sum of its samples")
        worst = max(worst, compare(*args))
    return worst


# ------------------------------------------------------------------- checks of what is left alone


def check_repeat(backward, case):
    """A second call overwrites, with the same bits; nothing is kept from the call before."""
    model = run(backward, case)
    first = {name: bits(gradient) for name, gradient in gradients_of(model).items()}
    run(backward, case, model)
    for name, gradient in gradients_of(model).items():
        assert bits(gradient) == first[name], f"{case}: {name} differs when the call is repeated"
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.75)
    tolerance, worst = tolerance_of(case), 0.0
    for first in (slice(0), slice(1)):  # a batch of the same size, then one sample more
        x, y = (torch.cat([values[first], values]) for values in (case.x / 2, case.y + 1))
        moved = Case(copy_of(model), x, y, case.text + ", another batch, weights moved")
        expected, sizes = autograd_of(moved, tolerance)
        run(backward, moved, model)
        for name, ours in gradients_of(model).items():
            error = compare(moved, name, ours, expected[name], tolerance, sizes[name])
            worst = max(worst, error)
    return worst


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


def snapshot(model, tensors):
    """By name, everything that a backward pass leaves as it is."""
    state = {"L": model.L, "n_l": tuple(model.n_l), **global_state()}
    for name, p in model.named_parameters():
        state[f"{name} (the object)"] = id(p)
        state[f"{name} (its values)"] = bits(p)
        state[f"{name}.requires_grad, is_leaf"] = p.requires_grad, p.is_leaf
        state[f"{name}.grad"] = id(p.grad), bits(p.grad)
    for name in ("z", "a", "f", "df"):
        for layer, value in getattr(model, name).items():
            state[f"{name}[{layer}]"] = id(value), bits(value)
    for name, module in model.named_modules():
        state[f"{name}.training"] = module.training
        hooks = {key: len(value) for key, value in vars(module).items() if key.endswith("_hooks")}
        state[f"{name}'s hooks"] = hooks
    return state | {name: bits(tensor) for name, tensor in tensors.items()}


def check_nothing_else_changes(backward, case):
    """Weights, .grad, flags, z, a, f, df, inputs, targets, random state: bit for bit as before."""
    model = copy_of(case.model)
    for number, parameter in enumerate(model.parameters()):  # a pass that copies .grad gets these
        parameter.grad = random_tensor(parameter.shape, number, like=parameter)
    tensors = {"x": case.x.clone(), "y_true": case.y.clone()}
    tensors["y_pred"] = model(tensors["x"])
    before = snapshot(model, tensors)
    backward(model, tensors["y_true"], tensors["y_pred"])
    after = snapshot(model, tensors)
    for name in before | after:
        assert before.get(name) == after.get(name), f"{case}: {name} was changed"
    others = {f"{k}[{i}]": t for k in ("z", "a") for i, t in getattr(model, k).items()}
    others |= {name: p for name, p in model.named_parameters()} | tensors
    others |= {f"{name}.grad": p.grad for name, p in model.named_parameters()}
    seen = {t.untyped_storage().data_ptr(): name for name, t in others.items()}
    for name, gradient in gradients_of(model).items():
        assert isinstance(gradient, torch.Tensor), f"{case}: {name} is {gradient!r}, not a tensor"
        assert not gradient.requires_grad, f"{case}: {name} hangs on autograd's graph"
        owner = seen.setdefault(gradient.untyped_storage().data_ptr(), name)
        assert owner == name, f"{case}: {name} shares its memory with {owner}"


def check_nan_stays(backward, case):
    """NaN in, NaN out: a pass that hides it would let a ruined training run on."""
    spoiled = case.y.clone()
    spoiled[-1, 0] = float("nan")
    text = case.text + ", a NaN in the last target"
    for name, gradient in gradients_of(
        run(backward, Case(case.model, case.x, spoiled, text))
    ).items():
        assert isinstance(gradient, torch.Tensor), f"{case}: {name} is {gradient!r}, not a tensor"
        assert torch.isnan(gradient).any(), f"{case}, {text}: {name} has no NaN"


class Watched(torch.autograd.Function):
    """An activation that writes into a list when autograd goes back through it."""

    @staticmethod
    def forward(ctx, z, f, log):
        ctx.log = log
        return f(z)

    @staticmethod
    def backward(ctx, dL_da):
        ctx.log.append("autograd")
        return dL_da, None, None


def check_without_autograd(backward, case):
    """The pass asks autograd for nothing, and works where autograd is off."""
    expected = gradients_of(run(backward, case))
    watched, log = copy_of(case.model), []
    for layer, f in case.model.f.items():
        watched.f[layer] = lambda z, f=f: Watched.apply(z, f, log)
    run(backward, case, watched)
    assert not log, f"{case}: the pass goes back through autograd's graph"
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            ours = gradients_of(run(backward, case))
        for name in expected:
            same = bits(ours[name]) == bits(expected[name])
            assert same, f"{case}: {name} differs under torch.{mode.__name__}"


def check_dtypes(backward, case):
    """Double and single precision, whatever torch's default dtype is."""
    worst = 0.0
    before = torch.get_default_dtype()
    for dtype in (torch.double, torch.float):
        for default in (torch.double, torch.float):
            model = copy_of(case.model).to(dtype)
            text = f"{case.text}, now {dtype} while the default is {default}"
            torch.set_default_dtype(default)
            try:
                as_dtype = Case(model, case.x.to(dtype), case.y.to(dtype), text)
                error = check_against_autograd(backward, as_dtype)
            finally:
                torch.set_default_dtype(before)
            worst = max(worst, error if dtype == torch.double else 0.0)
    return worst


def check_trainable(backward, case):
    """Every parameter is a leaf that requires a gradient, before the pass and after it."""
    model = copy_of(case.model)
    for moment in ("before", "after"):
        for name, parameter in model.named_parameters():
            assert parameter.is_leaf, f"{case}: {name} is no leaf {moment} the pass"
            assert parameter.requires_grad, f"{case}: {name} requires no gradient {moment} the pass"
        if moment == "before":
            run(backward, case, model)


def sgd_step(model, learning_rate):
    torch.optim.SGD(model.parameters(), lr=learning_rate).step()


def check_optimizer(backward, case, step=sgd_step):
    """With hand-made gradients in .grad, a step moves every parameter to p - lr * gradient.

    First the gradients of the pass, then random ones: those move every entry for certain.
    """
    model = run(backward, case)
    learning_rate = 0.01
    for source in ("the pass", "random numbers"):
        initial = [parameter.detach().clone() for parameter in model.parameters()]
        for number, (name, parameter, gradients, layer) in enumerate(parameters_of(model)):
            gradient = gradients[layer]
            if source == "random numbers":
                gradient = random_tensor(parameter.shape, number, like=parameter)
            assert isinstance(gradient, torch.Tensor), f"{case}: {name} is {gradient!r}"
            parameter.grad = gradient.clone()
        expected = [
            torch.add(start, parameter.grad, alpha=-learning_rate)
            for start, parameter in zip(initial, model.parameters(), strict=True)
        ]
        step(model, learning_rate)
        for number, (name, parameter) in enumerate(model.named_parameters()):
            where = f"{case}: a step with gradients from {source}"
            right = bits(parameter) == bits(expected[number])
            assert right, f"{where} put {name} in the wrong place"
            assert torch.isfinite(parameter).all(), f"{where} left {name} not finite"
            moved = source == "the pass" or not torch.equal(parameter, initial[number])
            assert moved, f"{where} did not move {name}"


def refusal(case, what, call):
    """The words with which `call` is refused; AssertionError where it is accepted."""
    try:
        call()
    except (ValueError, RuntimeError) as error:
        return str(error)
    raise AssertionError(f"{case}: {what} is accepted")


def check_refuses(backward, case):
    """Shapes that differ or would broadcast, a stale or missing forward pass, a wrong df."""
    y, shape = case.y, tuple(case.y.shape)
    targets = [y[:, :1], y[:1], y[0], y[0, 0], y[None], torch.cat([y, y]), y.T, y.flatten()]
    for target in targets:
        if target.shape == y.shape:
            continue
        model = copy_of(case.model)
        y_pred = model(case.x)
        what = f"a target of shape {tuple(target.shape)} for outputs of shape {shape}"
        words = refusal(case, what, lambda m=model, t=target, p=y_pred: backward(m, t, p))
        for met in (tuple(target.shape), shape):
            assert str(met) in words, f"{case}: the refusal of {what} does not name {met}: {words}"
        untouched = all(gradient is None for gradient in gradients_of(model).values())
        assert untouched, f"{case}: {what} is refused, but some gradients are set"
    model = copy_of(case.model)
    words = refusal(case, "no forward pass", lambda: backward(model, y, y))
    assert "forward" in words, f"{case}: the refusal without a forward pass says: {words}"
    for other in (case.x + 1, torch.cat([case.x, case.x])):
        y_pred = model(case.x).detach().clone()
        model(other)
        what = f"y_pred of another forward pass, whose x was {tuple(other.shape)},"
        words = refusal(case, what, lambda p=y_pred: backward(model, y, p))
        assert "forward pass" in words, f"{case}: the refusal of {what} says: {words}"
        assert str(shape) in words, f"{case}: the refusal of {what} does not name {shape}: {words}"
    for kind in WRONG_SLOPES:
        model = copy_of(case.model)
        model.df[1] = WRONG_SLOPES[kind]
        y_pred = model(case.x)
        if model.df[1](model.z[1]).shape != model.z[1].shape:
            refusal(case, f"a df that gives {kind}", lambda m=model, p=y_pred: backward(m, y, p))


WRONG_SLOPES = {
    "one row": lambda z: torch.ones_like(z[:1]),
    "one column more": lambda z: torch.ones_like(torch.cat([z, z[:, :1]], 1)),
    "the transpose": lambda z: torch.ones_like(z.T),
}

# ------------------------------------------------------------------------------------------ MNIST

MNIST_MD5 = {  # of the unpacked files
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def find_mnist(root):
    """The bytes of MNIST's test images and labels below root/MNIST/raw, packed or not, or None."""
    contents = []
    for name, md5 in MNIST_MD5.items():
        path = Path(root) / "MNIST" / "raw" / name
        with contextlib.suppress(OSError, EOFError, zlib.error):
            packed = path.with_name(name + ".gz")
            if packed.is_file():
                content = gzip.decompress(packed.read_bytes())
            else:
                content = path.read_bytes()
            if hashlib.md5(content).hexdigest() == md5:
                contents.append(content)
    return contents if len(contents) == len(MNIST_MD5) else None


def download_mnist(root):
    """Let torchvision fetch MNIST into root; OSError or RuntimeError where it cannot."""
    from torchvision.datasets import MNIST

    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(30)
    try:
        MNIST(root=root, train=False, download=True)
    finally:
        socket.setdefaulttimeout(patience)


def load_mnist(count=64, download=True):
    """The first MNIST test images, cropped to (count, 1, 24, 24) and normalized, and their labels.

    A copy in data/ or in the folder named by MNIST_ROOT is used; otherwise torchvision downloads
    one into data/. FileNotFoundError where there is neither a copy nor a way to fetch it.
    """
    from torchvision.datasets import mnist

    data = Path(__file__).resolve().parent / "data"
    roots = [data, *map(Path, filter(None, [os.environ.get("MNIST_ROOT")]))]
    found = next(filter(None, map(find_mnist, roots)), None)
    problem = "no download was asked for"
    if found is None and download:
        try:
            download_mnist(data)
            found = find_mnist(data)
            problem = f"what lies in {data / 'MNIST'} has the wrong MD5: delete it and run again"
        except (OSError, RuntimeError) as error:
            problem = f"the download failed: {error}".rstrip(".\n")
    if found is None:
        raise FileNotFoundError(
            f"No MNIST test images: {problem}.\n"
            f"Wanted: MNIST/raw/{' and '.join(MNIST_MD5)} (.gz or not)\n"
            f"in {' or '.join(map(str, roots))}. Put the files of {mnist.MNIST.mirrors[0]}\n"
            "there, or name a folder that has them in the environment variable MNIST_ROOT."
        )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in MNIST_MD5]
        for path, content in zip(paths, found, strict=True):
            path.write_bytes(content)
        images, labels = mnist.read_image_file(paths[0]), mnist.read_label_file(paths[1])
    pixels = images[:count, None, 2:26, 2:26].double() / 255
    return (pixels - 0.1307) / 0.3081, labels[:count]


# -------------------------------------------------------------------------------------- main_test

DATA = {"toy": "toy data", "mnist": "MNIST", "stand-in": "stand-in images, not MNIST"}


def batches_of(model, data):
    """Inputs and targets for the model, from one fixed generator: 64 samples."""
    if data not in DATA:
        raise ValueError(f'data is one of "toy", "mnist" and "stand-in", not {data!r}')
    x, labels = random_tensor((64, model.n_l[0]), 1), torch.arange(64)
    if data != "toy":
        if model.n_l[0] != 576:
            raise ValueError(
                f'data="{data}" gives images of 24 x 24 = 576 pixels, but n_l[0] is {model.n_l[0]}'
            )
        x = random_tensor((64, 1, 24, 24), 1)
    if data == "mnist":
        x, labels = load_mnist()
    y = random_tensor((64, model.n_l[-1]), 2)
    if data != "toy" and model.n_l[-1] == 10:
        y = torch.nn.functional.one_hot(labels % 10, 10)
    parameter = next(model.parameters())
    return x.to(parameter), y.to(parameter)


def small_cases(net_class):
    """Nets on which one mistake does not hide behind another's shape, each with its batch."""
    return [
        make_case(net_class, [2, 3, 2], 4, seed=1),
        make_case(net_class, [3, 3, 3, 3], 3, ["sin 2z", "sigmoid", "softplus"], seed=2),
        make_case(net_class, [4, 2, 5, 1], 1, ["softplus", "tanh", "identity"], seed=3),
        make_case(net_class, [6, 4, 3], 5, ["sigmoid", "sin"], seed=4, x_shape=(1, 2, 3)),
        make_case(net_class, [2] * 9, 2, ["sin", "tanh"], seed=5),
        make_case(net_class, [1, 1], 7, ["tanh"], seed=6),
    ]


def unusual_cases(net_class):
    """Large and small batches, wide layers, far targets, a near fit, a kink: against autograd."""
    sizes = [(1, [5, 5]), (2, [3, 600, 2]), (3, [600, 2]), (33, [2, 40, 3]), (130, [3, 4, 2])]
    sizes += [(300, [2, 2, 2]), (1030, [2, 1]), (256, [2, 2]), (9, [2] * 11)]
    cases = [make_case(net_class, n_l, n, SMOOTH, seed=10 + n) for n, n_l in sizes]
    odd = {
        text: make_case(net_class, [3, 4, 2], 6, seed=seed)
        for seed, text in enumerate(("far targets", "a near fit", "tiny inputs", "with a ReLU"), 6)
    }
    far, near, tiny, kink = odd.values()
    far.y = far.y * 1e100
    near.y = copy_of(near.model)(near.x).detach() + near.y * 1e-9
    tiny.x = tiny.x * 1e-100
    set_activations(kink.model, ["relu", "identity"])
    for text, case in odd.items():
        case.text += ", " + text
    return [*cases, *odd.values()]


def checks_for(model, data):
    """The checks of main_test: title, check, cases."""
    x, y = batches_of(model, data)
    name = f"{DATA[data]}, seed 1"
    yours = [Case(model, x[:n], y[:n], f"the model given, {name}") for n in (1, 2, 7)]
    whole = Case(model, x, y, f"the model given, {name}")
    swapped = Case(copy_of(model), x[:3], y[:3], "the model given with other activations, " + name)
    set_activations(swapped.model, ["sin 2z", "sigmoid", "tanh"])
    small, unusual = small_cases(type(model)), unusual_cases(type(model))
    return [
        ("against autograd", check_against_autograd, [*yours, whole, swapped]),
        ("against central differences", check_central_differences, [*yours, swapped]),
        ("other nets against autograd", check_against_autograd, small + unusual),
        ("other nets against differences", check_central_differences, small),
        ("a batch is the sum of its samples", check_batch_is_sum, [yours[2], *small]),
        ("a second call overwrites", check_repeat, [yours[1], *small[:3]]),
        ("nothing else changes", check_nothing_else_changes, [*yours[:2], *small]),
        ("NaN in gives NaN out", check_nan_stays, [yours[1], *small]),
        ("autograd is not used", check_without_autograd, [yours[1], *small[:2]]),
        ("single and double precision", check_dtypes, small[:2]),
        ("an optimizer moves the weights", check_optimizer, [yours[1], small[0]]),
        ("parameters stay trainable leaves", check_trainable, [yours[0]]),
    ]


def verdict(backward, check, cases, verbose=False):
    """The first thing wrong, in words, or None; whatever happens inside, nothing is raised."""
    for case in cases:
        with global_state_kept():
            try:
                error = check(backward, case)
            except (Exception, SystemExit) as problem:
                kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
                return f"{kind}{problem}".partition("\n")[0] or "AssertionError"
        if verbose:
            print(f"            {'' if error is None else f'error {error:.1e}  '}{case}")
    return None


def main_test(backpropagation, model, verbose=False, data="toy"):
    """True where `backpropagation` is right on this model and on small nets of the same class.

    model: a MyNet, with its own f and df; it is left as it is. data: "toy" for random numbers,
    "mnist" for MNIST images of 24 x 24 (n_l[0] is 576), "stand-in" for random images of that size.
    Prints a verdict for each check. A wrong backward pass gives False, never an exception.
    """
    with global_state_kept():
        checks = checks_for(model, data)
    print(f"main_test: net {model.n_l}, {checks[0][2][0].text.partition(', ')[2]}")
    wrong = 0
    for title, check, cases in checks:
        problem = verdict(backpropagation, check, cases, verbose)
        print(f"    {'ok    ' if problem is None else 'FAILED'}  {title}")
        if problem is not None:
            print("            " + problem[:300].replace(": ", ":\n            ", 2))
        wrong += problem is not None
    print(f"main_test: {len(checks) - wrong} of {len(checks)} checks passed")
    return not wrong


# ----------------------------------------------------------------------------------- planted bugs


def variant(
    residual=lambda y_pred, y_true: 2 * (y_pred - y_true),
    slope=lambda model, layer: model.df[layer](model.z[layer]),
    weight=lambda model, layer: model.fc[str(layer)].weight,
    dw=lambda dL_dz, a: dL_dz.T @ a,
    db=lambda dL_dz: dL_dz.sum(0),
    layers=lambda model: range(model.L, 0, -1),
):
    """A right backward pass, or with one of its five formulas or the order replaced."""

    @torch.no_grad()
    def backward(model, y_true, y_pred):
        dL_da = residual(y_pred, y_true)
        for layer in layers(model):
            dL_dz = dL_da * slope(model, layer)
            model.dL_dw[layer] = dw(dL_dz, model.a[layer - 1])
            model.dL_db[layer] = db(dL_dz)
            dL_da = dL_dz @ weight(model, layer)

    return backward


PLAIN = variant()  # right, so what a check rejects below is the bug alone


def after(change):
    """The right pass, then `change(model, y_true, y_pred)`."""

    @torch.no_grad()
    def backward(model, y_true, y_pred):
        PLAIN(model, y_true, y_pred)
        change(model, y_true, y_pred)

    return backward


def edited(edit, when=lambda model, y_true: True):
    """The right pass, then every gradient g becomes edit(g) where `when` says so."""

    def change(model, y_true, y_pred):
        if when(model, y_true):
            for _, _, gradients, layer in parameters_of(model):
                gradients[layer] = edit(gradients[layer])

    return after(change)


def with_grad(change):
    """The right pass, then `change(parameter, its gradient)` for each parameter."""

    def change_all(model, y_true, y_pred):
        for _, parameter, gradients, layer in parameters_of(model):
            change(parameter, gradients[layer])

    return after(change_all)


def by_autograd(model, y_true, y_pred):
    with torch.enable_grad():
        loss = ((model(model.a[0]) - y_true) ** 2).sum()
    for _, parameter, gradients, layer in parameters_of(model):
        (gradients[layer],) = torch.autograd.grad(loss, parameter, retain_graph=True)


def by_the_graph(model, y_true, y_pred):
    loss = ((y_pred - y_true) ** 2).sum()
    for _, parameter, gradients, layer in parameters_of(model):
        (gradients[layer],) = torch.autograd.grad(loss, parameter, retain_graph=True)


def by_copying_grad(model, y_true, y_pred):
    for _, parameter, gradients, layer in parameters_of(model):
        gradients[layer] = parameter.grad.clone()


def accumulating(model, y_true, y_pred):
    old = gradients_of(model)
    PLAIN(model, y_true, y_pred)
    for name, _, gradients, layer in parameters_of(model):
        if old[name] is not None and old[name].shape == gradients[layer].shape:
            gradients[layer] = gradients[layer].detach() + 0.9 * old[name].detach()


def with_first_weights(model, y_true, y_pred):
    if not hasattr(model, "remembered"):
        model.remembered = {k: linear.weight.clone() for k, linear in model.fc.items()}
    variant(weight=lambda model, layer: model.remembered[str(layer)])(model, y_true, y_pred)


def with_graph_attached(model, y_true, y_pred):
    PLAIN.__wrapped__(model, y_true, y_pred)


def square(matrix):
    return matrix.shape[0] == matrix.shape[1]


def other_layer(model, layer):
    """Another layer of the same shape, or the layer itself."""
    shape = model.fc[str(layer)].weight.shape
    same = [k for k in range(1, model.L + 1) if model.fc[str(k)].weight.shape == shape]
    return same[same.index(layer) - 1]


def swap(gradients, one, other):
    gradients[one], gradients[other] = gradients[other], gradients[one]


def replaced(gradients, layer, edit):
    gradients[layer] = edit(gradients[layer])


def spoil_entry(gradient, value):
    gradient.view(-1)[-1] = value


def replace_parameters(model):
    for linear in model.fc.values():
        linear.weight = torch.nn.Parameter(linear.weight.detach().clone())


def with_weights_of_the_first_call_of_each_shape(model, y_true, y_pred):
    first = {layer: linear.weight.detach().clone() for layer, linear in model.fc.items()}
    kept = model.__dict__.setdefault("kept", {}).setdefault(tuple(y_pred.shape), first)
    variant(weight=lambda model, layer: kept[str(layer)])(model, y_true, y_pred)


PLANTED_BUGS = {
    # the formulas
    "layers in the order of their names": variant(  # 10 stands before 2 there
        layers=lambda model: map(int, sorted(model.fc, reverse=True))
    ),
    "weights of the first call of each shape": with_weights_of_the_first_call_of_each_shape,
    "factor 2 forgotten": variant(lambda y_pred, y_true: y_pred - y_true),
    "sign": variant(lambda y_pred, y_true: 2 * (y_true - y_pred)),
    "slope of the absolute error": variant(lambda y_pred, y_true: (y_pred - y_true).sign()),
    "divided by the batch": variant(lambda p, y: 2 * (p - y) / len(p)),
    "divided by the outputs": variant(lambda p, y: 2 * (p - y) / p.shape[1]),
    "divided by both": variant(lambda p, y: 2 * (p - y) / p.numel()),
    "first sample alone": variant(dw=lambda d, a: d[:1].T @ a[:1], db=lambda d: d[0]),
    "last sample dropped": variant(dw=lambda d, a: d[:-1].T @ a[:-1], db=lambda d: d[:-1].sum(0)),
    "batch averaged in the bias": variant(db=lambda d: d.mean(0)),
    "bias of the first sample": variant(db=lambda d: d[0].clone()),
    "bias dropped": variant(db=lambda d: torch.zeros_like(d[0])),
    "bias summed over the units": variant(
        db=lambda d: d.sum(1) if square(d) else d.sum(0),
    ),
    "bias keeps a batch axis": variant(db=lambda d: d.sum(0, keepdim=True)),
    "batch collapsed first": variant(dw=lambda d, a: torch.outer(d.sum(0), a.sum(0))),
    "batch collapsed, averaged": variant(dw=lambda d, a: torch.outer(d.sum(0), a.mean(0))),
    "weight not transposed when square": variant(
        weight=lambda model, layer: (
            model.fc[str(layer)].weight.T
            if square(model.fc[str(layer)].weight)
            else model.fc[str(layer)].weight
        )
    ),
    "gradient transposed when square": variant(
        dw=lambda d, a: a.T @ d if d.shape[1] == a.shape[1] else d.T @ a
    ),
    "gradient transposed": variant(dw=lambda d, a: a.T @ d),
    "batch and unit confused when equal": variant(
        dw=lambda d, a: d @ a if len(d) == d.shape[1] else d.T @ a
    ),
    "weights of another layer": variant(
        weight=lambda model, layer: model.fc[str(other_layer(model, layer))].weight
    ),
    "derivative at a": variant(slope=lambda model, layer: model.df[layer](model.a[layer])),
    "derivative always tanh's": variant(
        slope=lambda model, layer: 1 - torch.tanh(model.z[layer]) ** 2
    ),
    "derivative of tanh through a": variant(slope=lambda model, layer: 1 - model.a[layer] ** 2),
    "f for df": variant(slope=lambda model, layer: model.f[layer](model.z[layer])),
    "derivative of the first layer": variant(
        slope=lambda model, layer: model.df[1](model.z[layer])
    ),
    "derivative of the last layer": variant(
        slope=lambda model, layer: model.df[model.L](model.z[layer])
    ),
    "derivative cut at 1": variant(
        slope=lambda model, layer: model.df[layer](model.z[layer]).clamp(max=1)
    ),
    "no derivative at the output": variant(
        slope=lambda model, layer: 1 if layer == model.L else model.df[layer](model.z[layer])
    ),
    "no derivative below the output": variant(
        slope=lambda model, layer: model.df[layer](model.z[layer]) if layer == model.L else 1
    ),
    "derivative of the first sample": variant(
        slope=lambda model, layer: model.df[layer](model.z[layer][:1])
    ),
    # what becomes of the right gradients
    "first layer lost": after(lambda model, *_: replaced(model.dL_dw, 1, torch.zeros_like)),
    "last layer lost": after(lambda model, *_: replaced(model.dL_db, model.L, torch.zeros_like)),
    "first layer not set": after(lambda model, *_: model.dL_dw.update({1: None})),
    "last layer deleted": after(lambda model, *_: model.dL_dw.pop(model.L)),
    "nothing set": lambda model, y_true, y_pred: None,
    "layers in the wrong order": after(
        lambda model, *_: swap(model.dL_dw, model.L, other_layer(model, model.L))
    ),
    "zeros": edited(torch.zeros_like),
    "NaN": edited(lambda g: g * float("nan")),
    "NaN in one entry": after(lambda model, *_: spoil_entry(model.dL_dw[1], float("nan"))),
    "NaN in one bias": after(lambda model, *_: spoil_entry(model.dL_db[model.L], float("nan"))),
    "infinite": edited(lambda g: g / 0),
    "infinite in one entry": after(lambda model, *_: spoil_entry(model.dL_db[1], float("inf"))),
    "one entry zero": after(lambda model, *_: spoil_entry(model.dL_dw[model.L], 0.0)),
    "single precision inside": edited(lambda g: g.float().to(g.dtype)),
    "single precision of a": variant(dw=lambda d, a: d.T @ a.float().to(a.dtype)),
    "single precision of the weights": variant(
        weight=lambda model, layer: (
            model.fc[str(layer)].weight.float().to(model.fc[str(layer)].weight.dtype)
        )
    ),
    "results in single precision": edited(lambda g: g.float()),
    "results in double precision": edited(lambda g: g.double()),
    "wrong in single precision": edited(lambda g: g * 1.01, lambda m, y: y.dtype == torch.float),
    "rounded to 6 digits": edited(lambda g: torch.round(g, decimals=6)),
    "off by one part in 1e10": edited(lambda g: g * (1 + 1e-10)),
    "off by 1e-9": edited(lambda g: g + 1e-9),
    "clipped": edited(lambda g: g.clamp(-10, 10)),
    "clipped by norm": edited(lambda g: g * min(1.0, 100.0 / (g.norm().item() + TINY))),
    "small ones flushed to zero": edited(lambda g: torch.where(g.abs() < 1e-7, 0 * g, g)),
    "tiny ones flushed to zero": edited(lambda g: torch.where(g.abs() < 1e-30, 0 * g, g)),
    "NaN hidden": edited(torch.nan_to_num),
    "noise": edited(lambda g: g + 1e-8 * torch.rand_like(g)),
    "flattened": edited(lambda g: g.flatten()),
    "a list": edited(lambda g: g.tolist()),
    "a numpy array": edited(lambda g: g.numpy()),
    # only sometimes wrong
    "wrong for one sample": edited(lambda g: g * 2, lambda m, y: len(y) == 1),
    "wrong for two samples": edited(lambda g: g * 2, lambda m, y: len(y) == 2),
    "wrong for more than one": edited(lambda g: g * 2, lambda m, y: len(y) > 1),
    "wrong for large batches": edited(lambda g: g * 2, lambda m, y: len(y) > 256),
    "wrong for odd batches": edited(lambda g: g * 2, lambda m, y: len(y) % 2 == 1),
    "wrong for deep nets": edited(lambda g: g * 2, lambda m, y: m.L > 4),
    "wrong for one layer": edited(lambda g: g * 2, lambda m, y: m.L == 1),
    "wrong for wide nets": edited(lambda g: g * 2, lambda m, y: max(m.n_l) > 64),
    "wrong for very wide nets": edited(lambda g: g * 2, lambda m, y: max(m.n_l) > 512),
    "wrong for very large batches": edited(lambda g: g * 2, lambda m, y: len(y) > 1024),
    "wrong for one unit": edited(lambda g: g * 2, lambda m, y: min(m.n_l) == 1),
    "wrong for one output": edited(lambda g: g * 2, lambda m, y: m.n_l[-1] == 1),
    "wrong for other functions": edited(lambda g: g * 2, lambda m, y: m.f[1] is not torch.tanh),
    "wrong for wide targets": edited(lambda g: g * 2, lambda m, y: bool((y.abs() > 100).any())),
    "wrong without a graph": edited(lambda g: g * 2, lambda m, y: not m.a[m.L].requires_grad),
    # what is kept between calls, and where the numbers come from
    "accumulating": accumulating,
    "weights of the first call": with_first_weights,
    "autograd, anew": by_autograd,
    "autograd, on the graph": by_the_graph,
    ".grad copied": by_copying_grad,
    "graph attached": with_graph_attached,
    # what else it changes
    ".grad written": with_grad(lambda p, g: setattr(p, "grad", g.clone())),
    ".grad shared": with_grad(lambda p, g: setattr(p, "grad", g)),
    ".grad added to": with_grad(lambda p, g: p.grad is not None and p.grad.add_(g)),
    ".grad removed": with_grad(lambda p, g: setattr(p, "grad", None)),
    ".grad zeroed": with_grad(lambda p, g: p.grad is not None and p.grad.zero_()),
    "weights moved by 0.1 of the gradient": with_grad(lambda p, g: p.sub_(0.1 * g)),
    "weights moved by 1e-9 of the gradient": with_grad(lambda p, g: p.sub_(1e-9 * g)),
    "weights moved by 1e-9": with_grad(lambda p, g: p.add_(1e-9)),
    "weights moved by one bit": with_grad(lambda p, g: p.mul_(1 + torch.finfo(p.dtype).eps)),
    "weights replaced by copies": after(lambda model, *_: replace_parameters(model)),
    "weights frozen": with_grad(lambda p, g: p.requires_grad_(False)),
    "target changed": after(lambda model, y_true, y_pred: y_true.zero_()),
    "prediction changed": after(lambda model, y_true, y_pred: y_pred.sub_(y_true)),
    "input changed": after(lambda model, *_: model.a[0].mul_(2)),
    "z changed": after(lambda model, *_: model.z[1].cos_()),
    "a changed": after(lambda model, *_: model.a[1].zero_()),
    "z thrown away": after(lambda model, *_: model.z.update({1: None})),
    "a replaced": after(lambda model, *_: model.a.update({1: model.a[1] + 1})),
    "df replaced": after(lambda model, *_: model.df.update({1: torch.ones_like})),
    "f replaced": after(lambda model, *_: model.f.update({model.L: torch.sin})),
    "random numbers used": after(lambda *_: torch.rand(1)),
    "seed set": after(lambda *_: torch.manual_seed(0)),
    "numpy's seed set": after(lambda *_: np.random.seed(0)),  # noqa: NPY002
    "default dtype set": after(lambda *_: torch.set_default_dtype(torch.half)),
    "autograd left off": lambda *args: (PLAIN(*args), torch.set_grad_enabled(False)),
    "eval mode": after(lambda model, *_: model.eval()),
    "a hook left behind": after(lambda model, *_: model.register_forward_hook(lambda *_: None)),
    "an exit": lambda model, y_true, y_pred: sys.exit(1),
    "an exception": lambda model, y_true, y_pred: 1 / 0,
}


def ignoring_wrong_calls(model, y_true, y_pred):
    if y_true.shape == y_pred.shape:
        PLAIN(model, y_true, y_pred)


INTERFACE_FAULTS = {  # right numbers for right calls, but wrong calls get wrong numbers
    "no shapes checked": PLAIN,
    "targets broadcast": lambda model, y_true, y_pred: PLAIN(
        model, torch.broadcast_to(y_true, y_pred.shape), y_pred
    ),
    "targets reshaped": lambda model, y_true, y_pred: PLAIN(
        model, y_true.reshape(y_pred.shape), y_pred
    ),
    "the last forward pass used": lambda model, y_true, y_pred: PLAIN(
        model, y_true, model.a[model.L]
    ),
    "wrong calls ignored": ignoring_wrong_calls,
}

# ---------------------------------------------------------------------------- the tests: the pass


def judges(net_class):
    """Check by check, the cases that it judges a pass on."""
    small, unusual = small_cases(net_class), unusual_cases(net_class)
    return [
        (check_against_autograd, small + unusual),
        (check_central_differences, small),
        (check_complex_step, small[:1] + small[4:]),
        (check_gradcheck, small),
        (check_inner_products, small),
        (check_batch_is_sum, small),
        (check_repeat, small),
        (check_nothing_else_changes, small),
        (check_nan_stays, small),
        (check_without_autograd, small),
        (check_dtypes, small),
        (check_optimizer, small),
        (check_trainable, small),
    ]


def rejections(backward, net_class):
    """Yields the name of each check that rejects the pass, and its words."""
    for check, cases in judges(net_class):
        problem = verdict(backward, check, cases)
        if problem is not None:
            yield check.__name__, problem


@pytest.fixture(params=["backpropagation", "backpropagation_by_loop"])
def backward(request, part1):
    """The notebook's two forms: the same tests for both."""
    return getattr(part1, request.param)


def test_every_check_accepts_the_right_pass(backward, part1):
    assert not list(rejections(backward, part1.MyNet))


def test_every_check_accepts_another_right_pass(part1):
    assert not list(rejections(PLAIN, part1.MyNet))


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_planted_bug_is_rejected(part1, name):
    found = next(rejections(PLANTED_BUGS[name], part1.MyNet), None)
    assert found is not None, f"{name}: no check rejects it"


def test_y_pred_is_compared_in_every_bit(backward, part1):
    """A copy of the right values is right, NaN included; one bit more is stale."""
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    for spoil in (False, True):
        if spoil:
            case.x[0, 0] = float("nan")
        model = copy_of(case.model)
        y_pred = model(case.x).detach().clone()
        backward(model, case.y, y_pred)
        y_pred[-1, -1] = torch.nextafter(y_pred[-1, -1], y_pred.new_tensor(9.0))
        words = refusal(case, "one bit more", lambda m=model, p=y_pred: backward(m, case.y, p))
        assert "forward pass" in words


def test_y_pred_in_another_precision_is_refused(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    y_pred = case.model(case.x).float()
    words = refusal(case, "single precision", lambda: backward(case.model, case.y, y_pred))
    assert "float32" in words and "float64" in words


def test_another_f_with_the_slope_of_tanh(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    case.model.f = dict.fromkeys(case.model.f, lambda z: torch.tanh(z) + 1)
    check_against_autograd(backward, case)


def test_a_pass_that_fails_leaves_no_old_gradient(part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, ["sin"], seed=1)
    model = run(part1.backpropagation, case)
    model.df[2] = WRONG_SLOPES["one row"]
    y_pred = model(case.x)
    refusal(case, "one row", lambda: part1.backpropagation(model, case.y, y_pred))
    assert all(gradient is None for gradient in gradients_of(model).values())


@pytest.mark.parametrize("name", ["sign", "NaN", "off by one part in 1e10"])
def test_the_comparison_in_the_notebook_can_fail(part1, name):
    with pytest.raises(AssertionError):
        part1.assert_like_autograd(PLANTED_BUGS[name])


def test_a_planted_bug_is_named_with_all_that_replays_it(part1):
    """The message names net, batch, parameter, both values and the seed."""
    words = dict(rejections(PLANTED_BUGS["factor 2 forgotten"], part1.MyNet))
    for check in ("check_against_autograd", "check_central_differences", "check_complex_step"):
        for part in ("net [2, 3, 2]", "batch 4", "seed 1", "dL_dw[1]["):
            assert part in words[check], words[check]


PROVED_BY = {  # each check can fail: a bug that it rejects
    check_against_autograd: "off by one part in 1e10",
    check_central_differences: "sign",
    check_complex_step: "single precision of a",
    check_gradcheck: "derivative at a",
    check_inner_products: "weight not transposed when square",
    check_batch_is_sum: "divided by the batch",
    check_repeat: "weights of the first call",
    check_nothing_else_changes: "weights moved by one bit",
    check_nan_stays: "NaN hidden",
    check_without_autograd: "autograd, on the graph",
    check_dtypes: "wrong in single precision",
    check_optimizer: "NaN in one entry",
    check_trainable: "weights frozen",
}


@pytest.mark.parametrize("check", PROVED_BY, ids=lambda check: check.__name__)
def test_each_check_can_fail(part1, check):
    cases = dict(judges(part1.MyNet))[check]
    assert verdict(PLANTED_BUGS[PROVED_BY[check]], check, cases) is not None


def test_nan_and_infinity_fail_every_comparison(part1):
    case = small_cases(part1.MyNet)[0]
    good = torch.ones(2, dtype=torch.double)
    compare(case, "g", good, good, 1e-12)
    for value in (float("nan"), float("inf"), -float("inf")):
        bad = torch.tensor([1.0, value], dtype=torch.double)
        for ours, other in ((good, bad), (bad, good), (bad, bad)):
            with pytest.raises(AssertionError):
                compare(case, "g", ours, other, 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_wrong_calls_are_refused(backward, part1, seed):
    sizes = [([2, 3, 2], 4), ([3, 3], 3), ([1, 4, 5], 1), ([4, 2, 1], 2), ([2, 2, 2, 2], 6)]
    check_refuses(backward, make_case(part1.MyNet, *sizes[seed], SMOOTH, seed=seed))


@pytest.mark.parametrize("name", INTERFACE_FAULTS)
def test_interface_fault_is_rejected(part1, name):
    case = make_case(part1.MyNet, [2, 3, 2], 4, SMOOTH, seed=1)
    assert verdict(INTERFACE_FAULTS[name], check_refuses, [case]) is not None


def test_targets_of_another_dtype_and_layout(backward, part1):
    case = make_case(part1.MyNet, [3, 4, 2], 2, SMOOTH, seed=3)
    for y in (torch.tensor([[0, 1], [2, 3]]), torch.tensor([[True, False], [False, True]])):
        model = run(backward, Case(case.model, case.x, y, "whole numbers"))
        same = run(backward, Case(case.model, case.x, y.double(), "as double"))
        assert list(map(bits, gradients_of(model).values())) == list(
            map(bits, gradients_of(same).values())
        )
    strided = Case(case.model, case.x.T.contiguous().T, case.y.T.contiguous().T, case.text)
    check_against_autograd(backward, strided)


def test_an_empty_batch_has_zero_gradients(backward, part1):
    model = run(backward, make_case(part1.MyNet, [2, 3, 2], 0))
    for name, parameter, gradients, layer in parameters_of(model):
        assert torch.equal(gradients[layer], torch.zeros_like(parameter)), name


def test_frozen_layers_get_their_gradient(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=2)
    for parameter in case.model.fc["1"].parameters():
        parameter.requires_grad_(False)
    check_against_autograd(backward, case)
    check_nothing_else_changes(backward, case)


def test_a_slope_may_be_a_plain_number(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, ["identity"], seed=2)
    expected = gradients_of(run(backward, case))
    for one in (1.0, torch.ones((), dtype=torch.double)):
        case.model.df = dict.fromkeys(case.model.df, lambda z, one=one: one)
        for name, gradient in gradients_of(run(backward, case)).items():
            assert torch.equal(gradient, expected[name]), name


# ----------------------------------------------------------------------- the tests: closed forms


def test_one_linear_layer_has_the_normal_equations_gradient(backward, part1):
    case = make_case(part1.MyNet, [5, 1], 20, ["identity"], seed=4)
    case.model.fc["1"].bias.data.zero_()
    X, y, w = case.x, case.y, case.model.fc["1"].weight.detach().T
    model = run(backward, case)
    compare(case, "dL_dw[1]", model.dL_dw[1], (2 * X.T @ (X @ w - y)).T, 1e-13)
    compare(case, "dL_db[1]", model.dL_db[1], 2 * (X @ w - y).sum(0), 1e-13)


def test_least_squares_solution_has_no_gradient(backward, part1):
    case = make_case(part1.MyNet, [3, 2], 30, ["identity"], seed=5)
    ones = torch.cat([case.x, torch.ones(30, 1, dtype=torch.double)], 1)
    solution = torch.linalg.lstsq(ones, case.y).solution.T
    with torch.no_grad():
        case.model.fc["1"].weight.copy_(solution[:, :3])
        case.model.fc["1"].bias.copy_(solution[:, 3])
    for name, gradient in gradients_of(run(backward, case)).items():
        assert gradient.abs().max() < 1e-12, f"{case}: {name} is {gradient}"


def test_an_exact_fit_has_zero_gradient(backward, part1):
    case = make_case(part1.MyNet, [3, 4, 2], 6, SMOOTH, seed=6)
    case.y = copy_of(case.model)(case.x).detach()
    for name, gradient in gradients_of(run(backward, case)).items():
        assert torch.equal(gradient, torch.zeros_like(gradient)), f"{case}: {name}"


def test_a_net_worked_by_hand(backward, part1):
    """x = (1, 2), identity below, square above; every number can be followed on paper.

    z1 = W1 x + b1 = (1 + 4 + 0, 3 - 2 + 1) = (5, 2) = a1
    z2 = W2 a1 + b2 = 2 * 5 - 3 * 2 - 1 = 3, a2 = z2^2 = 9, y = 8, L = (9 - 8)^2 = 1
    dL/da2 = 2 (9 - 8) = 2, dL/dz2 = 2 * 2 z2 = 12, dL/dw2 = 12 (5, 2) = (60, 24), dL/db2 = 12
    dL/da1 = W2^T 12 = (24, -36) = dL/dz1 = dL/db1, dL/dw1 = ((24, 48), (-36, -72))
    """
    model = part1.MyNet([2, 2, 1]).double()
    model.f = {1: lambda z: z * 1, 2: torch.square}
    model.df = {1: torch.ones_like, 2: lambda z: 2 * z}
    numbers = ([[1, 2], [3, -1]], [0, 1], [[2, -3]], [-1])
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), numbers, strict=True):
            parameter.copy_(torch.tensor(values))
    case = Case(model, torch.tensor([[1.0, 2]]).double(), torch.tensor([[8.0]]).double(), "by hand")
    model = run(backward, case)
    assert model.a[2].item() == 9
    assert model.dL_dw[2].tolist() == [[60, 24]]
    assert model.dL_db[2].tolist() == [12]
    assert model.dL_dw[1].tolist() == [[24, 48], [-36, -72]]
    assert model.dL_db[1].tolist() == [24, -36]


# ------------------------------------------------------------------------ the tests: properties


@st.composite
def cases(draw, net_class, names=tuple(ACTIVATIONS), depth=6, width=9, batch=64):
    n_l = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    activations = draw(
        st.lists(st.sampled_from(names), min_size=len(n_l) - 1, max_size=len(n_l) - 1)
    )
    seed = draw(st.integers(0, 2**16))
    return make_case(net_class, n_l, draw(st.integers(1, batch)), activations, seed)


def permuted(case, generator):
    """The case with its samples and the hidden units of each layer in another order."""
    model = copy_of(case.model)
    orders = [torch.randperm(n, generator=generator) for n in model.n_l]
    orders[0], orders[-1] = torch.arange(model.n_l[0]), torch.arange(model.n_l[-1])
    with torch.no_grad():
        for layer in range(1, model.L + 1):
            linear = model.fc[str(layer)]
            linear.weight.copy_(linear.weight[orders[layer]][:, orders[layer - 1]].clone())
            linear.bias.copy_(linear.bias[orders[layer]].clone())
    samples = torch.randperm(len(case.x), generator=generator)
    return Case(model, case.x[samples], case.y[samples], case.text + ", permuted"), orders


def check_permutation(backward, case):
    """Permuting samples and hidden units permutes the gradient."""
    other, orders = permuted(case, torch.Generator().manual_seed(len(case.x)))
    tolerance = 1e-12
    _, sizes = autograd_of(case, tolerance)
    ours, theirs = run(backward, case), run(backward, other)
    for layer in range(1, case.model.L + 1):
        dL_dw = ours.dL_dw[layer][orders[layer]][:, orders[layer - 1]]
        dL_db = ours.dL_db[layer][orders[layer]]
        for name, a, b in (
            (f"dL_dw[{layer}]", theirs.dL_dw[layer], dL_dw),
            (f"dL_db[{layer}]", theirs.dL_db[layer], dL_db),
        ):
            compare(other, name, a, b, tolerance, sizes[name], "the order before")


PROPERTIES = (
    check_against_autograd,
    check_batch_is_sum,
    check_permutation,
    check_repeat,
    check_nothing_else_changes,
)
SETTINGS = hypothesis.settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def test_properties_of_any_net(backward, part1):
    @SETTINGS
    @hypothesis.given(cases(part1.MyNet))
    def holds(case):
        for check in PROPERTIES:
            check(backward, case)

    holds()


def test_numbers_of_any_smooth_net(backward, part1):
    @hypothesis.settings(SETTINGS, max_examples=15)
    @hypothesis.given(cases(part1.MyNet, ("tanh", "sin", "sigmoid", "identity"), 3, 4, 8))
    def holds(case):
        for check in (check_complex_step, check_central_differences, check_inner_products):
            check(backward, case)

    holds()


def test_permutation_can_fail(part1):
    case = make_case(part1.MyNet, [2, 4, 4, 2], 5, SMOOTH, seed=1)
    check_permutation(PLAIN, case)
    for name in ("first sample alone", "weight not transposed when square", "noise"):
        assert verdict(PLANTED_BUGS[name], check_permutation, [case]) is not None, name


def test_central_differences_reach_1e_7_unaided(backward, part1):
    """No allowance for rounding is needed on small nets: the error itself is below 1e-7."""
    for case in small_cases(part1.MyNet)[:4]:
        assert check_central_differences(backward, case) < 1e-7, case


@pytest.mark.slow
def test_a_large_net(part1):
    case = make_case(part1.MyNet, [3072, 512, 128, 32, 2], 16, seed=1)
    for check in (check_against_autograd, check_central_differences, check_inner_products):
        check(part1.backpropagation, case)


# --------------------------------------------------------------------- the tests: edges


@pytest.mark.parametrize("scale", [1e150, 1e-150, 1e-300])
@pytest.mark.parametrize("names", [None, ("tanh",), ("sigmoid", "sin"), ("identity",)])
def test_huge_and_tiny_inputs(backward, part1, scale, names):
    """Whatever autograd gives, infinity and NaN in the same places included."""
    case = make_case(part1.MyNet, [3, 4, 2], 5, names, seed=1)
    case.x *= scale
    case.text += f", inputs times {scale:g}"
    expected, _ = autograd_of(case, 1e-12)
    ours = gradients_of(run(backward, case))
    for name, gradient in ours.items():
        message = f"{case}: {name} is {gradient}, autograd gives {expected[name]}"
        torch.testing.assert_close(
            gradient, expected[name], rtol=1e-10, atol=0, equal_nan=True, msg=message
        )


@pytest.mark.parametrize("scale", [3, 10, 30, 1e3, 1e6])
def test_saturated_tanh(backward, part1, scale):
    for seed in range(5):
        case = make_case(part1.MyNet, [3, 4, 2], 2, seed=seed)
        with torch.no_grad():
            for parameter in case.model.parameters():
                parameter *= scale
        case.text += f", weights times {scale:g}"
        check_against_autograd(backward, case)
        for name, gradient in gradients_of(run(backward, case)).items():
            assert torch.isfinite(gradient).all(), f"{case}: {name} is {gradient}"


@pytest.mark.parametrize("where", ["x", "y", "weight"])
def test_nan_in_gives_nan_out_and_a_failed_check(backward, part1, where):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    target = {"x": case.x, "y": case.y, "weight": case.model.fc["1"].weight.data}[where]
    target[0, 0] = float("nan")
    gradients = gradients_of(run(backward, case))
    assert all(torch.isnan(gradient).any() for gradient in gradients.values())
    for check in (check_against_autograd, check_central_differences, check_batch_is_sum):
        assert verdict(backward, check, [case]) is not None, check.__name__


# ----------------------------------------------------------------------------- the tests: MyNet


def test_the_forward_pass_keeps_z_and_a(part1):
    case = make_case(part1.MyNet, [6, 4, 3], 5, ["sin", "sigmoid"], seed=1, x_shape=(1, 2, 3))
    model = case.model
    weights = [(linear.weight, linear.bias) for linear in model.fc.values()]
    y_pred = model(case.x)
    a = case.x.reshape(5, 6)
    for layer, ((w, b), f) in enumerate(zip(weights, (torch.sin, torch.sigmoid), strict=True), 1):
        assert torch.equal(model.a[layer - 1], a)
        torch.testing.assert_close(model.z[layer], a @ w.T + b, rtol=1e-13, atol=1e-13)
        assert torch.equal(model.a[layer], f(model.z[layer]))
        a = model.a[layer]
    assert y_pred is model.a[2]
    assert set(model.z) == {1, 2} and set(model.a) == {0, 1, 2}
    loss_of(model, case.x, case.y).backward()  # still attached to autograd's graph
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_net_as_the_assignment_describes_it(part1):
    model = part1.MyNet()
    assert (list(model.n_l), model.L, list(model.fc)) == ([2, 3, 2], 2, ["1", "2"])
    assert model.fc["1"].weight.dtype == torch.get_default_dtype()
    z = random_tensor((4, 3), 1)
    for layer in (1, 2):
        assert model.fc[str(layer)].weight.shape == (model.n_l[layer], model.n_l[layer - 1])
        assert torch.equal(model.f[layer](z), torch.tanh(z))
        torch.testing.assert_close(model.df[layer](z), 1 - torch.tanh(z) ** 2, rtol=1e-14, atol=0)
        assert model.z[layer] is model.a[layer] is model.dL_dw[layer] is model.dL_db[layer] is None


@pytest.mark.parametrize(
    "n_l", [[], [3], 5, [2, 0], [0, 2], [2, -1, 2], [2, 2.5], [2, "3"], [2, True], [2, None], "23"]
)
def test_widths_that_make_no_net_are_refused(part1, n_l):
    with pytest.raises(ValueError, match="width") as caught:
        part1.MyNet(n_l)
    assert repr(n_l) in str(caught.value)


def test_widths_may_be_any_sequence_of_whole_numbers(part1):
    for n_l in ((2, 3), torch.Size([2, 3]), np.array([2, 3]), range(2, 4)):
        assert list(part1.MyNet(n_l).n_l) == [2, 3]


@pytest.mark.parametrize("shape", [(4, 3), (4, 1, 3), (2,), (), (0, 3), (4, 2, 2)])
def test_inputs_of_another_width_are_refused(part1, shape):
    model = part1.MyNet([2, 3, 2])
    model(torch.ones(1, 2))
    with pytest.raises(ValueError, match=r"shape.*2") as caught:
        model(torch.ones(shape))
    assert str(shape) in str(caught.value)
    with pytest.raises(RuntimeError, match="forward"):  # and nothing of the pass before is left
        part1.backpropagation(model, torch.ones(1, 2), torch.ones(1, 2))


# ------------------------------------------------------------------------- the tests: main_test


@pytest.mark.parametrize("names", [None, ["sigmoid"], ["relu"], ["identity", "sin"]])
@pytest.mark.parametrize("n_l", [[2, 3, 2], [1, 1], [4, 4, 4, 4, 1], [7, 5]])
def test_main_test_accepts_the_right_pass(backward, part1, n_l, names, capsys):
    model = make_case(part1.MyNet, n_l, 1, names, seed=1).model
    assert main_test(backward, model) is True
    assert "FAILED" not in capsys.readouterr().out


def test_main_test_accepts_nets_at_their_edge(part1):
    for scale in (0, 1e-3, 5, 20, 100):
        for dtype in (torch.double, torch.float):
            model = make_case(part1.MyNet, [2, 3, 2], 1, seed=2, dtype=dtype).model
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter *= scale
            assert main_test(part1.backpropagation, model) is True, (scale, dtype)


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_main_test_rejects_the_planted_bug(part1, name, capsys):
    model = make_case(part1.MyNet, [2, 3, 2], 1, seed=1).model
    assert main_test(PLANTED_BUGS[name], model) is False, name
    assert "FAILED" in capsys.readouterr().out


def test_main_test_leaves_everything_as_it_was(part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    model, x = case.model, case.x
    y_pred = model(x)
    loss_of(model, x, case.y).backward()
    part1.backpropagation(model, case.y, model(x))
    before = snapshot(model, gradients_of(model) | {"x": x, "y_pred": y_pred})
    bugs = ("default dtype set", "autograd left off", "seed set", "target changed", "NaN")
    for backward in (part1.backpropagation, *(PLANTED_BUGS[name] for name in bugs)):
        main_test(backward, model)
        assert snapshot(model, gradients_of(model) | {"x": x, "y_pred": y_pred}) == before


def test_main_test_hands_over_targets_of_the_outputs_shape(part1):
    seen = set()

    def spy(model, y_true, y_pred):
        seen.add((tuple(y_true.shape) == tuple(y_pred.shape), len(y_true) > 1))
        part1.backpropagation(model, y_true, y_pred)

    assert main_test(spy, part1.MyNet([576, 4, 10]), data="stand-in")
    assert seen == {(True, False), (True, True)}


def test_main_test_works_where_autograd_is_off(part1):
    with torch.no_grad():
        assert main_test(part1.backpropagation, part1.MyNet().double()) is True
        assert main_test(PLANTED_BUGS["sign"], part1.MyNet().double()) is False


def test_main_test_fails_frozen_parameters(part1, capsys):
    model = part1.MyNet([2, 3, 2]).double()
    model.fc["2"].bias.requires_grad_(False)
    assert main_test(part1.backpropagation, model) is False
    assert "fc.2.bias requires no gradient" in capsys.readouterr().out


def test_main_test_fails_a_wrong_derivative(part1):
    model = part1.MyNet([2, 3, 2]).double()
    model.f[1] = torch.sigmoid  # and df[1] is still that of tanh
    assert main_test(part1.backpropagation, model) is False


def test_main_test_shows_every_case_when_verbose(part1, capsys):
    assert main_test(part1.backpropagation, part1.MyNet().double(), verbose=True)
    printed = capsys.readouterr().out
    assert "batch 300" in printed and "seed 1" in printed


def test_main_test_refuses_unknown_data(part1):
    with pytest.raises(ValueError, match=r"toy.*mnist.*stand-in.*'imagenet'"):
        main_test(part1.backpropagation, part1.MyNet(), data="imagenet")
    with pytest.raises(ValueError, match=r"576.*n_l\[0\] is 2"):
        main_test(part1.backpropagation, part1.MyNet(), data="mnist")


@pytest.fixture(scope="session")
def mnist():
    """MNIST's first test images and labels, or a skip where there is no copy."""
    try:
        return load_mnist(download=False)
    except FileNotFoundError:
        pytest.skip("no copy of MNIST in data/ or MNIST_ROOT; `make run` fetches it")


def test_mnist_images(mnist):
    images, labels = mnist
    assert images.shape == (64, 1, 24, 24) and images.dtype == torch.double
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    pixels = images * 0.3081 + 0.1307
    assert -1e-12 < pixels.min() and pixels.max() < 1 + 1e-12 and 0.05 < pixels.mean() < 0.3


def test_main_test_on_mnist(mnist, part1, capsys):
    model = part1.MyNet([576, 32, 10]).double()
    assert main_test(part1.backpropagation, model, data="mnist") is True
    assert main_test(PLANTED_BUGS["divided by the outputs"], model, data="mnist") is False
    assert "MNIST" in capsys.readouterr().out


def test_no_mnist_and_no_network_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path))
    monkeypatch.setattr(sys.modules[__name__], "find_mnist", lambda root: None)

    def no_network(root):
        raise OSError("network unreachable")

    monkeypatch.setattr(sys.modules[__name__], "download_mnist", no_network)
    with pytest.raises(FileNotFoundError, match="network unreachable") as caught:
        load_mnist()
    for part in (str(tmp_path), "https://", "t10k-images-idx3-ubyte", "MNIST_ROOT"):
        assert part in str(caught.value)


def test_a_broken_copy_of_mnist_is_not_used(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MNIST_MD5:
        (raw / name).write_bytes(b"half a file")
    assert find_mnist(tmp_path) is None
    for name in MNIST_MD5:
        (raw / (name + ".gz")).write_bytes(gzip.compress(b"x" * 100)[:20])
    assert find_mnist(tmp_path) is None


# ------------------------------------------------------------------------- the tests: optimizer


def step_of_one_layer(model, learning_rate):
    torch.optim.SGD(model.fc["1"].parameters(), lr=learning_rate).step()


def copy_with_grad(model):
    twin = copy_of(model)
    for parameter, original in zip(twin.parameters(), model.parameters(), strict=True):
        parameter.grad = original.grad
    return twin


WRONG_STEPS = {
    "never steps": lambda model, learning_rate: None,
    "steps one layer": step_of_one_layer,
    "steps twice": lambda model, lr: (sgd_step(model, lr), sgd_step(model, lr)),
    "steps uphill": lambda model, lr: sgd_step_by_hand(model, -lr),
    "another learning rate": lambda model, lr: sgd_step(model, 1.001 * lr),
    "steps a copy": lambda model, lr: sgd_step(copy_with_grad(model), lr),
    "zeroes the gradient first": lambda model, lr: (model.zero_grad(), sgd_step(model, lr)),
    "one bias forgotten": lambda model, lr: torch.optim.SGD(
        list(model.parameters())[:-1], lr=lr
    ).step(),
}


@torch.no_grad()
def sgd_step_by_hand(model, learning_rate):
    for parameter in model.parameters():
        parameter.add_(parameter.grad, alpha=-learning_rate)


def test_a_right_optimizer_is_accepted(part1):
    for case in small_cases(part1.MyNet):
        for step in (sgd_step, sgd_step_by_hand):
            check_optimizer(part1.backpropagation, case, step)


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_a_wrong_optimizer_is_rejected(part1, name):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    with pytest.raises(AssertionError, match=r"fc\.[12]"):
        check_optimizer(part1.backpropagation, case, WRONG_STEPS[name])


# --------------------------------------------------------------------- the tests: the notebook


@pytest.mark.notebook
@pytest.mark.slow
def test_notebook_runs(run_copy, saved_results):
    try:
        load_mnist(download=False)
        mode = "quick"
    except FileNotFoundError:
        mode = "stand-in"
    copied = run_copy("backpropagation.ipynb", mode)
    notebook = json.loads((copied / "backpropagation.ipynb").read_text())
    texts = [
        "".join(output.get("text", []))
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
    ]
    verdicts = re.findall(r"main_test: (\d+) of (\d+) checks passed", "\n".join(texts))
    assert [passed == total for passed, total in verdicts] == [True, True, False]
    results = json.loads((copied / "build" / mode / "results" / "backpropagation.json").read_text())
    assert results["environment"]["torch"] == torch.__version__
    saved = saved_results("backpropagation", results)
    if saved:
        del results["two_moons"], saved["two_moons"]  # the one thing that a short run shortens
        assert results == saved


# ---------------------------------------------------------------------- the timings: make bench


@pytest.fixture(scope="module")
def bench_case(part1):
    return make_case(part1.MyNet, [576, 512, 128, 10], 256, seed=1)


def with_autograd(model, case):
    for parameter in model.parameters():
        parameter.grad = None
    loss_of(model, case.x, case.y).backward()


def by_hand(backward):
    def work(model, case):
        with torch.no_grad():
            backward(model, case.y, model(case.x))

    return work


def medians(model, case, sides, rounds):
    """The median seconds of each side, on its own copy; the sides take turns to be first."""
    models = {name: copy_of(model) for name in sides}
    seconds = {name: [] for name in sides}
    for turn in range(rounds + 3):
        for name in sorted(sides, reverse=turn % 2):
            start = time.perf_counter()
            sides[name](models[name], case)
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values[3:]) for name, values in seconds.items()}


@pytest.mark.bench
def test_bench_against_autograd(part1, bench_case):
    model = copy_of(bench_case.model)
    sides = {"autograd": with_autograd, "by hand": by_hand(part1.backpropagation)}
    seconds = medians(model, bench_case, sides, 200)
    ratio = seconds["by hand"] / seconds["autograd"]
    print(f"\nforward and backward, {bench_case}: {seconds}, ratio {ratio:.3f}")
    assert ratio <= 1.0


def backward_alone(backward):
    """The backward pass on the forward pass that the model remembers."""

    def work(model, case):
        if model.a[0] is None:
            model(case.x)
        with torch.no_grad():
            backward(model, case.y, model.a[model.L])

    return work


@pytest.mark.bench
def test_bench_vectorized_against_loop(part1, bench_case):
    model = copy_of(bench_case.model)
    passes = {"loop": part1.backpropagation_by_loop, "vectorized": part1.backpropagation}
    ratios = {}
    for what, measured in (("forward and backward", by_hand), ("backward alone", backward_alone)):
        sides = {name: measured(backward) for name, backward in passes.items()}
        seconds = medians(model, bench_case, sides, 15)
        ratios[what] = seconds["vectorized"] / seconds["loop"]
        print(f"\n{what}, {bench_case}: {seconds}, ratio {ratios[what]:.3f}")
    assert ratios["backward alone"] <= 0.1


def peak_bytes(work, case):
    """The most memory allocated at once beside net and batch, over three batches in a row."""
    model = copy_of(case.model)
    options = {"activities": [torch.profiler.ProfilerActivity.CPU], "profile_memory": True}
    with torch.profiler.profile(**options) as profile:
        for _ in range(3):
            work(model, case)
    events = profile.profiler.kineto_results.events()
    changes = [event for event in events if event.name() == "[memory]"]
    now = peak = 0
    for event in sorted(changes, key=lambda event: event.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@pytest.mark.bench
def test_bench_peak_memory(part1, bench_case):
    peaks = {
        "autograd": peak_bytes(with_autograd, bench_case),
        "by hand": peak_bytes(by_hand(part1.backpropagation), bench_case),
    }
    ratio = peaks["by hand"] / peaks["autograd"]
    print(f"\npeak bytes, {bench_case}: {peaks}, ratio {ratio:.3f}")
    assert 0 < ratio <= 1.0


@pytest.mark.bench
def test_bench_executing_the_notebook(run_copy):
    start = time.perf_counter()
    run_copy("backpropagation.ipynb", "full")
    seconds = time.perf_counter() - start
    print(f"\nexecuting backpropagation.ipynb: {seconds:.1f} s")
    assert seconds <= 60
