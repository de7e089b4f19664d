"""Right passes, each in a style of its own, for any activations."""

import functools

import numpy as np
import torch
from torch.nn import functional


@torch.no_grad()
def five_lines(model, y_true, y_pred):
    dL_da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dL_dz = dL_da * model.df[i](model.z[i])
        model.dL_dw[i] = dL_dz.T @ model.a[i - 1]
        model.dL_db[i] = dL_dz.sum(0)
        dL_da = dL_dz @ model.fc[str(i)].weight


def loop_over_samples(model, y_true, y_pred):
    with torch.no_grad():
        for i in range(1, model.L + 1):
            model.dL_dw[i] = torch.zeros_like(model.fc[str(i)].weight)
            model.dL_db[i] = torch.zeros_like(model.fc[str(i)].bias)
        for n in range(y_pred.shape[0]):
            delta = 2 * (y_pred[n] - y_true[n]) * model.df[model.L](model.z[model.L])[n]
            for i in range(model.L, 0, -1):
                model.dL_dw[i] += torch.outer(delta, model.a[i - 1][n])
                model.dL_db[i] += delta
                if i > 1:
                    slope = model.df[i - 1](model.z[i - 1])[n]
                    delta = (model.fc[str(i)].weight.T @ delta) * slope


def loop_over_units(model, y_true, y_pred):
    """The sums as they stand on paper, in Python numbers."""
    slopes = {i: model.df[i](z).tolist() for i, z in model.z.items()}
    a = {i: values.tolist() for i, values in model.a.items()}
    y, p = y_true.tolist(), y_pred.tolist()
    N, n_l = len(p), model.n_l
    dL_da = [[2 * (p[n][j] - y[n][j]) for j in range(n_l[-1])] for n in range(N)]
    for k in range(model.L, 0, -1):
        W = model.fc[str(k)].weight.tolist()
        d = [[dL_da[n][i] * slopes[k][n][i] for i in range(n_l[k])] for n in range(N)]
        dw = [[0.0] * n_l[k - 1] for _ in range(n_l[k])]
        for i in range(n_l[k]):
            for j in range(n_l[k - 1]):
                for n in range(N):
                    dw[i][j] += d[n][i] * a[k - 1][n][j]
        db = [sum(d[n][i] for n in range(N)) for i in range(n_l[k])]
        model.dL_dw[k] = torch.tensor(dw, dtype=y_pred.dtype)
        model.dL_db[k] = torch.tensor(db, dtype=y_pred.dtype)
        units = range(n_l[k])
        dL_da = [
            [sum(d[n][i] * W[i][j] for i in units) for j in range(n_l[k - 1])] for n in range(N)
        ]


@torch.no_grad()
def columns(model, y_true, y_pred):
    A = {i: a.T for i, a in model.a.items()}
    Z = {i: z.T for i, z in model.z.items()}
    W = {i: model.fc[str(i)].weight for i in range(1, model.L + 1)}
    dA = 2 * (A[model.L] - y_true.T)
    for i in sorted(W, reverse=True):
        dZ = dA * model.df[i](Z[i])
        model.dL_dw[i] = dZ @ A[i - 1].T
        model.dL_db[i] = dZ.sum(dim=1)
        dA = W[i].T @ dZ


@torch.no_grad()
def index_notation(model, y_true, y_pred):
    delta = torch.einsum("ni,ni->ni", 2 * (y_pred - y_true), model.df[model.L](model.z[model.L]))
    for k in range(model.L, 0, -1):
        model.dL_dw[k] = torch.einsum("ni,nj->ij", delta, model.a[k - 1])
        model.dL_db[k] = torch.einsum("ni->i", delta)
        if k > 1:
            slope = model.df[k - 1](model.z[k - 1])
            delta = torch.einsum("ni,ij,nj->nj", delta, model.fc[str(k)].weight, slope)


@torch.no_grad()
def batched_products(model, y_true, y_pred):
    delta = (y_pred - y_true).mul(2).unsqueeze(2)  # (N, n_L, 1)
    for k in range(model.L, 0, -1):
        delta = delta * model.df[k](model.z[k]).unsqueeze(2)
        model.dL_dw[k] = torch.bmm(delta, model.a[k - 1].unsqueeze(1)).sum(0)
        model.dL_db[k] = delta.squeeze(2).sum(0)
        W = model.fc[str(k)].weight.expand(len(delta), -1, -1)
        delta = torch.bmm(W.transpose(1, 2), delta)


def numpy_throughout(model, y_true, y_pred):
    a = {i: value.detach().numpy() for i, value in model.a.items()}
    slope = {i: model.df[i](value.detach()).numpy() for i, value in model.z.items()}
    delta = 2 * (a[model.L] - y_true.numpy())
    for i in range(model.L, 0, -1):
        delta = delta * slope[i]
        model.dL_dw[i] = torch.from_numpy(np.einsum("ni,nj->ij", delta, a[i - 1]))
        model.dL_db[i] = torch.tensor(np.add.reduce(delta, axis=0))
        delta = delta.dot(model.fc[str(i)].weight.detach().numpy())


def recursion(model, y_true, y_pred):
    def dL_dz(layer):
        """The gradient at z of one layer, from that of the layer above."""
        if layer == model.L:
            above = 2 * (y_pred - y_true)
        else:
            above = dL_dz(layer + 1) @ model.fc[str(layer + 1)].weight
        return above * model.df[layer](model.z[layer])

    with torch.no_grad():
        for layer in range(1, model.L + 1):
            delta = dL_dz(layer)
            model.dL_dw[layer], model.dL_db[layer] = delta.T @ model.a[layer - 1], delta.sum(0)


@torch.no_grad()
def deltas_first(model, y_true, y_pred):
    deltas = {model.L: 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])}
    for i in reversed(range(1, model.L)):
        deltas[i] = deltas[i + 1].mm(model.fc[str(i + 1)].weight) * model.df[i](model.z[i])
    model.dL_dw = {i: deltas[i].t().mm(model.a[i - 1]) for i in range(1, model.L + 1)}
    model.dL_db = {i: deltas[i].sum(0) for i in range(1, model.L + 1)}


def output_layer_then_while(model, y_true, y_pred):
    layer = model.L
    delta = 2 * (y_pred.detach() - y_true) * model.df[layer](model.z[layer].detach())
    model.dL_dw[layer] = delta.T @ model.a[layer - 1].detach()
    model.dL_db[layer] = delta.sum(0)
    while layer > 1:
        weight = model.fc[str(layer)].weight.detach().clone()
        layer -= 1
        delta = (delta @ weight) * model.df[layer](model.z[layer].detach())
        model.dL_dw[layer] = delta.T @ model.a[layer - 1].detach()
        model.dL_db[layer] = delta.sum(0)


@torch.no_grad()
def forward_again(model, y_true, y_pred):
    """Reads the input alone, and keeps lists of its own."""
    outputs, sums = [model.a[0]], [None]
    for i in range(1, model.L + 1):
        linear = model.fc[str(i)]
        sums.append(functional.linear(outputs[-1], linear.weight, linear.bias))
        outputs.append(model.f[i](sums[-1]))
    delta = 2 * (outputs[-1] - y_true)
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](sums[i])
        model.dL_dw[i], model.dL_db[i] = delta.T @ outputs[i - 1], delta.sum(0)
        delta = functional.linear(delta, model.fc[str(i)].weight.T)


@torch.no_grad()
def returns_more(model, y_true, y_pred):
    """Returns the loss, the gradients and the gradient of the input."""
    error = y_pred - y_true
    dL_da = 2 * error
    for i in range(model.L, 0, -1):
        dL_dz = dL_da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dL_dz.T @ model.a[i - 1], dL_dz.sum(0)
        dL_da = dL_dz @ model.fc[str(i)].weight
    return (error**2).sum().item(), model.dL_dw, model.dL_db, dL_da


@torch.no_grad()
def copied_into_buffers(model, y_true, y_pred):
    delta = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        linear = model.fc[str(i)]
        delta = delta * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = (
            torch.empty_like(linear.weight),
            torch.empty_like(linear.bias),
        )
        model.dL_dw[i].copy_(delta.T @ model.a[i - 1])
        model.dL_db[i].copy_(delta.sum(0))
        delta = delta @ linear.weight


@torch.no_grad()
def jacobians(model, y_true, y_pred):
    """dz_l / dz_{l-1} as a matrix for each sample."""
    row = (2 * (y_pred - y_true)).unsqueeze(1)  # (N, 1, n_L)
    for i in range(model.L, 0, -1):
        row = row @ torch.diag_embed(model.df[i](model.z[i]))
        model.dL_dw[i] = (row.transpose(1, 2) * model.a[i - 1].unsqueeze(1)).sum(0)
        model.dL_db[i] = row.sum((0, 1))
        row = row @ model.fc[str(i)].weight


@torch.no_grad()
def ones_beside_the_activations(model, y_true, y_pred):
    """The bias as the weight of an input that is always 1."""
    delta = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i])
        below = torch.cat([model.a[i - 1], model.a[i - 1].new_ones(len(delta), 1)], dim=1)
        both = delta.T @ below
        model.dL_dw[i], model.dL_db[i] = both[:, :-1].clone(), both[:, -1].clone()
        delta = delta @ model.fc[str(i)].weight


class LayerStep:
    """One layer, from above to below."""

    def __init__(self, model, number):
        self.linear, self.slope = model.fc[str(number)], model.df[number]
        self.z, self.below = model.z[number], model.a[number - 1]

    def __call__(self, dL_da):
        dL_dz = dL_da * self.slope(self.z)
        self.dw, self.db = dL_dz.T.matmul(self.below), dL_dz.sum(0)
        return dL_dz.matmul(self.linear.weight)


def layers_as_objects(model, y_true, y_pred):
    was_enabled = torch.is_grad_enabled()
    torch.set_grad_enabled(False)
    try:
        steps = {i: LayerStep(model, i) for i in range(1, model.L + 1)}
        functools.reduce(
            lambda grad, i: steps[i](grad), range(model.L, 0, -1), 2 * (y_pred - y_true)
        )
        for i, step in steps.items():
            model.dL_dw[i], model.dL_db[i] = step.dw, step.db
    finally:
        torch.set_grad_enabled(was_enabled)
