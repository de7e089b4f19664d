"""Fixtures: the notebooks of the tree that these tests stand in, the images, a notebook's run."""

import json
import os
import shutil

import pytest

from support import ROOT
from support.images import find_cifar10, load_mnist
from support.notebooks import STAND_IN_BANNER, execute, load_definitions

EXPERIMENTS = ("gradient_checks", "replays", "luck", "stability", "mistakes", "convolutions")
NOTEBOOKS = [
    "backpropagation.ipynb",
    "gradient_descent.ipynb",
    *(f"experiments/{name}.ipynb" for name in EXPERIMENTS),
]


def pytest_collection_modifyitems(items):
    """The central tests first, whole notebooks last: a mistake is seen within seconds."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("notebook") is not None,
            item.get_closest_marker("slow") is not None,
            item.path.parent != ROOT,
        )
    )


def definitions_of(name):
    """A fixture for each test session: the definitions of one notebook."""
    return pytest.fixture(scope="session")(lambda: load_definitions(ROOT / f"{name}.ipynb"))


part1 = definitions_of("backpropagation")
part2 = definitions_of("gradient_descent")
gradient_checks, replays, luck, stability, mistakes, convolutions = (
    definitions_of(f"experiments/{name}") for name in EXPERIMENTS
)


@pytest.fixture(params=["backpropagation", "backpropagation_by_loop"])
def backward(request, part1):
    """The notebook's two forms of the backward pass: the same tests for both."""
    return getattr(part1, request.param)


@pytest.fixture(scope="session")
def cifar10(part2):
    """CIFAR-10's airplanes and birds: training, validation, test; a skip where there is no copy."""
    if find_cifar10() is None:
        pytest.skip("no copy of CIFAR-10 in data/ or CIFAR10_ROOT; `make run` fetches it")
    return part2.load_airplane_bird()


@pytest.fixture(scope="session")
def images(part2, request):
    """CIFAR-10's airplanes and birds, or the drawn stand-in where there is no copy of CIFAR-10."""
    if find_cifar10() is None:
        return part2.load_airplane_bird("stand-in")
    return request.getfixturevalue("cifar10")


@pytest.fixture(scope="session")
def few_batches(images):
    """Three batches of real images (or of the stand-in), the last one short, as a plain list."""
    X, y = images[0].tensors
    return [(X[:64], y[:64]), (X[64:128], y[64:128]), (X[128:150], y[128:150])]


@pytest.fixture(scope="session")
def mnist():
    """MNIST's first test images and labels, or a skip where there is no copy."""
    try:
        return load_mnist(download=False)
    except FileNotFoundError:
        pytest.skip("no copy of MNIST in data/ or MNIST_ROOT; `make run` fetches it")


@pytest.fixture(scope="session")
def short_mode():
    """The RUN_MODE of a short run: on the real images where there is a copy of them."""
    return "quick" if find_cifar10() else "stand-in"


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
def tree_copy(tmp_path, monkeypatch):
    """Return a function: a copy of the tree, in which notebooks run in the mode given."""

    def copy(mode):
        folder = tmp_path / "copy"
        ignored = shutil.ignore_patterns(".git", ".venv", "build", "data", "__pycache__")
        shutil.copytree(ROOT, folder, ignore=ignored)
        (folder / "data").mkdir()
        for path in (ROOT / "data").glob("*.json"):
            shutil.copy(path, folder / "data")
        monkeypatch.setenv("RUN_MODE", mode)
        monkeypatch.setenv("CIFAR10_ROOT", str(find_cifar10() or tmp_path))
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
