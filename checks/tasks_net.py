"""Task 2 judged, and what the optimizers are compared by: net, start, order, random numbers."""

import math
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional

from checks.difference import global_state_kept, same_bits
from checks.open_task import Task, close, short
from checks.trainings import values_of

WIDTHS = (512, 128, 32, 2)
ACTIVATIONS = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "leaky ReLU": functional.leaky_relu,
    "ELU": functional.elu,
    "GELU": functional.gelu,
    "SiLU": functional.silu,
    "softplus": functional.softplus,
}
AT_THE_OUTPUT = {
    "softmax": lambda z: z.softmax(dim=1),
    "log-softmax": lambda z: z.log_softmax(dim=1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "ReLU": torch.relu,
}
AT_RANDOM = (nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Dropout1d, nn.Dropout2d)
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


def layers_of(task, model, n_in):
    """(weight, bias) of each layer, from the inputs to the outputs, found by their shapes."""
    shapes = [tuple(p.shape) for p in model.parameters()]
    weights = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    right = [(n, m) for m, n in zip((n_in, *WIDTHS), WIDTHS, strict=False)]
    found = {tuple(p.shape) for p in weights}
    wanted = f"{len(right)} weights, {', '.join(map(str, right))}, and a bias for each"
    met = ", ".join(map(str, shapes)) or "no parameters"
    fits = found == set(right) and len(weights) == len(right)
    look = "the widths of the layers, and that each is an attribute of the net"
    task.expect(fits, "the layers have other shapes", wanted, met, look)
    of_biases = sorted(len(p) for p in vectors) == sorted(WIDTHS)
    look = "bias=False, or a layer that has other parameters"
    task.expect(of_biases, "not every layer has one bias, and nothing else", wanted, met, look)
    return [
        (next(p for p in weights if p.shape == shape), next(p for p in vectors if len(p) == len_))
        for shape, len_ in zip(right, WIDTHS, strict=True)
    ]


def scores_from(z, layers, between):
    """The outputs, with between[i] after hidden layer i + 1; z: (N, 512), what the first one gives.

    That one alone takes long.
    """
    for (weight, bias), activation in zip(layers[1:], between, strict=True):
        z = functional.linear(activation(z), weight, bias)
    return z


def wrong_nets(z, layers, right):
    """Pairs (what is wrong, the outputs of these layers so), the usual ones first."""
    relu, hidden = torch.relu, len(layers) - 1
    yield "the two scores are interchanged", right.flip(1)
    yield from ((f"a {name} stands at the output", f(right)) for name, f in AT_THE_OUTPUT.items())
    for count in range(hidden, 0, -1):
        for where in combinations(range(hidden), count):
            places = " and ".join(str(i + 1) for i in where)
            for name, f in {"no ReLU": lambda z: z, **ACTIVATIONS}.items():
                words = f"{name} {'in the place of ReLU ' * (name != 'no ReLU')}after layer "
                between = [f if i in where else relu for i in range(hidden)]
                yield words + places, scores_from(z, layers, between)


@torch.no_grad()
def check_net(MyMLP, image_shape=(3, 32, 32), dtype=torch.double):
    """Judge MyMLP() beside F.linear and relu on its own weights."""
    task = Task("Task 2, MyMLP", MyMLP)
    model = task.call()
    task.expect(isinstance(model, nn.Module), "MyMLP() gives no nn.Module", met=type(model))
    model = model.cpu()
    for module in model.modules():
        name = type(module).__name__
        words = f"{name}: random numbers in the net, so that two trainings differ"
        task.expect(not isinstance(module, AT_RANDOM), words, "linear layers and ReLU alone")
        words = f"{name}: a batch norm, so that an image's scores depend on its batch"
        task.expect(not isinstance(module, BATCH_NORMS), words, "linear layers and ReLU alone")
    layers = layers_of(task, model, math.prod(image_shape))
    dtypes = {p.dtype for p in model.parameters()}
    words = "the parameters have another precision"
    task.expect(dtypes == {dtype}, words, dtype, ", ".join(map(str, dtypes)), "dtype=DTYPE")
    constant = any(weight.std() == 0 for weight, _ in layers)
    task.expect(not constant, "the weights of a layer are all the same", look="what changes them")
    generator = torch.Generator().manual_seed(0)
    X = 3 * torch.randn(5, *image_shape, dtype=dtype, generator=generator)
    forward = Task(task.title, model)
    scores, again = forward.call(X), forward.call(X)
    task.expect(torch.is_tensor(scores), "forward returns no tensor. Is there a return?")
    words = "two passes of the same images differ: random numbers in the net, such as dropout"
    task.expect(close(scores, again), words, "linear layers and ReLU alone")
    task.expect(scores.shape == (5, 2), "the scores have another shape", (5, 2), scores.shape)
    z = functional.linear(X.flatten(start_dim=1), *layers[0])
    right = scores_from(z, layers, [torch.relu] * 3)
    told = f"{short(right[0])} for the first image", short(scores[0])
    what = "the scores are not those of linear layers with ReLU between them: {}"
    task.compare(scores, right, lambda: wrong_nets(z, layers, right), what, told, "forward")
    alone = forward.call(X[:1])
    task.expect(close(alone, right[:1], 1e-5), "an image's scores depend on its batch")
    total = sum(p.numel() for p in model.parameters())
    task.right(f"{total:,} parameters; the scores are those of linear layers with ReLU between")


# ------------------------------------------------- why two trainings would differ by themselves


def check_repeatable(new_model, *loaders):
    """Raise where two trainings differ, whatever the update is: start, order, random numbers.

    loaders: those that will be trained on.
    """
    task = Task("The two trainings", new_model)
    starts = [values_of(task.call()) for _ in range(2)]
    words = "two new models have other weights: the seed is not set right before each"
    task.expect(same_bits(*starts), words, look="new_model")
    for loader in loaders:
        with global_state_kept():
            orders = [torch.cat([torch.as_tensor(y).flatten() for _, y in loader]) for _ in "12"]
            X, _ = next(iter(loader))
        words = "the loader gives another order at each pass: it shuffles"
        task.expect(same_bits(*orders), words, "the same order in every epoch", look="shuffle=True")
    model = task.call()
    kinds = {type(module).__name__ for module in model.modules()}
    at_random = ", ".join(sorted(k for k in kinds if "Dropout" in k))
    p = next(model.parameters())
    with global_state_kept():
        passes = [model.train()(X[:8].to(p.device, p.dtype)) for _ in range(2)]
    words = f"random numbers in the net ({at_random or 'two passes of one batch differ'})"
    task.expect(same_bits(*passes), words, "a net that gives the same scores twice")
    task.right("the same start, order and scores, so that only the update can make them differ")
