"""main_test: every check of gradients.py on one backward pass, with a verdict for each."""

import torch

from checks.cases import Case, copy_of, random_tensor, set_activations, small_cases, unusual_cases
from checks.gradients import (
    check_against_autograd,
    check_batch_is_sum,
    check_central_differences,
    check_complex_step,
    check_dtypes,
    check_gradcheck,
    check_inner_products,
    check_nan_stays,
    check_nothing_else_changes,
    check_optimizer,
    check_repeat,
    check_trainable,
    check_without_autograd,
)
from checks.shared import global_state_kept
from support.images import load_mnist

DATA = {"toy": "toy data", "mnist": "MNIST", "stand-in": "stand-in images, not MNIST"}


def batches_of(model, data):
    """Inputs and targets for the model, from one fixed generator: 64 samples."""
    if data not in DATA:
        raise ValueError(f'data is one of "toy", "mnist" and "stand-in", not {data!r}')
    x, labels = random_tensor((64, model.n_l[0]), 1), torch.arange(64)
    if data != "toy":
        if model.n_l[0] != 576:
            raise ValueError(
                f'data="{data}" gives images of 24 x 24 = 576 pixels, but n_l[0] is {model.n_l[0]}'
            )
        x = random_tensor((64, 1, 24, 24), 1)
    if data == "mnist":
        x, labels = load_mnist()
    y = random_tensor((64, model.n_l[-1]), 2)
    if data != "toy" and model.n_l[-1] == 10:
        y = torch.nn.functional.one_hot(labels % 10, 10)
    parameter = next(model.parameters())
    return x.to(parameter), y.to(parameter)


def checks_for(model, data):
    """The checks of main_test: title, check, cases."""
    x, y = batches_of(model, data)
    name = f"{DATA[data]}, seed 1"
    yours = [Case(model, x[:n], y[:n], f"the model given, {name}") for n in (1, 2, 7)]
    whole = Case(model, x, y, f"the model given, {name}")
    swapped = Case(copy_of(model), x[:3], y[:3], "the model given with other activations, " + name)
    set_activations(swapped.model, ["sin 2z", "sigmoid", "tanh"])
    small, unusual = small_cases(type(model)), unusual_cases(type(model))
    return [
        ("against autograd", check_against_autograd, [*yours, whole, swapped]),
        ("against central differences", check_central_differences, [*yours, swapped]),
        ("other nets against autograd", check_against_autograd, small + unusual),
        ("other nets against differences", check_central_differences, small),
        ("a batch is the sum of its samples", check_batch_is_sum, [yours[2], *small]),
        ("a second call overwrites", check_repeat, [yours[1], *small[:3]]),
        ("nothing else changes", check_nothing_else_changes, [*yours[:2], *small]),
        ("NaN in gives NaN out", check_nan_stays, [yours[1], *small]),
        ("autograd is not used", check_without_autograd, [yours[1], *small[:2]]),
        ("single and double precision", check_dtypes, small[:2]),
        ("an optimizer moves the weights", check_optimizer, [yours[1], small[0]]),
        ("parameters stay trainable leaves", check_trainable, [yours[0]]),
    ]


def judges(net_class):
    """Check by check, the cases that it judges a pass on."""
    small, unusual = small_cases(net_class), unusual_cases(net_class)
    return [
        (check_against_autograd, small + unusual),
        (check_central_differences, small),
        (check_complex_step, small[:1] + small[4:]),
        (check_gradcheck, small),
        (check_inner_products, small),
        (check_batch_is_sum, small),
        (check_repeat, small),
        (check_nothing_else_changes, small),
        (check_nan_stays, small),
        (check_without_autograd, small),
        (check_dtypes, small),
        (check_optimizer, small),
        (check_trainable, small),
    ]


def verdict(backward, check, cases, verbose=False):
    """The first thing wrong, in words, or None; whatever happens inside, nothing is raised."""
    for case in cases:
        with global_state_kept():
            try:
                error = check(backward, case)
            except (Exception, SystemExit) as problem:
                kind = "" if isinstance(problem, AssertionError) else f"{type(problem).__name__}: "
                return f"{kind}{problem}".partition("\n")[0] or "AssertionError"
        if verbose:
            print(f"            {'' if error is None else f'error {error:.1e}  '}{case}")
    return None


def rejections(backward, net_class):
    """Yields the name of each check that rejects the pass, and its words."""
    for check, cases in judges(net_class):
        problem = verdict(backward, check, cases)
        if problem is not None:
            yield check.__name__, problem


def main_test(backpropagation, model, verbose=False, data="toy"):
    """True where `backpropagation` is right on this model and on small nets of the same class.

    model: a MyNet, with its own f and df; it is left as it is. data: "toy" for random numbers,
    "mnist" for MNIST images of 24 x 24 (n_l[0] is 576), "stand-in" for random images of that size.
    Prints a verdict for each check. A wrong backward pass gives False, never an exception.
    """
    with global_state_kept():
        checks = checks_for(model, data)
    print(f"main_test: net {model.n_l}, {checks[0][2][0].text.partition(', ')[2]}")
    wrong = 0
    for title, check, cases in checks:
        problem = verdict(backpropagation, check, cases, verbose)
        print(f"    {'ok    ' if problem is None else 'FAILED'}  {title}")
        if problem is not None:
            print("            " + problem[:300].replace(": ", ":\n            ", 2))
        wrong += problem is not None
    print(f"main_test: {len(checks) - wrong} of {len(checks)} checks passed")
    return not wrong
