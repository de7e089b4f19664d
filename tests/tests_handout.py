"""The hand-out's own harness in the place of this repository's: what it hands over, and expects."""

import pytest
import torch

from checks.nets import random_tensor
from tests.programs.passes.wrong_loss import target_minus_output


def handout_test(backpropagation, model, mnist):
    """As the hand-out's harness: for each parameter, whether its gradient is like autograd's."""
    x = random_tensor((1, 1, 24, 24) if mnist else (1, 2), 1)
    y_true = random_tensor((1, 1) if mnist else (1, 2), 2).to(x)  # a label alone, as a number
    y_pred = model(x)
    assert y_pred.shape == (1, 10 if mnist else 2)
    model.zero_grad()
    with torch.no_grad():
        backpropagation(model, y_true, y_pred)
    ((y_pred - y_true) ** 2).sum().backward()  # the target is broadcast
    ours = [g[i] for i in range(1, model.L + 1) for g in (model.dL_dw, model.dL_db)]
    pairs = zip(ours, [parameter.grad for parameter in model.parameters()], strict=True)
    return [g.shape == r.shape and bool((g - r).norm() <= 1e-3 * r.norm()) for g, r in pairs]


@pytest.mark.parametrize("n_l, mnist", [([2, 3, 2], False), ([24 * 24, 16, 10], True)])
def test_the_hand_outs_harness_accepts_the_notebooks_pass(backward, part1, n_l, mnist):
    """Its MNIST targets have the shape (1, 1) against outputs of (1, 10); it can fail."""
    model = part1.MyNet(n_l).double()
    assert handout_test(backward, model, mnist) == [True] * 4
    assert handout_test(target_minus_output, model, mnist) == [False] * 4
