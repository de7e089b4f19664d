"""An update beside torch.optim.SGD, step by step and bit by bit."""

import copy
from itertools import product

import torch
from torch import nn

from checks.shared import same_bits


def dense_net(dtype):
    return nn.Sequential(nn.Linear(5, 4, dtype=dtype), nn.Tanh(), nn.Linear(4, 2, dtype=dtype))


def frozen_net(dtype):
    """One layer without a gradient, and a 0-dimensional parameter that the output never uses."""
    net = dense_net(dtype)
    net[0].requires_grad_(False)
    net.unused = nn.Parameter(torch.tensor(1.0, dtype=dtype))
    return net


def batch_norm_net(dtype):
    normalization = nn.BatchNorm1d(4, dtype=dtype)
    return nn.Sequential(nn.Linear(5, 4, dtype=dtype), normalization, nn.Linear(4, 2, dtype=dtype))


def convolutional_net(dtype):
    convolution = nn.Conv1d(1, 2, kernel_size=3, dtype=dtype)
    layers = (nn.Unflatten(1, (1, 5)), convolution, nn.Flatten(), nn.Linear(6, 2, dtype=dtype))
    return nn.Sequential(*layers)


class ScaledNet(nn.Module):
    """A 0-dimensional parameter that the output uses."""

    def __init__(self, dtype):
        super().__init__()
        self.dense, self.scale = dense_net(dtype), nn.Parameter(torch.tensor(1.5, dtype=dtype))

    def forward(self, X):
        return self.scale * self.dense(X)


NETS = {
    "dense": dense_net,
    "frozen": frozen_net,
    "batch norm": batch_norm_net,
    "convolution": convolutional_net,
    "0-dimensional": ScaledNet,
}
SWITCHES = [
    dict(learning_rate=lr, momentum=momentum, weight_decay=decay, **more)
    for lr, momentum, decay in product((0.1, 0.01), (0.0, 0.9), (0.0, 0.01))
    for more in (
        dict(),
        dict(maximize=True),
        dict(dampening=0.3),
        dict(nesterov=True),
        dict(nesterov=True, maximize=True),
    )
    if momentum > 0 or "nesterov" not in more
]


def torch_sgd(model, learning_rate, **switches):
    return torch.optim.SGD(model.parameters(), lr=learning_rate, **switches)


def compare_with_torch(step, make_net, dtype, switches, step_count=20, thaw_between=()):
    """Walk `step` and torch.optim.SGD side by side from the same start; assert equal bits.

    Parameters, momentum buffers and gradients are compared at every step. `thaw_between`: the
    steps at which the first parameter is frozen and thawed.
    """
    torch.manual_seed(1)
    theirs = make_net(dtype)
    ours = copy.deepcopy(theirs)
    optimizer, momentum_buffer = (
        torch_sgd(theirs, **switches),
        [None] * len(list(ours.parameters())),
    )
    for i in range(step_count):
        X, y = torch.randn(3, 5, dtype=dtype), torch.randn(3, 2, dtype=dtype)
        for model in (theirs, ours):
            model.zero_grad()
            if i in thaw_between:
                next(model.parameters()).requires_grad_(i == thaw_between[1])
            ((model(X) - y) ** 2).sum().backward()
        optimizer.step()
        gradients = [None if p.grad is None else p.grad.clone() for p in ours.parameters()]
        step(ours, momentum_buffer=momentum_buffer, **switches)
        pairs = zip(theirs.parameters(), ours.parameters(), strict=True)
        for j, (p, q) in enumerate(pairs):
            where = f"step {i + 1}, parameter {j}, {switches}, {dtype}"
            assert same_bits(p, q), f"parameters differ at {where}:\n{p}\n{q}"
            assert (q.grad is None) == (gradients[j] is None), f"a gradient came or went at {where}"
            if q.grad is not None:
                assert same_bits(q.grad, gradients[j]), f"the step changed a gradient at {where}"
            theirs_buffer = optimizer.state[p].get("momentum_buffer")
            assert (theirs_buffer is None) == (momentum_buffer[j] is None), f"buffer at {where}"
            if theirs_buffer is not None:
                assert same_bits(theirs_buffer, momentum_buffer[j]), f"buffers differ at {where}"
                alias = q.grad is not None and momentum_buffer[j].data_ptr() == q.grad.data_ptr()
                assert not alias, f"the buffer is the gradient's own memory at {where}"
