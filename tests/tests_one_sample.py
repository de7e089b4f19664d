"""The code for one sample, with one more mistake: what main_test says of it."""

import pytest
import torch

from checks.main_test import main_test
from checks.reference import backward_with
from checks.wrong_passes import BELOW, BIAS, ERROR, SLOPE, WEIGHTS
from tests.programs.passes.fresh_right import views_of_one_block


@torch.no_grad()
def vectors(model, y_true, y_pred):
    """Outer products of vectors, df at a: a matrix for each sample does not fit."""
    dL_da = 2 * (y_pred - y_true).squeeze(0)
    for i in range(model.L, 0, -1):
        dL_dz = dL_da * model.df[i](model.a[i]).squeeze(0)
        model.dL_dw[i] = torch.outer(dL_dz, model.a[i - 1].squeeze(0))
        model.dL_db[i] = dL_dz
        dL_da = dL_dz @ model.fc[str(i)].weight


@torch.no_grad()
def counted_from_zero(model, y_true, y_pred):
    for i in range(model.L, -1, -1):
        model.fc[str(i)].weight.sum()


def by_torch_func(model, y_true, y_pred):
    def loss(weights):
        return ((torch.func.functional_call(model, weights, (model.a[0],)) - y_true) ** 2).sum()

    gradients = torch.func.grad(loss)({k: p.detach() for k, p in model.named_parameters()})
    for i in range(1, model.L + 1):
        model.dL_dw[i], model.dL_db[i] = (gradients[f"fc.{i}.{k}"] for k in ("weight", "bias"))


NO_SLOPE = (SLOPE, "dL_dz = dL_da * (1 if l == L else df[l](z[l]))")
HALF = (ERROR, "dL_da = y_pred - y_true")
CASES = {  # name: (the pass, what must be said)
    "bias of one sample, no slope at the output": (
        backward_with((BIAS, "dL_db[l] = dL_dz[0].clone()"), NO_SLOPE),
        "one sample, as the assignment asks: WRONG|two mistakes at once|the derivative is missing "
        "at the output layer|dL_db is that of the first sample alone",
    ),
    "product entry by entry, no factor 2": (
        backward_with((WEIGHTS, "dL_dw[l] = dL_dz.T * a[l - 1]"), HALF),
        "one sample, as the assignment asks: WRONG|more samples at once: |"
        "the factor 2 of the squared error is missing",
    ),
    "vectors, df at a": (
        vectors,
        "more samples at once: the pass raises|with one sample: the derivative is taken at a[l]",
    ),
    "squeeze of all axes": (
        backward_with((BIAS, "dL_db[l] = dL_dz.squeeze()")),
        "one sample, as the assignment asks: right, except in a layer of width 1 (11 of 14|"
        "dL_db[3] has the shape (), autograd gives (1,)|dL_db is not summed over the batch",
    ),
    "squeeze of the first axis": (
        backward_with((BIAS, "dL_db[l] = dL_dz.squeeze(0)")),
        "one sample, as the assignment asks: right|more samples at once: WRONG|"
        "autograd is not used, ...): right|dL_db is not summed over the batch",
    ),
    "unknown": (
        backward_with((BELOW, "dL_da = dL_dz @ W[l] + 0.1 * dL_dz.sum(0) @ W[l]")),
        "No mistake known here gives these numbers|dL_db[1] differs first: print dL_dz of layer 1",
    ),
    "y_pred changed in place": (
        backward_with((ERROR, "y_pred -= y_true\ndL_da = 2 * y_pred")),
        "y_pred were changed: y_pred is model.a[L], so write d = y_pred - y_true|"
        "manners (nothing else changes, autograd is not used, ...): WRONG",
    ),
    "counted from zero": (counted_from_zero, "KeyError: '0', but layers are numbered 1 to L"),
    "torch.func": (by_torch_func, "differentiates with torch.func: write the derivatives by hand"),
    "memory shared": (
        backward_with((BIAS, "dL_db[l] = dL_dz.sum(0)\ndL_dw[l][:, 0] = dL_db[l]\n"
                             "dL_db[l] = dL_dw[l][:, 0]")),
        "dL_db[1] shares its memory with dL_dw[1]",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_said(model, name, capsys):
    backward, words = CASES[name]
    assert main_test(backward, model) is False
    printed = " ".join(capsys.readouterr().out.split())
    assert [part for part in words.split("|") if part not in printed] == [], printed


def test_two_views_of_one_block_are_accepted(model, capsys):
    """Both gradients of a layer are views of it, and share no number."""
    assert main_test(views_of_one_block, model) is True
