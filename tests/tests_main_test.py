"""main_test from outside: what it accepts, refuses and leaves alone."""

import pytest
import torch

from checks.gradients import check_optimizer, snapshot
from checks.main_test import main_test
from checks.nets import gradients_of, loss_of, make_case, small_cases
from checks.wrong_passes import PLANTED_GRADIENTS


@pytest.mark.slow
@pytest.mark.parametrize("names", [None, ["sigmoid"], ["relu"], ["identity", "sin"]])
@pytest.mark.parametrize("n_l", [[2, 3, 2], [1, 1], [4, 4, 4, 4, 1], [7, 5]])
def test_main_test_accepts_the_right_pass(backward, part1, n_l, names, capsys):
    model = make_case(part1.MyNet, n_l, 1, names, seed=1).model
    assert main_test(backward, model) is True
    printed = capsys.readouterr().out
    assert "FAILED" not in printed and "remark" not in printed


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=str)
@pytest.mark.parametrize("scale", [0, 1e-3, 5, 20, 100])
def test_main_test_accepts_nets_at_their_edge(part1, scale, dtype):
    model = make_case(part1.MyNet, [2, 3, 2], 1, seed=2, dtype=dtype).model
    for parameter in model.parameters():
        parameter.data *= scale
    assert main_test(part1.backpropagation, model) is True


@pytest.mark.parametrize("autograd", [True, False])
def test_main_test_tells_wrong_from_right(part1, case, autograd, capsys):
    """Whether many checks notice a mistake or one alone, and where autograd is off, too."""
    with torch.set_grad_enabled(autograd):
        assert main_test(part1.backpropagation, case.model, verbose=True) is True
        printed = capsys.readouterr().out
        assert "batch 300" in printed and "seed 1" in printed, "every case, when verbose"
        for name in ("sign", "NaN hidden", "wrong in single precision", "an exit"):
            assert main_test(PLANTED_GRADIENTS[name], case.model) is False, name
            assert "FAILED" in capsys.readouterr().out, name


def test_main_test_fails_a_wrong_model(part1, case, capsys):
    case.model.fc["2"].bias.requires_grad_(False)
    assert main_test(part1.backpropagation, case.model) is False
    assert "fc.2.bias requires no gradient" in capsys.readouterr().out
    case.model.requires_grad_(True)
    case.model.f[1] = torch.sigmoid  # and df[1] is still that of tanh
    assert main_test(part1.backpropagation, case.model) is False


@pytest.mark.slow
def test_main_test_leaves_everything_as_it_was(part1, case):
    model, y_pred = case.model, case.model(case.x)
    loss_of(model, case.x, case.y).backward()
    part1.backpropagation(model, case.y, model(case.x))
    tensors = {"x": case.x, "y_pred": y_pred}
    before = snapshot(model, gradients_of(model) | tensors)
    bugs = ("default dtype set", "autograd left off", "seed set", "target changed", "NaN")
    for backward in (part1.backpropagation, *map(PLANTED_GRADIENTS.get, bugs)):
        main_test(backward, model)
        assert snapshot(model, gradients_of(model) | tensors) == before


def test_main_test_hands_over_targets_of_the_outputs_shape(part1):
    seen = set()

    def spy(model, y_true, y_pred):
        seen.add((y_true.shape == y_pred.shape, len(y_true) > 1))
        part1.backpropagation(model, y_true, y_pred)

    assert main_test(spy, part1.MyNet([576, 4, 10]), data="stand-in")
    assert seen == {(True, False), (True, True)}


def test_main_test_refuses_unknown_data(part1, case):
    with pytest.raises(ValueError, match=r"toy.*mnist.*stand-in.*'imagenet'"):
        main_test(part1.backpropagation, case.model, data="imagenet")
    with pytest.raises(ValueError, match=r"576.*n_l\[0\] is 2"):
        main_test(part1.backpropagation, case.model, data="mnist")


def test_main_test_on_mnist(mnist, part1, capsys):
    model = part1.MyNet([576, 32, 10]).double()
    assert main_test(part1.backpropagation, model, data="mnist") is True
    assert main_test(PLANTED_GRADIENTS["divided by the outputs"], model, data="mnist") is False
    assert "MNIST" in capsys.readouterr().out


@torch.no_grad()
def step(parameters, lr):
    for p in parameters:
        p.add_(p.grad, alpha=-lr)


WRONG_STEPS = {
    "never steps": lambda parameters, lr: None,
    "steps one layer": lambda parameters, lr: step(parameters[:2], lr),
    "one bias forgotten": lambda parameters, lr: step(parameters[:-1], lr),
    "steps twice": lambda parameters, lr: step(parameters + parameters, lr),
    "steps uphill": lambda parameters, lr: step(parameters, -lr),
    "another learning rate": lambda parameters, lr: step(parameters, 1.001 * lr),
    "steps a copy": lambda parameters, lr: [p.add(p.grad, alpha=-lr) for p in parameters],
    "zeroes the gradient first": lambda parameters, lr: [p.grad.zero_() for p in parameters],
}


def test_a_right_optimizer_is_accepted(part1):
    for case in small_cases(part1.MyNet):
        check_optimizer(part1.backpropagation, case, lambda model, lr: step(model.parameters(), lr))


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_a_wrong_optimizer_is_rejected(part1, case, name):
    def wrong(model, lr):
        WRONG_STEPS[name](list(model.parameters()), lr)

    with pytest.raises(AssertionError, match=r"fc\.[12]"):
        check_optimizer(part1.backpropagation, case, wrong)
