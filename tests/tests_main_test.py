"""main_test from outside: what it accepts, prints, refuses and leaves alone."""

import pytest
import torch

from checks.cases import copy_of, gradients_of, loss_of, make_case, small_cases
from checks.gradients import check_optimizer, sgd_step, snapshot
from checks.planted_gradients import PLANTED_BUGS
from checks.verdicts import main_test


@pytest.mark.parametrize("names", [None, ["sigmoid"], ["relu"], ["identity", "sin"]])
@pytest.mark.parametrize("n_l", [[2, 3, 2], [1, 1], [4, 4, 4, 4, 1], [7, 5]])
def test_main_test_accepts_the_right_pass(backward, part1, n_l, names, capsys):
    model = make_case(part1.MyNet, n_l, 1, names, seed=1).model
    assert main_test(backward, model) is True
    assert "FAILED" not in capsys.readouterr().out


def test_main_test_accepts_nets_at_their_edge(part1):
    for scale in (0, 1e-3, 5, 20, 100):
        for dtype in (torch.double, torch.float):
            model = make_case(part1.MyNet, [2, 3, 2], 1, seed=2, dtype=dtype).model
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter *= scale
            assert main_test(part1.backpropagation, model) is True, (scale, dtype)


def test_main_test_leaves_everything_as_it_was(part1):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    model, x = case.model, case.x
    y_pred = model(x)
    loss_of(model, x, case.y).backward()
    part1.backpropagation(model, case.y, model(x))
    before = snapshot(model, gradients_of(model) | {"x": x, "y_pred": y_pred})
    bugs = ("default dtype set", "autograd left off", "seed set", "target changed", "NaN")
    for backward in (part1.backpropagation, *(PLANTED_BUGS[name] for name in bugs)):
        main_test(backward, model)
        assert snapshot(model, gradients_of(model) | {"x": x, "y_pred": y_pred}) == before


def test_main_test_hands_over_targets_of_the_outputs_shape(part1):
    seen = set()

    def spy(model, y_true, y_pred):
        seen.add((tuple(y_true.shape) == tuple(y_pred.shape), len(y_true) > 1))
        part1.backpropagation(model, y_true, y_pred)

    assert main_test(spy, part1.MyNet([576, 4, 10]), data="stand-in")
    assert seen == {(True, False), (True, True)}


def test_main_test_works_where_autograd_is_off(part1):
    with torch.no_grad():
        assert main_test(part1.backpropagation, part1.MyNet().double()) is True
        assert main_test(PLANTED_BUGS["sign"], part1.MyNet().double()) is False


def test_main_test_fails_frozen_parameters(part1, capsys):
    model = part1.MyNet([2, 3, 2]).double()
    model.fc["2"].bias.requires_grad_(False)
    assert main_test(part1.backpropagation, model) is False
    assert "fc.2.bias requires no gradient" in capsys.readouterr().out


def test_main_test_fails_a_wrong_derivative(part1):
    model = part1.MyNet([2, 3, 2]).double()
    model.f[1] = torch.sigmoid  # and df[1] is still that of tanh
    assert main_test(part1.backpropagation, model) is False


def test_main_test_shows_every_case_when_verbose(part1, capsys):
    assert main_test(part1.backpropagation, part1.MyNet().double(), verbose=True)
    printed = capsys.readouterr().out
    assert "batch 300" in printed and "seed 1" in printed


def test_main_test_refuses_unknown_data(part1):
    with pytest.raises(ValueError, match=r"toy.*mnist.*stand-in.*'imagenet'"):
        main_test(part1.backpropagation, part1.MyNet(), data="imagenet")
    with pytest.raises(ValueError, match=r"576.*n_l\[0\] is 2"):
        main_test(part1.backpropagation, part1.MyNet(), data="mnist")


def test_main_test_on_mnist(mnist, part1, capsys):
    model = part1.MyNet([576, 32, 10]).double()
    assert main_test(part1.backpropagation, model, data="mnist") is True
    assert main_test(PLANTED_BUGS["divided by the outputs"], model, data="mnist") is False
    assert "MNIST" in capsys.readouterr().out


def step_of_one_layer(model, learning_rate):
    torch.optim.SGD(model.fc["1"].parameters(), lr=learning_rate).step()


def copy_with_grad(model):
    twin = copy_of(model)
    for parameter, original in zip(twin.parameters(), model.parameters(), strict=True):
        parameter.grad = original.grad
    return twin


WRONG_STEPS = {
    "never steps": lambda model, learning_rate: None,
    "steps one layer": step_of_one_layer,
    "steps twice": lambda model, lr: (sgd_step(model, lr), sgd_step(model, lr)),
    "steps uphill": lambda model, lr: sgd_step_by_hand(model, -lr),
    "another learning rate": lambda model, lr: sgd_step(model, 1.001 * lr),
    "steps a copy": lambda model, lr: sgd_step(copy_with_grad(model), lr),
    "zeroes the gradient first": lambda model, lr: (model.zero_grad(), sgd_step(model, lr)),
    "one bias forgotten": lambda model, lr: torch.optim.SGD(
        list(model.parameters())[:-1], lr=lr
    ).step(),
}


@torch.no_grad()
def sgd_step_by_hand(model, learning_rate):
    for parameter in model.parameters():
        parameter.add_(parameter.grad, alpha=-learning_rate)


def test_a_right_optimizer_is_accepted(part1):
    for case in small_cases(part1.MyNet):
        for step in (sgd_step, sgd_step_by_hand):
            check_optimizer(part1.backpropagation, case, step)


@pytest.mark.parametrize("name", WRONG_STEPS)
def test_a_wrong_optimizer_is_rejected(part1, name):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    with pytest.raises(AssertionError, match=r"fc\.[12]"):
        check_optimizer(part1.backpropagation, case, WRONG_STEPS[name])
