"""Curvature, confusion and calibration."""

import pytest
import torch
from torch import nn


def test_confusion_and_calibration_by_hand(part2, mistakes):
    """Five images: right at 0.93 and 0.53, wrong at 0.98, 0.53 and 0.51."""
    confident = [[0.93, 0.07], [0.02, 0.98]]
    probabilities = torch.tensor([*confident, [0.53, 0.47], [0.47, 0.53], [0.49, 0.51]])
    labels = torch.tensor([0, 0, 0, 0, 0])
    assert part2.confusion_matrix(probabilities, labels).tolist() == [[2, 3], [0, 0]]
    assert part2.confusion_matrix(probabilities, 1 - labels).tolist() == [[0, 0], [2, 3]]
    rows, error = mistakes.calibration(probabilities.double(), labels)
    assert [(n, right) for n, _, right in rows] == [(3, pytest.approx(1 / 3)), (1, 1), (1, 0)]
    assert error == pytest.approx((0.53 + 0.53 + 0.51 - 1 + (1 - 0.93) + 0.98) / 5)


@pytest.mark.parametrize("saddle", [False, True])
def test_curvature_is_the_hessians_largest_eigenvalue(stability, saddle):
    """At a saddle (two layers near 0) there is nearly the negative of each eigenvalue, too."""
    torch.manual_seed(5)
    layers = (nn.Linear(12, 3, bias=not saddle), nn.Tanh(), nn.Linear(3, 2, bias=not saddle))
    net = nn.Sequential(nn.Flatten(), *layers).double()
    parameters = list(net.parameters())
    if saddle:
        for p in parameters:
            p.data *= 1e-3
    X, y = torch.randn(7, 3, 2, 2).double(), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    loss = nn.functional.cross_entropy(net(X), y)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    hessian = [
        nn.utils.parameters_to_vector(torch.autograd.grad(g, parameters, retain_graph=True))
        for g in nn.utils.parameters_to_vector(gradients)
    ]
    eigenvalues = torch.linalg.eigvalsh(torch.stack(hessian))
    assert saddle == (eigenvalues[0] < -0.99 * eigenvalues[-1])
    largest = eigenvalues[-1].item()
    assert stability.largest_curvature(net, X, y, 300) == pytest.approx(largest, rel=1e-5)


def test_nearest_images_sees_mirrors_brightness_and_contrast(mistakes):
    """A mirrored, darker, flatter copy is found; of unrelated noise no image comes near."""
    torch.manual_seed(3)
    others = torch.rand(5, 3, 32, 32).double()
    images = torch.stack([0.3 * others[4].flip(2) - 0.5, torch.rand(3, 32, 32).double()])
    correlations, places = mistakes.nearest_images(images, others)
    assert correlations[0] == pytest.approx(1, abs=1e-5) and places[0] == 4
    assert correlations[1] < 0.2


def test_shared_mistakes_by_hand(mistakes):
    """Three mistakes and four, two of them shared, among twenty images: 0.6 by chance."""
    shared = mistakes.shared_mistakes([1, 2, 3], {"another": [2, 3, 4, 5], "none": []}, 20)
    assert shared["another"] == {"mistakes": 4, "shared": 2, "by_chance": pytest.approx(0.6)}
    assert shared["none"] == {"mistakes": 0, "shared": 0, "by_chance": 0}
