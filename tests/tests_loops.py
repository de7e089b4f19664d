"""The training loops, the accuracy, the comparison of two runs and the model."""

import copy
import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from checks.shared import same_bits


def test_old_gradients_do_not_leak_into_a_run(part2, few_batches):
    clean, dirty = part2.new_model(), part2.new_model()
    for p in dirty.parameters():
        p.grad = torch.ones_like(p)
    runs = [
        part2.train_manual_update(1, model, nn.CrossEntropyLoss(), 0.1, 0.9, 0.0, few_batches)
        for model in (clean, dirty)
    ]
    assert runs[0] == runs[1]


def test_training_refuses_bad_input(part2, few_batches):
    model, loss_function = part2.new_model(), nn.CrossEntropyLoss()
    with pytest.raises(ValueError, match="epoch_count is 0"):
        part2.train_manual_update(0, model, loss_function, 0.1, 0.0, 0.0, few_batches)
    with pytest.raises(ValueError, match="no batch in epoch 2"):
        part2.train_manual_update(2, model, loss_function, 0.1, 0.0, 0.0, iter(few_batches))
    with pytest.raises(ValueError, match="learning_rate is -1"):
        part2.train_manual_update(1, model, loss_function, -1, 0.0, 0.0, few_batches)


def test_same_bits_sees_one_bit(part2):
    runs = [{"model": part2.Point([1.0, math.nan]), "training_loss": [0.5, math.nan]} for _ in "ab"]
    assert part2.same_bits(*runs)
    with torch.no_grad():
        runs[0]["model"].position[0] += 2**-52
    assert not part2.same_bits(*runs)
    runs = [{"model": part2.Point(1.0), "training_loss": [loss]} for loss in (0.5, math.nan)]
    assert not part2.same_bits(*runs)


@pytest.mark.parametrize("i", range(8))
def test_same_bits_sees_each_parameter(part2, i):
    model = part2.new_model()
    other = copy.deepcopy(model)
    entry = list(other.parameters())[i].data.view(-1)[-1:]
    entry.copy_(torch.nextafter(entry, torch.tensor(9.0).double()))
    runs = [{"model": m, "training_loss": [0.5]} for m in (model, other)]
    assert part2.same_bits(runs[0], runs[0]) and not part2.same_bits(*runs)


class Modes(nn.Module):
    """Remembers in which mode it was asked, and whether for gradients."""

    def __init__(self):
        super().__init__()
        self.linear, self.seen = nn.Linear(2, 2), []

    def forward(self, X):
        self.seen.append((self.training, torch.is_grad_enabled()))
        return self.linear(X)


def test_training_and_judging_set_their_modes(part2):
    model, batch = Modes().eval(), (torch.ones(3, 2), torch.tensor([0, 1, 0]))
    part2.compute_accuracy(model, [batch])
    assert not model.training, "as before"
    part2.train_manual_update(1, model, nn.CrossEntropyLoss(), 0.1, 0.0, 0.0, [batch])
    assert model.seen == [(False, False), (True, True)]


class Scores(nn.Module):
    """Gives back its input as scores, and refuses to be judged while training."""

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, X):
        assert not self.training, "accuracy must be computed in evaluation mode"
        return X


def test_accuracy_counts_images(part2):
    """Batches of 1 and 3: two of four right is 0.5; the mean of the batches would be 2 / 3."""
    right, wrong = torch.tensor([2.0, 1.0]), torch.tensor([1.0, 2.0])
    first = (right[None], torch.tensor([0]))
    second = (torch.stack([right, wrong, wrong]), torch.tensor([0, 0, 0]))
    model = Scores()
    assert part2.compute_accuracy(model, [first, second]) == 0.5
    assert model.training, "the model's mode must be as before"


def test_accuracy_of_nan_scores_is_the_share_of_airplanes(part2):
    batch = (torch.full((4, 2), math.nan), torch.tensor([0, 1, 1, 1]))
    assert part2.compute_accuracy(Scores(), [batch]) == 0.25


@pytest.mark.parametrize("shape", [(4, 1), (1,), ()])
def test_accuracy_needs_a_label_for_each_image(part2, shape):
    with pytest.raises(ValueError, match=r"for 4 images, not \(N,\)"):
        part2.compute_accuracy(Scores(), [(torch.zeros(4, 2), torch.zeros(shape))])


def test_accuracy_of_nothing_is_refused(part2):
    with pytest.raises(ValueError, match="no images"):
        part2.compute_accuracy(Scores(), [])


def test_model_is_what_the_assignment_asks_for(part2):
    shapes = [tuple(p.shape) for p in part2.MyMLP().parameters()]
    assert shapes == [(512, 3072), (512,), (128, 512), (128,), (32, 128), (32,), (2, 32), (2,)]
    torch.manual_seed(265)
    widths = (3072, 512, 128, 32, 2)
    layers = [nn.Linear(*pair, dtype=torch.double) for pair in pairwise(widths)]
    model = part2.new_model()
    expected = [p for layer in layers for p in layer.parameters()]
    assert all(map(same_bits, model.parameters(), expected)), "the default start of seed 265"
    X = torch.randn(5, 3, 32, 32, dtype=torch.double)
    a = X.flatten(1)
    for layer in layers[:-1]:
        a = layer(a).clamp(min=0)
    assert torch.equal(model(X), layers[-1](a)), "raw scores"
