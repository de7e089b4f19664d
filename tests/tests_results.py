"""The saved log and results: they fit together and come from the saved notebooks."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from support import ROOT


@pytest.fixture(scope="module")
def results():
    return read_results("gradient_descent")


def log_of(results):
    """The log's lines, rebuilt here from the JSON of the same run, for both optimizers."""
    epoch_count = results["global"]["epochs"]
    lines = [f"Training on device {results['environment']['device']}.", "batch_size = 256"]
    lines += [f"n_epoch = {epoch_count}", "loss_fn = CrossEntropyLoss()", "seed = 265"]
    for run in results["instances"]:
        lines += ["", "Current parameters:", f"lr = {run['learning_rate']}"]
        lines += [f"mom = {run['momentum']}", f"decay = {run['weight_decay']}"]
        for optimizer in ("Using Pytorch's SGD", "Using manual update"):
            lines.append(f"--------- {optimizer} ---------")
            for epoch in [e for e in (1, 5, 10, 15, 20, 25, 30) if e <= epoch_count]:
                loss = run["training_loss"][epoch - 1]
                loss = math.nan if loss is None else loss
                lines.append(f"Epoch {epoch}  |  Training loss {loss:.5f}")
            lines.append("--- Accuracies ---")
            lines.append(f"Training Accuracy: {run['training_accuracy']:.2f}")
            lines.append(f"Validation Accuracy: {run['validation_accuracy']:.2f}")
    return lines


def test_log_tells_what_the_results_hold(results):
    assert results["global"]["epochs"] == 30
    assert (ROOT / "gradient_descent_output.txt").read_text().splitlines() == log_of(results)


def test_notebook_formats_the_saved_log(part2, results, monkeypatch):
    monkeypatch.setattr(part2, "DEVICE", results["environment"]["device"])
    runs = {}
    for run in results["instances"]:
        losses = [math.nan if loss is None else loss for loss in run["training_loss"]]
        runs[run["no"]] = dict.fromkeys(("torch", "manual"), run | {"training_loss": losses})
    assert part2.format_log(runs).splitlines() == log_of(results)


def test_results_are_of_the_instances_in_the_notebook(part2, results):
    keys = ("learning_rate", "momentum", "weight_decay")
    saved = {run["no"]: {key: run[key] for key in keys} for run in results["instances"]}
    assert saved == part2.INSTANCES
    assert results["data"] == "CIFAR-10"
    for run in results["instances"]:
        assert run["identical"] is True
        assert len(run["training_loss"]) == results["global"]["epochs"] == 30


def check_selection(results):
    """The first instance with the highest validation accuracy, with its own numbers."""
    runs = {run["no"]: run for run in results["instances"]}
    assert runs[8] | {"no": 10} == runs[10], "the same configuration from the same seed"
    best = max(run["validation_accuracy"] for run in runs.values())
    selected = results["selected"]
    assert selected["no"] == min(no for no in runs if runs[no]["validation_accuracy"] == best)
    for part, images in (("training", 8_000), ("validation", 2_000), ("test", 2_000)):
        accuracy = selected[f"{part}_accuracy"]
        assert part == "test" or accuracy == runs[selected["no"]][f"{part}_accuracy"]
        assert selected[f"{part}_images"] == images
        interval = stats.binomtest(round(accuracy * images), images).proportion_ci(method="wilson")
        assert selected["intervals"][part] == pytest.approx(interval, rel=1e-12)


def test_results_fit_together(results):
    check_selection(results)
    assert results["instances"][10]["training_loss"][-1] is None, "No 11 diverges"
    assert 0.8 < results["selected"]["test_accuracy"] < 0.9


def read_results(name):
    """The saved results/<name>.json, which holds no NaN."""
    text = (ROOT / "results" / f"{name}.json").read_text()
    return json.loads(text, parse_constant=pytest.fail)


def test_saved_seeds_fit_together(luck):
    """Summaries are those of the runs beside them."""
    seeds = read_results("luck")["seeds"]
    for part in ("validation", "test"):
        by_no = luck.by_instance(seeds["runs"], f"{part}_accuracy")
        for no, values in by_no.items():
            saved = seeds["summary"][str(no)][part]
            assert (saved["mean"], saved["deviation"], saved["half_width"]) == pytest.approx(
                luck.mean_interval(values), abs=1e-12
            )
    assert sum(seeds["selected"].values()) == len({run["seed"] for run in seeds["runs"]})


def test_events_of_no_11_come_in_their_order():
    no_11 = read_results("stability")["no_11"]
    above = [step["curvature"] > no_11["bound"] for step in no_11["steps"]]
    assert no_11["bound"] == pytest.approx(2 * (1 + 0.9) / 0.9)
    assert no_11["first_above_bound"] == above.index(True) + 1
    assert no_11["not_finite"]["inf"]["step"] < no_11["not_finite"]["nan"]["step"]


def test_saved_convolutions_fit_together():
    cnn = read_results("convolutions")["cnn"]
    accuracies = [run["test_accuracy"] for run in cnn["runs"]]
    assert cnn["mean_test_accuracy"] == pytest.approx(np.mean(accuracies)) and len(accuracies) == 3
    assert cnn["mean_test_accuracy"] >= 0.94 and cnn["parameters"] <= 500_000


def test_saved_replays_are_complete(replays):
    replay = read_results("replays")["replay"]
    handout = {"losses_equal": 42, "losses": 42, "accuracies_equal": 12, "accuracies": 12}
    assert replay["handout"] == handout
    student = replay["student"]
    assert student["selected"] == {"no": 6, "test_accuracy": 0.8465}
    for no in replays.STUDENT:
        run = student[str(no)]
        assert run["largest_loss_difference_to_epoch_10"] <= (
            1e-9 if no in replays.UNSTABLE else 1e-7
        )
        if no not in replays.UNSTABLE:
            assert run["largest_loss_difference"] <= 1e-7
            assert run["accuracies_equal"] == run["accuracies"] == 2
