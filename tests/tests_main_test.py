"""main_test from outside: what it accepts, refuses and leaves alone, and what it prints."""

import re

import pytest
import torch

from checks.gradients import snapshot
from checks.habits import PLAIN
from checks.main_test import main_test, table_of_checks
from checks.nets import gradients_of, loss_of, make_case
from checks.reference import backward_with
from checks.wrong_passes import ERROR, PLANTED, SLOPE, TWICE

SIGN, AT_A = PLANTED["dL_da = 2 * (y_true - y_pred)"], PLANTED["dL_dz = dL_da * df[l](a[l])"]


def output_of(backward, model, capsys, right=False, **options):
    """What main_test prints; every line of it fits a page."""
    capsys.readouterr()
    assert main_test(backward, model, **options) is right
    printed = capsys.readouterr().out
    assert options or max(map(len, printed.splitlines())) <= 100
    assert ("FAILED" in printed) is not right
    return printed


@pytest.mark.parametrize(
    "n_l, names",
    [([2, 3, 2], None), ([1, 1], ["sigmoid"]), ([4, 4, 4, 1], ["relu"]), ([7, 5], ["sin"])],
)
def test_main_test_accepts_the_right_pass(backward, part1, n_l, names, capsys):
    model = make_case(part1.MyNet, n_l, 1, names, seed=1).model
    assert "remark" not in output_of(backward, model, capsys, right=True)


@pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=str)
@pytest.mark.parametrize("scale", [0, 1e-3, 5, 20, 100])
def test_nets_at_their_edge_are_accepted(part1, scale, dtype):
    """Every check, on the net given: the other nets are those of the test above."""
    model = make_case(part1.MyNet, [2, 3, 2], 1, seed=2, dtype=dtype).model
    for parameter in model.parameters():
        parameter.data *= scale
    for check in table_of_checks(model):
        check.cases = [case for case in check.cases if "given" in case.text]
        assert check.verdict(part1.backpropagation) is None, check.title


@pytest.mark.parametrize("autograd", [True, False])
def test_main_test_tells_wrong_from_right(part1, case, autograd, capsys):
    """Whether many checks notice a mistake or one alone, and where autograd is off, too."""
    with torch.set_grad_enabled(autograd):
        printed = output_of(part1.backpropagation, case.model, capsys, right=True, verbose=True)
        assert "batch 300" in printed and "seed 1" in printed, "every case, when verbose"
        for name in (SIGN.wrong, "edit(torch.nan_to_num)", TWICE[-1], "raise SystemExit(1)"):
            output_of(PLANTED[name].backward(), case.model, capsys)


def test_main_test_fails_a_wrong_model(part1, case, capsys):
    case.model.fc["2"].bias.requires_grad_(False)
    printed = output_of(part1.backpropagation, case.model, capsys)
    assert "fc.2.bias requires no gradient" in printed


def test_main_test_leaves_everything_as_it_was(part1, case):
    model, y_pred = case.model, case.model(case.x)
    loss_of(model, case.x, case.y).backward()
    part1.backpropagation(model, case.y, model(case.x))
    tensors = {"x": case.x, "y_pred": y_pred}
    before = snapshot(model, gradients_of(model) | tensors)
    bugs = ["torch.set_default_dtype(torch.half)", "torch.manual_seed(0)", "y_true.zero_()"]
    bugs += ["autograd left off", "edit(lambda g: g * torch.nan)"]
    for backward in (part1.backpropagation, *(PLANTED[bug].backward() for bug in bugs)):
        main_test(backward, model)
        assert snapshot(model, gradients_of(model) | tensors) == before


def test_main_test_hands_over_targets_of_the_outputs_shape(part1):
    seen = set()

    def spy(model, y_true, y_pred):
        seen.add((y_true.shape == y_pred.shape, len(y_true) > 1))
        part1.backpropagation(model, y_true, y_pred)

    assert main_test(spy, part1.MyNet([576, 4, 10]), data="stand-in")
    assert seen == {(True, False), (True, True)}


def test_main_test_refuses_unknown_options(part1, case):
    """The hand-out's eps stands third; here it is given by keyword, and tried first."""
    with pytest.raises(ValueError, match=r"toy.*mnist.*stand-in.*'imagenet'"):
        main_test(part1.backpropagation, case.model, data="imagenet")
    with pytest.raises(ValueError, match=r"576.*n_l\[0\] is 2"):
        main_test(part1.backpropagation, case.model, data="mnist")
    with pytest.raises(ValueError, match=r"verbose.*0\.001.*eps=0\.001"):
        main_test(part1.backpropagation, case.model, 1e-3)
    for eps in (0, -1e-5, float("nan"), "1e-5"):
        with pytest.raises(ValueError, match="eps"):
            main_test(part1.backpropagation, case.model, eps=eps)
    assert main_test(part1.backpropagation, case.model, eps=1e-3)
    differences = table_of_checks(case.model, steps=(1e-3, 1e-5))[1]
    assert "no h of (0.001, 1e-05)" in str(differences.verdict(SIGN.backward()))


def test_main_test_on_mnist(mnist, part1, capsys):
    model = part1.MyNet([576, 32, 10]).double()
    mean = PLANTED["dL_da = 2 * (y_pred - y_true) / y_pred.shape[1]"].backward()
    for backward, right in ((part1.backpropagation, True), (mean, False)):
        assert "MNIST" in output_of(backward, model, capsys, right, data="mnist")


def test_a_wrong_pass_in_one_screen(case, capsys):
    printed = output_of(AT_A.backward(), case.model, capsys)
    lines = printed.splitlines()
    assert lines[0] == "main_test: net [2, 3, 2], toy data, seed 1" and len(lines) <= 29
    assert lines[1:4] == [
        "    one sample, as the assignment asks: WRONG (0 of 14 cases are right)",
        "    more samples at once: WRONG (1 of 29 cases are right)",
        f"{'':12}net [2, 3, 2], batch 2, the model given, toy data, seed 1",
    ]
    assert lines[6] == "    manners (nothing else changes, autograd is not used, ...): right"
    assert lines[-5:] == [
        "    It looks like:",
        "        the derivative is taken at a[l] instead of z[l]",
        "            look at: dL_dz = dL_da * df[l](z[l])",
        "            yours may read: dL_dz = dL_da * df[l](a[l])",
        "main_test: 8 of 13 checks passed",
    ]
    assert printed.count("autograd gives") == printed.count("dL_db[2][") == 2
    assert not re.search(r"\d\.\d{7}", printed), "more than six digits"
    loud = output_of(AT_A.backward(), case.model, capsys, verbose=True)
    assert re.search(r"autograd gives\s+-?\d\.\d{12}", loud)


def test_an_exception_is_told_once_with_its_line(case, capsys):
    def for_vectors(model, y_true, y_pred):
        torch.outer(y_pred.squeeze(0), y_true.squeeze(0))
        PLAIN(model, y_true, y_pred)

    printed = output_of(for_vectors, case.model, capsys)
    assert "assignment asks: right" in printed and "at once: the pass raises" in printed
    assert printed.count("torch.outer(y_pred.squeeze(0), y_true.squeeze(0))") == 1
    assert printed.count("RuntimeError") == 1
    assert re.search(r"of tests_main_test\.py:.*\n.*net \[2, 3, 2\], batch 2", printed)
    assert re.search(r"and likewise in \d+ more checks", printed)


def test_an_assertion_of_the_pass_itself_is_an_exception(case, capsys):
    def asserting(model, y_true, y_pred):
        assert len(y_pred) == 1, "one sample only"
        PLAIN(model, y_true, y_pred)

    assert "AssertionError: one sample only" in output_of(asserting, case.model, capsys)


def test_what_the_pass_prints_is_held_back(case, capsys):
    def talking(model, y_true, y_pred):
        print("shape", tuple(y_pred.shape))
        PLAIN(model, y_true, y_pred)

    printed = output_of(talking, case.model, capsys, right=True)
    assert printed.count("shape (") == 3
    assert re.search(r"the pass printed [\d,]{3,} lines", printed)


def test_the_graph_is_a_cause_of_its_own(case, capsys):
    printed = output_of(PLANTED["graph attached"].backward(), case.model, capsys)
    assert printed.count("FAILED") == 1 and "with torch.no_grad():" in printed
    both = backward_with((ERROR, "dL_da = y_pred - y_true")).__wrapped__
    printed = output_of(both, case.model, capsys)
    assert "FAILED  off autograd's graph" in printed and "factor 2" in printed


THROUGH_A = PLANTED["dL_dz = dL_da * (1 - a[l] ** 2)"].backward()


def test_a_pass_that_brings_the_derivative_is_judged_with_it(case, capsys):
    printed = output_of(THROUGH_A, case.model, capsys, right=True)
    assert "remark  the pass brings the derivative itself" in printed
    case.model.f[1], case.model.df[1] = torch.sin, torch.cos
    assert "whatever f[l] is" in output_of(THROUGH_A, case.model, capsys)
    case.model.f[1], case.model.df[1] = case.model.f[2], case.model.df[2]
    for wrong in (SLOPE + ".clamp(max=1)", "dL_dz = dL_da * df[1](z[l])", "for l in []:"):
        assert "remark" not in output_of(PLANTED[wrong].backward(), case.model, capsys)


def test_a_df_of_another_f_is_named(part1, case, capsys):
    case.model.f[2] = torch.sigmoid
    printed = output_of(part1.backpropagation, case.model, capsys)
    assert "df[2] is not the derivative of f[2]" in printed
    case.model.df[2] = lambda z: torch.ones_like(z[:1])
    main_test(part1.backpropagation, case.model)
    assert "df[2] gives the shape (1, " in capsys.readouterr().out
