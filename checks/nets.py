"""Nets with batches to judge a backward pass on, and what can be asked of a net of MyNet's form."""

import copy
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice

import torch
from torch.nn import functional

from checks.difference import global_state_kept

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
    autograd: dict | None = field(default=None, repr=False, compare=False)  # see autograd_of

    def __str__(self):
        return f"net {self.model.n_l}, batch {len(self.x)}, {self.text}"


def entry(container, layer):
    """What a dictionary or a list holds for a layer; None where there is nothing."""
    try:
        return container[layer]
    except (KeyError, IndexError, TypeError):
        return None


def entries(container):
    """Pairs (layer, value) of a dictionary or a list; none of None."""
    if hasattr(container, "items"):
        return list(container.items())
    return list(enumerate(container or ()))


def copy_of(model):
    """A copy without z, a and gradients; the original may still be attached to a graph."""
    memo = {}
    for name, value in vars(model).items():
        if name in ("z", "a", "dL_dw", "dL_db") and hasattr(value, "__len__"):
            keys = hasattr(value, "items")
            memo[id(value)] = dict.fromkeys(value) if keys else [None] * len(value)
        elif isinstance(value, torch.Tensor):  # one that is on a graph cannot be copied otherwise
            memo[id(value)] = value.detach().clone()
    return copy.deepcopy(model, memo)


def random_tensor(shape, seed, like=None):
    """Normal random numbers that leave the global random state alone."""
    values = torch.randn(shape, dtype=torch.double, generator=torch.Generator().manual_seed(seed))
    return values if like is None else values.to(like)


def set_activations(model, names):
    """Give layer 1, 2, ... the activations named, again from the first where they run out.

    In the place of a name stands a pair (f, df), too.
    """
    for layer, name in zip(range(1, model.L + 1), cycle(names), strict=False):
        pair = ACTIVATIONS[name] if isinstance(name, str) else name
        model.f[layer], model.df[layer] = pair


@torch.no_grad()
def draw_weights(model, seed):
    """Weights and biases of a moderate size, from the seed alone."""
    for number, (_, parameter, *_) in enumerate(parameters_of(model)):
        parameter.copy_(random_tensor(parameter.shape, 1000 * seed + number))
        parameter.div_(max(parameter.shape[-1], 1) ** 0.5)


def make_case(net_class, n_l, batch, names=None, seed=0, x_shape=None, dtype=torch.double):
    """A net of the widths n_l, its weights, inputs and targets drawn from `seed`.

    names: of ACTIVATIONS, layer by layer; None leaves the net's own f and df.
    """
    with torch.random.fork_rng(devices=[]):
        model = net_class(list(n_l)).to(dtype)
    known = [name if isinstance(name, str) else "own f" for name in names or ["own f"]]
    functions = ", ".join(islice(cycle(known), model.L))
    text = f"{functions}, {str(dtype)[6:]}, seed {seed}"
    return drawn_case(model, batch, names, seed, text, x_shape)


def drawn_case(model, batch, names, seed, text, x_shape=None):
    """This net with its weights, a batch and, where there are names, activations; see make_case."""
    if names is not None:
        set_activations(model, names)
    draw_weights(model, seed)
    like = next(model.parameters()).detach()
    x = random_tensor((batch, *(x_shape or model.n_l[:1])), seed + 1, like)
    return Case(model, x, random_tensor((batch, model.n_l[-1]), seed + 2, like), text)


def small_cases(net_class, make=None):
    """Nets on which one mistake does not hide behind another's shape, each with its batch.

    make: makes a case as make_case does with the class.
    """
    make = make or partial(make_case, net_class)
    return [
        make([2, 3, 2], 4, seed=1),
        make([3, 3, 3, 3], 3, ["sin 2z", "sigmoid", "softplus"], seed=2),
        make([4, 2, 5, 1], 1, ["softplus", "tanh", "identity"], seed=3),
        make([6, 4, 3], 5, ["sigmoid", "sin"], seed=4, x_shape=(1, 2, 3)),
        make([2] * 9, 2, ["sin", "tanh"], seed=5),
        make([1, 1], 7, ["tanh"], seed=6),
    ]


def unusual_cases(make):
    """Large and small batches, wide layers, far targets, a near fit, a kink: against autograd."""
    sizes = [(1, [5, 5]), (2, [3, 600, 2]), (3, [600, 2]), (33, [2, 40, 3]), (130, [3, 4, 2])]
    sizes += [(300, [2, 2, 2]), (1030, [2, 1]), (256, [2, 2]), (9, [2] * 11)]
    cases = [make(n_l, n, SMOOTH, seed=10 + n) for n, n_l in sizes]
    far, near, tiny = (make([3, 4, 2], 6, seed=seed) for seed in (6, 7, 8))
    kink = make([3, 4, 2], 6, ["relu", "identity"], seed=9)
    far.y = far.y * 1e100
    near.y = copy_of(near.model)(near.x).detach() + near.y * 1e-9
    tiny.x = tiny.x * 1e-100
    kinds = {"far targets": far, "a near fit": near, "tiny inputs": tiny, "with a ReLU": kink}
    for kind, case in kinds.items():
        case.text += f", {kind}"
    return [*cases, *kinds.values()]


def run(backward, case, model=None):
    """Forward and `backward` on copies; the model that holds the results."""
    model = copy_of(case.model) if model is None else model
    backward(model, case.y.clone(), model(case.x.clone()))
    return model


def loss_of(model, x, y):
    return ((model(x) - y) ** 2).sum()


def autograd_of_loss(model, x, y):
    """By name, autograd's gradients; the parameters must require them."""
    parameters = {name: parameter for name, parameter, *_ in parameters_of(model)}
    found = torch.autograd.grad(loss_of(model, x, y), list(parameters.values()))
    return dict(zip(parameters, found, strict=True))


def parameters_of(model):
    """Yields name, parameter, the dictionary (or list) of its gradient and the layer."""
    for layer in range(1, model.L + 1):
        linear = model.fc[str(layer)]
        yield f"dL_dw[{layer}]", linear.weight, getattr(model, "dL_dw", None), layer
        yield f"dL_db[{layer}]", linear.bias, getattr(model, "dL_db", None), layer


def gradients_of(model):
    """By name, what the pass has set; None where it has set nothing."""
    return {name: entry(gradients, layer) for name, _, gradients, layer in parameters_of(model)}


def layers_that_use_f(model):
    """The layers whose f[l] the forward pass calls, so that another one can take its place."""
    model, used = copy_of(model), set()

    def noting(f, layer):
        return lambda z: (used.add(layer), f(z))[1]

    try:
        for layer in range(1, model.L + 1):
            model.df[layer] = model.df[layer]
            model.f[layer] = noting(model.f[layer], layer)
        model(trial_input(model))
    except Exception:  # no f or df, or one that cannot be replaced
        return set()
    return used


def trial_input(model, batch=2):
    return random_tensor((batch, model.n_l[0]), 3, like=model.fc["1"].weight.detach())


def makes_any_widths(net_class):
    """True where the class makes nets of any widths from a list of them."""
    try:
        with global_state_kept():
            for n_l in ([3, 2], [2, 4, 3, 2]):
                net = net_class(list(n_l))
                shapes = [tuple(net.fc[str(k)].weight.shape) for k in range(1, len(n_l))]
                if shapes != list(zip(n_l[1:], n_l[:-1], strict=True)) or list(net.n_l) != n_l:
                    return False
                if net(trial_input(net)).shape != (2, n_l[-1]):
                    return False
    except (Exception, SystemExit):
        return False
    return True


@dataclass(frozen=True)
class Nets:
    """Nets like the model given: of any widths and any activations, where it allows these."""

    model: torch.nn.Module
    written_in: tuple = ()  # layers whose activation cannot be replaced
    any_widths: bool = True  # else copies of the model given, with other weights
    own: tuple = ()  # the pair (f, df) for all layers, or the class's own where it is empty
    any_f: bool = True  # else the activations of the model given

    @classmethod
    def like(cls, model):
        used = layers_that_use_f(model)
        written_in = tuple(layer for layer in range(1, model.L + 1) if layer not in used)
        nets = cls(model, written_in, makes_any_widths(type(model)))
        return nets.with_own_activations() if written_in else nets

    def with_own_activations(self):
        """The same, but with the activations of the model given throughout."""
        if self.written_in:
            return Nets(self.model, self.written_in, self.any_widths, any_f=False)
        layers = range(1, self.model.L + 1)
        pairs = {(self.model.f[layer], entry(self.model.df, layer)) for layer in layers}
        one = len(pairs) == 1
        own = tuple(pairs) if one else ()
        return Nets(self.model, (), self.any_widths and one, own, any_f=False)

    def make(self, n_l, batch, names=None, seed=0, x_shape=None):
        """A case as make_case gives it; of the model's own widths where no others can be had."""
        names = names if self.any_f else self.own or None
        if self.any_widths:
            return make_case(type(self.model), n_l, batch, names, seed, x_shape)
        text = f"the model given with other weights, float64, seed {seed}"
        return drawn_case(copy_of(self.model).double(), batch, names, seed, text)
