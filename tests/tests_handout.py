"""The hand-out's own test, as gradient_checks rebuilds it, in the place of this repository's."""

import support

import nbformat
import pytest
import torch

from tests.programs.passes.wrong_loss import target_minus_output


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.double)  # as the notebook does
    yield
    torch.set_default_dtype(torch.float)


@pytest.mark.parametrize(
    ("data", "shapes"), [("toy", ((1, 2), (1, 2))), ("MNIST", ((1, 1), (1, 10)))]
)
def test_it_accepts_the_notebooks_pass_on_all_four_counts(backward, gradient_checks, data, shapes):
    """Its MNIST targets have the shape (1, 1) against outputs of (1, 10)."""
    seen = set()

    def watched(model, y_true, y_pred):
        seen.add((tuple(y_true.shape), tuple(y_pred.shape)))
        backward(model, y_true, y_pred)

    passed = gradient_checks.handout_verdicts(watched, data)
    assert list(passed.values()) == [True] * 4 and seen == {shapes}


def halve_a_gradient_of(linear):
    linear.weight.grad = linear.weight.grad / 2


def move(linear):
    linear.weight.add_(0.01)


def replace(linear):
    linear.weight.data = linear.weight + 1  # no longer the tensor whose alias the test has kept


@pytest.mark.parametrize(
    ("change", "fails"),
    [
        (halve_a_gradient_of, {"autograd"}),
        (move, {"differences"}),
        (replace, {"differences", "weights moved"}),
    ],
)
def test_each_check_can_fail(part1, gradient_checks, change, fails):
    def wrong(model, y_true, y_pred):
        part1.backpropagation(model, y_true, y_pred)
        with torch.no_grad():
            change(model.fc["1"])

    passed = gradient_checks.handout_verdicts(wrong, "toy")
    assert {name for name, verdict in passed.items() if not verdict} == fails
    model = part1.MyNet([2, 3, 2])
    assert gradient_checks.handout_attached(model)
    linear, bias = model.fc["1"], model.fc["1"].bias
    del linear._parameters["bias"]
    with torch.enable_grad():
        linear._parameters["bias"] = torch.nn.Parameter(bias.clone()) * 1  # no longer a leaf
    assert not gradient_checks.handout_attached(model)


def test_differences_see_every_entry(part1, gradient_checks, case):
    x, y_true = case.x[:1], case.y[:1]
    part1.backpropagation(case.model, y_true, case.model(x))
    assert gradient_checks.residual_of_differences(case.model, x, y_true) < 1e-7
    for gradient in part1.gradients(case.model):
        for entry in range(gradient.numel()):
            gradient.view(-1)[entry] += 0.1
            assert gradient_checks.residual_of_differences(case.model, x, y_true) > 1e-4
            gradient.view(-1)[entry] -= 0.1


def test_it_rejects_a_wrong_pass_and_one_that_raises(gradient_checks):
    assert not gradient_checks.handout_accepts(target_minus_output)
    assert not gradient_checks.handout_accepts(lambda *_: 1 / 0)
    passed = gradient_checks.handout_verdicts(target_minus_output, "toy")
    assert not passed["autograd"] and not passed["differences"]


@pytest.mark.parametrize("verdict", [None, True])
def test_what_another_main_test_prints_is_seen_unless_it_says_true(part1, capsys, verdict):
    """The notebook's cell about images calls nothing right that was not told to be."""

    def another(*_, **__):
        print("FAILED: 0 / 4")
        return verdict

    cells = nbformat.read(support.ROOT / "backpropagation.ipynb", as_version=4).cells
    (cell,) = [c.source for c in cells if c.cell_type == "code" and "data=DATA" in c.source]
    exec(cell, vars(part1) | {"main_test": another, "RUN_MODE": "stand-in"})
    expected = "main_test on these images: right" if verdict else "FAILED: 0 / 4"
    assert capsys.readouterr().out == f"{expected}\n"
