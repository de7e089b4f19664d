"""sgd_test on updates that were written without a look at its planted mistakes."""

import re

import pytest
import torch

from tests.helpers.judging import diagnosis_in, judge
from tests.programs.updates import fresh_right, right, wrong, wrong_loops

RIGHT = right.RIGHT | fresh_right.RIGHT
WRONG = wrong.WRONG | wrong_loops.WRONG


@pytest.mark.parametrize("program", WRONG.values(), ids=WRONG)
def test_wrong_update_is_rejected_in_words_that_name_the_cause(capsys, program):
    train, words = program
    verdict, _, said = judge(capsys, train)
    assert verdict is False
    assert ("The mistake" in said) is not ("RuntimeError" in words)
    diagnosis = diagnosis_in(said)
    assert "(seen in " not in said, "each of them is explained in all checks"
    assert [w for w in words if not re.search(w, diagnosis)] == [], diagnosis


@pytest.mark.parametrize("program", RIGHT.values(), ids=RIGHT)
def test_right_update_passes_and_is_told_how_nearly(capsys, program):
    train, exact = program
    verdict, checks, said = judge(capsys, train)
    assert verdict is True and len(checks) == 7
    kinds = [("last bit" in check, "rounding" in check) for check in checks]
    assert all(bit != rounding for bit, rounding in kinds), checks
    assert all(bit for bit, _ in kinds) is exact, checks
    assert "mistake" not in said
    assert exact or "To the last bit" in said
    assert judge(capsys, train, exact=True)[0] is exact


@torch.no_grad()
def step_with_switches(
    net, learning_rate, momentum, weight_decay, buffers, *, dampening=0.0, nesterov=False
):
    """A bare step that is right, in an order of operations that is not torch's."""
    for i, p in enumerate(net.parameters()):
        g = p.grad + weight_decay * p
        v = g if buffers[i] is None else momentum * buffers[i] + (1 - dampening) * g
        buffers[i] = v if momentum else None
        p -= learning_rate * (g + momentum * v if nesterov else v)


def step_without_switches(net, learning_rate, momentum, weight_decay, momentum_buffer):
    step_with_switches(net, learning_rate, momentum, weight_decay, momentum_buffer)


def step_that_ignores_dampening(net, lr, momentum, weight_decay, buffers, *, dampening=0.0):
    step_with_switches(net, lr, momentum, weight_decay, buffers)


def step_that_keeps_no_buffer(net, learning_rate, momentum, weight_decay, buffers):
    step_with_switches(net, learning_rate, momentum, weight_decay, [None] * len(buffers))


def test_a_bare_step_is_judged_with_the_switches_that_it_has(capsys):
    for step, count, missing in (
        (step_with_switches, 8, "maximize"),
        (step_without_switches, 6, "dampening, nesterov, maximize"),
    ):
        verdict, checks, said = judge(capsys, step=step)
        assert verdict is True and len(checks) == count
        assert any("rounding" in check for check in checks)
        assert f"not judged, since the step does not take it: {missing}." in said
    for step, word in (
        (step_that_ignores_dampening, "dampening"),
        (step_that_keeps_no_buffer, "momentum"),
    ):
        verdict, _, said = judge(capsys, step=step)
        assert verdict is False and word in diagnosis_in(said)
