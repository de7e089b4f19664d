"""Calls that a backward pass must refuse, and say why: wrong shapes, a stale forward pass."""

import pytest
import torch

from checks.gradients import autograd_of, compare_all, gradients_by, tolerance_of
from checks.nets import SMOOTH, Case, gradients_of, make_case

REFUSED = (ValueError, RuntimeError)
SIZES = [([2, 3, 2], 4), ([3, 3], 3), ([1, 4, 5], 1), ([4, 2, 1], 2), ([2] * 4, 6)]


@pytest.fixture(params=SIZES, ids=str)
def sized(request, part1):
    n_l, batch = request.param
    return make_case(part1.MyNet, n_l, batch, SMOOTH, seed=batch)


def test_one_target_a_sample_stands_for_all_its_outputs(backward, sized):
    y = sized.y[:, :1]
    one, expanded = (Case(sized.model, sized.x, t, "") for t in (y, y.expand_as(sized.y).clone()))
    tolerance = tolerance_of(sized)
    ours = gradients_by(backward, one)
    compare_all(one, ours, *autograd_of(expanded, tolerance), tolerance)


def test_targets_of_another_shape_are_refused(backward, sized):
    """With both shapes; nothing is broadcast, reshaped or set."""
    y, model = sized.y, sized.model
    targets = [y[:1], y[0], y[0, 0], y[None], torch.cat([y, y]), y.T, y.flatten()]
    targets += [y[:, 0], y[:1, :1], torch.cat([y, y], 1)]
    for target in targets:
        if target.shape not in (y.shape, (len(y), 1)):
            y_pred = model(sized.x)
            with pytest.raises(REFUSED) as caught:
                backward(model, target, y_pred)
            for met in (target.shape, y.shape):
                assert str(tuple(met)) in str(caught.value)
    assert all(gradient is None for gradient in gradients_of(model).values())


def test_a_missing_or_stale_forward_pass_is_refused(backward, sized):
    with pytest.raises(REFUSED, match="forward"):
        backward(sized.model, sized.y, sized.y)
    for other in (sized.x + 1, torch.cat([sized.x, sized.x])):
        y_pred = sized.model(sized.x).detach().clone()
        sized.model(other)
        with pytest.raises(REFUSED, match="forward pass") as caught:
            backward(sized.model, sized.y, y_pred)
        assert str(tuple(sized.y.shape)) in str(caught.value)


def test_y_pred_is_compared_in_every_bit(backward, case):
    """A copy of the right values is right, NaN included; one bit more is stale."""
    for first_input in (0.5, float("nan")):
        case.x[0, 0] = first_input
        y_pred = case.model(case.x).detach().clone()
        backward(case.model, case.y, y_pred)
        with pytest.raises(ValueError, match=r"float32.*float64"):
            backward(case.model, case.y, y_pred.float())
        y_pred[-1, -1] = torch.nextafter(y_pred[-1, -1], y_pred.new_tensor(9.0))
        with pytest.raises(ValueError, match="forward pass"):
            backward(case.model, case.y, y_pred)
