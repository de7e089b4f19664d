"""Wrong training loops, each with the name of its mistake and the line to look at."""

from dataclasses import dataclass, field

import torch

from checks.planted_updates import update, without_decay


def training_loop(
    step=None,
    epochs=lambda count: count,
    batches=lambda loader: loader,
    clear="batch",
    to_none=True,
    kept="call",
    steps=("backward",),
    change=lambda model, X, loader, weight_decay: None,
    schedule=lambda epoch, step: 1.0,
):
    """A right train_manual_update around `step`, or with some of its lines replaced.

    clear: when the gradients are set to zero, at each "batch" or "epoch" or after "backward".
    to_none: by None or by zeros. kept: how long a momentum buffer lives, one "call", "epoch" or
    "batch". steps: when a step is taken: "batch" is before the loss, "loss" between the loss and
    its backward pass, "backward" after it, "epoch" after the last batch. change: of the gradients.
    schedule: a factor of the learning rate.
    """
    step, memory = step or update(), {}

    def train(
        epoch_count, model, loss_function, learning_rate, momentum, weight_decay, loader, **more
    ):
        def reach(moment):
            if kept == moment or "buffers" not in memory:
                memory["buffers"] = [None for _ in model.parameters()]
            if clear == moment:
                model.zero_grad(set_to_none=to_none)
            for _ in range(steps.count(moment)):
                rate = learning_rate * schedule(epoch, memory["steps"])
                step(model, rate, momentum, weight_decay, memory["buffers"], **more)
                memory["steps"] += 1

        epoch, memory["steps"] = 0, 0
        reach("call")
        for epoch in range(epochs(epoch_count)):
            reach("epoch's start")
            for X, y in batches(loader):
                reach("batch")
                reach("batch of the first epoch" if epoch == 0 else "later")
                loss = loss_function(model(X), y)
                reach("loss")
                reach("loss's end")
                loss.backward()
                change(model, X, loader, weight_decay)
                reach("backward")
            reach("epoch")

    return train


@dataclass
class Mistake:
    """A mistake: hooks replace lines of the update, loop those of the training around it."""

    says: str
    look: str
    hooks: dict = field(default_factory=dict)
    loop: dict = field(default_factory=dict)

    def training(self, always=False):
        """A train_manual_update with this mistake, and nothing kept from an earlier one.

        always: it has no `if momentum`, and keeps a buffer even where the momentum is 0.
        """
        return training_loop(update(**{"always": always} | self.hooks), **self.loop)


def by_factor(factor):
    """A change of .grad: times factor(images in the batch, batches in the loader)."""

    def change(model, X, loader, weight_decay):
        for p in model.parameters():
            p.grad.mul_(factor(len(X), len(loader)))

    return change


def clip_gradients(model, X, loader, weight_decay):
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)


def each_gradient(function):
    """A change of .grad: function(gradient, parameter, images in the batch, weight decay)."""

    def change(model, X, loader, weight_decay):
        for p in model.parameters():
            p.grad.copy_(function(p.grad, p.detach(), len(X), weight_decay))

    return change


def move_data(p, g, s):
    """A move that autograd does not see, so that a backward pass may come after it."""
    p.data.add_(g, alpha=-s.learning_rate)


RIGHT_ORDER = "the order is model.zero_grad(), loss.backward(), then the update"
INDENT = "the update goes inside the loop over the batches: indent it"
LOOP_MISTAKES = {
    "gradients not cleared": Mistake(
        "the gradients are never cleared: each backward pass adds to those before",
        "model.zero_grad() is missing; it stands in the loop over the batches, before backward()",
        loop=dict(clear="never"),
    ),
    "gradients cleared once an epoch": Mistake(
        "the gradients are cleared once an epoch, not at each batch",
        "model.zero_grad() goes inside the loop over the batches",
        loop=dict(clear="epoch's start"),
    ),
    "gradients cleared before they are used": Mistake(
        "the gradients are cleared between the backward pass and the update",
        RIGHT_ORDER,
        loop=dict(clear="backward", to_none=False),
    ),
    "update before the forward pass": Mistake(
        "the update comes too early: it uses the gradients of the batch before",
        RIGHT_ORDER,
        loop=dict(steps=("batch",), clear="loss"),
    ),
    "update before the backward pass": Mistake(
        "the update comes before the backward pass: it uses the gradients of the batch before",
        RIGHT_ORDER,
        dict(move=move_data),
        dict(steps=("loss",), clear="loss's end"),
    ),
    "two steps a batch": Mistake(
        "each batch takes two steps",
        "the update is called twice, or an optimizer.step() stands beside it",
        loop=dict(steps=("backward", "backward")),
    ),
    "a step an epoch, gradients summed": Mistake(
        "one step an epoch, with the sum of all its gradients",
        INDENT,
        loop=dict(clear="epoch's start", steps=("epoch",)),
    ),
    "a step an epoch, the last gradient": Mistake(
        "one step an epoch, with the gradient of its last batch",
        INDENT,
        loop=dict(steps=("epoch",)),
    ),
    "gradient counted twice": Mistake(
        "the gradient counts twice: each step is twice as long",
        "two calls of backward() for one batch, or a factor 2 at the loss or the learning rate",
        loop=dict(change=by_factor(lambda images, batches: 2)),
    ),
    "divided by the batch size": Mistake(
        "the gradient is divided by the number of images in the batch",
        "nn.CrossEntropyLoss() is a mean already: do not divide by len(X) again",
        loop=dict(change=by_factor(lambda images, batches: 1 / images)),
    ),
    "multiplied by the batch size": Mistake(
        "the gradient is multiplied by the number of images in the batch",
        "loss * len(X) may be summed for the printed mean, but backward() takes the loss itself",
        loop=dict(change=by_factor(lambda images, batches: images)),
    ),
    "divided by the number of batches": Mistake(
        "the gradient is divided by the number of batches",
        "divide the printed sum by len(train_loader), not the loss whose backward() is called",
        loop=dict(change=by_factor(lambda images, batches: 1 / batches)),
    ),
    "gradients clipped": Mistake(
        "the gradients are clipped to a norm of 1",
        "torch.optim.SGD does not clip: take clip_grad_norm_ out",
        loop=dict(change=clip_gradients),
    ),
    "gradients normalized": Mistake(
        "each gradient is divided by its norm",
        "g / g.norm() is not what torch.optim.SGD does",
        loop=dict(change=each_gradient(lambda g, p, images, decay: g / g.norm())),
    ),
    "sign of the gradients": Mistake(
        "the sign of the gradient is used alone",
        "g.sign() is not what torch.optim.SGD does",
        loop=dict(change=each_gradient(lambda g, p, images, decay: g.sign())),
    ),
    "decay divided by the batch size": Mistake(
        "weight decay is divided by the number of images in the batch",
        "g = g + weight_decay * p",
        dict(decay=without_decay),
        dict(change=each_gradient(lambda g, p, images, decay: g + decay / images * p)),
    ),
    "the first batch again and again": Mistake(
        "every step uses the first batch",
        "next(iter(train_loader)) starts from the front each time: write for X, y in train_loader",
        loop=dict(batches=lambda loader: [list(loader)[0] for _ in loader]),
    ),
    "one batch an epoch": Mistake(
        "only the first batch of each epoch is used",
        "a break, a return or next(iter(train_loader)) in the loop over the batches",
        loop=dict(batches=lambda loader: list(loader)[:1]),
    ),
    "the last batch left out": Mistake(
        "the last batch of each epoch is left out",
        "the loop over the batches ends one too early",
        loop=dict(batches=lambda loader: list(loader)[:-1]),
    ),
    "the first batch left out": Mistake(
        "the first batch of each epoch is left out",
        "the loop over the batches starts one too late",
        loop=dict(batches=lambda loader: list(loader)[1:]),
    ),
    "a short batch left out": Mistake(
        "a last batch that is shorter than the others is left out",
        "drop_last=True, or a condition on len(X)",
        loop=dict(batches=lambda loader: [b for b in loader if len(b[0]) == loader.batch_size]),
    ),
    "every second batch": Mistake(
        "only every second batch is used",
        "next() is called on an iterator that a for loop goes through as well; or a condition",
        loop=dict(batches=lambda loader: list(loader)[::2]),
    ),
    "batches from the last to the first": Mistake(
        "the batches are taken from the last to the first",
        "for X, y in train_loader keeps their order; no reversed(), no pop()",
        loop=dict(batches=lambda loader: list(loader)[::-1]),
    ),
    "all images in one batch": Mistake(
        "one step an epoch is taken, with all images in one batch",
        "a step for each batch that train_loader gives",
        loop=dict(batches=lambda loader: [map(torch.cat, zip(*loader, strict=True))]),
    ),
    "one epoch too few": Mistake(
        "one epoch too few is trained",
        "for epoch in range(epoch_count): range(1, epoch_count) has one less",
        loop=dict(epochs=lambda count: count - 1),
    ),
    "one epoch too many": Mistake(
        "one epoch too many is trained",
        "for epoch in range(epoch_count): range(epoch_count + 1) has one more",
        loop=dict(epochs=lambda count: count + 1),
    ),
    "one epoch alone": Mistake(
        "only the first epoch is trained",
        "a return inside the loop over the epochs, or an iter(train_loader) that is used up then",
        loop=dict(epochs=lambda count: 1),
    ),
    "momentum forgotten each epoch": Mistake(
        "the momentum is forgotten at each epoch",
        "the buffers are made inside the loop over the epochs: make them once, before it",
        loop=dict(kept="epoch's start"),
    ),
    "no momentum in the first epoch": Mistake(
        "the momentum buffer is made anew at every batch of the first epoch",
        "a condition such as `if epoch == 0`: make the buffers once, before the loop",
        loop=dict(kept="batch of the first epoch"),
    ),
    "buffer kept between calls": Mistake(
        "the momentum buffers are kept from one call to the next",
        "buffers in a global variable, in a default argument, on the function or on the "
        "parameters: make them inside the function, at its start",
        loop=dict(kept="ever"),
    ),
}
