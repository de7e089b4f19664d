"""More right passes: sums over parts of a batch, whole products, prints, fixed activations."""

import itertools

import numpy as np
import torch


@torch.no_grad()
def tensordots(model, y_true, y_pred):
    grads = itertools.accumulate(
        range(model.L, 0, -1),
        lambda dz, i: (
            dz @ model.fc[str(i)].weight * (model.df[i - 1](model.z[i - 1]) if i > 1 else 1)
        ),
        initial=2 * (y_pred - y_true) * model.df[model.L](model.z[model.L]),
    )
    for i, dz in zip(range(model.L, 0, -1), grads, strict=False):
        model.dL_dw[i] = torch.tensordot(dz, model.a[i - 1], dims=([0], [0]))
        model.dL_db[i] = torch.tensordot(dz, torch.ones_like(dz[:, 0]), dims=([0], [0]))


@torch.no_grad()
def broadcast_and_sum(model, y_true, y_pred):
    dz = (y_pred - y_true) * 2 * model.df[model.L](model.z[model.L])
    for i, linear in reversed([(int(name), linear) for name, linear in model.fc.items()]):
        model.dL_dw[i] = (dz[:, :, None] * model.a[i - 1][:, None, :]).sum(dim=0)
        model.dL_db[i] = dz.sum(dim=0)
        if i > 1:
            dz = (dz[:, :, None] * linear.weight).sum(dim=1) * model.df[i - 1](model.z[i - 1])


@torch.no_grad()
def sample_by_sample_stacked(model, y_true, y_pred):
    """A gradient for each sample, stacked, and summed at the end."""
    per_sample = {i: [] for i in range(1, model.L + 1)}
    for n, error in enumerate(y_pred - y_true):
        d = 2 * error
        for i in range(model.L, 0, -1):
            d = d * model.df[i](model.z[i][n : n + 1])[0]
            per_sample[i].append((d[:, None] @ model.a[i - 1][n][None], d))
            d = model.fc[str(i)].weight.T @ d
    for i, pairs in per_sample.items():
        model.dL_dw[i] = torch.stack([dw for dw, _ in pairs]).sum(0)
        model.dL_db[i] = torch.stack([db for _, db in pairs]).sum(0)


@torch.no_grad()
def in_two_halves(model, y_true, y_pred):
    """Each half of the batch for itself, added with addmm."""
    for i, linear in enumerate(model.fc.values(), 1):
        model.dL_dw[i], model.dL_db[i] = (
            torch.zeros_like(linear.weight),
            torch.zeros_like(linear.bias),
        )
    for part in torch.arange(len(y_pred)).chunk(2):
        dz = 2 * (y_pred[part] - y_true[part])
        for i in range(model.L, 0, -1):
            dz = dz * model.df[i](model.z[i])[part]
            model.dL_dw[i] = torch.addmm(model.dL_dw[i], dz.T, model.a[i - 1][part])
            model.dL_db[i] = model.dL_db[i].add(dz.sum(0))
            dz = dz @ model.fc[str(i)].weight


@torch.no_grad()
def dy_dz_down_to_each_layer(model, y_true, y_pred):
    """The Jacobian of all outputs at once, then the error from the left."""
    jacobian = torch.diag_embed(model.df[model.L](model.z[model.L]))  # (N, n_L, n_L)
    for i in range(model.L, 0, -1):
        dz = torch.einsum("no,noi->ni", 2 * (y_pred - y_true), jacobian)
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        if i > 1:
            slope = model.df[i - 1](model.z[i - 1])
            jacobian = jacobian @ model.fc[str(i)].weight * slope[:, None, :]


@torch.no_grad()
def with_prints(model, y_true, y_pred):
    print("backpropagation of", len(y_pred), "samples")
    d = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        d = d * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = d.T @ model.a[i - 1], d.sum(0)
        print("layer", i, model.dL_dw[i].shape)
        d = d @ model.fc[str(i)].weight


def data_attributes(model, y_true, y_pred):
    """.data in the place of no_grad."""
    d = 2 * (y_pred.data - y_true.data)
    for i in range(model.L, 0, -1):
        d = torch.mul(d, model.df[i](model.z[i].data))
        model.dL_dw[i] = torch.matmul(d.T, model.a[i - 1].data)
        model.dL_db[i] = torch.sum(d, dim=0)
        d = torch.matmul(d, model.fc[str(i)].weight.data)


def detached_at_the_end(model, y_true, y_pred):
    """On the graph until the very last moment."""
    d = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        d = d * model.df[i](model.z[i])
        model.dL_dw[i] = (d.T @ model.a[i - 1]).detach()
        model.dL_db[i] = d.sum(0).clone().detach()
        d = d @ model.fc[str(i)].weight


@torch.no_grad()
def lists_for_dicts(model, y_true, y_pred):
    """The gradients in lists, with nothing at 0."""
    dw, db = [None] * (model.L + 1), [None] * (model.L + 1)
    d = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        d = d * model.df[i](model.z[i])
        dw[i], db[i] = d.T @ model.a[i - 1], d.sum(0)
        d = d @ model.fc[str(i)].weight
    model.dL_dw, model.dL_db = dw, db


def numpy_in_columns(model, y_true, y_pred):
    delta = 2 * (y_pred - y_true).detach().numpy().T
    for i in range(model.L, 0, -1):
        delta = delta * np.asarray(model.df[i](model.z[i]).detach()).T
        model.dL_dw[i] = torch.as_tensor(delta @ np.asarray(model.a[i - 1].detach()))
        model.dL_db[i] = torch.as_tensor(delta.sum(axis=1))
        delta = model.fc[str(i)].weight.detach().numpy().T @ delta


# Right for nets of tanh layers alone: the activation is written in.


@torch.no_grad()
def tanh_from_a(model, y_true, y_pred):
    d = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        d = d * (1 - model.a[i] ** 2)
        model.dL_dw[i], model.dL_db[i] = d.T @ model.a[i - 1], d.sum(0)
        d = d @ model.fc[str(i)].weight


@torch.no_grad()
def tanh_from_z(model, y_true, y_pred):
    def derivative(z):
        return 1 - torch.tanh(z) ** 2

    delta = 2 * (y_pred - y_true) * derivative(model.z[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = torch.einsum("ni,nj->ij", delta, model.a[i - 1])
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = delta @ model.fc[str(i)].weight * derivative(model.z[i - 1])


@torch.no_grad()
def tanh_by_cosh(model, y_true, y_pred):
    """1 / cosh(z)^2, sample by sample."""
    for i, linear in enumerate(model.fc.values(), 1):
        model.dL_dw[i], model.dL_db[i] = linear.weight * 0, linear.bias * 0
    for n in range(len(y_pred)):
        d = 2 * (y_pred[n] - y_true[n])
        for i in range(model.L, 0, -1):
            d = d / torch.cosh(model.z[i][n]) ** 2
            model.dL_dw[i] += torch.outer(d, model.a[i - 1][n])
            model.dL_db[i] += d
            d = model.fc[str(i)].weight.T @ d


def tanh_forward_in_numpy(model, y_true, y_pred):
    """Its own forward pass, from the input and the weights."""
    weights = [np.asarray(linear.weight.detach()) for linear in model.fc.values()]
    biases = [np.asarray(linear.bias.detach()) for linear in model.fc.values()]
    a = [np.asarray(model.a[0].detach())]
    for W, b in zip(weights, biases, strict=True):
        a.append(np.tanh(a[-1] @ W.T + b))
    delta = 2 * (a[-1] - y_true.numpy())
    for i in range(len(weights), 0, -1):
        delta = delta * (1 - a[i] * a[i])
        model.dL_dw[i] = torch.from_numpy(delta.T @ a[i - 1])
        model.dL_db[i] = torch.from_numpy(delta.sum(0))
        delta = delta @ weights[i - 1]


TANH_ALONE = [tanh_from_a, tanh_from_z, tanh_by_cosh, tanh_forward_in_numpy]
