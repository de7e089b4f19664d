"""Part 1 checked: the notebook's backward pass, and that the checks can fail.

`from tests_backpropagation import main_test` checks a backward pass of your own.
"""

import re
import textwrap

from support import ROOT

import pytest
import torch

from checks.difference import compare
from checks.gradients import check_central_differences
from checks.habits import PLAIN
from checks.main_test import Check, main_test, table_of_checks
from checks.nets import make_case, small_cases
from checks.reference import PASS
from checks.wrong_passes import PLANTED
from tests.helpers.independent_checks import (
    check_complex_step,
    check_gradcheck,
    check_inner_products,
)

__all__ = ["main_test"]
HALF, SIGN = "dL_da = y_pred - y_true", "dL_da = 2 * (y_true - y_pred)"
AT_A = "dL_dz = dL_da * df[l](a[l])"
PROVED_BY = {  # each row of the table of checks can fail: a mistake that it notices
    "against autograd": "edit(lambda g: g * (1 + 1e-10))",
    "against central differences": SIGN,
    "other nets against autograd": "if max(n_l) > 512: edit(lambda g: 2 * g)",
    "other nets against differences": AT_A,
    "against the complex step": "dL_dw[l] = dL_dz.T @ a[l - 1].float().to(dL_dz.dtype)",
    "torch's gradcheck": AT_A,
    "inner products": "dL_da = dL_dz @ (W[l].T if n_l[l] == n_l[l - 1] else W[l])",
    "a batch is the sum of its samples": "dL_da = 2 * (y_pred - y_true) / N",
    "a second call overwrites": "weights of the first call",
    "nothing else changes": "for p, g in pairs(): p.mul_(1 + torch.finfo(p.dtype).eps)",
    "NaN in gives NaN out": "edit(torch.nan_to_num)",
    "off autograd's graph": "graph attached",
    "autograd is not used": "autograd, on the graph",
    "single and double precision": "if y_true.dtype == torch.float: edit(lambda g: 2 * g)",
    "an optimizer moves the weights": "dL_dw[1].view(-1)[-1] = torch.nan",
    "parameters stay trainable leaves": "for p, g in pairs(): p.requires_grad_(False)",
}
BESIDES_MAIN_TEST = {  # the check, and on which small nets: softplus takes no complex numbers
    "against the complex step": (check_complex_step, (0, 4, 5)),
    "torch's gradcheck": (check_gradcheck, range(6)),
    "inner products": (check_inner_products, range(6)),
}


@pytest.fixture(scope="module")
def table(part1):
    """The rows of main_test's table of checks and those beside it, by title."""
    small = small_cases(part1.MyNet)
    rows = table_of_checks(make_case(part1.MyNet, [2, 3, 2], 1, seed=1).model)
    for title, (function, numbers) in BESIDES_MAIN_TEST.items():
        rows.append(Check(title, function, [small[number] for number in numbers]))
    return {check.title: check for check in rows}


def planted(name):
    """The backward pass with a planted mistake."""
    return PLANTED[name].backward()


def where_it_runs(backward):
    """The pass, or the right one where the shapes do not fit: what is judged are numbers."""

    def with_fallback(model, y_true, y_pred):
        try:
            backward(model, y_true, y_pred)
        except (RuntimeError, LookupError):
            PLAIN(model, y_true, y_pred)

    return with_fallback


def test_the_reference_is_the_notebooks_pass(part1):
    """Line by line, but for names: table and answer cannot part."""
    from support.report import source  # here: whoever imports main_test needs no report

    text = source(ROOT, "backpropagation", "backpropagation")
    body = re.sub(r" +#.*", "", text[text.index("    dL_da") :])
    body = re.sub(r"model\.fc\[str\((\w+)\)\]\.weight", r"W[\1]", body)
    body = re.sub(r"\blayer\b", "l", body.replace("model.", ""))
    body = body.replace("        if l > 1:\n            dL_da", "        dL_da")  # nobody reads it
    assert textwrap.dedent(body).splitlines() == PASS.splitlines()


def test_every_check_accepts_a_right_pass(backward, table):
    for right in (backward, PLAIN):
        assert [title for title, check in table.items() if check.verdict(right)] == []


@pytest.mark.parametrize("name", PLANTED)
def test_planted_mistake_is_noticed_by_main_test(table, name):
    """By one of the checks that main_test runs, for what it is: not because it does not run."""
    first, *others = (check for title, check in table.items() if title not in BESIDES_MAIN_TEST)
    rows = [first, *reversed(others)]  # the quick ones first
    backward = where_it_runs(planted(name)) if PLANTED[name].lines else planted(name)
    words = next(filter(None, (check.verdict(backward) for check in rows)), None)
    assert words is not None, f"{name}: no check notices it"
    raised = re.match(r"\w+(Error|Exit): ", str(words))
    assert bool(raised) == (name in ("raise SystemExit(1)", "1 / 0")), words


def test_each_check_can_fail(table):
    assert table.keys() == PROVED_BY.keys()
    for title, name in PROVED_BY.items():
        words = table[title].verdict(planted(name))
        assert words is not None and not re.match(r"\w+Error: ", str(words)), (title, name, words)


def test_a_planted_mistake_is_named_with_all_that_replays_it(table):
    """The message names net, batch, parameter, both values and the seed."""
    others = ("other nets against autograd", "other nets against differences")
    for title in (*others, "against the complex step"):
        words = str(table[title].verdict(planted(HALF)))
        for part in ("net [2, 3, 2]", "batch 4", "seed 1", "dL_d"):
            assert part in words, words


def test_nan_and_infinity_fail_every_comparison(case):
    good = torch.ones(2, dtype=torch.double)
    compare(case, "g", good, good, 1e-12)
    for value in (float("nan"), float("inf"), -float("inf")):
        bad = torch.tensor([1.0, value], dtype=torch.double)
        for ours, other in ((good, bad), (bad, good), (bad, bad)):
            with pytest.raises(AssertionError):
                compare(case, "g", ours, other, 1e-12)


@pytest.mark.parametrize(
    "name", [SIGN, "edit(lambda g: g * torch.nan)", "edit(lambda g: g * (1 + 1e-10))"]
)
def test_the_comparison_in_the_notebook_can_fail(part1, name):
    with pytest.raises(AssertionError):
        part1.assert_like_autograd(planted(name))


def test_central_differences_reach_1e_7_unaided(backward, part1):
    """No allowance for rounding is needed on small nets: the error itself is below 1e-7."""
    for case in small_cases(part1.MyNet)[:4]:
        assert check_central_differences(backward, case) < 1e-7, case


def test_a_net_worked_by_hand(backward, part1):
    """x = (1, 2), identity below, square above; every number can be followed on paper.

    z1 = W1 x + b1 = (1 + 4 + 0, 3 - 2 + 1) = (5, 2) = a1
    z2 = W2 a1 + b2 = 2 * 5 - 3 * 2 - 1 = 3, a2 = z2^2 = 9, y = 8, L = (9 - 8)^2 = 1
    dL/da2 = 2 (9 - 8) = 2, dL/dz2 = 2 * 2 z2 = 12, dL/dw2 = 12 (5, 2) = (60, 24), dL/db2 = 12
    dL/da1 = W2^T 12 = (24, -36) = dL/dz1 = dL/db1, dL/dw1 = ((24, 48), (-36, -72))
    """
    model = part1.MyNet([2, 2, 1])
    model.f = {1: lambda z: z * 1, 2: torch.square}
    model.df = {1: torch.ones_like, 2: lambda z: 2 * z}
    numbers = ([[1, 2], [3, -1]], [0, 1], [[2, -3]], [-1])
    for parameter, values in zip(model.parameters(), numbers, strict=True):
        parameter.data = torch.tensor(values, dtype=torch.double)
    x, y = torch.tensor([[1.0, 2.0]]).double(), torch.tensor([[8.0]]).double()
    y_pred = model(x)
    backward(model, y, y_pred)
    assert y_pred.item() == 9
    assert model.dL_dw[2].tolist() == [[60, 24]] and model.dL_db[2].tolist() == [12]
    assert model.dL_dw[1].tolist() == [[24, 48], [-36, -72]]
    assert model.dL_db[1].tolist() == [24, -36]
