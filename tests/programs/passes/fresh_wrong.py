"""Wrong passes for a whole batch, each of them with one mistake."""

import torch

from tests.programs.passes import says


@says(r"bias|dL_db", r"shape|sum|flatten|one after another")
@torch.no_grad()
def bias_flattened(model, y_true, y_pred):
    """flatten() was to make a vector of the bias: it puts all samples one after another."""
    grad = 2 * (y_pred - y_true)
    for k in reversed(range(1, model.L + 1)):
        grad = grad * model.df[k](model.z[k])
        model.dL_dw[k] = torch.matmul(grad.t(), model.a[k - 1])
        model.dL_db[k] = grad.flatten()
        grad = torch.matmul(grad, model.fc[str(k)].weight)


@says(r"matrix product|matmul|@|elementwise|shape")
@torch.no_grad()
def star_for_matrix_product(model, y_true, y_pred):
    """delta.T * a is the outer product of one sample alone; right for a batch of one."""
    delta = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        delta = delta * model.df[k](model.z[k])
        model.dL_dw[k] = delta.T * model.a[k - 1]
        model.dL_db[k] = delta.sum(dim=0)
        delta = delta @ model.fc[str(k)].weight


@says(r"df|derivative|slope|ReLU|activation")
@torch.no_grad()
def relu_mask(model, y_true, y_pred):
    """The mask of a ReLU stands for any derivative; right for ReLU in all layers."""
    delta = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        delta = torch.where(model.z[k] > 0, delta, torch.zeros_like(delta))
        model.dL_dw[k] = delta.T @ model.a[k - 1]
        model.dL_db[k] = delta.sum(0)
        delta = delta @ model.fc[str(k)].weight


@says(r"decay|penalt|regulari|1e-3|0\.001|multiple of the weight|\* W|weight itself")
@torch.no_grad()
def with_a_penalty(model, y_true, y_pred):
    """An L2 term from part 2 has slipped into the gradients of the weights."""
    dz = 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])
    for k in range(model.L, 0, -1):
        W = model.fc[str(k)].weight.detach()
        model.dL_dw[k] = dz.T @ model.a[k - 1] + 1e-3 * W
        model.dL_db[k] = dz.sum(0)
        if k > 1:
            dz = (dz @ W) * model.df[k - 1](model.z[k - 1])


@says(r"clamp|clip|cut|limit|\b1\b")
@torch.no_grad()
def clamped(model, y_true, y_pred):
    """Against exploding gradients; right where no entry is beyond 1."""
    delta = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        delta = delta * model.df[k](model.z[k])
        model.dL_dw[k] = (delta.T @ model.a[k - 1]).clamp(-1, 1)
        model.dL_db[k] = delta.sum(0).clamp(-1, 1)
        delta = delta @ model.fc[str(k)].weight


@says(r"bias|dL_db", r"sign|minus|negative|-1")
@torch.no_grad()
def bias_with_a_minus(model, y_true, y_pred):
    """z = W a - b was assumed: the sign of the biases' gradients alone is wrong."""
    e = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        e = torch.mul(e, model.df[k](model.z[k]))
        model.dL_dw[k], model.dL_db[k] = e.T.mm(model.a[k - 1]), -torch.sum(e, 0)
        e = e.mm(model.fc[str(k)].weight)


@says(r"weight|\bW\b|fc", r"layer|shape|size")
@torch.no_grad()
def weights_of_the_layer_itself(model, y_true, y_pred):
    """From k + 1 to k the error must pass the weights of k + 1; it passes those of k.

    It stops with an error unless the widths allow it; right for one layer."""
    delta = {model.L: 2 * (y_pred - y_true) * model.df[model.L](model.z[model.L])}
    for k in range(model.L - 1, 0, -1):
        delta[k] = delta[k + 1] @ model.fc[str(k)].weight * model.df[k](model.z[k])
    for k, d in delta.items():
        model.dL_dw[k] = d.T @ model.a[k - 1]
        model.dL_db[k] = d.sum(0)


@says(r"two layers|depth|layers|\bL\b")
@torch.no_grad()
def two_layers_by_name(model, y_true, y_pred):
    """Written for the default net of two layers, and right for it alone."""
    d2 = 2 * (y_pred - y_true) * model.df[2](model.z[2])
    d1 = d2 @ model.fc["2"].weight * model.df[1](model.z[1])
    model.dL_dw[2] = d2.T @ model.a[1]
    model.dL_db[2] = d2.sum(0)
    model.dL_dw[1] = d1.T @ model.a[0]
    model.dL_db[1] = d1.sum(0)


@says(r"df|derivative|slope|sigmoid|activation")
@torch.no_grad()
def sigmoid_everywhere(model, y_true, y_pred):
    """The lecture's a (1 - a) in place of df; right for sigmoids in all layers."""
    grad_a = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        grad_z = grad_a * model.a[k] * (1 - model.a[k])
        model.dL_dw[k] = torch.einsum("ni,nj->ij", grad_z, model.a[k - 1])
        model.dL_db[k] = torch.einsum("ni->i", grad_z)
        grad_a = torch.einsum("ni,ij->nj", grad_z, model.fc[str(k)].weight)


@says(r"df|derivative|slope", r"layer|activation")
@torch.no_grad()
def df_of_the_layer_above(model, y_true, y_pred):
    """After the step down z has the new index, df the old one; right for one activation."""
    k = model.L
    dz = 2 * (y_pred - y_true) * model.df[k](model.z[k])
    while True:
        model.dL_dw[k] = dz.T @ model.a[k - 1]
        model.dL_db[k] = dz.sum(0)
        if k == 1:
            break
        dz = dz @ model.fc[str(k)].weight * model.df[k](model.z[k - 1])
        k -= 1


@says(r"weight|dL_dw", r"batch|samples|mean|averag|\bN\b|divid")
@torch.no_grad()
def weights_averaged(model, y_true, y_pred):
    """The weights are averaged over the batch, the biases summed; right for one sample."""
    m = y_pred.shape[0]
    dA = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        dZ = dA * model.df[k](model.z[k])
        model.dL_dw[k] = 1 / m * torch.mm(dZ.T, model.a[k - 1])
        model.dL_db[k] = dZ.sum(axis=0)
        dA = torch.mm(dZ, model.fc[str(k)].weight)


@says(r"weight|parameter", r"chang|move|updat|left alone|step")
@torch.no_grad()
def moves_the_weights(model, y_true, y_pred):
    """The gradients are right; a step with them, which part 2 asks for, is made here."""
    delta = 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        delta = delta * model.df[k](model.z[k])
        model.dL_dw[k] = delta.T @ model.a[k - 1]
        model.dL_db[k] = delta.sum(0)
        delta = delta @ model.fc[str(k)].weight
    for k in range(1, model.L + 1):
        model.fc[str(k)].weight -= 0.01 * model.dL_dw[k]
        model.fc[str(k)].bias -= 0.01 * model.dL_db[k]


@says(r"precision|float|dtype|digits")
@torch.no_grad()
def single_precision(model, y_true, y_pred):
    """float() was to cure "must have the same dtype": 7 digits are left of 16."""
    delta = 2 * (y_pred - y_true).float()
    for k in range(model.L, 0, -1):
        delta = delta * model.df[k](model.z[k]).float()
        model.dL_dw[k] = delta.T @ model.a[k - 1].float()
        model.dL_db[k] = delta.sum(0)
        delta = delta @ model.fc[str(k)].weight.float()


@says(r"overlap|memory|overwrit|share|view|storage")
@torch.no_grad()
def flat_vector_with_overlap(model, y_true, y_pred):
    """All gradients in one vector; no place is kept for the biases, so that the next layer's
    weights come over them. Right for one layer."""
    flat = y_pred.new_zeros(sum(p.numel() for p in model.parameters()))
    start, delta = 0, 2 * (y_pred - y_true)
    for k in range(model.L, 0, -1):
        W = model.fc[str(k)].weight
        delta = delta * model.df[k](model.z[k])
        end = start + W.numel()
        model.dL_dw[k] = flat[start:end].view(W.shape)
        model.dL_db[k] = flat[end : end + len(W)]
        model.dL_dw[k].copy_(delta.T @ model.a[k - 1])
        model.dL_db[k].copy_(delta.sum(0))
        start = end
        delta = delta @ W


@says(r"y_pred|output|a\[", r"in place|chang|left alone|overwrit")
@torch.no_grad()
def error_in_place(model, y_true, y_pred):
    """sub_ was to save memory: the gradients are right, y_pred (model.a[L]) is not any more."""
    error = y_pred.sub_(y_true).mul_(2)
    for k in range(model.L, 0, -1):
        error = error * model.df[k](model.z[k])
        model.dL_dw[k] = error.T @ model.a[k - 1]
        model.dL_db[k] = error.sum(0)
        error = error @ model.fc[str(k)].weight
