"""Curvature, confusion and calibration."""

import pytest
import torch
from torch import nn


def test_confusion_and_calibration_by_hand(part2, mistakes):
    """Five images: right at 0.96 and 0.53, wrong at 0.98, 0.53 and 0.53."""
    probabilities = torch.tensor([[0.96, 0.04], [0.02, 0.98], [0.53, 0.47]] + [[0.47, 0.53]] * 2)
    labels = torch.tensor([0, 0, 0, 0, 0])
    assert part2.confusion_matrix(probabilities, labels).tolist() == [[2, 3], [0, 0]]
    assert part2.confusion_matrix(probabilities, 1 - labels).tolist() == [[0, 0], [2, 3]]
    rows, error = mistakes.calibration(probabilities.double(), labels)
    assert [n for n, _, _ in rows] == [3, 2]
    assert [right for _, _, right in rows] == pytest.approx([1 / 3, 1 / 2])
    assert error == pytest.approx((3 * abs(0.53 - 1 / 3) + 2 * abs(0.97 - 1 / 2)) / 5)


def curved_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Tanh(), nn.Linear(3, 2)).double()


def saddle_net():
    """Two linear layers near 0: for each eigenvalue there is nearly its negative."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False), nn.Linear(3, 2, bias=False))
    nn.utils.vector_to_parameters(1e-3 * torch.randn(42), net.parameters())
    return net.double()


@pytest.mark.parametrize("net", [curved_net, saddle_net])
def test_curvature_is_the_hessians_largest_eigenvalue(stability, net):
    torch.manual_seed(5)
    net = net()
    X, y = torch.randn(7, 3, 2, 2).double(), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    names, values = zip(*net.named_parameters(), strict=True)

    def loss(flat):
        pieces = flat.split([p.numel() for p in values])
        parts = [piece.view_as(p) for piece, p in zip(pieces, values, strict=True)]
        named = dict(zip(names, parts, strict=True))
        return nn.functional.cross_entropy(torch.func.functional_call(net, named, (X,)), y)

    flat = nn.utils.parameters_to_vector(values).detach()
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))
    largest = eigenvalues.max().item()
    assert stability.largest_curvature(net, X, y, 300) == pytest.approx(largest, rel=1e-5)
