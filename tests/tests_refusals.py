"""Calls that a backward pass must refuse, and say why: wrong shapes, a stale forward pass."""

import pytest
import torch

from checks.gradients import autograd_of, compare_all, gradients_by, tolerance_of
from checks.habits import PLAIN
from checks.nets import SMOOTH, Case, copy_of, gradients_of, make_case


def refusal(case, what, call):
    """The words with which `call` is refused; an AssertionError where it is accepted."""
    try:
        call()
    except (ValueError, RuntimeError) as error:
        return str(error)
    raise AssertionError(f"{case}: {what} is accepted")


def check_refuses(backward, case):
    """Shapes that differ or would broadcast, a stale or missing forward pass.

    Targets of shape (N, 1) are accepted: one number for all outputs of their sample.
    """
    y, shape = case.y, tuple(case.y.shape)
    one = Case(case.model, case.x, y[:, :1], case.text + ", one target a sample")
    expanded = Case(case.model, case.x, y[:, :1].expand(shape).clone(), one.text)
    tolerance = tolerance_of(case)
    try:
        ours = gradients_by(backward, one)
    except (ValueError, RuntimeError) as error:
        raise AssertionError(f"targets of shape (N, 1) are refused: {error}") from error
    compare_all(one, ours, *autograd_of(expanded, tolerance), tolerance)
    targets = [y[:1], y[0], y[0, 0], y[None], torch.cat([y, y]), y.T, y.flatten()]
    targets += [y[:, 0], y[:1, :1], torch.cat([y, y], 1)]
    for target in targets:
        if target.shape in (y.shape, (len(y), 1)):
            continue
        model = copy_of(case.model)
        y_pred = model(case.x)
        what = f"a target of shape {tuple(target.shape)} for outputs of shape {shape}"
        words = refusal(case, what, lambda m=model, t=target, p=y_pred: backward(m, t, p))
        for met in (tuple(target.shape), shape):
            assert str(met) in words, f"the refusal of {what} does not name {met}: {words}"
        untouched = all(gradient is None for gradient in gradients_of(model).values())
        assert untouched, f"{what} is refused, but some gradients are set"
    model = copy_of(case.model)
    words = refusal(case, "no forward pass", lambda: backward(model, y, y))
    assert "forward" in words, f"the refusal without a forward pass says: {words}"
    for other in (case.x + 1, torch.cat([case.x, case.x])):
        y_pred = model(case.x).detach().clone()
        model(other)
        what = f"y_pred of another forward pass, whose x was {tuple(other.shape)},"
        words = refusal(case, what, lambda p=y_pred: backward(model, y, p))
        for part in ("forward pass", str(shape)):
            assert part in words, f"the refusal of {what} does not name {part}: {words}"


def ignoring_wrong_calls(model, y_true, y_pred):
    if y_true.shape in (y_pred.shape, (len(y_pred), 1)):
        PLAIN(model, y_true, y_pred)


def reshaping_targets(model, y_true, y_pred):
    same_count = y_true.numel() == y_pred.numel()
    PLAIN(model, y_true.reshape(y_pred.shape) if same_count else y_true, y_pred)


def refusing_broadcasts(model, y_true, y_pred):
    if y_true.shape != y_pred.shape:
        raise ValueError(f"shapes {tuple(y_true.shape)} and {tuple(y_pred.shape)} differ")
    PLAIN(model, y_true, y_pred)


INTERFACE_FAULTS = {  # right numbers for right calls, but wrong calls get wrong numbers
    "no shapes checked": PLAIN,
    "targets broadcast": lambda m, y, p: PLAIN(m, torch.broadcast_to(y, p.shape), p),
    "targets reshaped": reshaping_targets,
    "the last forward pass used": lambda m, y, p: PLAIN(m, y, m.a[m.L]),
    "wrong calls ignored": ignoring_wrong_calls,
    "one target a sample refused": refusing_broadcasts,
}


@pytest.mark.parametrize(
    "n_l, batch", [([2, 3, 2], 4), ([3, 3], 3), ([1, 4, 5], 1), ([4, 2, 1], 2), ([2] * 4, 6)]
)
def test_wrong_calls_are_refused(backward, part1, n_l, batch):
    check_refuses(backward, make_case(part1.MyNet, n_l, batch, SMOOTH, seed=batch))


@pytest.mark.parametrize("name", INTERFACE_FAULTS)
def test_interface_fault_is_noticed(case, name):
    with pytest.raises(AssertionError):
        check_refuses(INTERFACE_FAULTS[name], case)


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
