"""Part 2 checked: pytest on the notebook's update and loops."""

import copy
import math

import pytest
import torch
from torch import nn

from checks.planted_updates import PLANTED_STEPS, planted_step
from checks.shared import same_bits
from checks.updates import NETS, SWITCHES, compare_with_torch, dense_net, torch_sgd


@pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=str)
@pytest.mark.parametrize("net", NETS)
def test_manual_step_equals_torch_to_the_last_bit(part2, net, dtype):
    for switches in SWITCHES:
        compare_with_torch(part2.manual_sgd_step, NETS[net], dtype, switches)


def test_manual_step_with_a_layer_frozen_and_thawed(part2):
    for switches in SWITCHES:
        compare_with_torch(
            part2.manual_sgd_step, dense_net, torch.double, switches, thaw_between=(5, 12)
        )


def test_manual_step_by_hand(part2):
    """Two steps down p^2 / 2 from 1, worked out in binary fractions: no torch optimizer judges."""
    point = part2.Point(1.0)
    momentum_buffer = [None]
    seen = []
    for _ in range(2):
        point.zero_grad()
        (point.position**2 / 2).backward()
        part2.manual_sgd_step(point, 0.5, 0.5, 0.25, momentum_buffer)
        seen += [momentum_buffer[0].item(), point.position.item()]
    # g = 1 + 1/4, v = 1.25, p = 1 - 0.625; then g = 0.375 + 0.09375, v = 0.625 + 0.46875, ...
    assert seen == [1.25, 0.375, 1.09375, -0.171875]


def test_manual_step_with_a_zero_gradient(part2):
    """Momentum and decay go on where the gradient is 0: v = 0.5 x 1 + 0.25 x 1, p = 1 - 0.5 v."""
    point, momentum_buffer = part2.Point(1.0), [torch.tensor(1.0, dtype=torch.double)]
    point.position.grad = torch.zeros_like(point.position)
    part2.manual_sgd_step(point, 0.5, 0.5, 0.25, momentum_buffer)
    assert (momentum_buffer[0].item(), point.position.item()) == (0.75, 0.625)


def test_manual_step_continues_a_run_of_torch(part2):
    torch.manual_seed(2)
    theirs = dense_net(torch.double)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    X = torch.randn(4, 5, dtype=torch.double)
    for i in range(6):
        if i == 3:  # half-way the hand-written update takes over, with a copy of torch's state
            ours = copy.deepcopy(theirs)
            state = [optimizer.state[p]["momentum_buffer"].clone() for p in theirs.parameters()]
        for model in (theirs, ours) if i >= 3 else (theirs,):
            model.zero_grad()
            (model(X) ** 2).sum().backward()
        optimizer.step()
        if i >= 3:
            part2.manual_sgd_step(ours, 0.1, 0.9, 0.01, state)
    assert all(map(same_bits, theirs.parameters(), ours.parameters()))


def test_the_form_that_holds_the_planted_mistakes_is_itself_correct():
    for switches in SWITCHES:
        compare_with_torch(planted_step(), dense_net, torch.double, switches)


@pytest.mark.parametrize("name", PLANTED_STEPS)
def test_planted_optimizer_is_rejected(name):
    step = planted_step(**PLANTED_STEPS[name])
    with pytest.raises(AssertionError):
        for switches in SWITCHES:
            compare_with_torch(step, dense_net, torch.double, switches)


REFUSED = [
    dict(learning_rate=-0.1),
    dict(momentum=-0.1),
    dict(weight_decay=-0.1),
    dict(nesterov=True),
    dict(nesterov=True, momentum=0.9, dampening=0.1),
]


@pytest.mark.parametrize("bad", REFUSED, ids=str)
def test_step_refuses_what_torch_refuses(part2, bad):
    switches = dict(learning_rate=0.1, momentum=0.0, weight_decay=0.0) | bad
    net = dense_net(torch.double)
    before = copy.deepcopy(net)
    with pytest.raises(ValueError):
        torch_sgd(net, **switches)
    with pytest.raises(ValueError, match=next(iter(bad))):
        part2.manual_sgd_step(net, momentum_buffer=[None] * 4, **switches)
    assert all(map(same_bits, net.parameters(), before.parameters()))


@pytest.mark.parametrize("name", ["learning_rate", "momentum", "weight_decay", "dampening"])
def test_step_refuses_nan(part2, name):
    switches = dict(learning_rate=0.1, momentum=0.0, weight_decay=0.0) | {name: math.nan}
    with pytest.raises(ValueError, match=f"{name} is nan"):
        part2.manual_sgd_step(dense_net(torch.double), momentum_buffer=[None] * 4, **switches)


def test_step_refuses_a_buffer_of_another_length(part2):
    for count in (1, 5):
        with pytest.raises(ValueError, match=f"{count} entries for 4 parameters"):
            part2.manual_sgd_step(dense_net(torch.double), 0.1, 0.9, 0.0, [None] * count)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_both_training_functions_agree_in_every_bit(part2, few_batches, momentum, weight_decay):
    theirs, ours = part2.new_model(), part2.new_model()
    optimizer = torch_sgd(theirs, 0.05, momentum=momentum, weight_decay=weight_decay)
    their_losses = part2.train(4, optimizer, theirs, nn.CrossEntropyLoss(), few_batches)
    our_losses = part2.train_manual_update(
        4, ours, nn.CrossEntropyLoss(), 0.05, momentum, weight_decay, few_batches
    )
    assert their_losses == our_losses
    assert all(map(same_bits, theirs.parameters(), ours.parameters()))
    untrained = part2.new_model()
    assert not any(map(same_bits, untrained.parameters(), ours.parameters()))


def test_train_is_the_plain_loop(part2, few_batches):
    """Losses and weights are those of a loop written here; the loss is taken before the update."""
    expected, model = part2.new_model(), part2.new_model()
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1, momentum=0.5)
    expected_losses = []
    for _ in range(3):
        batch_losses = []
        for X, y in few_batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(expected(X), y)
            loss.backward()
            optimizer.step()
            batch_losses.append(loss.item())
        expected_losses.append(sum(batch_losses) / 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    losses = part2.train(3, optimizer, model, nn.CrossEntropyLoss(), few_batches)
    assert losses == expected_losses
    assert all(map(same_bits, expected.parameters(), model.parameters()))


def test_whole_runs_forget_no_momentum_between_epochs(part2, few_batches):
    """Two epochs in one call, against the steps of both written out in a row."""
    expected, model = part2.new_model(), part2.new_model()
    momentum_buffer = [None] * 8
    for X, y in [*few_batches, *few_batches]:
        expected.zero_grad()
        nn.functional.cross_entropy(expected(X), y).backward()
        part2.manual_sgd_step(expected, 0.1, 0.9, 0.01, momentum_buffer)
    part2.train_manual_update(2, model, nn.CrossEntropyLoss(), 0.1, 0.9, 0.01, few_batches)
    assert all(map(same_bits, expected.parameters(), model.parameters()))


def test_the_comparison_on_the_images_can_fail(part2, few_batches, monkeypatch):
    """train_both trains once with each optimizer: with the hand-written one off, bits differ."""
    rule = dict(learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    both = part2.train_both(2, few_batches, **rule)
    assert part2.same_bits(both["torch"], both["manual"])
    monkeypatch.setattr(part2, "manual_sgd_step", lambda *arguments: None)
    both = part2.train_both(2, few_batches, **rule)
    assert not part2.same_bits(both["torch"], both["manual"])
    untrained = [p for p in part2.new_model().parameters()]
    assert all(map(same_bits, both["manual"]["model"].parameters(), untrained))
