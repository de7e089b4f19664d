"""Properties of the gradient that hold for any net, on nets that hypothesis draws."""

import hypothesis
import torch
from hypothesis import strategies as st

from checks.cases import ACTIVATIONS, SMOOTH, Case, copy_of, make_case, run
from checks.gradients import (
    autograd_of,
    check_against_autograd,
    check_batch_is_sum,
    check_central_differences,
    check_complex_step,
    check_inner_products,
    check_nothing_else_changes,
    check_repeat,
    compare,
)
from checks.planted_gradients import PLAIN, PLANTED_BUGS
from checks.verdicts import verdict


@st.composite
def cases(draw, net_class, names=tuple(ACTIVATIONS), depth=6, width=9, batch=64):
    n_l = draw(st.lists(st.integers(1, width), min_size=2, max_size=depth + 1))
    activations = draw(
        st.lists(st.sampled_from(names), min_size=len(n_l) - 1, max_size=len(n_l) - 1)
    )
    seed = draw(st.integers(0, 2**16))
    return make_case(net_class, n_l, draw(st.integers(1, batch)), activations, seed)


def permuted(case, generator):
    """The case with its samples and the hidden units of each layer in another order."""
    model = copy_of(case.model)
    orders = [torch.randperm(n, generator=generator) for n in model.n_l]
    orders[0], orders[-1] = torch.arange(model.n_l[0]), torch.arange(model.n_l[-1])
    with torch.no_grad():
        for layer in range(1, model.L + 1):
            linear = model.fc[str(layer)]
            linear.weight.copy_(linear.weight[orders[layer]][:, orders[layer - 1]].clone())
            linear.bias.copy_(linear.bias[orders[layer]].clone())
    samples = torch.randperm(len(case.x), generator=generator)
    return Case(model, case.x[samples], case.y[samples], case.text + ", permuted"), orders


def check_permutation(backward, case):
    """Permuting samples and hidden units permutes the gradient."""
    other, orders = permuted(case, torch.Generator().manual_seed(len(case.x)))
    tolerance = 1e-12
    _, sizes = autograd_of(case, tolerance)
    ours, theirs = run(backward, case), run(backward, other)
    for layer in range(1, case.model.L + 1):
        dL_dw = ours.dL_dw[layer][orders[layer]][:, orders[layer - 1]]
        dL_db = ours.dL_db[layer][orders[layer]]
        for name, a, b in (
            (f"dL_dw[{layer}]", theirs.dL_dw[layer], dL_dw),
            (f"dL_db[{layer}]", theirs.dL_db[layer], dL_db),
        ):
            compare(other, name, a, b, tolerance, sizes[name], "the order before")


PROPERTIES = (
    check_against_autograd,
    check_batch_is_sum,
    check_permutation,
    check_repeat,
    check_nothing_else_changes,
)
SETTINGS = hypothesis.settings(
    database=None,
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=list(hypothesis.HealthCheck),
)


def test_properties_of_any_net(backward, part1):
    @SETTINGS
    @hypothesis.given(cases(part1.MyNet))
    def holds(case):
        for check in PROPERTIES:
            check(backward, case)

    holds()


def test_numbers_of_any_smooth_net(backward, part1):
    @hypothesis.settings(SETTINGS, max_examples=15)
    @hypothesis.given(cases(part1.MyNet, ("tanh", "sin", "sigmoid", "identity"), 3, 4, 8))
    def holds(case):
        for check in (check_complex_step, check_central_differences, check_inner_products):
            check(backward, case)

    holds()


def test_permutation_can_fail(part1):
    case = make_case(part1.MyNet, [2, 4, 4, 2], 5, SMOOTH, seed=1)
    check_permutation(PLAIN, case)
    for name in ("first sample alone", "weight not transposed when square", "noise"):
        assert verdict(PLANTED_BUGS[name], check_permutation, [case]) is not None, name
