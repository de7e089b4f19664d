"""Fixtures: the notebooks of the tree that these tests stand in, the images, a notebook's run."""

import json
import os
import shutil
from pathlib import Path

import pytest

from notebook_definitions import STAND_IN_BANNER, execute, load_definitions

ROOT = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items):
    """Whole notebooks first: beside them there is enough left for a second process."""
    items.sort(key=lambda item: item.get_closest_marker("notebook") is None)


@pytest.fixture(scope="session")
def part1():
    """The definitions of backpropagation.ipynb."""
    return load_definitions(ROOT / "backpropagation.ipynb")


@pytest.fixture(scope="session")
def part2():
    """The definitions of gradient_descent.ipynb."""
    return load_definitions(ROOT / "gradient_descent.ipynb")


@pytest.fixture(scope="session")
def part3():
    """The definitions of experiments.ipynb."""
    return load_definitions(ROOT / "experiments.ipynb")


@pytest.fixture(scope="session")
def cifar10(part2):
    """CIFAR-10's airplanes and birds: training, validation, test; a skip where there is no copy."""
    if part2.find_cifar10(ROOT / "data") is None:
        pytest.skip("no copy of CIFAR-10 in data/ or CIFAR10_ROOT; `make run` fetches it")
    return part2.load_airplane_bird(ROOT / "data")


@pytest.fixture(scope="session")
def images(part2, request):
    """CIFAR-10's airplanes and birds, or the drawn stand-in where there is no copy of CIFAR-10."""
    if part2.find_cifar10(ROOT / "data") is None:
        return part2.load_airplane_bird("stand-in")
    return request.getfixturevalue("cifar10")


@pytest.fixture(scope="session")
def short_mode(part2):
    """The RUN_MODE of a short run: on the real images where there is a copy of them."""
    return "quick" if part2.find_cifar10(ROOT / "data") else "stand-in"


@pytest.fixture
def saved_results():
    """Return a function: the saved results/<name>.json, where a short run must agree with it.

    That is on the same images and the same kind of machine; None elsewhere.
    """

    def saved(name, results):
        whole = json.loads((ROOT / "results" / f"{name}.json").read_text())
        keys = ("environment", "data")
        return whole if all(whole.get(key) == results.get(key) for key in keys) else None

    return saved


@pytest.fixture
def tree_copy(part2, tmp_path, monkeypatch):
    """Return a function: a copy of the tree, in which notebooks run in the mode given."""

    def copy(mode):
        folder = tmp_path / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "data", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=ignored)
        monkeypatch.setenv("RUN_MODE", mode)
        monkeypatch.setenv("CIFAR10_ROOT", str(part2.find_cifar10(ROOT / "data") or tmp_path))
        monkeypatch.setenv("MNIST_ROOT", os.environ.get("MNIST_ROOT", str(ROOT / "data")))
        return folder

    return copy


@pytest.fixture
def run_copy(tree_copy, capfd):
    """Return a function that executes a notebook on a copy of the tree; it returns the folder."""

    def run(name, mode):
        folder = tree_copy(mode)
        execute(folder / name, banner=STAND_IN_BANNER if mode == "stand-in" else None)
        assert "Warning" not in capfd.readouterr().err
        return folder

    return run
