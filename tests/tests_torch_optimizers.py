"""What sgd_test says of an update that leaves its work to torch.optim."""

import copy

import pytest
from torch.optim import optimizer

from checks.sgd_test import sgd_test
from checks.trainings import planted_training
from tests.helpers.judging import Momentum, judge
from tests.programs.updates.fresh_wrong import WRONG
from tests.programs.updates.right import RIGHT, other_order


def with_optimizer(make):
    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        other_order(model, loader, loss_fn, n_epochs, make(model.parameters(), lr, mom, decay))

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
