"""Each planted mistake has its words, and is the one that is named; spots where checks are weak."""

from functools import partial

import pytest
import torch

from checks.form import form_problem
from checks.gradients import check_central_differences, check_nothing_else_changes, sgd_step
from checks.main_test import main_test, table_of_checks
from checks.naming import diagnose, in_words
from checks.nets import make_case
from checks.words import IN_WORDS
from checks.wrong_passes import PLAIN, PLANTED_GRADIENTS, edited, variant

NAMED = [name for _, names in IN_WORDS.values() for name in names]
SELDOM = {  # seen on large nets and batches alone, in single precision, or where a NaN comes in
    *("wrong in single precision", "results in double precision", "wrong without a graph"),
    *("small ones flushed to zero", "tiny ones flushed to zero", "NaN hidden"),
    *("wrong for large batches", "wrong for very large batches"),
    *("wrong for wide nets", "wrong for very wide nets", "noise"),
}
FOR_TANH_RIGHT = {"derivative always tanh's", "derivative of tanh through a"}
MANNERS = {  # what else the pass changes: what the message names
    "df replaced": "df[1]",
    "f replaced": "f[2]",
    "z thrown away": "z[1]",
    "a changed": "a[1]",
    "weights frozen": "fc.1.weight.requires_grad",
    ".grad removed": "fc.1.weight.grad",
    "target changed": "y_true",
    "seed set": "torch's random state",
    "weights moved by one bit": "fc.1.weight",
    "gradients in one memory": "dL_db[1] shares its memory with dL_dw[1]",
    "eval mode": ".training",
}


def test_every_planted_mistake_has_words_once_or_leaves_the_numbers_alone(case):
    assert len(NAMED) == len(set(NAMED)) and set(NAMED) <= set(PLANTED_GRADIENTS)
    rows = [check for check in table_of_checks(case.model) if "against autograd" in check.title]
    for name in set(PLANTED_GRADIENTS) - set(NAMED) - {"an exit", "an exception"}:
        for check in rows:
            assert check.verdict(PLANTED_GRADIENTS[name]) is None, name


@pytest.mark.parametrize("name", [name for name in NAMED if name not in SELDOM | FOR_TANH_RIGHT])
def test_a_planted_mistake_is_named(case, name):
    assert diagnose(PLANTED_GRADIENTS[name], case.model) == in_words([name])


def test_what_is_right_or_unknown_is_not_named(backward, case):
    both = edited(lambda g: g.abs() + g.flip(0))
    for unknown in (backward, PLAIN, both, PLANTED_GRADIENTS["graph attached"]):
        assert diagnose(unknown, case.model) == []
    for name in SELDOM | FOR_TANH_RIGHT:
        assert diagnose(PLANTED_GRADIENTS[name], case.model) in ([], in_words([name]))


def words_of(backward, case):
    return [mistake.words for mistake in diagnose(backward, case.model)]


def test_a_pass_that_raises_is_not_taken_for_one_that_does_not(case):
    """`dL_dz @ W.T` raises unless W is square; a reshaped W gives the same numbers where it is."""
    transposed = PLANTED_GRADIENTS["weight transposed"].bare
    assert diagnose(transposed, case.model) == in_words(["weight transposed"])

    def for_vectors(model, y_true, y_pred):
        torch.outer(y_pred.squeeze(0), y_true.squeeze(0))
        PLANTED_GRADIENTS["sign"](model, y_true, y_pred)

    (words,) = words_of(for_vectors, case)
    assert words.startswith("the sign is wrong") and "raises no exception" in words


def test_differences_and_single_precision_are_told_apart(case):
    for h in (1e-3, 1e-5, 1e-7):
        differences = partial(PLANTED_GRADIENTS["differences of the loss"], h=h)
        assert diagnose(differences, case.model) == in_words(["differences of the loss"])
    noise = edited(lambda g: g * (1 + 1e-8 * torch.cos(g)))
    assert words_of(noise, case) == []
    single = variant(lambda p, y: (2 * (p - y)).float().to(p.dtype))
    assert diagnose(single, case.model) == in_words(["single precision inside"])


def test_a_transposed_gradient_and_another_mistake_are_both_named(case):
    both = variant(lambda p, y: 2 * (y - p), dw=lambda dL_dz, a: a.T @ dL_dz)
    assert diagnose(both, case.model) == in_words(["gradient transposed"]) + in_words(["sign"])
    row = variant(dw=lambda dL_dz, a: a.T @ dL_dz, db=lambda dL_dz: dL_dz.sum(0, keepdim=True))
    assert sorted(words_of(row, case)) == ["dL_dw is transposed", "the shape of dL_db is wrong"]
    hidden = variant(lambda p, y: p - y, slope=lambda at: at.near(1).df(at.z))
    assert words_of(hidden, case) == [], "no name for half of two mistakes"


def test_nan_in_a_weight_is_told_as_what_it_is(case):
    case.model.fc["1"].weight.data[0, 0] = float("nan")
    assert 'fc["1"].weight holds NaN' in form_problem(PLAIN, case.model)


@pytest.mark.parametrize("factor, words", [(-0.5, ["sign", "factor 2"]), (0.1, ["0.1 times"])])
def test_other_ratios_are_named(case, factor, words):
    found = [mistake.words for mistake in diagnose(edited(lambda g: factor * g), case.model)]
    assert len(found) == len(words)
    assert all(word in text for word, text in zip(words, found, strict=True)), found


@pytest.mark.parametrize("name", MANNERS)
def test_what_else_is_changed_is_named(case, name):
    with pytest.raises(AssertionError) as caught:
        check_nothing_else_changes(PLANTED_GRADIENTS[name], case)
    assert MANNERS[name] in str(caught.value)


def test_central_differences_see_one_part_in_a_million(case):
    check_central_differences(PLAIN, case)
    with pytest.raises(AssertionError, match="no h of"):
        check_central_differences(edited(lambda g: g * (1 + 1e-6)), case)
    with pytest.raises(AssertionError, match="no h of"):  # too coarse a step, and no other
        check_central_differences(PLAIN, case, steps=(1e-2,))


def test_the_step_of_the_optimizer_check_is_that_of_sgd(part1):
    ours, theirs = (make_case(part1.MyNet, [3, 4, 2], 1, seed=1).model for _ in range(2))
    for model in (ours, theirs):
        for parameter in model.parameters():
            parameter.grad = torch.cos(parameter.detach())
    sgd_step(ours, 0.1)
    torch.optim.SGD(theirs.parameters(), lr=0.1).step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_mean_of_the_loss_is_named_by_its_function(case, capsys):
    main_test(PLANTED_GRADIENTS["divided by both"], case.model)
    assert "nn.MSELoss()" in capsys.readouterr().out
