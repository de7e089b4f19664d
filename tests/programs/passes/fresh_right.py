"""Right passes in odd styles, for any activations, depth and batch."""

import numpy as np
import torch


@torch.no_grad()
def views_of_one_block(model, y_true, y_pred):
    """The bias is a weight whose input is 1: one product, cut into two views."""
    D = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        D = D * model.df[i](model.z[i])
        G = D.T @ torch.cat([model.a[i - 1], torch.ones_like(D[:, :1])], dim=1)
        model.dL_dw[i], model.dL_db[i] = G[:, :-1], G[:, -1]
        D = D @ model.fc[str(i)].weight


@torch.no_grad()
def views_of_one_vector(model, y_true, y_pred):
    """All gradients lie in one vector, one after another, without an overlap."""
    shapes = [p.shape for p in model.parameters()]
    parts = y_pred.new_empty(sum(s.numel() for s in shapes)).split([s.numel() for s in shapes])
    views = [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]
    D = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        D = D * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = views[2 * i - 2], views[2 * i - 1]
        torch.mm(D.T, model.a[i - 1], out=model.dL_dw[i])
        torch.sum(D, dim=0, out=model.dL_db[i])
        D = D @ model.fc[str(i)].weight


class Backward:
    """One backward pass as an object; a call of it takes one layer."""

    def __init__(self, model, error):
        self.model, self.flow = model, error

    def __call__(self, i):
        dz = self.flow.mul(self.model.df[i](self.model.z[i]))
        self.flow = dz.matmul(self.model.fc[str(i)].weight)
        return dz.t().matmul(self.model.a[i - 1]), dz.sum(0)


@torch.no_grad()
def object_that_is_called(model, y_true, y_pred):
    """The object keeps the flow from call to call; update() fills the dictionaries."""
    step = Backward(model, 2 * (y_pred - y_true))
    gradients = {i: step(i) for i in reversed(model.z)}
    model.dL_dw.update({i: dw for i, (dw, _) in gradients.items()})
    model.dL_db.update({i: db for i, (_, db) in gradients.items()})


def recursion_upwards(model, y_true, y_pred):
    """Layer i asks the layers above it for dL/da_i, and fills its places on the way back."""

    def gradient_of_a(i):
        if i == model.L:
            return 2 * (y_pred - y_true)
        dz = gradient_of_a(i + 1) * model.df[i + 1](model.z[i + 1])
        model.dL_dw[i + 1] = dz.T @ model.a[i]
        model.dL_db[i + 1] = dz.sum(0)
        return dz @ model.fc[str(i + 1)].weight

    with torch.no_grad():
        gradient_of_a(0)


@torch.no_grad()
def bmm_over_samples(model, y_true, y_pred):
    """Every sample its own matrix (N, n_out, n_in); summed at the end."""
    D = (2 * (y_pred - y_true)).unsqueeze(2)  # (N, n, 1)
    for i in range(model.L, 0, -1):
        D = D * model.df[i](model.z[i]).unsqueeze(2)
        model.dL_dw[i] = torch.bmm(D, model.a[i - 1].unsqueeze(1)).sum(0)
        model.dL_db[i] = D.squeeze(2).sum(0)
        D = torch.bmm(model.fc[str(i)].weight.T.expand(len(D), -1, -1), D)


@torch.no_grad()
def added_into_zeros(model, y_true, y_pred):
    """Sample by sample into zeros, by addr_ and add_."""
    for i in range(1, model.L + 1):
        model.dL_dw[i] = torch.zeros_like(model.fc[str(i)].weight)
        model.dL_db[i] = torch.zeros_like(model.fc[str(i)].bias)
    slopes = {i: model.df[i](z) for i, z in model.z.items()}
    for n, error in enumerate(y_pred - y_true):
        d = error + error
        for i in range(model.L, 0, -1):
            d = d * slopes[i][n]
            model.dL_dw[i].addr_(d, model.a[i - 1][n])
            model.dL_db[i].add_(d)
            d = model.fc[str(i)].weight.T.mv(d)


@torch.no_grad()
def einsum_with_three_factors(model, y_true, y_pred):
    """The slope is a factor of each einsum; dL/dz has no name of its own."""
    g = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        s = model.df[i](model.z[i])
        model.dL_dw[i] = torch.einsum("no,no,ni->oi", g, s, model.a[i - 1])
        model.dL_db[i] = torch.einsum("no,no->o", g, s)
        g = torch.einsum("no,no,oi->ni", g, s, model.fc[str(i)].weight)


@torch.no_grad()
def outputs_with_respect_to_each_z(model, y_true, y_pred):
    """J[n, o, i] = d a_L,no / d z_i: the error is multiplied in at the very end.

    One NaN among a sample's targets makes all of its gradients NaN, by 0 * NaN."""
    error = 2 * (y_pred - y_true)
    J = torch.diag_embed(model.df[model.L](model.z[model.L]))
    for i in range(model.L, 0, -1):
        D = (error[:, None, :] @ J)[:, 0, :]
        model.dL_dw[i] = (D[:, :, None] * model.a[i - 1][:, None, :]).sum(0)
        model.dL_db[i] = D.sum(0)
        if i > 1:
            J = J @ model.fc[str(i)].weight * model.df[i - 1](model.z[i - 1])[:, None, :]


@torch.no_grad()
def vmap_of_outer(model, y_true, y_pred):
    """outer() of vectors, mapped over the batch; deltas in a list, from the last to the first."""
    deltas = [2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])]
    for i in range(model.L - 1, 0, -1):
        deltas.append(deltas[-1] @ model.fc[str(i + 1)].weight * model.df[i](model.z[i]))
    for i, d in zip(range(model.L, 0, -1), deltas, strict=True):
        model.dL_dw[i] = torch.vmap(torch.outer)(d, model.a[i - 1]).sum(0)
        model.dL_db[i] = d.sum(0)


@torch.no_grad()
def numpy_in_chunks_of_three(model, y_true, y_pred):
    """Three samples at a time, in numpy; the parts of the batch are added in Python."""
    W = {i: model.fc[str(i)].weight.detach().numpy() for i in model.z}
    a = {i: value.detach().numpy() for i, value in model.a.items()}
    slopes = {i: model.df[i](z).detach().numpy() for i, z in model.z.items()}
    error = (2 * (y_pred - y_true)).numpy()
    parts = []
    for rows in np.split(np.arange(len(error)), range(3, len(error), 3)):
        d, part = error[rows], {}
        for i in range(model.L, 0, -1):
            d = d * slopes[i][rows]
            part[i] = d.T @ a[i - 1][rows], d.sum(axis=0)
            d = d @ W[i]
        parts.append(part)
    for i in model.z:
        model.dL_dw[i] = torch.from_numpy(sum(part[i][0] for part in parts))
        model.dL_db[i] = torch.from_numpy(sum(part[i][1] for part in parts))
