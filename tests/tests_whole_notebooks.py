"""Each notebook executed whole, in a short run, on a copy of the tree; the longest first."""

import json
import re

from support import ROOT
from support.images import find_mnist

import pytest
import torch

from conftest import EXPERIMENTS
from tests.helpers.results import check_selection, log_of

pytestmark = pytest.mark.notebook


@pytest.fixture
def short_run(run_copy, short_mode):
    """Return a function: execute a notebook briefly; its results, the saved ones, the folder.

    Where the saved ones are of other images or another machine, the results stand for them.
    """

    def run(name, mode=short_mode):
        folder = run_copy(f"{name}.ipynb", mode)
        file = f"results/{name.rpartition('/')[2]}.json"
        paths = (folder / "build" / mode / file, ROOT / file)
        results, saved = (json.loads(path.read_text()) for path in paths)
        alike = all(saved.get(key) == results.get(key) for key in ("environment", "data"))
        return results, saved if alike else results, folder

    return run


def test_gradient_descent(short_run, short_mode, part2, images, monkeypatch):
    """The selected model's accuracies are those of a training here, to the last image or so."""
    results, saved, folder = short_run("gradient_descent")
    instances = results["instances"]
    assert [run["identical"] for run in instances] == [True] * len(part2.INSTANCES)
    for run, whole in zip(instances, saved["instances"], strict=True):
        assert run["training_loss"] == whole["training_loss"][:1] != [None]
    assert results["selected"]["test_accuracy"] > 0.6
    check_selection(results)
    model, rule = part2.new_model(), part2.INSTANCES[results["selected"]["no"]]
    loader = part2.make_loader(images[0])
    part2.train_manual_update(1, model, part2.LOSS_FUNCTION, **rule, train_loader=loader)
    for part, dataset in zip(("training", "validation", "test"), images, strict=True):
        here = part2.compute_accuracy(model, part2.make_loader(dataset))
        assert results["selected"][f"{part}_accuracy"] == pytest.approx(here, abs=2e-3), part
    assert (results["data"] == "CIFAR-10") == (short_mode == "quick")
    run, saved = (tree / "gradient_descent.ipynb" for tree in (folder, ROOT))
    pictures = [path.read_text().count('"image/png": "') for path in (run, saved)]
    assert pictures[0] == pictures[1] > 0, "each figure is shown once"
    name = "gradient_descent_output.txt"
    monkeypatch.setattr(part2, "RUN_MODE", short_mode)
    log = (folder / "build" / short_mode / name).read_text()
    assert log == log_of(part2, results, monkeypatch)
    assert (folder / name).read_bytes() == (ROOT / name).read_bytes(), "the saved log stays"


def test_backpropagation(short_run):
    results, _, folder = short_run("backpropagation", "quick" if find_mnist() else "stand-in")
    notebook = (folder / "backpropagation.ipynb").read_text()
    verdicts = re.findall(r"main_test: (\d+) of (\d+) checks passed", notebook)
    assert [passed == total for passed, total in verdicts] == [True, False]
    assert results["environment"]["torch"] == torch.__version__ and 0 < results["two_moons"]["loss"]


def check_luck(results, *_):
    seeds, cures = results["seeds"], results["cures"]
    assert len(seeds["runs"]) == 12 and seeds["pairs"] == 3
    assert seeds["summary"].keys() == cures["averaged"].keys() == {"1", "2", "4", "11"}
    assert set(results["swings"]["falls"]["2"]) == {0}, "one epoch cannot swing"
    assert results["studies"]["no_2_swings"]["verdict"] == "does not hold"


def check_decay(results, *_):
    assert len(results["runs"]) == 28 and len(results["range_test"]) == 40
    assert {study["n"] for study in results["studies"].values()} == {2}


def check_convolutions(results, *_):
    cnn = results["cnn"]
    assert len(cnn["runs"]) == 2 and len(cnn["ablation"]) == 4 and len(results["studies"]) == 5
    for run in cnn["runs"]:
        assert run["test_accuracy"] == pytest.approx(1 - len(run["test_wrong"]) / 1_024)


def check_replays(results, saved, mode):
    replay = results["replay"]
    assert replay["handout"]["losses_equal"] == (6 if mode == "quick" else 0)
    assert len(results["roundings"]) == 4 and set(results["studies"]) == set(saved["studies"])


def check_stability(results, saved, mode):
    for key in ("bowl", "plateau_speed"):
        assert results[key] == saved[key], key
    for key in ("bound", "not_finite", "airplane_share"):
        assert results["no_11"][key] == saved["no_11"][key], key
    assert results["no_11"]["steps"] == saved["no_11"]["steps"][:6]
    assert len(results["weight_norms"]) == 4
    for name, norms in results["weight_norms"].items():
        whole = saved["weight_norms"][name]
        assert norms == (whole if name == "start" else whole[:1]), name


def check_edge(results, saved, mode):
    """One epoch, in which the accuracies are those of the saved run; other images are fewer."""
    assert set(results["instances"]) == {"1", "2"}
    for part in ("training", "validation"):
        whole = saved["instances"]["2"][part]
        assert results["instances"]["2"][part] == whole[:1], part
    assert results["fall"] == {"epoch": 1, "fall": 0}
    assert [len(run["steps"]) for run in results["runs"]] == [32, 32]
    assert len(results["last_batch"]["trainings"]) == 6
    if saved is not results:
        assert results["studies"].keys() == saved["studies"].keys()


def check_mistakes(results, saved, mode):
    """Where the images are a stand-in, there is nothing to compare with."""
    others = results["shared_mistakes"]["others"]
    assert ("a convolutional net" in others) == bool(others) == (mode == "quick")
    assert set(results["selected"]["ece"]) == {"training", "validation", "test"}
    assert ("shared_mistakes" in results["studies"]) == bool(others)
    assert len(results["studies"]) == 10 + bool(others) and len(results["color"]["runs"]) == 2


def check_gradient_checks(results, saved, mode):
    assert results == saved


@pytest.mark.fault
@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_experiments(short_run, short_mode, path):
    results, saved, _ = short_run(f"experiments/{path.stem}")
    globals()[f"check_{path.stem}"](results, saved, short_mode)
