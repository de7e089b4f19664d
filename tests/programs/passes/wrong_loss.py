"""Wrong passes: the slope of the loss, where the pass begins."""

import numpy as np
import torch

from tests.programs.passes import says


@says(r"sign|interchanged|swapped|y_true - y_pred")
def target_minus_output(model, y_true, y_pred):
    with torch.no_grad():
        error = 2 * (y_true - y_pred)
        for k in reversed(range(1, model.L + 1)):
            error = error * model.df[k](model.z[k])
            model.dL_dw[k] = torch.einsum("ni,nj->ij", error, model.a[k - 1])
            model.dL_db[k] = torch.einsum("ni->i", error)
            error = torch.einsum("ni,ij->nj", error, model.fc[str(k)].weight)


@says(r"\b2\b.*(missing|forgotten)|(missing|forgotten).*\b2\b|factor 2|half")
def half_the_square(model, y_true, y_pred):
    """L = 1/2 (y_pred - y)^2, as in many books; sample by sample."""
    W = {i: model.fc[str(i)].weight.detach() for i in range(1, model.L + 1)}
    for i in W:
        model.dL_dw[i] = torch.zeros_like(W[i])
        model.dL_db[i] = W[i].new_zeros(W[i].shape[0])
    for n, (target, output) in enumerate(zip(y_true, y_pred.detach(), strict=True)):
        delta = (output - target) * model.df[model.L](model.z[model.L][n].detach())
        for i in range(model.L, 0, -1):
            model.dL_dw[i] += torch.outer(delta, model.a[i - 1][n].detach())
            model.dL_db[i] += delta
            if i > 1:
                delta = (W[i].T @ delta) * model.df[i - 1](model.z[i - 1][n].detach())


@says(r"\b2\b.*(missing|forgotten)|(missing|forgotten).*\b2\b|factor 2|half")
def numpy_without_two(model, y_true, y_pred):
    def array(tensor):
        return tensor.detach().numpy()

    delta = array(y_pred) - array(y_true)
    for i in range(model.L, 0, -1):
        delta = delta * array(model.df[i](model.z[i]))
        model.dL_dw[i] = torch.from_numpy(np.dot(delta.T, array(model.a[i - 1])))
        model.dL_db[i] = torch.from_numpy(np.sum(delta, axis=0))
        delta = np.dot(delta, array(model.fc[str(i)].weight))


@says(r"mean over (the|a) batch|average over the batch|divided by (the batch|N)", "sum")
def columns_over_m(model, y_true, y_pred):
    """The convention of a well-known course: samples are columns, everything is over m."""
    m = y_true.shape[0]
    with torch.no_grad():
        dA = 2 * (y_pred - y_true).T
        for i in range(model.L, 0, -1):
            dZ = dA * model.df[i](model.z[i]).T
            model.dL_dw[i] = 1 / m * dZ @ model.a[i - 1]
            model.dL_db[i] = 1 / m * torch.sum(dZ, axis=1)
            dA = model.fc[str(i)].weight.T @ dZ


@says(r"mean over (the|a) batch|average over the batch|divided by (the batch|N)", "sum")
def samples_then_mean(model, y_true, y_pred):
    """A gradient for each sample, stacked; then the mean where the sum belongs."""
    with torch.no_grad():
        grads_w, grads_b = [{} for _ in y_pred], [{} for _ in y_pred]
        for n in range(len(y_pred)):
            d = 2 * (y_pred[n] - y_true[n])
            for i in range(model.L, 0, -1):
                d = d * model.df[i](model.z[i][n])
                grads_w[n][i], grads_b[n][i] = d[:, None] * model.a[i - 1][n][None, :], d
                d = d @ model.fc[str(i)].weight
        for i in range(1, model.L + 1):
            model.dL_dw[i] = torch.stack([g[i] for g in grads_w]).mean(dim=0)
            model.dL_db[i] = torch.stack([g[i] for g in grads_b]).mean(dim=0)


@says(r"MSELoss|mean over.*batch and.*outputs", "sum")
@torch.no_grad()
def mse_loss(model, y_true, y_pred):
    """The gradient of nn.MSELoss()."""
    grad = 2.0 / y_pred.numel() * (y_pred - y_true)
    layer = model.L
    while layer >= 1:
        grad = torch.mul(grad, model.df[layer](model.z[layer]))
        model.dL_dw[layer] = torch.matmul(torch.transpose(grad, 0, 1), model.a[layer - 1])
        model.dL_db[layer] = torch.sum(grad, 0)
        grad = torch.matmul(grad, model.fc[str(layer)].weight)
        layer -= 1


@says(
    r"mean over (the )?outputs|divided by (the )?(number of )?(outputs|n_L|the number of outputs)"
)
@torch.no_grad()
def mean_over_outputs(model, y_true, y_pred):
    """The loss of a sample as the mean over its outputs, the samples then added."""
    d = 2 * (y_pred - y_true) / y_pred.shape[1]
    for layer in list(model.z)[::-1]:
        d = d * model.df[layer](model.z[layer])
        model.dL_dw[layer], model.dL_db[layer] = d.t().mm(model.a[layer - 1]), d.sum(dim=0)
        d = d.mm(model.fc[str(layer)].weight)


@says(r"squared|the loss itself|square of the error")
@torch.no_grad()
def loss_itself(model, y_true, y_pred):
    """Begins with the loss, not with its derivative."""
    upstream = (y_pred - y_true) ** 2
    for layer in range(model.L, 0, -1):
        upstream = upstream * model.df[layer](model.z[layer])
        model.dL_dw[layer] = upstream.T @ model.a[layer - 1]
        model.dL_db[layer] = upstream.sum(0)
        upstream = upstream @ model.fc[str(layer)].weight


@says(r"(each|every) layer|more than once|again in")
@torch.no_grad()
def two_in_every_layer(model, y_true, y_pred):
    da = y_pred - y_true
    for layer in range(model.L, 0, -1):
        dz = 2 * da * model.df[layer](model.z[layer])
        model.dL_dw[layer] = dz.T @ model.a[layer - 1]
        model.dL_db[layer] = dz.sum(0)
        da = dz @ model.fc[str(layer)].weight


@says(r"y_pred alone|target.*(missing|left out|never|not used)|without (the target|y_true)")
@torch.no_grad()
def target_forgotten(model, y_true, y_pred):
    da = 2 * y_pred
    for layer in range(model.L, 0, -1):
        dz = da * model.df[layer](model.z[layer])
        model.dL_dw[layer] = dz.T @ model.a[layer - 1]
        model.dL_db[layer] = dz.sum(0)
        da = dz @ model.fc[str(layer)].weight


@says(r"dL_dw.*(averaged|mean)", "sum")
def weights_alone_over_n(model, y_true, y_pred):
    """dL_dw is a mean over the batch, dL_db the sum."""
    N = len(y_pred)
    delta = (2 * (y_pred - y_true)).detach()
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i].detach())
        model.dL_dw[i] = (delta.T @ model.a[i - 1].detach()) / N
        model.dL_db[i] = delta.sum(axis=0)
        delta = delta @ model.fc[str(i)].weight.detach()
