"""main_test names the mistake: each planted one, pairs of them, and passes that nobody planted."""

import inspect
import itertools
import re
from functools import partial

import pytest
import torch

from checks.gradients import (
    check_against_autograd,
    check_nothing_else_changes,
)
from checks.habits import PLAIN
from checks.main_test import main_test, table_of_checks
from checks.naming import diagnose
from checks.nets import gradients_of, make_case, run
from checks.reference import END, backward_with
from checks.wrong_passes import BIAS, ERROR, NAMED, PLANTED, SLOPE, TWICE, WEIGHTS
from tests.programs.passes import (
    fresh_one_sample,
    fresh_pairs,
    fresh_right,
    fresh_wrong,
    right_any_net,
    right_more,
    wrong_batch,
    wrong_layers,
    wrong_loss,
    wrong_manners,
    wrong_passes,
    wrong_slope,
)
from tests.programs.passes.flaws import FLAWS, half_of, pass_with

SELDOM = {  # seen on large nets and batches alone, in single precision, or where a NaN comes in
    *(line for line in TWICE if "> 64" in line or "512" in line or "256" in line or "1024" in line),
    *("if not a[L].requires_grad: edit(lambda g: 2 * g)", TWICE[-1], "edit(torch.nan_to_num)"),
    *("edit(lambda g: g.double())", "edit(lambda g: g + 1e-8 * torch.rand_like(g))"),
    "edit(lambda g: torch.where(g.abs() < 1e-7, 0 * g, g))",
    "edit(lambda g: torch.where(g.abs() < 1e-30, 0 * g, g))",
}
FOR_TANH_RIGHT = {
    "dL_dz = dL_da * (1 - torch.tanh(z[l]) ** 2)",
    "dL_dz = dL_da * (1 - a[l] ** 2)",
}
WRONG = wrong_passes(wrong_loss, wrong_slope, wrong_layers, wrong_batch, wrong_manners)
WRONG |= wrong_passes(fresh_wrong, fresh_pairs, fresh_one_sample)
UNNAMED = ["two_twice_and_no_slope_in_layer_1"]  # 4 * (y_pred - y_true), and df for l > 1 alone
RIGHT = {
    name: function
    for module in (right_any_net, right_more, fresh_right)
    for name, function in vars(module).items()
    if callable(function) and function.__module__ == module.__name__
    if not inspect.isclass(function)
}
TANH_ALONE = {f.__name__ for f in right_more.TANH_ALONE}
STYLES = ["lists_for_dicts", "with_prints", "ones_beside_the_activations"]
STYLES += ["tanh_from_a", "tanh_forward_in_numpy"]


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
def rows(model):
    return {check.title: check for check in table_of_checks(model)}


def words_of(backward, model):
    """What the diagnosis calls the pass: the words of each mistake that it may be."""
    return {mistake.words for mistake in diagnose(backward, model)}


def missing_in(text, patterns):
    """The patterns that the text, taken as one line, does not match."""
    text = " ".join(text.split())
    return [pattern for pattern in patterns if not re.search(pattern, text, re.IGNORECASE)]


def test_what_has_no_words_leaves_the_numbers_alone(rows):
    for name, mistake in PLANTED.items():
        if mistake not in NAMED and name not in ("raise SystemExit(1)", "1 / 0"):
            for title in ("against autograd", "other nets against autograd"):
                assert rows[title].verdict(mistake.backward()) is None, name


def edited(change):
    return backward_with((END, f"edit(lambda g: {change})"))


@pytest.mark.parametrize("name", [name for name in PLANTED if PLANTED[name].words])
def test_a_planted_mistake_is_named_and_nothing_else(model, name):
    """A line that was planted is shown; another may stand for it where it has the same words."""
    found = diagnose(PLANTED[name].backward(), model)
    if name in SELDOM | FOR_TANH_RIGHT:
        assert [m.words for m in found] in ([], [PLANTED[name].words])
    else:
        assert [m.words for m in found] == [PLANTED[name].words]
        assert found[0].is_line or not PLANTED[name].is_line


def test_what_is_right_or_unknown_is_not_named(backward, model):
    unknown = edited("g.abs() + g.flip(0)")
    for function in (backward, PLAIN, unknown, PLANTED["graph attached"].backward()):
        assert diagnose(function, model) == []


def test_a_pass_that_raises_is_judged_where_it_does_not(model):
    def for_vectors(model, y_true, y_pred):
        torch.outer(y_pred.squeeze(0), y_true.squeeze(0))
        backward_with((ERROR, "dL_da = 2 * (y_true - y_pred)"))(model, y_true, y_pred)

    (words,) = words_of(for_vectors, model)
    assert words.startswith("the sign is wrong") and "raises no exception" in words


def test_differences_and_single_precision_are_told_apart(model):
    for h in (1e-3, 1e-5, 1e-7):
        differences = partial(PLANTED["differences of the loss"].function, h=h)
        assert diagnose(differences, model) == [PLANTED["differences of the loss"]]
    assert diagnose(edited("g * (1 + 1e-8 * torch.cos(g))"), model) == []
    single = backward_with((ERROR, "dL_da = (2 * (y_pred - y_true)).float().to(y_pred.dtype)"))
    assert diagnose(single, model) == [PLANTED["edit(lambda g: g.float().to(g.dtype))"]]


PAIRS = [
    {ERROR: "dL_da = 2 * (y_true - y_pred)", WEIGHTS: "dL_dw[l] = a[l - 1].T @ dL_dz"},
    {WEIGHTS: "dL_dw[l] = a[l - 1].T @ dL_dz", BIAS: "dL_db[l] = dL_dz.sum(0, keepdim=True)"},
    {ERROR: "dL_da = y_pred - y_true", SLOPE: "dL_dz = dL_da * df[min(l + 1, L)](z[l])"},
]


@pytest.mark.parametrize("lines", PAIRS, ids=str)
def test_two_wrong_lines_at_once_are_both_named(model, lines):
    found = diagnose(backward_with(*lines.items()), model)
    assert {m.words for m in found} == {PLANTED[wrong].words for wrong in lines.values()}
    assert all(mistake.at_once for mistake in found)
    assert dict(pair for m in found for pair in m.lines) == lines


@pytest.mark.parametrize(
    "factor, words",
    [
        ("-0.5", "-0.5 times the right one: the sign is wrong, the factor 2 is missing"),
        ("2", "2 times the right one: the factor 2 is applied twice"),
        ("-1 / N", "-1 / N times the right one: the sign is wrong, it is divided by .*batch"),
        ("0.1", "0.1 times the right one"),
    ],
)
def test_other_ratios_are_named(model, factor, words):
    (found,) = words_of(edited(f"{factor} * g"), model)
    assert re.fullmatch(f"every gradient is {words}.*", found)


@pytest.mark.parametrize("name", WRONG)
def test_a_students_wrong_pass_is_named(model, rows, name):
    """By the diagnosis of its numbers, or by what the check of its manners says."""
    text = "\n".join(f"{m.words}: {m.look}" for m in diagnose(WRONG[name], model))
    if missing_in(text, WRONG[name].must_say):
        titles = ("off autograd's graph", "autograd is not used", "nothing else changes")
        titles = ("against autograd", "other nets against autograd", *titles)
        text += "\n".join(str(rows[title].verdict(WRONG[name]) or "") for title in titles)
    assert missing_in(text, WRONG[name].must_say) == [], text or "it has no name"


@pytest.mark.parametrize("name", UNNAMED)
def test_what_has_no_name_gets_none(model, name):
    assert diagnose(WRONG[name], model) == []


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


def test_a_written_in_tanh_is_a_mistake_on_another_net(part1):
    sigmoid = make_case(part1.MyNet, [2, 3, 2], 1, ["sigmoid"], seed=1).model
    (words,) = words_of(RIGHT["tanh_from_z"], sigmoid)
    assert "the derivative is that of tanh" in words


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
    """True where two passes give the same gradients on every case; one that raises has none."""
    return all(
        a is None
        or b is None
        or all(
            a[name].shape == b[name].shape
            and torch.allclose(a[name], b[name], rtol=1e-9, atol=1e-12)
            for name in b
        )
        for a, b in zip(left, right, strict=True)
    )


def test_a_name_is_given_only_where_the_numbers_are_that_mistakes(model, nets):
    """Pairs and halves of mistakes: what they are called gives their numbers on other nets, too."""
    others = {pair: pass_with(*pair) for pair in list(itertools.combinations(FLAWS, 2))[::11]}
    others |= {(flaw, "layer 1"): half_of(flaw, 1) for flaw in FLAWS}
    named = 0
    for pair, backward in others.items():
        found = diagnose(backward, model)
        programs = [[m] for m in found] if not (found and found[0].at_once) else [found]
        # df of another layer cannot be seen where all layers have the model's own activation
        kind = "as given" if "df of the layer above" in pair else "mixed"
        for program in programs:
            if lines := sum((mistake.lines for mistake in program), ()):
                named += 1
                numbers = (
                    numbers_of(backward, nets[kind]),
                    numbers_of(backward_with(*lines), nets[kind]),
                )
                assert same_numbers(*numbers), f"{pair} is called {[m.words for m in program]}"
    assert named >= 15, "pairs of wrong lines are named"
