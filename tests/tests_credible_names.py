"""What makes names credible: right passes get none, and others none that is not theirs."""

import itertools

import pytest

from checks.gradients import check_against_autograd, check_nothing_else_changes
from checks.main_test import main_test
from checks.naming import diagnose, same
from checks.nets import gradients_of, make_case, run
from checks.reference import backward_with
from tests.helpers.passes import FRESH, RIGHT, TANH_ALONE
from tests.programs.passes.flaws import FLAWS, half_of, pass_with

STYLES = ["lists_for_dicts", "with_prints", "ones_beside_the_activations"]
STYLES += ["tanh_from_a", "tanh_forward_in_numpy"]


@pytest.fixture(scope="module")
def nets(part1):
    """Nets with batches, none of them the diagnosis' own: with other activations, and as given."""
    sizes = [([3, 3, 3, 3], 4), ([2, 5, 3, 2], 3), ([4, 4], 6), ([2] * 6, 2), ([3, 2, 4], 1)]
    mixed = ["sin 2z", "sigmoid", "sin", "softplus"]
    return {
        "mixed": [make_case(part1.MyNet, n_l, n, mixed, seed=90 + n) for n_l, n in sizes],
        "as given": [make_case(part1.MyNet, n_l, n, seed=90 + n) for n_l, n in sizes],
    }


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pass_has_no_name(model, name, nets):
    """Its numbers and manners are right: on nets of tanh layers, where it is for them alone."""
    cases = nets["as given" if name in TANH_ALONE else "mixed"]
    check_nothing_else_changes(RIGHT[name], cases[0])
    for case in cases:
        check_against_autograd(RIGHT[name], case)
    if name not in TANH_ALONE:
        assert diagnose(RIGHT[name], model) == []


@pytest.mark.parametrize("name", STYLES)
def test_a_right_pass_is_accepted(model, name, capsys):
    assert main_test(RIGHT[name], model) is True
    text = capsys.readouterr().out
    assert "looks like" not in text and "FAILED" not in text and "WRONG" not in text
    assert ("remark" in text) == (name in TANH_ALONE), text


def numbers_of(backward, cases):
    """The gradients on each case; None where the pass raises."""
    found = []
    for case in cases:
        try:
            found.append(gradients_of(run(backward, case)))
        except (RuntimeError, KeyError, IndexError, AssertionError):
            found.append(None)
    return found


def same_numbers(left, right):
    """True where two passes give the same gradients on a case, or one of them raises."""
    return None in (left, right) or all(same(left[name], right[name], 1e-9) for name in right)


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.fault)])
def test_a_name_is_given_only_where_the_numbers_are_that_mistakes(model, nets, step):
    """Students' passes, pairs, halves: what they are called gives their numbers on other nets."""
    pairs = list(itertools.combinations(FLAWS, 2))[:: 25 * step]
    others = {pair: pass_with(*pair) for pair in pairs}
    others |= {(flaw, "layer 1"): half_of(flaw, 1) for flaw in list(FLAWS)[:: 3 * step]}
    others |= {(name,): FRESH[name] for name in list(FRESH)[:: 2 * step]}
    named = 0
    for pair, backward in others.items():
        found = diagnose(backward, model)
        programs = [[m] for m in found] if not (found and found[0].at_once) else [found]
        for program in programs:
            lines = sum((mistake.lines for mistake in program), ())
            if lines and not program[0].words.startswith(("with ", "single ")):  # seen otherwise
                named += 1
                theirs = backward_with(*lines)
                assert any(  # as given: where the pass brings its own derivative
                    all(map(same_numbers, numbers_of(backward, cases), numbers_of(theirs, cases)))
                    for cases in nets.values()
                ), f"{pair} is called {[m.words for m in program]}"
    assert named >= 25 / step**2, "most of them are named"
