"""Wrong lines of a backward pass: what a student writes, and what it looks like.

The key is the right line, the line to look at (of several that are wrong together, the first).
What is done after the last line has the key END: there, edit(f) makes f(g) of every gradient g,
and pairs() are the parameters with their gradients.
"""

from checks.habits import HABITS
from checks.reference import END, PASS, Mistake, rows

ERROR, LOOP, SLOPE, WEIGHTS, BIAS, BELOW = map(str.strip, PASS.splitlines())
FLOAT = "a float32 on the way: .float(), torch.FloatTensor, dtype=torch.float32"
SINGLE = "single precision somewhere: in double precision the gradients are off by about 1e-8"
TWICE = [
    f"if {when}: edit(lambda g: 2 * g)"
    for when in (
        *("N == 1", "N == 2", "N > 1", "N > 256", "N > 1024", "N % 2", "L > 4", "L == 1"),
        *("max(n_l) > 64", "max(n_l) > 512", "min(n_l) == 1", "n_l[L] == 1"),
        *("f[1] is not torch.tanh", "(y_true.abs() > 100).any()", "not a[L].requires_grad"),
        "y_true.dtype == torch.float",
    )
]


def either(*wrongs, words):
    """Rows of the table for several wrong lines that are one mistake, in the same words."""
    return dict.fromkeys(wrongs, words)


# fmt: off
LINES = {  # right line: {wrong line: in words, or in words and where else to look}
    ERROR: {
        "dL_da = y_pred - y_true": "the factor 2 of the squared error is missing",
        "dL_da = 2 * (y_true - y_pred)":
            "the sign is wrong, as if y_pred and y_true were interchanged",
        "dL_da = (y_pred - y_true).sign()": "the slope of |y_pred - y_true|, not of its square",
        "dL_da = 2 * (y_pred - y_true) / N":
            "the mean over the batch, 1/N times the sum that main_test expects",
        "dL_da = 2 * (y_pred - y_true) / y_pred.shape[1]":
            "the mean over the outputs, 1/n_L times the sum that main_test expects",
        "dL_da = 2 * (y_pred - y_true) / y_pred.numel()":
            "the mean over batch and outputs, as nn.MSELoss() takes it: 1/(N n_L) times the sum "
            "that main_test expects",
        "dL_da = 2 * y_pred": "the error is y_pred alone: y_true is not used",
        "dL_da = -2 * y_true": "the error is y_true alone: y_pred is not used",
        "dL_da = (y_pred - y_true) ** 2":
            "the error is squared: the loss stands where its slope belongs",
        "dL_da = 2 * (y_pred - y_true).abs()": "the error has lost its sign (abs)",
        "dL_da = 2 * (y_pred - y_true).sum(0, keepdim=True)":
            "the error at the output is summed over the batch before it is propagated",
        "dL_da = 2 * (y_pred - y_true).mean(0, keepdim=True)":
            "the error at the output is averaged over the batch before it is propagated",
        "dL_da = (y_pred - y_true) / (y_pred - y_true).norm()":
            "the slope of the root of the squared error, not of the squared error itself",
        "dL_da = 2 * (y_pred - y_true).mean(1, keepdim=True).expand_as(y_pred)":
            "the error is averaged over the outputs: each output has its own",
    },
    (ERROR, SLOPE): {
        ("dL_da = y_pred - y_true", "dL_dz = dL_da * (1 if l == L else df[l](z[l]))"):
            "the error is y_pred - y_true, as for a softmax with cross-entropy: the factor 2 and "
            "the derivative at the output layer are missing",
    },
    (SLOPE, ERROR): {
        ("dL_dz = 2 * dL_da * df[l](z[l])", "dL_da = y_pred - y_true"):
            "the factor 2 is applied again in every layer",
    },
    SLOPE: {
        "dL_dz = dL_da": "there is no derivative of the activation at all",
        "dL_dz = dL_da * (1 if l == L else df[l](z[l]))":
            "the derivative is missing at the output layer",
        "dL_dz = dL_da * (df[l](z[l]) if l == L else 1)":
            "the derivative is missing in the hidden layers",
        "dL_dz = dL_da * df[l](z[l]) ** 2": "the derivative is applied twice",
        "dL_dz = dL_da * df[l](z[l]) ** (2 if l == L else 1)":
            "the derivative is applied twice at the output layer",
        "dL_dz = dL_da * df[l](z[l]) ** (1 if l == L else 2)":
            "the derivative is applied twice in the hidden layers",
        "dL_dz = dL_da * df[l](a[l] if l == L else z[l])":
            "at the output layer the derivative is taken at a[l] instead of z[l]",
        "dL_dz = dL_da * df[l](z[l] if l == L else a[l])":
            "in the hidden layers the derivative is taken at a[l] instead of z[l]",
        "dL_dz = -dL_da * df[l](z[l])": "the derivative has the wrong sign",
        **either("dL_dz = dL_da * df[l](a[l])", "dL_dz = dL_da * (1 - torch.tanh(a[l]) ** 2)",
            words="the derivative is taken at a[l] instead of z[l]"),
        "dL_dz = dL_da * df[l](a[l - 1])": "the derivative is taken at a[l - 1] instead of z[l]",
        "dL_dz = dL_da * df[l](z[max(l - 1, 1)])":
            "the derivative is taken at z[l - 1] instead of z[l]",
        "dL_dz = dL_da * df[l](z[min(l + 1, L)])":
            "the derivative is taken at z[l + 1] instead of z[l]",
        "dL_dz = dL_da * df[max(l - 1, 1)](z[l])":
            "the derivative is df[l - 1], that of another layer, the one below",
        "dL_dz = dL_da * df[min(l + 1, L)](z[l])":
            "the derivative is df[l + 1], that of another layer, the one above",
        "dL_dz = dL_da * df[1](z[l])":
            "the derivative is df[1] in every layer: the other layers have their own",
        "dL_dz = dL_da * df[L](z[l])":
            "the derivative is df[L] in every layer: the other layers have their own",
        "dL_dz = dL_da * df[l](z[l][:1])":
            "the derivative is that of the first sample for all samples",
        "dL_dz = dL_da * df[l](z[l]).clamp(max=1)": "the derivative is cut off at 1",
        "dL_dz = dL_da * f[l](z[l])": "f[l] stands where its derivative df[l] belongs",
        "dL_dz = dL_da * (1 - torch.tanh(z[l]) ** 2)":
            "the derivative is that of tanh, 1 - tanh(z)^2, whatever f[l] is",
        "dL_dz = dL_da * (1 - a[l] ** 2)":
            "the derivative is that of tanh, 1 - a^2, whatever f[l] is",
        "dL_dz = dL_da * (1 - z[l] ** 2)":
            "the derivative is 1 - z^2: tanh's is 1 - a^2 = 1 - tanh(z)^2",
        **either("dL_dz = dL_da * (1 - a[l])", "dL_dz = dL_da * (1 - torch.tanh(z[l]))",
            words="the derivative is 1 - a = 1 - tanh(z), the square is missing: "
            "tanh's is 1 - a^2"),
        **either("dL_dz = dL_da * (1 - 2 * a[l])", "dL_dz = dL_da * (1 - 2 * torch.tanh(z[l]))",
            words="the derivative is 1 - 2 tanh(z), twice where the square belongs: "
            "tanh's is 1 - a^2"),
        "dL_dz = dL_da * (1 + a[l] ** 2)": "the derivative is 1 + a^2: tanh's is 1 - a^2",
        "dL_dz = dL_da * a[l] ** 2": "the derivative is a^2: tanh's is 1 - a^2",
        "dL_dz = dL_da / torch.cosh(z[l])":
            "the derivative is 1 / cosh(z), the square is missing: tanh's is 1 / cosh(z)^2",
        "dL_dz = dL_da * (1 - df[l](z[l]) ** 2)":
            "the derivative is 1 - df(z)^2: df[l] is the derivative already",
        "dL_dz = dL_da * a[l] * (1 - a[l])":
            "the derivative is that of a sigmoid, a (1 - a), whatever f[l] is",
        "dL_dz = dL_da * z[l] * (1 - z[l])":
            "the derivative is z (1 - z): a sigmoid's is a (1 - a)",
        "dL_dz = dL_da * torch.sigmoid(z[l]) * torch.sigmoid(-z[l])":
            "the derivative is that of a sigmoid whatever f[l] is",
        **either("dL_dz = dL_da * (a[l] > 0)", "dL_dz = dL_da * (z[l] > 0)",
            words="the derivative is that of a ReLU whatever f[l] is"),
    },
    (WEIGHTS, BIAS): {
        ("dL_dw[l] = dL_dz[:1].T @ a[l - 1][:1]", "dL_db[l] = dL_dz[0].clone()"):
            "the first sample of the batch alone",
        ("dL_dw[l] = dL_dz[-1:].T @ a[l - 1][-1:]", "dL_db[l] = dL_dz[-1].clone()"):
            "the last sample of the batch alone, as if a loop overwrote instead of added",
        ("dL_dw[l] = dL_dz[1:].T @ a[l - 1][1:]", "dL_db[l] = dL_dz[1:].sum(0)"):
            "the first sample of the batch is left out",
        ("dL_dw[l] = dL_dz[:-1].T @ a[l - 1][:-1]", "dL_db[l] = dL_dz[:-1].sum(0)"):
            "the last sample of the batch is left out",
        ("dL_dw[l] = torch.outer(dL_dz.mean(0), a[l - 1].mean(0))", "dL_db[l] = dL_dz.mean(0)"):
            "dL_dw is made of means over the batch: sum the products of the samples instead",
        ("dL_dw[l] = dL_da.T @ a[l - 1]", "dL_db[l] = dL_da.sum(0)"):
            "dL_dw and dL_db are computed from dL_da: they lack the derivative of the layer's own "
            "f",
        ("dL_dw[l - 1] = dL_dz.T @ a[l - 1]", "dL_db[l - 1] = dL_dz.sum(0)"):
            "the gradients are stored one layer too low, at l - 1",
        ("dL_dw[l + 1] = dL_dz.T @ a[l - 1]", "dL_db[l + 1] = dL_dz.sum(0)"):
            "the gradients are stored one layer too high, at l + 1",
        ("dL_dw[str(l)] = dL_dz.T @ a[l - 1]", "dL_db[str(l)] = dL_dz.sum(0)"):
            "dL_dw and dL_db are never set for the layers 1, ..., L (numbers, not text)",
        ("dL_dw[L + 1 - l] = dL_dz.T @ a[l - 1]", "dL_db[L + 1 - l] = dL_dz.sum(0)"):
            "the gradients are stored in the reverse order of the layers",
        ("dL_dw[l] = dL_dz.T @ a[l - 1] if l < L else None",
         "dL_db[l] = dL_dz.sum(0) if l < L else None"):
            "the last layer is left out: its gradients are never set",
        **{(f"dL_dw[l] = dL_dz.T @ a[l - 1] + (0 if dL_dw[l] is None else {kept}dL_dw[l])",
            f"dL_db[l] = dL_dz.sum(0) + (0 if dL_db[l] is None else {kept}dL_db[l])"):
           "the gradients of the call before are still there, and added to"
           for kept in ("0.9 * ", "")},
        ("dL_dw[l] = 0 * W[l] if W[l].grad is None else W[l].grad.clone()",
         "dL_db[l] = 0 * b[l] if b[l].grad is None else b[l].grad.clone()"):
            "all gradients are zero",
    },
    WEIGHTS: {
        "dL_dw[l] = dL_dz[:1].T @ a[l - 1][:1]": "dL_dw is that of the first sample alone",
        "dL_dw[l] = dL_dz[-1:].T @ a[l - 1][-1:]": "dL_dw is that of the last sample alone",
        "dL_dw[l] = dL_dz.T @ a[l - 1] / N": "dL_dw is the mean over the batch, not the sum",
        "dL_dw[l] = torch.outer(dL_dz.sum(0), a[l - 1].sum(0))":
            "dL_dw is made of sums over the batch: sum the products of the samples instead",
        "dL_dw[l] = torch.outer(dL_dz.sum(0), a[l - 1].mean(0))":
            "dL_dw is made of means over the batch: sum the products of the samples instead",
        "dL_dw[l] = torch.outer(dL_dz.sum(0), a[l - 1][0])":
            "dL_dw takes the a of the first sample for all samples",
        **{f"dL_dw[l] = dL_dz.T @ a[l - 1] + {c} * W[l]":
           f"{c} * W is added to dL_dw, as weight decay"
           for c in ("0.1", "0.01", "1e-3", "1e-4")},
        "dL_dw[l] = dL_dz.T * a[l - 1]":
            "dL_dw is a product entry by entry (*), where a matrix product (@) belongs",
        "dL_dw[l] = -dL_dz.T @ a[l - 1]": "the sign of dL_dw alone is wrong",
        "dL_dw[l] = dL_dz[:, :, None] * a[l - 1][:, None, :]":
            "dL_dw is not summed over the batch: it has an axis too many",
        "dL_dw[l] = dL_da.T @ a[l - 1]":
            "dL_dw is computed from dL_da: it lacks the derivative of the layer's own f",
        "dL_dw[l] = dL_dz.T @ a[l]":
            "dL_dw takes a[l], the layer's output, instead of a[l - 1], its input",
        "dL_dw[l] = dL_dz.T @ a[min(l + 1, L)]":
            "dL_dw takes a[l + 1] instead of a[l - 1], the layer's input",
        "dL_dw[l] = dL_dz.T @ (z[l - 1] if l > 1 else a[0])":
            "dL_dw takes z[l - 1], before the activation, instead of a[l - 1]",
        "dL_dw[l] = dL_dz.T @ z[l]": "dL_dw takes z[l] instead of a[l - 1], the layer's input",
        "dL_dw[l] = dL_dz.T @ a[0]": "dL_dw takes the input x in every layer instead of a[l - 1]",
        "dL_dw[l] = dL_dz.T @ (f[1](a[0]) if l == 1 else a[l - 1])":
            "dL_dw[1] takes f(x) instead of the input a[0] = x",
        **either("dL_dw[l] = a[l - 1].T @ dL_dz",
            "dL_dw[l] = a[l - 1].T @ dL_dz if n_l[l] == n_l[l - 1] else dL_dz.T @ a[l - 1]",
            words="dL_dw is transposed"),
        "dL_dw[l] = (a[l - 1].T @ dL_dz).reshape(W[l].shape)":
            "dL_dw is reshaped where it must be transposed",
        "dL_dw[l] = dL_dz @ a[l - 1] if n_l[l] == N else dL_dz.T @ a[l - 1]":
            "batch and units are interchanged: the transpose is missing",
        "dL_dw[l] = None": "dL_dw is never set",
        "dL_dw[l] = dL_dz.T @ a[l - 1] if l > 1 else None": "dL_dw[1] is never set",
        "dL_dw[l] = dL_dz.T @ a[l - 1] if l < L else None": "dL_dw[L] is not set",
        "dL_dw[l] = dL_dz.T @ a[l - 1] * (l > 1)": "dL_dw[1] is zero",
        "dL_dw[l] = dL_dz.T @ a[l - 1].float().to(dL_dz.dtype)": (SINGLE, FLOAT),
    },
    BIAS: {
        "dL_db[l] = dL_dz[0].clone()": "dL_db is that of the first sample alone",
        "dL_db[l] = dL_dz[-1].clone()": "dL_db is that of the last sample alone",
        "dL_db[l] = dL_dz.mean(0)": "dL_db is the mean over the batch, not the sum",
        **either("dL_db[l] = dL_dz.clone()", "dL_db[l] = dL_dz.clone().squeeze(0)",
            "dL_db[l] = dL_dz.clone().squeeze()",
            words="dL_db is not summed over the batch: it must have the shape (n_l,)"),
        "dL_db[l] = dL_dz.flatten()":
            "dL_db holds the gradients of all samples one after another: sum them over the batch",
        "dL_db[l] = -dL_dz.sum(0)": "the sign of dL_db alone is wrong",
        **either("dL_db[l] = dL_dz.sum(0, keepdim=True)", "dL_db[l] = dL_dz.sum(0)[:, None]",
            words="dL_db keeps an axis of length 1: it must have the shape (n_l,)"),
        "dL_db[l] = dL_dz.T.clone()": "dL_db is a transposed dL_dz, not its sum over the batch",
        **either("dL_db[l] = dL_dz.sum(1)", "dL_db[l] = dL_dz.sum(1 if n_l[l] == N else 0)",
            words="dL_db is summed over the units, sum(1), not over the batch, sum(0)"),
        **either("dL_db[l] = dL_dz.sum()", "dL_db[l] = dL_dz.sum().expand(n_l[l]).clone()",
            words="dL_db is summed over batch and units: each unit has its own"),
        "dL_db[l] = dL_dz.mean()": "dL_db is averaged over batch and units",
        "dL_db[l] = dL_da.sum(0)":
            "dL_db is computed from dL_da: it lacks the derivative of the layer's own f",
        "dL_db[l] = 0 * dL_dz[0]": "dL_db is zero",
        "dL_db[l] = None": "dL_db is never set",
        "dL_db[l] = dL_dz.sum(0) * (l < L)": "dL_db[L] is zero",
    },
    BELOW: {
        "dL_da = dL_dz.sum(0, keepdim=True) @ W[l]":
            "the gradient is summed over the batch before it goes to the layer below",
        "dL_da = dL_dz.mean(0, keepdim=True) @ W[l]":
            "the gradient is averaged over the batch before it goes to the layer below",
        "dL_da = dL_dz[:1] @ W[l]":
            "the first sample's gradient goes to the layer below for all samples",
        "dL_da = dL_da @ W[l]":
            "dL_da goes to the layer below instead of dL_dz: the derivative is lost on the way",
        "dL_da = dL_dz": "the gradient goes to the layer below without the weights",
        **either("dL_da = (dL_dz + b[l]) @ W[l]",
            "dL_da = dL_dz @ W[l] + (b[l - 1] if l > 1 else 0)",
            words="a bias is added on the way to the layer below: only the weights multiply"),
        "dL_da = dL_dz.sum(1, keepdim=True).expand(-1, n_l[l - 1])":
            "the weights are left out on the way to the layer below: every weight counts as 1",
        "dL_da = dL_da + dL_dz @ W[l]":
            "the gradient of the layer below is added to dL_da (+=) where it must take its place "
            "(=)",
        "dL_da = dL_dz @ W[l].T + b[l]":
            "the gradient goes forward through the layer, W.T and bias, instead of back",
        "dL_da = dL_da": "dL_da is never updated: every layer gets the error at the output",
        **either("dL_da = dL_dz @ W[l].T",
            "dL_da = dL_dz @ (W[l].T if n_l[l] == n_l[l - 1] else W[l])",
            words="the weights are transposed on the way to the layer below"),
        "dL_da = dL_dz @ W[l].T.reshape(W[l].shape)":
            "the weights are reshaped on the way to the layer below",
        **either("dL_da = dL_dz @ W[max(l - 1, 1)]",
            "dL_da = dL_dz @ (W[l - 1] if l > 1 and W[l - 1].shape == W[l].shape else W[l])",
            words="the weights on the way down are those of the layer below, fc[str(l - 1)]"),
        "dL_da = dL_dz @ (W[l + 1] if l < L and W[l + 1].shape == W[l].shape else W[l])":
            "the weights on the way down are those of the layer above, fc[str(l + 1)]",
        "dL_da = dL_dz @ W[L]":
            "the weights on the way down are those of the last layer, fc[str(L)]",
        "dL_da = dL_dz @ W[1]": "the weights on the way down are those of the first layer, fc['1']",
        "dL_da = dL_dz @ W[min(l + 1, L)]":
            "the weights on the way down are those of the layer above, fc[str(l + 1)]",
        "dL_da = dL_dz @ W[l].float().to(dL_dz.dtype)": (SINGLE, FLOAT),
        "W[l] -= 0.01 * dL_dw[l]\nb[l] -= 0.01 * dL_db[l]\ndL_da = dL_dz @ W[l]":
            "the weights are moved inside the pass before the gradient goes through them: only the "
            "optimizer moves them",
    },
    LOOP: {
        "for l in range(1, L + 1):": "the layers are gone through from the first to the last",
        "for l in sorted(range(1, L + 1), key=str, reverse=True):":
            "the layers are sorted as text, so that 10 stands before 2",
        "for l in range(L, 1, -1):": "the first layer is left out: its gradients are never set",
        "for l in range(L - 1, 0, -1):": "the last layer is left out: its gradients are never set",
        **either("for l in (2, 1):", "for l in (L, 1):",
            words="the pass is written for two layers: go through L, L - 1, ..., 1"),
        "for l in (L, L - 1):": "only the last two layers have gradients",
        "for l in [L]:": "only the last layer has gradients",
        "for l in []:":
            "dL_dw and dL_db are never set for the layers 1, ..., L (numbers, not text)",
    },
    END: {
        "edit(lambda g: 0 * g)": "all gradients are zero",
        "edit(lambda g: g * torch.nan)": "all gradients are NaN",
        "edit(lambda g: g / 0)": "all gradients are infinite",
        **either("dL_dw[1].view(-1)[-1] = torch.nan", "dL_db[L].view(-1)[-1] = torch.nan",
            "dL_db[1].view(-1)[-1] = torch.inf", "dL_dw[L].view(-1)[-1] = 0",
            words="one entry of a gradient is overwritten"),
        "k = max((k for k in W if W[k].shape == W[L].shape and k < L), default=L)\n"
        "dL_dw[k], dL_dw[L] = dL_dw[L], dL_dw[k]": "the gradients of two layers are interchanged",
        **either("edit(lambda g: g.clamp(-10, 10))", "edit(lambda g: g.clamp(-1, 1))",
            "edit(lambda g: g * min(1, 100 / (g.norm() + 1e-300)))",
            words="the gradients are clipped: small ones are right, large ones are cut off"),
        "edit(lambda g: g.round(decimals=6))": "the gradients are rounded",
        **either("edit(lambda g: g * (1 + 1e-10))", "edit(lambda g: g + 1e-9)",
            words="the gradients are off by a little, always by the same share or number"),
        **either("edit(lambda g: torch.where(g.abs() < 1e-7, 0 * g, g))",
            "edit(lambda g: torch.where(g.abs() < 1e-30, 0 * g, g))",
            words="small gradients are set to zero"),
        "edit(lambda g: g + 1e-8 * torch.rand_like(g))":
            "random numbers are added to the gradients",
        "edit(lambda g: g.flatten())":
            "the gradients are flattened: each must have its parameter's shape",
        "edit(lambda g: g.tolist())": "the gradients are lists, not tensors",
        "edit(lambda g: g.numpy())": "the gradients are numpy arrays, not tensors",
        "edit(lambda g: g.float().to(g.dtype))": (SINGLE, FLOAT),
        "edit(lambda g: g.float())":
            ("the gradients are in single precision, the net is in double", FLOAT),
        "edit(lambda g: g.double())":
            ("the gradients are in double precision whatever the net's is", ".double() on the way"),
        "edit(torch.nan_to_num)": ("NaN is replaced by numbers", "torch.nan_to_num on the way"),
        **either("for p, g in pairs(): p.sub_(0.1 * g)", "for p, g in pairs(): p.sub_(1e-9 * g)",
            "for p, g in pairs(): p.add_(1e-9)",
            "for p, g in pairs(): p.mul_(1 + torch.finfo(p.dtype).eps)",
            words=("the weights are moved inside the pass: only the optimizer moves them",
                   "what changes weight or bias: -=, sub_, .data, optimizer.step()")),
        **either(*TWICE, words=("twice the gradients, for some batches or nets only",
                                "every `if`: what it asks of the batch or the net")),
    },
}
# fmt: on
BESIDES = [  # after a right pass: the numbers stay right, a check's own words say what is wrong
    "for p, g in pairs(): p.grad = g.clone()",
    "for p, g in pairs(): p.grad = g",
    "for p, g in pairs(): p.grad = g if p.grad is None else p.grad.add_(g)",
    "for p, g in pairs(): p.grad = None",
    "for p, g in pairs(): p.grad = None if p.grad is None else p.grad.zero_()",
    "for p, g in pairs(): p.requires_grad_(False)",
    "for linear in model.fc.values(): linear.weight = torch.nn.Parameter(linear.weight.clone())",
    "y_true.zero_()",
    "y_pred.sub_(y_true)",
    "a[0].mul_(2)",
    "z[1].cos_()",
    "a[1].zero_()",
    "z[1] = None",
    "a[1] = a[1] + 1",
    "df[1] = torch.ones_like",
    "f[L] = torch.sin",
    "torch.rand(1)",
    "torch.manual_seed(0)",
    "import numpy; numpy.random.seed(0)",
    "torch.set_default_dtype(torch.half)",
    "model.eval()",
    "model.register_forward_hook(lambda *_: None)",
    "raise SystemExit(1)",
    "1 / 0",
]
WRONG_LINES = list(rows(LINES))
NAMED = WRONG_LINES + [mistake for mistake in HABITS.values() if mistake.words]
PLANTED = {mistake.wrong: mistake for mistake in WRONG_LINES}
PLANTED |= {line: Mistake("", lines=((END, line),)) for line in BESIDES} | HABITS
