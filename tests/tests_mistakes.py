"""Changed colors, kept weights, overconfidence and agreement; and what was saved of them."""

import copy
from unittest.mock import Mock

from support.studies import judged

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks.difference import same_bits
from tests.helpers.one_layer import OneLayer, train_one_layer
from tests.helpers.results import check_studies, read_results


def images_of(seed=1):
    """Six images of 4 x 4 pixels, three of each class; the second class is bluer."""
    torch.manual_seed(seed)
    y = torch.tensor([0, 1, 0, 1, 1, 0])
    X = 0.2 * torch.randn(6, 3, 4, 4).double()
    X[:, 2] += (2 * y - 1)[:, None, None] / 4
    return X, y


def test_changes_by_hand(mistakes):
    X, y = images_of()
    means = mistakes.class_means(X, y)
    assert torch.allclose(means[1], X[[1, 3, 4]].mean(dim=(0, 2, 3)))
    changed = mistakes.changes(X, y, means)
    assert {images.shape for images in changed.values()} == {X.shape}
    color = {name: images.mean(dim=(2, 3)) for name, images in changed.items()}
    texture = {name: images - color[name][:, :, None, None] for name, images in changed.items()}
    assert same_bits(changed["unchanged"], X)
    assert torch.equal(changed["mirrored"][:, :, :, 0], X[:, :, :, 3])
    assert torch.equal(changed["channels_swapped"], X[:, [2, 1, 0]])
    gray = changed["gray"]
    assert torch.equal(gray[:, 0], gray[:, 1]) and torch.equal(gray[:, 1], gray[:, 2])
    assert torch.allclose(gray.mean(dim=1), X.mean(dim=1))
    assert torch.allclose(texture["mean_only"], torch.zeros_like(X))
    assert torch.allclose(color["mean_only"], color["unchanged"])
    wanted = {"same_mean": means.mean(dim=0).expand(6, 3), "own_mean": means[y]}
    for name, colors in (wanted | {"other_mean": means[1 - y]}).items():
        assert torch.allclose(color[name], colors), name
        assert torch.allclose(texture[name], texture["unchanged"]), name
    for name, control in (("other_mean", "random_as_other"), ("own_mean", "random_as_own")):
        shift, drawn = (color[key] - color["unchanged"] for key in (name, control))
        assert torch.allclose(texture[control], texture["unchanged"])
        assert torch.allclose(shift.norm(dim=1), drawn.norm(dim=1))
        assert not torch.allclose(shift, drawn, atol=0.1)


class Bluer(nn.Module):
    """A net that answers 1 where an image is more blue than red on average."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=torch.double))

    def forward(self, X):
        bluer = X[:, 2].mean(dim=(1, 2)) - X[:, 0].mean(dim=(1, 2))
        return self.weight * torch.stack([-bluer, bluer], dim=1)


def test_answers_of_a_net_that_judges_by_color(mistakes):
    """Its one mistake is repaired by the color of its class; the other class's fools it always."""
    X, y = images_of()
    X[1, 2] -= 1
    means = mistakes.class_means(*images_of())
    found = mistakes.answers_to_changes(Bluer(), X, y, means)
    assert found["test_wrong"] == [1]
    expected = {"unchanged": 5 / 6, "mirrored": 5 / 6, "channels_swapped": 1 / 6, "gray": 1 / 2}
    expected |= {"other_mean": 0, "own_mean": 1, "mean_only": 5 / 6}
    accuracy = {name: found["accuracy"][name] for name in expected}
    assert accuracy == pytest.approx(expected)
    repaired = {name: found["repaired"][name] for name in ("unchanged", "own_mean", "other_mean")}
    assert repaired == {"unchanged": 0, "own_mean": 1, "other_mean": 0}


def test_no_mistake_repairs_none(mistakes):
    X, y = images_of()
    found = mistakes.answers_to_changes(Bluer(), X, y, mistakes.class_means(X, y))
    assert found["test_wrong"] == [] and set(found["repaired"].values()) == {0}


@pytest.fixture
def tiny(mistakes, monkeypatch):
    """The notebook, with trainings of four epochs; a net, batches, and validation images."""
    monkeypatch.setattr(mistakes.PART2, "EPOCHS", 4)
    torch.manual_seed(2)
    net = nn.Sequential(nn.Flatten(), nn.Linear(48, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    X, y = images_of()
    return mistakes, net, [(X[:4], y[:4]), (X[4:], y[4:])], images_of(seed=7)


@pytest.mark.parametrize("overfits", [True, False])
def test_three_nets_of_one_training(tiny, part2, overfits):
    """The last weights are torch's; average and stopped weights those of their definitions.

    overfits: the validation labels are wrong, so the lowest validation loss is the first one.
    """
    mistakes, net, batches, (X, y) = tiny
    validation = [(X, 1 - y if overfits else y)]
    expected, average = copy.deepcopy(net), copy.deepcopy(net)
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.3, momentum=0.5)
    losses, kept = [], []
    for step in range(8):
        X, y = batches[step % 2]
        optimizer.zero_grad()
        nn.functional.cross_entropy(expected(X), y).backward()
        optimizer.step()
        with torch.no_grad():
            for a, p in zip(average.parameters(), expected.parameters(), strict=True):
                a += 0.01 * (p - a)
            if step % 2:
                X, y = validation[0]
                losses.append(nn.functional.cross_entropy(expected(X), y).item())
                kept.append(copy.deepcopy(expected))
    rule = dict(learning_rate=0.3, momentum=0.5, weight_decay=0.0)
    nets, rows = mistakes.train_and_keep(net, rule, batches, validation)
    best = losses.index(min(losses))
    assert nets["last"] is net and best == (0 if overfits else 3)
    for name, model in (("last", expected), ("averaged", average), ("stopped", kept[best])):
        pairs = zip(nets[name].parameters(), model.parameters(), strict=True)
        assert all(torch.allclose(p, q, rtol=1e-9) for p, q in pairs), name
    assert [row["loss"] for row in rows] == pytest.approx(losses, rel=1e-9)
    for part, given in (("training", batches), ("validation", validation)):
        found = [row[part] for row in rows]
        assert found == [part2.compute_accuracy(model, given) for model in kept], part


def test_a_seed_draws_split_and_start_and_colors_are_of_training_images(mistakes, monkeypatch):
    y = torch.arange(260) % 2
    color = (2 * y - 1).double()[:, None, None, None].expand(-1, 3, 32, 32)
    parts = [TensorDataset(shade * color, y) for shade in (0.1, 0.2, 0.3)]
    seeds, starts, means = [], [], Mock(wraps=mistakes.class_means)

    def load(_, seed=265):
        seeds.append(seed)
        return parts

    keep = mistakes.train_and_keep

    def seen_start(model, *rest):
        starts.append(model.weight.detach().clone())
        return keep(model, *rest)

    train_one_layer(mistakes.PART2, monkeypatch, load)
    monkeypatch.setattr(mistakes, "class_means", means)
    monkeypatch.setattr(mistakes, "train_and_keep", seen_start)
    found = mistakes.train_from_seed(2, 7)
    assert seeds == [7] == [found["seed"]]
    assert means.call_count == 1 and same_bits(means.call_args.args, parts[0].tensors)
    torch.manual_seed(7)
    assert same_bits(starts[0], OneLayer().float().weight)


def test_overconfidence_by_hand(mistakes):
    """Right at 0.9, wrong at 0.8: the gap is 0.35."""
    probabilities = torch.tensor([[0.9, 0.1], [0.2, 0.8]]).double()
    found = mistakes.overconfidence(probabilities, torch.tensor([0, 0]))
    assert found.tolist() == pytest.approx([-0.1, 0.8])


@pytest.mark.parametrize(
    ("mistakes_of_another", "shared", "by_chance", "expected"),
    [(40, 10, 10.0, 0), (40, 40, 10.0, 1), (200, 100, 50.0, 1), (40, 25, 10.0, 0.5), (0, 0, 0, 0)],
)
def test_agreement_by_hand(mistakes, mistakes_of_another, shared, by_chance, expected):
    """One model makes 100 mistakes; what the other shares, between chance and the most."""
    row = {"mistakes": mistakes_of_another, "shared": shared, "by_chance": by_chance}
    assert mistakes.agreement(row, 100) == pytest.approx(expected)


def test_saved_studies_follow_from_the_runs(mistakes):
    results = read_results("mistakes")
    runs, shared, studies = results["color"]["runs"], results["shared_mistakes"], results["studies"]

    def left(change, kind="accuracy"):
        return np.array([run[kind][change] for run in runs])

    losing = ("mirrored", "gray", "channels_swapped")
    decisive = {name: left("unchanged") - left(name) for name in losing}
    decisive |= {name: left(name) for name in ("same_mean", "other_mean", "mean_only")}
    decisive["direction"] = left("random_as_other") - left("other_mean")
    decisive["own_mean"] = left("own_mean", "repaired") - left("random_as_own", "repaired")
    neighbors = shared["others"]["nearest neighbors"]["agreement"]
    more = [row["agreement"] - neighbors for row in shared["seeds"].values()]
    decisive["shared_mistakes"] = more
    for name, net in (("average_of_selected", "averaged"), ("stopped_of_selected", "stopped")):
        prediction, gap = mistakes.CALIBRATION_PREDICTIONS[name], results["gaps"]["selected"][net]
        assert studies.pop(name) == judged(**prediction, n=2_000, interval=gap[1:])
    check_studies(studies, decisive, mistakes.COLOR_PREDICTIONS | mistakes.SHARED_PREDICTIONS)
