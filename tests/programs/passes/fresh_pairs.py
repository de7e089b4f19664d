"""Wrong passes for a whole batch, each of them with two mistakes at once."""

import numpy as np
import torch

from tests.programs.passes import says


@says(r"factor 2|\b2\b|half|twice", r"batch|samples|mean|averag|\bN\b")
@torch.no_grad()
def mean_of_half_squares(model, y_true, y_pred):
    """Meant for a loss of 1/(2N) sum: no factor 2, and divided by the batch."""
    delta = (y_pred - y_true) / len(y_true)
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i])
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        delta = delta @ model.fc[str(i)].weight


@says(r"sign|minus|-1|negative", r"df|derivative|slope")
@torch.no_grad()
def target_minus_output_slope_at_a(model, y_true, y_pred):
    """The error has the wrong sign, and df is taken at a where it belongs at z."""
    slopes = {i: model.df[i](model.a[i]) for i in range(1, model.L + 1)}
    delta = 2 * (y_true - y_pred) * slopes[model.L]
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = delta @ model.fc[str(i)].weight * slopes[i - 1]


@says(r"(derivative|slope|df).*(output|last)|(output|last).*(derivative|slope|df)", r"\b2\b|half")
@torch.no_grad()
def output_error_as_for_cross_entropy(model, y_true, y_pred):
    """a_L - y, as after a softmax: neither the output's slope nor the factor 2."""
    deltas = [y_pred - y_true]
    for i in range(model.L - 1, 0, -1):
        W = model.fc[str(i + 1)].weight
        deltas.insert(0, (deltas[0] @ W) * model.df[i](model.z[i]))
    for i, d in enumerate(deltas, start=1):
        model.dL_dw[i] = d.T @ model.a[i - 1]
        model.dL_db[i] = d.sum(0)


@says(r"transpos|shape", r"bias|dL_db")
@torch.no_grad()
def matrix_transposed_and_bias_a_row(model, y_true, y_pred):
    """dL_dw has the shape (n_in, n_out), dL_db the shape (1, n)."""
    g = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        g = g * model.df[i](model.z[i])
        model.dL_dw[i] = model.a[i - 1].T @ g
        model.dL_db[i] = torch.ones(1, len(g), dtype=g.dtype) @ g
        g = g @ model.fc[str(i)].weight


@says(r"\bz\b|z\[|pre-activation", r"bias|dL_db")
@torch.no_grad()
def z_below_and_mean_bias(model, y_true, y_pred):
    """z of the layer below in place of its a; the biases are averaged over the batch."""
    below = {**model.z, 0: model.a[0]}
    g = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        g = g * model.df[i](model.z[i])
        model.dL_dw[i] = g.T @ below[i - 1]
        model.dL_db[i] = g.mean(dim=0)
        g = g @ model.fc[str(i)].weight


@says(r"\bf\b|f\[|df|derivative", r"bias|dL_db")
@torch.no_grad()
def f_for_df_and_bias_of_every_sample(model, y_true, y_pred):
    """f where df is needed, and biases that were never summed: (N, n)."""
    g = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        g = torch.mul(g, model.f[i](model.z[i]))
        model.dL_dw[i] = torch.matmul(g.T, model.a[i - 1])
        model.dL_db[i] = g.clone()
        g = torch.matmul(g, model.fc[str(i)].weight)


@says(r"transpos|shape", r"factor 2|\b2\b|half|twice")
def recursive_with_a_transpose_too_many(model, y_true, y_pred):
    """W.T as in the textbook of columns, and no factor 2; square matrices hide the first."""

    def delta(i):
        if i == model.L:
            return (y_pred - y_true) * model.df[i](model.z[i])
        return (delta(i + 1) @ model.fc[str(i + 1)].weight.T) * model.df[i](model.z[i])

    with torch.no_grad():
        for i in range(1, model.L + 1):
            model.dL_dw[i] = delta(i).T @ model.a[i - 1]
            model.dL_db[i] = delta(i).sum(0)


@says(r"squar|error|loss", r"derivative|slope|df")
@torch.no_grad()
def squared_error_and_no_hidden_slopes(model, y_true, y_pred):
    """The loss itself goes back, not its derivative; hidden layers are taken as linear."""
    delta = (y_pred - y_true) ** 2 * model.df[model.L](model.z[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        delta = delta @ model.fc[str(i)].weight


@says(r"weight|dL_dw", r"sign|minus|-1|negative", r"bias|dL_db", r"mean|averag|batch|samples")
@torch.no_grad()
def minus_at_the_weights_mean_at_the_biases(model, y_true, y_pred):
    """The descent's minus is in dL_dw already; dL_db is an average."""
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = -torch.einsum("bo,bi->oi", delta, model.a[i - 1])
        model.dL_db[i] = torch.einsum("bo->o", delta) / delta.shape[0]
        if i > 1:
            delta = torch.einsum("bo,oi->bi", delta, model.fc[str(i)].weight)
            delta = delta * model.df[i - 1](model.z[i - 1])


@says(r"weight|\bW\b|fc", r"(derivative|slope|df)")
@torch.no_grad()
def first_weights_for_all_and_slope_at_a(model, y_true, y_pred):
    """str(1) was left from the default net, and df is taken at a; widths must allow it."""
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.a[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = delta @ model.fc[str(1)].weight * model.df[i - 1](model.a[i - 1])


@says(r"ReLU|derivative|slope|df", r"output|n_L|mean|averag|width")
@torch.no_grad()
def relu_mask_and_mean_over_outputs(model, y_true, y_pred):
    """(z > 0) for any activation, and the mean over the outputs in place of their sum."""
    grad = 2 * (y_pred - y_true) / model.n_l[-1]
    for i in range(model.L, 0, -1):
        grad = grad * (model.z[i] > 0)
        model.dL_dw[i] = grad.T @ model.a[i - 1]
        model.dL_db[i] = grad.sum(0)
        grad = grad @ model.fc[str(i)].weight


@says(r"factor 2|\b2\b|twice|double", r"(derivative|slope|df)|layer 1|first layer")
@torch.no_grad()
def two_twice_and_no_slope_in_layer_1(model, y_true, y_pred):
    """2 * 2 (y_pred - y_true), and layer 1, treated after the loop, gets no slope."""
    grad_of_loss = 2 * (y_pred - y_true)
    da = 2 * grad_of_loss
    for i in range(model.L, 1, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = dz.T @ model.a[i - 1]
        model.dL_db[i] = dz.sum(0)
        da = dz @ model.fc[str(i)].weight
    model.dL_dw[1] = da.T @ model.a[0]
    model.dL_db[1] = da.sum(0)


@says(r"derivative|slope|df", r"factor 2|\b2\b|half|twice")
def numpy_one_minus_z_squared(model, y_true, y_pred):
    """tanh' = 1 - a^2 was remembered as 1 - z^2; no factor 2 either."""
    z = {i: value.detach().numpy() for i, value in model.z.items()}
    a = {i: value.detach().numpy() for i, value in model.a.items()}
    W = {i: model.fc[str(i)].weight.detach().numpy() for i in z}
    delta = (y_pred.detach().numpy() - y_true.detach().numpy()) * (1 - np.square(z[model.L]))
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = torch.from_numpy(np.dot(delta.T, a[i - 1]))
        model.dL_db[i] = torch.from_numpy(np.sum(delta, axis=0))
        if i > 1:
            delta = np.dot(delta, W[i]) * (1 - np.square(z[i - 1]))


@says(r"last sample|overwrit|sum", r"factor 2|\b2\b|half|twice")
@torch.no_grad()
def last_sample_stays_and_no_two(model, y_true, y_pred):
    """A loop over samples that assigns where it must add; no factor 2."""
    samples = zip(y_pred, y_true.expand_as(y_pred), strict=True)
    for n, (output, target) in enumerate(samples):
        delta = output - target
        for i in range(model.L, 0, -1):
            delta = delta * model.df[i](model.z[i][n])
            model.dL_dw[i] = torch.outer(delta, model.a[i - 1][n])
            model.dL_db[i] = delta
            delta = delta @ model.fc[str(i)].weight
