"""Gradients known in closed form, and inputs at the edge of what numbers can hold."""

import pytest
import torch

from checks.cases import SMOOTH, Case, copy_of, gradients_of, make_case, parameters_of, run
from checks.gradients import (
    autograd_of,
    check_against_autograd,
    check_batch_is_sum,
    check_central_differences,
    check_inner_products,
    check_nothing_else_changes,
    compare,
)
from checks.shared import bits
from checks.verdicts import verdict


def test_one_linear_layer_has_the_normal_equations_gradient(backward, part1):
    case = make_case(part1.MyNet, [5, 1], 20, ["identity"], seed=4)
    case.model.fc["1"].bias.data.zero_()
    X, y, w = case.x, case.y, case.model.fc["1"].weight.detach().T
    model = run(backward, case)
    compare(case, "dL_dw[1]", model.dL_dw[1], (2 * X.T @ (X @ w - y)).T, 1e-13)
    compare(case, "dL_db[1]", model.dL_db[1], 2 * (X @ w - y).sum(0), 1e-13)


def test_least_squares_solution_has_no_gradient(backward, part1):
    case = make_case(part1.MyNet, [3, 2], 30, ["identity"], seed=5)
    ones = torch.cat([case.x, torch.ones(30, 1, dtype=torch.double)], 1)
    solution = torch.linalg.lstsq(ones, case.y).solution.T
    with torch.no_grad():
        case.model.fc["1"].weight.copy_(solution[:, :3])
        case.model.fc["1"].bias.copy_(solution[:, 3])
    for name, gradient in gradients_of(run(backward, case)).items():
        assert gradient.abs().max() < 1e-12, f"{case}: {name} is {gradient}"


def test_an_exact_fit_has_zero_gradient(backward, part1):
    case = make_case(part1.MyNet, [3, 4, 2], 6, SMOOTH, seed=6)
    case.y = copy_of(case.model)(case.x).detach()
    for name, gradient in gradients_of(run(backward, case)).items():
        assert torch.equal(gradient, torch.zeros_like(gradient)), f"{case}: {name}"


@pytest.mark.parametrize("scale", [1e150, 1e-150, 1e-300])
@pytest.mark.parametrize("names", [None, ("tanh",), ("sigmoid", "sin"), ("identity",)])
def test_huge_and_tiny_inputs(backward, part1, scale, names):
    """Whatever autograd gives, infinity and NaN in the same places included."""
    case = make_case(part1.MyNet, [3, 4, 2], 5, names, seed=1)
    case.x *= scale
    case.text += f", inputs times {scale:g}"
    expected, _ = autograd_of(case, 1e-12)
    ours = gradients_of(run(backward, case))
    for name, gradient in ours.items():
        message = f"{case}: {name} is {gradient}, autograd gives {expected[name]}"
        torch.testing.assert_close(
            gradient, expected[name], rtol=1e-10, atol=0, equal_nan=True, msg=message
        )


@pytest.mark.parametrize("scale", [3, 10, 30, 1e3, 1e6])
def test_saturated_tanh(backward, part1, scale):
    for seed in range(5):
        case = make_case(part1.MyNet, [3, 4, 2], 2, seed=seed)
        with torch.no_grad():
            for parameter in case.model.parameters():
                parameter *= scale
        case.text += f", weights times {scale:g}"
        check_against_autograd(backward, case)
        for name, gradient in gradients_of(run(backward, case)).items():
            assert torch.isfinite(gradient).all(), f"{case}: {name} is {gradient}"


@pytest.mark.parametrize("where", ["x", "y", "weight"])
def test_nan_in_gives_nan_out_and_a_failed_check(backward, part1, where):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    target = {"x": case.x, "y": case.y, "weight": case.model.fc["1"].weight.data}[where]
    target[0, 0] = float("nan")
    gradients = gradients_of(run(backward, case))
    assert all(torch.isnan(gradient).any() for gradient in gradients.values())
    for check in (check_against_autograd, check_central_differences, check_batch_is_sum):
        assert verdict(backward, check, [case]) is not None, check.__name__


def test_targets_of_another_dtype_and_layout(backward, part1):
    case = make_case(part1.MyNet, [3, 4, 2], 2, SMOOTH, seed=3)
    for y in (torch.tensor([[0, 1], [2, 3]]), torch.tensor([[True, False], [False, True]])):
        model = run(backward, Case(case.model, case.x, y, "whole numbers"))
        same = run(backward, Case(case.model, case.x, y.double(), "as double"))
        assert list(map(bits, gradients_of(model).values())) == list(
            map(bits, gradients_of(same).values())
        )
    strided = Case(case.model, case.x.T.contiguous().T, case.y.T.contiguous().T, case.text)
    check_against_autograd(backward, strided)


def test_an_empty_batch_has_zero_gradients(backward, part1):
    model = run(backward, make_case(part1.MyNet, [2, 3, 2], 0))
    for name, parameter, gradients, layer in parameters_of(model):
        assert torch.equal(gradients[layer], torch.zeros_like(parameter)), name


def test_frozen_layers_get_their_gradient(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=2)
    for parameter in case.model.fc["1"].parameters():
        parameter.requires_grad_(False)
    check_against_autograd(backward, case)
    check_nothing_else_changes(backward, case)


def test_a_slope_may_be_a_plain_number(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, ["identity"], seed=2)
    expected = gradients_of(run(backward, case))
    for one in (1.0, torch.ones((), dtype=torch.double)):
        case.model.df = dict.fromkeys(case.model.df, lambda z, one=one: one)
        for name, gradient in gradients_of(run(backward, case)).items():
            assert torch.equal(gradient, expected[name]), name


def test_another_f_with_the_slope_of_tanh(backward, part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    case.model.f = dict.fromkeys(case.model.f, lambda z: torch.tanh(z) + 1)
    check_against_autograd(backward, case)


@pytest.mark.slow
def test_a_large_net(part1):
    case = make_case(part1.MyNet, [3072, 512, 128, 32, 2], 16, seed=1)
    for check in (check_against_autograd, check_central_differences, check_inner_products):
        check(part1.backpropagation, case)
