"""What is no wrong line: right passes with something besides, or that are wrong now and then."""

import sys

import numpy as np
import torch

from checks.difference import TINY
from checks.nets import entries, gradients_of, loss_of, parameters_of
from checks.reference import Mistake, backward_with

PLAIN = backward_with()  # right, so what a check rejects below is the mistake alone


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


def in_entry(name, layer, value):
    """The right pass, then the last entry of one gradient is `value`; layer -1 is the last one."""

    def spoil(model, y_true, y_pred):
        getattr(model, name)[layer % (model.L + 1)].view(-1)[-1] = value

    return after(spoil)


def by_autograd(loss_of_pass):
    """Gradients that autograd takes of loss_of_pass(model, y_true, y_pred)."""

    def backward(model, y_true, y_pred):
        loss = loss_of_pass(model, y_true, y_pred)
        for _, parameter, gradients, layer in parameters_of(model):
            (gradients[layer],) = torch.autograd.grad(loss, parameter, retain_graph=True)

    return backward


@torch.enable_grad()
def loss_anew(model, y_true, y_pred):
    return loss_of(model, model.a[0], y_true)


def copying_grad(model, y_true, y_pred):
    for _, parameter, gradients, layer in parameters_of(model):
        zeros = torch.zeros_like(parameter)
        gradients[layer] = zeros if parameter.grad is None else parameter.grad.clone()


def accumulating(share):
    """The gradients of the call before are not forgotten: this share of them is added."""

    def backward(model, y_true, y_pred):
        old = gradients_of(model)
        PLAIN(model, y_true, y_pred)
        for name, _, gradients, layer in parameters_of(model):
            if old[name] is not None and old[name].shape == gradients[layer].shape:
                gradients[layer] = gradients[layer].detach() + share * old[name].detach()

    return backward


@torch.no_grad()
def by_differences(model, y_true, y_pred, h=1e-6):
    """(L(p + h) - L(p - h)) / 2h for every entry p of the parameters."""
    x, kept = model.a[0], (dict(entries(model.z)), dict(entries(model.a)))
    for _, parameter, gradients, layer in parameters_of(model):
        gradients[layer] = torch.empty_like(parameter)
        places = zip(parameter.view(-1), gradients[layer].view(-1), strict=True)
        for entry_, slope in places:
            start, losses = entry_.clone(), []
            for moved in (start + h, start - h):
                entry_.copy_(moved)
                losses.append(loss_of(model, x, y_true))
            entry_.copy_(start)
            slope.copy_((losses[0] - losses[1]) / (2 * h))
    for container, values in zip((model.z, model.a), kept, strict=True):
        for layer, value in values.items():
            container[layer] = value


def in_one_memory(model, y_true, y_pred):
    """All gradients are views of one long row."""
    PLAIN(model, y_true, y_pred)
    rows = list(parameters_of(model))
    row = torch.cat([gradients[layer].flatten() for _, _, gradients, layer in rows])
    parts = row.split([parameter.numel() for _, parameter, *_ in rows])
    for (_, parameter, gradients, layer), part in zip(rows, parts, strict=True):
        gradients[layer] = part.view_as(parameter)


def with_remembered_weights(key):
    """The weights of the first call for each key(y_pred) go on being used on the way down."""

    def backward(model, y_true, y_pred):
        now = {int(layer): linear.weight.detach().clone() for layer, linear in model.fc.items()}
        first = model.__dict__.setdefault("remembered", {}).setdefault(key(y_pred), now)
        backward_with(weights=first)(model, y_true, y_pred)

    return backward


def interchange(model, y_true, y_pred):
    """The last layer's dL_dw and another one's of the same shape, where there is one."""
    dL_dw, shape = model.dL_dw, model.dL_dw[model.L].shape
    other = max((k for k in range(1, model.L) if dL_dw[k].shape == shape), default=model.L)
    dL_dw[other], dL_dw[model.L] = dL_dw[model.L], dL_dw[other]


def replace_parameters(model, y_true, y_pred):
    for linear in model.fc.values():
        linear.weight = torch.nn.Parameter(linear.weight.detach().clone())


RESULT = "what becomes of dL_dw and dL_db after they are computed"
FLOAT = "a float32 on the way: .float(), torch.FloatTensor, dtype=torch.float32"
SINGLE = "single precision somewhere: in double precision the gradients are off by about 1e-8"
MOVED = "what changes weight or bias: -=, sub_, .data, optimizer.step()"
IN_WORDS = {  # in words: (where to look, {name: the pass})
    "all gradients are zero": (
        RESULT,
        {"zeros": edited(torch.zeros_like), ".grad copied": copying_grad},
    ),
    "all gradients are NaN": (RESULT, {"NaN": edited(lambda g: g * float("nan"))}),
    "all gradients are infinite": (RESULT, {"infinite": edited(lambda g: g / 0)}),
    "one entry of a gradient is overwritten": (
        RESULT,
        {
            "NaN in one entry": in_entry("dL_dw", 1, float("nan")),
            "NaN in one bias": in_entry("dL_db", -1, float("nan")),
            "infinite in one entry": in_entry("dL_db", 1, float("inf")),
            "one entry zero": in_entry("dL_dw", -1, 0.0),
        },
    ),
    "the gradients of two layers are interchanged": (
        "dL_dw[l] = dL_dz.T @ a[l - 1]",
        {"layers in the wrong order": after(interchange)},
    ),
    "the gradients are clipped: small ones are right, large ones are cut off": (
        RESULT,
        {
            "clipped": edited(lambda g: g.clamp(-10, 10)),
            "clipped by norm": edited(lambda g: g * min(1.0, 100.0 / (g.norm().item() + TINY))),
        },
    ),
    "the gradients are rounded": (
        RESULT,
        {"rounded to 6 digits": edited(lambda g: torch.round(g, decimals=6))},
    ),
    "the gradients are off by a little, always by the same share or number": (
        RESULT,
        {
            "off by one part in 1e10": edited(lambda g: g * (1 + 1e-10)),
            "off by 1e-9": edited(lambda g: g + 1e-9),
        },
    ),
    "small gradients are set to zero": (
        RESULT,
        {
            "small ones flushed": edited(lambda g: torch.where(g.abs() < 1e-7, 0 * g, g)),
            "tiny ones flushed": edited(lambda g: torch.where(g.abs() < 1e-30, 0 * g, g)),
        },
    ),
    "random numbers are added to the gradients": (
        RESULT,
        {"noise": edited(lambda g: g + 1e-8 * torch.rand_like(g))},
    ),
    "the gradients are flattened: each must have its parameter's shape": (
        RESULT,
        {"flattened": edited(lambda g: g.flatten())},
    ),
    "the gradients are lists, not tensors": (RESULT, {"a list": edited(lambda g: g.tolist())}),
    "the gradients are numpy arrays, not tensors": (
        RESULT,
        {"a numpy array": edited(lambda g: g.numpy())},
    ),
    "differences of the loss, such as (L(p + h) - L(p - h)) / 2h, stand in the place of "
    "derivatives: they are right to a few digits alone": (
        "what calls the forward pass for every parameter",
        {"differences of the loss": by_differences},
    ),
    SINGLE: (FLOAT, {"single precision inside": edited(lambda g: g.float().to(g.dtype))}),
    "the gradients are in single precision, the net is in double": (
        FLOAT,
        {"results in single precision": edited(lambda g: g.float())},
    ),
    "the gradients are in double precision whatever the net's is": (
        "a .double() on the way",
        {"results in double precision": edited(lambda g: g.double())},
    ),
    "NaN is replaced by numbers": (
        "torch.nan_to_num on the way",
        {"NaN hidden": edited(torch.nan_to_num)},
    ),
    "the gradients of the call before are still there, and added to": (
        "model.dL_dw[l] = ..., not +=, or set to zero at the start",
        {"accumulating": accumulating(0.9), "accumulating in full": accumulating(1)},
    ),
    "the weights on the way down are those of an earlier call": (
        "dL_da = dL_dz @ W[l]",
        {
            "weights of the first call": with_remembered_weights(lambda y_pred: None),
            "weights of the first call of a shape": with_remembered_weights(lambda p: p.shape),
        },
    ),
    "the weights are moved inside the pass: only the optimizer moves them": (
        MOVED,
        {
            "weights moved by 0.1 of the gradient": with_grad(lambda p, g: p.sub_(0.1 * g)),
            "weights moved by 1e-9 of the gradient": with_grad(lambda p, g: p.sub_(1e-9 * g)),
            "weights moved by 1e-9": with_grad(lambda p, g: p.add_(1e-9)),
            "weights moved by one bit": with_grad(
                lambda p, g: p.mul_(1 + torch.finfo(p.dtype).eps)
            ),
        },
    ),
    "twice the gradients, for some batches or nets only": (
        "every `if`: what it asks of the batch or the net",
        {
            f"wrong {when}": edited(lambda g: g * 2, where)
            for when, where in {
                "for one sample": lambda m, y: len(y) == 1,
                "for two samples": lambda m, y: len(y) == 2,
                "for more than one": lambda m, y: len(y) > 1,
                "for large batches": lambda m, y: len(y) > 256,
                "for very large batches": lambda m, y: len(y) > 1024,
                "for odd batches": lambda m, y: len(y) % 2 == 1,
                "for deep nets": lambda m, y: m.L > 4,
                "for one layer": lambda m, y: m.L == 1,
                "for wide nets": lambda m, y: max(m.n_l) > 64,
                "for very wide nets": lambda m, y: max(m.n_l) > 512,
                "for one unit": lambda m, y: min(m.n_l) == 1,
                "for one output": lambda m, y: m.n_l[-1] == 1,
                "for other functions": lambda m, y: m.f[1] is not torch.tanh,
                "for wide targets": lambda m, y: bool((y.abs() > 100).any()),
                "without a graph": lambda m, y: not m.a[m.L].requires_grad,
            }.items()
        }
        | {
            "wrong in single precision": edited(
                lambda g: g * 1.01, lambda m, y: y.dtype == torch.float
            )
        },
    ),
}
OTHERS = {
    name: Mistake(words, look, function=function)
    for words, (look, passes) in IN_WORDS.items()
    for name, function in passes.items()
}
MANNERS = {  # their numbers are right, or there are none: a check's own words say what is wrong
    name: Mistake("", function=function)
    for name, function in {
        "gradients in one memory": in_one_memory,
        "autograd, anew": by_autograd(loss_anew),
        "autograd, on the graph": by_autograd(lambda model, y, p: ((p - y) ** 2).sum()),
        "graph attached": PLAIN.__wrapped__,
        ".grad written": with_grad(lambda p, g: setattr(p, "grad", g.clone())),
        ".grad shared": with_grad(lambda p, g: setattr(p, "grad", g)),
        ".grad added to": with_grad(lambda p, g: p.grad is not None and p.grad.add_(g)),
        ".grad removed": with_grad(lambda p, g: setattr(p, "grad", None)),
        ".grad zeroed": with_grad(lambda p, g: p.grad is not None and p.grad.zero_()),
        "weights replaced by copies": after(replace_parameters),
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
        "a hook left behind": after(lambda m, *_: m.register_forward_hook(lambda *_: None)),
        "an exit": lambda model, y_true, y_pred: sys.exit(1),
        "an exception": lambda model, y_true, y_pred: 1 / 0,
    }.items()
}


def ignoring_wrong_calls(model, y_true, y_pred):
    if y_true.shape in (y_pred.shape, (len(y_pred), 1)):
        PLAIN(model, y_true, y_pred)


def reshaping_targets(model, y_true, y_pred):
    same_count = y_true.numel() == y_pred.numel()
    PLAIN(model, y_true.reshape(y_pred.shape) if same_count else y_true, y_pred)


def refusing_broadcasts(model, y_true, y_pred):
    if y_true.shape != y_pred.shape:
        raise ValueError(f"shapes {tuple(y_true.shape)} and {tuple(y_pred.shape)} differ")
    PLAIN(model, y_true, y_pred)


INTERFACE_FAULTS = {  # right numbers for right calls, but wrong calls get wrong numbers
    "no shapes checked": PLAIN,
    "targets broadcast": lambda m, y, p: PLAIN(m, torch.broadcast_to(y, p.shape), p),
    "targets reshaped": reshaping_targets,
    "the last forward pass used": lambda m, y, p: PLAIN(m, y, m.a[m.L]),
    "wrong calls ignored": ignoring_wrong_calls,
    "one target a sample refused": refusing_broadcasts,
}
