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
from support.images import MNIST_MD5, draw_stand_in, find_cifar10, find_mnist, load_mnist


def test_mnist_images(mnist):
    images, labels = mnist
    assert images.shape == (64, 1, 24, 24) and images.dtype == torch.double
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    pixels = images * 0.3081 + 0.1307
    assert -1e-12 < pixels.min() and pixels.max() < 1 + 1e-12 and 0.05 < pixels.mean() < 0.3


def test_images(images):
    for dataset, count in zip(images, (8_000, 2_000, 2_000), strict=True):
        X, y = dataset.tensors
        assert X.shape == (count, 3, 32, 32) and X.dtype == torch.double
        assert X.min() == -1 and X.max() == 1
        assert y.shape == (count,) and y.dtype == torch.int64 and set(y.tolist()) == {0, 1}
    training, validation, test = (dataset.tensors[1].sum() for dataset in images)
    assert training + validation == 5_000 and test == 1_000


@pytest.mark.slow
@pytest.mark.cifar10
def test_split_and_pixels_are_the_published_runs(part2, cifar10):
    """Against torchvision's own way to the images: PIL, to_tensor, one by one."""
    labeled, official_test = (CIFAR10(find_cifar10(), train=train) for train in (True, False))
    assert (labeled.classes[0], labeled.classes[2]) == part2.CLASS_NAMES
    kept, tested = (
        [i for i, label in enumerate(source.targets) if label in (0, 2)]
        for source in (labeled, official_test)
    )
    drawn = random.Random(265).sample(kept, 8_000)
    parts = ((labeled, drawn), (labeled, sorted(set(kept) - set(drawn))), (official_test, tested))
    for dataset, (source, indices) in zip(cifar10, parts, strict=True):
        X, y = dataset.tensors
        assert [2 * label for label in y.tolist()] == [source.targets[i] for i in indices]
        for position in [*range(0, len(indices), 97), len(indices) - 1]:
            image, _ = source[indices[position]]
            assert torch.equal(X[position], (to_tensor(image).double() - 0.5) / 0.5)
    other = part2.load_airplane_bird(seed=1)
    assert not torch.equal(other[0].tensors[1], cifar10[0].tensors[1])
    assert torch.equal(other[2].tensors[0], cifar10[2].tensors[0]), "the test images never change"


def test_loader_gives_views_in_order(part2, images):
    dataset = TensorDataset(*images[1][:600])
    batches = list(part2.make_loader(dataset))
    assert [len(y) for _, y in batches] == [256, 256, 88]
    for part, whole in zip(zip(*batches, strict=True), dataset.tensors, strict=True):
        assert torch.equal(torch.cat(part), whole)
    assert batches[1][0].data_ptr() == dataset.tensors[0][256].data_ptr(), "a view, not a copy"
    assert [len(y) for _, y in part2.make_loader(dataset, batch_size=500)] == [500, 100]
    for bad in (0, 601):
        with pytest.raises(ValueError, match=f"batch_size is {bad}; choose 1 to 600"):
            part2.make_loader(dataset, batch_size=bad)


def test_stand_in_is_balanced_and_repeats():
    images, labels = draw_stand_in(40, seed=3)
    again, _ = draw_stand_in(40, seed=3)
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.uint8
    assert labels.sum() == 20 and (images == again).all()
    assert (images != draw_stand_in(40, seed=4)[0]).any()


@pytest.fixture
def no_copy(monkeypatch, tmp_path):
    """A data folder without any images, and no way to download them: the proxy is a closed port."""
    monkeypatch.setattr(support.images, "ROOT", tmp_path)
    for name in ("CIFAR10_ROOT", "MNIST_ROOT", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    return tmp_path / "data"


def test_missing_images_are_one_clear_error(part2, no_copy):
    with pytest.raises(FileNotFoundError) as cifar10:
        part2.load_airplane_bird(no_copy)
    with pytest.raises(FileNotFoundError) as mnist:
        load_mnist()
    for error, parts in (
        (cifar10, (CIFAR10.url, CIFAR10.tgz_md5, "CIFAR10_ROOT")),
        (mnist, ("https://", "t10k-images-idx3-ubyte", "MNIST_ROOT")),
    ):
        for part in (str(no_copy), "the download failed", "refused", *parts):
            assert part in str(error.value)
    assert socket.getdefaulttimeout() is None


def test_a_missing_copy_is_downloaded(no_copy, monkeypatch):
    """Once, with a time limit that is gone afterwards; then both parts are opened from there."""
    limits = []

    def fake(root, train=True, download=False):
        if download:
            limits.append(socket.getdefaulttimeout())
        elif not limits:
            raise RuntimeError("not found")
        return root, train

    monkeypatch.setattr("torchvision.datasets.CIFAR10", fake)
    assert support.images.open_cifar10() == ((no_copy, True), (no_copy, False))
    assert limits == [30] and socket.getdefaulttimeout() is None


def test_broken_copies_are_not_trusted(part2, no_copy):
    batches, raw = no_copy / "cifar-10-batches-py", no_copy / "MNIST" / "raw"
    for folder in (batches, raw):
        folder.mkdir(parents=True)
    (batches / "data_batch_1").write_bytes(b"half")
    assert find_cifar10() is None
    with pytest.raises(FileNotFoundError, match="unpack it there"):
        part2.load_airplane_bird()
    assert [path.name for path in batches.iterdir()] == ["data_batch_1"], "left as it was"
    for ending, content in (("", b"half a file"), (".gz", gzip.compress(b"x" * 100)[:20])):
        for name in MNIST_MD5:
            (raw / (name + ending)).write_bytes(content)
        assert find_mnist("data") is None
