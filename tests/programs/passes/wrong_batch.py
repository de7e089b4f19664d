"""Wrong passes: what becomes of the samples, and the gradient of the bias."""

import numpy as np
import torch

from tests.programs.passes import says


@says(r"first sample")
@torch.no_grad()
def sample_zero(model, y_true, y_pred):
    """Written for one sample: the first of the batch."""
    delta = 2 * (y_pred[0] - y_true[0])
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i][0])
        model.dL_dw[i] = torch.outer(delta, model.a[i - 1][0])
        model.dL_db[i] = delta
        delta = delta @ model.fc[str(i)].weight


@says(r"last sample")
@torch.no_grad()
def overwritten_by_the_last_sample(model, y_true, y_pred):
    """A loop over samples that assigns where it has to add."""
    for n in range(y_true.size(0)):
        delta = 2 * (y_pred[n] - y_true[n])
        for i in range(model.L, 0, -1):
            delta = delta * model.df[i](model.z[i])[n]
            model.dL_dw[i] = delta.reshape(-1, 1) @ model.a[i - 1][n].reshape(1, -1)
            model.dL_db[i] = delta.clone()
            delta = model.fc[str(i)].weight.T @ delta


@says(r"bias|dL_db", r"\(1, |keepdim")
@torch.no_grad()
def bias_as_a_row(model, y_true, y_pred):
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = torch.mm(dz.T, model.a[i - 1])
        model.dL_db[i] = torch.sum(dz, dim=0, keepdim=True)
        da = torch.mm(dz, model.fc[str(i)].weight)


@says(r"bias|dL_db", r"not summed|sum\(0\)|without the sum|sum over the batch|never summed")
@torch.no_grad()
def bias_unsummed(model, y_true, y_pred):
    """dL_db of shape (N, n)."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        model.dL_db[i] = dz
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"squeeze|sum\(0\)|not summed|sum over the batch|summed")
@torch.no_grad()
def bias_squeezed(model, y_true, y_pred):
    """Right for one sample, as the assignment asks: (1, n) becomes (n,)."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        model.dL_db[i] = dz.squeeze(0)
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"\(\)|squeeze")
@torch.no_grad()
def bias_squeezed_at_width_one(model, y_true, y_pred):
    """squeeze() after the sum also takes the only unit of a layer away."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        model.dL_db[i] = dz.sum(0, keepdim=True).squeeze()
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"mean|averaged?")
def bias_averaged(model, y_true, y_pred):
    """The weights are summed over the batch, the bias is a mean."""
    dA = np.asarray(2 * (y_pred - y_true).detach())
    for i in range(model.L, 0, -1):
        dZ = dA * np.asarray(model.df[i](model.z[i]).detach())
        model.dL_dw[i] = torch.tensor(dZ.T @ np.asarray(model.a[i - 1].detach()))
        model.dL_db[i] = torch.tensor(dZ.mean(axis=0))
        dA = dZ @ np.asarray(model.fc[str(i)].weight.detach())


@says(r"bias|dL_db", r"None|missing|never|forgotten|not set")
@torch.no_grad()
def bias_forgotten(model, y_true, y_pred):
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"zeros?|\b0\b|missing|never")
@torch.no_grad()
def bias_stays_zero(model, y_true, y_pred):
    """Made ready with zeros, and never filled."""
    for i, linear in enumerate(model.fc.values(), 1):
        model.dL_dw[i], model.dL_db[i] = linear.weight * 0, linear.bias * 0
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] += dz.T @ model.a[i - 1]
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"shape")
@torch.no_grad()
def bias_summed_to_one_number(model, y_true, y_pred):
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum()
        da = dz @ model.fc[str(i)].weight


@says(r"bias|dL_db", r"derivative|dL_da|before")
@torch.no_grad()
def bias_before_the_slope(model, y_true, y_pred):
    """dL_db from dL_da, before it is multiplied by the derivative."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        model.dL_db[i] = da.sum(0)
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        da = dz @ model.fc[str(i)].weight


@says(r"sum.*(early|too soon|before|product)|product of (the )?sums|collaps")
@torch.no_grad()
def batch_collapsed(model, y_true, y_pred):
    """Sums both factors over the batch, then takes one outer product."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = torch.outer(dz.sum(0), model.a[i - 1].sum(0))
        model.dL_db[i] = dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"sum(med)?.*(propagat|passed on|before it|layer below|early|too soon)")
@torch.no_grad()
def propagated_after_the_sum(model, y_true, y_pred):
    """What goes to the layer below is the gradient of the bias, one row for the whole batch."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        model.dL_db[i] = dz.sum(0)
        da = model.dL_db[i] @ model.fc[str(i)].weight


@says(r"RuntimeError", r"torch\.outer|vectors_alone")
@torch.no_grad()
def vectors_alone(model, y_true, y_pred):
    """torch.outer takes vectors: raises for two samples."""
    dz = (2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])).squeeze(0)
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = torch.outer(dz, model.a[i - 1].squeeze(0))
        model.dL_db[i] = dz
        if i > 1:
            dz = model.fc[str(i)].weight.T @ dz * model.df[i - 1](model.z[i - 1].squeeze(0))


@says(r"mean|averaged?", r"\ba\b|a\[l - 1\]|activations?")
@torch.no_grad()
def activations_averaged(model, y_true, y_pred):
    """The summed delta times the mean activation."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_db[i] = dz.sum(0)
        model.dL_dw[i] = model.dL_db[i][:, None] * model.a[i - 1].mean(0)
        da = dz @ model.fc[str(i)].weight


@says(r"AssertionError", "only one sample")
@torch.no_grad()
def one_sample_asserted(model, y_true, y_pred):
    assert len(y_pred) == 1, "only one sample"
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T * model.a[i - 1], dz[0]
        da = dz @ model.fc[str(i)].weight
