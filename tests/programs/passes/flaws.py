"""Mistakes that can be combined: each of them changes one step of a right pass."""

import torch

from checks.nets import gradients_of


def right_steps():
    """The five lines, each of them a function that a flaw can replace."""
    return {
        "samples": lambda tensor: tensor,
        "error": lambda y_true, y_pred: 2 * (y_pred - y_true),
        "slope": lambda model, i: model.df[i](model.z[i]),
        "below": lambda model, i: model.a[i - 1],
        "dw": lambda dz, a: dz.T @ a,
        "db": lambda dz: dz.sum(0),
        "down": lambda dz, model, i: dz @ model.fc[str(i)].weight,
    }


FLAWS = {  # name: (the step, what the flaw makes of it)
    "first sample": ("samples", lambda _: lambda tensor: tensor[:1]),
    "last sample": ("samples", lambda _: lambda tensor: tensor[-1:]),
    "sign": ("error", lambda error: lambda y, p: -error(y, p)),
    "no factor 2": ("error", lambda error: lambda y, p: error(y, p) / 2),
    "mean over the batch": ("error", lambda error: lambda y, p: error(y, p) / len(p)),
    "MSELoss": ("error", lambda error: lambda y, p: error(y, p) / p.numel()),
    "squared error": ("error", lambda error: lambda y, p: error(y, p) * (p - y) / 2),
    "slope at a": ("slope", lambda _: lambda model, i: model.df[i](model.a[i])),
    "no slope": ("slope", lambda _: lambda model, i: torch.ones_like(model.z[i])),
    "no slope at the output": (
        "slope",
        lambda slope: lambda model, i: slope(model, i) if i < model.L else 1,
    ),
    "no slope below": (
        "slope",
        lambda slope: lambda model, i: slope(model, i) if i == model.L else 1,
    ),
    "f for df": ("slope", lambda _: lambda model, i: model.f[i](model.z[i])),
    "df of the layer above": (
        "slope",
        lambda _: lambda model, i: model.df[min(i + 1, model.L)](model.z[i]),
    ),
    "a of the same layer": ("below", lambda _: lambda model, i: model.a[i]),
    "z for a": ("below", lambda _: lambda model, i: model.z[i - 1] if i > 1 else model.a[0]),
    "dw transposed": ("dw", lambda dw: lambda dz, a: dw(dz, a).T),
    "dw averaged": ("dw", lambda dw: lambda dz, a: dw(dz, a) / len(dz)),
    "dw of sums": ("dw", lambda _: lambda dz, a: torch.outer(dz.sum(0), a.sum(0))),
    "db averaged": ("db", lambda _: lambda dz: dz.mean(0)),
    "db zero": ("db", lambda _: lambda dz: 0 * dz[0]),
    "db a row": ("db", lambda _: lambda dz: dz.sum(0, keepdim=True)),
    "db not summed": ("db", lambda _: lambda dz: dz.clone()),
    "weights transposed": ("down", lambda _: lambda dz, model, i: dz @ model.fc[str(i)].weight.T),
    "weights of the layer below": (
        "down",
        lambda _: lambda dz, model, i: dz @ model.fc[str(max(i - 1, 1))].weight,
    ),
    "summed on the way": (
        "down",
        lambda down: (
            lambda dz, model, i: down(dz, model, i).sum(0, keepdim=True).expand(len(dz), -1)
        ),
    ),
}


def pass_with(*flaws):
    """A backward pass with these flaws; of two in one step, the second works on the first."""
    step = right_steps()
    for flaw in flaws:
        name, change = FLAWS[flaw]
        step[name] = change(step[name])

    @torch.no_grad()
    def backpropagation(model, y_true, y_pred):
        kept = model.z, model.a
        part = step["samples"]
        model.z, model.a = ({i: part(v) for i, v in values.items()} for values in kept)
        try:
            dL_da = step["error"](part(y_true), part(y_pred))
            for i in range(model.L, 0, -1):
                dL_dz = dL_da * step["slope"](model, i)
                model.dL_dw[i] = step["dw"](dL_dz, step["below"](model, i))
                model.dL_db[i] = step["db"](dL_dz)
                if i > 1:
                    dL_da = step["down"](dL_dz, model, i)
        finally:
            model.z, model.a = kept

    return backpropagation


def half_of(flaw, part):
    """A pass with the flaw in one part of the gradients alone; right in all others."""
    flawed, right = pass_with(flaw), pass_with()

    def backpropagation(model, y_true, y_pred):
        flawed(model, y_true, y_pred)
        wrong = gradients_of(model)
        right(model, y_true, y_pred)
        for name, gradients in (("dL_dw", model.dL_dw), ("dL_db", model.dL_db)):
            for layer in gradients:
                if part in (name, layer):
                    gradients[layer] = wrong[f"{name}[{layer}]"]

    return backpropagation
