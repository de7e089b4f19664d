"""Is it a net of MyNet's form? One message that says what is missing, and what is expected."""

import contextlib
import difflib

import torch
from torch import nn

from checks.difference import Difference, expect, global_state_kept
from checks.nets import copy_of, entries, entry, random_tensor, trial_input
from checks.telling import in_one_line, own_line

CALL = "main_test(backpropagation, model)"
FROM_0 = "; the layers are counted from 1, not from 0"


def ask(holds, met, expected):
    """Raise a Difference where it does not hold: what was met, and what is expected."""
    expect(holds, f"{met}: expected is {expected}")


def attempted(words, call):
    """call(), or a Difference with the words, the exception and the student's own line."""
    try:
        return call()
    except (Exception, SystemExit) as error:
        words = f"{words}: {in_one_line(error)}\n{own_line(error)}".strip()
        raise Difference(words) from error


def check_arguments(backpropagation, model):
    """The two arguments: a function and a net."""
    if isinstance(backpropagation, nn.Module):
        raise Difference(f"the arguments are interchanged: write {CALL}, the function first")
    got = "None" if backpropagation is None else f"a {type(backpropagation).__name__}"
    wanted = f"write {CALL}, without parentheses after the function's name"
    expect(callable(backpropagation), f"the first argument is {got}, not a function: {wanted}")
    if isinstance(model, type):
        raise Difference(
            f"the second argument is the class {model.__name__}, not a net: "
            f"write main_test(backpropagation, {model.__name__}([2, 3, 2]))"
        )
    got = f"a {type(model).__name__}, not a net (an nn.Module)"
    expect(isinstance(model, nn.Module), f"the second argument is {got}: write {CALL}")
    compiled = hasattr(model, "_orig_mod") or getattr(model, "_compiled_call_impl", None)
    words = "the net went through torch.compile: give main_test the net itself, as it was before"
    expect(not compiled, words)


EXPECTED = {
    "n_l": "the list of widths [n_0, ..., n_L]",
    "L": "the number of layers with weights",
    "fc": 'an nn.ModuleDict with the keys "1", ..., "L", each an nn.Linear',
    "z": "a dictionary: z[l] is the pre-activation of layer l",
    "a": "a dictionary: a[l] is the activation of layer l, a[0] the flattened input",
    "dL_dw": "a dictionary: dL_dw[l] is the gradient of fc[str(l)].weight",
    "dL_db": "a dictionary: dL_db[l] is the gradient of fc[str(l)].bias",
}


def check_attribute(model, name):
    """The model has it; else what it has instead is named."""
    if hasattr(model, name):
        return
    others = {other.lower(): other for other in [*vars(model), *dict(model.named_children())]}
    others = {k: v for k, v in others.items() if not v.startswith("_") and v not in EXPECTED}
    near = difflib.get_close_matches(name.lower(), others, 1, 0.6 if len(name) > 2 else 1.0)
    instead = f" (it has {others[near[0]]})" if near else ""
    ask(False, f"the net has no attribute {name}{instead}", EXPECTED[name])


def check_widths(model):
    n_l = model.n_l
    whole = hasattr(n_l, "__len__") and len(n_l) >= 2
    whole = whole and all(hasattr(n, "__index__") and int(n) >= 1 for n in n_l)
    ask(whole, f"n_l is {n_l!r}", f"{EXPECTED['n_l']}, whole numbers of at least 1")
    met, L = f"L is {model.L!r} and n_l has {len(n_l)} widths", len(n_l) - 1
    ask(model.L == L, met, f"L = {L}, {EXPECTED['L']}")


def check_layers(model):
    """fc: a ModuleDict with string keys from 1; each a Linear with a bias, of the right shape."""
    fc, keys = model.fc, [str(layer) for layer in range(1, model.L + 1)]
    ask(isinstance(fc, nn.ModuleDict), f"fc is a {type(fc).__name__}", EXPECTED["fc"])
    found = list(fc)
    hint = FROM_0 if "0" in found else ""
    expect(set(found) == set(keys), f"fc has the keys {found}: expected are {keys}{hint}")
    for key in keys:
        linear, (rows, columns) = fc[key], (model.n_l[int(key)], model.n_l[int(key) - 1])
        for name, shape in (("weight", (rows, columns)), ("bias", (rows,))):
            value, it = getattr(linear, name, None), f'fc["{key}"].{name}'
            why = " (bias=False?)" if name == "bias" else ""
            met = f'fc["{key}"] is {linear}, it has no {name}{why}'
            ask(value is not None, met, f"nn.Linear({columns}, {rows}), with a bias")
            is_parameter, met = isinstance(value, nn.Parameter), f"{it} is a {type(value).__name__}"
            ask(is_parameter, met, "an nn.Parameter, as nn.Linear has it")
            met, by = tuple(value.shape), f"{shape}, by n_l = {list(model.n_l)}"
            ask(met == shape, f"{it} has the shape {met}", by)
            wanted = "expected are finite numbers, as those of a new net"
            expect(value.isfinite().all(), f"{it} holds NaN or infinity: {wanted}")


def check_activations(model):
    """f and df, where the net has them, are functions for the layers 1 to L."""
    for name in ("f", "df"):
        container, layers = getattr(model, name, None), list(range(1, model.L + 1))
        if container is None:
            continue
        one = callable(container)
        keys = [] if one else [layer for layer, _ in entries(container)]
        has = f"is for the layers {keys}" if keys else f"is a {type(container).__name__}"
        wanted = f"a dictionary with a function for each of the layers {layers}"
        all_there = all(callable(entry(container, layer)) for layer in layers)
        ask(not one and all_there, f"{name} {has}", wanted + (FROM_0 if 0 in keys else ""))


@torch.enable_grad()
def check_forward(model):
    """The forward pass: it runs, flattens, keeps z and a, and hangs on autograd's graph."""
    model, x = copy_of(model).requires_grad_(True), trial_input(model)
    layers, n_l = range(1, model.L + 1), [int(n) for n in model.n_l]
    y_pred = attempted(f"the forward pass fails for x of shape {tuple(x.shape)}", lambda: model(x))
    got = "None" if y_pred is None else f"a {type(y_pred).__name__}"
    ask(torch.is_tensor(y_pred), f"the forward pass returns {got}", "a tensor, a[L]")
    for name in ("z", "a"):
        check_attribute(model, name)
        kept = getattr(model, name)
        hint = FROM_0 if name == "z" and entry(kept, 0) is not None else ""
        if any(isinstance(key, str) for key, _ in entries(kept)):
            hint = f'; the keys are whole numbers, {name}[1], not text, {name}["1"]'
        for layer in layers if name == "z" else range(model.L + 1):
            value, shape = entry(kept, layer), (2, n_l[layer])
            met = tuple(value.shape) if torch.is_tensor(value) else None
            has = f"is {value!r}" if met is None else f"has the shape {met}"
            what = EXPECTED[name].partition(": ")[2] + hint
            where = f"after a forward pass {name}[{layer}]"
            ask(met == shape, f"{where} {has}", f"a tensor of shape {shape}, {what}")
    same = y_pred.shape == model.a[model.L].shape and torch.equal(y_pred, model.a[model.L])
    ask(same, "the forward pass returns something else than a[L]", "a[L]")
    for layer in layers:
        linear = model.fc[str(layer)]
        z = nn.functional.linear(model.a[layer - 1], linear.weight, linear.bias)
        close = 1e-3 if z.dtype != torch.double else 1e-9
        same = torch.allclose(z, model.z[layer], rtol=close, atol=close, equal_nan=True)
        met = f'z[{layer}] is not fc["{layer}"](a[{layer - 1}])'
        ask(same, met, "the value before the activation")
    expect(
        y_pred.requires_grad,
        "the outputs do not hang on autograd's graph, so nothing can be compared with autograd: "
        "the forward pass must not use torch.no_grad(), detach() or .data",
    )
    shape = (2, 1, *((24, 24) if n_l[0] == 576 else (1, n_l[0])))
    wanted = "a[0] = torch.flatten(x, 1)"
    words = f"the forward pass fails for images, x of shape {shape}: expected is {wanted}"
    images = attempted(words, lambda: model(x.view(shape)))
    met = f"x of shape {shape} gives outputs of shape {tuple(images.shape)}"
    same = images.shape == y_pred.shape and torch.equal(images, y_pred)
    ask(same, f"the forward pass does not flatten: {met}", wanted)


def check_slopes(model):
    """df[l](z) has the shape of z, or is one number for all."""
    z = random_tensor((2, max(model.n_l)), 4, like=model.fc["1"].weight.detach())
    for layer in range(1, model.L + 1):
        if (df := entry(getattr(model, "df", None), layer)) is None:
            continue
        slope = attempted(f"df[{layer}] fails", lambda df=df: df(z))
        shape, shape_of_z = tuple(getattr(slope, "shape", ())), tuple(z.shape)
        met = f"df[{layer}] gives the shape {shape} for z of shape {shape_of_z}"
        ask(shape in ((), shape_of_z), met, "the shape of z")


def check_results(backpropagation, model):
    """dL_dw and dL_db are there, at the latest after the pass."""
    model = copy_of(model)
    if not (hasattr(model, "dL_dw") and hasattr(model, "dL_db")):
        x = trial_input(model, 1)
        with contextlib.suppress(Exception, SystemExit):
            backpropagation(model, x.new_zeros(1, model.n_l[-1]), model(x))
    for name in ("dL_dw", "dL_db"):
        check_attribute(model, name)


def form_problem(backpropagation, model):
    """What is not of MyNet's form, in words; None where all is."""
    try:
        with global_state_kept():
            check_arguments(backpropagation, model)
            for name in ("n_l", "L", "fc"):
                check_attribute(model, name)
            check_widths(model)
            check_layers(model)
            check_activations(model)
            check_forward(model)
            check_slopes(model)
            check_results(backpropagation, model)
    except Difference as problem:
        return str(problem)
    except Exception as error:  # a net so odd that looking at it fails
        return f"the net cannot be examined: {in_one_line(error)}"
    return None
