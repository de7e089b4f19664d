"""Part 1 checked: pytest on the notebook's backward pass. Hands on main_test()."""

import pytest
import torch

from checks.cases import (
    SMOOTH,
    Case,
    copy_of,
    gradients_of,
    make_case,
    run,
    small_cases,
)
from checks.gradients import (
    WRONG_SLOPES,
    check_against_autograd,
    check_batch_is_sum,
    check_central_differences,
    check_complex_step,
    check_dtypes,
    check_gradcheck,
    check_inner_products,
    check_nan_stays,
    check_nothing_else_changes,
    check_optimizer,
    check_refuses,
    check_repeat,
    check_trainable,
    check_without_autograd,
    compare,
    refusal,
)
from checks.planted_gradients import INTERFACE_FAULTS, PLAIN, PLANTED_BUGS
from checks.verdicts import judges, main_test, rejections, verdict


def test_every_check_accepts_the_right_pass(backward, part1):
    assert not list(rejections(backward, part1.MyNet))


def test_every_check_accepts_another_right_pass(part1):
    assert not list(rejections(PLAIN, part1.MyNet))


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_planted_bug_is_rejected(part1, name):
    found = next(rejections(PLANTED_BUGS[name], part1.MyNet), None)
    assert found is not None, f"{name}: no check rejects it"


@pytest.mark.parametrize("name", PLANTED_BUGS)
def test_main_test_rejects_the_planted_bug(part1, name, capsys):
    model = make_case(part1.MyNet, [2, 3, 2], 1, seed=1).model
    assert main_test(PLANTED_BUGS[name], model) is False, name
    assert "FAILED" in capsys.readouterr().out


def test_a_planted_bug_is_named_with_all_that_replays_it(part1):
    """The message names net, batch, parameter, both values and the seed."""
    words = dict(rejections(PLANTED_BUGS["factor 2 forgotten"], part1.MyNet))
    for check in ("check_against_autograd", "check_central_differences", "check_complex_step"):
        for part in ("net [2, 3, 2]", "batch 4", "seed 1", "dL_dw[1]["):
            assert part in words[check], words[check]


PROVED_BY = {  # each check can fail: a bug that it rejects
    check_against_autograd: "off by one part in 1e10",
    check_central_differences: "sign",
    check_complex_step: "single precision of a",
    check_gradcheck: "derivative at a",
    check_inner_products: "weight not transposed when square",
    check_batch_is_sum: "divided by the batch",
    check_repeat: "weights of the first call",
    check_nothing_else_changes: "weights moved by one bit",
    check_nan_stays: "NaN hidden",
    check_without_autograd: "autograd, on the graph",
    check_dtypes: "wrong in single precision",
    check_optimizer: "NaN in one entry",
    check_trainable: "weights frozen",
}


@pytest.mark.parametrize("check", PROVED_BY, ids=lambda check: check.__name__)
def test_each_check_can_fail(part1, check):
    cases = dict(judges(part1.MyNet))[check]
    assert verdict(PLANTED_BUGS[PROVED_BY[check]], check, cases) is not None


def test_nan_and_infinity_fail_every_comparison(part1):
    case = small_cases(part1.MyNet)[0]
    good = torch.ones(2, dtype=torch.double)
    compare(case, "g", good, good, 1e-12)
    for value in (float("nan"), float("inf"), -float("inf")):
        bad = torch.tensor([1.0, value], dtype=torch.double)
        for ours, other in ((good, bad), (bad, good), (bad, bad)):
            with pytest.raises(AssertionError):
                compare(case, "g", ours, other, 1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_wrong_calls_are_refused(backward, part1, seed):
    sizes = [([2, 3, 2], 4), ([3, 3], 3), ([1, 4, 5], 1), ([4, 2, 1], 2), ([2, 2, 2, 2], 6)]
    check_refuses(backward, make_case(part1.MyNet, *sizes[seed], SMOOTH, seed=seed))


@pytest.mark.parametrize("name", INTERFACE_FAULTS)
def test_interface_fault_is_rejected(part1, name):
    case = make_case(part1.MyNet, [2, 3, 2], 4, SMOOTH, seed=1)
    assert verdict(INTERFACE_FAULTS[name], check_refuses, [case]) is not None


def test_y_pred_is_compared_in_every_bit(backward, part1):
    """A copy of the right values is right, NaN included; one bit more is stale."""
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    for spoil in (False, True):
        if spoil:
            case.x[0, 0] = float("nan")
        model = copy_of(case.model)
        y_pred = model(case.x).detach().clone()
        backward(model, case.y, y_pred)
        y_pred[-1, -1] = torch.nextafter(y_pred[-1, -1], y_pred.new_tensor(9.0))
        words = refusal(case, "one bit more", lambda m=model, p=y_pred: backward(m, case.y, p))
        assert "forward pass" in words


def test_y_pred_in_another_precision_is_refused(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    y_pred = case.model(case.x).float()
    words = refusal(case, "single precision", lambda: backward(case.model, case.y, y_pred))
    assert "float32" in words and "float64" in words


def test_a_pass_that_fails_leaves_no_old_gradient(part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, ["sin"], seed=1)
    model = run(part1.backpropagation, case)
    model.df[2] = WRONG_SLOPES["one row"]
    y_pred = model(case.x)
    refusal(case, "one row", lambda: part1.backpropagation(model, case.y, y_pred))
    assert all(gradient is None for gradient in gradients_of(model).values())


@pytest.mark.parametrize("name", ["sign", "NaN", "off by one part in 1e10"])
def test_the_comparison_in_the_notebook_can_fail(part1, name):
    with pytest.raises(AssertionError):
        part1.assert_like_autograd(PLANTED_BUGS[name])


def test_central_differences_reach_1e_7_unaided(backward, part1):
    """No allowance for rounding is needed on small nets: the error itself is below 1e-7."""
    for case in small_cases(part1.MyNet)[:4]:
        assert check_central_differences(backward, case) < 1e-7, case


def test_a_net_worked_by_hand(backward, part1):
    """x = (1, 2), identity below, square above; every number can be followed on paper.

    z1 = W1 x + b1 = (1 + 4 + 0, 3 - 2 + 1) = (5, 2) = a1
    z2 = W2 a1 + b2 = 2 * 5 - 3 * 2 - 1 = 3, a2 = z2^2 = 9, y = 8, L = (9 - 8)^2 = 1
    dL/da2 = 2 (9 - 8) = 2, dL/dz2 = 2 * 2 z2 = 12, dL/dw2 = 12 (5, 2) = (60, 24), dL/db2 = 12
    dL/da1 = W2^T 12 = (24, -36) = dL/dz1 = dL/db1, dL/dw1 = ((24, 48), (-36, -72))
    """
    model = part1.MyNet([2, 2, 1]).double()
    model.f = {1: lambda z: z * 1, 2: torch.square}
    model.df = {1: torch.ones_like, 2: lambda z: 2 * z}
    numbers = ([[1, 2], [3, -1]], [0, 1], [[2, -3]], [-1])
    with torch.no_grad():
        for parameter, values in zip(model.parameters(), numbers, strict=True):
            parameter.copy_(torch.tensor(values))
    case = Case(model, torch.tensor([[1.0, 2]]).double(), torch.tensor([[8.0]]).double(), "by hand")
    model = run(backward, case)
    assert model.a[2].item() == 9
    assert model.dL_dw[2].tolist() == [[60, 24]]
    assert model.dL_db[2].tolist() == [12]
    assert model.dL_dw[1].tolist() == [[24, 48], [-36, -72]]
    assert model.dL_db[1].tolist() == [24, -36]
