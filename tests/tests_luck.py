"""Seeds, averaged weights, intervals and comparisons."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks.difference import same_bits
from checks.trainings import same_parameters

PARTS = ("training", "validation", "test")


def load_two_colors(root, seed):
    """Bright birds, dark airplanes, with labels that tell the parts apart.

    Half of the validation labels are wrong (the birds'), and a quarter of the test labels (half of
    the airplanes'). The seed changes a shade.
    """
    number = torch.arange(260)
    y, wrong = number % 2, number % 4 == 2
    X = (2 * y - 1 + seed / 100).double()[:, None, None, None].expand(-1, 3, 32, 32)
    return [TensorDataset(X, labels) for labels in (y, torch.zeros_like(y), y + wrong)]


@pytest.fixture
def nets(luck, monkeypatch):
    """Trainings of 8 epochs of two steps, on images of two colors; the list of the nets made.

    A net has one layer. It begins with a bird for each image.
    """

    class OneLayer(nn.Linear):
        def __init__(self):
            super().__init__(3072, 2, dtype=torch.double)
            self.start = self.weight[0, 0].item()
            nn.init.constant_(self.bias[1], 3)
            made.append(self)

        def forward(self, X):
            return super().forward(X.flatten(1))

    made = []
    monkeypatch.setattr(luck.PART2, "EPOCHS", 8)
    monkeypatch.setattr(luck.PART2, "load_airplane_bird", load_two_colors)
    monkeypatch.setattr(luck.PART2, "MyMLP", OneLayer)
    monkeypatch.setattr(luck, "batches_of_seed", luck.batches_of_seed.__wrapped__)
    return made


def accuracies(run, prefix=""):
    return [run[f"{prefix}{part}_accuracy"] for part in PARTS]


def test_intervals_are_scipys(part2, luck):
    from scipy import stats

    for right, count in ((0, 10), (7, 10), (1718, 2_000), (2_000, 2_000)):
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert part2.wilson_interval(right / count, count) == pytest.approx(expected, abs=1e-12)
    values = [0.81, 0.84, 0.83, 0.88]
    mean, deviation, half_width = luck.mean_interval(values)
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    interval = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx(interval)


def test_a_seed_draws_split_and_start(luck, nets):
    runs = [luck.train_instance(4, seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] and nets[0].start == nets[1].start != nets[2].start
    for seed, run in zip((1, 2), runs[1:], strict=True):
        X = torch.cat([X for X, _ in luck.batches_of_seed(seed)[0]])
        assert same_bits(X, load_two_colors("data", seed)[0].tensors[0].float())
        assert (run["no"], run["seed"], run["fall"]) == (4, seed, False)
        assert accuracies(run) == [1, 0.5, 0.75]


def test_averaged_by_hand(luck):
    """1 % of the way from 0 to 1 and to -2; then 1 % of what is left to 3 and to -2."""
    average, model = nn.Linear(1, 1), nn.Linear(1, 1)
    for net, *values in ((average, 0, 0), (model, 1, -2)):
        nn.utils.vector_to_parameters(torch.tensor(values).float(), net.parameters())
    for weight, expected in ((1, [0.01, -0.02]), (3, [0.01 + 0.01 * 2.99, -0.02 - 0.01 * 1.98])):
        with torch.no_grad():
            model.weight.fill_(weight)
            luck.averaged(average, model)
        assert [p.item() for p in average.parameters()] == pytest.approx(expected)
    assert (model.weight.item(), model.bias.item()) == (3, -2), "the model itself stays"


def test_the_average_takes_no_part_in_the_training(luck, nets, monkeypatch):
    """At a rate of 1 the average is the last net, at 0 the first one; the last net is the same."""
    runs = {}
    for rate in (0.01, 1, 0):
        monkeypatch.setattr(luck, "AVERAGE_RATE", rate)
        runs[rate] = luck.train_instance(2, 1)
        assert accuracies(runs[rate]) == [1, 0.5, 0.75]
        for prefix in ("", "average_"):
            by_epoch = runs[rate][f"{prefix}validation_by_epoch"]
            assert len(by_epoch) == 8
            assert by_epoch[-1] == runs[rate][f"{prefix}validation_accuracy"]
        assert runs[rate]["validation_by_epoch"] == runs[0.01]["validation_by_epoch"]
    assert same_parameters(nets[0], nets[1]) and same_parameters(nets[0], nets[2])
    assert accuracies(runs[1], "average_") == [1, 0.5, 0.75]
    assert runs[1]["average_validation_by_epoch"] == runs[1]["validation_by_epoch"]
    assert accuracies(runs[0], "average_") == [0.5, 0, 0.75], "a bird each time"
    assert runs[0]["average_validation_by_epoch"] == 8 * [0]


@pytest.mark.parametrize("fall", [True, False])
def test_learning_rates_of_a_training(luck, nets, monkeypatch, fall):
    """No 6 takes 16 steps: the first eleven at the whole rate, in both cases."""
    step, seen = luck.PART2.manual_sgd_step, []

    def recorded(model, learning_rate, **rest):
        seen.append((learning_rate, rest["momentum"], rest["weight_decay"]))
        step(model, learning_rate, **rest)

    monkeypatch.setattr(luck.PART2, "manual_sgd_step", recorded)
    assert luck.train_instance(6, 1, fall)["fall"] == fall
    rates, momenta, decays = zip(*seen, strict=True)
    assert (set(momenta), set(decays)) == ({0.9}, {0.001})
    last = [15 / 16, 12 / 16, 9 / 16, 6 / 16, 3 / 16] if fall else [1] * 5
    assert rates == pytest.approx([0.01 * share for share in [1] * 11 + last])


def test_sources_of_luck_by_hand(luck):
    """Two epochs that do not count, then ten with means 0.5 and 0.7, deviations 0.1 and 0.2."""
    first, second = [0, 1, *[0.4, 0.6] * 5], [1, 0, *[0.5, 0.9] * 5]
    runs = [
        {"no": no, "average_validation_by_epoch": by_epoch, "validation_by_epoch": [0.5] * 12}
        for no, by_epoch in ((7, first), (3, [0.5] * 12), (7, second), (3, [0.5] * 12))
    ]
    sources = luck.sources_of_luck(runs, 24, "average_")
    expected = {"stop": 0.025**0.5, "seed": 0.02**0.5, "images": (0.6 * 0.4 / 24) ** 0.5}
    assert list(sources) == ["7", "3"] and sources["7"] == pytest.approx(expected)
    still = {"stop": 0, "seed": 0, "images": (0.25 / 24) ** 0.5}
    assert sources["3"] == luck.sources_of_luck(runs, 24)["7"] == pytest.approx(still)


def made_up_runs(table, prefix=""):
    """Runs from {no: [(validation accuracy, test accuracy) of each seed]}, seed by seed."""
    keys = ("no", f"{prefix}validation_accuracy", f"{prefix}test_accuracy")
    rows = [[(no, *pair) for pair in pairs] for no, pairs in table.items()]
    return [dict(zip(keys, row, strict=True)) for rows in zip(*rows, strict=True) for row in rows]


@pytest.mark.parametrize("prefix", ["", "average_"])
def test_summary_by_hand(luck, prefix):
    table = {6: [(0.5, 0.9), (0.7, 0.8)], 2: [(0.4, 0.4), (0.4, 0.4)]}
    summary = luck.summary_of(made_up_runs(table, prefix), prefix)
    assert list(summary) == ["6", "2"] and list(summary["6"]) == ["validation", "test"]
    for no, part, values in (
        ("6", "validation", [0.5, 0.7]),
        ("6", "test", [0.9, 0.8]),
        ("2", "validation", [0.4, 0.4]),
    ):
        assert list(summary[no][part]) == ["mean", "deviation", "half_width"]
        assert tuple(summary[no][part].values()) == luck.mean_interval(values)
    assert luck.summary_of([]) == {}


def test_surviving_pairs_by_hand(luck):
    """Against No 5, t is 6.3 for No 4 and 3.1 for No 8: p is 0.003 and 0.038, of which the double
    is too much. Between No 4 and No 8 p is 0.15.
    """
    worst = np.array([0.5, 0.6, 0.7, 0.5, 0.6])
    values = {
        5: worst,
        4: worst + [0.01, 0.02, 0.03, 0.02, 0.02],
        8: worst + [0.019, 0.009, 0.0, 0.009, 0.009],
    }
    survivors, pairs = luck.surviving_pairs(values)
    assert pairs == [(5, 4), (5, 8), (4, 8)]
    assert survivors == [[4, 5]], "the better one first"
    alone = {no: values[no] for no in (5, 8)}
    assert luck.surviving_pairs(alone)[0] == [[8, 5]], "one comparison needs no correction"
    assert luck.surviving_pairs({no: values[no] for no in (8, 5)})[0] == [[8, 5]]


def test_holm_by_hand(luck):
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, which may not come out below the one before."""
    assert luck.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert luck.holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_equal_values_do_not_differ(luck):
    """Nor does their pair, whose p-value is NaN, hide that a third one is better."""
    same = np.array([0.5, 0.7, 0.6])
    values = {1: same, 2: same.copy(), 3: same + [0.1, 0.11, 0.1]}
    assert luck.surviving_pairs(values)[0] == [[3, 1], [3, 2]]


@pytest.mark.parametrize("prefix", ["", "average_"])
def test_cost_of_selection_by_hand(luck, prefix):
    """No 4 is chosen and then No 9; No 11, which is left out, would be chosen each time."""
    table = {2: [(0.8, 0.8), (0.6, 0.5)], 4: [(0.9, 0.7), (0.5, 0.7)]}
    table |= {11: [(1.0, 0.0), (1.0, 0.0)], 9: [(0.7, 0.6), (0.9, 0.9)]}
    cost = luck.cost_of_selection(made_up_runs(table, prefix), [2, 4, 9], prefix)
    assert cost.pop("selected") == {"4": 1, "9": 1}
    expected = {  # of the two seeds
        "test_accuracy": [0.7, 0.9],
        "optimism": [0.2 - (0 + 0.1) / 2, 0 - (0.1 - 0.2) / 2],
        "regret": [0.8 - 0.7, 0],
    }
    assert list(cost) == list(expected)
    for key, values in expected.items():
        assert cost[key] == pytest.approx(luck.mean_interval(values)), key


def test_seeds_needed_by_hand(luck):
    """Differences of 0.1, 0 and 0.2: mean and deviation are 0.1, so 2.8 squared: 7.84."""
    values = {1: np.array([0.5, 0.6, 0.7]), 2: np.array([0.4, 0.6, 0.5])}
    assert luck.seeds_needed(values, 1, 2) == luck.seeds_needed(values, 2, 1) == 8
    assert luck.seeds_needed(values, 1, 1) is None
