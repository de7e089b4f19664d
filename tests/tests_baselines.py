"""The baselines that need no network: each finds what it can see, and nothing is chosen by test."""

import pytest
import torch
from torch.utils.data import TensorDataset

COLOR, PIXELS = "logistic regression, mean color", "logistic regression, all pixels"
LARGER, NEIGHBORS = "the larger class", "nearest neighbors"


def draw(count, seed, kind):
    """`count` noisy images of 8 x 8 pixels; class 1, three in five, differs by its color, or by
    the place of a bright square.
    """
    generator = torch.Generator().manual_seed(seed)
    y = (torch.rand(count, generator=generator) < 0.6).long()
    X = 0.1 * torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.double)
    for image, label in zip(X, y.tolist(), strict=True):
        if kind == "color":
            image[0] += 0.3 * label
        else:
            image[:, 1:3, 1 + 4 * label : 3 + 4 * label] += 0.8
    return TensorDataset(X, y)


@pytest.mark.parametrize(
    "kind, seen", [("color", [COLOR, PIXELS, NEIGHBORS]), ("place", [PIXELS, NEIGHBORS])]
)
def test_a_baseline_finds_what_it_can_see(part2, kind, seen):
    """The larger class is that of the training images; a place is not seen by the mean color."""
    training, *others = (draw(count, seed, kind) for seed, count in enumerate((200, 100, 100)))
    rows, answers = part2.fit_baselines(training, *others)
    assert list(rows) == [LARGER, COLOR, PIXELS, NEIGHBORS]
    y = others[1].tensors[1].numpy()
    for name, row in rows.items():
        assert row["test_accuracy"] == (answers[name] == y).mean()
        assert row["test_wrong"] == (answers[name] != y).nonzero()[0].tolist()
        assert row["test_accuracy"] > 0.95 if name in seen else row["test_accuracy"] < 0.75, name
    assert (answers[LARGER] == 1).all()
    for part, images in zip(("validation", "test"), others, strict=True):
        share = images.tensors[1].double().mean().item()
        assert rows[LARGER][f"{part}_accuracy"] == pytest.approx(share)


def test_the_choice_is_made_on_validation_images(part2, images):
    """Other test labels change nothing that is chosen; the best on validation images is taken."""
    training, validation, test = (
        TensorDataset(part.tensors[0][:300, :, ::8, ::8], part.tensors[1][:300]) for part in images
    )
    wrong_way_round = TensorDataset(test.tensors[0], 1 - test.tensors[1])
    rows, _ = part2.fit_baselines(training, validation, test)
    others, _ = part2.fit_baselines(training, validation, wrong_way_round)
    first_chosen = []
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
        first_chosen.append(chosen == str(classifiers[0]))
    assert not all(first_chosen), "the first one would do: nothing was chosen"
