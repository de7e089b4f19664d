"""The baselines that need no network: each finds what it can see, and nothing is chosen by test."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

COLOR, PIXELS = "logistic regression, mean color", "logistic regression, all pixels"
LARGER, NEIGHBORS = "the larger class", "nearest neighbors"


def draw(count, seed, kind, share=0.5):
    """`count` noisy images; class 1 differs by its color, or by the place of a bright square."""
    generator = torch.Generator().manual_seed(seed)
    y = (torch.rand(count, generator=generator) < share).long()
    X = 0.1 * torch.randn(count, 3, 32, 32, generator=generator, dtype=torch.double)
    for image, label in zip(X, y.tolist(), strict=True):
        if kind == "color":
            image[0] += 0.3 * label
        else:
            image[:, 4:12, 4 + 16 * label : 12 + 16 * label] += 0.8
    return TensorDataset(X, y)


def fit(part2, kind, share=0.5):
    parts = [draw(count, seed, kind, share) for seed, count in enumerate((200, 100, 100))]
    return parts, *part2.fit_baselines(*parts)


def test_color_is_seen_by_all_but_the_larger_class(part2):
    _, rows, _ = fit(part2, "color")
    assert list(rows) == [LARGER, COLOR, PIXELS, NEIGHBORS]
    for name in (COLOR, PIXELS, NEIGHBORS):
        assert rows[name]["test_accuracy"] > 0.95, name
    assert rows[LARGER]["test_accuracy"] < 0.7


def test_a_place_is_not_seen_by_the_mean_color(part2):
    _, rows, _ = fit(part2, "place")
    assert rows[PIXELS]["test_accuracy"] == rows[NEIGHBORS]["test_accuracy"] == 1
    assert rows[COLOR]["test_accuracy"] < 0.7


def test_the_larger_class_is_that_of_the_training_images(part2):
    parts, rows, answers = fit(part2, "place", share=0.7)
    assert (answers[LARGER] == 1).all()
    for name, part in (("validation", parts[1]), ("test", parts[2])):
        share = part.tensors[1].double().mean().item()
        assert rows[LARGER][f"{name}_accuracy"] == pytest.approx(share)


def test_answers_and_accuracies_fit_together(part2):
    parts, rows, answers = fit(part2, "color")
    for name, row in rows.items():
        right = answers[name] == parts[2].tensors[1].numpy()
        assert row["test_accuracy"] == np.mean(right)


def test_the_choice_is_made_on_validation_images(part2, images):
    """Other test labels change nothing that is chosen; the best on validation images is taken."""
    training, validation, test = (TensorDataset(*part[:300]) for part in images)
    wrong_way_round = TensorDataset(test.tensors[0], 1 - test.tensors[1])
    rows, _ = part2.fit_baselines(training, validation, test)
    others, _ = part2.fit_baselines(training, validation, wrong_way_round)
    for name, (inputs_of, classifiers) in part2.baseline_candidates().items():
        assert others[name]["classifier"] == rows[name]["classifier"]
        assert others[name]["test_accuracy"] == pytest.approx(1 - rows[name]["test_accuracy"])
        scores = {}
        for classifier in classifiers:
            classifier.fit(inputs_of(training.tensors[0]), training.tensors[1].numpy())
            X, y = inputs_of(validation.tensors[0]), validation.tensors[1].numpy()
            scores[str(classifier)] = classifier.score(X, y)
        chosen = rows[name]["classifier"]
        assert rows[name]["validation_accuracy"] == scores[chosen] == max(scores.values())
