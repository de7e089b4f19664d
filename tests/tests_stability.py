"""Curvature and the edge of stability, confusion and calibration."""

import copy

import pytest
import torch
from torch import nn

from checks.trainings import torch_sgd


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


def small_net(saddle=False):
    """A net with 50 parameters or fewer, and a batch of seven images.

    At a saddle (two layers near 0) the Hessian has nearly the negative of each eigenvalue, too.
    """
    torch.manual_seed(5)
    layers = (nn.Linear(12, 3, bias=not saddle), nn.Tanh(), nn.Linear(3, 2, bias=not saddle))
    net = nn.Sequential(nn.Flatten(), *layers).double()
    if saddle:
        for p in net.parameters():
            p.data *= 1e-3
    return net, torch.randn(7, 3, 2, 2).double(), torch.tensor([0, 1, 1, 0, 1, 0, 0])


def eigenvalues_of(net, X, y):
    """The eigenvalues of the whole Hessian, the largest last, their vectors, and the Hessian."""
    parameters = list(net.parameters())
    loss = nn.functional.cross_entropy(net(X), y)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True)
    gradient = nn.utils.parameters_to_vector(gradients)
    rows = torch.eye(len(gradient)).to(gradient)
    parts = torch.autograd.grad(gradient, parameters, rows, is_grads_batched=True)
    hessian = torch.cat([part.flatten(1) for part in parts], dim=1)
    return *torch.linalg.eigh(hessian), hessian


def largest_eigenvalue(*given):
    return eigenvalues_of(*given)[0][-1].item()


@pytest.mark.parametrize("saddle", [False, True])
def test_curvature_is_the_hessians_largest_eigenvalue(stability, saddle):
    """By both functions. From the eigenvector itself, one iteration is enough."""
    net, X, y = small_net(saddle)
    eigenvalues, eigenvectors, hessian = eigenvalues_of(net, X, y)
    assert saddle == (eigenvalues[0] < -0.99 * eigenvalues[-1])
    largest = eigenvalues[-1].item()
    assert stability.largest_curvature(net, X, y, 300) == pytest.approx(largest, rel=1e-5)
    for start, count, closeness in ((None, 50, 1e-5), (3 * eigenvectors[:, -1], 1, 1e-9)):
        curvature, direction = stability.tracked_curvature(net, X, y, start, largest, count)
        assert curvature == pytest.approx(largest, rel=closeness)
        unit = direction / direction.norm()  # a direction of this curvature: H v = curvature v
        assert (hessian @ unit / largest - unit).norm() < closeness**0.5


def test_check_of_the_curvature_uses_both_sets(stability):
    net, *whole = small_net()
    few = [values[:4] for values in whole]
    expected = {"cold": largest_eigenvalue(net, *few), "whole": largest_eigenvalue(net, *whole)}
    assert stability.check_curvature(net, few, whole, 1.0) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("momentum, bound", [(0.0, 20), (0.9, 38)])
def test_momentum_descent_is_stable_below_the_bound(part2, stability, momentum, bound):
    rule = dict(learning_rate=0.1, momentum=momentum)
    assert stability.stability_bound(rule) == pytest.approx(bound)
    for share, converges in ((0.98, True), (1.02, False)):
        path = part2.descend(lambda x, c=share * bound: c * x**2 / 2, 1.0, 600, **rule)
        assert converges == (abs(path[-1]) < 1e-6) != (abs(path[-1]) > 1e6)


def test_falls_and_swings_by_hand(stability):
    assert stability.largest_fall([0.5, 0.9, 0.6, 0.8, 0.75]) == (3, pytest.approx(0.3))
    assert stability.largest_fall([0.5]) == (1, 0)
    tail = [0.5, 0.6, 0.5, 0.6, 0.5, 0.485, 0.5, 0.6, 0.6, 0.585]  # its mean is 0.547
    deviation = (sum((accuracy - 0.547) ** 2 for accuracy in tail) / 10) ** 0.5
    swings = {"deviation": pytest.approx(deviation), "falls": 3}
    assert stability.swings([0.9, 0.1, 0.4, *tail]) == swings


def test_curvature_on_the_way_is_that_of_torchs_net(part2, stability, monkeypatch):
    """Three batches, a subset of their images, and what torch's steps give after each step.

    steps_around: after each step of an epoch and of the one before it, where there is one.
    curvature_by_epoch: that of tracked_curvature, given direction and size of the epoch before.
    """
    net, X, y = small_net()
    batches, subset = [(X[:3], y[:3]), (X[3:5], y[3:5]), (X[5:], y[5:])], (X[2:], y[2:])
    monkeypatch.setattr(stability.PART2, "new_model", lambda: copy.deepcopy(net))
    model, expected = copy.deepcopy(net), []
    optimizer = torch_sgd(model, 0.5, momentum=0.5, weight_decay=0.01)
    for images, labels in 4 * batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
        loss = nn.functional.cross_entropy(model(subset[0]), subset[1]).item()
        row = {"loss": pytest.approx(loss, rel=1e-9)}
        row["curvature"] = pytest.approx(largest_eigenvalue(model, *subset), rel=0.05)
        expected.append(row | {"accuracy": part2.compute_accuracy(model, [subset])})
    rule = dict(learning_rate=0.5, momentum=0.5, weight_decay=0.01)
    for epoch, first, last in ((1, 0, 3), (2, 0, 6), (4, 6, 12)):
        assert stability.steps_around(epoch, rule, batches, subset) == expected[first:last]

    given = []

    def tracked(model, X, y, direction, shift):
        given.append((direction, shift))
        assert X is subset[0] and y is subset[1]
        return -len(given), len(given)

    monkeypatch.setattr(stability, "tracked_curvature", tracked)
    rows = stability.curvature_by_epoch(rule, batches, {"validation": [subset]}, subset, 4)
    accuracies = [row["accuracy"] for row in expected[2::3]]
    assert rows == [{"curvature": -i, "validation": a} for i, a in enumerate(accuracies, start=1)]
    assert given == [(None, 0), (1, 1), (2, 2), (3, 3)]


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
