"""main_test names the mistake: each planted one, pairs of them, and passes that nobody planted."""

import re
from functools import partial

import pytest
import torch

from checks.habits import PLAIN
from checks.main_test import table_of_checks
from checks.naming import diagnose
from checks.reference import END, backward_with
from checks.wrong_passes import BIAS, ERROR, NAMED, PLANTED, SLOPE, TWICE, WEIGHTS
from tests.helpers.passes import WRONG_MANNERS, WRONG_NUMBERS

SELDOM = {  # seen on large nets and batches alone, in single precision, or where a NaN comes in
    *(line for line in TWICE if "> 64" in line or "512" in line or "256" in line or "1024" in line),
    *("if not a[L].requires_grad: edit(lambda g: 2 * g)", TWICE[-1], "edit(torch.nan_to_num)"),
    *("edit(lambda g: g.double())", "edit(lambda g: g + 1e-8 * torch.rand_like(g))"),
    "edit(lambda g: torch.where(g.abs() < 1e-7, 0 * g, g))",
    "edit(lambda g: torch.where(g.abs() < 1e-30, 0 * g, g))",
}
FOR_TANH_RIGHT = {f"dL_dz = dL_da * (1 - {a} ** 2)" for a in ("torch.tanh(z[l])", "a[l]")}
WRONG = WRONG_MANNERS | WRONG_NUMBERS
UNNAMED = ["two_twice_and_no_slope_in_layer_1"]  # 4 * (y_pred - y_true), and df for l > 1 alone


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
        assert all(m.words.endswith(PLANTED[name].words) for m in found)
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
    assert words.startswith("with one sample: the sign is wrong")


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


@pytest.mark.parametrize("name", [name for name in WRONG if name not in UNNAMED])
def test_a_students_wrong_pass_is_named(model, rows, name):
    text = "\n".join(f"{m.words}: {m.look}" for m in diagnose(WRONG[name], model))
    if missing_in(text, WRONG[name].must_say):
        titles = ("off autograd's graph", "autograd is not used", "nothing else changes")
        titles = ("against autograd", "other nets against autograd", *titles)
        text += "\n".join(str(rows[title].verdict(WRONG[name]) or "") for title in titles)
    assert missing_in(text, WRONG[name].must_say) == [], text or "it has no name"


@pytest.mark.parametrize("name", UNNAMED)
def test_what_has_no_name_gets_none(model, name):
    assert diagnose(WRONG[name], model) == []
