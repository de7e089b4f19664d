"""The images: where they are found, what they are, what is said where they are missing."""

import random
from types import SimpleNamespace

import support.images
from support.images import draw_stand_in, find_cifar10, find_mnist, load_mnist, open_images

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision.datasets import CIFAR10
from torchvision.transforms.functional import to_tensor


def test_mnist_images(mnist):
    images, labels = mnist
    assert images.shape == (64, 1, 24, 24) and images.dtype == torch.double
    assert labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    pixels = images * 0.3081 + 0.1307
    assert -1e-12 < pixels.min() and pixels.max() < 1 + 1e-12 and 0.05 < pixels.mean() < 0.3


def test_mnist_is_cropped_in_the_middle_and_normalized(image_folders):
    """Against the bytes of a tiny copy of three images of 28 x 28 pixels."""
    content = find_mnist()[0].read_bytes()
    pixels = np.frombuffer(content[16:], np.uint8).reshape(3, 1, 28, 28)[:, :, 2:-2, 2:-2] / 255
    images, labels = load_mnist(count=2, download=False)
    assert labels.tolist() == [7, 2]
    np.testing.assert_allclose(images.numpy(), (pixels[:2] - 0.1307) / 0.3081, rtol=1e-14)


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
    sources = (labeled, official_test)
    kept, tested = ([i for i, y in enumerate(s.targets) if y in (0, 2)] for s in sources)
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


def test_other_classes_follow_one_constant(part2, monkeypatch):
    """A target is a class's place in CLASSES; the stand-in has the labels of these classes, too."""
    monkeypatch.setattr(part2, "CLASSES", {"truck": 9, "cat": 3})
    data = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    X, y = part2.airplanes_and_birds(SimpleNamespace(data=data, targets=[3, 0, 9, 2, 3])).tensors
    assert y.tolist() == [1, 0, 1]
    assert (127.5 * (X[:, 0, 0, 0] + 1)).round().tolist() == [0, 2, 4]
    training, test = open_images("stand-in", part2.CLASSES.values())
    assert [len(part.data) for part in (training, test)] == [10_000, 2_000]
    for part, seed in ((training, 0), (test, 1)):
        images, kinds = draw_stand_in(len(part.data), seed)
        assert (part.data == images).all() and part.targets == np.where(kinds, 3, 9).tolist()


def test_stand_in_is_balanced_and_repeats():
    images, labels = draw_stand_in(40, seed=3)
    again, _ = draw_stand_in(40, seed=3)
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.uint8
    assert labels.sum() == 20 and (images == again).all()
    assert (images != draw_stand_in(40, seed=4)[0]).any()


@pytest.mark.parametrize("side", [16, 32])
def test_the_size_of_images_comes_from_one_constant(side, monkeypatch):
    """The stand-in is drawn in it; images that have another one are refused before any work."""
    training, test = open_images("stand-in", (3, 1), (3, side, side))
    assert training.data.shape[1:] == test.data.shape[1:] == (side, side, 3)
    assert np.unique(training.targets).tolist() == [1, 3]
    monkeypatch.setattr(support.images, "open_cifar10", lambda root: (training, test))
    assert open_images("data", (3, 1), (3, side, side)) == (training, test)
    told = rf"image_shape is \(3, 20, 20\), and the images have \(3, {side}, {side}\)"
    with pytest.raises(ValueError, match=told):
        open_images("data", (3, 1), (3, 20, 20))
