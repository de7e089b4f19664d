"""The steps of tasks 4, 6 and 7, one line longer each: by hand, and beside torch.optim.SGD."""

import pytest
import torch

STEPS = {  # the step, and where it goes from 1 with the gradients 1, 0.375 and 0
    "plain": (lambda part2, p, v: part2.plain_step(p, 0.5), [0.5, 0.3125, 0.3125]),
    "decay": (lambda part2, p, v: part2.decay_step(p, 0.5, 0.25), [0.375, 0.140625, 0.123046875]),
    "momentum": (
        lambda part2, p, v: part2.momentum_step(p, 0.5, 0.5, 0.25, v),
        [0.375, -0.171875, -0.423828125],
    ),
}


@pytest.mark.parametrize("name", STEPS)
def test_step_by_hand(part2, name):
    """In binary fractions, so that no digit is rounded; the gradient itself stays as it is."""
    (step, expected), point, seen = STEPS[name], part2.Point(1.0), []
    buffers = [torch.zeros((), dtype=torch.double)]
    for gradient in (1.0, 0.375, 0.0):
        point.position.grad = torch.full_like(point.position, gradient)
        step(part2, list(point.parameters()), buffers)
        assert point.position.grad.item() == gradient
        seen.append(point.position.item())
    assert seen == expected


def test_steps_are_torchs_and_a_wrong_one_is_noticed(part2, few_batches):
    """To the last bit. Buffers that start at 0 give what torch's give, the first gradient."""

    def agrees(step, **switches):
        runs = part2.against_torch(step, few_batches[2:], 2, **switches)
        return part2.same_bits(runs["torch"], runs["manual"])

    v = [torch.zeros_like(p) for p in part2.new_model().parameters()]
    assert agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1)
    assert agrees(lambda p: part2.decay_step(p, 0.1, 0.01), lr=0.1, weight_decay=0.01)
    rule = dict(lr=0.1, momentum=0.9, weight_decay=0.01)
    assert agrees(lambda p: part2.momentum_step(p, 0.1, 0.9, 0.01, v), **rule)
    assert not agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1, weight_decay=0.01)
    assert not agrees(lambda p: part2.plain_step(p, 0.1000001), lr=0.1)
    assert not agrees(lambda p: None, lr=0.1)
