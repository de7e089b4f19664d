"""Part 2 checked: pytest on the notebook's update and loops.

`from tests_gradient_descent import sgd_test` checks a train_manual_update of your own.
"""

import ast
import copy
import functools
import math
from dataclasses import replace

from support import ROOT

import pytest
import torch
from torch import nn

from checks.difference import same_bits
from checks.reference import STEP
from checks.sgd_test import TOLD, sgd_test
from checks.telling import of_mistake
from checks.trainings import (
    NETS,
    check_update,
    planted_step,
    planted_training,
    same_parameters,
    torch_sgd,
)
from checks.wrong_updates import MISTAKES, PLAIN, PLANTED_STEPS, STEP_LINES

__all__ = ["sgd_test"]
RIGHT_IN_A_LOOP = {
    "g = g.add_(p, alpha=weight_decay)",
    "g = g + weight_decay * p",
    "p -= learning_rate * g",
    "v[i] = ((1 - dampening) * g).add(v[i], alpha=momentum)",
}


def wrong_line(mistake):
    return mistake.wrong or mistake.words


@pytest.fixture
def judge(capsys):
    from tests.helpers.judging import judge  # here: who imports sgd_test needs no tests

    return functools.partial(judge, capsys)


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


def test_the_lines_that_are_judged_by_are_the_notebooks():
    from support.report import source  # here: it needs more than sgd_test does

    text = source(ROOT, "gradient_descent", "manual_sgd_step").replace("momentum_buffer", "v")
    (loop,) = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.For))
    assert ast.unparse(loop) == ast.unparse(ast.parse(STEP))


def step_of(mistake):
    return planted_step(tuple(line for line in mistake.lines if line[0] in STEP_LINES))


@pytest.mark.parametrize("mistake", PLANTED_STEPS, ids=wrong_line)
def test_planted_step_is_rejected(mistake):
    moves = "parameters differ at step 1, " if "p += " in mistake.wrong else ""
    with pytest.raises(AssertionError, match=moves or r" at step \d+, parameter \d, "):
        check_update(step_of(mistake))


def test_sgd_test_finds_the_right_ones_equal_to_the_last_bit(part2, judge):
    judged = [({"train_manual_update": part2.train_manual_update}, 7)]
    judged += [({"train_manual_update": planted_training()}, 7)]
    judged += [({"step": step}, 9) for step in (part2.manual_sgd_step, planted_step())]
    for by_name, count in judged:
        verdict, checks, said = judge(**by_name, exact=True)
        assert verdict is True
        assert said.endswith(f"precision sgd_test: {count} of {count} checks passed")
        assert all(line.endswith(": equal to the last bit") for line in checks), checks


@pytest.mark.parametrize("mistake", MISTAKES, ids=wrong_line)
def test_planted_training_is_rejected_and_named(mistake, judge):
    verdict, _, said = judge(planted_training(mistake.lines))
    assert verdict is False and said.count("The mistake: ") == 1
    told = of_mistake(replace(mistake, look=PLAIN.get(mistake.look, mistake.look)), **TOLD)
    assert " ".join(" ".join(told).split()) in said


@pytest.mark.parametrize("mistake", PLANTED_STEPS, ids=wrong_line)
def test_planted_step_is_named(mistake, judge):
    verdict, _, said = judge(step=step_of(mistake))
    assert verdict is (mistake.wrong in RIGHT_IN_A_LOOP)
    assert said.count("The mistake: ") == (not verdict)
    assert f"{mistake.words}." in said


def test_the_lines_that_are_shown(judge):
    """The right one and what yours may read; README's example has its own test."""
    (uphill,) = (mistake for mistake in MISTAKES if "uphill" in mistake.words)
    plain = "Look at: p -= learning_rate * g yours may read: p += learning_rate * g sgd_test: 0 of"
    assert plain in judge(planted_training(uphill.lines))[2]


BAD = [{name: -0.1} for name in ("learning_rate", "momentum", "weight_decay")]
BAD += [dict(nesterov=True), dict(nesterov=True, momentum=0.9, dampening=0.1)]
BAD += [{name: math.nan} for name in ("learning_rate", "momentum", "weight_decay", "dampening")]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_step_refuses_bad_values_and_moves_nothing(part2, bad):
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
