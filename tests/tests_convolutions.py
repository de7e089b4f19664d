"""The convolutional net, its images, its training and its recipe."""

import copy
import math
from itertools import product
from unittest.mock import ANY, Mock

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks.difference import bits
from checks.trainings import torch_sgd

PARTS = {"training": (20, 2), "validation": (30, 9), "test": (30, 18)}  # images, airplanes


@pytest.fixture
def few_images(convolutions, monkeypatch):
    """Let the notebook load a few images, in each part of one color."""
    data = []
    for n, airplanes in PARTS.values():
        X = torch.full((n, 3, 32, 32), airplanes, dtype=torch.double)
        data.append(TensorDataset(X, (torch.arange(n) >= airplanes).long()))
    monkeypatch.setattr(convolutions.PART2, "load_airplane_bird", lambda root: data)
    make_loader = convolutions.PART2.make_loader
    monkeypatch.setattr(convolutions.PART2, "make_loader", lambda data: make_loader(data, 20))
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
    recipe, orders = convolutions.CNN_RECIPE | dict(batch_size=5, augmentation=False), []
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        batches = list(convolutions.epoch_batches(images, y, recipe, generator))
        assert [len(chosen) for _, chosen in batches] == [5] * 4, "the incomplete batch sits out"
        orders.append(torch.cat([chosen for _, chosen in batches]))
        assert len(orders[-1].unique()) == 20
        for X, chosen in batches:
            assert torch.equal(X, images[chosen].permute(0, 3, 1, 2))
    assert not torch.equal(*orders), "another order in each epoch"


@pytest.mark.parametrize("schedule", [True, False])
def test_convolutional_training_is_torchs_nesterov(convolutions, schedule):
    torch.manual_seed(4)
    images, y = torch.rand(40, 4, 4, 3), torch.arange(40) % 2
    ours = nn.Sequential(nn.Flatten(), nn.Linear(48, 2), nn.BatchNorm1d(2))
    theirs, losses = copy.deepcopy(ours), []
    recipe = convolutions.CNN_RECIPE | dict(batch_size=8, augmentation=False, schedule=schedule)
    loss = convolutions.fit(ours, images, y, recipe, 2, torch.Generator().manual_seed(1))
    optimizer = torch_sgd(theirs, 0.1, momentum=0.9, weight_decay=2e-3, nesterov=True)
    generator = torch.Generator().manual_seed(1)
    epochs = [list(convolutions.epoch_batches(images, y, recipe, generator)) for _ in range(2)]
    for step, (X, labels) in enumerate(epochs[0] + epochs[1], start=1):
        share = convolutions.one_cycle(step / 11) if schedule else 1
        optimizer.param_groups[0]["lr"] = 0.1 * share
        optimizer.zero_grad()
        losses.append(nn.functional.cross_entropy(theirs(X), labels))
        losses[-1].backward()
        optimizer.step()
    assert loss == pytest.approx(sum(losses[5:]).item() / 5)
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-5, atol=1e-7)


def test_a_diverged_training_ends_with_the_loss_that_is_not_finite(convolutions):
    """No step is made from that loss: what is finite until then stays as it was."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    images, y = torch.ones(8, 4, 4, 3), torch.arange(8) % 2
    images[5], before = math.inf, copy.deepcopy(net.state_dict())
    recipe = convolutions.CNN_RECIPE | dict(batch_size=8, augmentation=False)
    assert math.isnan(convolutions.fit(net, images, y, recipe, 3, torch.Generator().manual_seed(1)))
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)


def test_nets_are_measured_on_the_part_named(convolutions, few_images):
    """A net of zeros says airplane: all birds are wrong. In training, it would say bird."""
    for name, (X, y) in convolutions.single_precision_images().items():
        assert (len(X), X.unique(), X.dtype) == (*PARTS[name], torch.float32)
        assert (y == 0).sum() == PARTS[name][1]
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2), nn.BatchNorm1d(2))
    for p in net.parameters():
        nn.init.zeros_(p)
    for name, (n, airplanes) in PARTS.items():
        wrong = convolutions.wrong_images(net.train(), name)
        assert wrong == list(range(airplanes, n))
        assert convolutions.share_right(wrong, name) == pytest.approx(airplanes / n)


def test_an_image_and_its_mirror_image_are_asked(convolutions, monkeypatch):
    """Who asks the left pixel alone says airplane; the mean of left and right says bird."""
    X, y = torch.zeros(256, 3, 32, 32), torch.ones(256, dtype=torch.int64)
    X[:, 0, 0, 0], X[:, 0, 0, 31] = -1.0, 3.0
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: {"test": (X, y)})
    left_pixel = nn.Linear(1, 2, bias=False)
    left_pixel.weight.data = torch.tensor([[0.0], [1.0]])
    net = nn.Sequential(nn.Flatten(), nn.Identity(), left_pixel)
    net[1].forward = lambda X: X[:, :1]
    assert convolutions.wrong_images(net, "test") == []
    assert convolutions.MirrorAverage(net)(X[:1]).tolist() == [[0, (-1 + 3) / 2]]


def test_validation_images_choose_the_rate_and_test_images_see_the_chosen_net(
    convolutions, monkeypatch
):
    """Bright and dark images: one rate moves nothing, one learns, one diverges."""
    y = torch.arange(256) % 2
    generator = torch.Generator().manual_seed(0)
    X = torch.rand(256, 3, 32, 32, generator=generator) + 2 * y[:, None, None, None] - 1.5
    parts = dict.fromkeys(("training", "validation", "test"), (X, y))
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: parts)
    watched = Mock(wraps=convolutions.wrong_images)
    monkeypatch.setattr(convolutions, "wrong_images", watched)
    changes = convolutions.RECIPES["plain"] | dict(convolution=False, batch_size=64)
    run = convolutions.train_cnn(7, [1e-12, 0.02, 1e30], 9, evaluate_test=True, **changes)
    assert run["learning_rate"] == 0.02 and run["test_wrong"] == []
    assert run["test_accuracy"] == run["validation_accuracy"] == 1
    assert [row["learning_rate"] for row in run["tried"]] == [1e-12, 0.02, 1e30]
    unmoved, learned, diverged = (row["validation_accuracy"] for row in run["tried"])
    assert unmoved < learned == 1 and diverged == 0.5
    assert run["tried"][2]["training_loss"] is None
    assert run["tried"][0]["training_loss"] > run["tried"][1]["training_loss"]
    nets, seen = zip(*(call.args for call in watched.call_args_list), strict=True)
    assert seen == (*["validation"] * 3, "test") and nets[3] is nets[1]
    watched.reset_mock()
    run = convolutions.train_cnn(7, [0.02], 1, **changes)
    watched.assert_called_once_with(ANY, "validation")
    assert run["test_wrong"] is run["test_accuracy"] is None


CHANGES = [{}, dict(normalization=False), dict(augmentation=False), dict(convolution=False)]


@pytest.mark.parametrize("changes", CHANGES, ids="-".join)
def test_the_recipe_reaches_net_and_images(convolutions, few_images, monkeypatch, changes):
    watched = Mock(wraps=convolutions.fit)
    monkeypatch.setattr(convolutions, "fit", watched)
    recipe = convolutions.CNN_RECIPE | dict(batch_size=10, learning_rate=0.2) | changes
    run = convolutions.train_cnn(0, [0.2], 1, batch_size=10, **changes)
    assert run == run | recipe
    (((net, images, _, given, *_), _),) = watched.call_args_list
    assert given == recipe
    kinds = [type(module) for module in net.modules()]
    normalized = nn.BatchNorm2d in kinds or nn.BatchNorm1d in kinds
    assert normalized == recipe["normalization"] and (nn.Conv2d in kinds) == recipe["convolution"]
    assert net[-1].in_features == (128 if recipe["convolution"] else 32)
    height = 40 if recipe["augmentation"] else 32
    assert images.shape == (20, height, height, 3)


@pytest.mark.parametrize("side", [8, 24])
def test_nets_and_crops_have_the_side_of_the_images(convolutions, monkeypatch, side):
    monkeypatch.setattr(convolutions, "SIDE", side)
    padded = convolutions.padded_images(torch.rand(2, 3, side, side), 2)
    assert padded.shape == (2, side + 4, side + 4, 3)
    chosen, generator = torch.tensor([0, 1, 1]), torch.Generator().manual_seed(0)
    assert convolutions.crop_and_flip(padded, chosen, generator).shape == (3, 3, side, side)
    assert convolutions.new_cnn()(torch.rand(2, 3, side, side)).shape == (2, 2)


def test_a_bad_recipe_is_refused_before_any_work(convolutions, monkeypatch):
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: pytest.fail("work began"))
    for epochs, changes, words in (
        (0, {}, "epochs is 0"),
        (1.5, {}, "epochs is 1.5"),
        (1, dict(convolutoin=False), "unknown: convolutoin"),
        (1, dict(schedule=1), "schedule is 1; it must be True or False"),
        (1, dict(learning_rates=[0.1, -0.1]), "learning_rate is -0.1"),
        (1, dict(momentum=0.0), "nesterov needs momentum"),
        (1, dict(batch_size=8_001), "batch_size is 8001"),
        (1, dict(batch_size=1), "batch_size is 1"),
    ):
        with pytest.raises(ValueError, match=words):
            convolutions.train_cnn(0, epochs=epochs, **dict(learning_rates=[0.1]) | changes)
