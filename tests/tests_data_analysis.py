"""What is measured on the images and on a model between two epochs: doubles, loss, accuracy."""

import math

import numpy as np
import pytest
import torch
from torch import nn
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


def test_loss_and_accuracy_are_means_over_images(part2, images):
    """90 images in uneven batches: a mean over batches is not the mean over images."""
    model, dataset = part2.new_model(), TensorDataset(*images[0][:90])
    loader, (X, y) = part2.make_loader(dataset, 40), dataset.tensors
    loss, accuracy = part2.loss_and_accuracy(model, loader)
    assert loss == pytest.approx(nn.functional.cross_entropy(model(X), y).item(), rel=1e-12)
    assert accuracy == part2.compute_accuracy(model, loader), "the same fraction, to the last bit"
    model.fc4.bias.data[:] = math.nan
    loss, accuracy = part2.loss_and_accuracy(model, loader)
    assert math.isnan(loss) and accuracy == (y == 0).double().mean().item()


def test_watching_changes_nothing(part2, few_batches):
    """The same losses, weights and random numbers, whether after_epoch measures or not."""
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
