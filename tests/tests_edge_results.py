"""The saved results of edge.ipynb: they fit together, and each verdict follows from them."""

from support.studies import judged, mean_interval

import numpy as np
import pytest

from tests.helpers.results import read_results


def test_saved_edge_fits_together(edge):
    """What was judged follows from what was measured; the run looked at is the report's own."""
    saved = read_results("edge")
    own = read_results("gradient_descent")["instances"][1]
    no_2, fall = saved["instances"]["2"], saved["fall"]
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
    assert [
        (run["seed"], run["first"] + f["begin"]) for run in saved["runs"] for f in run["falls"]
    ] == [(changed["seed"], changed["step"]) for changed in saved["interventions"]]


def test_saved_verdicts_of_edge_follow_from_what_was_measured():
    saved = read_results("edge")
    depths = [changed["depths"] for changed in saved["interventions"]]
    orders = ("order 1", "order 2")

    def mean(way, n):
        return np.array([np.mean([d[f"{order}{way}"][n] for order in orders]) for d in depths])

    unchanged = np.array([d["unchanged"] for d in depths])
    falls = {
        change: np.array(
            [t["falls"] for t in saved["last_batch"]["trainings"] if t["change"] == change]
        )
        for change in (None, "equal_batches", "last_batch_left_out")
    }
    means = np.array([[r["mean_batch_sharpness"], r["mean_curvature"]] for r in saved["runs"]])
    far = abs(means / saved["instances"]["2"]["bound"] - 1)
    values = {
        "batch_sharpness": far[:, 0],
        "largest_curvature": far[:, 1] - far[:, 0],
        "half_rate": 1 - np.array([d["half rate"][1] for d in depths]) / unchanged[:, 1],
        "other_order": mean("", 0) / unchanged[:, 0],
        "half_rate_in_other_orders": mean("", 1) - mean(", half rate", 1),
    }
    for no, runs in saved["within_epochs"].items():
        values[f"within_epochs_{no}"] = [max(run["ratios"]) for run in runs]
    for change in ("equal_batches", "last_batch_left_out"):
        values[change] = falls[change] - falls[None] / 2
    assert values.keys() == saved["studies"].keys()
    for name, study in saved["studies"].items():
        assert study["n"] == len(values[name])
        assert study["interval"] == pytest.approx(mean_interval(values[name])[1:], abs=1e-9), name
        threshold = {key: study[key] for key in ("at_least", "at_most") if key in study}
        judgment = judged(study["prediction"], study["n"], study["interval"], **threshold)
        assert study["verdict"] == judgment["verdict"], name
