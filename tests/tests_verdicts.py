"""What main_test prints: a verdict by batch size, one cause once, the mistake by name."""

import re

import pytest
import torch

from checks.main_test import main_test, table_of_checks
from checks.wrong_passes import PLAIN, PLANTED_GRADIENTS, variant


def test_main_test_refuses_a_number_in_the_place_of_verbose(part1, case):
    """The hand-out's eps stands third; here it is given by keyword, and tried first."""
    with pytest.raises(ValueError, match=r"verbose.*0\.001.*eps=0\.001"):
        main_test(part1.backpropagation, case.model, 1e-3)
    for eps in (0, -1e-5, float("nan"), "1e-5"):
        with pytest.raises(ValueError, match="eps"):
            main_test(part1.backpropagation, case.model, eps=eps)
    assert main_test(part1.backpropagation, case.model, eps=1e-3)
    assert not main_test(PLANTED_GRADIENTS["sign"], case.model, eps=1e-3)
    differences = table_of_checks(case.model, steps=(1e-3, 1e-5))[1]
    assert "no h of (0.001, 1e-05)" in differences.verdict(PLANTED_GRADIENTS["sign"])


def output_of(backward, model, capsys, right=False, **options):
    """What main_test prints; every line of it fits a page."""
    capsys.readouterr()
    assert main_test(backward, model, **options) is right
    printed = capsys.readouterr().out
    assert options or max(map(len, printed.splitlines())) <= 100
    return printed


def test_a_wrong_pass_in_one_screen(case, capsys):
    printed = output_of(PLANTED_GRADIENTS["derivative at a"], case.model, capsys)
    lines = printed.splitlines()
    assert lines[0] == "main_test: net [2, 3, 2], toy data, seed 1" and len(lines) <= 25
    assert lines[1:4] == [
        "    one sample, as the assignment asks: WRONG",
        "    more samples at once: WRONG",
        "    manners (nothing else changes, autograd is not used, ...): right",
    ]
    assert lines[-4:] == [
        "    It looks like:",
        "        the derivative is taken at a[l] instead of z[l]",
        "            look at: dL_dz = dL_da * model.df[l](model.z[l])",
        "main_test: 8 of 13 checks passed",
    ]
    assert printed.count("autograd gives") == printed.count("dL_dw[1][") == 1
    assert not re.search(r"\d\.\d{7}", printed), "more than six digits"
    loud = output_of(PLANTED_GRADIENTS["derivative at a"], case.model, capsys, verbose=True)
    assert re.search(r"autograd gives\s+-?\d\.\d{12}", loud)


def test_right_for_one_sample_is_said(case, capsys):
    def squeezing(model, y_true, y_pred):
        variant(db=lambda dL_dz: dL_dz.squeeze(0))(model, y_true, y_pred)

    printed = output_of(squeezing, case.model, capsys)
    for words in (
        "assignment asks: right",
        "more samples at once: WRONG",
        "autograd is not used, ...): right",
        "dL_db is not summed over the batch",
    ):
        assert words in printed


def test_an_exception_is_told_once_with_its_line(case, capsys):
    def for_vectors(model, y_true, y_pred):
        torch.outer(y_pred.squeeze(0), y_true.squeeze(0))
        PLAIN(model, y_true, y_pred)

    printed = output_of(for_vectors, case.model, capsys)
    assert "assignment asks: right" in printed and "at once: the pass raises" in printed
    assert printed.count("torch.outer(y_pred.squeeze(0), y_true.squeeze(0))") == 1
    assert printed.count("RuntimeError") == 1
    assert re.search(r"of tests_verdicts\.py:.*\n.*net \[2, 3, 2\], batch 2", printed)
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
    printed = output_of(PLANTED_GRADIENTS["graph attached"], case.model, capsys)
    assert printed.count("FAILED") == 1 and "with torch.no_grad():" in printed
    both = variant(lambda p, y: p - y).__wrapped__
    printed = output_of(both, case.model, capsys)
    assert "FAILED  off autograd's graph" in printed and "factor 2" in printed


def through_a(model, y_true, y_pred):
    PLANTED_GRADIENTS["derivative of tanh through a"](model, y_true, y_pred)


def test_a_pass_that_brings_the_derivative_is_judged_with_it(case, capsys):
    printed = output_of(through_a, case.model, capsys, right=True)
    assert "remark  the pass brings the derivative itself" in printed
    case.model.f[1], case.model.df[1] = torch.sin, torch.cos
    assert "whatever f[l] is" in output_of(through_a, case.model, capsys)
    for name in ("derivative cut at 1", "derivative of the first layer", "nothing set"):
        case.model.f[1], case.model.df[1] = case.model.f[2], case.model.df[2]
        assert "remark" not in output_of(PLANTED_GRADIENTS[name], case.model, capsys)


@pytest.mark.parametrize("kind", ["lists", "no f and df", "f does nothing"])
def test_activations_written_into_the_net(part1, kind, capsys):
    class WrittenIn(part1.MyNet):
        def __init__(self, n_l=(2, 3, 2)):
            super().__init__(n_l)
            if kind == "no f and df":
                del self.f, self.df
            if kind == "lists":
                self.f, self.df = ([None, *d.values()] for d in (self.f, self.df))
                self.dL_dw, self.dL_db = ([None] * (self.L + 1) for _ in range(2))

        def forward(self, x):
            if kind == "lists":
                return super().forward(x)
            self.a[0] = torch.flatten(x, 1)
            for layer in range(1, self.L + 1):
                self.z[layer] = self.fc[str(layer)](self.a[layer - 1])
                self.a[layer] = torch.tanh(self.z[layer])
            return self.a[self.L]

    printed = output_of(through_a, WrittenIn(), capsys, right=True)
    assert ("written into the net" in printed) == (kind != "lists")
    mean = variant(lambda p, y: 2 * (p - y) / len(p), slope=lambda at: 1 - at.a**2)
    assert "1/N" in output_of(mean, WrittenIn(), capsys)
    if kind == "lists":
        assert "remark" not in output_of(PLAIN, WrittenIn(), capsys, right=True)


def test_a_net_that_cannot_be_built_is_judged_alone(part1, capsys):
    class Fixed(part1.MyNet):
        def __init__(self):
            super().__init__([3, 3, 3])

    printed = output_of(PLAIN, Fixed(), capsys, right=True)
    assert "remark  judged on the given net alone" in printed
    assert "the weights are transposed" in output_of(
        PLANTED_GRADIENTS["weight transposed"], Fixed(), capsys
    )


def test_a_df_of_another_f_is_named(part1, case, capsys):
    case.model.f[2] = torch.sigmoid
    printed = output_of(part1.backpropagation, case.model, capsys)
    assert "df[2] is not the derivative of f[2]" in printed
    case.model.df[2] = lambda z: torch.ones_like(z[:1])
    assert "df[2] gives the shape (1, " in output_of(part1.backpropagation, case.model, capsys)


def test_what_is_no_net_is_told_in_one_message(part1, case, capsys):
    words = {
        (case.model, part1.backpropagation): "interchanged",
        (part1.backpropagation, part1.MyNet): "the class MyNet",
        (None, case.model): "without parentheses",
    }
    for arguments, expected in words.items():
        printed = output_of(*arguments, capsys)
        assert expected in printed and len(printed.splitlines()) <= 4
