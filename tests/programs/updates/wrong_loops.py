"""Training functions whose loop is wrong, or the step in it."""

import copy

import torch

from tests.programs.updates import in_loop, per_parameter, wrong_table

WRONG, told = wrong_table()


def plain_step(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + decay * p
    p -= lr * v[p]


SGD = per_parameter(plain_step)


# ---------------------------------------------------------------------------------- the gradients


def cleared(now):
    """Gradients cleared only where now(epoch, batch number) is true."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        v = {}
        for epoch in range(n_epochs):
            for i, (X, y) in enumerate(loader):
                if now(epoch, i):
                    model.zero_grad()
                loss_fn(model(X), y).backward()
                with torch.no_grad():
                    for p in model.parameters():
                        plain_step(p, v, lr, mom, decay)

    return train


WRONG["never cleared"] = cleared(lambda epoch, i: False), ("gradients?", "zero_grad")
WRONG["cleared once an epoch"] = cleared(lambda epoch, i: i == 0), ("zero_grad", "epoch")


@told("not move|never|unchanged", "zero_grad")
def zero_grad_after_backward(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            model.zero_grad()
            for p in model.parameters():
                if p.grad is not None:
                    p.data -= lr * p.grad


@told("gradient", "previous|before|late|old")
def update_before_backward(n_epochs, model, loss_fn, lr, mom, decay, loader):
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss = loss_fn(model(X), y)
            for p in model.parameters():
                if p.grad is not None:
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                    p.data -= lr * v[p]
            model.zero_grad()
            loss.backward()


def divided(count):
    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        SGD(n_epochs, model, lambda z, y: loss_fn(z, y) / count(y, loader), lr, mom, decay, loader)

    return train


BY_A_FACTOR = "factor|divid|scaled|times|multipl"
WRONG["loss / len(loader)"] = divided(lambda y, loader: len(loader)), (BY_A_FACTOR,)
WRONG["loss / len(X)"] = divided(lambda y, loader: len(y)), (BY_A_FACTOR, "batch|images|samples")
WRONG["loss * 2"] = divided(lambda y, loader: 0.5), ("twice|factor 2|double",)

# --------------------------------------------------------------------- the step and its parameters


def on_some(choose):
    """plain_step on those of the parameters that choose(list of parameters) gives."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        v, chosen = {}, choose(list(model.parameters()))

        def update(*_):
            for p in chosen:
                plain_step(p, v, lr, mom, decay)

        in_loop(update)(n_epochs, model, loss_fn, lr, mom, decay, loader)

    return train


WRONG["last parameter alone"] = on_some(lambda p: p[-1:]), ("last", "indent|loop|parameter")
WRONG["first parameter alone"] = on_some(lambda p: p[:1]), ("first", "return|break|loop")
WRONG["weights alone"] = on_some(lambda p: p[::2]), ("bias",)
WRONG["last layer alone"] = on_some(lambda p: p[-2:]), ("layer|last",)


@told("RuntimeError", "size")
@in_loop
def one_velocity_for_all(model, lr, mom, decay, state={"v": 0}):  # noqa: B006
    for p in model.parameters():
        state["v"] = mom * state["v"] + p.grad + decay * p
        p -= lr * state["v"]


@told("momentum", "bias|Adam|correct|1 - momentum|dampen")
@per_parameter
def corrected_as_in_adam(p, v, lr, mom, decay):
    mean, t = v.get(p, (0, 0))
    v[p] = mean, t = mom * mean + (1 - mom) * (p.grad + decay * p), t + 1
    p -= lr * mean / (1 - mom**t)


@told("learning rate", "twice|squared|again")
@per_parameter
def learning_rate_twice(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + lr * (p.grad + decay * p)
    p -= lr * v[p]


@told("sign|uphill|plus|added|minus")
@per_parameter
def uphill(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + decay * p
    p += lr * v[p]


INTERCHANGED = "interchange|swap|exchange|order"
WRONG["lr and momentum interchanged"] = (
    lambda n, model, loss, lr, mom, decay, loader: SGD(n, model, loss, mom, lr, decay, loader),
    ("learning.rate", "momentum", INTERCHANGED),
)
WRONG["momentum and decay interchanged"] = (
    lambda n, model, loss, lr, mom, decay, loader: SGD(n, model, loss, lr, decay, mom, loader),
    ("decay", "momentum", INTERCHANGED),
)


@told("not move|never|unchanged")
@per_parameter
def new_tensors_instead_of_parameters(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + decay * p
    p = p - lr * v[p]


@told("not move|never|unchanged")
def a_copy_of_the_model(n_epochs, model, loss_fn, lr, mom, decay, loader):
    SGD(n_epochs, copy.deepcopy(model), loss_fn, lr, mom, decay, loader)


@told("not move|never|unchanged")
def stub(n_epochs, model, loss_fn, lr, mom, decay, loader):
    return []


@told("NaN")
@per_parameter
def nan(p, v, lr, mom, decay):
    p -= lr * p.grad / (mom - mom)


@told("RuntimeError", "leaf")
def without_no_grad(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for X, y in loader:
        loss_fn(model(X), y).backward()
        for p in model.parameters():
            p -= lr * p.grad


# ---------------------------------------------------------------------------- batches and epochs


def over(choose):
    """The right update, on the batches that choose(epoch count, loader) yields."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        SGD(1, model, loss_fn, lr, mom, decay, choose(n_epochs, loader))

    return train


def every_second(n, loader):
    for _ in range(n):
        for i, batch in enumerate(loader):
            if i % 2 == 0:
                yield batch


def whole_batches(n, loader):
    for _ in range(n):
        for X, y in loader:
            if len(X) == loader.batch_size:
                yield X, y


def backwards(n, loader):
    for _ in range(n):
        yield from reversed(list(loader))


def all_at_once(n, loader):
    for _ in range(n):
        yield map(torch.cat, zip(*loader, strict=True))


def one_epoch_more(n, loader):
    for _ in range(n + 1):
        yield from loader


WRONG["every second batch"] = over(every_second), ("batch", "second|skip|every|used")
WRONG["uneven batch skipped"] = over(whole_batches), ("batch", "last|uneven|short|smaller")
WRONG["other order"] = over(backwards), ("order",)
WRONG["one step an epoch"] = (
    over(all_at_once),
    ("one step|each batch|every batch|all batches",),
)
WRONG["an epoch too many"] = over(one_epoch_more), ("epoch|step", "more|many|extra")
WRONG["one epoch alone"] = over(lambda n, loader: loader), ("epoch",)


@told("single|precision|float32")
@per_parameter
def in_single_precision(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + (p.grad + decay * p).float()
    p -= lr * v[p]


@told("learning.rate", "epoch|schedule|constant|falls|change")
def decreasing_learning_rate(n_epochs, model, loss_fn, lr, mom, decay, loader):
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p]
        lr *= 0.9
