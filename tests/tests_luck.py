"""Seeds, averaged weights, intervals and comparisons."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.utils.data import TensorDataset

from checks.difference import same_bits
from checks.trainings import same_parameters

PARTS = ("training", "validation", "test")
T_OF_TWO = 12.7062  # Student's t for a 95% interval of two values


def load_two_colors(root, seed):
    """Bright birds, dark airplanes, with labels that tell the parts apart.

    Half of the validation labels are wrong (the birds'), and a quarter of the test labels (half of
    the airplanes'). The seed changes a shade.
    """
    number = torch.arange(300)
    y, wrong = number % 2, number % 4 == 2
    X = (2 * y - 1 + seed / 100).double()[:, None, None, None].expand(-1, 3, 32, 32)
    return [TensorDataset(X, labels) for labels in (y, torch.zeros_like(y), y + wrong)]


@pytest.fixture
def nets(luck, monkeypatch):
    """Trainings of 8 epochs of two steps on images of two colors; the list of the nets made."""

    class Watched(luck.PART2.MyMLP):
        def __init__(self):
            super().__init__()
            self.start = self.fc1.weight[0, 0].item()
            made.append(self)

    made = []
    monkeypatch.setattr(luck.PART2, "EPOCHS", 8)
    monkeypatch.setattr(luck.PART2, "load_airplane_bird", load_two_colors)
    monkeypatch.setattr(luck.PART2, "MyMLP", Watched)
    monkeypatch.setattr(luck, "batches_of_seed", luck.batches_of_seed.__wrapped__)
    return made


def accuracies(run, prefix=""):
    return [run[f"{prefix}{part}_accuracy"] for part in PARTS]


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


def test_a_seed_draws_split_and_start(luck, nets):
    for seed in (1, 2):
        (X, _), (more, _) = luck.batches_of_seed(seed)[0]
        assert same_bits(torch.cat([X, more]), load_two_colors("data", seed)[0].tensors[0].float())
        run = luck.train_instance(4, seed)
        assert run == luck.train_instance(4, seed)
        assert (run["no"], run["seed"], run["fall"]) == (4, seed, False)
        assert accuracies(run) == [1, 0.5, 0.75]
        for prefix in ("", "average_"):
            by_epoch = run[f"{prefix}validation_by_epoch"]
            assert len(by_epoch) == 8 and by_epoch[-1] == run[f"{prefix}validation_accuracy"]
    starts = [net.start for net in nets]
    assert starts[0] == starts[1] != starts[2] == starts[3]


def test_averaged_by_hand(luck):
    """1 % of the way from 0 to 1 and to -2; then 1 % of what is left to 3 and to -2."""
    average, model = nn.Linear(1, 1), nn.Linear(1, 1)
    with torch.no_grad():
        for net, *values in ((average, 0, 0), (model, 1, -2)):
            nn.utils.vector_to_parameters(torch.tensor(values).float(), net.parameters())
        luck.averaged(average, model)
        seen = [average.weight.item(), average.bias.item()]
        model.weight.fill_(3)
        luck.averaged(average, model)
    seen += [average.weight.item(), average.bias.item()]
    assert seen == pytest.approx([0.01, -0.02, 0.01 + 0.01 * 2.99, -0.02 - 0.01 * 1.98])
    assert (model.weight.item(), model.bias.item()) == (3, -2), "the model itself stays"
    assert luck.AVERAGE_RATE == 0.01


def test_the_average_takes_no_part_in_the_training(luck, nets, monkeypatch):
    """At a rate of 1 the average is the last net, at 0 the first one; the last net is the same."""
    runs = {}
    for rate in (0.01, 1, 0):
        monkeypatch.setattr(luck, "AVERAGE_RATE", rate)
        runs[rate] = luck.train_instance(2, 1)
        assert accuracies(runs[rate]) == accuracies(runs[0.01])
        assert runs[rate]["validation_by_epoch"] == runs[0.01]["validation_by_epoch"]
    assert same_parameters(nets[0], nets[1]) and same_parameters(nets[0], nets[2])
    assert accuracies(runs[1], "average_") == accuracies(runs[1]) == [1, 0.5, 0.75]
    assert runs[1]["average_validation_by_epoch"] == runs[1]["validation_by_epoch"]
    torch.manual_seed(1)
    start = luck.PART2.MyMLP().float()
    at_start = [luck.PART2.compute_accuracy(start, part) for part in luck.batches_of_seed(1)]
    assert at_start == accuracies(runs[0], "average_") != accuracies(runs[0])
    assert runs[0]["average_validation_by_epoch"] == 8 * [at_start[1]]


def test_falling_by_hand(luck):
    for count in (12, 960):
        shares = [luck.falling(step, count) for step in range(count)]
        marks = [shares[step] for step in (0, 2 * count // 3, 5 * count // 6, count - 1)]
        assert marks == pytest.approx([1, 1, 0.5, 3 / count])
        assert max(shares) == 1 and shares == sorted(shares, reverse=True)


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
    assert luck.LAST == 10 and list(sources) == ["7", "3"]
    assert sources["7"] == pytest.approx(expected)
    still = {"stop": 0, "seed": 0, "images": (0.25 / 24) ** 0.5}
    assert sources["3"] == luck.sources_of_luck(runs, 24)["7"] == pytest.approx(still)


def made_up_runs(table, prefix=""):
    """Runs from {no: [(validation accuracy, test accuracy) of each seed]}, seed by seed."""
    keys = (f"{prefix}validation_accuracy", f"{prefix}test_accuracy")
    rows = [[(no, *pair) for pair in pairs] for no, pairs in table.items()]
    return [
        {"no": no, "seed": seed} | dict(zip(keys, pair, strict=True))
        for seed, column in enumerate(zip(*rows, strict=True))
        for no, *pair in column
    ]


@pytest.mark.parametrize("prefix", ["", "average_"])
def test_summary_by_hand(luck, prefix):
    table = {6: [(0.5, 0.9), (0.7, 0.8)], 2: [(0.4, 0.4), (0.4, 0.4)]}
    summary = luck.summary_of(made_up_runs(table, prefix), prefix)
    assert list(summary) == ["6", "2"] and list(summary["6"]) == ["validation", "test"]
    for part, mean, distance in (("validation", 0.6, 0.2), ("test", 0.85, 0.1)):
        expected = {"mean": mean, "deviation": distance / 2**0.5}
        expected["half_width"] = T_OF_TWO * distance / 2
        assert summary["6"][part] == pytest.approx(expected, rel=1e-5)
        still = {"mean": 0.4, "deviation": 0, "half_width": 0}
        assert summary["2"][part] == pytest.approx(still, abs=1e-12)
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


def test_equal_values_do_not_differ(luck):
    """Nor does their pair, whose p-value is NaN, hide that a third one is better."""
    same = np.array([0.5, 0.7, 0.6])
    assert luck.surviving_pairs({1: same, 2: same.copy()})[0] == []
    values = {1: same, 2: same.copy(), 3: same + [0.1, 0.11, 0.1]}
    assert luck.surviving_pairs(values)[0] == [[3, 1], [3, 2]]


@pytest.mark.parametrize("prefix", ["", "average_"])
def test_cost_of_selection_by_hand(luck, prefix):
    """No 4 is chosen and then No 9; No 11, which is left out, would be chosen each time."""
    runs = made_up_runs(
        {
            2: [(0.8, 0.8), (0.6, 0.5)],
            4: [(0.9, 0.7), (0.5, 0.7)],
            11: [(1.0, 0.0), (1.0, 0.0)],
            9: [(0.7, 0.6), (0.9, 0.9)],
        },
        prefix,
    )
    cost = luck.cost_of_selection(runs, [2, 4, 9], prefix)
    assert cost.pop("selected") == {"4": 1, "9": 1}
    expected = {  # of the two seeds
        "test_accuracy": (0.7, 0.9),
        "optimism": (0.2 - (0 + 0.1) / 2, 0 - (0.1 - 0.2) / 2),
        "regret": (0.8 - 0.7, 0),
    }
    assert list(cost) == list(expected)
    for key, (one, other) in expected.items():
        distance = abs(one - other)
        interval = ((one + other) / 2, distance / 2**0.5, T_OF_TWO * distance / 2)
        assert cost[key] == pytest.approx(interval, rel=1e-5), key


def test_seeds_needed_by_hand(luck):
    """Differences of 0.1, 0 and 0.2: mean and deviation are 0.1, so 2.8 squared: 7.84."""
    values = {1: np.array([0.5, 0.6, 0.7]), 2: np.array([0.4, 0.6, 0.5])}
    assert luck.seeds_needed(values, 1, 2) == luck.seeds_needed(values, 2, 1) == 8
    assert luck.seeds_needed(values, 1, 1) is None
