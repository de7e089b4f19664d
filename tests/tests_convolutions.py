"""The convolutional net, its images, its training and its recipe."""

import copy
from itertools import product

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


def test_schedule_and_order_of_an_epoch(convolutions, monkeypatch):
    fractions = np.linspace(0, 1, 41)
    shares = [convolutions.one_cycle(fraction) for fraction in fractions]
    assert shares == pytest.approx(np.interp(fractions, [0, 0.25, 1], [0, 1, 0]))
    images, y = torch.rand(21, 4, 4, 3), torch.arange(21)
    recipe, orders = convolutions.CNN_RECIPE | dict(batch_size=5, augmentation=False), []
    monkeypatch.setattr(convolutions, "changed", lambda X, *given: (X, given))
    generator = torch.Generator().manual_seed(1)
    for _ in range(2):
        batches = list(convolutions.epoch_batches(images, y, recipe, generator))
        assert [len(chosen) for _, chosen in batches] == [5] * 4, "the incomplete batch sits out"
        orders.append(torch.cat([chosen for _, chosen in batches]))
        assert len(orders[-1].unique()) == 20
        for (X, given), chosen in batches:
            assert torch.equal(X, images[chosen].permute(0, 3, 1, 2)) and given[1] is generator
    assert not torch.equal(*orders), "another order in each epoch"


@pytest.mark.parametrize("schedule", [True, False])
def test_convolutional_training_is_torchs_nesterov(convolutions, schedule):
    """fit() beside torch.optim.SGD, whose learning rate is set from step to step."""
    torch.manual_seed(4)
    images, y = torch.rand(40, 4, 4, 3), torch.arange(40) % 2
    ours = nn.Sequential(nn.Flatten(), nn.Linear(48, 2), nn.BatchNorm1d(2))
    theirs, their_average, losses = copy.deepcopy(ours), copy.deepcopy(ours).state_dict(), []
    recipe = convolutions.CNN_RECIPE | dict(batch_size=8, augmentation=False, schedule=schedule)
    loss, average = convolutions.fit(ours, images, y, recipe, 2, torch.Generator().manual_seed(1))
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
        for name, entry in theirs.state_dict().items():
            rate = 0.01 if entry.is_floating_point() else 1
            their_average[name] = (1 - rate) * their_average[name] + rate * entry
    assert loss == pytest.approx(sum(losses[5:]).item() / 5)
    for net, state in ((ours, theirs.state_dict()), (average, their_average)):
        for entry, expected in zip(net.state_dict().values(), state.values(), strict=True):
            torch.testing.assert_close(entry, expected, rtol=1e-5, atol=1e-7, check_dtype=False)


def test_nets_are_measured_on_the_part_named(convolutions, few_images):
    """A net of zeros says airplane, its average says bird; no test images unless asked.

    In training, both would say airplane.
    """
    for name, (X, y) in convolutions.single_precision_images().items():
        assert (len(X), X.unique(), X.dtype) == (*PARTS[name], torch.float32)
        assert (y == 0).sum() == PARTS[name][1]
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2), nn.Dropout(1.0))
    for p in net.parameters():
        nn.init.zeros_(p)
    average = copy.deepcopy(net)
    nn.init.ones_(average[1].bias[1:].detach())
    expected = {"validation_accuracy_one_view": 0.3, "validation_accuracy": 0.3}
    expected |= {"average_validation_accuracy": 0.7}
    tested = {"test_wrong": list(range(18, 30)), "test_accuracy": 0.6}
    tested |= {"average_test_wrong": list(range(18)), "average_test_accuracy": 0.4}
    assert convolutions.measure(net, average, True) == expected | tested
    assert convolutions.measure(net, average, False) == expected | dict.fromkeys(tested)
    X = torch.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)
    left_pixel = convolutions.MirrorAverage(lambda X: X[:, 0, 0, :1])
    assert left_pixel(X)[0].item() == (0 + 31) / 2, "the mean of an image and its mirror image"


def test_skips_and_last_channels(convolutions):
    skip = convolutions.Skip([nn.ReLU(), nn.Threshold(0.5, 7.0)])
    assert skip(torch.tensor([3.0, -3.0])).tolist() == [3 + 3, -3 + 7]
    for skips, last_channels, expected in ((0, 128, []), (1, 128, [64, 128]), (1, 160, [64])):
        net = convolutions.new_cnn(skips=skips, last_channels=last_channels)
        added = [m.layers[0] for m in net.modules() if isinstance(m, convolutions.Skip)]
        assert [c.in_channels for c in added] == [c.out_channels for c in added] == expected
        channels = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
        assert channels == [32, 64, 64, 128, last_channels]
        assert net(torch.rand(2, 3, 32, 32)).shape == (2, 2)


def changed(convolutions, X, generator=None, **options):
    recipe = convolutions.CNN_RECIPE | options
    return convolutions.changed(X, recipe, generator or torch.Generator().manual_seed(0))


@pytest.mark.parametrize("side", [1, 12, 32])
def test_one_square_is_blanked_in_each_image(convolutions, side):
    """Anywhere inside, and nothing else is changed; after the colors, where they are changed."""
    X = 1 + torch.rand(600, 3, 32, 32)
    seen = changed(convolutions, X, blanked=side)
    blank, pixel = (seen == 0).all(dim=1), torch.arange(32)
    assert torch.equal(seen, X * ~blank[:, None])
    starts = [blank.any(dim=d).int().argmax(dim=1) for d in (2, 1)]
    rows, columns = (((pixel - at[:, None]) // side == 0) for at in starts)
    assert torch.equal(blank, rows[:, :, None] & columns[:, None])
    assert all(len(at.unique()) == 33 - side for at in starts)
    places = torch.stack(starts).unique(dim=1)
    assert places.shape[1] > min(250, (33 - side) ** 2 - 1), "rows and columns vary independently"
    both = changed(convolutions, X[:9], blanked=side, colors=True)
    assert (both == 0).sum(dim=(1, 2, 3)).tolist() == 9 * [3 * side**2]


def test_colors_are_scaled_and_shifted_for_each_image(convolutions):
    """Each channel by a factor of its own, 0.8 to 1.2; the whole image by -0.2 to 0.2.

    Without the options nothing is changed, and no random number is drawn.
    """
    black, gray = torch.zeros(500, 3, 32, 32), torch.full((500, 3, 32, 32), 0.5)
    assert changed(convolutions, gray, generator="none is needed") is gray
    shifts = changed(convolutions, black, colors=True)
    scales = 2 * (changed(convolutions, gray, colors=True) - shifts)
    for values, low, high in ((shifts, -0.2, 0.2), (scales, 0.8, 1.2)):
        assert (values - values[:, :, :1, :1]).abs().max() < 1e-6, "the same for all pixels"
        assert low - 1e-6 < values.min() < low + 0.01 and high - 0.01 < values.max() < high + 1e-6
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.02)
    assert (shifts - shifts[:, :1]).abs().max() == 0
    assert abs(torch.corrcoef(scales[:, :2, 0, 0].T)[0, 1]) < 0.2


CHANGES = [
    {},
    dict(normalization=False),
    dict(augmentation=False),
    dict(convolution=False),
    dict(skips=True, last_channels=16, blanked=3, colors=True),
]


@pytest.mark.parametrize("changes", CHANGES, ids="-".join)
def test_the_recipe_reaches_net_and_images(convolutions, few_images, monkeypatch, changes):
    """A whole training on twenty images; fit() is watched, for the net and the images it gets."""
    fit, calls = convolutions.fit, []
    monkeypatch.setattr(convolutions, "fit", lambda *given: calls.append(given) or fit(*given))
    recipe = convolutions.CNN_RECIPE | dict(batch_size=10) | changes
    run = convolutions.train_cnn(0, 1, batch_size=10, **changes)
    assert run == run | recipe and run["test_wrong"] is run["average_test_accuracy"] is None
    ((net, images, _, given, *_),) = calls
    assert given == recipe
    kinds = [type(module) for module in net.modules()]
    normalized = nn.BatchNorm2d in kinds or nn.BatchNorm1d in kinds
    assert normalized == recipe["normalization"] and (nn.Conv2d in kinds) == recipe["convolution"]
    assert kinds.count(convolutions.Skip) == recipe["skips"]
    assert net[-1].in_features == (recipe["last_channels"] if recipe["convolution"] else 32)
    height = 40 if recipe["augmentation"] else 32
    assert images.shape == (20, height, height, 3)


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
        (1, dict(blanked=33), "blanked is 33; it must be 0 to 32"),
        (1, dict(blanked=-1), "blanked is -1"),
        (1, dict(last_channels=True), "last_channels is True"),
        (1, dict(last_channels=0), "last_channels is 0; it must be 1 to 1,024"),
    ):
        with pytest.raises(ValueError, match=words):
            convolutions.train_cnn(0, epochs, **changes)
