"""Wrong passes: which weight, which activation, which layer."""

import torch

from tests.programs.passes import says


@says(r"transpose")
@torch.no_grad()
def columns_without_the_transpose(model, y_true, y_pred):
    """Samples are columns, and W @ delta where W.T @ delta belongs: raises unless square."""
    delta = 2 * (y_pred - y_true).T
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i]).T
        model.dL_dw[i] = delta @ model.a[i - 1]
        model.dL_db[i] = delta.sum(1)
        if i > 1:
            delta = model.fc[str(i)].weight @ delta


@says(r"transpose")
@torch.no_grad()
def rows_with_a_transpose(model, y_true, y_pred):
    """Samples are rows, and the transpose of the columns' formula is kept."""
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    i = model.L
    while True:
        model.dL_dw[i] = torch.einsum("bi,bj->ij", delta, model.a[i - 1])
        model.dL_db[i] = delta.sum(0)
        i -= 1
        if i == 0:
            break
        delta = torch.einsum("bi,ji->bj", delta, model.fc[str(i + 1)].weight)
        delta = delta * model.df[i](model.z[i])


@says(r"transpose")
@torch.no_grad()
def transposed_to_fit(model, y_true, y_pred):
    """The transpose where only that fits: right on most shapes, wrong on square ones."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        W = model.fc[str(i)].weight
        da = dz @ W.T if W.shape[1] == dz.shape[1] else dz @ W


@says(r"dL_dw.*transpose|transpose.*dL_dw")
@torch.no_grad()
def gradient_transposed(model, y_true, y_pred):
    """dL_dw of shape (n_{l-1}, n_l)."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = model.a[i - 1].T @ dz
        model.dL_db[i] = dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"transpose|reshape|\bview\b")
@torch.no_grad()
def gradient_reshaped(model, y_true, y_pred):
    """The transposed gradient, forced into the right shape."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        weight = model.fc[str(i)].weight
        model.dL_dw[i] = (model.a[i - 1].T @ dz).reshape(weight.shape)
        model.dL_db[i] = dz.sum(0)
        da = dz @ weight


@says(r"a\[(l|layer)\].*a\[(l|layer) ?- ?1\]")
@torch.no_grad()
def activation_of_the_same_layer(model, y_true, y_pred):
    """a[l] for a[l - 1]; the shape is wrong unless the layer is square."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = (dz.unsqueeze(-1) * model.a[i].unsqueeze(-2)).sum(dim=0)
        model.dL_db[i] = dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"a\[(l|layer) ?\+ ?1\].*a\[(l|layer) ?- ?1\]|KeyError", "layer")
@torch.no_grad()
def activation_of_the_layer_above(model, y_true, y_pred):
    """a[l + 1] for a[l - 1]: there is none above the last layer."""
    d = {model.L: 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])}
    for i in range(model.L - 1, 0, -1):
        d[i] = d[i + 1] @ model.fc[str(i + 1)].weight * model.df[i](model.z[i])
    for i, delta in d.items():
        model.dL_dw[i] = delta.T @ model.a[i + 1]
        model.dL_db[i] = delta.sum(0)


@says(r"z\[(l|layer) ?- ?1\].*a\[(l|layer) ?- ?1\]|\bz\b.*instead of.*\ba\b")
@torch.no_grad()
def z_for_the_activation(model, y_true, y_pred):
    """z[l - 1] for a[l - 1]; the input below the first layer."""
    inputs = [model.a[0]] + [model.z[i] for i in range(1, model.L)]
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ inputs[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(
    r"weight.*(another|other|wrong|below) layer|(another|other) layer.*weight|fc\[str\(l ?- ?1\)\]"
)
@torch.no_grad()
def weight_of_the_layer_below(model, y_true, y_pred):
    """delta_l = (W_l delta_{l+1}) f', where W_{l+1} belongs."""
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i], model.dL_db[i] = delta.T @ model.a[i - 1], delta.sum(0)
        if i > 1:
            W = model.fc[str(i - 1)].weight
            delta = (delta @ W) * model.df[i - 1](model.z[i - 1])


@says(r"last layer|dL_d[wb]\[2\]", r"left out|not set|never set")
@torch.no_grad()
def last_layer_skipped(model, y_true, y_pred):
    """range(L - 1, 0, -1) for the gradients."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        if i in range(model.L - 1, 0, -1):
            model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"first layer|dL_d[wb]\[1\]", r"left out|not set|never set")
@torch.no_grad()
def first_layer_skipped(model, y_true, y_pred):
    """range(L, 1, -1) stops one layer too early."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 1, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"weight", r"missing|without|left out|not (used|passed)|ones")
@torch.no_grad()
def weights_left_out(model, y_true, y_pred):
    """Each unit gets the sum of the deltas above it, as if every weight were 1."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz.sum(1, keepdim=True).expand_as(model.a[i - 1])


@says(r"order|revers|another layer|layers? .*(swapped|interchanged)")
@torch.no_grad()
def lists_in_reverse(model, y_true, y_pred):
    """Appends from the last layer to the first, and forgets to turn the lists round."""
    dws, dbs = [], []
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        dws.append(dz.T @ model.a[i - 1])
        dbs.append(dz.sum(0))
        da = dz @ model.fc[str(i)].weight
    for i, (dw, db) in enumerate(zip(dws, dbs, strict=True), 1):
        model.dL_dw[i], model.dL_db[i] = dw, db


@says(r"IndexError|KeyError", r"numbered_from_one|linears\[i\]")
@torch.no_grad()
def numbered_from_one(model, y_true, y_pred):
    """The layers as a list, which counts from 0."""
    linears = list(model.fc.values())
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ linears[i].weight


@says(r"numbers, not text|string|'1'")
@torch.no_grad()
def gradients_under_strings(model, y_true, y_pred):
    """dL_dw["1"], as in fc["1"]."""
    da = 2 * (y_pred - y_true)
    for name in reversed(list(model.fc)):
        dz = da * model.df[int(name)](model.z[int(name)])
        model.dL_dw[name], model.dL_db[name] = dz.T @ model.a[int(name) - 1], dz.sum(0)
        da = dz @ model.fc[name].weight


@says(r"bias", r"weight")
@torch.no_grad()
def bias_added_on_the_way(model, y_true, y_pred):
    """Goes back as forward, through the whole layer: W^T delta + b."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = (dz + model.fc[str(i)].bias) @ model.fc[str(i)].weight


@says(r"first layer|a\[0\]|input|x\b")
@torch.no_grad()
def input_squashed(model, y_true, y_pred):
    """f(x) as the input of the first layer."""
    inputs = {0: model.f[1](model.a[0])} | {i: model.a[i] for i in range(1, model.L)}
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ inputs[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight
