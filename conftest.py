"""Fixtures: the notebooks of the tree that these tests stand in, the images, a notebook's run."""

import os
import shutil
from pathlib import Path

import pytest

from notebook_definitions import STAND_IN_BANNER, execute, load_definitions

ROOT = Path(__file__).resolve().parent


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


@pytest.fixture
def run_copy(part2, tmp_path, monkeypatch, capfd):
    """Execute a notebook on a copy of the tree in a short mode; return the copy's folder."""
    monkeypatch.setenv("CIFAR10_ROOT", str(part2.find_cifar10(ROOT / "data") or tmp_path))
    monkeypatch.setenv("MNIST_ROOT", os.environ.get("MNIST_ROOT", str(ROOT / "data")))

    def run(name, mode):
        copy = tmp_path / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "data", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        monkeypatch.setenv("RUN_MODE", mode)
        execute(copy / name, banner=STAND_IN_BANNER if mode == "stand-in" else None)
        assert "Warning" not in capfd.readouterr().err
        return copy

    return run
