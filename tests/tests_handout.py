"""The hand-out's own harness in the place of this repository's: what it hands over, and expects."""

import torch

from checks.nets import random_tensor
from tests.programs.passes.wrong_loss import target_minus_output


class HandOut:
    """The hand-out's harness, in the points that matter: what it hands over and returns."""

    def __init__(self):
        self.passed, self.seen = [], set()

    def main_test(self, backpropagation, model, eps=1e-7, verbose=False, data="toy"):
        """Returns None; the tests that were passed go to self.passed."""
        mnist = data == "mnist"
        x = random_tensor((1, 1, 24, 24) if mnist else (1, 2), 1).to(next(model.parameters()))
        y_true = random_tensor((1, 1) if mnist else (1, 2), 2).to(x)  # a label alone, as a number
        y_pred = model(x)
        self.seen.add((tuple(y_true.shape), tuple(y_pred.shape)))
        model.zero_grad()
        with torch.no_grad():
            backpropagation(model, y_true, y_pred)
        ((y_pred - y_true) ** 2).sum().backward()  # the target is broadcast
        ours, parameters = [], list(model.parameters())
        for i in range(1, model.L + 1):
            ours += [model.dL_dw[i], model.dL_db[i]]
        for gradient, parameter in zip(ours, parameters, strict=True):
            error = (gradient - parameter.grad).norm() / parameter.grad.norm()
            self.passed.append(bool(error <= 1e-3 and gradient.shape == parameter.shape))
        with torch.no_grad():
            for gradient, parameter in zip(ours, parameters, strict=True):
                entry, slope = parameter.view(-1)[:1], gradient.reshape(-1)[0]
                up, down = (
                    (entry.add_(step), ((model(x) - y_true) ** 2).sum())[1]
                    for step in (eps, -2 * eps)
                )
                entry.add_(eps)
                error = abs((up - down) / (2 * eps) - slope)
                self.passed.append(bool(error <= 1e-3 * abs(slope) + 1e-6))


def test_the_hand_outs_harness_accepts_the_notebooks_pass(backward, part1):
    """Its MNIST targets have the shape (1, 1) against outputs of (1, 10); and it can fail."""
    handout, other = HandOut(), HandOut()
    for n_l, data in (([2, 3, 2], "toy"), ([24 * 24, 16, 10], "mnist")):
        model = part1.MyNet(n_l).double()
        assert handout.main_test(backward, model, verbose=False, data=data) is not False
    assert len(handout.passed) == 16 and all(handout.passed)
    assert handout.seen == {((1, 2), (1, 2)), ((1, 1), (1, 10))}
    other.main_test(target_minus_output, part1.MyNet([2, 3, 2]).double())
    assert not any(other.passed)
