"""Wrong passes: what they do besides, and how they come to their numbers."""

import numpy as np
import torch

from tests.programs.passes import says


@says(r"weight.*(changed|moved|update)|fc\.\d\.weight|update")
@torch.no_grad()
def update_at_the_end(model, y_true, y_pred):
    """Right gradients, and then a step of gradient descent."""
    learning_rate = 1e-3
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight
    for i in range(1, model.L + 1):
        model.fc[str(i)].weight -= learning_rate * model.dL_dw[i]
        model.fc[str(i)].bias -= learning_rate * model.dL_db[i]


@says(r"weight.*(changed|moved|update)|update", r"before|inside|already")
@torch.no_grad()
def update_on_the_way(model, y_true, y_pred):
    """Moves each weight before the layer below is reached through it."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        linear = model.fc[str(i)]
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        linear.weight -= 0.01 * model.dL_dw[i]
        linear.bias -= 0.01 * model.dL_db[i]
        da = dz @ linear.weight


@says(r"single precision|float32")
@torch.no_grad()
def numpy_in_single_precision(model, y_true, y_pred):
    def array(tensor):
        return tensor.detach().numpy().astype(np.float32)

    delta = 2 * (array(y_pred) - array(y_true))
    for i in range(model.L, 0, -1):
        delta = delta * array(model.df[i](model.z[i]))
        model.dL_dw[i] = torch.from_numpy(delta.T @ array(model.a[i - 1])).to(y_pred.dtype)
        model.dL_db[i] = torch.from_numpy(delta.sum(0)).to(y_pred.dtype)
        delta = delta @ array(model.fc[str(i)].weight)


@says(r"single precision|float32")
@torch.no_grad()
def buffers_in_single_precision(model, y_true, y_pred):
    """Zeros made by torch.zeros, in single precision unless its default is set."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i] = torch.zeros(dz.shape[1], model.a[i - 1].shape[1], dtype=torch.float32)
        model.dL_db[i] = torch.zeros(dz.shape[1], dtype=torch.float32)
        for n in range(len(dz)):
            model.dL_dw[i] += torch.outer(dz[n], model.a[i - 1][n]).float()
            model.dL_db[i] += dz[n].float()
        da = dz @ model.fc[str(i)].weight


@says(r"single precision|float32")
@torch.no_grad()
def error_in_single_precision(model, y_true, y_pred):
    """The targets come as float32 and are never cast: one rounding, at the start."""
    da = 2 * (y_pred - y_true.float())
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"second call|call before|accumulat|added to|repeat|overwrite")
@torch.no_grad()
def accumulated(model, y_true, y_pred):
    """Adds to what the last call left, as autograd does with .grad."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        dw, db = dz.T @ model.a[i - 1], dz.sum(0)
        model.dL_dw[i] = dw if model.dL_dw[i] is None else model.dL_dw[i] + dw
        model.dL_db[i] = db if model.dL_db[i] is None else model.dL_db[i] + db
        da = dz @ model.fc[str(i)].weight


@says(r"autograd|\.grad\b")
def grad_copied(model, y_true, y_pred):
    ((y_pred - y_true) ** 2).sum().backward()
    for i in range(1, model.L + 1):
        model.dL_dw[i] = model.fc[str(i)].weight.grad
        model.dL_db[i] = model.fc[str(i)].bias.grad


@says(r"autograd", r"\.grad|backward|goes back|used|asks")
@torch.enable_grad()
def autograd_asked(model, y_true, y_pred):
    loss = torch.nn.functional.mse_loss(y_pred, y_true, reduction="sum")
    parameters = [p for i in range(1, model.L + 1) for p in model.fc[str(i)].parameters()]
    found = iter(torch.autograd.grad(loss, parameters))
    for i in range(1, model.L + 1):
        model.dL_dw[i], model.dL_db[i] = next(found), next(found)


@says(r"graph", r"no_grad")
def on_the_graph(model, y_true, y_pred):
    """Right numbers, without torch.no_grad()."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"RuntimeError", r"leaf|in-place", r"no_grad|linear\.weight -=|update_on_the_graph")
def update_on_the_graph(model, y_true, y_pred):
    """An update without torch.no_grad(): torch refuses it."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        linear = model.fc[str(i)]
        linear.weight -= 0.1 * model.dL_dw[i]
        da = dz @ linear.weight


@says(r"\bnan\b|NaN")
@torch.no_grad()
def product_by_logarithms(model, y_true, y_pred):
    """The logarithm of a negative error is NaN."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = torch.exp(torch.log(da) + torch.log(model.df[i](model.z[i])))
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"y_pred", r"changed|in place")
@torch.no_grad()
def error_in_place(model, y_true, y_pred):
    """y_pred is a[L]: what is subtracted from it changes the net's own memory."""
    y_pred -= y_true
    da = 2 * y_pred
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"\ba\[\d\]|a\[l", r"changed|in place")
@torch.no_grad()
def slope_in_place(model, y_true, y_pred):
    """1 - a^2 in a's own memory, once a is not needed any more."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        model.a[i].square_().neg_().add_(1)
        da = dz @ model.fc[str(i)].weight


@says(r"None|never set|not set|returned")
@torch.no_grad()
def returned_alone(model, y_true, y_pred):
    """Returns the gradients and leaves the net's dictionaries empty."""
    gradients = {}
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        gradients[f"w{i}"], gradients[f"b{i}"] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight
    return gradients


@says(r"array|not a tensor|numpy")
def arrays_left_behind(model, y_true, y_pred):
    """numpy's arrays where tensors belong."""
    delta = 2 * (y_pred - y_true).detach().numpy()
    for i in range(model.L, 0, -1):
        delta = delta * model.df[i](model.z[i]).detach().numpy()
        model.dL_dw[i] = delta.T @ model.a[i - 1].detach().numpy()
        model.dL_db[i] = delta.sum(0)
        delta = delta @ model.fc[str(i)].weight.detach().numpy()


@says(r"dL_dw is transposed")
@torch.no_grad()
def talkative_and_transposed(model, y_true, y_pred):
    """Prints every shape, and dL_dw is transposed."""
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        print("layer", i, "dz", dz.shape, "a", model.a[i - 1].shape)
        model.dL_dw[i], model.dL_db[i] = model.a[i - 1].T @ dz, dz.sum(0)
        da = dz @ model.fc[str(i)].weight


@says(r"random state|seed")
@torch.no_grad()
def seed_set_inside(model, y_true, y_pred):
    """The same random numbers for whoever comes after it."""
    torch.manual_seed(265)
    da = 2 * (y_pred - y_true)
    for i in range(model.L, 0, -1):
        dz = da * model.df[i](model.z[i])
        model.dL_dw[i], model.dL_db[i] = dz.T @ model.a[i - 1], dz.sum(0)
        da = dz @ model.fc[str(i)].weight
