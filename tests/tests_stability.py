"""Curvature and its bound, confusion and calibration."""

import pytest
import torch

from tests.helpers.curvature import eigenvalues_of, small_net


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
    net, X, y = small_net(saddle)
    eigenvalues, _, _ = eigenvalues_of(net, X, y)
    assert saddle == (eigenvalues[0] < -0.99 * eigenvalues[-1])
    largest = eigenvalues[-1].item()
    assert stability.largest_curvature(net, X, y, 300) == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize("momentum, bound", [(0.0, 20), (0.9, 38)])
def test_momentum_descent_is_stable_below_the_bound(part2, stability, momentum, bound):
    rule = dict(learning_rate=0.1, momentum=momentum)
    assert stability.stability_bound(**rule) == pytest.approx(bound)
    for share, converges in ((0.98, True), (1.02, False)):
        path = part2.descend(lambda x, c=share * bound: c * x**2 / 2, 1.0, 600, **rule)
        assert converges == (abs(path[-1]) < 1e-6) != (abs(path[-1]) > 1e6)


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
    shared = mistakes.shared_mistakes([1, 2, 3], {"another": [2, 3, 4, 5]}, 20)
    expected = {"mistakes": 4, "shared": 2, "by_chance": pytest.approx(0.6)}
    assert shared == {"another": expected}
