"""The table of checks, and main_test: a verdict on one backward pass, check by check."""

import contextlib
import io
import math
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import torch

from checks import gradients
from checks.difference import global_state_kept
from checks.form import Nets, form_problem, in_one_line, own_line
from checks.naming import brings_the_derivative, diagnose
from checks.nets import Case, copy_of, random_tensor, set_activations, small_cases, unusual_cases

DATA = {"toy": "toy data", "mnist": "MNIST", "stand-in": "stand-in images, not MNIST"}
INDENT = " " * 12


class PassError(Exception):
    """The pass itself raised something."""


@dataclass
class Problem:
    """What one check has found wrong with one case."""

    words: str
    cause: object  # problems of one cause are told once
    one_sample: bool


@dataclass
class Check:
    """A row of the table."""

    title: str
    function: Callable  # of checks.gradients: (backward, case), raises AssertionError
    cases: list
    in_main_test: bool = True
    of_numbers: bool = False  # each case is judged, and counts for its size of batch
    cause: str = "numbers"  # what it fails for, where it fails

    def __post_init__(self):
        self.cases = [case.fixed() for case in self.cases]

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
            except gradients.WrongNumbers as problem:
                return None, Problem(str(problem), "numbers", one)
            except AssertionError as problem:
                words = str(problem).partition("\n")[0] or "AssertionError"
                return None, Problem(words, self.cause, one)
            except PassError as problem:
                error = problem.__cause__
                words, line = in_one_line(error), own_line(error)
                return None, Problem(f"{words}\n{line}\n{case}", (type(error), line), one)
            except (Exception, SystemExit) as error:
                return None, Problem(f"{in_one_line(error)}\n{case}", in_one_line(error), one)

    def verdict(self, backward):
        """The first thing wrong, in words, or None."""
        found = (self.problem(backward, case)[1] for case in self.cases)
        return next((problem.words for problem in found if problem), None)


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
    """Every check, on the model given, on small nets of its class, or on both.

    nets: which nets, where they are not to have any widths and activations.
    """
    x, y = batches_of(model, data)
    name = f"{DATA[data]}, seed 1"
    one, two, seven = (Case(model, x[:n], y[:n], f"the model given, {name}") for n in (1, 2, 7))
    whole = Case(model, x, y, f"the model given, {name}")
    swapped = []
    if nets is None or not nets.own:
        other = Case(
            copy_of(model), x[:3], y[:3], "the model given with other activations, " + name
        )
        set_activations(other.model, ["sin 2z", "sigmoid", "tanh"])
        swapped = [first_sample(other), other]
    make = {} if nets is None else {"make": nets.make}
    small, unusual = (cases(type(model), **make) for cases in (small_cases, unusual_cases))
    single = [first_sample(case) for case in small if len(case.x) > 1]
    g = gradients
    differences = partial(g.check_central_differences, steps=steps)
    numbers, state = partial(Check, of_numbers=True), partial(Check, cause="state")
    return [
        numbers("against autograd", g.check_against_autograd, [one, two, seven, whole, *swapped]),
        numbers("against central differences", differences, [one, two, seven, *swapped]),
        numbers("other nets against autograd", g.check_against_autograd, small + single + unusual),
        numbers("other nets against differences", differences, small + single[:2]),
        Check("against the complex step", g.check_complex_step, small[:1] + small[4:], False),
        Check("torch's gradcheck", g.check_gradcheck, small, False),
        Check("inner products", g.check_inner_products, small, False),
        Check("a batch is the sum of its samples", g.check_batch_is_sum, [seven, *small]),
        Check("single and double precision", g.check_dtypes, small),
        Check("NaN in gives NaN out", g.check_nan_stays, [two, *small]),
        Check("a second call overwrites", g.check_repeat, [one, two, *small], cause="repeat"),
        Check("off autograd's graph", g.check_off_the_graph, [one, two, *small], cause="graph"),
        Check(
            "autograd is not used", g.check_without_autograd, [one, two, *small], cause="autograd"
        ),
        state("nothing else changes", g.check_nothing_else_changes, [one, two, *small]),
        Check("an optimizer moves the weights", g.check_optimizer, [one, two, *small]),
        Check("parameters stay trainable leaves", g.check_trainable, [one, *small], cause="leaves"),
    ]


def six_digits(words):
    """The words, every long number in them with six digits."""
    return re.sub(r"-?\d+\.\d{6,}(e[-+]\d+)?", lambda m: f"{float(m[0]):.6g}", words)


def indented(words, indent=INDENT):
    """The words as lines of at most 100 characters."""
    wrap = partial(textwrap.wrap, width=100 - len(indent), break_long_words=False)
    lines = [part for line in words.split("\n") for part in wrap(line, break_on_hyphens=False)]
    return [indent + line for line in lines]


def details(problem, likewise, verbose):
    """A problem in lines: the case, what is wrong; as many checks fail likewise."""
    words = problem.words.strip() if verbose else six_digits(problem.words.strip())
    if words.startswith("net ["):  # the case, what is wrong, the size of the error: a line each
        words = re.sub(r": (?=relative error|no h of)", ":\n", words.replace(": ", ":\n", 1))
    if likewise:
        words += f"\nand likewise in {likewise} more check{'s' * (likewise > 1)}"
    return indented(words)


def told(results, verbose):
    """A line for each check, and below it what is wrong, once for each cause."""
    causes = [result.problems[0].cause for result in results if result.problems]
    lines, seen = [], set()
    for result in results:
        lines.append(f"    {'FAILED' if result.problems else 'ok    '}  {result.check.title}")
        if verbose:
            lines += [INDENT + line for line in result.lines]
        for problem in result.problems[:1]:
            if problem.cause not in seen:
                lines += details(problem, causes.count(problem.cause) - 1, verbose)
            seen.add(problem.cause)
    return lines


def verdict_by_batch(results):
    """Three lines: one sample, more samples at once, and the manners."""
    found = [(p.one_sample, p) for r in results if r.check.of_numbers for p in r.problems]
    lines = []
    for one, title in (
        (True, "one sample, as the assignment asks"),
        (False, "more samples at once"),
    ):
        problems = [problem for of_one, problem in found if of_one == one]
        raised = problems and all(isinstance(p.cause, tuple) for p in problems)
        words = ("the pass raises an exception" if raised else "WRONG") if problems else "right"
        lines.append(f"    {title}: {words}")
    rest = [r for r in results if not r.check.of_numbers and r.problems]
    causes = {r.problems[0].cause for r in rest} - {problem.cause for _, problem in found}
    words = "WRONG" if causes else "right"
    if not causes and any(isinstance(r.problems[0].cause, tuple) for r in rest):
        words = "not judged, because of the exception"
    lines.append(f"    manners (nothing else changes, autograd is not used, ...): {words}")
    return lines


def looks_like(mistakes):
    """The diagnosis in lines; none where no mistake is known."""
    if not mistakes:
        return []
    lines = ["    It looks like" + (" one or more of these:" if len(mistakes) > 1 else ":")]
    for mistake in mistakes[:3]:
        lines += [*indented(mistake.words, " " * 8), f"{INDENT}look at: {mistake.line}"]
    return lines


def shown_prints(printed):
    """The first lines of what the pass printed."""
    lines = printed.splitlines()
    if not lines:
        return []
    first = [INDENT + line[:88] for line in lines[:3]]
    return [f"    the pass printed {len(lines):,} lines in all these calls, the first:", *first]


def remarks_on(nets, brings):
    """What was not judged, and why; in lines."""
    found = []
    if nets.written_in:
        layers = ", ".join(map(str, nets.written_in))
        found.append(
            ("the activations are written into the net", f"f cannot be replaced in layer {layers}")
        )
    elif brings:
        found.append(("the pass brings the derivative itself", "it does not read df"))
    found = [(title, why + "; judged with the activations of this net") for title, why in found]
    if not nets.buildable:
        found.append(
            ("judged on the given net alone", "its class makes no nets of other widths from a list")
        )
    return [line for title, why in found for line in (f"    remark  {title}", INDENT + why)]


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
    if not nets.own and brings_the_derivative(backpropagation, nets):
        nets, brings = nets.with_own_activations(), True
    rows = table_of_checks(model, data, nets, steps)
    results = [Result.of(check, backpropagation) for check in rows if check.in_main_test]
    wrong = sum(bool(result.problems) for result in results)
    first = f"main_test: net {list(model.n_l)}, {DATA[data]}, seed 1"
    lines = [first, *verdict_by_batch(results), *told(results, verbose), *remarks_on(nets, brings)]
    if wrong:
        lines += looks_like(diagnose(backpropagation, model, nets))
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
        print("\n".join(indented(problem)))
        print("main_test: no check was run")
        return False
    if data != "toy" and model.n_l[0] != 576:
        raise ValueError(
            f'data="{data}" gives images of 24 x 24 = 576 pixels, but n_l[0] is {model.n_l[0]}'
        )
    steps = gradients.STEPS if eps is None else (float(eps), *gradients.STEPS)
    with contextlib.redirect_stdout(printed), global_state_kept():
        lines, right = judge(backpropagation, model, verbose, data, steps)
    lines[-1:-1] = shown_prints(printed.getvalue())
    print("\n".join(lines))
    return right
