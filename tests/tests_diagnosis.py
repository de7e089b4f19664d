"""main_test names the mistake: passes written without a look at the planted ones, and pairs."""

import inspect
import itertools
import re

import pytest
import torch

from checks.gradients import check_against_autograd, check_nothing_else_changes
from checks.main_test import main_test, table_of_checks
from checks.naming import diagnose
from checks.nets import gradients_of, make_case, run
from tests.programs.passes import (
    right_any_net,
    right_more,
    wrong_batch,
    wrong_layers,
    wrong_loss,
    wrong_manners,
    wrong_passes,
    wrong_slope,
)
from tests.programs.passes.flaws import FLAWS, central_differences, half_of, pass_with

WRONG = wrong_passes(wrong_loss, wrong_slope, wrong_layers, wrong_batch, wrong_manners)
RIGHT = {
    name: function
    for module in (right_any_net, right_more)
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__ == module.__name__
}
TANH_ALONE = {f.__name__ for f in right_more.TANH_ALONE}
STYLES = ["lists_for_dicts", "with_prints", "ones_beside_the_activations"]
STYLES += ["tanh_from_a", "tanh_forward_in_numpy"]
ONE_RIGHT = r"one sample, as the assignment asks: right.*more samples at once: "
WRONG_SHAPE = {"the shape of dL_dw is wrong", "the shape of dL_db is wrong"}
IN_MAIN_TEST = {  # what all of its output says besides
    "bias_squeezed": [ONE_RIGHT + "WRONG"],
    "vectors_alone": [ONE_RIGHT + ".*exception", "likewise in"],
    "on_the_graph": [ONE_RIGHT + "right", "manners.*WRONG"],
    "talkative_and_transposed": ["WRONG", "printed [0-9,]+ lines"],
}


@pytest.fixture(scope="module")
def model(part1):
    return make_case(part1.MyNet, [2, 3, 2], 1, seed=1).model


@pytest.fixture(scope="module")
def nets(part1):
    """Nets with batches, none of them the diagnosis' own: with other activations, and as given."""
    sizes = [([3, 3, 3, 3], 4), ([2, 5, 3, 2], 3), ([4, 4], 6), ([2] * 6, 2), ([3, 2, 4], 1)]
    mixed = ["sin 2z", "sigmoid", "sin", "softplus"]
    return {
        ("mixed" if names else "as given"): [
            make_case(part1.MyNet, n_l, n, names, seed=90 + n) for n_l, n in sizes
        ]
        for names in (mixed, None)
    }


@pytest.fixture(scope="module")
def manners(model):
    """The checks of what a pass does besides, and one of its numbers."""
    rows = {check.title: check for check in table_of_checks(model)}
    titles = [
        "against autograd",
        "other nets against autograd",
        "off autograd's graph",
        "autograd is not used",
    ]
    return [rows[title] for title in [*titles, "nothing else changes"]]


def words_of(backward, model):
    """What the diagnosis calls the pass: the words of each mistake that it may be."""
    return {mistake.words for mistake in diagnose(backward, model)}


def missing_in(text, patterns):
    """The patterns that the text, taken as one line, does not match."""
    text = " ".join(text.split())
    return [pattern for pattern in patterns if not re.search(pattern, text, re.IGNORECASE)]


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
    """True where two passes give the same gradients, or nothing, on every case."""
    return all(
        a is b is None
        or (
            a is not None
            and b is not None
            and all(
                a[name].shape == b[name].shape
                and torch.allclose(a[name], b[name], rtol=1e-9, atol=1e-12)
                for name in b
            )
        )
        for a, b in zip(left, right, strict=True)
    )


def test_there_are_enough_passes():
    assert len(WRONG) >= 70 and len(RIGHT) >= 25 and TANH_ALONE < set(RIGHT) > set(STYLES)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_pass_is_named(model, manners, name):
    """By the diagnosis of its numbers, or by what the check of its manners says."""
    text = "\n".join(f"{m.words}: {m.line}" for m in diagnose(WRONG[name], model))
    if missing_in(text, WRONG[name].must_say):
        text += "\n".join(filter(None, (check.verdict(WRONG[name]) for check in manners)))
    assert missing_in(text, WRONG[name].must_say) == [], text or "it has no name"


@pytest.mark.parametrize("name", IN_MAIN_TEST)
def test_main_test_names_a_wrong_pass(model, name, capsys):
    assert main_test(WRONG[name], model) is False
    text = capsys.readouterr().out
    assert missing_in(text, (*WRONG[name].must_say, *IN_MAIN_TEST[name])) == [], text
    assert "Traceback" not in text and len(text.splitlines()) <= 40, text


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_pass_has_no_name(model, name, nets):
    """Its numbers and manners are right: on nets of tanh layers, where it is for them alone."""
    cases = nets["as given" if name in TANH_ALONE else "mixed"]
    check_nothing_else_changes(RIGHT[name], cases[0])
    for case in cases:
        check_against_autograd(RIGHT[name], case)
    if name not in TANH_ALONE:
        assert words_of(RIGHT[name], model) == set()


@pytest.mark.parametrize("name", STYLES)
def test_a_right_pass_is_accepted(model, name, capsys):
    assert main_test(RIGHT[name], model) is True
    text = capsys.readouterr().out
    assert "looks like" not in text and "FAILED" not in text and "WRONG" not in text
    assert ("remark" in text) == (name in TANH_ALONE), text


def test_a_written_in_tanh_is_a_mistake_on_another_net(part1, capsys):
    sigmoid = make_case(part1.MyNet, [2, 3, 2], 1, ["sigmoid"], seed=1).model
    assert main_test(RIGHT["tanh_from_z"], sigmoid) is False
    assert "the derivative is that of tanh" in capsys.readouterr().out


def test_finite_differences_are_not_called_single_precision(model):
    for h in (1e-4, 1e-6):
        for words in words_of(central_differences(h), model):
            assert "single" not in words or "differences" in words, (h, words)


def test_pairs_and_halves_of_mistakes_are_never_falsely_named(model, nets):
    """A name is given only where the numbers are that mistake's on nets of the test's own."""
    names = {flaw: words_of(pass_with(flaw), model) for flaw in FLAWS}
    assert all(names.values()), "each flaw alone has a name"
    numbers = {
        flaw: {kind: numbers_of(pass_with(flaw), nets[kind]) for kind in nets} for flaw in FLAWS
    }
    others = {
        pair: pass_with(*pair)
        for pair in list(itertools.combinations(FLAWS, 2))[::7]
        if FLAWS[pair[0]][0] != FLAWS[pair[1]][0] or FLAWS[pair[0]][0] == "error"
    }
    assert len(others) >= 35
    others |= {(flaw, 1): half_of(flaw, 1) for flaw in FLAWS}  # in layer 1 alone
    unlike_all = 0
    for pair, backward in others.items():
        # df of another layer cannot be seen where all layers have the model's own activation
        kind = "as given" if "df of the layer above" in pair else "mixed"
        found = numbers_of(backward, nets[kind])
        equal = [flaw for flaw in FLAWS if same_numbers(found, numbers[flaw][kind])]
        unlike_all += not equal
        both = names[pair[0]] | names[pair[1]] if pair[1] in FLAWS else set()
        called = words_of(backward, model)
        true = set().union(*(names[flaw] for flaw in equal))
        if called & WRONG_SHAPE:  # said beside another name; some steps do make a shape wrong
            assert {FLAWS[flaw][0] for flaw in pair if flaw in FLAWS} & {"below", "dw", "db"}, pair
            true = both | WRONG_SHAPE
        assert called <= true or called == both, f"{pair} is called {called}"
    assert unlike_all >= 50, unlike_all
