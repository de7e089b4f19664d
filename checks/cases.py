"""Nets with batches to judge a backward pass on, and how to build each of them again."""

import copy
from dataclasses import dataclass
from itertools import cycle, islice

import torch
from torch.nn import functional

ACTIVATIONS = {  # name: (f, its derivative), both functions of z
    "tanh": (torch.tanh, lambda z: 1 - torch.tanh(z) ** 2),
    "sigmoid": (torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z)),
    "softplus": (lambda z: functional.softplus(z, threshold=50.0), torch.sigmoid),
    "sin": (torch.sin, torch.cos),
    "sin 2z": (lambda z: torch.sin(2 * z), lambda z: 2 * torch.cos(2 * z)),  # slopes above 1
    "identity": (lambda z: z * 1, torch.ones_like),
    "relu": (torch.relu, lambda z: (z > 0).to(z.dtype)),
}
SMOOTH = ("tanh", "sin", "sigmoid", "softplus")


@dataclass
class Case:
    """A net with a batch; `text` says how to build it again."""

    model: torch.nn.Module
    x: torch.Tensor  # (N, ...), n_0 numbers a sample
    y: torch.Tensor  # (N, n_L)
    text: str

    def __str__(self):
        return f"net {self.model.n_l}, batch {len(self.x)}, {self.text}"


def copy_of(model):
    """A copy without z, a and gradients; the original may still be attached to a graph."""
    memo = {id(d): dict.fromkeys(d) for d in (model.z, model.a, model.dL_dw, model.dL_db)}
    return copy.deepcopy(model, memo)


def random_tensor(shape, seed, like=None):
    """Normal random numbers that leave the global random state alone."""
    values = torch.randn(shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    return values if like is None else values.to(like)


def set_activations(model, names):
    """Give layer 1, 2, ... the activations named, again from the first where they run out."""
    for layer, name in zip(range(1, model.L + 1), cycle(names), strict=False):
        model.f[layer], model.df[layer] = ACTIVATIONS[name]


def make_case(net_class, n_l, batch, names=None, seed=0, x_shape=None, dtype=torch.double):
    """A net of the widths n_l, its weights, inputs and targets drawn from `seed`.

    names: of ACTIVATIONS, layer by layer; None leaves the net's own f and df.
    """
    with torch.random.fork_rng(devices=[]):
        model = net_class(list(n_l)).to(dtype)
    if names is not None:
        set_activations(model, names)
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter.copy_(random_tensor(parameter.shape, 1000 * seed + number))
            parameter.div_(max(parameter.shape[-1], 1) ** 0.5)
    x = random_tensor((batch, *(x_shape or n_l[:1])), seed + 1).to(dtype)
    y = random_tensor((batch, n_l[-1]), seed + 2).to(dtype)
    functions = ", ".join(islice(cycle(names or ["own f"]), model.L))
    text = f"{functions}, {str(dtype)[6:]}, seed {seed}"
    return Case(model, x, y, text)


def small_cases(net_class):
    """Nets on which one mistake does not hide behind another's shape, each with its batch."""
    return [
        make_case(net_class, [2, 3, 2], 4, seed=1),
        make_case(net_class, [3, 3, 3, 3], 3, ["sin 2z", "sigmoid", "softplus"], seed=2),
        make_case(net_class, [4, 2, 5, 1], 1, ["softplus", "tanh", "identity"], seed=3),
        make_case(net_class, [6, 4, 3], 5, ["sigmoid", "sin"], seed=4, x_shape=(1, 2, 3)),
        make_case(net_class, [2] * 9, 2, ["sin", "tanh"], seed=5),
        make_case(net_class, [1, 1], 7, ["tanh"], seed=6),
    ]


def unusual_cases(net_class):
    """Large and small batches, wide layers, far targets, a near fit, a kink: against autograd."""
    sizes = [(1, [5, 5]), (2, [3, 600, 2]), (3, [600, 2]), (33, [2, 40, 3]), (130, [3, 4, 2])]
    sizes += [(300, [2, 2, 2]), (1030, [2, 1]), (256, [2, 2]), (9, [2] * 11)]
    cases = [make_case(net_class, n_l, n, SMOOTH, seed=10 + n) for n, n_l in sizes]
    odd = {
        text: make_case(net_class, [3, 4, 2], 6, seed=seed)
        for seed, text in enumerate(("far targets", "a near fit", "tiny inputs", "with a ReLU"), 6)
    }
    far, near, tiny, kink = odd.values()
    far.y = far.y * 1e100
    near.y = copy_of(near.model)(near.x).detach() + near.y * 1e-9
    tiny.x = tiny.x * 1e-100
    set_activations(kink.model, ["relu", "identity"])
    for text, case in odd.items():
        case.text += ", " + text
    return [*cases, *odd.values()]


def run(backward, case, model=None):
    """Forward and `backward` on copies; the model that holds the results."""
    model = copy_of(case.model) if model is None else model
    backward(model, case.y.clone(), model(case.x.clone()))
    return model


def loss_of(model, x, y):
    return ((model(x) - y) ** 2).sum()


def parameters_of(model):
    """Yields name, parameter, the dictionary of its gradient and the layer."""
    for layer in range(1, model.L + 1):
        linear = model.fc[str(layer)]
        yield f"dL_dw[{layer}]", linear.weight, model.dL_dw, layer
        yield f"dL_db[{layer}]", linear.bias, model.dL_db, layer


def gradients_of(model):
    return {name: gradients.get(layer) for name, _, gradients, layer in parameters_of(model)}
