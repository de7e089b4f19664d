"""Fixtures: the notebooks of the tree that these tests stand in, the images, a notebook's run."""

import hashlib
import os
import pickle
import re
import shutil
import sys

if not __debug__:
    sys.exit("PYTHONOPTIMIZE or -O removes each assert: the tests would check nothing. Unset it.")

# The tests run on the CPU, where there is a GPU, too. torch reads this when it first looks for one.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["RUN_MODE"] = "full"  # whatever a person has exported: a test sets its own
os.environ.pop("PYTHONSAFEPATH", None)  # it keeps `python -m support.notebooks` from its folder
sys.modules["rfc3987_syntax"] = None  # builds a grammar for 3 s if jsonschema finds it; not used

import support.images
from support import ROOT
from support.definitions import load_definitions
from support.files import write_whole
from support.images import MNIST_MD5, find_cifar10, load_mnist
from support.notebooks import execute

import numpy as np
import pytest

from checks.nets import make_case

EXPERIMENTS = sorted(p for p in ROOT.glob("experiments/*.ipynb") if ".executed" not in p.name)
NOTEBOOKS = [ROOT / "backpropagation.ipynb", ROOT / "gradient_descent.ipynb", *EXPERIMENTS]
ONLY_IF_NAMED = {"bench", "browser", "fault"}  # by -m; each has a command of its own


def pytest_collection_modifyitems(config, items):
    """Leave out what -m must name; the central tests first, whole notebooks last."""
    markers = {item: {marker.name for marker in item.iter_markers()} for item in items}
    left_out = ONLY_IF_NAMED - set(re.findall(r"\w+", config.option.markexpr))
    config.hook.pytest_deselected(items=[item for item in items if markers[item] & left_out])
    items[:] = [item for item in items if not markers[item] & left_out]

    def place(item):
        of = markers[item]
        return "notebook" in of, "slow" in of, item.path.parent != ROOT, "planted" in item.name

    items.sort(key=place)


def definitions_of(path):
    """A fixture for each test session: the definitions of one notebook."""
    return pytest.fixture(scope="session")(lambda: load_definitions(path))


part1, part2 = map(definitions_of, NOTEBOOKS[:2])
for path in EXPERIMENTS:  # the fixture `luck` for experiments/luck.ipynb, and so on
    globals()[path.stem] = definitions_of(path)


@pytest.fixture(params=["backpropagation", "backpropagation_by_loop"])
def backward(request, part1):
    """The notebook's two forms of the backward pass: the same tests for both."""
    return getattr(part1, request.param)


@pytest.fixture
def case(part1):
    """A net of the widths [2, 3, 2] with a batch of four, in double precision."""
    return make_case(part1.MyNet, [2, 3, 2], 4, seed=1)


@pytest.fixture(scope="session")
def model(part1):
    """A net of the widths [2, 3, 2], whose weights stay as they are; in double precision."""
    return make_case(part1.MyNet, [2, 3, 2], 1, seed=1).model


@pytest.fixture(scope="session")
def short_mode():
    """The RUN_MODE of a short run: on the real images where there is a copy of them."""
    return "quick" if find_cifar10() else "stand-in"


@pytest.fixture(scope="session")
def images(part2, short_mode):
    """CIFAR-10's airplanes and birds, or the drawn stand-in: training, validation, test."""
    return part2.load_airplane_bird("data" if short_mode == "quick" else "stand-in")


@pytest.fixture(scope="session")
def cifar10(images, short_mode):
    """CIFAR-10's own airplanes and birds; a skip where there is no copy."""
    if short_mode == "stand-in":
        pytest.skip("no copy of CIFAR-10 in data/ or CIFAR10_ROOT; `make run` fetches it")
    return images


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


def md5(path):
    return hashlib.md5(path.read_bytes()).hexdigest()


def write_tiny_copies(cifar10, mnist):
    """Write CIFAR-10's files with four images each, and MNIST's, unpacked, with three each."""
    from torchvision.datasets import CIFAR10

    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 3072), dtype=np.uint8)
    contents = {
        cifar10 / name: pickle.dumps({"data": data, "labels": [0, 1, 2, 3]})
        for (name, _), data in zip([*CIFAR10.train_list, *CIFAR10.test_list], pixels, strict=True)
    }
    names = ["airplane", "automobile", "bird", "cat"]
    contents[cifar10 / CIFAR10.meta["filename"]] = pickle.dumps({"label_names": names})
    for part in ("train", "t10k"):
        header = np.array([0x803, 3, 28, 28], ">i4").tobytes()
        images = pixels.tobytes()[: 3 * 28 * 28]
        contents[mnist / f"{part}-images-idx3-ubyte"] = header + images
        labels = np.array([0x801, 3], ">i4").tobytes() + bytes([7, 2, 1])
        contents[mnist / f"{part}-labels-idx1-ubyte"] = labels
    for path, content in contents.items():
        write_whole(path, content)


@pytest.fixture
def image_folders(tmp_path, monkeypatch):
    """Return a clone's data/ and the folder that the environment names, with the same tiny copies.

    torchvision is told their MD5s. There is no network: the proxy is a closed port.
    """
    from torchvision.datasets import CIFAR10

    data, other = tmp_path / "clone" / "data", tmp_path / "Bücher und 🐦"
    batches, raw = other / CIFAR10.base_folder, other / "MNIST" / "raw"
    write_tiny_copies(batches, raw)
    shutil.copytree(other, data)
    for part in ("train_list", "test_list"):
        told = [(name, md5(batches / name)) for name, _ in getattr(CIFAR10, part)]
        monkeypatch.setattr(CIFAR10, part, told)
    meta = CIFAR10.meta | {"md5": md5(batches / CIFAR10.meta["filename"])}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    for name in MNIST_MD5:
        monkeypatch.setitem(MNIST_MD5, name, md5(raw / name))
    monkeypatch.setattr(support.images, "ROOT", tmp_path / "clone")
    variables = {"HOME": tmp_path, "CIFAR10_ROOT": other, "MNIST_ROOT": other}
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        variables[variable] = "http://127.0.0.1:9"
    for variable, value in (variables | {"no_proxy": "", "NO_PROXY": ""}).items():
        monkeypatch.setenv(variable, str(value))
    return data, other


@pytest.fixture
def tree_copy(tmp_path, monkeypatch):
    """A copy of the tree without images; its notebooks find those that this tree has."""
    ignored = shutil.ignore_patterns(".*", "build", "cifar-10-*", "MNIST", "__pycache__")
    shutil.copytree(ROOT, tmp_path / "copy", ignore=ignored)
    monkeypatch.setenv("CIFAR10_ROOT", str(find_cifar10() or tmp_path))
    monkeypatch.setenv("MNIST_ROOT", os.environ.get("MNIST_ROOT", str(ROOT / "data")))
    return tmp_path / "copy"


@pytest.fixture
def run_copy(tree_copy, monkeypatch, capfd):
    """Return a function that executes a notebook on a copy of the tree; it returns the folder."""

    def run(name, mode):
        monkeypatch.setenv("RUN_MODE", mode)
        execute(tree_copy / name)
        assert "Warning" not in capfd.readouterr().err
        return tree_copy

    return run
