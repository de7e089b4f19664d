"""The training loops, the accuracy, two runs compared, the model."""

import math
from functools import partial
from itertools import pairwise, product

import pytest
import torch
from torch import nn
from torch.utils.data import Subset, TensorDataset

from checks.trainings import same_parameters

LABELS = torch.tensor([0, 1, 1, 0])
X = torch.randn(4, 3, 2, dtype=torch.double, generator=torch.Generator().manual_seed(0))
BATCH = (X, LABELS)
LOOPS = ["train", "train_manual_update"]


def flat_net(outputs=2, dtype=torch.double):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(6, outputs)).to(dtype)


def run_loop(part2, name, model, batches, loss_function=None, epoch_count=2, learning_rate=0.1):
    loss_function = loss_function or nn.CrossEntropyLoss()
    if name == "train_manual_update":
        rule = (learning_rate, 0.9, 0.0)
        return part2.train_manual_update(epoch_count, model, loss_function, *rule, batches)
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9)
    return part2.train(epoch_count, optimizer, model, loss_function, batches)


@pytest.fixture(params=LOOPS)
def loop(part2, request):
    return partial(run_loop, part2, request.param)


@pytest.fixture(params=[*LOOPS, "compute_accuracy"])
def go_through(part2, request):
    """Each of the three functions that go through a loader, as (model, batches) -> result."""
    if request.param == "compute_accuracy":
        return part2.compute_accuracy
    return partial(run_loop, part2, request.param)


def test_training_refuses_bad_input(loop):
    for batches, changes, words in (
        ([BATCH], dict(epoch_count=0), "epoch_count is 0"),
        (iter([BATCH]), dict(epoch_count=2), "no batch in epoch 2"),
        ([BATCH], dict(learning_rate=-1), "(learning_rate is|Invalid learning rate:) -1"),
    ):
        with pytest.raises(ValueError, match=words):
            loop(flat_net(), batches, **changes)


def test_same_bits_sees_one_bit_of_any_number(part2):
    left, right = ({"model": flat_net(), "training_loss": [0.5, math.nan]} for _ in "ab")
    for run in (left, right):
        run["model"][1].bias.data[0] = math.nan
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


def test_accuracy_of_nan_and_of_labels_of_another_shape(part2):
    batch = (torch.full((4, 2), math.nan), torch.tensor([0, 1, 1, 1]))
    assert part2.compute_accuracy(Watched(), [batch]) == 0.25, "the share of airplanes"
    assert part2.compute_accuracy(Watched(), [(nn.functional.one_hot(LABELS), LABELS)]) == 1
    for labels in (torch.zeros(4, 1), torch.zeros(1), torch.zeros(()), torch.zeros(4, 2)):
        with pytest.raises(ValueError, match=r"of shape \(.*\) for 4 images, not \(N,\)"):
            part2.compute_accuracy(flat_net(), [(X, labels)])
    with pytest.raises(ValueError, match="no images"):
        part2.compute_accuracy(flat_net(), [])


def test_training_and_judging_set_their_modes(part2, loop):
    for training in (False, True):
        model, batches = Watched().train(training), [(torch.ones(4, 2), LABELS)]
        part2.compute_accuracy(model, batches)
        assert model.training == training, "as before"
        loop(model, batches, epoch_count=1)
        assert model.seen == [(False, False), (True, True)]


def test_model_is_what_the_assignment_asks_for(part2):
    """The widths, PyTorch's default start from seed 265, ReLU between the layers, raw scores."""
    torch.manual_seed(265)
    layers = [nn.Flatten()]
    for widths in pairwise((3072, 512, 128, 32, 2)):
        layers += [nn.Linear(*widths, dtype=torch.double), nn.ReLU()]
    model, expected = part2.new_model(), nn.Sequential(*layers[:-1])
    assert same_parameters(model, expected)
    images = torch.randn(5, 3, 32, 32, dtype=torch.double)
    assert torch.equal(model(images), expected(images))


def test_images_and_labels_of_other_forms_give_the_same_bits(go_through):
    """Images take the precision of the model; a whole number may be an index."""
    expected = go_through(flat_net(), [BATCH])
    forms = [[0, 1, 1, 0], (0, 1, 1, 0), LABELS.numpy(), LABELS.int()]
    for given in product((X, X.numpy(), X.tolist()), forms):
        assert go_through(flat_net(), [given]) == expected
    for dtype, other in ((torch.double, torch.float), (torch.float, torch.double)):
        given, before = X.to(other), X.to(other).to(dtype)
        results = [go_through(flat_net(dtype=dtype), [(x, LABELS)]) for x in (given, before)]
        assert results[0] == results[1]
    embedding = nn.Sequential(nn.Embedding(5, 2, dtype=torch.double), nn.Flatten(1))
    go_through(embedding, [(torch.tensor([[0], [4], [1], [1]]), LABELS)])
    go_through(flat_net(outputs=8), [(X, torch.tensor([0, 7, 2, 2]))])


OUTSIDE = "labels {} for .* 2 outputs.* 0 to 1.*y // 2"
ONE_OUTPUT = "the model has one output.*BCEWithLogitsLoss"
REFUSED = {  # (what is given as a loader, outputs of the model, what is said)
    "label 2": ([BATCH, (X, [0, 2, 2, 0])], 2, OUTSIDE.format(2)),
    "label -1": ([BATCH, (X, torch.tensor([1, -1, 0, 1]))], 2, OUTSIDE.format(-1)),
    "label NaN": ([(X, torch.full((4,), math.nan))], 2, "labels nan"),
    "one output": ([BATCH], 1, ONE_OUTPUT),
    "one output, one class": ([(X, 0 * LABELS)], 1, ONE_OUTPUT),
    "a dataset": (TensorDataset(*BATCH), 2, "is a dataset.*make_loader"),
    "a subset": (Subset(TensorDataset(*BATCH), [0, 1]), 2, "is a dataset.*make_loader"),
    "used up": (iter([]), 2, r"gave no .*make_loader\(dataset\)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_loader_is_refused(go_through, name):
    given, outputs, words = REFUSED[name]
    with pytest.raises(ValueError, match=words):
        go_through(flat_net(outputs), given)


def own_loss(scores, y):
    return nn.functional.cross_entropy(scores, y)


@pytest.mark.parametrize("loss_function", [nn.CrossEntropyLoss(), own_loss])
def test_one_hot_labels_of_whole_numbers_are_refused(loop, loss_function):
    one_hot, (net, other) = nn.functional.one_hot(LABELS), (flat_net(), flat_net())
    with pytest.raises(ValueError, match="one-hot, of whole numbers.*class indices.*float"):
        loop(flat_net(), [(X, one_hot)], loss_function)
    losses = loop(net, [(X, one_hot.double())], loss_function)
    assert losses == loop(other, [(X, one_hot.float())], loss_function)
    assert same_parameters(net, other)


OTHER_LOSSES = {  # what torch takes: (loss function, labels, outputs of the model)
    "squared error": (nn.MSELoss(), nn.functional.one_hot(LABELS).double(), 2),
    "squared error, whole": (nn.MSELoss(), nn.functional.one_hot(LABELS), 2),
    "one output": (nn.BCEWithLogitsLoss(), LABELS[:, None].double(), 1),
    "signs": (nn.SoftMarginLoss(), (2 * LABELS - 1)[:, None], 1),
    "own numbering": (lambda scores, y: own_loss(scores, y // 2), 2 * LABELS, 2),
    "ignored": (nn.CrossEntropyLoss(), torch.tensor([0, -100, 1, 1]), 2),
    "ignored 5": (nn.CrossEntropyLoss(ignore_index=5), torch.tensor([0, 5, 1, 5]), 2),
    "function": (nn.functional.cross_entropy, LABELS, 2),
}


@pytest.mark.parametrize("name", OTHER_LOSSES)
def test_other_losses_and_labels_train_as_torch_alone(loop, name):
    loss_function, y, outputs = OTHER_LOSSES[name]
    plain, model, mean_losses = flat_net(outputs), flat_net(outputs), []
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9)
    for _ in range(2):
        optimizer.zero_grad()
        loss = loss_function(plain(X), y)
        loss.backward()
        optimizer.step()
        mean_losses.append(loss.item())
    assert not math.isnan(sum(mean_losses))
    assert loop(model, [(X, y)], loss_function) == mean_losses
    assert same_parameters(model, plain)


def test_a_loss_of_ones_own_keeps_its_error_unless_the_labels_explain_it(loop):
    with pytest.raises(ValueError, match="labels 2 for a model with 2 outputs") as caught:
        loop(flat_net(), [(X, 2 * LABELS)], own_loss)
    assert "out of bounds" in str(caught.value.__context__)
    with pytest.raises(RuntimeError, match="size of tensor"):
        loop(flat_net(), [BATCH], lambda scores, y: scores - torch.ones(3))


def test_an_optimizer_of_another_model_is_refused(part2):
    model, optimizer = flat_net(), torch.optim.SGD(flat_net().parameters(), lr=0.1)
    rest = (model, nn.CrossEntropyLoss(), [BATCH])
    with pytest.raises(ValueError, match="holds none of the model's parameters"):
        part2.train(1, optimizer, *rest)
    assert same_parameters(model, flat_net())
    optimizer.add_param_group({"params": [model[1].bias]})  # one is enough, in any group
    part2.train(1, optimizer, *rest)
    assert not torch.equal(model[1].bias, flat_net()[1].bias)
