"""The training loops, the accuracy, the comparison of two runs and the model."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

from checks.updates import same_parameters


def train(part2, model, batches, epoch_count=1, learning_rate=0.1):
    rule = (learning_rate, 0.9, 0.0)
    return part2.train_manual_update(epoch_count, model, nn.CrossEntropyLoss(), *rule, batches)


def test_training_refuses_bad_input(part2, few_batches):
    model = part2.new_model()
    with pytest.raises(ValueError, match="epoch_count is 0"):
        train(part2, model, few_batches, epoch_count=0)
    with pytest.raises(ValueError, match="no batch in epoch 2"):
        train(part2, model, iter(few_batches), epoch_count=2)
    with pytest.raises(ValueError, match="learning_rate is -1"):
        train(part2, model, few_batches, learning_rate=-1)


def test_same_bits_sees_one_bit_of_any_number(part2):
    left, right = ({"model": part2.new_model(), "training_loss": [0.5, math.nan]} for _ in "ab")
    for run in (left, right):
        run["model"].fc4.bias.data[0] = math.nan
    assert part2.same_bits(left, right)
    assert not part2.same_bits(left, right | {"training_loss": [0.5, 0.5]})
    for p in right["model"].parameters():
        last = p.data.view(-1)[-1:].view(torch.int64)
        last ^= 1
        assert not part2.same_bits(left, right)
        last ^= 1


class Watched(nn.Module):
    """Gives back its input as scores; remembers its mode, and whether gradients were asked for."""

    def __init__(self):
        super().__init__()
        self.factor, self.seen = nn.Parameter(torch.ones(())), []

    def forward(self, X):
        self.seen.append((self.training, torch.is_grad_enabled()))
        return self.factor * X


def test_accuracy_counts_images(part2):
    """Batches of 1 and 3: one of four right is 0.25; the mean of the batches would be 0.5."""
    right, wrong, nan = [2.0, 1.0], [1.0, 2.0], [math.nan, math.nan]
    batches = [(torch.tensor(X), torch.zeros(len(X))) for X in ([right], [wrong] * 3)]
    assert part2.compute_accuracy(Watched(), batches) == 0.25
    batch = (torch.tensor([nan] * 4), torch.tensor([0, 1, 1, 1]))
    assert part2.compute_accuracy(Watched(), [batch]) == 0.25, "the share of airplanes"


def test_accuracy_needs_a_label_for_each_image(part2):
    for shape in ((4, 1), (1,), ()):
        with pytest.raises(ValueError, match=r"for 4 images, not \(N,\)"):
            part2.compute_accuracy(Watched(), [(torch.zeros(4, 2), torch.zeros(shape))])
    with pytest.raises(ValueError, match="no images"):
        part2.compute_accuracy(Watched(), [])


@pytest.mark.parametrize("training", [False, True])
def test_training_and_judging_set_their_modes(part2, training):
    model, batches = Watched().train(training), [(torch.ones(3, 2), torch.tensor([0, 1, 0]))]
    part2.compute_accuracy(model, batches)
    assert model.training == training, "as before"
    train(part2, model, batches)
    assert model.seen == [(False, False), (True, True)]


def test_model_is_what_the_assignment_asks_for(part2):
    """The widths, PyTorch's default start from seed 265, ReLU between the layers, raw scores."""
    torch.manual_seed(265)
    layers = [nn.Flatten()]
    for widths in pairwise((3072, 512, 128, 32, 2)):
        layers += [nn.Linear(*widths, dtype=torch.double), nn.ReLU()]
    model, expected = part2.new_model(), nn.Sequential(*layers[:-1])
    assert same_parameters(model, expected)
    X = torch.randn(5, 3, 32, 32, dtype=torch.double)
    assert torch.equal(model(X), expected(X))
