"""The steps of tasks 4, 6 and 7, one line longer each, and the whole update they grow into."""

import copy

import pytest
import torch

from checks.trainings import same_parameters

# The step in its shortest form, and the same in the signature of manual_sgd_step.
STEPS = {
    "plain": (lambda part2, p, v: part2.plain_step(p, 0.5), (0.5, 0.0, 0.0)),
    "decay": (lambda part2, p, v: part2.decay_step(p, 0.5, 0.25), (0.5, 0.0, 0.25)),
    "momentum": (lambda part2, p, v: part2.momentum_step(p, 0.5, 0.5, 0.25, v), (0.5, 0.5, 0.25)),
}
BY_HAND = {  # from 1, gradients 1, 0.375 and 0
    "plain": [0.5, 0.3125, 0.3125],
    "decay": [0.375, 0.140625, 0.123046875],
    "momentum": [0.375, -0.171875, -0.423828125],
}


@pytest.mark.parametrize("name", STEPS)
def test_step_by_hand(part2, name):
    """In binary fractions, so that no digit is rounded; the gradient itself stays as it is."""
    point, seen = part2.Point(1.0), []
    buffers = [torch.zeros((), dtype=torch.double)]
    for gradient in (1.0, 0.375, 0.0):
        point.position.grad = torch.full_like(point.position, gradient)
        STEPS[name][0](part2, list(point.parameters()), buffers)
        assert point.position.grad.item() == gradient
        seen.append(point.position.item())
    assert seen == BY_HAND[name]


@pytest.mark.parametrize("name", STEPS)
def test_step_is_the_whole_update(part2, few_batches, name):
    """Starting the buffer at 0 or at the first gradient makes no difference, to the last bit."""
    step, rule = STEPS[name]
    short, whole = part2.new_model(), part2.new_model()
    start = copy.deepcopy(short)
    zeros, buffer = [torch.zeros_like(p) for p in short.parameters()], [None] * 8
    for X, y in few_batches:
        for model in (short, whole):
            model.zero_grad()
            part2.LOSS_FUNCTION(model(X), y).backward()
        step(part2, list(short.parameters()), zeros)
        part2.manual_sgd_step(whole, *rule, buffer)
    assert same_parameters(short, whole) and not same_parameters(short, start)


def test_comparison_with_torch_notices_a_wrong_step(part2, few_batches):
    def agrees(step, **switches):
        runs = part2.against_torch(step, few_batches, 2, **switches)
        return part2.same_bits(runs["torch"], runs["manual"])

    assert agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1)
    assert agrees(lambda p: part2.decay_step(p, 0.1, 0.01), lr=0.1, weight_decay=0.01)
    assert not agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1, weight_decay=0.01)
    assert not agrees(lambda p: part2.plain_step(p, 0.1000001), lr=0.1)
    assert not agrees(lambda p: None, lr=0.1)
