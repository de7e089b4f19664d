"""The checks of part 1's equations: what is wrong is told at once, by equation and gradient."""

import re

from support.net_inputs import checked_targets

import pytest
import torch

from checks import equations
from checks.difference import Difference
from checks.equations import autograd_of_each, check_equation, check_equations
from checks.gradients import autograd_of
from checks.nets import Case, make_case
from checks.reference import backward_with
from checks.wrong_passes import BELOW, BIAS, ERROR, PLANTED, SLOPE, WEIGHTS
from tests.helpers.paper import net_on_paper
from tests.helpers.passes import RIGHT, TANH_ALONE, WRONG_NUMBERS

MANNERS = {"moves_the_weights": "fc.1.weight", "error_in_place": "y_pred"}  # what is said


@pytest.fixture
def paper(part1):
    """The notebook's net for pen and paper, with its batch."""
    return Case(*net_on_paper(part1.MyNet), "on paper")


def told_of(backward, paper):
    """What check_equations says of a wrong pass."""
    with pytest.raises(Difference) as caught:
        check_equations(backward, paper.model, paper.x, paper.y)
    return str(caught.value)


def test_autograd_gives_each_gradient(paper):
    found = autograd_of_each(paper.model, paper.x, paper.y)
    by_hand = {
        "dL_da[2]": [[2], [-2]], "dL_dz[2]": [[4], [8]], "dL_dw[2]": [[36, 76, 8]],
        "dL_db[2]": [12], "dL_da[1]": [[4, -4, 8], [8, -8, 16]],
        "dL_dz[1]": [[8, -8, 0], [32, -48, -32]], "dL_dw[1]": [[72], [-104], [-64]],
        "dL_db[1]": [40, -56, -32],
    }  # fmt: skip
    assert {name: value.tolist() for name, value in found.items()} == by_hand
    gradients, _ = autograd_of(paper, 1e-12)
    assert all(torch.equal(found[name], gradient) for name, gradient in gradients.items())
    assert paper.model.a[1] is None, "the model is left alone"


NAN = float("nan")
STUBS = {  # a wrong line of one equation: its number, the gradient, the line, what was met
    "y_pred - y": (1, "dL_da[2]", "y_pred - y", "shape (2, 1), [[1.0], [-1.0]]"),
    "targets broadcast": (1, "dL_da[2]", "2 * (y_pred - y[:, 0])", "shape (2, 2)"),
    "nothing": (1, "dL_da[2]", "None", "None"),
    "a list": (1, "dL_da[2]", "[[2.0], [-2.0]]", "[[2.0], [-2.0]]"),
    "NaN": (1, "dL_da[2]", "2 * (y_pred - y) * NAN", "[[nan], [nan]]"),
    "no slope": (2, "dL_dz[2]", "da", "[[2.0], [-2.0]]"),
    "df at a": (2, "dL_dz[2]", "da * model.df[2](a[2])", "[[4.0], [-16.0]]"),
    "not transposed": (3, "dL_dw[2]", "(dz.T @ a[1]).T", "shape (3, 1), [[36.0], [76.0], [8.0]]"),
    "a mean": (3, "dL_dw[2]", "dz.T @ a[1] / 2", "[[18.0, 38.0, 4.0]]"),
    "not summed": (3, "dL_db[2]", "dz", "shape (2, 1), [[4.0], [8.0]]"),
    "an axis kept": (3, "dL_db[2]", "dz.sum(0, keepdim=True)", "shape (1, 1), [[12.0]]"),
    "without weights": (4, "dL_da[1]", "dz * torch.ones(3)", "[[4.0, 4.0, 4.0]"),
    "the samples added": (4, "dL_da[1]", "dz.sum(0) * W", "shape (1, 3), [[12.0, -12.0, 24.0]]"),
}


@pytest.mark.parametrize("name", STUBS)
def test_a_wrong_line_is_told_with_its_equation(paper, name, capsys):
    number, gradient, line, met = STUBS[name]
    found = autograd_of_each(paper.model, paper.x, paper.y)
    model, y = paper.model, paper.y
    names = dict(model=model, y=y, y_pred=model(paper.x), z=model.z, a=model.a, NAN=NAN)
    names |= dict(da=found["dL_da[2]"], dz=found["dL_dz[2]"], W=model.fc["2"].weight, torch=torch)
    on_paper = found[gradient].tolist()
    with pytest.raises(Difference) as caught:
        check_equation(number, gradient, found, paper=on_paper, code=eval(line, names))
    words = str(caught.value)
    assert words.startswith(f"({number}), {gradient} in code: expected "), words
    assert met in words.partition("; met ")[2], words
    assert str(on_paper) in words
    check_equation(number, gradient, found, paper=on_paper, code=found[gradient])
    assert f"({number}) {gradient}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "given", [[[2], [2]], [2, -2], [[2, -2]], [[2], [NAN]], [[2], []], ..., None]
)
def test_wrong_numbers_on_paper_are_told(paper, given):
    found = autograd_of_each(paper.model, paper.x, paper.y)
    with pytest.raises(Difference, match=r"^\(1\), dL_da\[2\] on paper: expected .*; met "):
        check_equation(1, "dL_da[2]", found, paper=given, code=found["dL_da[2]"])


@pytest.mark.parametrize("name", WRONG_NUMBERS)
def test_a_wrong_pass_is_told_at_the_first_check(paper, name, monkeypatch):
    monkeypatch.setattr(equations, "likely", lambda *_: [])
    words = told_of(WRONG_NUMBERS[name], paper)
    by_equation = words.startswith("equation (") and "dL_d" in words and "; met " in words
    assert by_equation or "line " in words and ".py: " in words or name in MANNERS, words
    assert MANNERS.get(name, "") in words


EQUATION = {  # a wrong line: the right one, the equation that is named, words that follow
    "dL_da = y_pred - y_true": (ERROR, "(1) or (2)", "dL_dz[2]", "the factor 2 of the squared"),
    "dL_dz = dL_da * df[l](a[l])": (SLOPE, "(1) or (2)", "dL_dz[2]", "derivative is taken at a[l]"),
    "dL_da = 2 * (y_pred - y_true) / N": (ERROR, "(3), the sum", "[18.0, 38.0, 4.0]", "mean over"),
    "dL_db[l] = dL_dz": (BIAS, "(3):", "shape (1,), [12.0]; met shape (2, 1)", "not summed"),
    "dL_dw[l] = dL_dz.T @ a[l - 1] / N": (WEIGHTS, "(3):", "dL_dw[2]", "mean over the batch"),
    "dL_da = 2 * dL_dz @ W[l]": (BELOW, "(4) or (2)", "dL_dz[1]"),
}


@pytest.mark.parametrize("line", EQUATION)
def test_the_equation_and_the_likely_mistake_are_named(paper, line):
    right, equation, *others = EQUATION[line]
    words = told_of(backward_with((right, line)), paper)
    assert words.startswith(f"equation {equation}"), words
    assert all(part in words for part in others), words


def test_nan_and_a_gradient_that_is_no_tensor_are_told(paper):
    for line in ("edit(lambda g: g * torch.nan)", "edit(lambda g: g.tolist())"):
        assert "; met " in told_of(PLANTED[line].backward(), paper)
    words = told_of(lambda *_: None, paper)
    assert "equation (3)" in words and re.search(r"dL_dw\[2\]: .*met None", words)


def test_what_is_right_on_this_net_alone_is_told(paper):
    """The net on paper has no square matrix of weights, and one output."""
    square = backward_with((BELOW, "dL_da = dL_dz @ (W[l].T if n_l[l] == n_l[l - 1] else W[l])"))
    assert "net [3, 3, 3, 3]" in told_of(square, paper)


@pytest.mark.parametrize("name", [name for name in RIGHT if name not in TANH_ALONE])
def test_a_right_pass_is_accepted(paper, name, capsys):
    check_equations(RIGHT[name], paper.model, paper.x, paper.y)
    assert "equal to autograd" in capsys.readouterr().out


def test_gradients_that_add_up_over_two_calls_are_told(paper):
    adding = next(mistake for line, mistake in PLANTED.items() if "0.9 * dL_dw" in line)
    assert "the call is repeated" in told_of(adding.backward(), paper)


def test_a_refusal_is_told_with_the_students_own_line(paper):
    def of_other_targets(model, y_true, y_pred):
        checked_targets(model, y_true[:, 0], y_pred)

    words = told_of(of_other_targets, paper)
    assert "(2,)" in words and "tests_equations.py: checked_targets(model" in words


def test_an_unwritten_pass_says_so_itself(paper):

    def unwritten(model, y_true, y_pred):
        raise NotImplementedError("write me")

    with pytest.raises(NotImplementedError, match="write me"):
        check_equations(unwritten, paper.model, paper.x, paper.y)


def test_the_gradients_are_left_in_the_model_and_the_state_is_kept(part1, capsys):
    case = make_case(part1.MyNet, [2, 3, 2], 4, seed=1)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    check_equations(part1.backpropagation, case.model, case.x, case.y)
    assert torch.equal(torch.get_rng_state(), before)
    gradients, _ = autograd_of(case, 1e-12)
    torch.testing.assert_close(case.model.dL_dw[1], gradients["dL_dw[1]"], rtol=1e-12, atol=0)
