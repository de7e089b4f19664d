"""The baselines that need no network: each finds what it can see, and nothing is chosen by test."""

import pytest
import torch
from torch.utils.data import TensorDataset

COLOR, PIXELS = "logistic regression, mean color", "logistic regression, all pixels"
LARGER, NEIGHBORS = "the larger class", "nearest neighbors"


def draw(count, seed, kind):
    """Noisy images of 8 x 8 pixels; class 1, three in five, differs by color or place."""
    generator = torch.Generator().manual_seed(seed)
    y = (torch.rand(count, generator=generator) < 0.6).long()
    X = 0.1 * torch.randn(count, 3, 8, 8, generator=generator, dtype=torch.double)
    for image, label in zip(X, y.tolist(), strict=True):
        if kind == "color":
            image[0] += 0.3 * label
        else:
            image[:, 1:3, 1 + 4 * label : 3 + 4 * label] += 0.8  # a bright square
    return TensorDataset(X, y)


@pytest.mark.parametrize(
    "kind, seen", [("color", [COLOR, PIXELS, NEIGHBORS]), ("place", [PIXELS, NEIGHBORS])]
)
def test_a_baseline_finds_what_it_can_see(part2, kind, seen):
    """The larger class is that of the training images; a place is not seen by the mean color."""
    parts = [draw(count, seed, kind) for seed, count in enumerate((200, 100, 100))]
    rows, answers = part2.fit_baselines(*parts)
    assert list(rows) == [LARGER, COLOR, PIXELS, NEIGHBORS] and (answers[LARGER] == 1).all()
    y = parts[2].tensors[1].numpy()
    for name, row in rows.items():
        assert row["test_accuracy"] == (answers[name] == y).mean()
        assert row["test_wrong"] == (answers[name] != y).nonzero()[0].tolist()
        assert row["test_accuracy"] > 0.95 if name in seen else row["test_accuracy"] < 0.75, name


def test_the_choice_is_made_on_validation_images(part2, images):
    """The best on validation images is taken, which is not always the first."""
    parts = [
        TensorDataset(part.tensors[0][:300, :, ::8, ::8], part.tensors[1][:300]) for part in images
    ]
    first_chosen, (rows, _) = [], part2.fit_baselines(*parts)
    for name, (inputs_of, classifiers) in part2.baseline_candidates().items():
        (X, y), (validation_X, validation_y) = (
            (inputs_of(part.tensors[0]), part.tensors[1].numpy()) for part in parts[:2]
        )
        scores = {str(c): c.fit(X, y).score(validation_X, validation_y) for c in classifiers}
        chosen = rows[name]["classifier"]
        assert rows[name]["validation_accuracy"] == scores[chosen] == max(scores.values())
        first_chosen.append(chosen == str(classifiers[0]))
    assert not all(first_chosen), "the first one would do: nothing was chosen"
