"""Seeds, intervals and comparisons."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch.utils.data import TensorDataset

from checks.shared import same_bits


def test_intervals_are_scipys(part2, luck):
    for right, count in ((0, 10), (7, 10), (1718, 2_000), (2_000, 2_000)):
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert part2.wilson_interval(right / count, count) == pytest.approx(expected, abs=1e-12)
    values = [0.81, 0.84, 0.83, 0.88]
    mean, deviation, half_width = luck.mean_interval(values)
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx(interval)


def test_holm_by_hand(luck):
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, which may not come out below the one before."""
    assert luck.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert luck.holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_a_seed_draws_split_and_start(luck, monkeypatch):
    """Bright birds, dark airplanes, with labels that tell the parts apart.

    Half of the validation labels are wrong, and all of the test labels. The seed changes a shade.
    """

    def load(root, seed):
        y = torch.arange(256) % 2
        X = (2 * y - 1 + seed / 100).double()[:, None, None, None].expand(-1, 3, 32, 32)
        return [TensorDataset(X, labels) for labels in (y, torch.zeros_like(y), 1 - y)]

    class Watched(luck.PART2.MyMLP):
        def __init__(self):
            super().__init__()
            starts.append(self.fc1.weight[0, 0].item())

    starts = []
    monkeypatch.setattr(luck.PART2, "EPOCHS", 8)
    monkeypatch.setattr(luck.PART2, "load_airplane_bird", load)
    monkeypatch.setattr(luck.PART2, "MyMLP", Watched)
    monkeypatch.setattr(luck, "batches_of_seed", luck.batches_of_seed.__wrapped__)
    for seed in (1, 2):
        ((X, _),) = luck.batches_of_seed(seed)[0]
        assert same_bits(X, load("data", seed)[0].tensors[0].float())
        run = luck.train_instance(4, seed)
        assert run == luck.train_instance(4, seed)
        accuracies = [run[f"{part}_accuracy"] for part in ("training", "validation", "test")]
        assert (run["no"], run["seed"], accuracies) == (4, seed, [1, 0.5, 0])
    assert starts[0] == starts[1] != starts[2] == starts[3]
