"""Checks that a wrong backward pass cannot pass.

A check takes a backward pass and a case (a net, a batch), works on copies, and raises a Difference
with the net, the batch, the parameter, both values and the seed where the pass is wrong.
"""

from itertools import product

import numpy as np
import torch
from torch.optim.sgd import sgd

from checks.difference import TINY, Difference, bits, compare, expect, global_state, index_of
from checks.nets import (
    Case,
    autograd_of_loss,
    copy_of,
    entries,
    gradients_of,
    parameters_of,
    random_tensor,
    run,
)

EPS = torch.finfo(torch.double).eps
STEPS = (1e-5, 1e-4, 1e-6, 1e-7)  # of central differences: the first that agrees counts
TOLERANCE = {torch.double: 1e-12, torch.float: 1e-5}  # against autograd, by dtype


def tolerance_of(case):
    """The relative error allowed against autograd in the case's dtype."""
    return TOLERANCE.get(case.y.dtype) or 50 * torch.finfo(case.y.dtype).eps


def with_slope_error(model):
    """A copy whose activations have the same values and a slope that is off by 8 eps."""
    shifted = copy_of(model)
    eps = torch.finfo(next(model.parameters()).dtype).eps
    for layer, f in replaceable(shifted):
        shifted.f[layer] = lambda z, f=f: f(z) + 8 * eps * (z - z.detach())
    return shifted


def replaceable(model):
    """Pairs (layer, f) of the activations that can be replaced by any function."""
    f = getattr(model, "f", None)
    return [(n, g) for n, g in entries(f) if callable(g)] if isinstance(f, dict | list) else []


def autograd_of(case, tolerance):
    """what_autograd_gives; kept in the case, where it has a dictionary for it."""
    kept = {} if case.autograd is None else case.autograd
    if tolerance not in kept:
        kept[tolerance] = what_autograd_gives(case, tolerance)
    return kept[tolerance]


@torch.enable_grad()
def what_autograd_gives(case, tolerance):
    """By name: autograd's gradient, and the size that an error in it is relative to.

    Rounding sets two limits. A sum over the batch that nearly cancels is known to eps times its
    terms, here the gradients of up to eight parts of the batch. And 1 - tanh(z)^2 of a saturated
    unit is known to eps, not to eps times itself, as is y_pred - y of a near fit: what 8 eps in
    each slope and in y does is allowed.
    """
    model = copy_of(case.model).requires_grad_(True)
    shifted = with_slope_error(case.model).requires_grad_(True)
    gradients = autograd_of_loss(model, case.x, case.y)
    y = case.y * (1 + 8 * torch.finfo(case.y.dtype).eps)
    of_rounding = autograd_of_loss(shifted, case.x, y)
    parts = zip(case.x.chunk(8), case.y.chunk(8), strict=True)
    of_parts = [autograd_of_loss(model, *part) for part in parts]
    sizes = {
        name: sum(part[name].abs().max().item() for part in of_parts)
        + (gradient - of_rounding[name]).abs().max().item() / tolerance
        for name, gradient in gradients.items()
    }
    return gradients, sizes


def gradients_by(backward, case, model=None):
    """By name, the values of the gradients that the pass computes, each of them a tensor."""
    return {
        name: tensor_of(gradient, name, case).detach()
        for name, gradient in gradients_of(run(backward, case, model)).items()
    }


def tensor_of(gradient, name, case):
    if not isinstance(gradient, torch.Tensor):
        is_ = "not set" if gradient is None else f"a {type(gradient).__name__}, not a tensor"
        raise Difference(f"{name} is {is_}", case, of_numbers=True)
    return gradient


def compare_all(case, ours, expected, sizes, tolerance, source="autograd"):
    """compare() for every gradient, from the output down; the largest error."""
    return max(
        compare(case, n, ours[n], expected[n], tolerance, sizes[n], source)
        for n in reversed(expected)
    )


def check_against_autograd(backward, case):
    """Every dL_dw[l] and dL_db[l]: shape, dtype, device and value."""
    tolerance = tolerance_of(case)
    ours = gradients_by(backward, case)
    return compare_all(case, ours, *autograd_of(case, tolerance), tolerance)


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


def check_central_differences(backward, case, steps=STEPS):
    """Every entry of a small net, random directions on a large one, at the best step.

    Allowed: 1e-7 of the largest entry, and what rounding does to the difference itself.
    """
    case = in_double(case)
    ours = gradients_by(backward, case)
    model = copy_of(case.model)
    every_entry = sum(p.numel() for p in model.parameters()) <= 200
    worst = 0.0
    for name, parameter, *_ in parameters_of(model):
        gradient = ours[name]
        shape = tuple(gradient.shape)
        expect(shape == tuple(parameter.shape), f"{name} has the shape {shape}", case)
        for place, direction in directions_of(parameter, every_entry):
            expected = (gradient * direction).sum().item()
            size = max(TINY, (gradient.abs().max() if every_entry else gradient.norm()).item())
            for h in steps:
                slope, noise = central_difference(model, case, parameter, direction, h)
                if abs(slope - expected) <= 1e-7 * size + noise:
                    worst = max(worst, abs(slope - expected) / size)
                    break
            else:
                words, source = f"no h of {steps} agrees", "the central difference"
                raise Difference(words, case, name, place, expected, slope, source)
    return worst


def check_batch_is_sum(backward, case):
    """The gradient of a batch is the sum of its samples' gradients."""
    total = gradients_by(backward, case)
    samples = zip(case.x.split(1), case.y.split(1), strict=True)
    singles = [gradients_by(backward, Case(case.model, *one, case.text)) for one in samples]
    added = {name: torch.stack([single[name] for single in singles]).sum(0) for name in total}
    tolerance = tolerance_of(case)
    _, sizes = autograd_of(case, tolerance)
    return compare_all(case, total, added, sizes, tolerance, "the sum of its samples")


def check_repeat(backward, case):
    """A second call overwrites, with the same bits; nothing is kept from the call before.

    A right pass is compared with autograd. A wrong one with what it gives on a net that has seen
    no call before: its numbers are not this check's business.
    """
    model, tolerance = copy_of(case.model), tolerance_of(case)
    found = gradients_by(backward, case, model)
    try:
        compare_all(case, found, *autograd_of(case, tolerance), tolerance)
        is_right = True
    except Difference:
        is_right = False
    first = {name: bits(gradient) for name, gradient in found.items()}
    for name, gradient in gradients_by(backward, case, model).items():
        expect(bits(gradient) == first[name], f"{name} differs when the call is repeated", case)
    fresh, worst = copy_of(case.model), 0.0
    with torch.no_grad():
        for net in (model, fresh):
            for parameter in net.parameters():
                parameter.mul_(0.75)
    for first in (slice(0), slice(1)):  # a batch of the same size, then one sample more
        x, y = (torch.cat([values[first], values]) for values in (case.x / 2, case.y + 1))
        moved = Case(copy_of(fresh), x, y, case.text + ", another batch, weights moved")
        ours = gradients_by(backward, moved, model)
        for name, gradient in gradients_by(backward, moved).items():
            same = bits(ours[name]) == bits(gradient)
            expect(same, f"{name} depends on the calls before", moved)
        if is_right:
            try:
                found = compare_all(moved, ours, *autograd_of(moved, tolerance), tolerance)
            except Difference as difference:
                difference.of_numbers = True
                raise
            worst = max(worst, found)
    return worst


def snapshot(model, tensors):
    """By name, everything that a backward pass leaves as it is."""
    state = {"L": model.L, "n_l": tuple(model.n_l), **global_state()}
    for name, p in model.named_parameters():
        state[f"{name} (the object)"] = id(p)
        state[name] = bits(p)
        state[f"{name}.requires_grad, is_leaf"] = p.requires_grad, p.is_leaf
        state[f"{name}.grad"] = id(p.grad), bits(p.grad)
    for name in ("z", "a", "f", "df"):
        for layer, value in entries(getattr(model, name, None)):
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
    changed = [name for name in before | after if before.get(name) != after.get(name)]
    were = "was" if len(changed) == 1 else "were"
    hint = ": y_pred is model.a[L], so write d = y_pred - y_true" if "y_pred" in changed else ""
    expect(not changed, f"{', '.join(changed[:4])} {were} changed{hint}", case)
    others = {f"{k}[{i}]": t for k in ("z", "a") for i, t in entries(getattr(model, k))}
    others |= dict(model.named_parameters()) | tensors
    others |= {f"{name}.grad": p.grad for name, p in model.named_parameters()}
    seen = {name: t.detach().numpy() for name, t in others.items() if isinstance(t, torch.Tensor)}
    for name, gradient in gradients_of(model).items():
        values = tensor_of(gradient, name, case).detach().numpy()
        for owner, held in seen.items():  # two views of one block share no number
            words = f"{name} shares its memory with {owner}: use clone()"
            expect(not np.shares_memory(values, held), words, case)
        seen[name] = values


@torch.enable_grad()
def check_off_the_graph(backward, case):
    """The gradients are numbers, not the start of another graph."""
    hint = "compute it inside `with torch.no_grad():`, or write @torch.no_grad() above the function"
    for name, gradient in gradients_of(run(backward, case)).items():
        hangs = isinstance(gradient, torch.Tensor) and gradient.requires_grad
        expect(not hangs, f"{name} hangs on autograd's graph: {hint}", case)


def check_nan_stays(backward, case):
    """NaN in, NaN out: a pass that hides it would let a ruined training run on."""
    y = case.y.clone()
    y[-1, 0] = float("nan")
    spoiled = Case(case.model, case.x, y, case.text + ", a NaN in the last target")
    for name, gradient in gradients_by(backward, spoiled).items():
        expect(torch.isnan(gradient).any(), f"{name} has no NaN", spoiled)


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
    expected = gradients_by(backward, case)
    watched, log = copy_of(case.model), []
    for layer, f in replaceable(watched):
        watched.f[layer] = lambda z, f=f: Watched.apply(z, f, log)
    for parameter in watched.parameters():
        if parameter.requires_grad:
            parameter.register_hook(log.append)
    run(backward, case, watched)
    expect(not log, "the pass goes back through autograd's graph", case)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            ours = gradients_by(backward, case)
        for name in expected:
            same = bits(ours[name]) == bits(expected[name])
            expect(same, f"{name} differs under torch.{mode.__name__}", case)


def check_dtypes(backward, case):
    """Double and single precision, whatever torch's default dtype is."""
    worst, before = 0.0, torch.get_default_dtype()
    try:
        for dtype, default in product((torch.double, torch.float), repeat=2):
            torch.set_default_dtype(default)
            model = copy_of(case.model).to(dtype)
            text = f"{case.text}, now {dtype} while the default is {default}"
            as_dtype = Case(model, case.x.to(dtype), case.y.to(dtype), text)
            error = check_against_autograd(backward, as_dtype)
            worst = max(worst, error if dtype == torch.double else 0.0)
    finally:
        torch.set_default_dtype(before)
    return worst


def check_trainable(backward, case):
    """Every parameter is a leaf that requires a gradient, before the pass and after it."""
    model = copy_of(case.model)
    for moment in ("before", "after"):
        for name, parameter in model.named_parameters():
            expect(parameter.is_leaf, f"{name} is no leaf {moment} the pass", case)
            asks = parameter.requires_grad
            expect(asks, f"{name} requires no gradient {moment} the pass", case)
        if moment == "before":
            run(backward, case, model)


@torch.no_grad()
def sgd_step(model, learning_rate):
    """A step of torch's SGD, by its function: the class imports torch's compiler, for 2 seconds."""
    parameters = list(model.parameters())
    gradients = [parameter.grad for parameter in parameters]
    rest = dict(weight_decay=0.0, momentum=0.0, dampening=0.0, nesterov=False, maximize=False)
    buffers = [None] * len(parameters)
    sgd(parameters, gradients, buffers, lr=learning_rate, foreach=False, **rest)


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
            gradient = tensor_of(gradient, name, case).detach()
            for what in ("shape", "dtype"):
                same = getattr(gradient, what) == getattr(parameter, what)
                expect(same, f"{name} has not the {what} of its parameter", case)
            parameter.grad = gradient.clone()
        expected = [
            torch.add(start, parameter.grad, alpha=-learning_rate)
            for start, parameter in zip(initial, model.parameters(), strict=True)
        ]
        step(model, learning_rate)
        for number, (name, parameter) in enumerate(model.named_parameters()):
            where = f"a step with gradients from {source}"
            right = bits(parameter) == bits(expected[number])
            expect(right, f"{where} put {name} in the wrong place", case)
            expect(torch.isfinite(parameter).all(), f"{where} left {name} not finite", case)
            moved = source == "the pass" or not torch.equal(parameter, initial[number])
            expect(moved, f"{where} did not move {name}", case)
