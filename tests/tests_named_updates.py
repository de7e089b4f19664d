"""What sgd_test says of one mistake, where it once said nothing, less, or what was not so."""

import pytest
import torch

from tests.helpers.judging import judge, names_in
from tests.programs.updates_fresh import WRONG
from tests.programs.updates_right import per_parameter

NO_DECAY = "weight decay is not applied"
FIRST_STEP = "only the first step moves anything, though every batch is read"
FIRST_OF_EACH = "only the first step of each epoch moves anything, though every batch is read"
ONCE = "the gradients are cleared once an epoch, not at each batch; or the loss is summed"


# ------------------------------------------------------------------------ what is read of a loader


def with_params(of_each_epoch):
    """A training that makes its parameters a generator: once, or in each epoch."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        params, v = model.parameters(), {}
        for _ in range(n_epochs):
            params = model.parameters() if of_each_epoch else params
            for X, y in loader:
                model.zero_grad()
                loss_fn(model(X), y).backward()
                for p in params:
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                    p.data -= lr * v[p]

    return train


def left_after_one_batch(whole):
    """A training with a break, or with a return from the whole of it, in the loop over batches."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        v = {}
        for _ in range(n_epochs):
            for X, y in loader:
                model.zero_grad()
                loss_fn(model(X), y).backward()
                for p in model.parameters():
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                    p.data -= lr * v[p]
                if whole:
                    return
                break

    return train


def generator_used_up_for_the_buffers(n_epochs, model, loss_fn, lr, mom, decay, loader):
    params = model.parameters()
    v = [torch.zeros_like(p) for p in params]
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p, buffer in zip(params, v, strict=False):
                p.data -= lr * buffer.mul_(mom).add_(p.grad)


READ = [
    (with_params(False), FIRST_STEP, "list(model.parameters())"),
    (with_params(True), FIRST_OF_EACH, "list(model.parameters())"),
    (left_after_one_batch(False), "only the first batch of each epoch is used", "a break"),
    (left_after_one_batch(True), "only the first batch of the first epoch is used", "a return"),
    (generator_used_up_for_the_buffers, "the parameters are not moved at all", "a generator"),
]


@pytest.mark.parametrize("train, name, look", READ, ids=[name for _, name, _ in READ])
def test_how_many_batches_are_read_tells_a_generator_from_a_break(capsys, train, name, look):
    verdict, _, said = judge(capsys, train)
    assert verdict is False and names_in(said) == [name]
    assert look in said[said.index("Look at: ") :]


# ------------------------------------------------------------- switches, factors, what is summed


def by_rule(rule):
    """The training whose step is rule(g, p, v, lr, mom, decay); it returns v and the move of p."""

    @per_parameter
    def update(p, v, lr, mom, decay):
        v[p], move = rule(p.grad, p, v.get(p, torch.zeros_like(p)), lr, mom, decay)
        p -= move

    return update


def simple(step):
    """The rule whose buffer is right, and whose move is step(v, lr, decay)."""
    return by_rule(
        lambda g, p, v, lr, m, d: (m * v + g + d * p, step(m * v + g + d * p, lr, d)),
    )


def decayed(factor):
    """The rule with factor(decay) in the place of the decay."""
    return by_rule(
        lambda g, p, v, lr, m, d: (m * v + g + factor(d) * p, lr * (m * v + g + factor(d) * p))
    )


def momentum_of(factor):
    """The rule with factor(momentum) in the place of the momentum."""
    return by_rule(
        lambda g, p, v, lr, m, d: (factor(m) * v + g + d * p, lr * (factor(m) * v + g + d * p))
    )


def scaled(scale):
    """The right training, its learning rate multiplied by scale(batch, loader)."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        v = {}
        for _ in range(n_epochs):
            for X, y in loader:
                model.zero_grad()
                loss_fn(model(X), y).backward()
                for p in model.parameters():
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                    p.data -= lr * scale(X, loader) * v[p]

    return train


def summed(of_each_epoch, in_place):
    """The loss is added to the losses before, and backward() takes the sum."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        v, total = {}, 0
        for _ in range(n_epochs):
            total = 0 if of_each_epoch else total
            for X, y in loader:
                model.zero_grad()
                total = total + loss_fn(model(X), y)
                total.backward(retain_graph=True)
                for p in model.parameters():
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                    if in_place:
                        p.data -= lr * v[p]
                    else:
                        p.data = p.data - lr * v[p]

    return train


def reading_ahead(train):
    """The training, on lists of the batches, so that no step of it is seen."""

    def on_a_list(*arguments):
        train(*arguments[:-1], list(arguments[-1]))

    return on_a_list


STEP_TIMES = "the whole step is multiplied by"
SENTENCES = {
    f"{STEP_TIMES} 1 - weight_decay": simple(lambda v, lr, d: lr * (1 - d) * v),
    f"{STEP_TIMES} weight_decay": simple(lambda v, lr, d: lr * (d or 1) * v),
    f"{STEP_TIMES} weight_decay, even where it is 0": simple(lambda v, lr, d: lr * d * v),
    f"{STEP_TIMES} weight_decay, which p does not get": by_rule(
        lambda g, p, v, lr, m, d: (m * v + g, lr * (d or 1) * (m * v + g))
    ),
    "weight decay is 0.25 times torch's": decayed(lambda d: d / 4),
    "weight decay is 0.333333 times torch's": decayed(lambda d: d / 3),
    "weight decay is -3 times torch's": decayed(lambda d: -3 * d),
    "weight decay is 0.7 times torch's": reading_ahead(decayed(lambda d: 0.7 * d)),
    "weight_decay is 0.01 wherever it is on, whatever is given": decayed(lambda d: d and 0.01),
    "weight decay is 0.5 times torch's, and stays out of the momentum buffer": by_rule(
        lambda g, p, v, lr, m, d: (m * v + g, lr * (m * v + g + d / 2 * p))
    ),
    "the momentum is 0.9 times the one that is given": momentum_of(lambda m: 0.9 * m),
    "momentum is 0.9 wherever it is on, whatever is given": momentum_of(lambda m: m and 0.9),
    "with momentum, the step is 0.4 times torch's": by_rule(
        lambda g, p, v, lr, m, d: (m * v + g + d * p, lr * (0.4 if m else 1) * (m * v + g + d * p))
    ),
    "the step is 0.7 times torch's: its learning rate": scaled(lambda X, loader: 0.7),
    "the step is 3 / (number of images in the batch) times torch's: its learning rate": scaled(
        lambda X, loader: 3 / len(X)
    ),
    "the step is 1 * (number of batches) times torch's: its learning rate": scaled(
        lambda X, loader: len(loader)
    ),
    ONCE: summed(True, in_place=False),
    "the loss is summed over the batches of an epoch: each step gets their gradients again": summed(
        True, in_place=True
    ),
    "the loss is summed over all batches: each step gets their gradients again": summed(
        False, in_place=True
    ),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_a_switch_or_a_factor_is_named(capsys, name):
    verdict, _, said = judge(capsys, SENTENCES[name])
    assert verdict is False and names_in(said) == [name]


def test_where_momentum_has_no_effect_its_use_and_a_copy_are_looked_at_first(capsys):
    said = judge(capsys, WRONG["previous_without_a_copy"][0])[2]
    look = said[said.index("Look at: ") :]
    assert look.startswith("Look at: is momentum used at all? previous[i] = p makes no copy: ")


# --------------------------------------------------------------------------- what is known in part


def with_noise(where):
    """A training without decay, which is wrong in an unknown way, too, where(mom, decay) holds."""

    @per_parameter
    def update(p, v, lr, mom, decay):
        v[p] = mom * v.get(p, 0) + p.grad
        p -= lr * (v[p] + (torch.sin(17 * v[p]) if where(mom, decay) else 0))

    return update


def test_an_explanation_of_some_checks_says_of_which(capsys):
    said = judge(capsys, with_noise(lambda mom, decay: mom and decay))[2]
    assert names_in(said) == [f"{NO_DECAY} (seen in the checks with momentum = 0)"]


def test_an_explanation_that_a_passed_check_refutes_is_not_given(capsys):
    @per_parameter
    def update(p, v, lr, mom, decay):
        v[p] = mom * v.get(p, 0) + p.grad + decay * (p if mom else p.sign())
        p -= lr * (v[p] + (torch.sin(17 * v[p]) if mom and not decay else 0))

    verdict, checks, said = judge(capsys, update)
    assert verdict is False and names_in(said) == [] and "No mistake known here" in said
    assert any("ok      momentum and weight decay" in check for check in checks)
