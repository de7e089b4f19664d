"""Both curvatures, falls by step, and what continues a training from its middle."""

import copy
import math

import pytest
import torch
from torch import nn

from checks.difference import same_bits
from checks.trainings import same_parameters, torch_sgd
from tests.helpers.curvature import (
    eigenvalues_of,
    gradient_and_hessian,
    largest_eigenvalue,
    small_net,
)

RULE = dict(learning_rate=0.5, momentum=0.5, weight_decay=0.01)


@pytest.mark.parametrize("saddle", [False, True])
def test_tracked_curvature_is_the_hessians_largest_eigenvalue(edge, saddle):
    """From a cold start, from the eigenvector, and where the basis leaves nothing but rounding."""
    net, X, y = small_net(saddle)
    eigenvalues, eigenvectors, hessian = eigenvalues_of(net, X, y)
    assert saddle == (eigenvalues[0] < -0.99 * eigenvalues[-1])
    largest = eigenvalues[-1].item()
    for start, count in ((None, 4), (3 * eigenvectors[:, -1], 1), (eigenvectors[:, -1], 8)):
        curvature, direction = edge.tracked_curvature(net, X, y, start, count)
        assert curvature == pytest.approx(largest, rel=1e-6)
        unit = direction / direction.norm()  # a direction of this curvature: H v = curvature v
        assert (hessian @ unit / largest - unit).norm() < 1e-3


def test_check_of_the_curvature_uses_both_sets(edge):
    net, *whole = small_net()
    few = [values[:4] for values in whole]
    direction = eigenvalues_of(net, *few)[1][:, -1]
    expected = {"cold": largest_eigenvalue(net, *few), "whole": largest_eigenvalue(net, *whole)}
    assert edge.check_curvature(net, few, whole, direction) == pytest.approx(expected, rel=0.01)


def test_batch_sharpness_is_each_batchs_own(edge):
    """Mean over batches, not over images; each with its own gradient and its own Hessian."""
    net, X, y = small_net()
    batches = [(X[:3], y[:3]), (X[3:4], y[3:4]), (X[4:], y[4:])]
    expected = []
    for batch in batches:
        g, hessian = gradient_and_hessian(net, *batch)
        expected.append((g @ hessian @ g / g.norm() ** 2).item())
    mean = sum(expected) / 3
    assert edge.batch_sharpness(net, batches) == pytest.approx(mean, rel=1e-9)
    assert abs(mean - expected[0]) > 0.01 * mean, "the batches do differ"


def test_falls_by_hand(edge):
    """Two falls: one that comes back, one that is cut off by the end."""
    calm = [0.9] * 10
    accuracies = [*calm, 0.81, 0.7, 0.85, 0.87, 0.9, 0.91, 0.9, 0.9, 0.8, 0.83]
    first = {"begin": 11, "lowest": 12, "end": 13, "usual": 0.9, "depth": pytest.approx(0.2)}
    second = {"begin": 19, "lowest": 19, "end": 20, "usual": 0.9, "depth": pytest.approx(0.1)}
    assert edge.find_falls(accuracies, 0.08, 10) == [first, second]
    assert edge.find_falls(accuracies, 0.15, 10) == [first | {"begin": 12, "end": 12}]
    assert edge.find_falls([0.9] * 9 + [0.1], 0.08, 10) == [], "no ten steps before it"
    assert edge.find_falls([*calm, 0.85, 0.83], 0.08, 10) == []
    falls = [{"begin": b, "depth": d} for b, d in ((1, 0.3), (2, 0.1), (3, 0.2), (4, 0.4))]
    assert [fall["begin"] for fall in edge.deepest(falls, 2)] == [1, 4]


def test_swings_by_hand(edge):
    assert edge.largest_fall([0.5, 0.9, 0.6, 0.8, 0.75]) == (3, pytest.approx(0.3))
    assert edge.largest_fall([0.5]) == (1, 0)
    tail = [0.5, 0.6, 0.5, 0.6, 0.5, 0.485, 0.5, 0.6, 0.6, 0.585]  # its mean is 0.547
    deviation = (sum((accuracy - 0.547) ** 2 for accuracy in tail) / 10) ** 0.5
    swings = {"deviation": pytest.approx(deviation), "falls": 3}
    assert edge.swings([0.9, 0.1, 0.4, *tail]) == swings


def small_training(edge):
    net, X, y = small_net()
    batches = [(X[:3], y[:3]), (X[3:5], y[3:5]), (X[5:], y[5:])]
    return edge.Training(copy.deepcopy(net), batches, RULE), (X[2:], y[2:])


def test_what_is_watched_is_torchs_training(part2, edge):
    """After each step, and after each epoch: three batches, and what torch's steps give."""
    training, images = small_training(edge)
    model, expected = copy.deepcopy(training.model), []
    optimizer = torch_sgd(model, RULE["learning_rate"], momentum=0.5, weight_decay=0.01)
    for X, y in 2 * training.batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(X), y).backward()
        optimizer.step()
        row = {"loss": nn.functional.cross_entropy(model(images[0]), images[1]).item()}
        row["curvature"] = largest_eigenvalue(model, *images)
        row["batch_sharpness"] = edge.batch_sharpness(model, training.batches[:: edge.EVERY])
        row["accuracy"] = part2.compute_accuracy(model, [images])
        expected.append({key: pytest.approx(value, rel=0.02) for key, value in row.items()})
    assert edge.watch_steps(training.copy(), images, 6) == expected
    parts = {"validation": [images]}
    by_epoch = [row | {"validation": row["accuracy"]} for row in expected[2::3]]
    assert edge.watch_epochs(training.copy(), parts, images, 2) == by_epoch
    accuracies = [row["accuracy"] for row in by_epoch]
    assert edge.accuracy_by_epoch(training.copy(), [images], 2) == accuracies
    assert training.steps == 0, "a copy's steps are its own"


def test_a_close_look_is_for_falls_of_the_accuracy(edge, monkeypatch):
    """At each step of the epoch of the largest fall, and of the one before it."""
    monkeypatch.setattr(edge, "start", lambda *_: (small_training(edge)[0], None, images))
    images, seen = small_training(edge)[1], []
    monkeypatch.setattr(edge, "find_falls", lambda values: seen.append(values) or [])
    found = edge.look_closely(2, 1, 2)
    assert found["first"] == 3 * max(found["epoch"] - 2, 0)
    assert found["first"] + len(found["steps"]) == 3 * found["epoch"]
    assert seen == [[row["accuracy"] for row in found["steps"]]]


def test_start_is_the_reports_own(part2, edge, images, monkeypatch):
    """The report's seed in double precision: its initial weights, its batches; else others."""
    monkeypatch.setattr(edge.PART2, "load_airplane_bird", lambda root, seed: images)
    training, parts, (X, y) = edge.start(2, part2.SEED, torch.double)
    assert same_parameters(training.model, part2.new_model())
    for part, dataset in zip(("training", "validation"), images[:2], strict=True):
        for ours, theirs in zip(parts[part], part2.make_loader(dataset), strict=True):
            assert same_bits(tuple(ours), tuple(theirs))
    assert same_bits((X, y), images[0][:1000])
    assert training.rule == part2.INSTANCES[2] and training.momentum_buffer == [None] * 8
    other, _, (X, _) = edge.start(4, 1)
    assert X.dtype == next(other.model.parameters()).dtype == torch.float32
    assert other.rule == part2.INSTANCES[4]


def test_interventions_change_one_thing_each(edge, monkeypatch):
    """From two steps before a fall on: the control is the run itself, the others are not."""
    monkeypatch.setattr(edge, "BEFORE", 2)
    monkeypatch.setattr(edge, "AFTER", 5)
    training, images = small_training(edge)
    training.advance(4)
    steps = edge.watch_steps(training.copy(), images, 7)
    falls = [{"begin": 3, "usual": 0.8}, {"begin": 6, "usual": 0.8}]
    found = edge.interventions(training, images, falls)
    assert training.steps == 4
    generator = torch.Generator().manual_seed(0)
    for fall, ways in zip(falls, found, strict=True):
        assert edge.is_same_run(steps, fall, ways["unchanged"])
        assert not any(edge.is_same_run(steps, fall, ways[way]) for way in list(ways)[1:])
        assert {len(rows) for rows in ways.values()} == {5}
        state = training.copy().advance(fall["begin"] - 2)
        expected = state.copy(rule=RULE | {"learning_rate": 0.25})
        assert ways["half rate"] == edge.continued(expected, images, 5)
        for i in (1, 2):
            order = torch.randperm(3, generator=generator).tolist()
            expected = state.copy(batches=[state.batches[j] for j in order])
            assert ways[f"order {i}"] == edge.continued(expected.copy(), images, 5)
            expected.rule = RULE | {"learning_rate": 0.25}
            assert ways[f"order {i}, half rate"] == edge.continued(expected, images, 5)
        lowest = 0.8 - min(accuracy for _, accuracy in ways["half rate"])
        assert edge.depths(fall, ways)["half rate"] == [lowest, lowest]
    # a loss that differs in its last bit is seen
    loss, accuracy = found[0]["unchanged"][0]
    changed = [[math.nextafter(loss, 1), accuracy], *found[0]["unchanged"][1:]]
    assert not edge.is_same_run(steps, falls[0], changed)


def test_depths_look_at_twenty_steps_and_at_all(edge):
    rows = [[0.1, 0.9]] * 19 + [[0.5, 0.6], [0.5, 0.4]]
    depths = edge.depths({"usual": 0.9}, {"half rate": rows})
    assert depths == {"half rate": [pytest.approx(0.3), pytest.approx(0.5)]}


def test_mean_depth_is_that_of_the_new_orders(edge):
    ways = {"unchanged": [9, 9], "half rate": [9, 9]}
    ways |= {"order 1": [0.1, 0.2], "order 2": [0.3, 0.6]}
    ways |= {"order 1, half rate": [0.0, 0.1], "order 2, half rate": [0.2, 0.3]}
    assert edge.mean_depth(ways, 0) == pytest.approx(0.2)
    assert edge.mean_depth(ways, 1) == pytest.approx(0.4)
    assert edge.mean_depth(ways, 1, half=True) == pytest.approx(0.2)


def test_depth_of_any_steps_by_hand(edge):
    """Two starts, after ten and after eleven accuracies: 0.2 and 0.3 below what was usual."""
    accuracies = [*[0.9] * 10, 0.9, 0.7, 0.6]
    assert edge.depth_of_any_steps(accuracies, 2) == pytest.approx((0.2 + 0.3) / 2)
