"""The baselines that need no network: what they are given, and that validation images choose."""

from torch.utils.data import TensorDataset


def test_baselines_see_what_they_say_and_are_chosen_on_validation_images(part2, images):
    """The best one on (small) validation images is taken, which is not always the first one."""
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
