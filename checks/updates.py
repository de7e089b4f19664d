"""An update beside torch.optim.SGD, step by step and bit by bit."""

import copy
from itertools import product

import torch
from torch import nn

from checks.difference import bits, same_bits


def dense_net(dtype=torch.double):
    return nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 2)).to(dtype)


class MixedNet(nn.Module):
    """Parameters of all kinds: of a convolution, a batch norm, a frozen layer; single numbers."""

    def __init__(self, dtype=torch.double):
        super().__init__()
        convolution = (nn.Unflatten(1, (1, 5)), nn.Conv1d(1, 2, kernel_size=3), nn.Flatten())
        self.layers = nn.Sequential(*convolution, nn.BatchNorm1d(6), nn.Linear(6, 4), nn.Tanh())
        self.frozen = nn.Linear(4, 2).requires_grad_(False)
        self.scale, self.unused = (nn.Parameter(torch.tensor(1.5)) for _ in range(2))
        self.to(dtype)

    def forward(self, X):
        return self.scale * self.frozen(self.layers(X))


NETS = {"dense": dense_net, "mixed": MixedNet}
MORE = [dict(), dict(maximize=True), dict(dampening=0.3)]
MORE_WITH_MOMENTUM = [*MORE, dict(nesterov=True), dict(nesterov=True, maximize=True)]
SWITCHES = [  # with a smaller decay, one rounding too many would seldom be seen
    dict(learning_rate=lr, momentum=momentum, weight_decay=decay, **more)
    for lr, momentum, decay in product((0.1, 0.01), (0.0, 0.9), (0.0, 0.1))
    for more in (MORE_WITH_MOMENTUM if momentum else MORE)
]


def same_parameters(left, right):
    """True if two models have the same parameters to the last bit."""
    return bits(tuple(left.parameters())) == bits(tuple(right.parameters()))


def torch_sgd(model, learning_rate, **switches):
    return torch.optim.SGD(model.parameters(), lr=learning_rate, **switches)


def compare_with_torch(step, make_net, dtype, switches, step_count=20):
    """Walk `step` and torch.optim.SGD side by side from the same start; assert equal bits.

    Parameters, gradients and momentum buffers are compared at every step. On the way `step` is
    given a copy of torch's run to continue, and the first parameter is frozen and thawed.
    """
    torch.manual_seed(1)
    theirs = make_net(dtype)
    ours, momentum_buffer = copy.deepcopy(theirs), [None for _ in theirs.parameters()]
    optimizer = torch_sgd(theirs, **switches)
    for i in range(step_count):
        if i == 3:
            buffers = [optimizer.state[p].get("momentum_buffer") for p in theirs.parameters()]
            ours, momentum_buffer = copy.deepcopy((theirs, buffers))
        X, y = torch.randn(3, 5, dtype=dtype), torch.randn(3, 2, dtype=dtype)
        for model in (theirs, ours):
            model.zero_grad()
            next(model.parameters()).requires_grad_(i not in range(5, 12))
            ((model(X) - y) ** 2).sum().backward()
        optimizer.step()
        step(ours, momentum_buffer=momentum_buffer, **switches)
        triples = zip(theirs.parameters(), ours.parameters(), momentum_buffer, strict=True)
        for j, (p, q, buffer) in enumerate(triples):
            where = f"step {i + 1}, parameter {j}, {switches}, {dtype}"
            theirs_buffer = optimizer.state[p].get("momentum_buffer")
            assert same_bits(p, q), f"parameters differ at {where}:\n{p}\n{q}"
            assert same_bits(p.grad, q.grad), f"the step changed a gradient at {where}"
            assert same_bits(theirs_buffer, buffer), f"momentum buffers differ at {where}"
            if buffer is not None and q.grad is not None:
                own_memory = buffer.data_ptr() != q.grad.data_ptr()
                assert own_memory, f"the buffer is the gradient's own memory at {where}"


def check_update(step, make_net=dense_net, dtype=torch.double):
    """compare_with_torch in all SWITCHES."""
    for switches in SWITCHES:
        compare_with_torch(step, make_net, dtype, switches)
