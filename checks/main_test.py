"""The table of checks, and main_test: a verdict on one backward pass, check by check."""

import contextlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from checks import gradients, telling
from checks.difference import Difference, global_state_kept
from checks.form import form_problem
from checks.naming import brings_the_derivative, diagnose
from checks.nets import (
    Case,
    Nets,
    copy_of,
    random_tensor,
    set_activations,
    small_cases,
    unusual_cases,
)

DATA = {"toy": "toy data", "mnist": "MNIST", "stand-in": "stand-in images, not MNIST"}


class PassError(Exception):
    """The pass itself raised something."""


@dataclass
class Problem:
    """What one check has found wrong with one case."""

    difference: Difference
    cause: object  # problems of one cause are told once
    one_sample: bool
    raised: bool = False  # by the pass itself

    @property
    def narrow(self):
        """True where a layer above the input has the width 1."""
        case = self.difference.case
        return case is not None and 1 in list(case.model.n_l)[1:]


@dataclass
class Check:
    """A row of the table."""

    title: str
    function: Callable  # of checks.gradients: (backward, case), raises a Difference
    cases: list
    of_numbers: bool = False  # each case is judged, and counts for its size of batch
    cause: str = "numbers"  # what it fails for, where it fails

    def __post_init__(self):
        for case in self.cases:
            case.autograd = {}  # none of them is changed from now on

    def problem(self, backward, case):
        """(error, None), or (None, what is wrong); nothing is raised, whatever happens inside."""

        def guarded(*args):
            try:
                backward(*args)
            except (Exception, SystemExit) as error:
                raise PassError from error

        one = len(case.x) == 1
        with global_state_kept():
            try:
                return self.function(guarded, case), None
            except Difference as difference:
                cause = "numbers" if difference.of_numbers else self.cause
                return None, Problem(difference, cause, one)
            except PassError as problem:
                error = problem.__cause__
                difference = Difference(telling.raised_by_pass(error, case))
                cause = type(error), telling.own_line(error)
                return None, Problem(difference, cause, one, raised=True)
            except (Exception, SystemExit) as error:
                words = telling.in_one_line(error)
                return None, Problem(Difference(f"{words}\n{case}"), words, one)

    def verdict(self, backward):
        """The first thing wrong, as a Difference, or None."""
        found = (self.problem(backward, case)[1] for case in self.cases)
        return next((problem.difference for problem in found if problem), None)


@dataclass
class Result:
    """What a check has found: its problems, and a line for each case."""

    check: Check
    problems: list = field(default_factory=list)
    lines: list = field(default_factory=list)

    @classmethod
    def of(cls, check, backward):
        result = cls(check)
        for case in check.cases:
            error, problem = check.problem(backward, case)
            if problem is not None:
                result.problems.append(problem)
                if not check.of_numbers:
                    break
            else:
                result.lines.append(f"{'' if error is None else f'error {error:.1e}  '}{case}")
        return result


def batches_of(model, data):
    """Inputs and targets for the model, from one fixed generator: 64 samples."""
    labels = torch.arange(64)
    if data == "mnist":
        from support.images import load_mnist  # here: all else works without torchvision

        x, labels = load_mnist()
    else:
        x = random_tensor((64, model.n_l[0]) if data == "toy" else (64, 1, 24, 24), 1)
    y = random_tensor((64, model.n_l[-1]), 2)
    if data != "toy" and model.n_l[-1] == 10:
        y = torch.nn.functional.one_hot(labels % 10, 10)
    parameter = next(model.parameters())
    return x.to(parameter), y.to(parameter)


def first_sample(case):
    return Case(case.model, case.x[:1], case.y[:1], case.text)


def table_of_checks(model, data="toy", nets=None, steps=gradients.STEPS):
    """Every check, on the model given, on small nets like it, or on both."""
    nets = nets or Nets.like(model)
    x, y = batches_of(model, data)
    name = f"{DATA[data]}, seed 1"
    one, two, seven, whole = (
        Case(model, x[:n], y[:n], f"the model given, {name}") for n in (1, 2, 7, 64)
    )
    swapped = []
    if nets.any_f:
        text = f"the model given with other activations, {name}"
        other = Case(copy_of(model), x[:3], y[:3], text)
        set_activations(other.model, ["sin 2z", "sigmoid", "tanh"])
        swapped = [first_sample(other), other]
    small, unusual = small_cases(type(model), nets.make), unusual_cases(nets.make)
    single = [first_sample(case) for case in small if len(case.x) > 1]
    g, both, all_three = gradients, [one, *small], [one, two, *small]
    differences = partial(g.check_central_differences, steps=steps)
    numbers = partial(Check, of_numbers=True)
    return [
        numbers("against autograd", g.check_against_autograd, [one, two, seven, whole, *swapped]),
        numbers("against central differences", differences, [one, two, seven, *swapped]),
        numbers("other nets against autograd", g.check_against_autograd, small + single + unusual),
        numbers("other nets against differences", differences, small + single[:2]),
        Check("a batch is the sum of its samples", g.check_batch_is_sum, [seven, *small]),
        Check("single and double precision", g.check_dtypes, small),
        Check("NaN in gives NaN out", g.check_nan_stays, [two, *small]),
        Check("a second call overwrites", g.check_repeat, all_three, cause="repeat"),
        Check("off autograd's graph", g.check_off_the_graph, all_three, cause="graph"),
        Check("autograd is not used", g.check_without_autograd, all_three, cause="autograd"),
        Check("nothing else changes", g.check_nothing_else_changes, all_three, cause="state"),
        Check("an optimizer moves the weights", g.check_optimizer, all_three),
        Check("parameters stay trainable leaves", g.check_trainable, both, cause="leaves"),
    ]


def verdict_by_batch(results):
    """Three lines: one sample, more samples at once, and the manners."""
    found = [problem for r in results if r.check.of_numbers for problem in r.problems]
    cases = [case for r in results if r.check.of_numbers for case in r.check.cases]
    lines, titles = [], {True: "one sample, as the assignment asks", False: "more samples at once"}
    for one, title in titles.items():
        problems = [problem for problem in found if problem.one_sample == one]
        count = sum((len(case.x) == 1) == one for case in cases)
        narrow = one and len(problems) < count and all(problem.narrow for problem in problems)
        words = "right, except in a layer of width 1" if narrow else "WRONG"
        words = "the pass raises an exception" if all(p.raised for p in problems) else words
        apart = f"{words} ({count - len(problems)} of {count} cases are right)"
        lines.append(f"    {title}: {apart if problems else 'right'}")
        told = [problem for problem in telling.shown(results) if problem.one_sample == one]
        if not told and not all(problem.raised for problem in problems):
            lines += telling.wrapped("\n".join(telling.lines_of(problems[0].difference)))
    rest = [r.problems[0] for r in results if not r.check.of_numbers and r.problems]
    causes = {problem.cause for problem in rest} - {problem.cause for problem in found}
    words = "WRONG" if causes else "right"
    if not causes and any(problem.raised for problem in rest):
        words = "not judged, because of the exception"
    lines.append(f"    manners (nothing else changes, autograd is not used, ...): {words}")
    return lines


def remarks_on(nets, brings):
    """What was not judged, and why: pairs of a title and a reason."""
    with_own = "judged with the activations of this net"
    own_df = "it does not read df[l]: right for this net, wrong for another f[l], a sigmoid, say"
    if nets.written_in:
        where = ", ".join(map(str, nets.written_in))
        why = f"f cannot be replaced in layer {where}; {with_own}"
        yield "the activations are written into the net", why
    elif brings:
        yield "the pass brings the derivative itself", f"{own_df}; {with_own}"
    if not nets.any_widths:
        why = "its class makes no nets of other widths from a list"
        yield "judged on the given net alone", why


def check_options(verbose, data, eps):
    if not isinstance(verbose, bool):
        raise ValueError(
            f"verbose is True or False, not {verbose!r}; the step of the central differences is "
            f"given by keyword: main_test(backpropagation, model, eps={verbose!r})"
        )
    if data not in DATA:
        raise ValueError(f'data is one of "toy", "mnist" and "stand-in", not {data!r}')
    if eps is not None and not (isinstance(eps, int | float) and 0 < eps < math.inf):
        raise ValueError(f"eps, the step of the central differences, is above 0, not {eps!r}")


def judge(backpropagation, model, verbose, data, steps):
    """(the lines to print, True where everything is right)"""
    nets, brings = Nets.like(model), False
    if nets.any_f and brings_the_derivative(backpropagation, nets):
        nets, brings = nets.with_own_activations(), True
    rows = table_of_checks(model, data, nets, steps)
    results = [Result.of(check, backpropagation) for check in rows]
    wrong = sum(bool(result.problems) for result in results)
    lines = [f"main_test: net {list(model.n_l)}, {DATA[data]}, seed 1"]
    lines += verdict_by_batch(results) + telling.of_checks(results, verbose)
    lines += telling.of_remarks(remarks_on(nets, brings))
    if wrong:
        mistakes = diagnose(backpropagation, model, nets)
        lines += telling.looks_like(mistakes) or telling.unknown(results[0])
    lines.append(f"main_test: {len(results) - wrong} of {len(results)} checks passed")
    return lines, not wrong


def main_test(backpropagation, model, verbose=False, data="toy", *, eps=None):
    """True where `backpropagation` is right on this model and on small nets of the same class.

    model: a MyNet, with its own f and df; it is left as it is. data: "toy" for random numbers,
    "mnist" for MNIST images of 24 x 24 (n_l[0] is 576), "stand-in" for random images of that size.
    eps: a step of the central differences, tried before the usual ones. verbose: every case and
    all digits.

    Prints a verdict for one sample and for more at once, a line for each check, and what mistake
    it looks like. A wrong backward pass or net gives False, never an exception.
    """
    check_options(verbose, data, eps)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        problem = form_problem(backpropagation, model)
    if problem:
        print("main_test: this is not of the form that the assignment describes")
        print("\n".join(telling.wrapped(problem)))
        print("main_test: no check was run")
        return False
    if data != "toy" and model.n_l[0] != 576:
        raise ValueError(
            f'data="{data}" gives images of 24 x 24 = 576 pixels, but n_l[0] is {model.n_l[0]}'
        )
    steps = gradients.STEPS if eps is None else (float(eps), *gradients.STEPS)
    with contextlib.redirect_stdout(printed), global_state_kept():
        lines, right = judge(backpropagation, model, verbose, data, steps)
    lines[-1:-1] = telling.printed_first(printed.getvalue())
    print("\n".join(lines))
    return right
