"""Seeds, intervals and comparisons."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.utils.data import TensorDataset


def test_intervals_are_scipys(part2, luck):
    for right, count in ((0, 10), (7, 10), (1718, 2_000), (2_000, 2_000)):
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert part2.wilson_interval(right / count, count) == pytest.approx(expected, abs=1e-12)
    values = [0.81, 0.84, 0.83, 0.88]
    mean, deviation, half_width = luck.mean_interval(values)
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high))


def test_holm_by_hand(luck):
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, which may not come out below the one before."""
    corrected = luck.holm([0.01, 0.04, 0.03, 0.005])
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert luck.holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_instances_are_measured_on_the_part_named(luck, few_batches, monkeypatch):
    """As test images the training images again, with each label the other one."""
    training = few_batches[:2]
    validation = [(X[:32], y[:32]) for X, y in training]
    parts = [[(X.float(), y) for X, y in part] for part in (training, validation)]
    parts.append([(X, 1 - y) for X, y in parts[0]])
    monkeypatch.setattr(luck, "batches_of_seed", lambda seed: parts)
    run = luck.train_instance(no=4, seed=1)
    assert (run["no"], run["seed"]) == (4, 1)
    assert run["test_accuracy"] == pytest.approx(1 - run["training_accuracy"])
    assert run["validation_accuracy"] > 0.6 > 0.4 > run["test_accuracy"]
    assert run == luck.train_instance(no=4, seed=1)


def test_a_seed_draws_split_and_start(luck, monkeypatch):
    def load(root, seed=265):
        X = torch.full((300, 3, 32, 32), float(seed), dtype=torch.double)
        return [TensorDataset(X, torch.zeros(300, dtype=torch.int64))] * 3

    monkeypatch.setattr(luck.PART2, "load_airplane_bird", load)
    parts = {seed: luck.batches_of_seed.__wrapped__(seed) for seed in (1, 2)}
    for seed, (training, *_) in parts.items():
        assert training[0][0].unique().tolist() == [seed] and training[0][0].dtype == torch.float32
    starts = []

    def replay(model, *_):
        starts.append(next(model.parameters())[0, 0].item())
        return {"model": model, "training_accuracy": 0, "validation_accuracy": 0}

    monkeypatch.setattr(luck, "batches_of_seed", parts.get)
    monkeypatch.setattr(luck, "replay", replay)
    for seed in (1, 2, 1):
        luck.train_instance(4, seed)
    assert starts[0] == starts[2] != starts[1]
