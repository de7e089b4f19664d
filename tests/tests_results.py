"""The saved log and results: they fit together and come from the saved notebooks."""

import itertools
import math
from functools import partial

from support import ROOT

import numpy as np
import pytest
import torch

from tests.helpers.results import RULE, check_selection, log_of, read_results

assert_close = partial(torch.testing.assert_close, rtol=1e-9, atol=1e-12, check_dtype=False)
LOG = """\
Training on device cpu.
Global parameters:
batch_size = 256
n_epoch = 30
loss_fn = CrossEntropyLoss()
seed = 265

Current parameters:
lr = 0.01
mom = 0.9
decay = 0.01
--------- Using Pytorch's SGD ---------
Epoch 1  |  Training loss 0.12346
Epoch 5  |  Training loss nan
--- Accuracies ---
Training Accuracy: 0.88
Validation Accuracy: 0.50
--------- Using manual update ---------
Epoch 1  |  Training loss 0.25000
Epoch 5  |  Training loss 1.00000
--- Accuracies ---
Training Accuracy: 1.00
Validation Accuracy: 0.75
"""


def test_log_has_the_hand_outs_form(part2, monkeypatch):
    monkeypatch.setattr(part2, "EPOCHS", 30)
    monkeypatch.setattr(part2, "DEVICE", "cpu")
    keys = ("training_accuracy", "validation_accuracy", "training_loss")
    by_torch = dict(zip(keys, (0.876, 0.5, [0.123456, 0, 0, 0, math.nan, 0]), strict=True))
    by_hand = dict(zip(keys, (1, 0.75, [0.25, 0, 0, 0, 1, 0]), strict=True))
    assert part2.format_log({5: {"torch": by_torch, "manual": by_hand}}) == LOG


def test_log_tells_what_the_results_hold(part2, monkeypatch):
    results = read_results("gradient_descent")
    log = (ROOT / "gradient_descent_output.txt").read_text()
    assert log == log_of(part2, results, monkeypatch)
    assert log.count("Epoch 30 ") == 2 * len(results["instances"])


def test_instances_fit_together(part2):
    """Of what is watched an entry for each epoch, the last one that of the trained model."""
    results = read_results("gradient_descent")
    instances = results["instances"]
    assert results["data"] == "CIFAR-10" and results["global"]["epochs"] == 30
    rules = [(run["no"], {key: run[key] for key in RULE}) for run in instances]
    assert rules == list(part2.INSTANCES.items())
    for run in instances:
        assert run["identical"] is True and len(run["training_loss"]) == 30
        for part in ("training_sample", "validation"):
            losses, accuracies = run[f"{part}_loss"], run[f"{part}_accuracy_by_epoch"]
            assert len(losses) == len(accuracies) == 30
            assert all(0 <= accuracy <= 1 for accuracy in accuracies)
            finite = [loss for loss in losses if loss is not None]
            assert min(finite) > 0 and losses[: len(finite)] == finite, "once NaN, always NaN"
        assert run["validation_accuracy_by_epoch"][-1] == run["validation_accuracy"]
        assert abs(run["training_sample_accuracy_by_epoch"][-1] - run["training_accuracy"]) < 0.05
    assert instances[10]["training_loss"][-1] is None, "No 11 diverges"


def test_selection_and_baselines_fit_together(part2):
    results = read_results("gradient_descent")
    check_selection(results)
    baselines, selected = results["baselines"], results["selected"]
    assert list(baselines) == list(part2.baseline_candidates())
    assert baselines["the larger class"]["test_accuracy"] == 0.5
    ranked = [row["test_accuracy"] for row in baselines.values()]
    assert ranked[0] + 0.2 < min(ranked[1:]) and max(ranked) < selected["test_accuracy"]
    assert 0.8 < selected["test_accuracy"] < 0.9
    for row in baselines.values():
        right = [2_000 * row[f"{part}_accuracy"] for part in ("validation", "test")]
        assert right == pytest.approx(np.round(right), abs=1e-9)


@pytest.mark.parametrize("part, prefix", [("seeds", ""), ("cures", "average_")])
def test_saved_comparisons_are_those_of_the_runs(luck, part, prefix):
    results = read_results("luck")
    runs, saved = results["seeds"]["runs"], results[part]
    values = luck.by_instance(runs, f"{prefix}validation_accuracy")
    del values[11]
    survivors, pairs = luck.surviving_pairs(values)
    assert saved["surviving_pairs"] == survivors and results["seeds"]["pairs"] == len(pairs) == 36
    assert saved["by_sign_flips"] == luck.surviving_pairs(values, luck.sign_flips)[0]
    cost = luck.cost_of_selection(runs, list(values), prefix)
    assert_close({key: saved[key] for key in cost}, cost)
    assert sum(saved["selected"].values()) == 10
    if part == "cures":
        assert saved["ranked"] == sorted(values, key=lambda no: -values[no].mean())


def test_saved_seeds_and_cures_fit_together(luck):
    seeds, cures = (read_results("luck")[part] for part in ("seeds", "cures"))
    assert cures["average_rate"] == luck.DECAY.AVERAGE_RATE
    assert cures["long_steps"] == luck.LONG
    for saved, runs, summary, sources, prefix in (
        (seeds, seeds["runs"], "summary", "sources", ""),
        (cures, seeds["runs"], "averaged", "averaged_sources", "average_"),
        (cures, cures["fall_runs"], "fall", None, ""),
    ):
        assert_close(saved[summary], luck.summary_of(runs, prefix))
        if sources:
            assert_close(saved[sources], luck.sources_of_luck(runs, 2_000, prefix))
        trained = [(run["seed"], run["no"]) for run in runs]
        fall = range(10, 15), luck.FALL
        whole = range(10, 20), luck.DISTINCT
        assert trained == list(itertools.product(*(fall if summary == "fall" else whole)))
        assert {run["fall"] for run in runs} == {summary == "fall"}
        for run in runs:
            assert len(run[f"{prefix}validation_by_epoch"]) == 30
            assert run[f"{prefix}validation_by_epoch"][-1] == run[f"{prefix}validation_accuracy"]


def test_events_of_no_11_come_in_their_order():
    no_11 = read_results("stability")["no_11"]
    above = [step["curvature"] > no_11["bound"] for step in no_11["steps"]]
    assert no_11["bound"] == pytest.approx(2 * (1 + 0.9) / 0.9)
    assert no_11["first_above_bound"] == above.index(True) + 1
    assert no_11["not_finite"]["inf"]["step"] < no_11["not_finite"]["nan"]["step"]


def test_saved_convolutions_fit_together(convolutions):
    cnn = read_results("convolutions")["cnn"]
    assert [run["seed"] for run in cnn["runs"]] == list(convolutions.CNN_SEEDS)
    mean = np.mean([run["test_accuracy"] for run in cnn["runs"]])
    assert cnn["mean_test_accuracy"] == pytest.approx(mean)
    assert np.mean([run["validation_accuracy"] for run in cnn["runs"]]) >= 0.94
    first, *_ = cells = cnn["two_by_two"]
    recipe = convolutions.CNN_RECIPE | {"learning_rate": first["learning_rate"]}
    assert cnn["parameters"] <= 500_000 and cnn["recipe"] == recipe
    assert first["test_accuracy"] == [run["test_accuracy"] for run in cnn["runs"]]
    for cell in cells:
        best = max(cell["tried"], key=lambda row: row["validation_accuracy"])
        assert cell["learning_rate"] == best["learning_rate"]
        assert cell["mean_test_accuracy"] == pytest.approx(np.mean(cell["test_accuracy"]))
    for run in cnn["runs"]:
        wrong = run["test_wrong"]
        assert wrong == sorted(set(wrong)) and 0 <= wrong[0] and wrong[-1] < 2_000
        assert run["test_accuracy"] == pytest.approx(1 - len(wrong) / 2_000, abs=1e-12)
    assert [row["without"] for row in cnn["ablation"]] == ["nothing", *convolutions.WITHOUT]


def test_saved_replays_are_complete(replays):
    handout, student = (read_results("replays")["replay"][run] for run in ("handout", "student"))
    losses = sum(len(instance["training_loss"]) for instance in replays.HANDOUT.values())
    assert handout["losses_equal"] == handout["losses"] == losses
    assert handout["accuracies_equal"] == handout["accuracies"] == 2 * len(replays.HANDOUT)
    published = replays.PUBLISHED["student"]["selected"]
    assert student["selected"]["no"] == published["no"]
    assert str(student["selected"]["test_accuracy"]) == published["test_accuracy"]
    for no in replays.STUDENT:
        run = student[str(no)]
        if no in replays.UNSTABLE:
            assert run["largest_loss_difference_to_epoch_10"] <= 1e-9
        else:
            assert run["largest_loss_difference"] <= 1e-7
            assert run["accuracies_equal"] == run["accuracies"] == 2
