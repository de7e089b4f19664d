"""Properties of the gradient that hold for any net, on nets that hypothesis draws."""

import hypothesis
import pytest
import torch
from hypothesis import strategies as st

from checks import gradients
from checks.habits import PLAIN
from checks.nets import ACTIVATIONS, SMOOTH, Case, copy_of, make_case, parameters_of, run
from checks.wrong_passes import PLANTED
from tests.helpers.independent_checks import check_complex_step, check_inner_products

SETTINGS = hypothesis.settings(
    database=None, derandomize=True, deadline=None, suppress_health_check=hypothesis.HealthCheck
)


def check_permutation(backward, case):
    """Permuting samples and hidden units permutes the gradient."""
    generator = torch.Generator().manual_seed(len(case.x))
    samples = torch.randperm(len(case.x), generator=generator)
    orders = [torch.randperm(width, generator=generator) for width in case.model.n_l]
    orders[0], orders[-1] = map(torch.arange, (case.model.n_l[0], case.model.n_l[-1]))

    def permuted(tensor, layer):  # a row for each unit of the layer, a column for each below it
        rows = tensor[orders[layer]]
        return rows[:, orders[layer - 1]] if tensor.ndim == 2 else rows

    other = Case(copy_of(case.model), case.x[samples], case.y[samples], case.text + ", permuted")
    for _, parameter, _, layer in parameters_of(other.model):
        parameter.data = permuted(parameter.data, layer)
    rows = parameters_of(run(backward, case))
    expected = {name: permuted(found[layer], layer) for name, _, found, layer in rows}
    ours, (_, sizes) = gradients.gradients_by(backward, other), gradients.autograd_of(case, 1e-12)
    gradients.compare_all(other, ours, expected, sizes, 1e-12, "the order before")


def hold(checks, backward, net_class, names, depth, width, batch, examples):
    """Let the checks judge the pass on nets that hypothesis draws, of these sizes at most."""

    @hypothesis.settings(SETTINGS, max_examples=examples)
    @hypothesis.given(
        n_l=st.lists(st.integers(1, width), min_size=2, max_size=depth + 1),
        batch=st.integers(1, batch),
        names=st.lists(st.sampled_from(names), min_size=depth, max_size=depth),
        seed=st.integers(0, 2**16),
    )
    def holds(**drawn):
        for check in checks:
            check(backward, make_case(net_class, **drawn))

    holds()


@pytest.mark.slow
def test_properties_of_any_net(backward, part1):
    checks = [check_permutation, gradients.check_against_autograd, gradients.check_batch_is_sum]
    checks += [gradients.check_repeat, gradients.check_nothing_else_changes]
    names = list(ACTIVATIONS)
    hold(checks, backward, part1.MyNet, names, depth=6, width=9, batch=64, examples=60)


@pytest.mark.slow
def test_numbers_of_any_smooth_net(backward, part1):
    checks = [check_complex_step, gradients.check_central_differences]
    checks.append(check_inner_products)
    names = ("tanh", "sin", "sigmoid", "identity")
    hold(checks, backward, part1.MyNet, names, depth=3, width=4, batch=8, examples=15)


def test_permutation_can_fail(part1):
    case = make_case(part1.MyNet, [2, 4, 4, 2], 5, SMOOTH, seed=1)
    check_permutation(PLAIN, case)
    names = ["dL_dw[l] = dL_dz[:1].T @ a[l - 1][:1]; dL_db[l] = dL_dz[0].clone()"]
    names += ["dL_da = dL_dz @ W[l].T.reshape(W[l].shape)"]
    names += ["edit(lambda g: g + 1e-8 * torch.rand_like(g))"]
    for name in names:
        with pytest.raises(AssertionError):
            check_permutation(PLANTED[name].backward(), case)
