"""The saved results of edge.ipynb: they fit together, and each verdict follows from them."""

import numpy as np
import pytest

from tests.helpers.results import check_studies, read_results


def test_saved_edge_fits_together(edge):
    saved = read_results("edge")
    own = read_results("gradient_descent")["instances"][1]
    no_2, fall, begins = saved["instances"]["2"], saved["fall"], []
    assert no_2["bound"] == pytest.approx(2 / 0.1) and saved["images"] == 1_000
    if saved["environment"] == read_results("gradient_descent")["environment"]:
        assert no_2["validation"] == own["validation_accuracy_by_epoch"]
    for columns in saved["instances"].values():
        assert len(columns["curvature"]) == len(columns["training"]) == 30
        above = sum(curvature > columns["bound"] for curvature in columns["curvature"])
        assert columns["epochs_above"] == above
        swings = edge.swings(columns["validation"])
        assert {key: columns[key] for key in swings} == swings
    assert (fall["epoch"], fall["fall"]) == edge.largest_fall(no_2["training"])
    assert saved["check"]["cold"] == pytest.approx(saved["check"]["warm"], rel=0.1)
    assert saved["check"]["whole"] == pytest.approx(saved["check"]["warm"], rel=0.3)
    for run in saved["runs"]:
        assert len(run["steps"]) == (64 if run["epoch"] > 1 else 32)
        accuracies = [step["accuracy"] for step in run["steps"]]
        assert run["falls"] == edge.deepest(edge.find_falls(accuracies))
        depth = edge.depth_of_any_steps(accuracies)
        assert saved["any_20_steps"][str(run["seed"])] == pytest.approx(depth, abs=1e-12)
        begins += [(run["seed"], run["first"] + f["begin"]) for f in run["falls"]]
    assert begins == [(changed["seed"], changed["step"]) for changed in saved["interventions"]]


def test_saved_verdicts_of_edge_follow_from_what_was_measured(edge):
    saved = read_results("edge")
    depths = [changed["depths"] for changed in saved["interventions"]]
    new_orders = [edge.mean_depth(d, 1) - edge.mean_depth(d, 1, half=True) for d in depths]
    trainings = saved["last_batch"]["trainings"]
    falls = {
        change: np.array([t["falls"] for t in trainings if t["change"] == change])
        for change in (None, "equal_batches", "last_batch_left_out")
    }
    means = np.array([[r["mean_batch_sharpness"], r["mean_curvature"]] for r in saved["runs"]])
    far = abs(means / saved["instances"]["2"]["bound"] - 1)
    values = {
        "batch_sharpness": far[:, 0],
        "largest_curvature": far[:, 1] - far[:, 0],
        "half_rate": [1 - d["half rate"][1] / d["unchanged"][1] for d in depths],
        "other_order": [edge.mean_depth(d, 0) / d["unchanged"][0] for d in depths],
        "half_rate_in_other_orders": new_orders,
    }
    for no, runs in saved["within_epochs"].items():
        values[f"within_epochs_{no}"] = [max(run["ratios"]) for run in runs]
    for change in ("equal_batches", "last_batch_left_out"):
        values[change] = falls[change] - falls[None] / 2
    told = edge.STEP_PREDICTIONS | edge.CHANGE_PREDICTIONS | edge.WITHIN_PREDICTIONS
    told |= edge.LAST_PREDICTIONS
    predictions = {name: dict(prediction=words) | limit for name, (words, limit) in told.items()}
    check_studies(saved["studies"], values, predictions)
