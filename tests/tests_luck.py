"""Seeds, cures, intervals and comparisons."""

import itertools
import math
from unittest.mock import Mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parameters_to_vector

from checks.difference import same_bits
from tests.helpers.one_layer import load_two_colors, recorded_steps, train_one_layer


@pytest.fixture
def training(luck, monkeypatch):
    """The notebook, with trainings of 8 epochs of two steps on images of two colors."""
    train_one_layer(luck.PART2, monkeypatch)
    monkeypatch.setattr(luck.DECAY, "PART2", luck.PART2)  # each notebook loads its own
    monkeypatch.setattr(luck.DECAY, "batches_of_seed", luck.DECAY.batches_of_seed.__wrapped__)
    return luck


@pytest.fixture
def steps(training, monkeypatch):
    return recorded_steps(training.PART2, monkeypatch)


def test_a_seed_draws_split_and_start(training, steps):
    runs = [training.train_instance(4, seed) for seed in (1, 1, 2)]
    first, again, other = (before for _, _, before, _ in steps[::16])
    assert runs[0] == runs[1] and same_bits(first, again) and not same_bits(first, other)
    for seed, run in zip((1, 2), runs[1:], strict=True):
        assert [run[key] for key in ("no", "seed", "fall", "double")] == [4, seed, False, False]
        X = torch.cat([X for X, _ in training.DECAY.batches_of_seed(seed)["training"]])
        assert same_bits(X, load_two_colors("data", seed)[0].tensors[0].float())


@pytest.mark.parametrize("fall, average_rate", [(True, 0.01), (False, 0.0)])
def test_a_training_and_its_cures(training, steps, monkeypatch, fall, average_rate):
    """No 6, the first eleven of 16 steps at the whole rate; the cures take no part in it."""
    results_of = Mock(wraps=training.results_of)
    monkeypatch.setattr(training, "results_of", results_of)
    monkeypatch.setattr(training.DECAY, "AVERAGE_RATE", average_rate)
    run = training.train_instance(6, 1, fall)
    nets, _ = results_of.call_args.args
    rates, rules, before, after = zip(*steps, strict=True)
    last = [15 / 16, 12 / 16, 9 / 16, 6 / 16, 3 / 16] if fall else [1] * 5
    assert rates == pytest.approx([0.01 * share for share in [1] * 11 + last])
    assert set(rules) == {(0.9, 0.001)}
    assert all(map(same_bits, after, [*before[1:], parameters_to_vector(nets[""].parameters())]))
    average = before[0]
    for weights in after:
        average = (1 - average_rate) * average + average_rate * weights
    torch.testing.assert_close(parameters_to_vector(nets["average_"].parameters()), average)
    judged = {"": [1, 0.5, 0.75]} | ({} if average_rate else {"average_": [0.5, 0, 0.75]})
    for prefix, expected in judged.items():
        keys = [f"{prefix}{part}_accuracy" for part in ("training", "validation", "test")]
        assert [run[key] for key in keys] == expected
        assert run[f"{prefix}validation_by_epoch"] == 8 * [expected[1]]
        for part in ("validation", "test"):
            assert run[f"{prefix}{part}_loss"] > 0 != run[f"{prefix}{part}_overconfidence"]


def test_early_stopping_keeps_the_weights_of_the_lowest_validation_loss(training, monkeypatch):
    """Of two equal ones the first; NaN is never the lowest."""
    net = nn.Linear(1, 1)
    for losses, early in (([0.7, 0.8, 0.5, 0.6, 0.5], 3), ([0.7, math.nan, math.nan], 1)):
        followed = training.Followed(net)
        found = iter([loss for loss in losses for _ in range(2)])
        monkeypatch.setattr(
            training, "measured", lambda *_, f=found: {"loss": next(f), "accuracy": 0.5}
        )
        for epoch in range(1, 1 + len(losses)):
            nn.init.constant_(net.weight, epoch)
            followed.after_epoch(None)
        assert followed.early_epoch == followed.nets["early_"].weight.item() == early
        assert followed.nets[""].weight.item() == len(losses)


def test_double_precision_is_asked_for(training, steps):
    single, double = (training.train_instance(2, 1, double=asked) for asked in (False, True))
    starts = steps[0][2], steps[16][2]
    assert [weights.dtype for weights in starts] == [torch.float, torch.double]
    assert same_bits(starts[0], starts[1].float())
    assert (single["double"], double["double"]) == (False, True)


def test_measures_by_hand(luck):
    """Two images, a confidence of 0.8 and 0.6; the second answer is wrong."""
    scores = torch.tensor([[0.8, 0.2], [0.4, 0.6]]).log()
    net = nn.Linear(2, 2)
    nn.init.eye_(net.weight), nn.init.zeros_(net.bias)
    found = luck.measured(net, [(scores, torch.tensor([0, 0]))])
    expected = {"accuracy": 0.5, "loss": -(math.log(0.8) + math.log(0.4)) / 2}
    assert found == pytest.approx(expected | {"overconfidence": 0.7 - 0.5}, abs=1e-6)
    assert luck.six_decimals(1 / 3) == 0.333333 and luck.six_decimals(math.nan) is None


def test_intervals_by_hand(part2, luck):
    """Wilson's of 7 in 10; the mean's by Student's t of 3 degrees of freedom, 3.182446."""
    assert part2.wilson_interval(0.7, 10) == pytest.approx((0.396778, 0.892209), abs=1e-6)
    deviation = (0.0026 / 3) ** 0.5
    expected = {"mean": 0.84, "deviation": deviation, "half_width": 3.182446 * deviation / 2}
    assert luck.spread([0.81, 0.84, 0.83, 0.88]) == pytest.approx(expected)
    for interval, size in (((-1, 2), (0, 2)), ((-3, 2), (0, 3)), ((1, 2), (1, 2))):
        assert luck.size_interval(*interval) == size
    assert luck.size_interval(-4, -3) == (3, 4)


def test_falls_and_changes_by_hand(luck):
    """A fall of 1.5 points does not count, one of 2.5 does; two rises are none."""
    accuracies = [0.5, 0.485, 0.6, 0.575, 0.61]
    assert luck.falls_of(accuracies) == 1 and luck.falls_of([0.5]) == 0
    assert luck.mean_change(accuracies) == pytest.approx((1.5 + 11.5 + 2.5 + 3.5) / 4)
    assert luck.mean_change([0.5]) == 0


def test_sources_of_luck_by_hand(luck):
    """Two epochs that do not count, then ten with means 0.5 and 0.7, deviations 0.1 and 0.2."""
    runs = [
        {"no": no, "average_validation_by_epoch": by_epoch, "validation_by_epoch": [0.5] * 12}
        for no, by_epoch in ((7, [0, 1, *[0.4, 0.6] * 5]), (7, [1, 0, *[0.5, 0.9] * 5]))
    ]
    expected = {"stop": 0.025**0.5, "seed": 0.02**0.5, "images": (0.6 * 0.4 / 24) ** 0.5}
    expected["stop_median"] = (0.1 + 0.2) / 2
    assert luck.sources_of_luck(runs, 24, "average_") == {"7": pytest.approx(expected)}
    still = {"stop": 0, "stop_median": 0, "seed": 0, "images": (0.25 / 24) ** 0.5}
    assert luck.sources_of_luck(runs, 24) == {"7": pytest.approx(still)}


@pytest.mark.parametrize("prefix", ["", "average_"])
def test_summary_and_cost_of_selection_by_hand(luck, prefix):
    """No 4 is chosen and then No 9; No 11, which is left out, would be chosen each time."""
    rows = [(2, 0.8, 0.8), (4, 0.9, 0.7), (11, 1.0, 0.0), (9, 0.7, 0.6)]  # with the first seed
    rows += [(2, 0.6, 0.5), (4, 0.5, 0.7), (11, 1.0, 0.0), (9, 0.9, 0.9)]
    keys = ("no", f"{prefix}validation_accuracy", f"{prefix}test_accuracy")
    runs = [dict(zip(keys, row, strict=True)) for row in rows]
    summary = luck.summary_of(runs, prefix)
    assert list(summary) == ["2", "4", "11", "9"]
    for part, values in (("validation", [0.8, 0.6]), ("test", [0.8, 0.5])):
        assert summary["2"][part] == luck.spread(values)
    cost = luck.cost_of_selection(runs, [2, 4, 9], prefix)
    assert cost.pop("selected") == {"4": 1, "9": 1}
    expected = {"test_accuracy": [0.7, 0.9], "regret": [0.8 - 0.7, 0]}
    expected["optimism"] = [0.2 - (0 + 0.1) / 2, 0 - (0.1 - 0.2) / 2]
    assert cost == {k: pytest.approx(luck.mean_interval(v)) for k, v in expected.items()}


def test_holm_and_surviving_pairs_by_hand(luck):
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, which may not come out below the one before.

    Against No 5, t is 6.3 for No 4 and 3.1 for No 8: p is 0.003 and 0.038, of which the double
    is too much. Between No 4 and No 8 p is 0.15. The p-value of equal values is NaN.
    """
    assert luck.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert luck.holm([0.9, 0.8]) == pytest.approx([1, 1])
    worst = np.array([0.5, 0.6, 0.7, 0.5, 0.6])
    values = {5: worst, 4: worst + [0.01, 0.02, 0.03, 0.02, 0.02]}
    values[8] = worst + [0.019, 0.009, 0.0, 0.009, 0.009]
    assert luck.surviving_pairs(values) == ([[4, 5]], [(5, 4), (5, 8), (4, 8)])
    for pair in ((5, 8), (8, 5)):  # the better one first; one comparison needs no correction
        assert luck.surviving_pairs({no: values[no] for no in pair})[0] == [[8, 5]]
    same = {1: worst, 2: worst.copy(), 3: values[4]}
    assert luck.surviving_pairs(same)[0] == [[3, 1], [3, 2]]


def test_sign_flips_by_hand(luck):
    """Three seeds, eight flips, counted one by one; only two give the first pair equal signs."""
    differences = np.array([[1.0, 1.0, 1.0], [-1.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    by_hand = []
    for row in differences:
        count = 0
        for signs in itertools.product((1, -1), repeat=3):
            flipped = [abs(np.dot(signs, d)) / np.linalg.norm(d) for d in differences[:2]]
            own = abs(row.sum()) / (np.linalg.norm(row) or 1)
            count += max(flipped) >= own - 1e-9
        by_hand.append(count / 8)
    assert by_hand[0] == 2 / 8 and by_hand[2] == 1
    assert luck.sign_flips(differences).tolist() == by_hand
    seeds = np.arange(8)
    values = {1: 0.5 + seeds / 100, 2: 0.6 + seeds / 90, 3: 0.5 + seeds / 100}
    kept, _ = luck.surviving_pairs(values, luck.sign_flips)
    assert kept == [[2, 1], [2, 3]], "2 of 256 flips, and equal values"


def test_jackknife_and_excess_by_hand(luck):
    """Of a mean the jackknife's values are the values; the greater of two deviations counts."""
    values = np.array([[1.0, 2.0, 4.0], [3.0, 4.0, 6.0]])
    assert luck.jackknife(np.mean, values) == pytest.approx([2, 3, 5])
    images = (0.25 / luck.VALIDATION_IMAGES) ** 0.5  # at an accuracy of 0.5
    swinging = np.array([[0.4, 0.6], [0.4, 0.6]])
    apart = np.array([[0.4, 0.4], [0.6, 0.6]])
    excess = 100 * np.array([0.1 - images, -(0.02**0.5)])
    for tails, expected in zip((swinging, apart), excess, strict=True):
        assert luck.excess_of_stop(tails[None]) == pytest.approx(expected)
    assert luck.excess_of_stop(np.stack([swinging, apart])) == pytest.approx(excess.mean())
