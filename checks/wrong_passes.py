"""Mistakes planted in a right backward pass: each must be noticed by the checks."""

import sys
from dataclasses import dataclass

import numpy as np
import torch

from checks.gradients import TINY
from checks.nets import entries, entry, gradients_of, loss_of, parameters_of


@dataclass
class Layer:
    """What the equations of one layer of a net work on."""

    model: object
    layer: int

    def __post_init__(self):
        self.linear = self.model.fc[str(self.layer)]
        self.W = self.linear.weight
        self.f, self.df = (
            entry(getattr(self.model, name, None), self.layer) for name in ("f", "df")
        )
        self.z, self.a = self.model.z[self.layer], self.model.a[self.layer]

    def near(self, step):
        """The layer `step` further up, or this one where the net ends."""
        layer = self.layer + step
        return Layer(self.model, layer) if 1 <= layer <= self.model.L else self


def variant(
    residual=lambda y_pred, y_true: 2 * (y_pred - y_true),
    slope=lambda at: at.df(at.z),
    weight=lambda at: at.W,
    dw=lambda dL_dz, a: dL_dz.T @ a,
    db=lambda dL_dz: dL_dz.sum(0),
    layers=lambda model: range(model.L, 0, -1),
    inputs=lambda at: at.model.a[at.layer - 1],
    to_weights=lambda dL_dz, dL_da: dL_dz,
    to_bias=lambda dL_dz, dL_da: dL_dz,
    below=lambda dL_dz, dL_da, W, at: dL_dz @ W,
    stored=lambda layer, L: layer,
):
    """A right backward pass, or with one of its formulas, their operands or the order replaced."""

    @torch.no_grad()
    def backward(model, y_true, y_pred):
        dL_da = residual(y_pred, y_true)
        for layer in layers(model):
            at = Layer(model, layer)
            dL_dz = dL_da * slope(at)
            model.dL_dw[stored(layer, model.L)] = dw(to_weights(dL_dz, dL_da), inputs(at))
            model.dL_db[stored(layer, model.L)] = db(to_bias(dL_dz, dL_da))
            dL_da = below(dL_dz, dL_da, weight(at), at)

    return backward


PLAIN = variant()  # right, so what a check rejects below is the mistake alone


def where_it_runs(backward):
    """The pass, or the right one where the shapes do not fit."""

    def with_fallback(model, y_true, y_pred):
        try:
            backward(model, y_true, y_pred)
        except RuntimeError:
            PLAIN(model, y_true, y_pred)

    with_fallback.bare = backward
    return with_fallback


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


def doubled(when):
    """The right pass, but twice the gradients where `when` says so."""
    return edited(lambda g: g * 2, when)


def with_grad(change):
    """The right pass, then `change(parameter, its gradient)` for each parameter."""

    def change_all(model, y_true, y_pred):
        for _, parameter, gradients, layer in parameters_of(model):
            change(parameter, gradients[layer])

    return after(change_all)


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
def updating_inside(model, y_true, y_pred):
    """Each layer's weights are moved before the gradient is propagated through them."""
    dL_da = 2 * (y_pred - y_true)
    for layer in range(model.L, 0, -1):
        at = Layer(model, layer)
        dL_dz = dL_da * at.df(at.z)
        model.dL_dw[layer], model.dL_db[layer] = dL_dz.T @ model.a[layer - 1], dL_dz.sum(0)
        at.W.sub_(0.01 * model.dL_dw[layer])
        at.linear.bias.sub_(0.01 * model.dL_db[layer])
        dL_da = dL_dz @ at.W


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
    """The weights of the first call for each key(y_pred) go on being used."""

    def backward(model, y_true, y_pred):
        now = {layer: linear.weight.detach().clone() for layer, linear in model.fc.items()}
        first = model.__dict__.setdefault("remembered", {}).setdefault(key(y_pred), now)
        variant(weight=lambda at: first[str(at.layer)])(model, y_true, y_pred)

    return backward


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


def not_set(model, layer):
    model.dL_dw[layer] = model.dL_db[layer] = None


def all_none(gradients):
    for layer, _ in entries(gradients):
        gradients[layer] = None


def spoil_entry(gradient, value):
    gradient.view(-1)[-1] = value


def replace_parameters(model):
    for linear in model.fc.values():
        linear.weight = torch.nn.Parameter(linear.weight.detach().clone())


PLANTED_GRADIENTS = {
    # the formulas
    "layers in the order of their names": variant(  # 10 stands before 2 there
        layers=lambda model: map(int, sorted(model.fc, reverse=True))
    ),
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
    "bias summed over the units": variant(db=lambda d: d.sum(1) if square(d) else d.sum(0)),
    "bias keeps a batch axis": variant(db=lambda d: d.sum(0, keepdim=True)),
    "batch collapsed first": variant(dw=lambda d, a: torch.outer(d.sum(0), a.sum(0))),
    "batch collapsed, averaged": variant(dw=lambda d, a: torch.outer(d.sum(0), a.mean(0))),
    "weight not transposed when square": variant(
        weight=lambda at: at.W.T if square(at.W) else at.W
    ),
    "gradient transposed when square": variant(
        dw=lambda d, a: a.T @ d if d.shape[1] == a.shape[1] else d.T @ a
    ),
    "gradient transposed": variant(dw=lambda d, a: a.T @ d),
    "batch and unit confused when equal": variant(dw=lambda d, a: d @ a if square(d) else d.T @ a),
    "weights of another layer": variant(
        weight=lambda at: at.model.fc[str(other_layer(at.model, at.layer))].weight
    ),
    "derivative at a": variant(slope=lambda at: at.df(at.a)),
    "derivative always tanh's": variant(slope=lambda at: 1 - torch.tanh(at.z) ** 2),
    "derivative of tanh through a": variant(slope=lambda at: 1 - at.a**2),
    "f for df": variant(slope=lambda at: at.f(at.z)),
    "derivative of the first layer": variant(slope=lambda at: at.model.df[1](at.z)),
    "derivative of the last layer": variant(slope=lambda at: at.model.df[at.model.L](at.z)),
    "derivative cut at 1": variant(slope=lambda at: at.df(at.z).clamp(max=1)),
    "no derivative at the output": variant(
        slope=lambda at: 1 if at.layer == at.model.L else at.df(at.z)
    ),
    "no derivative below the output": variant(
        slope=lambda at: at.df(at.z) if at.layer == at.model.L else 1
    ),
    "derivative of the first sample": variant(slope=lambda at: at.df(at.z[:1])),
    # further formulas that students write
    "target not used": variant(lambda p, y: 2 * p),
    "target alone": variant(lambda p, y: -2 * y),
    "residual squared": variant(lambda p, y: (p - y) ** 2),
    "residual's size": variant(lambda p, y: 2 * (p - y).abs()),
    "error summed over the batch first": variant(lambda p, y: 2 * (p - y).sum(0, keepdim=True)),
    "error averaged over the batch first": variant(lambda p, y: 2 * (p - y).mean(0, keepdim=True)),
    "factor 2 in every layer": variant(lambda p, y: p - y, slope=lambda at: 2 * at.df(at.z)),
    "first sample dropped": variant(dw=lambda d, a: d[1:].T @ a[1:], db=lambda d: d[1:].sum(0)),
    "error of cross-entropy": variant(
        lambda p, y: p - y, slope=lambda at: 1 if at.layer == at.model.L else at.df(at.z)
    ),
    "error divided by its norm": variant(lambda p, y: (p - y) / (p - y).norm()),
    "error averaged over the outputs": variant(
        lambda p, y: 2 * (p - y).mean(1, keepdim=True).expand_as(p)
    ),
    "last sample alone": variant(dw=lambda d, a: d[-1:].T @ a[-1:], db=lambda d: d[-1].clone()),
    "weights of the first sample": variant(dw=lambda d, a: d[:1].T @ a[:1]),
    "weights of the last sample": variant(dw=lambda d, a: d[-1:].T @ a[-1:]),
    "bias of the last sample": variant(db=lambda d: d[-1].clone()),
    "batch averaged in the weights": variant(dw=lambda d, a: d.T @ a / len(d)),
    "input averaged over the batch": variant(dw=lambda d, a: torch.outer(d.sum(0), a[0])),
    "batch averaged, then multiplied": variant(
        dw=lambda d, a: torch.outer(d.mean(0), a.mean(0)), db=lambda d: d.mean(0)
    ),
    "weights keep the batch axis": variant(dw=lambda d, a: d[:, :, None] * a[:, None, :]),
    "bias not summed": variant(db=lambda d: d.clone()),
    "bias squeezed": variant(db=lambda d: d.clone().squeeze(0)),
    "bias squeezed of all axes": variant(db=lambda d: d.clone().squeeze()),
    "bias as a column": variant(db=lambda d: d.sum(0)[:, None]),
    "bias transposed": variant(db=lambda d: d.T.clone()),
    "bias summed over the wrong axis": variant(db=lambda d: d.sum(1)),
    "bias summed to one number": variant(db=lambda d: d.sum()),
    "bias is one number for all": variant(db=lambda d: d.sum().expand(d.shape[1]).clone()),
    "bias averaged over everything": variant(db=lambda d: d.mean()),
    "bias without the derivative": variant(to_bias=lambda dL_dz, dL_da: dL_da),
    "weights without the derivative": variant(to_weights=lambda dL_dz, dL_da: dL_da),
    "both without the derivative": variant(
        to_weights=lambda dL_dz, dL_da: dL_da, to_bias=lambda dL_dz, dL_da: dL_da
    ),
    "a of the same layer": variant(inputs=lambda at: at.a),
    "a of the layer above": variant(inputs=lambda at: at.near(1).a),
    "z for a": variant(
        inputs=lambda at: at.model.z[at.layer - 1] if at.layer > 1 else at.model.a[0]
    ),
    "z of the same layer for a": variant(inputs=lambda at: at.z),
    "x in every layer": variant(inputs=lambda at: at.model.a[0]),
    "no derivative": variant(slope=lambda at: 1),
    "derivative twice": variant(slope=lambda at: at.df(at.z) ** 2),
    "derivative twice at the output": variant(
        slope=lambda at: at.df(at.z) ** (2 if at.layer == at.model.L else 1)
    ),
    "derivative twice below the output": variant(
        slope=lambda at: at.df(at.z) ** (1 if at.layer == at.model.L else 2)
    ),
    "derivative at a at the output": variant(
        slope=lambda at: at.df(at.a if at.layer == at.model.L else at.z)
    ),
    "derivative at a below the output": variant(
        slope=lambda at: at.df(at.z if at.layer == at.model.L else at.a)
    ),
    "derivative with the wrong sign": variant(slope=lambda at: -at.df(at.z)),
    "derivative at z of the layer below": where_it_runs(
        variant(slope=lambda at: at.df(at.near(-1).z))
    ),
    "derivative at z of the layer above": where_it_runs(
        variant(slope=lambda at: at.df(at.near(1).z))
    ),
    "derivative at the input of the layer": where_it_runs(
        variant(slope=lambda at: at.df(at.model.a[at.layer - 1]))
    ),
    "derivative of the layer below": variant(slope=lambda at: at.near(-1).df(at.z)),
    "derivative of the layer above": variant(slope=lambda at: at.near(1).df(at.z)),
    "derivative 1 - z^2": variant(slope=lambda at: 1 - at.z**2),
    "derivative 1 - a": variant(slope=lambda at: 1 - at.a),
    "derivative 1 - tanh(z)": variant(slope=lambda at: 1 - torch.tanh(at.z)),
    "derivative 1 - 2 a": variant(slope=lambda at: 1 - 2 * at.a),
    "derivative 1 - 2 tanh(z)": variant(slope=lambda at: 1 - 2 * torch.tanh(at.z)),
    "derivative 1 + a^2": variant(slope=lambda at: 1 + at.a**2),
    "derivative a^2": variant(slope=lambda at: at.a**2),
    "derivative 1 / cosh(z)": variant(slope=lambda at: 1 / torch.cosh(at.z)),
    "derivative 1 - tanh(a)^2": variant(slope=lambda at: 1 - torch.tanh(at.a) ** 2),
    "derivative 1 - df(z)^2": variant(slope=lambda at: 1 - at.df(at.z) ** 2),
    "derivative of sigmoid through a": variant(slope=lambda at: at.a * (1 - at.a)),
    "derivative of sigmoid through z": variant(slope=lambda at: at.z * (1 - at.z)),
    "derivative always sigmoid's": variant(
        slope=lambda at: torch.sigmoid(at.z) * torch.sigmoid(-at.z)
    ),
    "derivative always relu's": variant(slope=lambda at: (at.z > 0).to(at.z.dtype)),
    "propagated after the sum over the batch": variant(
        below=lambda dL_dz, dL_da, W, at: dL_dz.sum(0, keepdim=True) @ W
    ),
    "propagated after the mean over the batch": variant(
        below=lambda dL_dz, dL_da, W, at: dL_dz.mean(0, keepdim=True) @ W
    ),
    "first sample propagated": variant(below=lambda dL_dz, dL_da, W, at: dL_dz[:1] @ W),
    "dL_da propagated": variant(below=lambda dL_dz, dL_da, W, at: dL_da @ W),
    "not multiplied by the weights": where_it_runs(
        variant(below=lambda dL_dz, dL_da, W, at: dL_dz)
    ),
    "weights left out on the way down": variant(
        below=lambda dL_dz, dL_da, W, at: dL_dz.sum(1, keepdim=True).expand(-1, W.shape[1])
    ),
    "dL_da added to": where_it_runs(
        variant(below=lambda dL_dz, dL_da, W, at: dL_da.clone().add_(dL_dz @ W))
    ),
    "bias added before the weights": variant(
        below=lambda dL_dz, dL_da, W, at: (dL_dz + at.linear.bias) @ W
    ),
    "bias added on the way down": variant(
        below=lambda dL_dz, dL_da, W, at: (
            dL_dz @ W + (at.near(-1).linear.bias if at.layer > 1 else 0)
        )
    ),
    "forward once more on the way down": where_it_runs(
        variant(below=lambda dL_dz, dL_da, W, at: at.linear(dL_dz))
    ),
    "output error in every layer": where_it_runs(variant(below=lambda dL_dz, dL_da, W, at: dL_da)),
    "gradient reshaped": variant(dw=lambda d, a: (a.T @ d).reshape(d.shape[1], a.shape[1])),
    "weight reshaped": variant(weight=lambda at: at.W.T.reshape(at.W.shape)),
    "input activated": variant(
        inputs=lambda at: at.f(at.model.a[0]) if at.layer == 1 else at.model.a[at.layer - 1]
    ),
    "weight transposed": where_it_runs(variant(weight=lambda at: at.W.T)),
    "weights of the layer below": where_it_runs(variant(weight=lambda at: at.near(-1).W)),
    "weights of the layer above": where_it_runs(variant(weight=lambda at: at.near(1).W)),
    "layers from the first to the last": where_it_runs(
        variant(layers=lambda model: range(1, model.L + 1))
    ),
    "first layer left out": variant(layers=lambda model: range(model.L, 1, -1)),
    "last layer left out": where_it_runs(variant(layers=lambda model: range(model.L - 1, 0, -1))),
    "last layer alone": variant(layers=lambda model: [model.L]),
    "stored in reverse order": variant(stored=lambda layer, L: L + 1 - layer),
    "stored under text": variant(stored=lambda layer, L: str(layer)),
    "last layer not set": after(lambda model, *_: not_set(model, model.L)),
    "stored one layer too low": variant(stored=lambda layer, L: layer - 1),
    "stored one layer too high": variant(stored=lambda layer, L: layer + 1),
    "biases not set": after(lambda model, *_: all_none(model.dL_db)),
    "weights not set": after(lambda model, *_: all_none(model.dL_dw)),
    "weights updated inside": updating_inside,
    "differences of the loss": by_differences,
    "gradients in one memory": in_one_memory,
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
    "single precision of the weights": variant(weight=lambda at: at.W.float().to(at.W.dtype)),
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
    "wrong for one sample": doubled(lambda m, y: len(y) == 1),
    "wrong for two samples": doubled(lambda m, y: len(y) == 2),
    "wrong for more than one": doubled(lambda m, y: len(y) > 1),
    "wrong for large batches": doubled(lambda m, y: len(y) > 256),
    "wrong for odd batches": doubled(lambda m, y: len(y) % 2 == 1),
    "wrong for deep nets": doubled(lambda m, y: m.L > 4),
    "wrong for one layer": doubled(lambda m, y: m.L == 1),
    "wrong for wide nets": doubled(lambda m, y: max(m.n_l) > 64),
    "wrong for very wide nets": doubled(lambda m, y: max(m.n_l) > 512),
    "wrong for very large batches": doubled(lambda m, y: len(y) > 1024),
    "wrong for one unit": doubled(lambda m, y: min(m.n_l) == 1),
    "wrong for one output": doubled(lambda m, y: m.n_l[-1] == 1),
    "wrong for other functions": doubled(lambda m, y: m.f[1] is not torch.tanh),
    "wrong for wide targets": doubled(lambda m, y: bool((y.abs() > 100).any())),
    "wrong without a graph": doubled(lambda m, y: not m.a[m.L].requires_grad),
    # what is kept between calls, and where the numbers come from
    "accumulating": accumulating(0.9),
    "accumulating in full": accumulating(1),
    "weights of the first call": with_remembered_weights(lambda y_pred: None),
    "weights of the first call of each shape": with_remembered_weights(lambda y_pred: y_pred.shape),
    "autograd, anew": by_autograd(loss_anew),
    "autograd, on the graph": by_autograd(
        lambda model, y_true, y_pred: ((y_pred - y_true) ** 2).sum()
    ),
    ".grad copied": copying_grad,
    "graph attached": PLAIN.__wrapped__,
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
    "targets broadcast": lambda model, y_true, y_pred: PLAIN(
        model, torch.broadcast_to(y_true, y_pred.shape), y_pred
    ),
    "targets reshaped": reshaping_targets,
    "the last forward pass used": lambda model, y_true, y_pred: PLAIN(
        model, y_true, model.a[model.L]
    ),
    "wrong calls ignored": ignoring_wrong_calls,
    "one target a sample refused": refusing_broadcasts,
}
