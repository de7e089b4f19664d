"""The convolutional net, its images, its training and its recipe."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks.updates import torch_sgd


def test_crops_and_mirrors_are_parts_of_the_image(convolutions):
    """Each result is found in the padded image or in its mirror image; both occur."""
    padded = torch.arange(2 * 36 * 36 * 3).reshape(2, 36, 36, 3)
    chosen = torch.tensor([0, 1] * 20)
    seen = convolutions.crop_and_flip(padded, chosen, torch.Generator().manual_seed(1))
    assert seen.shape == (40, 3, 32, 32)
    kinds = set()
    for image, i in zip(seen, chosen.tolist(), strict=True):
        mirrored = bool(image[0, 0, 0] > image[0, 0, 1])
        image = image.flip(2) if mirrored else image
        first = image[0, 0, 0].item() - i * 36 * 36 * 3
        top, left = divmod(first // 3, 36)
        crop = padded[i, top : top + 32, left : left + 32].permute(2, 0, 1)
        assert torch.equal(image, crop)
        kinds.add((top, left, mirrored))
    tops, lefts, mirrored = map(set, zip(*kinds, strict=True))
    assert len(kinds) > 20 and tops == lefts == set(range(5)) and mirrored == {False, True}


def test_schedule_and_order_of_an_epoch(convolutions):
    fractions = np.linspace(0, 1, 41)
    shares = [convolutions.one_cycle(fraction) for fraction in fractions]
    assert shares == pytest.approx(np.interp(fractions, [0, 0.25, 1], [0, 1, 0]))
    images, y = torch.rand(21, 4, 4, 3), torch.arange(21)
    recipe = dict(batch_size=5, augmentation=False)
    epochs = [
        list(convolutions.epoch_batches(images, y, recipe, torch.default_generator)) for _ in "ab"
    ]
    for batches in epochs:
        assert [len(labels) for _, labels in batches] == [5] * 4, "the incomplete batch sits out"
        labels = torch.cat([labels for _, labels in batches])
        assert len(labels.unique()) == 20
        X = torch.cat([X for X, _ in batches])
        assert torch.equal(X, images[labels].permute(0, 3, 1, 2)), "images keep their labels"
    assert not torch.equal(epochs[0][0][1], epochs[1][0][1]), "another order in each epoch"


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
    generator, step = torch.Generator().manual_seed(1), 0
    for _ in range(2):
        for X, labels in convolutions.epoch_batches(images, y, recipe, generator):
            step += 1
            share = convolutions.one_cycle(step / 11) if schedule else 1
            optimizer.param_groups[0]["lr"] = 0.1 * share
            optimizer.zero_grad()
            nn.functional.cross_entropy(theirs(X), labels).backward()
            optimizer.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)


def test_convolutional_nets_are_measured_on_the_part_named(convolutions, monkeypatch):
    """A net that always says airplane has the share of airplanes; no test images unless asked."""
    says_airplane = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    nn.init.zeros_(says_airplane[1].weight)
    says_airplane[1].bias.data = torch.tensor([1.0, 0.0])
    parts = {
        name: (torch.rand(300, 3, 32, 32), (torch.arange(300) >= airplanes).long())
        for name, airplanes in (("training", 30), ("validation", 90), ("test", 180))
    }
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: parts)
    measured = convolutions.measure(says_airplane, evaluate_test=True)
    assert list(measured.values()) == [0.3, 0.3, 0.6]
    assert convolutions.measure(says_airplane, evaluate_test=False)["test_accuracy"] is None


def test_parts_of_the_images_keep_their_names(convolutions, monkeypatch):
    data = [
        TensorDataset(torch.full((4, 3, 32, 32), float(i)).double(), torch.full((4,), i))
        for i in range(3)
    ]
    monkeypatch.setattr(convolutions.PART2, "load_airplane_bird", lambda root: data)
    parts = convolutions.single_precision_images.__wrapped__()
    first = {name: (X[0, 0, 0, 0].item(), y[0].item()) for name, (X, y) in parts.items()}
    assert first == {"training": (0, 0), "validation": (1, 1), "test": (2, 2)}
    X = torch.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)
    assert convolutions.MirrorAverage(lambda X: X[:, 0, 0, :1])(X)[0].item() == (0 + 31) / 2


@pytest.mark.parametrize("left_out", [None, "normalization", "augmentation", "convolution"])
def test_an_ingredient_left_out_is_left_out(convolutions, monkeypatch, left_out):
    seen, part = {}, (torch.rand(8, 3, 32, 32), torch.arange(8) % 2)
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: {"training": part})
    monkeypatch.setattr(
        convolutions,
        "fit",
        lambda model, images, *_: seen.update(model=model, images=images) or 0.5,
    )
    monkeypatch.setattr(convolutions, "measure", lambda *_: {})
    convolutions.train_cnn(0, 1, **({left_out: False} if left_out else {}))
    kinds = {type(module) for module in seen["model"].modules()}
    assert bool(kinds & {nn.BatchNorm1d, nn.BatchNorm2d}) == (left_out != "normalization")
    assert (nn.Conv2d in kinds) == (left_out != "convolution")
    height = 32 if left_out == "augmentation" else 40
    assert seen["images"].shape == (8, height, height, 3)


@pytest.mark.parametrize(
    "epochs, changes, words",
    [
        (0, {}, "epochs is 0"),
        (1.5, {}, "epochs is 1.5"),
        (1, dict(convolutoin=False), "unknown: convolutoin"),
        (1, dict(schedule=1), "schedule is 1; it must be True or False"),
        (1, dict(learning_rate=-0.1), "learning_rate is -0.1"),
        (1, dict(momentum=0.0), "nesterov needs momentum"),
        (1, dict(batch_size=8_001), "batch_size is 8001"),
        (1, dict(batch_size=1), "batch_size is 1"),
    ],
)
def test_a_bad_recipe_is_refused_before_any_work(convolutions, monkeypatch, epochs, changes, words):
    monkeypatch.setattr(convolutions, "single_precision_images", lambda: pytest.fail("work began"))
    with pytest.raises(ValueError, match=words):
        convolutions.train_cnn(0, epochs, **changes)
