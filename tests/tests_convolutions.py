"""The convolutional net, its images, its training and its recipe."""

import copy
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks.shared import bits
from checks.updates import torch_sgd

PARTS = {"training": (20, 2), "validation": (300, 90), "test": (300, 180)}  # images, airplanes


@pytest.fixture
def few_images(convolutions, monkeypatch):
    """Let the notebook load a few images, in each part of one color."""
    data = []
    for n, airplanes in PARTS.values():
        X = torch.full((n, 3, 32, 32), airplanes, dtype=torch.double)
        data.append(TensorDataset(X, (torch.arange(n) >= airplanes).long()))
    monkeypatch.setattr(convolutions.PART2, "load_airplane_bird", lambda root: data)
    uncached = convolutions.single_precision_images.__wrapped__
    monkeypatch.setattr(convolutions, "single_precision_images", uncached)


def test_crops_and_mirrors_are_parts_of_the_image(convolutions):
    """Each result is a part of the chosen image or of its mirror image; all kinds occur."""
    padded, chosen = torch.rand(2, 36, 36, 3), torch.tensor([0, 1] * 20)
    crops = {}
    for i, top, left, mirrored in product((0, 1), range(5), range(5), (False, True)):
        crop = padded[i, top : top + 32, left : left + 32].permute(2, 0, 1)
        crops[bits(crop.flip(2) if mirrored else crop)] = (i, top, left, mirrored)
    seen = convolutions.crop_and_flip(padded, chosen, torch.Generator().manual_seed(1))
    which, tops, lefts, mirrored = zip(*(crops[bits(image)] for image in seen), strict=True)
    assert list(which) == chosen.tolist()
    assert set(tops) == set(lefts) == set(range(5)) and set(mirrored) == {False, True}
    assert len(set(zip(tops, lefts, mirrored, strict=True))) > 20


def test_schedule_and_order_of_an_epoch(convolutions):
    fractions = np.linspace(0, 1, 41)
    shares = [convolutions.one_cycle(fraction) for fraction in fractions]
    assert shares == pytest.approx(np.interp(fractions, [0, 0.25, 1], [0, 1, 0]))
    images, y = torch.rand(21, 4, 4, 3), torch.arange(21)
    recipe, orders = dict(batch_size=5, augmentation=False), []
    for _ in range(2):
        epoch = convolutions.epoch_batches(images, y, recipe, torch.default_generator)
        batches, labels = zip(*epoch, strict=True)
        assert [len(part) for part in labels] == [5] * 4, "the incomplete batch sits out"
        orders.append(torch.cat(labels))
        assert len(orders[-1].unique()) == 20
        expected = images[orders[-1]].permute(0, 3, 1, 2)
        assert torch.equal(torch.cat(batches), expected), "images keep their labels"
    assert not torch.equal(*orders), "another order in each epoch"


@pytest.mark.parametrize("schedule", [True, False])
def test_convolutional_training_is_torchs_nesterov(convolutions, schedule):
    """fit() beside torch.optim.SGD, whose learning rate is set from step to step."""
    torch.manual_seed(4)
    images, y = torch.rand(40, 4, 4, 3), torch.arange(40) % 2
    ours = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    theirs = copy.deepcopy(ours)
    recipe = convolutions.CNN_RECIPE | dict(batch_size=8, augmentation=False, schedule=schedule)
    convolutions.fit(ours, images, y, recipe, 2, torch.Generator().manual_seed(1))
    optimizer = torch_sgd(theirs, 0.1, momentum=0.9, weight_decay=2e-3, nesterov=True)
    generator = torch.Generator().manual_seed(1)
    epochs = [list(convolutions.epoch_batches(images, y, recipe, generator)) for _ in range(2)]
    for step, (X, labels) in enumerate(epochs[0] + epochs[1], start=1):
        share = convolutions.one_cycle(step / 11) if schedule else 1
        optimizer.param_groups[0]["lr"] = 0.1 * share
        optimizer.zero_grad()
        nn.functional.cross_entropy(theirs(X), labels).backward()
        optimizer.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)


def test_nets_are_measured_on_the_part_named(convolutions, few_images):
    """A net of zeros says airplane and has the share of airplanes; no test images unless asked."""
    for name, (X, y) in convolutions.single_precision_images().items():
        assert (len(X), X.unique(), X.dtype) == (*PARTS[name], torch.float32)
        assert (y == 0).sum() == PARTS[name][1]
    net = convolutions.new_perceptron()
    for p in net.parameters():
        nn.init.zeros_(p)
    assert list(convolutions.measure(net, evaluate_test=True).values()) == [0.3, 0.3, 0.6]
    assert convolutions.measure(net, evaluate_test=False)["test_accuracy"] is None
    X = torch.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)
    left_pixel = convolutions.MirrorAverage(lambda X: X[:, 0, 0, :1])
    assert left_pixel(X)[0].item() == (0 + 31) / 2, "the mean of an image and its mirror image"


@pytest.mark.parametrize("left_out", [None, "normalization", "augmentation", "convolution"])
def test_an_ingredient_left_out_is_left_out(convolutions, few_images, monkeypatch, left_out):
    """A whole training on twenty images; fit() is watched, for the net and the images it gets."""
    fit, seen = convolutions.fit, {}

    def watched_fit(model, images, *more):
        seen.update(kinds={type(module) for module in model.modules()}, shape=images.shape)
        return fit(model, images, *more)

    monkeypatch.setattr(convolutions, "fit", watched_fit)
    convolutions.train_cnn(0, 1, batch_size=10, **({left_out: False} if left_out else {}))
    normalized = not seen["kinds"].isdisjoint({nn.BatchNorm1d, nn.BatchNorm2d})
    assert normalized == (left_out != "normalization")
    assert (nn.Conv2d in seen["kinds"]) == (left_out != "convolution")
    height = 32 if left_out == "augmentation" else 40
    assert seen["shape"] == (20, height, height, 3)


def test_a_bad_recipe_is_refused_before_any_work(convolutions, monkeypatch):
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: pytest.fail("work began"))
    for epochs, changes, words in (
        (0, {}, "epochs is 0"),
        (1.5, {}, "epochs is 1.5"),
        (1, dict(convolutoin=False), "unknown: convolutoin"),
        (1, dict(schedule=1), "schedule is 1; it must be True or False"),
        (1, dict(learning_rate=-0.1), "learning_rate is -0.1"),
        (1, dict(momentum=0.0), "nesterov needs momentum"),
        (1, dict(batch_size=8_001), "batch_size is 8001"),
        (1, dict(batch_size=1), "batch_size is 1"),
    ):
        with pytest.raises(ValueError, match=words):
            convolutions.train_cnn(0, epochs, **changes)
