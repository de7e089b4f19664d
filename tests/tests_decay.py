"""Decay and step: the trainings, what each costs, what decay adds, and the range test."""

import json

import numpy as np
import pytest
import torch
from torch.nn.utils import parameters_to_vector

from tests.helpers.one_layer import recorded_steps, train_one_layer
from tests.helpers.results import check_studies, read_results


@pytest.fixture
def tiny(decay, monkeypatch):
    """The notebook, with trainings of 8 epochs of two steps on images of two colors."""
    train_one_layer(decay.PART2, monkeypatch)
    monkeypatch.setattr(decay, "batches_of_seed", decay.batches_of_seed.__wrapped__)
    return decay


@pytest.mark.parametrize("fall", [True, False])
def test_a_training_its_last_epochs_and_its_average(tiny, monkeypatch, fall):
    """The first eleven of 16 steps at the whole rate; each accuracy is that of its own weights."""
    steps, nets = recorded_steps(tiny.PART2, monkeypatch), []
    measure = tiny.PART2.compute_accuracy

    def recorded_measure(net, batches):
        nets.append((parameters_to_vector(net.parameters()), measure(net, batches)))
        return nets[-1][1]

    monkeypatch.setattr(tiny.PART2, "compute_accuracy", recorded_measure)
    run = tiny.train_with_decay(11, 2e-5, 0.01, fall)
    last = [15 / 16, 12 / 16, 9 / 16, 6 / 16, 3 / 16] if fall else [1] * 5
    rates, rules, _, weights = zip(*steps, strict=True)
    assert rates == pytest.approx([2e-5 * share for share in [1] * 11 + last])
    assert set(rules) == {(0.9, 0.01)}
    torch.manual_seed(11)
    average = parameters_to_vector(tiny.PART2.MyMLP().float().parameters())
    for w in weights:
        average = 0.99 * average + 0.01 * w
    torch.testing.assert_close(nets[-1][0], average)
    measured = [*nets[:-3:3]]  # the training images stand first
    ends = weights[-1:] if fall else weights[7::2]
    assert [w.tolist() for w, _ in measured] == [w.tolist() for w in ends]
    values = [accuracy for _, accuracy in measured]
    assert run["accuracy"]["training"] == pytest.approx(np.mean(values))
    assert (run["last"]["training"], run["averaged"]["training"]) == (values[-1], nets[-3][1])
    assert fall or len(set(values)) > 1, "the accuracy must change, or its mean tells nothing"


def test_what_diverges_is_kept_and_wins_nothing(tiny):
    """A loss that is not a number becomes None; the accuracies are those of one class for all."""
    run = tiny.train_with_decay(10, 1e38, 0.0, False)
    assert run["training_loss"] is None
    assert run["accuracy"]["training"] == 0.5 and run["averaged"]["test"] == 0.25
    epoch = tiny.train_one_epoch(10, 1e38, 0.9)
    assert epoch["after"] is None and 0 < epoch["before"] < 10
    json.dumps([run, epoch], allow_nan=False)
    better = tiny.train_one_epoch(10, 1e-5, 0.9)
    assert better["before"] == epoch["before"] > better["after"]
    progress = tiny.progress_of([epoch, better])
    assert {rate: values.tolist() for rate, values in progress.items()} == {1e38: [0], 1e-5: [1]}


def run_of(seed, rate, decay, fall, training, validation=0.5, test=0.5, averaged=0.5):
    given = dict(seed=seed, learning_rate=rate, weight_decay=decay, fall=fall)
    accuracy = dict(training=training, validation=validation, test=test)
    return given | dict(accuracy=accuracy, averaged=dict.fromkeys(accuracy, averaged))


@pytest.fixture
def two_seeds(decay, monkeypatch):
    monkeypatch.setattr(decay, "SEEDS", range(10, 12))
    return decay


def test_accuracies_need_one_run_for_each_seed(two_seeds):
    runs = [run_of(seed, 0.1, 0.0, False, seed / 100) for seed in (11, 10)]
    found = two_seeds.accuracies(runs, "training", learning_rate=0.1, fall=False)
    assert found.tolist() == [0.1, 0.11]
    for wrong in (runs[:1], [*runs, runs[0]], [*runs, run_of(12, 0.1, 0.0, False, 1)]):
        with pytest.raises(ValueError, match="one for each of"):
            two_seeds.accuracies(wrong, "training", learning_rate=0.1)
    with pytest.raises(ValueError, match="0 runs"):
        two_seeds.accuracies(runs, "training", learning_rate=0.3)


def test_costs_by_hand(two_seeds):
    """Neither 1.0; the decay costs 0.1 and 0.2, the step 0.3, both 0.5 and 0.7."""
    table = {(0.0, True): (1, 1), (0.01, True): (0.9, 0.8)}
    table |= {(0.0, False): (0.7, 0.7), (0.01, False): (0.5, 0.3)}
    runs = [run_of(10 + i, 0.1, *kind, table[kind][i]) for kind in table for i in (0, 1)]
    expected = dict(decay_alone=[0.1, 0.2], step_alone=[0.3, 0.3], both=[0.5, 0.7])
    expected["interaction"] = [0.1, 0.2]
    expected = {name: pytest.approx(values) for name, values in expected.items()}
    assert two_seeds.costs(runs, 0.1) == expected
    judged = two_seeds.study("decay_alone", np.array([0.10, 0.11]))
    assert judged["verdict"] == "open" and judged["n"] == 2 and judged["at_least"] == 0.05
    assert two_seeds.study("range_test_diverges", np.array([0.0, 0.0]))["verdict"] == "holds"


def test_decay_is_compared_with_none_and_chosen_on_validation_images(two_seeds):
    runs = [
        run_of(seed, 0.1, decay, False, 0.9, 0.6 + add, 0.7 - add, averaged)
        for seed in (10, 11)
        for decay, add, averaged in ((0.0, 0, 0.8), (0.001, 0.05, 0.7), (0.01, 0.1, 0.6))
    ]
    added = two_seeds.added_by_decay(runs, 0.01, learning_rate=0.1, fall=False)
    assert added["validation"] == pytest.approx([0.1, 0.1])
    assert added["test"] == pytest.approx([-0.1, -0.1])
    of_average = two_seeds.added_by_decay(runs, 0.01, "averaged")
    assert of_average["test"] == pytest.approx([-0.2, -0.2])
    assert two_seeds.best_of(runs, "weight_decay", (0.001, 0.01), fall=False) == 0.001
    for run in runs:  # what training and test images say does not count
        run["averaged"]["validation"] = 0.5 + run["weight_decay"]
    assert two_seeds.best_of(runs, "weight_decay", (0.001, 0.01)) == 0.01


def epoch_of(seed, rate, after):
    return dict(seed=seed, learning_rate=rate, momentum=0.9, before=0.7, after=after)


def test_range_test_by_hand(decay):
    """The best is each seed's own; what rises, or is not a number, is no progress."""
    losses = {0.001: (0.69, 0.69), 0.01: (0.6, 0.3), 0.1: (0.5, 0.5)}
    losses |= {1: (None, 0.8), 9: (0.71, None)}
    runs = [epoch_of(seed, rate, losses[rate][seed]) for rate in losses for seed in (0, 1)]
    progress = decay.progress_of(runs)
    expected = {0.001: [0.05, 0.025], 0.01: [0.5, 1], 0.1: [1, 0.5], 1: [0, 0], 9: [0, 0]}
    assert progress == {rate: pytest.approx(values) for rate, values in expected.items()}
    verdicts = {0.001: "too slow", 0.01: "", 0.1: "", 1: "diverges", 9: "diverges"}
    assert decay.verdict_on(progress) == verdicts
    assert decay.verdict_on(progress | {2: np.array([np.nan, 1])})[2] == "diverges"
    with pytest.raises(ValueError, match="no progress"):
        decay.progress_of([epoch_of(0, 0.1, None), epoch_of(0, 1, 0.7)])


def test_saved_studies_are_those_of_the_saved_runs(decay):
    results = read_results("decay")
    runs, epochs = results["runs"], results["range_test"]
    rate = decay.best_of(runs, "learning_rate", decay.RATES, weight_decay=0.0, fall=False)
    best = dict(learning_rate=rate, fall=False)
    strength = decay.best_of(runs, "weight_decay", decay.DECAYS, **best)
    assert results["best"] == dict(learning_rate=rate, weight_decay=strength)
    plain, momentum = ([run for run in epochs if run["momentum"] == m] for m in (0.0, 0.9))
    falling = dict(learning_rate=0.1, fall=True)
    values = decay.costs(runs, 0.1) | {
        "decay_helps": decay.added_by_decay(runs, strength, "averaged", **best)["test"],
        "decay_helps_falling": decay.added_by_decay(runs, 0.01, **falling)["test"],
        "range_test_too_slow": decay.progress_of(plain)[0.01],
        "range_test_diverges": decay.progress_of(momentum)[0.9],
    }
    check_studies(results["studies"], values, decay.PREDICTIONS)
