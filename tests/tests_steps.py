"""The steps of tasks 4, 6 and 7, one line longer each, beside torch.optim.SGD."""

import torch

from checks.difference import same_bits


def test_steps_are_torchs_and_a_wrong_one_is_noticed(part2, few_batches):
    """To the last bit. Buffers that start at 0 give what torch's give, the first gradient."""

    def agrees(step, **switches):
        def watched(parameters):
            before = [p.grad.clone() for p in parameters]
            step(parameters)
            assert all(same_bits(p.grad, g) for p, g in zip(parameters, before, strict=True))

        runs = part2.against_torch(watched, few_batches[2:], 3, **switches)
        return part2.same_bits(runs["torch"], runs["manual"])

    v = [torch.zeros_like(p) for p in part2.new_model().parameters()]
    assert agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1)
    assert agrees(lambda p: part2.decay_step(p, 0.1, 0.01), lr=0.1, weight_decay=0.01)
    rule = dict(lr=0.1, momentum=0.9, weight_decay=0.01)
    assert agrees(lambda p: part2.momentum_step(p, 0.1, 0.9, 0.01, v), **rule)
    assert not agrees(lambda p: part2.plain_step(p, 0.1), lr=0.1, weight_decay=0.01)
    assert not agrees(lambda p: part2.plain_step(p, 0.1000001), lr=0.1)
    assert not agrees(lambda p: None, lr=0.1)
