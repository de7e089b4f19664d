"""Short trainings of a net with one layer, in the place of part 2's."""

import torch
from torch import nn
from torch.nn.utils import parameters_to_vector
from torch.utils.data import TensorDataset


class OneLayer(nn.Linear):
    """X (N, 3, 32, 32) -> scores (N, 2), in double precision. It begins with a bird each time."""

    def __init__(self):
        super().__init__(3072, 2, dtype=torch.double)
        nn.init.constant_(self.bias[1], 3)

    def forward(self, X):
        return super().forward(X.flatten(1))


def load_two_colors(root, seed):
    """Bright birds, dark airplanes, with labels that tell the parts apart.

    Half of the validation labels are wrong (the birds'), and a quarter of the test labels (half of
    the airplanes'). The seed changes a shade.
    """
    number = torch.arange(260)
    y, wrong = number % 2, number % 4 == 2
    X = (2 * y - 1 + seed / 100).double()[:, None, None, None].expand(-1, 3, 32, 32)
    return [TensorDataset(X, labels) for labels in (y, torch.zeros_like(y), y + wrong)]


def train_one_layer(part2, monkeypatch, load=load_two_colors):
    """Let the trainings of a notebook's `part2` be 8 epochs of a OneLayer on what `load` loads."""
    monkeypatch.setattr(part2, "EPOCHS", 8)
    monkeypatch.setattr(part2, "load_airplane_bird", load)
    monkeypatch.setattr(part2, "MyMLP", OneLayer)


def recorded_steps(part2, monkeypatch):
    """A list that each step extends: its rule, the weights before it, and those after it."""
    make_step, steps = part2.manual_sgd_step, []

    def recorded(model, learning_rate, momentum, weight_decay, momentum_buffer):
        before, rule = parameters_to_vector(model.parameters()), (momentum, weight_decay)
        make_step(model, learning_rate, *rule, momentum_buffer)
        after = parameters_to_vector(model.parameters())
        steps.append((learning_rate, rule, before, after))

    monkeypatch.setattr(part2, "manual_sgd_step", recorded)
    return steps
