"""Wrong passes written for one sample, each of them with one more mistake beside that.

On a batch they take one sample, mix the samples or stop with an error; on a batch of one the other
mistake is left. The first pattern is for the batch, the second for the other mistake.
"""

import numpy as np
import torch

from tests.programs.passes import says

BATCH = r"sample|batch|shape|squeeze|flatten"
TWO = r"factor 2|\b2\b|half|twice"
SLOPE = r"derivative|slope|df"
OUTPUT_SLOPE = r"(derivative|slope|df).*(output|last)|(output|last).*(derivative|slope|df)"


@says(r"first sample|one sample", TWO)
@torch.no_grad()
def first_row_and_no_two(model, y_true, y_pred):
    """Row 0 alone, and y_pred - y_true without its 2."""
    delta = (y_pred[0] - y_true[0]) * model.df[model.L](model.z[model.L][0])
    for j in range(model.L, 0, -1):
        model.dL_dw[j] = torch.outer(delta, model.a[j - 1][0])
        model.dL_db[j] = delta
        if j > 1:
            delta = model.fc[str(j)].weight.T @ delta * model.df[j - 1](model.z[j - 1][0])


@says(BATCH, OUTPUT_SLOPE)
@torch.no_grad()
def squeezed_and_linear_output(model, y_true, y_pred):
    """squeeze(0) makes a vector of one sample only; the output's slope is forgotten."""
    delta = 2 * (y_pred - y_true).squeeze(0)
    for j in range(model.L, 0, -1):
        if j < model.L:
            delta = delta * model.df[j](model.z[j].squeeze(0))
        model.dL_dw[j] = torch.outer(delta, model.a[j - 1].squeeze(0))
        model.dL_db[j] = delta
        delta = model.fc[str(j)].weight.T @ delta


@says(BATCH, SLOPE)
@torch.no_grad()
def flattened_and_slope_at_a(model, y_true, y_pred):
    """flatten() of all tensors, and df at a in place of z."""
    a = [model.a[j].flatten() for j in range(model.L + 1)]
    delta = 2 * torch.flatten(y_pred - y_true)
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](a[j])
        model.dL_dw[j] = delta[:, None] * a[j - 1][None, :]
        model.dL_db[j] = delta
        delta = torch.mv(model.fc[str(j)].weight.T, delta)


@says(r"matrix product|matmul|@|elementwise|" + BATCH, r"sign|minus|-1|negative")
@torch.no_grad()
def column_times_row_and_sign(model, y_true, y_pred):
    """delta.T * a is an outer product for one row; the error is y_true - y_pred."""
    delta = 2 * (y_true - y_pred) * model.df[model.L](model.z[model.L])
    for j in range(model.L, 0, -1):
        model.dL_dw[j] = delta.T * model.a[j - 1]
        model.dL_db[j] = delta.sum(0)
        if j > 1:
            delta = delta @ model.fc[str(j)].weight * model.df[j - 1](model.z[j - 1])


@says(BATCH, r"\bz\b|z\[|pre-activation")
@torch.no_grad()
def vectors_and_z_for_a(model, y_true, y_pred):
    """Vectors of row 0; the weights get the z of the layer below, not its a."""
    delta = 2 * (y_pred[0] - y_true[0])
    for j in range(model.L, 0, -1):
        delta *= model.df[j](model.z[j][0])
        below = model.z[j - 1][0] if j > 1 else model.a[0][0]
        model.dL_dw[j] = torch.ger(delta, below)
        model.dL_db[j] = delta.clone()
        delta = delta @ model.fc[str(j)].weight


@says(BATCH, r"transpos|shape|weight")
@torch.no_grad()
def vector_and_W_not_transposed(model, y_true, y_pred):
    """W @ delta for a column wants W.T; it runs where the matrices are square."""
    delta = 2 * (y_pred[0] - y_true[0]) * model.df[model.L](model.z[model.L])[0]
    model.dL_dw[model.L] = torch.outer(delta, model.a[model.L - 1][0])
    model.dL_db[model.L] = delta
    for j in range(model.L - 1, 0, -1):
        delta = model.fc[str(j + 1)].weight @ delta * model.df[j](model.z[j])[0]
        model.dL_dw[j] = torch.outer(delta, model.a[j - 1][0])
        model.dL_db[j] = delta


@says(BATCH, r"transpos|shape")
@torch.no_grad()
def einsum_of_row_0_transposed(model, y_true, y_pred):
    """The einsum of one sample has its two output letters interchanged."""
    delta = 2 * (y_pred - y_true)[0]
    for j in range(model.L, 0, -1):
        delta = torch.einsum("i,i->i", delta, model.df[j](model.z[j])[0])
        model.dL_dw[j] = torch.einsum("i,j->ji", delta, model.a[j - 1][0])
        model.dL_db[j] = delta
        delta = torch.einsum("i,ij->j", delta, model.fc[str(j)].weight)


@says(r"last sample|one sample", r"bias|dL_db", r"sign|minus|-1|negative")
@torch.no_grad()
def last_row_and_negative_bias(model, y_true, y_pred):
    """Row -1 alone; the biases were thought to be thresholds, with a minus."""
    delta = 2 * (y_pred[-1] - y_true[-1])
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](model.z[j][-1])
        model.dL_dw[j] = delta.unsqueeze(1) @ model.a[j - 1][-1].unsqueeze(0)
        model.dL_db[j] = -delta
        delta = delta @ model.fc[str(j)].weight


@says(r"averag|mean|batch|sample", TWO)
@torch.no_grad()
def average_sample_and_no_two(model, y_true, y_pred):
    """The batch is averaged to one sample before anything is multiplied; no factor 2."""
    a = {j: model.a[j].mean(0) for j in range(model.L + 1)}
    z = {j: model.z[j].mean(0) for j in range(1, model.L + 1)}
    delta = (y_pred - y_true).mean(0)
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](z[j])
        model.dL_dw[j] = torch.outer(delta, a[j - 1])
        model.dL_db[j] = delta
        delta = delta @ model.fc[str(j)].weight


@says(r"first sample|one sample", SLOPE)
@torch.no_grad()
def lists_of_sample_0_and_no_hidden_slope(model, y_true, y_pred):
    """Python lists of row 0; the slope is at the output only."""
    slope = model.df[model.L](model.z[model.L])[0].tolist()
    error = (y_pred - y_true)[0].tolist()
    delta = [2 * e * s for e, s in zip(error, slope, strict=True)]
    for j in range(model.L, 0, -1):
        W, below = model.fc[str(j)].weight.tolist(), model.a[j - 1][0].tolist()
        model.dL_dw[j] = y_pred.new_tensor([[d * x for x in below] for d in delta])
        model.dL_db[j] = y_pred.new_tensor(delta)
        columns = zip(*W, strict=True)
        delta = [sum(w * d for w, d in zip(column, delta, strict=True)) for column in columns]


@says(BATCH, r"bias|dL_db")
@torch.no_grad()
def columns_and_bias_a_column(model, y_true, y_pred):
    """reshape(-1, 1), as the book has it; the biases keep that shape, (n, 1)."""
    delta = 2 * (y_pred - y_true).reshape(-1, 1)
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](model.z[j]).reshape(-1, 1)
        model.dL_dw[j] = delta @ model.a[j - 1].reshape(1, -1)
        model.dL_db[j] = delta
        delta = model.fc[str(j)].weight.T @ delta


@says(BATCH, r"squar|error|loss")
@torch.no_grad()
def np_outer_of_the_squared_error(model, y_true, y_pred):
    """np.outer flattens a batch; (y_pred - y_true)^2 goes back, not its derivative."""
    delta = np.square((y_pred - y_true).numpy())
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](model.z[j]).numpy()
        model.dL_dw[j] = torch.tensor(np.outer(delta, model.a[j - 1].detach().numpy()))
        model.dL_db[j] = torch.tensor(delta.ravel())
        delta = delta @ model.fc[str(j)].weight.detach().numpy()


@says(BATCH, r"bias|dL_db")
@torch.no_grad()
def diagonal_jacobian_and_bias_before_the_slope(model, y_true, y_pred):
    """diag(df) of row 0; the biases get dL_da, without the slope."""
    dL_da = 2 * (y_pred - y_true)[0]
    for j in range(model.L, 0, -1):
        dL_dz = torch.diag(model.df[j](model.z[j])[0]) @ dL_da
        model.dL_dw[j] = torch.outer(dL_dz, model.a[j - 1][0])
        model.dL_db[j] = dL_da
        dL_da = model.fc[str(j)].weight.T @ dL_dz


@says(BATCH, r"output|n_L|mean|averag|width")
@torch.no_grad()
def squeeze_and_mean_over_outputs(model, y_true, y_pred):
    """squeeze() wherever a shape did not fit, and the derivative of MSELoss.

    A layer of width 1 is squeezed to a number: an error even for one sample."""
    delta = 2 * (y_pred - y_true).squeeze() / y_pred.numel()
    for j in range(model.L, 0, -1):
        delta = delta * model.df[j](model.z[j]).squeeze()
        model.dL_dw[j] = torch.outer(delta, model.a[j - 1].squeeze())
        model.dL_db[j] = delta
        delta = model.fc[str(j)].weight.T @ delta


@says(BATCH, r"a\[|activation|layer|input|shape")
def recursive_and_a_of_the_same_layer(model, y_true, y_pred):
    """Row 0, from above down; the weights get their own layer's a: shape (n, n)."""

    def down(j, error):
        if j == 0:
            return
        delta = error * model.df[j](model.z[j][0])
        model.dL_dw[j], model.dL_db[j] = torch.outer(delta, model.a[j][0]), delta
        down(j - 1, delta @ model.fc[str(j)].weight)

    with torch.no_grad():
        down(model.L, 2 * (y_pred[0] - y_true[0]))
