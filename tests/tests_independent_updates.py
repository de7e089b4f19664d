"""sgd_test on updates that were written without a look at its planted mistakes."""

import re

import pytest
import torch

from tests.programs.loops_wrong import WRONG
from tests.programs.updates_right import RIGHT, in_loop, per_parameter
from tests_gradient_descent import sgd_test

CHECK = re.compile(r"    (?:(?:ok|passed) |FAILED)")


def judge(capsys, train, **options):
    """The verdict, the lines of the checks, and what is said beside them, in one line."""
    verdict = sgd_test(train, **options)
    title, *lines, count = capsys.readouterr().out.splitlines()
    assert title.startswith("sgd_test") and count.startswith("sgd_test")
    checks = [line for line in lines if CHECK.match(line)]
    return verdict, checks, " ".join(" ".join(x for x in lines if x not in checks).split())


def diagnosis_in(printed):
    """What names the mistake; without numbers, hyperparameters and the name of the function."""
    start = max(0, printed.find("The mistake"))
    return re.sub(r"\(learning_rate.*?\)|No mistake known.*", "", printed[start:])


@pytest.mark.parametrize("name", WRONG)
def test_wrong_update_is_rejected_in_words_that_name_the_cause(capsys, name):
    train, words = WRONG[name]
    verdict, checks, printed = judge(capsys, train)
    assert verdict is False
    assert any("FAILED" in check for check in checks)
    assert ("The mistake" in printed) is not ("RuntimeError" in words)
    diagnosis = diagnosis_in(printed)
    assert [w for w in words if not re.search(w, diagnosis)] == [], diagnosis


@pytest.mark.parametrize("name", RIGHT)
def test_right_update_passes_and_is_told_how_nearly(capsys, name):
    train, exact = RIGHT[name]
    verdict, checks, printed = judge(capsys, train)
    assert verdict is True
    assert len(checks) >= 7
    kinds = [("last bit" in check, "rounding" in check) for check in checks]
    assert all(bit != rounding for bit, rounding in kinds), checks
    assert all(bit for bit, _ in kinds) is exact, checks
    assert "mistake" not in printed
    assert exact or "To the last bit" in printed
    verdict, checks, _ = judge(capsys, train, exact=True)
    assert verdict is exact
    assert any("FAILED" in check for check in checks) is not exact


@in_loop
def no_decay_of_biases_and_buffers_kept(model, lr, mom, decay):
    for name, p in model.named_parameters():
        g = p.grad + decay * p if "weight" in name else p.grad
        p.velocity = mom * getattr(p, "velocity", 0) + g
        p -= lr * p.velocity


def never_cleared_and_forgotten(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for _ in range(n_epochs):
        v = {}
        for X, y in loader:
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p]


@per_parameter
def decay_doubled_and_dampened(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + (1 - mom) * (p.grad + 2 * decay * p)
    p -= lr * v[p]


TWO_MISTAKES = {
    no_decay_of_biases_and_buffers_kept: ("bias", "one call to the next"),
    never_cleared_and_forgotten: ("zero_grad", "forgotten at each epoch"),
    decay_doubled_and_dampened: ("decay .* twice", "dampened"),
}


@pytest.mark.parametrize("train", TWO_MISTAKES, ids=lambda train: train.__name__)
def test_two_mistakes_at_once_are_both_named(capsys, train):
    verdict, _, printed = judge(capsys, train)
    assert verdict is False
    diagnosis = diagnosis_in(printed)
    assert all(re.search(words, diagnosis) for words in TWO_MISTAKES[train]), diagnosis


def test_there_are_enough_of_them():
    assert len(WRONG) >= 30
    assert sum(exact for _, exact in RIGHT.values()) >= 5 <= sum(not e for _, e in RIGHT.values())


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


def test_a_bare_step_is_judged_with_the_switches_that_it_has(capsys, part2):
    verdict, checks, _ = judge(capsys, None, step=part2.manual_sgd_step, exact=True)
    assert verdict is True and sum("last bit" in check for check in checks) == len(checks)
    verdict, more_checks, _ = judge(capsys, None, step=step_with_switches)
    assert verdict is True and any("rounding" in check for check in more_checks)
    verdict, fewer_checks, _ = judge(capsys, None, step=step_without_switches)
    assert verdict is True and len(fewer_checks) < len(more_checks) < len(checks)
    for step, word in (
        (step_that_ignores_dampening, "dampening"),
        (step_that_keeps_no_buffer, "momentum"),
    ):
        verdict, _, printed = judge(capsys, None, step=step)
        assert verdict is False and word in diagnosis_in(printed)
