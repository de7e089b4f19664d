"""Each notebook executed whole, in a short run, on a copy of the tree.

Where the saved results come from the same images and the same kind of machine, a short run must
give the same numbers, as far as it goes.
"""

import json
import re

import pytest
import torch
from tests_results import check_selection, log_of

from support import ROOT

pytestmark = pytest.mark.notebook


@pytest.fixture
def short_run(run_copy, short_mode, saved_results):
    """Return a function: execute a notebook briefly; its results, and the saved ones or {}."""

    def run(name, mode=short_mode):
        folder = run_copy(f"{name}.ipynb", mode) / "build" / mode
        short = name.rpartition("/")[2]
        results = json.loads((folder / "results" / f"{short}.json").read_text())
        return results, saved_results(short, results) or {}, folder

    return run


def assert_equal(results, saved, *keys):
    """The values of these keys agree wherever there are saved ones."""
    for key in keys if saved else ():
        assert results[key] == saved[key], key


def test_experiments_luck(short_run):
    results, _, _ = short_run("experiments/luck")
    assert len(results["seeds"]["runs"]) == 6 and results["seeds"]["pairs"] == 1


def test_experiments_convolutions(short_run):
    results, _, _ = short_run("experiments/convolutions")
    assert len(results["cnn"]["runs"]) == 1 and len(results["cnn"]["ablation"]) == 6


def test_experiments_replays(short_run, short_mode):
    replay = short_run("experiments/replays")[0]["replay"]
    assert replay["handout"]["losses_equal"] == (6 if short_mode == "quick" else 0)
    assert len(replay["one_bit"]) == 4


def test_gradient_descent(short_run, short_mode, part2, images):
    """The selected model's accuracies are those of a training here, to the last image or so."""
    results, saved, folder = short_run("gradient_descent")
    assert [run["identical"] for run in results["instances"]] == [True] * len(part2.INSTANCES)
    assert all(run["training_loss"][0] is not None for run in results["instances"])
    assert results["selected"]["test_accuracy"] > 0.6
    check_selection(results)
    model, rule = part2.new_model(), part2.INSTANCES[results["selected"]["no"]]
    loader = part2.make_loader(images[0])
    part2.train_manual_update(1, model, part2.LOSS_FUNCTION, **rule, train_loader=loader)
    for part, dataset in zip(("training", "validation", "test"), images, strict=True):
        here = part2.compute_accuracy(model, part2.make_loader(dataset))
        assert results["selected"][f"{part}_accuracy"] == pytest.approx(here, abs=2e-3), part
    for run, whole in zip(results["instances"], saved.get("instances", ()), strict=bool(saved)):
        assert run["training_loss"] == whole["training_loss"][:1]
    log = (folder / "gradient_descent_output.txt").read_text().splitlines()
    assert log[short_mode == "stand-in" :] == log_of(results)
    assert (results["data"] == "CIFAR-10") == (short_mode == "quick")
    original = folder.parent.parent / "gradient_descent_output.txt"
    assert original.read_bytes() == (ROOT / original.name).read_bytes(), "the saved log stays"


def test_experiments_stability(short_run):
    results, saved, _ = short_run("experiments/stability")
    assert_equal(results, saved, "bowl", "plateau_speed")
    if saved:
        no_11, whole = results["no_11"], saved["no_11"]
        assert_equal(no_11, whole, "bound", "not_finite", "airplane_share")
        assert no_11["steps"] == whole["steps"][:6]
        norms, whole = results["weight_norms"], saved["weight_norms"]
        assert norms.pop("start") == whole["start"] and len(norms) == 3
        assert all(values == whole[no][:1] for no, values in norms.items())


def test_experiments_mistakes(short_run):
    results, _, _ = short_run("experiments/mistakes")
    assert set(results["selected"]["ece"]) == {"training", "validation", "test"}


def test_backpropagation(short_run, request):
    try:
        request.getfixturevalue("mnist")
        mode = "quick"
    except pytest.skip.Exception:
        mode = "stand-in"
    results, _, folder = short_run("backpropagation", mode)
    notebook = (folder.parent.parent / "backpropagation.ipynb").read_text()
    verdicts = re.findall(r"main_test: (\d+) of (\d+) checks passed", notebook)
    assert [passed == total for passed, total in verdicts] == [True, True, False]
    assert results["environment"]["torch"] == torch.__version__ and 0 < results["two_moons"]["loss"]


def test_experiments_gradient_checks(short_run):
    results, saved, _ = short_run("experiments/gradient_checks")
    keys = ("v_curve", "in_place_update", "layer_errors", "gradient_flow", "weak_checks")
    assert set(results) >= set(keys)
    assert_equal(results, saved, *keys)
