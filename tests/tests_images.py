"""The images: where they are found, what they are, what is said where they are missing."""

import gzip
import random
import socket

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision.datasets import CIFAR10
from torchvision.transforms.functional import to_tensor

import support.images
from support import ROOT
from support.images import (
    MNIST_MD5,
    draw_stand_in,
    find_cifar10,
    find_mnist,
    load_mnist,
    open_cifar10,
)


def test_mnist_images(mnist):
    images, labels = mnist
    assert images.shape == (64, 1, 24, 24) and images.dtype == torch.double
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    pixels = images * 0.3081 + 0.1307
    assert -1e-12 < pixels.min() and pixels.max() < 1 + 1e-12 and 0.05 < pixels.mean() < 0.3


def test_no_mnist_and_no_network_is_one_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("MNIST_ROOT", str(tmp_path))
    monkeypatch.setattr(support.images, "find_mnist", lambda root: None)

    def no_network(root):
        raise OSError("network unreachable")

    monkeypatch.setattr(support.images, "download_mnist", no_network)
    with pytest.raises(FileNotFoundError, match="network unreachable") as caught:
        load_mnist()
    for part in (str(tmp_path), "https://", "t10k-images-idx3-ubyte", "MNIST_ROOT"):
        assert part in str(caught.value)


def test_a_broken_copy_of_mnist_is_not_used(tmp_path):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MNIST_MD5:
        (raw / name).write_bytes(b"half a file")
    assert find_mnist(tmp_path) is None
    for name in MNIST_MD5:
        (raw / (name + ".gz")).write_bytes(gzip.compress(b"x" * 100)[:20])
    assert find_mnist(tmp_path) is None


def test_images(part2, images):
    for dataset, count in zip(images, (8_000, 2_000, 2_000), strict=True):
        X, y = dataset.tensors
        assert X.shape == (count, 3, 32, 32) and X.dtype == torch.double
        assert y.shape == (count,) and y.dtype == torch.int64
        assert X.min() == -1 and X.max() == 1
        assert set(y.tolist()) == {0, 1}
    assert images[2].tensors[1].sum() == 1_000
    assert images[0].tensors[1].sum() + images[1].tensors[1].sum() == 5_000


@pytest.mark.cifar10
def test_split_and_pixels_are_the_published_runs(part2, cifar10):
    """Against torchvision's own way to the images: PIL, to_tensor, one by one."""
    folder = find_cifar10()
    labeled, official_test = CIFAR10(folder, train=True), CIFAR10(folder, train=False)
    assert (labeled.classes[0], labeled.classes[2]) == part2.CLASS_NAMES
    kept = [i for i, label in enumerate(labeled.targets) if label in (0, 2)]
    drawn = random.Random(265).sample(kept, 8_000)
    others = [i for i in kept if i not in set(drawn)]
    tested = [i for i, label in enumerate(official_test.targets) if label in (0, 2)]
    parts = ((labeled, drawn), (labeled, others), (official_test, tested))
    for dataset, (source, indices) in zip(cifar10, parts, strict=True):
        X, y = dataset.tensors
        assert [2 * label for label in y.tolist()] == [source.targets[i] for i in indices]
        for position in [*range(0, len(indices), 97), len(indices) - 1]:
            image, _ = source[indices[position]]
            assert torch.equal(X[position], (to_tensor(image).double() - 0.5) / 0.5)


@pytest.mark.cifar10
def test_another_seed_draws_another_split(part2, cifar10):
    other = part2.load_airplane_bird(ROOT / "data", seed=1)
    assert not torch.equal(other[0].tensors[1], cifar10[0].tensors[1])
    assert torch.equal(other[2].tensors[0], cifar10[2].tensors[0]), "the test images never change"


def test_loader_gives_views_in_order(part2, images):
    dataset = TensorDataset(*images[1][:600])
    batches = list(part2.make_loader(dataset))
    assert [len(y) for _, y in batches] == [256, 256, 88]
    assert torch.equal(torch.cat([X for X, _ in batches]), dataset.tensors[0])
    assert torch.equal(torch.cat([y for _, y in batches]), dataset.tensors[1])
    assert batches[1][0].data_ptr() == dataset.tensors[0][256].data_ptr(), "a view, not a copy"
    assert [len(y) for _, y in part2.make_loader(dataset, batch_size=500)] == [500, 100]
    for bad in (0, 601):
        with pytest.raises(ValueError, match=f"batch_size is {bad}; choose 1 to 600"):
            part2.make_loader(dataset, batch_size=bad)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Neither a copy of CIFAR-10 nor a way to download it: the proxy is a closed port."""
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path / "data"


def test_missing_images_are_one_clear_error(part2, no_network):
    with pytest.raises(FileNotFoundError) as error:
        part2.load_airplane_bird(no_network)
    for part in (CIFAR10.url, CIFAR10.tgz_md5, str(no_network), "CIFAR10_ROOT"):
        assert part in str(error.value)
    assert socket.getdefaulttimeout() is None


def test_a_missing_copy_is_downloaded(monkeypatch):
    """Once, with a time limit that is gone afterwards; then both parts are opened from there."""
    there, limits = set(), []

    def fake(root, train=True, download=False):
        if download:
            limits.append(socket.getdefaulttimeout())
            there.add(root)
        if root not in there:
            raise RuntimeError("not found")
        return root, train

    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    monkeypatch.setattr(support.images, "CIFAR10", fake)
    assert open_cifar10("here") == ((ROOT / "here", True), (ROOT / "here", False))
    assert limits == [30] and socket.getdefaulttimeout() is None


def test_broken_copy_is_not_trusted(part2, no_network):
    folder = no_network / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(b"half")
    assert find_cifar10(no_network) is None
    with pytest.raises(FileNotFoundError, match="unpack it there"):
        part2.load_airplane_bird(no_network)
    assert [path.name for path in folder.iterdir()] == ["data_batch_1"]


def test_stand_in_is_balanced_and_repeats():
    images, labels = draw_stand_in(40, seed=3)
    again, _ = draw_stand_in(40, seed=3)
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.uint8
    assert labels.sum() == 20 and (images == again).all()
    assert (images != draw_stand_in(40, seed=4)[0]).any()
