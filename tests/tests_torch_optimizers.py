"""What sgd_test says of an update that leaves its work to torch.optim."""

import copy

import pytest
import torch
from torch.optim import optimizer

from checks.sgd_test import sgd_test
from checks.trainings import planted_training
from tests.helpers.judging import judge
from tests.programs.updates.fresh_wrong import WRONG
from tests.programs.updates.right import RIGHT


class Momentum(torch.optim.Optimizer):
    """One's own, in torch's form."""

    def __init__(self, params, lr, mom, decay):
        super().__init__(params, dict(lr=lr, mom=mom, decay=decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].get("v", torch.zeros_like(p))
                v = self.state[p]["v"] = group["mom"] * v + p.grad + group["decay"] * p
                p -= group["lr"] * v


def with_optimizer(make):
    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        optimizer = make(model.parameters(), lr, mom, decay)
        for _ in range(n_epochs):
            for X, y in loader:
                optimizer.zero_grad()
                loss_fn(model(X), y).backward()
                optimizer.step()

    return train


def beside_torchs_own(n_epochs, model, *others):
    """A student's own comparison: torch's optimizer moves a copy."""
    RIGHT["torch's own"][0](n_epochs, copy.deepcopy(model), *others)
    with_optimizer(Momentum)(n_epochs, model, *others)


def test_torchs_own_optimizer_is_accepted_with_a_remark(capsys):
    verdict, _, said = judge(capsys, RIGHT["torch's own"][0])
    assert verdict is True
    assert said.count("Note: it uses torch.optim.SGD itself: ") == 1
    verdict, _, said = judge(capsys, WRONG["optimizer_made_at_each_step"][0])
    assert verdict is False and "Note: it uses torch.optim.SGD itself: " in said


@pytest.mark.parametrize("train", [with_optimizer(Momentum), beside_torchs_own])
def test_an_optimizer_of_ones_own_is_no_torchs(capsys, train):
    verdict, _, said = judge(capsys, train)
    assert verdict is True and "it uses torch.optim" not in said


def test_the_reference_leaves_no_hook_behind():
    before = dict(optimizer._global_optimizer_post_hooks)
    sgd_test(planted_training())
    assert dict(optimizer._global_optimizer_post_hooks) == before
