"""The equations of the backward pass, each judged with a message of its own.

`check_equation` judges one gradient, worked on paper and in code; `check_equations` a whole pass.
"""

import contextlib

import torch

from checks.difference import Difference, global_state_kept
from checks.gradients import check_nothing_else_changes, check_repeat
from checks.naming import diagnose
from checks.nets import Case, copy_of, gradients_of, loss_of, run, small_cases
from checks.telling import raised_by_pass


@torch.enable_grad()
def autograd_of_each(model, x, y_true):
    """{"dL_da[2]": tensor, ...}: all that a backward pass computes in each layer, by autograd."""
    model = copy_of(model).requires_grad_(True)
    loss, tensors = loss_of(model, x, y_true), {}
    for layer in range(1, model.L + 1):
        linear = model.fc[str(layer)]
        tensors |= {f"dL_da[{layer}]": model.a[layer], f"dL_dz[{layer}]": model.z[layer]}
        tensors |= {f"dL_dw[{layer}]": linear.weight, f"dL_db[{layer}]": linear.bias}
    return dict(zip(tensors, torch.autograd.grad(loss, list(tensors.values())), strict=True))


def shown(tensor):
    """A tensor's shape and numbers: "shape (1,), [12.0]"."""
    values = torch.round(tensor.detach().double(), decimals=4) + 0.0  # no "-0.0"
    return f"shape {tuple(tensor.shape)}, {values.tolist()}"


def problem_of(given, expected):
    """What was expected and what was met, in words; None where they agree. NaN agrees never."""
    if not isinstance(given, torch.Tensor):
        return f"expected a tensor of {shown(expected)}; met {given!r:.60}"
    met = given.detach().to(expected)
    if met.shape == expected.shape:
        close = torch.finfo(expected.dtype).eps ** 0.5 * expected.abs().max()
        if (met - expected).abs().max() <= close:
            return None
    return f"expected {shown(expected)}; met {shown(met)}"


def check_equation(number, name, by_autograd, *, paper, code):
    """Compare one gradient, worked on paper and in code, with autograd's, and print it.

    number: of the equation; by_autograd: what autograd_of_each gives, with `name` in it; paper: a
    list of numbers. Raises Difference with the equation, what was expected and what was met.
    """
    with contextlib.suppress(TypeError, ValueError, RuntimeError):  # it is told below
        paper = torch.tensor(paper, dtype=torch.double)
    for way, given in (("on paper", paper), ("in code", code)):
        problem = problem_of(given, by_autograd[name])
        if problem:
            raise Difference(f"({number}), {name} {way}: {problem}")
    print(f"({number}) {name} on paper, in code, by autograd: {shown(by_autograd[name])}")


def wrong_gradients(backpropagation, case):
    """(layer, {name: what is wrong}) of the wrong layer nearest to the output; None if right.

    Raises Difference where the pass raises an exception.
    """
    try:
        with global_state_kept():
            ours = gradients_of(run(backpropagation, case))
    except NotImplementedError:
        raise
    except (Exception, SystemExit) as error:
        raise Difference(raised_by_pass(error, case)) from None
    expected = autograd_of_each(case.model, case.x, case.y)
    for layer in range(case.model.L, 0, -1):
        names = f"dL_dw[{layer}]", f"dL_db[{layer}]"
        met = {name: problem_of(ours[name], expected[name]) for name in names}
        if problems := {name: problem for name, problem in met.items() if problem}:
            return layer, problems
    return None


def equation_of(backpropagation, case, layer, problems):
    """Which equation is wrong, where the layers above are right.

    A wrong dL_dz makes both gradients of its layer wrong; so does a sum that is none.
    """
    if len(problems) == 1 or any(problem.endswith("met None") for problem in problems.values()):
        return "(3)"
    pairs = zip(case.x.split(1), case.y.split(1), strict=True)
    alone = [Case(case.model, x, y, case.text) for x, y in pairs]
    if len(alone) > 1 and not any(wrong_gradients(backpropagation, one) for one in alone):
        return "(3), the sum over the samples"
    return f"{'(1)' if layer == case.model.L else '(4)'} or (2), which make dL_dz[{layer}]"


def check_equations(backpropagation, model, x, y_true):
    """Judge a pass on this net and batch, then on small nets of other forms.

    Leaves the gradients of (x, y_true) in the model. Raises Difference at the first that is wrong,
    from the output down: the equation, what was expected and what was met; also where the pass
    changes something else, and where a second call gives other gradients.
    """
    given, others = Case(model, x, y_true, "this notebook's net"), small_cases(type(model))
    for case in (given, *others):
        found = wrong_gradients(backpropagation, case)
        if found:
            lines = [f"equation {equation_of(backpropagation, case, *found)}: {case}"]
            lines += [f"{name}: {problem}" for name, problem in found[1].items()]
            raise Difference("\n".join([*lines, *likely(backpropagation, case.model)]))
    for check in (check_nothing_else_changes, check_repeat):
        with global_state_kept():
            check(backpropagation, given)
    backpropagation(model, y_true, model(x))
    print(f"all gradients are equal to autograd's, on this net and on {len(others)} others")


def likely(backpropagation, model):
    """What the mistake looks like, in one line; none where no mistake is known."""
    with global_state_kept():
        mistakes = diagnose(backpropagation, model)
    words = (" and " if mistakes and mistakes[0].at_once else ", or ").join(
        mistake.words for mistake in mistakes[:2]
    )
    return [f"It looks like: {words}"] if words else []
