"""What is measured on the images, on a model between two epochs, and without a network."""

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset


def test_largest_correlations_are_numpys(part2, images):
    """numpy's correlation of each pair, mirror images too; a constant image's is 0, never NaN."""
    ours, theirs = images[1].tensors[0][:20].clone(), images[0].tensors[0][:30].clone()
    mirrored = torch.cat([theirs, theirs.flip(3)]).flatten(1).numpy()
    expected = [max(np.corrcoef(i, m)[0, 1] for m in mirrored) for i in ours.flatten(1).numpy()]
    assert part2.largest_correlations(ours, theirs).tolist() == pytest.approx(expected, abs=1e-5)
    ours[:] = 0.3
    for pair in ((ours, theirs), (theirs, ours)):
        assert part2.largest_correlations(*pair).abs().max().item() < 1e-3


def test_exact_doubles_are_counted_in_a_part_and_across(part2, images):
    X, others = images[0].tensors[0][:4], images[1].tensors[0][:1]
    parts = {"training": torch.cat([X, X[:1]]), "test": torch.cat([X[1:3], others])}
    parts = {part: TensorDataset(found) for part, found in parts.items()}
    assert part2.count_exact_doubles(parts) == {"training": 1, "test": 2}


def test_watching_changes_nothing(part2, few_batches):
    rule, batches = dict(learning_rate=0.1, momentum=0.9, weight_decay=0.01), few_batches[1:]
    plain, state = part2.train_both(2, batches, **rule), torch.get_rng_state()
    after_epoch, history = part2.watch({"validation": batches, "sample": batches[:1]})
    watched = part2.train_both(2, batches, **rule, after_epoch=after_epoch)
    assert torch.equal(torch.get_rng_state(), state)
    for optimizer in ("torch", "manual"):
        assert part2.same_bits(plain[optimizer], watched[optimizer])
    kinds = ("validation_loss", "validation_accuracy_by_epoch", "sample_loss")
    assert history.keys() == {*kinds, "sample_accuracy_by_epoch"}
    assert [len(values) for values in history.values()] == [2] * 4
    last = part2.loss_and_accuracy(watched["manual"]["model"], batches)
    assert (history["validation_loss"][-1], history["validation_accuracy_by_epoch"][-1]) == last
    assert history["validation_loss"][0] != history["validation_loss"][1]


def test_baselines_see_what_they_say_and_are_chosen_on_validation_images(part2, images):
    parts = [
        TensorDataset(part.tensors[0][:300, :, ::8, ::8], part.tensors[1][:300]) for part in images
    ]
    first_chosen, (rows, answers) = [], part2.fit_baselines(*parts)
    for name, (inputs_of, classifiers) in part2.baseline_candidates().items():
        data = []
        for X, y in (part.tensors for part in parts):
            pixels = "pixels" in name or "neighbors" in name
            expected = X.float().flatten(1) if pixels else X.mean(dim=(2, 3))
            assert (inputs_of(X) == expected.numpy()).all()
            data.append((expected.numpy(), y.numpy()))
        (X, y), validation, (test_X, test_y) = data
        scores = {str(c): c.fit(X, y).score(*validation) for c in classifiers}
        row = rows[name]
        (chosen,) = (c for c in classifiers if str(c) == row["classifier"])
        assert row["validation_accuracy"] == scores[str(chosen)] == max(scores.values())
        assert (chosen.predict(test_X) == answers[name]).all()
        assert row["test_accuracy"] == (answers[name] == test_y).mean()
        assert row["test_wrong"] == (answers[name] != test_y).nonzero()[0].tolist()
        first_chosen.append(chosen is classifiers[0])
    assert not all(first_chosen), "the first one would do: nothing was chosen"
    assert len(set(answers["the larger class"])) == 1


@pytest.mark.parametrize(
    "training, validation, answer",
    [
        ([0.6, 0.4, 0.2], [0.6, 0.5, 0.7], True),
        ([0.6, 0.4, 0.2], [0.6, 0.5, 0.4], False),  # validation loss still falls
        ([0.6, 0.4, 0.5], [0.6, 0.5, 0.7], False),  # both rise: that is no overfitting
    ],
)
def test_overfitting_is_a_rise_of_validation_loss_alone(part2, training, validation, answer):
    run = {"training_sample_loss": training, "validation_loss": validation}
    assert part2.overfits(run) is answer
