"""Single checks: what they see, and what they say; the form that is asked of a net."""

import pytest
import torch

from checks.form import form_problem
from checks.gradients import (
    check_central_differences,
    check_nothing_else_changes,
    check_optimizer,
    sgd_step,
)
from checks.habits import PLAIN
from checks.nets import make_case, small_cases
from checks.reference import END, backward_with
from checks.trainings import same_parameters
from checks.wrong_passes import PLANTED

MANNERS = {  # what else the pass changes: what the message names
    "df[1] = torch.ones_like": "df[1]",
    "f[L] = torch.sin": "f[2]",
    "z[1] = None": "z[1]",
    "a[1].zero_()": "a[1]",
    "for p, g in pairs(): p.requires_grad_(False)": "fc.1.weight.requires_grad",
    "for p, g in pairs(): p.grad = None": "fc.1.weight.grad",
    "y_true.zero_()": "y_true",
    "torch.manual_seed(0)": "torch's random state",
    "for p, g in pairs(): p.mul_(1 + torch.finfo(p.dtype).eps)": "fc.1.weight",
    "model.eval()": ".training",
}


@pytest.mark.parametrize("name", MANNERS)
def test_what_else_is_changed_is_named(case, name):
    with pytest.raises(AssertionError) as caught:
        check_nothing_else_changes(PLANTED[name].backward(), case)
    assert MANNERS[name] in str(caught.value)


def test_central_differences_see_one_part_in_a_million(case):
    check_central_differences(PLAIN, case)
    with pytest.raises(AssertionError, match="no h of"):
        check_central_differences(backward_with((END, "edit(lambda g: g * (1 + 1e-6))")), case)
    with pytest.raises(AssertionError, match="no h of"):  # too coarse a step, and no other
        check_central_differences(PLAIN, case, steps=(1e-2,))


def test_the_step_of_the_optimizer_check_is_that_of_sgd(part1):
    ours, theirs = (make_case(part1.MyNet, [3, 4, 2], 1, seed=1).model for _ in range(2))
    for model in (ours, theirs):
        for parameter in model.parameters():
            parameter.grad = torch.cos(parameter.detach())
    sgd_step(ours, 0.1)
    torch.optim.SGD(theirs.parameters(), lr=0.1).step()
    assert same_parameters(ours, theirs)


def test_nan_in_a_weight_is_told_as_what_it_is(case):
    case.model.fc["1"].weight.data[0, 0] = float("nan")
    assert 'fc["1"].weight holds NaN' in form_problem(PLAIN, case.model)


@torch.no_grad()
def step(model, lr, end=None):
    for p in list(model.parameters())[:end]:
        p.add_(p.grad, alpha=-lr)


WRONG_STEPS = {
    "never steps": lambda model, lr: None,
    "steps one layer": lambda model, lr: step(model, lr, 2),
    "one bias forgotten": lambda model, lr: step(model, lr, -1),
    "another learning rate": lambda model, lr: step(model, 1.001 * lr),
    "zeroes the gradient first": lambda model, lr: [p.grad.zero_() for p in model.parameters()],
}


def test_a_right_optimizer_is_accepted_and_a_wrong_one_is_not(part1, case):
    for right in small_cases(part1.MyNet):
        check_optimizer(part1.backpropagation, right, step)
    for name, wrong in WRONG_STEPS.items():
        with pytest.raises(AssertionError, match=r"fc\.[12]"):
            check_optimizer(part1.backpropagation, case, wrong)
            pytest.fail(name)
