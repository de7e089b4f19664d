"""What is no wrong line: numbers that come from elsewhere, or are kept from an earlier call."""

import torch

from checks.nets import entries, loss_of, parameters_of
from checks.reference import Mistake, backward_with

PLAIN = backward_with()  # right, so what a check rejects below is the mistake alone


def by_autograd(loss_of_pass):
    """Gradients that autograd takes of loss_of_pass(model, y_true, y_pred)."""

    def backward(model, y_true, y_pred):
        loss = loss_of_pass(model, y_true, y_pred)
        for _, parameter, gradients, layer in parameters_of(model):
            (gradients[layer],) = torch.autograd.grad(loss, parameter, retain_graph=True)

    return backward


@torch.enable_grad()
def loss_anew(model, y_true, y_pred):
    return loss_of(model, model.a[0], y_true)


@torch.no_grad()
def by_differences(model, y_true, y_pred, h=1e-6):
    """(L(p + h) - L(p - h)) / 2h for every entry p of the parameters."""
    x, kept = model.a[0], (dict(entries(model.z)), dict(entries(model.a)))
    for _, parameter, gradients, layer in parameters_of(model):
        gradients[layer] = torch.empty_like(parameter)
        places = zip(parameter.view(-1), gradients[layer].view(-1), strict=True)
        for entry_, slope in places:
            start, losses = entry_.clone(), []
            for moved in (start + h, start - h):
                entry_.copy_(moved)
                losses.append(loss_of(model, x, y_true))
            entry_.copy_(start)
            slope.copy_((losses[0] - losses[1]) / (2 * h))
    for container, values in zip((model.z, model.a), kept, strict=True):
        for layer, value in values.items():
            container[layer] = value


def with_remembered_weights(key):
    """The weights of the first call for each key(y_pred) go on being used on the way down."""

    def backward(model, y_true, y_pred):
        now = {int(layer): linear.weight.detach().clone() for layer, linear in model.fc.items()}
        first = model.__dict__.setdefault("remembered", {}).setdefault(key(y_pred), now)
        backward_with(weights=first)(model, y_true, y_pred)

    return backward


EARLIER = ("the weights on the way down are those of an earlier call", "dL_da = dL_dz @ W[l]")
DIFFERENCES = (
    "differences of the loss, such as (L(p + h) - L(p - h)) / 2h, stand in the place of "
    "derivatives: they are right to a few digits alone",
    "what calls the forward pass for every parameter",
)
HABITS = {  # in words, where to look, the pass; without words the numbers are right
    name: Mistake(words, look, function=function)
    for name, (words, look, function) in {
        "differences of the loss": (*DIFFERENCES, by_differences),
        "weights of the first call": (*EARLIER, with_remembered_weights(lambda y_pred: None)),
        "weights of the first call of a shape": (*EARLIER, with_remembered_weights(torch.numel)),
        "autograd, anew": ("", "", by_autograd(loss_anew)),
        "autograd, on the graph": ("", "", by_autograd(lambda m, y, p: ((p - y) ** 2).sum())),
        "autograd left off": ("", "", lambda *args: (PLAIN(*args), torch.set_grad_enabled(False))),
        "graph attached": ("", "", PLAIN.__wrapped__),
    }.items()
}
