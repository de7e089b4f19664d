"""What the saved results of gradient_descent.ipynb and those of a short run have in common."""

import itertools
import json
import math

from support import ROOT
from support.studies import judged, mean_interval

import numpy as np
import pytest
from scipy import stats

RULE = ("learning_rate", "momentum", "weight_decay")


def read_results(name):
    """The saved results/<name>.json, which holds no NaN."""
    text = (ROOT / "results" / f"{name}.json").read_text()
    return json.loads(text, parse_constant=pytest.fail)


def check_studies(studies, values, predictions):
    """Each study is judged by the interval of the mean of its values, as it was predicted."""
    assert studies.keys() == predictions.keys()
    for name, study in studies.items():
        n, interval = len(values[name]), pytest.approx(mean_interval(values[name])[1:], abs=1e-9)
        assert study == judged(n=n, interval=study["interval"], **predictions[name]), name
        assert study["interval"] == interval, name


def log_of(part2, results, monkeypatch):
    """The log that the notebook makes of a run's results, the same for both optimizers."""
    monkeypatch.setattr(part2, "EPOCHS", results["global"]["epochs"])
    monkeypatch.setattr(part2, "DEVICE", results["environment"]["device"])
    runs = {}
    for run in results["instances"]:
        losses = [math.nan if loss is None else loss for loss in run["training_loss"]]
        runs[run["no"]] = dict.fromkeys(("torch", "manual"), run | {"training_loss": losses})
    return part2.format_log(runs)


def check_selection(results):
    """The first instance with the highest validation accuracy, with its own numbers."""
    runs = {run["no"]: run for run in results["instances"]}
    for first, later in itertools.combinations(runs.values(), 2):
        if all(first[key] == later[key] for key in RULE):
            assert first | {"no": later["no"]} == later, "the same rule from the same seed"
    selected = results["selected"]
    assert selected["no"] == max(runs, key=lambda no: (runs[no]["validation_accuracy"], -no))
    for part, images in (("training", 8_000), ("validation", 2_000), ("test", 2_000)):
        accuracy, confusion = selected[f"{part}_accuracy"], np.array(selected["confusion"][part])
        assert part == "test" or accuracy == runs[selected["no"]][f"{part}_accuracy"]
        assert selected[f"{part}_images"] == images == confusion.sum()
        assert accuracy == confusion.trace() / images
        interval = stats.binomtest(confusion.trace(), images).proportion_ci(method="wilson")
        assert selected["intervals"][part] == pytest.approx(interval, rel=1e-12)
    assert confusion.sum(axis=1).tolist() == [1_000, 1_000], "rows are the true classes"
