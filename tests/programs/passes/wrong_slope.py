"""Wrong passes: the derivative of the activation."""

import math

import torch

from tests.programs.passes import says

MISSING = r"(no|without( the)?|missing) derivative|derivative.*(missing|left out)"
AT_A = r"\ba\b.*instead of.*\bz\b|\bat a\b"


@says(AT_A)
def slope_at_a(model, y_true, y_pred):
    """The derivative is taken at the activation, in a recursion."""

    def go_down(layer, dL_da):
        if layer == 0:
            return
        dL_dz = dL_da * model.df[layer](model.a[layer])
        model.dL_dw[layer] = dL_dz.mT @ model.a[layer - 1]
        model.dL_db[layer] = dL_dz.sum(0)
        go_down(layer - 1, dL_dz @ model.fc[str(layer)].weight)

    with torch.no_grad():
        go_down(model.L, 2 * (y_pred - y_true))


@says(AT_A)
@torch.no_grad()
def tanh_of_tanh(model, y_true, y_pred):
    """1 - tanh(a)^2, tanh written in: a is a tanh already."""
    delta = 2 * (y_pred - y_true) * (1 - torch.tanh(y_pred) ** 2)
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = (delta @ model.fc[str(i)].weight) * (1 - torch.tanh(model.a[i - 1]) ** 2)


@says(r"hidden", AT_A)
@torch.no_grad()
def hidden_slope_at_a(model, y_true, y_pred):
    """Right in the last layer, at a in the layers below it."""
    top = model.L
    delta = {top: 2 * (y_pred - y_true) * model.df[top](model.z[top])}
    for i in range(top - 1, 0, -1):
        delta[i] = (delta[i + 1] @ model.fc[str(i + 1)].weight) * model.df[i](model.a[i])
    for i in delta:
        model.dL_dw[i], model.dL_db[i] = delta[i].T @ model.a[i - 1], delta[i].sum(0)


@says(MISSING)
@torch.no_grad()
def no_slope(model, y_true, y_pred):
    """As if every activation were the identity."""
    flowing = 2 * (y_pred - y_true)
    for number, linear in reversed(list(enumerate(model.fc.values(), 1))):
        model.dL_dw[number] = torch.tensordot(flowing, model.a[number - 1], dims=([0], [0]))
        model.dL_db[number] = flowing.sum(0)
        flowing = flowing @ linear.weight


@says(r"(last|output) layer", MISSING)
@torch.no_grad()
def no_slope_at_the_output(model, y_true, y_pred):
    """dL/dz_L = 2 (y_pred - y), as with a linear output."""
    deltas = [2 * (y_pred - y_true)]
    for i in range(model.L, 1, -1):
        below = deltas[0] @ model.fc[str(i)].weight
        deltas.insert(0, below * model.df[i - 1](model.z[i - 1]))
    for i, delta in enumerate(deltas, start=1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)


@says(r"hidden|below the last", MISSING)
@torch.no_grad()
def slope_at_the_output_alone(model, y_true, y_pred):
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    for i in range(model.L, 0, -1):
        outer_products = torch.bmm(delta.unsqueeze(2), model.a[i - 1].unsqueeze(1))
        model.dL_dw[i] = outer_products.sum(0)
        model.dL_db[i] = delta.sum(0)
        delta = delta @ model.fc[str(i)].weight


@says(r"df\[l \+ 1\]|layer above")
@torch.no_grad()
def slope_function_of_the_layer_above(model, y_true, y_pred):
    """df[l + 1] at z[l], from a numbering that is off by one."""
    top = model.L
    delta = 2 * (y_pred - y_true) * model.df[top](model.z[top])
    for i in range(top, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = (delta @ model.fc[str(i)].weight) * model.df[i](model.z[i - 1])


@says(r"df\[1\].*every layer")
@torch.no_grad()
def one_slope_function_for_all(model, y_true, y_pred):
    """df[1] in every layer, since all layers were tanh when it was written."""
    slope = model.df[1]
    delta = 2 * (y_pred - y_true) * slope(model.z[model.L])
    for i in range(model.L, 0, -1):
        model.dL_dw[i] = delta.T @ model.a[i - 1]
        model.dL_db[i] = delta.sum(0)
        if i > 1:
            delta = (delta @ model.fc[str(i)].weight) * slope(model.z[i - 1])


@says(r"z\[l - 1\] instead of z\[l\]")
@torch.no_grad()
def slope_at_the_z_below(model, y_true, y_pred):
    """df[l] at z[l - 1]: runs where two layers have one width."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[max(i - 1, 1)])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"\bf\[l\].*(where|instead of).*df\[l\]")
@torch.no_grad()
def value_for_slope(model, y_true, y_pred):
    """Multiplies by the activation itself."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = torch.mul(da, model.f[i](model.z[i]))
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"twice", r"last|output")
@torch.no_grad()
def slope_twice_at_the_output(model, y_true, y_pred):
    """Once before the loop and once more inside it."""
    delta = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = delta.T @ model.a[i - 1], delta.sum(0)
        delta = delta @ model.fc[str(i)].weight


@says(r"sigmoid")
@torch.no_grad()
def slope_of_sigmoid(model, y_true, y_pred):
    """a (1 - a) on a net of tanh layers."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        a = model.a[i]
        dz = da * a * (1 - a)
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"1 - tanh\(z\), the square is missing")
@torch.no_grad()
def square_forgotten(model, y_true, y_pred):
    """1 - tanh(z)."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * (1 - torch.tanh(model.z[i]))
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"1 - z\^2")
@torch.no_grad()
def one_minus_z_square(model, y_true, y_pred):
    """1 - z^2, where 1 - a^2 was meant."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * (1 - model.z[i].square())
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"1 / cosh\(z\), the square is missing")
def cosh_unsquared(model, y_true, y_pred):
    """1 / cosh(z), in plain Python numbers."""
    weights = {i: model.fc[str(i)].weight.tolist() for i in range(1, model.L + 1)}
    z, a = ({i: v.tolist() for i, v in kept.items()} for kept in (model.z, model.a))
    y, p = y_true.tolist(), y_pred.tolist()
    for i, w in weights.items():
        model.dL_dw[i] = y_pred.new_zeros(len(w), len(w[0]))
        model.dL_db[i] = y_pred.new_zeros(len(w))
    for n in range(len(p)):
        delta = [2 * (p[n][j] - y[n][j]) for j in range(len(p[n]))]
        for i in range(model.L, 0, -1):
            delta = [d / math.cosh(s) for d, s in zip(delta, z[i][n], strict=True)]
            rows = [[d * s for s in a[i - 1][n]] for d in delta]
            model.dL_dw[i] += torch.tensor(rows, dtype=y_pred.dtype)
            model.dL_db[i] += torch.tensor(delta, dtype=y_pred.dtype)
            columns = zip(*weights[i], strict=True)
            delta = [sum(d * w for d, w in zip(delta, c, strict=True)) for c in columns]
