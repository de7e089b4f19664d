"""Part 2 checked: pytest on the notebook's update and loops.

`from tests_gradient_descent import sgd_test` checks a train_manual_update of your own.
"""

import copy
import math

import pytest
import torch
from torch import nn

from checks.difference import same_bits
from checks.planted_updates import PLANTED_UPDATES, update
from checks.sgd_test import sgd_test
from checks.updates import NETS, check_update, compare_with_torch, same_parameters, torch_sgd
from checks.wrong_updates import MISTAKES

__all__ = ["compare_with_torch", "sgd_test"]
FOR_A_STEP = ("dampening ignored", "first step dampened", "maximize ignored", "nesterov ignored")
RIGHT_IN_A_LOOP = {  # of the planted updates: what is said of it
    "decay on a single-rounding path": "g + weight_decay * p rounds twice",
    "update rounded twice": "p - learning_rate * v rounds twice",
    "decay written into .grad": "it changes .grad, which torch.optim.SGD leaves as it is",
}


@pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=str)
@pytest.mark.parametrize("net", NETS)
def test_manual_step_equals_torch_to_the_last_bit(part2, net, dtype):
    check_update(part2.manual_sgd_step, NETS[net], dtype)


def test_manual_step_by_hand(part2):
    """Two steps down p^2 / 2 from 1, one on flat ground, in binary fractions: no optimizer judges.

    v = 1 + 1/4, p = 1 - v/2; v = 0.625 + 0.375 + 0.09375, ...; v = 0.546875 + 0 - 0.04296875, ...
    """
    point, momentum_buffer, seen = part2.Point(1.0), [None], []
    for gradient in (1.0, 0.375, 0.0):
        point.position.grad = torch.full_like(point.position, gradient)
        part2.manual_sgd_step(point, 0.5, 0.5, 0.25, momentum_buffer)
        seen.append((momentum_buffer[0].item(), point.position.item()))
    assert seen == [(1.25, 0.375), (1.09375, -0.171875), (0.50390625, -0.423828125)]


def test_the_form_that_holds_the_planted_mistakes_is_itself_correct():
    check_update(update())


@pytest.mark.parametrize("name", PLANTED_UPDATES)
def test_planted_update_is_rejected(name):
    with pytest.raises(AssertionError):
        check_update(PLANTED_UPDATES[name])


def test_sgd_test_finds_the_notebook_equal_to_the_last_bit(part2, capsys):
    """Both as the notebook trains and step by step, in all checks, without a remark."""
    for count, judged in ((7, part2.train_manual_update), (9, part2.manual_sgd_step)):
        by_name = {"train_manual_update": judged} if count == 7 else {"step": judged}
        assert sgd_test(**by_name, exact=True) is True
        lines = capsys.readouterr().out.splitlines()
        assert lines[-1] == f"sgd_test: {count} of {count} checks passed"
        assert all(line.endswith(": equal to the last bit") for line in lines[1:-1]), lines
        assert len(lines) == count + 2


@pytest.mark.parametrize("name", [name for name in MISTAKES if name not in FOR_A_STEP])
def test_planted_training_is_rejected_and_named(name, capsys):
    verdict = sgd_test(MISTAKES[name].training())
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 100, "it fits one screen"
    printed = " ".join(" ".join(lines).split())
    assert verdict is False and printed.count("The mistake: ") == 1
    assert f"The mistake: {MISTAKES[name].says}. Look at: {MISTAKES[name].look}." in printed


@pytest.mark.parametrize("name", PLANTED_UPDATES)
def test_planted_update_as_a_bare_step(name, capsys):
    verdict = sgd_test(step=PLANTED_UPDATES[name])
    printed = " ".join(capsys.readouterr().out.split())
    assert verdict is (name in RIGHT_IN_A_LOOP)
    assert ("The mistake: " in printed) is not verdict
    assert RIGHT_IN_A_LOOP.get(name, "" if name not in MISTAKES else MISTAKES[name].says) in printed


def by_the_readme(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    velocity = [0 for _ in model.parameters()]
    for _ in range(epoch_count):
        for X, y in train_loader:
            loss = loss_function(model(X), y)
            model.zero_grad()
            loss.backward()
            with torch.no_grad():
                for i, p in enumerate(model.parameters()):
                    velocity[i] = momentum * velocity[i] + p.grad
                    p -= learning_rate * (velocity[i] + weight_decay * p)


def test_the_example_of_the_readme(capsys):
    assert sgd_test(by_the_readme) is False
    printed = " ".join(capsys.readouterr().out.split())
    assert "FAILED momentum and weight decay: different from step 2 on" in printed
    assert "The mistake: weight decay stays out of the momentum buffer (as in AdamW)." in printed
    assert printed.endswith("sgd_test: 6 of 7 checks passed")


BAD = [{name: -0.1} for name in ("learning_rate", "momentum", "weight_decay")]
BAD += [dict(nesterov=True), dict(nesterov=True, momentum=0.9, dampening=0.1)]
BAD += [{name: math.nan} for name in ("learning_rate", "momentum", "weight_decay", "dampening")]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_step_refuses_bad_values_and_moves_nothing(part2, bad):
    """What torch refuses, and NaN, which torch takes."""
    switches = dict(learning_rate=0.1, momentum=0.0, weight_decay=0.0) | bad
    name, value = next(iter(bad.items()))
    net = nn.Linear(2, 2)
    net(torch.ones(1, 2)).sum().backward()
    before = copy.deepcopy(net)
    if not math.isnan(value):
        with pytest.raises(ValueError):
            torch_sgd(net, **switches)
    with pytest.raises(ValueError, match=f"{name} (is {value}|needs)"):
        part2.manual_sgd_step(net, momentum_buffer=[None] * 2, **switches)
    assert same_parameters(net, before)


def test_step_refuses_a_buffer_of_another_length(part2):
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"{count} entries for 2 parameters"):
            part2.manual_sgd_step(nn.Linear(2, 2), 0.1, 0.9, 0.0, [None] * count)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_both_training_functions_are_the_plain_loop(part2, few_batches, momentum, weight_decay):
    """Losses are taken before the update, momentum outlives an epoch, old gradients do not leak."""
    rule = dict(learning_rate=0.1, momentum=momentum, weight_decay=weight_decay)
    plain, theirs, ours, untrained = (part2.new_model() for _ in range(4))
    optimizer, mean_losses = torch_sgd(plain, **rule), []
    for _ in range(3):
        losses = []
        for X, y in few_batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(plain(X), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        mean_losses.append(sum(losses) / len(losses))
    for p in [*theirs.parameters(), *ours.parameters()]:
        p.grad = torch.ones_like(p)
    optimizer, loss_function = torch_sgd(theirs, **rule), nn.CrossEntropyLoss()
    assert part2.train(3, optimizer, theirs, loss_function, few_batches) == mean_losses
    by_hand = (3, ours, loss_function, 0.1, momentum, weight_decay, few_batches)
    assert part2.train_manual_update(*by_hand) == mean_losses
    assert same_parameters(theirs, plain) and same_parameters(ours, plain)
    assert not any(map(same_bits, untrained.parameters(), plain.parameters()))


def test_the_comparison_on_the_images_can_fail(part2, few_batches, monkeypatch):
    """train_both trains once with each optimizer: with the hand-written one off, bits differ."""
    rule = dict(learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    both = part2.train_both(2, few_batches, **rule)
    assert part2.same_bits(both["torch"], both["manual"])
    monkeypatch.setattr(part2, "manual_sgd_step", lambda *arguments: None)
    both = part2.train_both(2, few_batches, **rule)
    assert not part2.same_bits(both["torch"], both["manual"])
    assert same_parameters(both["manual"]["model"], part2.new_model())
