"""The table of checks, and main_test: a verdict on one backward pass, check by check."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from checks import gradients
from checks.cases import Case, copy_of, random_tensor, set_activations, small_cases, unusual_cases
from checks.shared import global_state_kept

DATA = {"toy": "toy data", "mnist": "MNIST", "stand-in": "stand-in images, not MNIST"}


@dataclass
class Check:
    """A row of the table."""

    title: str
    function: Callable  # of checks.gradients: (backward, case), raises AssertionError
    cases: list
    in_main_test: bool = True

    def verdict(self, backward, verbose=False):
        """The first thing wrong, in words, or None; nothing is raised, whatever happens inside."""
        for case in self.cases:
            with global_state_kept():
                try:
                    error = self.function(backward, case)
                except AssertionError as problem:
                    return str(problem).partition("\n")[0] or "AssertionError"
                except (Exception, SystemExit) as problem:
                    return f"{type(problem).__name__}: {problem}".partition("\n")[0]
            if verbose:
                print(f"            {'' if error is None else f'error {error:.1e}  '}{case}")
        return None


def batches_of(model, data):
    """Inputs and targets for the model, from one fixed generator: 64 samples."""
    if data not in DATA:
        raise ValueError(f'data is one of "toy", "mnist" and "stand-in", not {data!r}')
    if data != "toy" and model.n_l[0] != 576:
        raise ValueError(
            f'data="{data}" gives images of 24 x 24 = 576 pixels, but n_l[0] is {model.n_l[0]}'
        )
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


def table_of_checks(model, data="toy"):
    """Every check, on the model given, on small nets of its class, or on both."""
    x, y = batches_of(model, data)
    name = f"{DATA[data]}, seed 1"
    one, two, seven = (Case(model, x[:n], y[:n], f"the model given, {name}") for n in (1, 2, 7))
    whole = Case(model, x, y, f"the model given, {name}")
    swapped = Case(copy_of(model), x[:3], y[:3], "the model given with other activations, " + name)
    set_activations(swapped.model, ["sin 2z", "sigmoid", "tanh"])
    small, unusual = small_cases(type(model)), unusual_cases(type(model))
    g = gradients
    return [
        Check("against autograd", g.check_against_autograd, [one, two, seven, whole, swapped]),
        Check(
            "against central differences", g.check_central_differences, [one, two, seven, swapped]
        ),
        Check("other nets against autograd", g.check_against_autograd, small + unusual),
        Check("other nets against differences", g.check_central_differences, small),
        Check("against the complex step", g.check_complex_step, small[:1] + small[4:], False),
        Check("torch's gradcheck", g.check_gradcheck, small, False),
        Check("inner products", g.check_inner_products, small, False),
        Check("a batch is the sum of its samples", g.check_batch_is_sum, [seven, *small]),
        Check("a second call overwrites", g.check_repeat, [two, *small]),
        Check("nothing else changes", g.check_nothing_else_changes, [one, two, *small]),
        Check("NaN in gives NaN out", g.check_nan_stays, [two, *small]),
        Check("autograd is not used", g.check_without_autograd, [two, *small]),
        Check("single and double precision", g.check_dtypes, small),
        Check("an optimizer moves the weights", g.check_optimizer, [two, *small]),
        Check("parameters stay trainable leaves", g.check_trainable, [one, *small]),
    ]


def main_test(backpropagation, model, verbose=False, data="toy"):
    """True where `backpropagation` is right on this model and on small nets of the same class.

    model: a MyNet, with its own f and df; it is left as it is. data: "toy" for random numbers,
    "mnist" for MNIST images of 24 x 24 (n_l[0] is 576), "stand-in" for random images of that size.
    Prints a verdict for each check. A wrong backward pass gives False, never an exception.
    """
    with global_state_kept():
        checks = [check for check in table_of_checks(model, data) if check.in_main_test]
    print(f"main_test: net {model.n_l}, {checks[0].cases[0].text.partition(', ')[2]}")
    wrong = 0
    for check in checks:
        problem = check.verdict(backpropagation, verbose)
        print(f"    {'ok    ' if problem is None else 'FAILED'}  {check.title}")
        if problem is not None:
            print("            " + problem[:300].replace(": ", ":\n            ", 2))
        wrong += problem is not None
    print(f"main_test: {len(checks) - wrong} of {len(checks)} checks passed")
    return not wrong
