"""Gradients that are 0, inputs at the edge of what numbers can hold, unusual layers."""

import pytest
import torch

from checks import gradients
from checks.difference import bits
from checks.nets import SMOOTH, Case, copy_of, gradients_of, make_case, parameters_of, run


def test_an_exact_fit_and_an_empty_batch_have_no_gradient(backward, part1):
    exact = make_case(part1.MyNet, [3, 4, 2], 6, SMOOTH, seed=6)
    exact.y = copy_of(exact.model)(exact.x).detach()
    for case in (exact, make_case(part1.MyNet, [2, 3, 2], 0)):
        for name, parameter, found, layer in parameters_of(run(backward, case)):
            assert torch.equal(found[layer], torch.zeros_like(parameter)), f"{case}: {name}"


@pytest.mark.parametrize("names", [None, ("tanh",), ("sigmoid", "sin"), ("identity",)])
def test_huge_and_tiny_inputs(backward, part1, names):
    """Whatever autograd gives, infinity and NaN in the same places included."""
    for scale in (1e150, 1e-150, 1e-300):
        case = make_case(part1.MyNet, [3, 4, 2], 5, names, seed=1)
        case.x *= scale
        ours, (expected, _) = gradients_of(run(backward, case)), gradients.autograd_of(case, 1e-12)
        torch.testing.assert_close(ours, expected, rtol=1e-10, atol=0, equal_nan=True)


@pytest.mark.parametrize("where", ["x", "y", "weight"])
def test_nan_in_gives_nan_out_and_a_failed_check(backward, case, where):
    target = {"x": case.x, "y": case.y, "weight": case.model.fc["1"].weight.data}[where]
    target[0, 0] = float("nan")
    assert all(torch.isnan(found).any() for found in gradients_of(run(backward, case)).values())
    for name in ("against_autograd", "central_differences", "batch_is_sum"):
        with pytest.raises(AssertionError):
            getattr(gradients, f"check_{name}")(backward, case)


def test_targets_of_another_dtype_and_layout(backward, part1):
    case = make_case(part1.MyNet, [3, 4, 2], 2, SMOOTH, seed=3)
    for y in (torch.tensor([[0, 1], [2, 3]]), torch.tensor([[True, False], [False, True]])):
        given, as_double = (
            gradients_of(run(backward, Case(case.model, case.x, target, "")))
            for target in (y, y.double())
        )
        assert bits(tuple(given.values())) == bits(tuple(as_double.values()))
    case.x, case.y = case.x.T.contiguous().T, case.y.T.contiguous().T
    gradients.check_against_autograd(backward, case)


def test_unusual_layers(backward, case):
    """Frozen parameters, another f with the slope of tanh, a slope given as a plain number."""
    case.model.fc["1"].requires_grad_(False)
    gradients.check_against_autograd(backward, case)
    gradients.check_nothing_else_changes(backward, case)
    case.model.requires_grad_(True)
    case.model.f = dict.fromkeys(case.model.f, lambda z: torch.tanh(z) + 1)
    gradients.check_against_autograd(backward, case)
    case.model.f = dict.fromkeys(case.model.f, lambda z: z * 1)
    for one in (1.0, torch.ones((), dtype=torch.double)):
        case.model.df = dict.fromkeys(case.model.df, lambda z, one=one: one)
        gradients.check_against_autograd(backward, case)
