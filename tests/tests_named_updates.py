"""What sgd_test says of a switch, of a factor, and of what it knows in part."""

import pytest
import torch

from checks.trainings import planted_training
from tests.helpers.judging import judge, names_in
from tests.programs.updates import per_parameter
from tests.programs.updates.fresh_wrong import WRONG

DECAY, MOVE = "g = g.add(p, alpha=weight_decay)", "p.add_(g, alpha=-learning_rate)"
STEP = MOVE.removesuffix(")")
KEPT = "v[i].mul_(momentum).add_(g, alpha=1 - dampening)"
START, EPOCH = "v = [None for p in parameters]", "for epoch in range(epoch_count):"
SUMMED = {"loss.backward()": "total = total + loss\ntotal.backward(retain_graph=True)"}
OF_AN_EPOCH = SUMMED | {EPOCH: f"{EPOCH}\n    total = 0"}
IN_PLACE = {MOVE: "p.data.add_(g, alpha=-learning_rate)"}
AGAIN = "each step gets their gradients again"
TIMES = "the whole step is multiplied by"
SENTENCES = {  # all that is said: the right lines, and what is written in their place
    f"{TIMES} 1 - weight_decay": {MOVE: f"{STEP} * (1 - weight_decay))"},
    f"{TIMES} weight_decay": {MOVE: f"{STEP} * (weight_decay or 1))"},
    f"{TIMES} weight_decay, even where it is 0": {MOVE: f"{STEP} * weight_decay)"},
    f"{TIMES} weight_decay, which p does not get": {
        DECAY: "pass",
        MOVE: f"{STEP} * (weight_decay or 1))",
    },
    "weight decay is 0.25 times torch's": {DECAY: "g = g.add(p, alpha=weight_decay / 4)"},
    "weight decay is 0.333333 times torch's": {DECAY: "g = g.add(p, alpha=weight_decay / 3)"},
    "weight decay is -3 times torch's": {DECAY: "g = g.add(p, alpha=-3 * weight_decay)"},
    "weight decay is 0.7 times torch's": {DECAY: "g = g.add(p, alpha=0.7 * weight_decay)"},
    "weight_decay is 0.01 wherever it is on, whatever is given": {
        DECAY: "g = g.add(p, alpha=0.01)"
    },
    "weight decay is 0.5 times torch's, and stays out of the momentum buffer": {
        DECAY: "pass",
        MOVE: "p.add_(g + weight_decay / 2 * p, alpha=-learning_rate)",
    },
    "the momentum is 0.9 times the one that is given": {KEPT: KEPT.replace("(m", "(0.9 * m")},
    "momentum is 0.9 wherever it is on, whatever is given": {KEPT: KEPT.replace("momentum", "0.9")},
    "with momentum, the step is 0.4 times torch's": {MOVE: f"{STEP} * (0.4 if momentum else 1))"},
    "the step is 0.7 times torch's: its learning rate": {MOVE: f"{STEP} * 0.7)"},
    "the step is 3 / (number of images in the batch) times torch's: its learning rate": {
        MOVE: f"{STEP} * 3 / len(X))"
    },
    "the step is 1 * (number of batches) times torch's: its learning rate": {
        MOVE: f"{STEP} * len(train_loader))"
    },
    "the gradients are cleared once an epoch, not at each batch; or the loss is summed": (
        OF_AN_EPOCH | {MOVE: "p.data = p.data.add(g, alpha=-learning_rate)"}
    ),
    f"the loss is summed over the batches of an epoch: {AGAIN}": OF_AN_EPOCH | IN_PLACE,
    f"the loss is summed over all batches: {AGAIN}": (
        SUMMED | IN_PLACE | {START: f"{START}\ntotal = 0"}
    ),
}


def reading_ahead(train):
    return lambda *arguments: train(*arguments[:-1], list(arguments[-1]))


@pytest.mark.parametrize("name", SENTENCES)
def test_a_switch_or_a_factor_is_named(capsys, name):
    """Also where the batches are read ahead, so that no step is seen."""
    train = planted_training(tuple(SENTENCES[name].items()))
    if " 0.7 times" in name:
        train = reading_ahead(train)
    verdict, _, said = judge(capsys, train)
    assert verdict is False and names_in(said) == [name]


def test_where_momentum_has_no_effect_its_use_and_a_copy_are_looked_at_first(capsys):
    said = judge(capsys, WRONG["previous_without_a_copy"][0])[2]
    look = said[said.index("Look at: ") :]
    assert look.startswith("Look at: is momentum used at all? previous[i] = p makes no copy: ")


def with_noise(where):
    """A training without decay, which is wrong in an unknown way, too, where(mom, decay) holds."""

    @per_parameter
    def update(p, v, lr, mom, decay):
        v[p] = mom * v.get(p, 0) + p.grad
        p -= lr * (v[p] + (torch.sin(17 * v[p]) if where(mom, decay) else 0))

    return update


def test_an_explanation_of_some_checks_says_of_which(capsys):
    said = judge(capsys, with_noise(lambda mom, decay: mom and decay))[2]
    assert names_in(said) == ["weight decay is not applied (seen in the checks with momentum = 0)"]


def test_an_explanation_that_a_passed_check_refutes_is_not_given(capsys):
    @per_parameter
    def update(p, v, lr, mom, decay):
        v[p] = mom * v.get(p, 0) + p.grad + decay * (p if mom else p.sign())
        p -= lr * (v[p] + (torch.sin(17 * v[p]) if mom and not decay else 0))

    verdict, checks, said = judge(capsys, update)
    assert verdict is False and names_in(said) == [] and "No mistake known here" in said
    assert any("ok      momentum and weight decay" in check for check in checks)
