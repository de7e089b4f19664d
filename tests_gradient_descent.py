"""The optimizer, the training loops, the data, the log and the report's numbers, checked."""

import ast
import builtins
import contextlib
import copy
import dis
import json
import math
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
import types
from itertools import pairwise, product
from pathlib import Path

import joblib
import nbformat
import numpy as np
import pytest
import torch
from cogapp import Cog
from cogapp.cogapp import CogError
from nbclient.exceptions import CellExecutionError
from scipy import stats
from torch import nn
from torch.utils.data import TensorDataset
from torchvision.datasets import CIFAR10
from torchvision.transforms.functional import to_tensor

from notebook_definitions import execute, load_definitions, main, read_definitions
from tests_backpropagation import PLANTED_BUGS

ROOT = Path(__file__).resolve().parent
NOTEBOOKS = ("backpropagation.ipynb", "gradient_descent.ipynb", "experiments.ipynb")


def same_bits(left, right):
    """True if two tensors have the same shape, type and bits; NaN equals NaN of the same bits."""
    left, right = left.detach().contiguous(), right.detach().contiguous()
    same_kind = left.shape == right.shape and left.dtype == right.dtype
    return same_kind and left.numpy().tobytes() == right.numpy().tobytes()


# ---------------------------------------------------------------- the optimizer


def dense_net(dtype):
    return nn.Sequential(nn.Linear(5, 4, dtype=dtype), nn.Tanh(), nn.Linear(4, 2, dtype=dtype))


def frozen_net(dtype):
    """One layer without a gradient, and a 0-dimensional parameter that the output never uses."""
    net = dense_net(dtype)
    net[0].requires_grad_(False)
    net.unused = nn.Parameter(torch.tensor(1.0, dtype=dtype))
    return net


def batch_norm_net(dtype):
    normalization = nn.BatchNorm1d(4, dtype=dtype)
    return nn.Sequential(nn.Linear(5, 4, dtype=dtype), normalization, nn.Linear(4, 2, dtype=dtype))


def convolutional_net(dtype):
    convolution = nn.Conv1d(1, 2, kernel_size=3, dtype=dtype)
    layers = (nn.Unflatten(1, (1, 5)), convolution, nn.Flatten(), nn.Linear(6, 2, dtype=dtype))
    return nn.Sequential(*layers)


class ScaledNet(nn.Module):
    """A 0-dimensional parameter that the output uses."""

    def __init__(self, dtype):
        super().__init__()
        self.dense, self.scale = dense_net(dtype), nn.Parameter(torch.tensor(1.5, dtype=dtype))

    def forward(self, X):
        return self.scale * self.dense(X)


NETS = {
    "dense": dense_net,
    "frozen": frozen_net,
    "batch norm": batch_norm_net,
    "convolution": convolutional_net,
    "0-dimensional": ScaledNet,
}
SWITCHES = [
    dict(learning_rate=lr, momentum=momentum, weight_decay=decay, **more)
    for lr, momentum, decay in product((0.1, 0.01), (0.0, 0.9), (0.0, 0.01))
    for more in (
        dict(),
        dict(maximize=True),
        dict(dampening=0.3),
        dict(nesterov=True),
        dict(nesterov=True, maximize=True),
    )
    if momentum > 0 or "nesterov" not in more
]


def torch_sgd(model, learning_rate, **switches):
    return torch.optim.SGD(model.parameters(), lr=learning_rate, **switches)


def compare_with_torch(step, make_net, dtype, switches, step_count=20, thaw_between=()):
    """Walk `step` and torch.optim.SGD side by side from the same start; assert equal bits.

    Parameters, momentum buffers and gradients are compared at every step. `thaw_between`: the
    steps at which the first parameter is frozen and thawed.
    """
    torch.manual_seed(1)
    theirs = make_net(dtype)
    ours = copy.deepcopy(theirs)
    optimizer, momentum_buffer = (
        torch_sgd(theirs, **switches),
        [None] * len(list(ours.parameters())),
    )
    for i in range(step_count):
        X, y = torch.randn(3, 5, dtype=dtype), torch.randn(3, 2, dtype=dtype)
        for model in (theirs, ours):
            model.zero_grad()
            if i in thaw_between:
                next(model.parameters()).requires_grad_(i == thaw_between[1])
            ((model(X) - y) ** 2).sum().backward()
        optimizer.step()
        gradients = [None if p.grad is None else p.grad.clone() for p in ours.parameters()]
        step(ours, momentum_buffer=momentum_buffer, **switches)
        pairs = zip(theirs.parameters(), ours.parameters(), strict=True)
        for j, (p, q) in enumerate(pairs):
            where = f"step {i + 1}, parameter {j}, {switches}, {dtype}"
            assert same_bits(p, q), f"parameters differ at {where}:\n{p}\n{q}"
            assert (q.grad is None) == (gradients[j] is None), f"a gradient came or went at {where}"
            if q.grad is not None:
                assert same_bits(q.grad, gradients[j]), f"the step changed a gradient at {where}"
            theirs_buffer = optimizer.state[p].get("momentum_buffer")
            assert (theirs_buffer is None) == (momentum_buffer[j] is None), f"buffer at {where}"
            if theirs_buffer is not None:
                assert same_bits(theirs_buffer, momentum_buffer[j]), f"buffers differ at {where}"
                alias = q.grad is not None and momentum_buffer[j].data_ptr() == q.grad.data_ptr()
                assert not alias, f"the buffer is the gradient's own memory at {where}"


@pytest.mark.parametrize("dtype", [torch.double, torch.float], ids=str)
@pytest.mark.parametrize("net", NETS)
def test_manual_step_equals_torch_to_the_last_bit(part2, net, dtype):
    for switches in SWITCHES:
        compare_with_torch(part2.manual_sgd_step, NETS[net], dtype, switches)


def test_manual_step_with_a_layer_frozen_and_thawed(part2):
    for switches in SWITCHES:
        compare_with_torch(
            part2.manual_sgd_step, dense_net, torch.double, switches, thaw_between=(5, 12)
        )


def test_manual_step_by_hand(part2):
    """Two steps down p^2 / 2 from 1, worked out in binary fractions: no torch optimizer judges."""
    point = part2.Point(1.0)
    momentum_buffer = [None]
    seen = []
    for _ in range(2):
        point.zero_grad()
        (point.position**2 / 2).backward()
        part2.manual_sgd_step(point, 0.5, 0.5, 0.25, momentum_buffer)
        seen += [momentum_buffer[0].item(), point.position.item()]
    # g = 1 + 1/4, v = 1.25, p = 1 - 0.625; then g = 0.375 + 0.09375, v = 0.625 + 0.46875, ...
    assert seen == [1.25, 0.375, 1.09375, -0.171875]


def test_manual_step_with_a_zero_gradient(part2):
    """Momentum and decay go on where the gradient is 0: v = 0.5 x 1 + 0.25 x 1, p = 1 - 0.5 v."""
    point, momentum_buffer = part2.Point(1.0), [torch.tensor(1.0, dtype=torch.double)]
    point.position.grad = torch.zeros_like(point.position)
    part2.manual_sgd_step(point, 0.5, 0.5, 0.25, momentum_buffer)
    assert (momentum_buffer[0].item(), point.position.item()) == (0.75, 0.625)


def test_manual_step_continues_a_run_of_torch(part2):
    torch.manual_seed(2)
    theirs = dense_net(torch.double)
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01)
    X = torch.randn(4, 5, dtype=torch.double)
    for i in range(6):
        if i == 3:  # half-way the hand-written update takes over, with a copy of torch's state
            ours = copy.deepcopy(theirs)
            state = [optimizer.state[p]["momentum_buffer"].clone() for p in theirs.parameters()]
        for model in (theirs, ours) if i >= 3 else (theirs,):
            model.zero_grad()
            (model(X) ** 2).sum().backward()
        optimizer.step()
        if i >= 3:
            part2.manual_sgd_step(ours, 0.1, 0.9, 0.01, state)
    assert all(map(same_bits, theirs.parameters(), ours.parameters()))


LINES = {  # the parts of the update that a planted mistake replaces, as they are when right
    "before": "pass",
    "parameters": "list(model.parameters())",
    "decay": "g = g.add(p, alpha=weight_decay)",
    "first": "b[i] = g.clone()",
    "later": "b[i].mul_(momentum).add_(g, alpha=1 - dampening)",
    "direction": "b[i]",
    "move": "p.add_(g, alpha=-learning_rate)",
}


def planted_step(**mistake):
    """Return manual_sgd_step written another way, with one line of it replaced by a mistake."""
    line = LINES | mistake
    source = f"""
@torch.no_grad()
def step(model, learning_rate, momentum, weight_decay, momentum_buffer,
         dampening=0.0, nesterov=False, maximize=False):
    b = momentum_buffer
    for i, p in enumerate({line["parameters"]}):
        {line["before"]}
        if p.grad is None:
            continue
        g = -p.grad if maximize else p.grad
        if weight_decay != 0:
            {line["decay"]}
        if momentum != 0:
            if b[i] is None:
                {line["first"]}
            else:
                {line["later"]}
            g = g.add(b[i], alpha=momentum) if nesterov else {line["direction"]}
        {line["move"]}
"""
    namespace = {"torch": torch}
    exec(source, namespace)
    return namespace["step"]


PLANTED_STEPS = {
    "never moves": dict(move="pass"),
    "moves uphill": dict(move="p.add_(g, alpha=learning_rate)"),
    "only the first parameter": dict(parameters="list(model.parameters())[:1]"),
    "only the last parameter": dict(before="if i + 1 < len(b): continue"),
    "decay on a single-rounding path": dict(decay="g = g + weight_decay * p"),
    "update rounded twice": dict(move="p.sub_(learning_rate * g)"),
    "decay not applied": dict(decay="pass"),
    "decay applied twice": dict(decay="g = g.add(p, alpha=2 * weight_decay)"),
    "decay of the wrong sign": dict(decay="g = g.sub(p, alpha=weight_decay)"),
    "decoupled decay": dict(decay="p.mul_(1 - learning_rate * weight_decay)"),
    "biases not decayed": dict(decay="g = g.add(p, alpha=weight_decay) if p.dim() > 1 else g"),
    "decay written into .grad": dict(decay="g = g.add_(p, alpha=weight_decay)"),
    "decay after momentum": dict(decay="pass", direction="b[i].add(p, alpha=weight_decay)"),
    "buffer aliases the gradient": dict(first="b[i] = g"),
    "first step dampened": dict(first="b[i] = g * (1 - dampening)"),
    "buffer starts at zero": dict(first="b[i] = torch.zeros_like(g)"),
    "dampening ignored": dict(later="b[i].mul_(momentum).add_(g)"),
    "textbook average": dict(later="b[i].mul_(momentum).add_(g, alpha=1 - momentum)"),
    "momentum forgotten": dict(later="b[i] = g.clone()"),
    "buffer replaced, not kept": dict(later="g = b[i].mul(momentum).add(g, alpha=1 - dampening)"),
    "learning rate in the buffer": dict(
        first="b[i] = learning_rate * g",
        later="b[i].mul_(momentum).add_(g, alpha=learning_rate * (1 - dampening))",
        move="p.add_(g, alpha=-1 if momentum else -learning_rate)",
    ),
    "momentum steps twice": dict(direction="(p.add_(b[i], alpha=-learning_rate), b[i])[1]"),
    "maximize ignored": dict(before="maximize = False"),
    "nesterov ignored": dict(before="nesterov = False"),
    "NaN": dict(move="p.mul_(float('nan'))"),
}


def test_the_form_that_holds_the_planted_mistakes_is_itself_correct():
    for switches in SWITCHES:
        compare_with_torch(planted_step(), dense_net, torch.double, switches)


@pytest.mark.parametrize("name", PLANTED_STEPS)
def test_planted_optimizer_is_rejected(name):
    step = planted_step(**PLANTED_STEPS[name])
    with pytest.raises(AssertionError):
        for switches in SWITCHES:
            compare_with_torch(step, dense_net, torch.double, switches)


REFUSED = [
    dict(learning_rate=-0.1),
    dict(momentum=-0.1),
    dict(weight_decay=-0.1),
    dict(nesterov=True),
    dict(nesterov=True, momentum=0.9, dampening=0.1),
]


@pytest.mark.parametrize("bad", REFUSED, ids=str)
def test_step_refuses_what_torch_refuses(part2, bad):
    switches = dict(learning_rate=0.1, momentum=0.0, weight_decay=0.0) | bad
    net = dense_net(torch.double)
    before = copy.deepcopy(net)
    with pytest.raises(ValueError):
        torch_sgd(net, **switches)
    with pytest.raises(ValueError, match=next(iter(bad))):
        part2.manual_sgd_step(net, momentum_buffer=[None] * 4, **switches)
    assert all(map(same_bits, net.parameters(), before.parameters()))


@pytest.mark.parametrize("name", ["learning_rate", "momentum", "weight_decay", "dampening"])
def test_step_refuses_nan(part2, name):
    switches = dict(learning_rate=0.1, momentum=0.0, weight_decay=0.0) | {name: math.nan}
    with pytest.raises(ValueError, match=f"{name} is nan"):
        part2.manual_sgd_step(dense_net(torch.double), momentum_buffer=[None] * 4, **switches)


def test_step_refuses_a_buffer_of_another_length(part2):
    for count in (1, 5):
        with pytest.raises(ValueError, match=f"{count} entries for 4 parameters"):
            part2.manual_sgd_step(dense_net(torch.double), 0.1, 0.9, 0.0, [None] * count)


# ------------------------------------------------------------ the training loops


@pytest.fixture(scope="module")
def few_batches(images):
    """Three batches of real images (or of the stand-in), the last one short, as a plain list."""
    X, y = images[0].tensors
    return [(X[:64], y[:64]), (X[64:128], y[64:128]), (X[128:150], y[128:150])]


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_both_training_functions_agree_in_every_bit(part2, few_batches, momentum, weight_decay):
    theirs, ours = part2.new_model(), part2.new_model()
    optimizer = torch_sgd(theirs, 0.05, momentum=momentum, weight_decay=weight_decay)
    their_losses = part2.train(4, optimizer, theirs, nn.CrossEntropyLoss(), few_batches)
    our_losses = part2.train_manual_update(
        4, ours, nn.CrossEntropyLoss(), 0.05, momentum, weight_decay, few_batches
    )
    assert their_losses == our_losses
    assert all(map(same_bits, theirs.parameters(), ours.parameters()))
    untrained = part2.new_model()
    assert not any(map(same_bits, untrained.parameters(), ours.parameters()))


def test_train_is_the_plain_loop(part2, few_batches):
    """Losses and weights are those of a loop written here; the loss is taken before the update."""
    expected, model = part2.new_model(), part2.new_model()
    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1, momentum=0.5)
    expected_losses = []
    for _ in range(3):
        batch_losses = []
        for X, y in few_batches:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(expected(X), y)
            loss.backward()
            optimizer.step()
            batch_losses.append(loss.item())
        expected_losses.append(sum(batch_losses) / 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
    losses = part2.train(3, optimizer, model, nn.CrossEntropyLoss(), few_batches)
    assert losses == expected_losses
    assert all(map(same_bits, expected.parameters(), model.parameters()))


def test_old_gradients_do_not_leak_into_a_run(part2, few_batches):
    clean, dirty = part2.new_model(), part2.new_model()
    for p in dirty.parameters():
        p.grad = torch.ones_like(p)
    runs = [
        part2.train_manual_update(1, model, nn.CrossEntropyLoss(), 0.1, 0.9, 0.0, few_batches)
        for model in (clean, dirty)
    ]
    assert runs[0] == runs[1]


def test_whole_runs_forget_no_momentum_between_epochs(part2, few_batches):
    """Two epochs in one call, against the steps of both written out in a row."""
    expected, model = part2.new_model(), part2.new_model()
    momentum_buffer = [None] * 8
    for X, y in [*few_batches, *few_batches]:
        expected.zero_grad()
        nn.functional.cross_entropy(expected(X), y).backward()
        part2.manual_sgd_step(expected, 0.1, 0.9, 0.01, momentum_buffer)
    part2.train_manual_update(2, model, nn.CrossEntropyLoss(), 0.1, 0.9, 0.01, few_batches)
    assert all(map(same_bits, expected.parameters(), model.parameters()))


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


def test_the_comparison_on_the_images_can_fail(part2, few_batches, monkeypatch):
    """train_both trains once with each optimizer: with the hand-written one off, bits differ."""
    rule = dict(learning_rate=0.1, momentum=0.9, weight_decay=0.01)
    both = part2.train_both(2, few_batches, **rule)
    assert part2.same_bits(both["torch"], both["manual"])
    monkeypatch.setattr(part2, "manual_sgd_step", lambda *arguments: None)
    both = part2.train_both(2, few_batches, **rule)
    assert not part2.same_bits(both["torch"], both["manual"])
    untrained = [p for p in part2.new_model().parameters()]
    assert all(map(same_bits, both["manual"]["model"].parameters(), untrained))


def test_a_file_is_written_whole_or_not_at_all(part2, monkeypatch, tmp_path):
    monkeypatch.setattr(part2, "OUTPUT", tmp_path)
    part2.save_json("numbers", {"x": 1})
    path = tmp_path / "results" / "numbers.json"
    before = path.read_bytes()

    def break_off(temporary):
        temporary.write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError):
        part2.write_whole(path, break_off)
    with pytest.raises(ValueError):
        part2.save_json("numbers", {"x": math.nan})
    assert path.read_bytes() == before == b'{\n "x": 1\n}\n'


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


# --------------------------------------------------------------------- the data


def test_images(part2, images):
    for dataset, count in zip(images, (8_000, 2_000, 2_000), strict=True):
        X, y = dataset.tensors
        assert X.shape == (count, 3, 32, 32) and X.dtype == torch.double
        assert y.shape == (count,) and y.dtype == torch.int64
        assert X.min() == -1 and X.max() == 1
        assert set(y.tolist()) == {0, 1}
    assert images[2].tensors[1].sum() == 1_000
    assert images[0].tensors[1].sum() + images[1].tensors[1].sum() == 5_000


@pytest.mark.cifar10
def test_split_and_pixels_are_the_published_runs(part2, cifar10):
    """Against torchvision's own way to the images: PIL, to_tensor, one by one."""
    folder = part2.find_cifar10(ROOT / "data")
    labeled, official_test = CIFAR10(folder, train=True), CIFAR10(folder, train=False)
    assert (labeled.classes[0], labeled.classes[2]) == part2.CLASS_NAMES
    kept = [i for i, label in enumerate(labeled.targets) if label in (0, 2)]
    drawn = random.Random(265).sample(kept, 8_000)
    others = [i for i in kept if i not in set(drawn)]
    tested = [i for i, label in enumerate(official_test.targets) if label in (0, 2)]
    parts = ((labeled, drawn), (labeled, others), (official_test, tested))
    for dataset, (source, indices) in zip(cifar10, parts, strict=True):
        X, y = dataset.tensors
        assert [2 * label for label in y.tolist()] == [source.targets[i] for i in indices]
        for position in [*range(0, len(indices), 97), len(indices) - 1]:
            image, _ = source[indices[position]]
            assert torch.equal(X[position], (to_tensor(image).double() - 0.5) / 0.5)


@pytest.mark.cifar10
def test_another_seed_draws_another_split(part2, cifar10):
    other = part2.load_airplane_bird(ROOT / "data", seed=1)
    assert not torch.equal(other[0].tensors[1], cifar10[0].tensors[1])
    assert torch.equal(other[2].tensors[0], cifar10[2].tensors[0]), "the test images never change"


def test_loader_gives_views_in_order(part2, images):
    dataset = TensorDataset(*images[1][:600])
    batches = list(part2.make_loader(dataset))
    assert [len(y) for _, y in batches] == [256, 256, 88]
    assert torch.equal(torch.cat([X for X, _ in batches]), dataset.tensors[0])
    assert torch.equal(torch.cat([y for _, y in batches]), dataset.tensors[1])
    assert batches[1][0].data_ptr() == dataset.tensors[0][256].data_ptr(), "a view, not a copy"
    assert [len(y) for _, y in part2.make_loader(dataset, batch_size=500)] == [500, 100]
    for bad in (0, 601):
        with pytest.raises(ValueError, match=f"batch_size is {bad}; choose 1 to 600"):
            part2.make_loader(dataset, batch_size=bad)


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    """Neither a copy of CIFAR-10 nor a way to download it: the proxy is a closed port."""
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    return tmp_path / "data"


def test_missing_images_are_one_clear_error(part2, no_network):
    with pytest.raises(FileNotFoundError) as error:
        part2.load_airplane_bird(no_network)
    for part in (CIFAR10.url, CIFAR10.tgz_md5, str(no_network), "CIFAR10_ROOT"):
        assert part in str(error.value)
    assert socket.getdefaulttimeout() is None


def test_a_missing_copy_is_downloaded(part2, monkeypatch):
    """Once, with a time limit that is gone afterwards; then both parts are opened from there."""
    there, limits = set(), []

    def fake(root, train=True, download=False):
        if download:
            limits.append(socket.getdefaulttimeout())
            there.add(root)
        if root not in there:
            raise RuntimeError("not found")
        return root, train

    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    monkeypatch.setattr(part2, "CIFAR10", fake)
    assert part2.open_cifar10("here") == (("here", True), ("here", False))
    assert limits == [30] and socket.getdefaulttimeout() is None


def test_broken_copy_is_not_trusted(part2, no_network):
    folder = no_network / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    (folder / "data_batch_1").write_bytes(b"half")
    assert part2.find_cifar10(no_network) is None
    with pytest.raises(FileNotFoundError, match="unpack it there"):
        part2.load_airplane_bird(no_network)
    assert [path.name for path in folder.iterdir()] == ["data_batch_1"]


def test_stand_in_is_balanced_and_repeats(part2):
    images, labels = part2.draw_stand_in(40, seed=3)
    again, _ = part2.draw_stand_in(40, seed=3)
    assert images.shape == (40, 32, 32, 3) and images.dtype == np.uint8
    assert labels.sum() == 20 and (images == again).all()
    assert (images != part2.draw_stand_in(40, seed=4)[0]).any()


# ------------------------------------------------------------ the published runs


def batches_of(part2, *datasets):
    return [list(part2.make_loader(dataset)) for dataset in datasets]


@pytest.mark.cifar10
def test_five_epochs_of_the_hand_out(part2, part3, cifar10):
    batches = batches_of(part2, *part3.load_handout(ROOT / "data"))
    assert [sum(len(y) for _, y in part) for part in batches] == [9_017, 983]
    run = part3.replay(part2.new_model(), part3.HANDOUT[1], *batches, epoch_count=5)
    assert part3.check_handout(1, run) == (2, 0), "the losses of epochs 1 and 5"


@pytest.mark.cifar10
def test_epochs_of_the_student(part2, part3, cifar10):
    """Five epochs of its first instance; one of its second, whose start the random stream gives."""
    batches = batches_of(part2, *cifar10[:2])
    for (no, start), epoch_count in zip(
        enumerate(part3.published_starts(), 1), (5, 1), strict=False
    ):
        run = part3.replay(start, part3.STUDENT[no], *batches, epoch_count)
        part3.check_student(no, run)
        assert len(part3.loss_differences(part3.STUDENT[no], run)) == (2, 1)[no - 1]


def test_a_pass_over_a_loader_draws_one_integer(part2, images):
    """What published_starts() takes each of the 64 passes to have drawn."""
    states = []
    for use in (
        lambda: list(part2.make_loader(images[2])),
        torch.empty((), dtype=torch.int64).random_,
    ):
        torch.manual_seed(3)
        use()
        states.append(torch.get_rng_state())
    assert torch.equal(*states)


def test_starts_differ_and_repeat(part3):
    first = [next(model.parameters())[0, 0].item() for model in part3.published_starts()]
    again = [next(model.parameters())[0, 0].item() for model in part3.published_starts()]
    assert first == again and len(set(first)) == len(part3.STUDENT) == 11


def test_a_replay_that_differs_names_instance_and_epoch(part3):
    instance = part3.HANDOUT[3]
    losses = [math.nan] * 30
    for epoch, printed in zip(part3.EPOCHS_PRINTED, instance["training_loss"], strict=True):
        losses[epoch - 1] = float(printed)
    run = {"training_loss": losses, "training_accuracy": 0.97, "validation_accuracy": 0.83}
    assert part3.check_handout(3, run) == (7, 2)
    digits = instance["training_loss"]

    def check(digits, run=run):
        part3.compare_losses(
            "hand-out, instance 3", digits, run["training_loss"], part3.five_digits
        )

    for wrong in ("0.36054", "0.3605", "nan"):  # another digit, a missing digit, no number
        with pytest.raises(AssertionError, match=f"instance 3, epoch 5: published loss {wrong}"):
            check([digits[0], wrong, *digits[2:]])
    with pytest.raises(AssertionError, match="instance 3: 6 published losses for 7 epochs"):
        check(digits[:-1])
    with pytest.raises(AssertionError, match="instance 3, epoch 10: .* here nan"):
        check(digits, {"training_loss": [*losses[:9], math.nan, *losses[10:]]})
    with pytest.raises(AssertionError, match=r"instance 3: published training_accuracy 0\.97"):
        part3.check_handout(3, run | {"training_accuracy": 0.96})


@pytest.mark.cifar10
def test_another_order_of_layers_is_noticed(part2, part3, cifar10):
    """The same net, its layers initialized from the last to the first."""
    torch.manual_seed(265)
    model = part2.MyMLP()
    for layer in (model.fc4, model.fc3, model.fc2, model.fc1):
        layer.reset_parameters()
    run = part3.replay(model, part3.STUDENT[1], *batches_of(part2, *cifar10[:2]), epoch_count=1)
    with pytest.raises(AssertionError, match="student's run, instance 1, epoch 1"):
        part3.check_student(1, run)


def test_twins_differ_in_one_bit(part2, part3, few_batches):
    model = part2.new_model()
    twin = copy.deepcopy(model)
    part3.flip_last_bit(twin)
    pairs = zip(model.parameters(), twin.parameters(), strict=True)
    bits = [(p.detach().view(torch.int64) ^ q.detach().view(torch.int64)).sum() for p, q in pairs]
    assert sum(bits) == 1
    distances = part3.train_twins(model, part2.INSTANCES[8], few_batches, epoch_count=2)
    assert len(distances["weights"]) == 6 and len(distances["losses"]) == 2
    assert 0 < distances["weights"][0] < 1e-15


def test_growth_is_the_slope_of_the_logarithms(part3):
    distances = [1e-12 * 3 ** (step / 4) for step in range(200)]
    assert math.isclose(part3.growth_per_epoch(distances, steps_per_epoch=4), 3)


@pytest.fixture(scope="module")
def experiments():
    text = (ROOT / "results" / "experiments.json").read_text()
    return json.loads(text, parse_constant=pytest.fail)


def test_saved_replays_are_complete(part3, experiments):
    handout = {"losses_equal": 42, "losses": 42, "accuracies_equal": 12, "accuracies": 12}
    assert experiments["replay"]["handout"] == handout
    student = experiments["replay"]["student"]
    assert student["selected"] == {"no": 6, "test_accuracy": 0.8465}
    for no in part3.STUDENT:
        run = student[str(no)]
        assert run["largest_loss_difference_to_epoch_10"] <= (
            1e-9 if no in part3.UNSTABLE else 1e-7
        )
        if no not in part3.UNSTABLE:
            assert run["largest_loss_difference"] <= 1e-7
            assert run["accuracies_equal"] == run["accuracies"] == 2


# --------------------------------------------------------- many trainings at once

TOY_TASKS = """
import os


def toy(x, folder):
    with open(f"{folder}/calls", "a") as file:
        file.write(f"{x} ")
    if x == 13:
        raise KeyError("unlucky")
    if x == 17:
        os._exit(1)
    torch.manual_seed(x)
    return {"sum": torch.randn(300, 300).mm(torch.randn(300, 300)).sum().item()}
"""


@pytest.fixture
def toy_tasks(tmp_path):
    """run_tasks of a copy of experiments.ipynb that also defines toy(); and the copy's folder."""
    shutil.copy(ROOT / "gradient_descent.ipynb", tmp_path)
    notebook = nbformat.read(ROOT / "experiments.ipynb", as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(TOY_TASKS, id="toy"))
    nbformat.write(notebook, tmp_path / "experiments.ipynb")
    module = load_definitions(tmp_path / "experiments.ipynb")
    module.FOLDER = tmp_path

    def run(*numbers, worker_count=2):
        tasks = [dict(x=x, folder=str(tmp_path)) for x in numbers]
        return module.run_tasks("toy", tasks, worker_count)

    return run, tmp_path


def kept_results(folder):
    return {path.name: path.read_bytes() for path in (folder / "build" / "tasks").iterdir()}


def test_tasks_give_the_same_bytes_for_any_number_of_workers_and_are_kept(toy_tasks):
    run, folder = toy_tasks
    threads = torch.get_num_threads()
    first, kept = run(1, 2, 3, worker_count=2), kept_results(folder)
    assert len(kept) == 3 and len((folder / "calls").read_text().split()) == 3
    assert run(1, 2, 3) == first
    assert len((folder / "calls").read_text().split()) == 3, "nothing is computed twice"
    next(iter((folder / "build" / "tasks").iterdir())).unlink()
    assert run(1, 2, 3) == first and kept_results(folder) == kept
    assert len((folder / "calls").read_text().split()) == 4, "only what is missing"
    shutil.rmtree(folder / "build")
    assert run(1, 2, 3, worker_count=1) == first and kept_results(folder) == kept
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("bad, reason", [(13, "KeyError: 'unlucky'"), (17, "a worker died")])
def test_a_task_that_fails_is_named_and_the_others_are_kept(toy_tasks, bad, reason):
    run, folder = toy_tasks
    with pytest.raises(RuntimeError) as error:
        run(1, 2, bad)
    assert reason in str(error.value) and f"toy({{'x': {bad}" in str(error.value)
    if bad == 13:
        assert "'x': 1," not in str(error.value) and len(kept_results(folder)) == 2


def test_a_change_of_the_code_starts_afresh(toy_tasks):
    run, folder = toy_tasks
    run(1, worker_count=1)
    path = folder / "gradient_descent.ipynb"
    path.write_text(path.read_text().replace("SEED = 265", "SEED = 266"))
    run(1, worker_count=1)
    assert len(kept_results(folder)) == 2


def test_bad_worker_counts_are_refused(toy_tasks):
    run, folder = toy_tasks
    with pytest.raises(ValueError, match="worker_count is 0"):
        run(1, worker_count=0)
    assert not (folder / "calls").exists()


def test_tasks_run_on_a_dask_cluster(toy_tasks):
    """The same call, the same bytes, on joblib's dask backend: a local cluster on loopback."""
    distributed = pytest.importorskip("distributed", reason="needs requirements-dev.txt")
    run, folder = toy_tasks
    expected, kept = run(1, 2), kept_results(folder)
    shutil.rmtree(folder / "build")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert run(1, 2, worker_count=None) == expected
    assert kept_results(folder) == kept


# ------------------------------------------------- statistics, curvature, convolutions


def test_intervals_are_scipys(part2, part3):
    for right, count in ((0, 10), (7, 10), (1718, 2_000), (2_000, 2_000)):
        expected = stats.binomtest(right, count).proportion_ci(method="wilson")
        assert part2.wilson_interval(right / count, count) == pytest.approx(expected, abs=1e-12)
    values = [0.81, 0.84, 0.83, 0.88]
    mean, deviation, half_width = part3.mean_interval(values)
    assert (mean, deviation) == pytest.approx((np.mean(values), np.std(values, ddof=1)))
    low, high = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (mean - half_width, mean + half_width) == pytest.approx((low, high))


def test_holm_by_hand(part3):
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04, which may not come out below the one before."""
    corrected = part3.holm([0.01, 0.04, 0.03, 0.005])
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert part3.holm([0.9, 0.8]) == pytest.approx([1, 1])


def test_confusion_and_calibration_by_hand(part3):
    """Five images: right at 0.96 and 0.53, wrong at 0.98, 0.53 and 0.53."""
    probabilities = torch.tensor([[0.96, 0.04], [0.02, 0.98], [0.53, 0.47]] + [[0.47, 0.53]] * 2)
    labels = torch.tensor([0, 0, 0, 0, 0])
    assert part3.confusion_matrix(probabilities, labels).tolist() == [[2, 3], [0, 0]]
    assert part3.confusion_matrix(probabilities, 1 - labels).tolist() == [[0, 0], [2, 3]]
    rows, error = part3.calibration(probabilities.double(), labels)
    assert [n for n, _, _ in rows] == [3, 2]
    assert [right for _, _, right in rows] == pytest.approx([1 / 3, 1 / 2])
    assert error == pytest.approx((3 * abs(0.53 - 1 / 3) + 2 * abs(0.97 - 1 / 2)) / 5)


def curved_net():
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3), nn.Tanh(), nn.Linear(3, 2)).double()


def saddle_net():
    """Two linear layers near 0: for each eigenvalue there is nearly its negative."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False), nn.Linear(3, 2, bias=False))
    nn.utils.vector_to_parameters(1e-3 * torch.randn(42), net.parameters())
    return net.double()


@pytest.mark.parametrize("net", [curved_net, saddle_net])
def test_curvature_is_the_hessians_largest_eigenvalue(part3, net):
    torch.manual_seed(5)
    net = net()
    X, y = torch.randn(7, 3, 2, 2).double(), torch.tensor([0, 1, 1, 0, 1, 0, 0])
    names, values = zip(*net.named_parameters(), strict=True)

    def loss(flat):
        pieces = flat.split([p.numel() for p in values])
        parts = [piece.view_as(p) for piece, p in zip(pieces, values, strict=True)]
        named = dict(zip(names, parts, strict=True))
        return nn.functional.cross_entropy(torch.func.functional_call(net, named, (X,)), y)

    flat = nn.utils.parameters_to_vector(values).detach()
    eigenvalues = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, flat))
    largest = eigenvalues.max().item()
    assert part3.largest_curvature(net, X, y, 300) == pytest.approx(largest, rel=1e-5)


def test_crops_and_mirrors_are_parts_of_the_image(part3):
    """Each result is found in the padded image or in its mirror image; both occur."""
    padded = torch.arange(2 * 36 * 36 * 3).reshape(2, 36, 36, 3)
    chosen = torch.tensor([0, 1] * 20)
    seen = part3.crop_and_flip(padded, chosen, torch.Generator().manual_seed(1))
    assert seen.shape == (40, 3, 32, 32)
    kinds = set()
    for image, i in zip(seen, chosen.tolist(), strict=True):
        mirrored = bool(image[0, 0, 0] > image[0, 0, 1])
        image = image.flip(2) if mirrored else image
        first = image[0, 0, 0].item() - i * 36 * 36 * 3
        top, left = divmod(first // 3, 36)
        crop = padded[i, top : top + 32, left : left + 32].permute(2, 0, 1)
        assert torch.equal(image, crop)
        kinds.add((top, left, mirrored))
    tops, lefts, mirrored = map(set, zip(*kinds, strict=True))
    assert len(kinds) > 20 and tops == lefts == set(range(5)) and mirrored == {False, True}


def test_schedule_and_order_of_an_epoch(part3):
    fractions = np.linspace(0, 1, 41)
    shares = [part3.one_cycle(fraction) for fraction in fractions]
    assert shares == pytest.approx(np.interp(fractions, [0, 0.25, 1], [0, 1, 0]))
    images, y = torch.rand(21, 4, 4, 3), torch.arange(21)
    recipe = dict(batch_size=5, augmentation=False)
    epochs = [list(part3.epoch_batches(images, y, recipe, torch.default_generator)) for _ in "ab"]
    for batches in epochs:
        assert [len(labels) for _, labels in batches] == [5] * 4, "the incomplete batch sits out"
        labels = torch.cat([labels for _, labels in batches])
        assert len(labels.unique()) == 20
        X = torch.cat([X for X, _ in batches])
        assert torch.equal(X, images[labels].permute(0, 3, 1, 2)), "images keep their labels"
    assert not torch.equal(epochs[0][0][1], epochs[1][0][1]), "another order in each epoch"


@pytest.mark.parametrize("schedule", [True, False])
def test_convolutional_training_is_torchs_nesterov(part3, schedule):
    """fit() beside torch.optim.SGD, whose learning rate is set from step to step."""
    torch.manual_seed(4)
    images, y = torch.rand(40, 4, 4, 3), torch.arange(40) % 2
    ours = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    theirs = copy.deepcopy(ours)
    recipe = part3.CNN_RECIPE | dict(batch_size=8, augmentation=False, schedule=schedule)
    part3.fit(ours, images, y, recipe, 2, torch.Generator().manual_seed(1))
    optimizer = torch_sgd(theirs, 0.1, momentum=0.9, weight_decay=2e-3, nesterov=True)
    generator, step = torch.Generator().manual_seed(1), 0
    for _ in range(2):
        for X, labels in part3.epoch_batches(images, y, recipe, generator):
            step += 1
            share = part3.one_cycle(step / 11) if schedule else 1
            optimizer.param_groups[0]["lr"] = 0.1 * share
            optimizer.zero_grad()
            nn.functional.cross_entropy(theirs(X), labels).backward()
            optimizer.step()
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p, q, rtol=1e-6, atol=1e-7)


def test_convolutional_nets_are_measured_on_the_part_named(part3, monkeypatch):
    """A net that always says airplane has the share of airplanes; no test images unless asked."""
    says_airplane = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 2))
    nn.init.zeros_(says_airplane[1].weight)
    says_airplane[1].bias.data = torch.tensor([1.0, 0.0])
    parts = {
        name: (torch.rand(300, 3, 32, 32), (torch.arange(300) >= airplanes).long())
        for name, airplanes in (("training", 30), ("validation", 90), ("test", 180))
    }
    monkeypatch.setattr(part3, "single_precision_images", lambda: parts)
    measured = part3.measure(says_airplane, evaluate_test=True)
    assert list(measured.values()) == [0.3, 0.3, 0.6]
    assert part3.measure(says_airplane, evaluate_test=False)["test_accuracy"] is None


def test_instances_are_measured_on_the_part_named(part3, few_batches, monkeypatch):
    """As test images the training images again, with each label the other one."""
    training = few_batches[:2]
    validation = [(X[:32], y[:32]) for X, y in training]
    parts = [[(X.float(), y) for X, y in part] for part in (training, validation)]
    parts.append([(X, 1 - y) for X, y in parts[0]])
    monkeypatch.setattr(part3, "batches_of_seed", lambda seed: parts)
    run = part3.train_instance(no=4, seed=1)
    assert (run["no"], run["seed"]) == (4, 1)
    assert run["test_accuracy"] == pytest.approx(1 - run["training_accuracy"])
    assert run["validation_accuracy"] > 0.6 > 0.4 > run["test_accuracy"]
    assert run == part3.train_instance(no=4, seed=1)


def test_a_seed_draws_split_and_start(part3, monkeypatch):
    def load(root, seed=265):
        X = torch.full((300, 3, 32, 32), float(seed), dtype=torch.double)
        return [TensorDataset(X, torch.zeros(300, dtype=torch.int64))] * 3

    monkeypatch.setattr(part3.PART2, "load_airplane_bird", load)
    parts = {seed: part3.batches_of_seed.__wrapped__(seed) for seed in (1, 2)}
    for seed, (training, *_) in parts.items():
        assert training[0][0].unique().tolist() == [seed] and training[0][0].dtype == torch.float32
    starts = []

    def replay(model, *_):
        starts.append(next(model.parameters())[0, 0].item())
        return {"model": model, "training_accuracy": 0, "validation_accuracy": 0}

    monkeypatch.setattr(part3, "batches_of_seed", parts.get)
    monkeypatch.setattr(part3, "replay", replay)
    for seed in (1, 2, 1):
        part3.train_instance(4, seed)
    assert starts[0] == starts[2] != starts[1]


def test_parts_of_the_images_keep_their_names(part3, monkeypatch):
    data = [
        TensorDataset(torch.full((4, 3, 32, 32), float(i)).double(), torch.full((4,), i))
        for i in range(3)
    ]
    monkeypatch.setattr(part3.PART2, "load_airplane_bird", lambda root: data)
    parts = part3.single_precision_images.__wrapped__()
    first = {name: (X[0, 0, 0, 0].item(), y[0].item()) for name, (X, y) in parts.items()}
    assert first == {"training": (0, 0), "validation": (1, 1), "test": (2, 2)}
    X = torch.arange(2 * 3 * 32 * 32.0).reshape(2, 3, 32, 32)
    assert part3.MirrorAverage(lambda X: X[:, 0, 0, :1])(X)[0].item() == (0 + 31) / 2


@pytest.mark.parametrize("left_out", [None, "normalization", "augmentation", "convolution"])
def test_an_ingredient_left_out_is_left_out(part3, monkeypatch, left_out):
    seen, part = {}, (torch.rand(8, 3, 32, 32), torch.arange(8) % 2)
    monkeypatch.setattr(part3, "single_precision_images", lambda: {"training": part})
    monkeypatch.setattr(
        part3, "fit", lambda model, images, *_: seen.update(model=model, images=images) or 0.5
    )
    monkeypatch.setattr(part3, "measure", lambda *_: {})
    part3.train_cnn(0, 1, **({left_out: False} if left_out else {}))
    kinds = {type(module) for module in seen["model"].modules()}
    assert bool(kinds & {nn.BatchNorm1d, nn.BatchNorm2d}) == (left_out != "normalization")
    assert (nn.Conv2d in kinds) == (left_out != "convolution")
    height = 32 if left_out == "augmentation" else 40
    assert seen["images"].shape == (8, height, height, 3)


def test_modes_and_versions_keep_their_results_apart(part3, monkeypatch):
    paths = [part3.task_path("train_cnn", {"seed": 0})]
    with monkeypatch.context() as patch:
        patch.setattr(part3.PART2, "RUN_MODE", "another")
        paths.append(part3.task_path("train_cnn", {"seed": 0}))
    monkeypatch.setattr(torch, "__version__", "0")
    paths.append(part3.task_path("train_cnn", {"seed": 0}))
    assert len(set(paths)) == 3


@pytest.mark.parametrize(
    "epochs, changes, words",
    [
        (0, {}, "epochs is 0"),
        (1.5, {}, "epochs is 1.5"),
        (1, dict(convolutoin=False), "unknown: convolutoin"),
        (1, dict(schedule=1), "schedule is 1; it must be True or False"),
        (1, dict(learning_rate=-0.1), "learning_rate is -0.1"),
        (1, dict(momentum=0.0), "nesterov needs momentum"),
        (1, dict(batch_size=8_001), "batch_size is 8001"),
        (1, dict(batch_size=1), "batch_size is 1"),
    ],
)
def test_a_bad_recipe_is_refused_before_any_work(part3, monkeypatch, epochs, changes, words):
    monkeypatch.setattr(part3, "single_precision_images", lambda: pytest.fail("work began"))
    with pytest.raises(ValueError, match=words):
        part3.train_cnn(0, epochs, **changes)


def test_saved_experiments_fit_together(part3, experiments):
    """Summaries are those of the runs beside them; No 11's events come in their order."""
    seeds = experiments["seeds"]
    for part in ("validation", "test"):
        by_no = part3.by_instance(seeds["runs"], f"{part}_accuracy")
        for no, values in by_no.items():
            saved = seeds["summary"][str(no)][part]
            assert (saved["mean"], saved["deviation"], saved["half_width"]) == pytest.approx(
                part3.mean_interval(values), abs=1e-12
            )
    assert sum(seeds["selected"].values()) == len({run["seed"] for run in seeds["runs"]})
    no_11 = experiments["no_11"]
    above = [step["curvature"] > no_11["bound"] for step in no_11["steps"]]
    assert no_11["bound"] == pytest.approx(2 * (1 + 0.9) / 0.9)
    assert no_11["first_above_bound"] == above.index(True) + 1
    assert no_11["not_finite"]["inf"]["step"] < no_11["not_finite"]["nan"]["step"]
    cnn = experiments["cnn"]
    accuracies = [run["test_accuracy"] for run in cnn["runs"]]
    assert cnn["mean_test_accuracy"] == pytest.approx(np.mean(accuracies)) and len(accuracies) == 3
    assert cnn["mean_test_accuracy"] >= 0.94 and cnn["parameters"] <= 500_000


# ----------------------------------------------------- the saved log and results


@pytest.fixture(scope="module")
def results():
    return json.loads(
        (ROOT / "results" / "gradient_descent.json").read_text(), parse_constant=pytest.fail
    )


def log_of(results):
    """The log's lines, rebuilt here from the JSON of the same run, for both optimizers."""
    epoch_count = results["global"]["epochs"]
    lines = [f"Training on device {results['environment']['device']}.", "batch_size = 256"]
    lines += [f"n_epoch = {epoch_count}", "loss_fn = CrossEntropyLoss()", "seed = 265"]
    for run in results["instances"]:
        lines += ["", "Current parameters:", f"lr = {run['learning_rate']}"]
        lines += [f"mom = {run['momentum']}", f"decay = {run['weight_decay']}"]
        for optimizer in ("Using Pytorch's SGD", "Using manual update"):
            lines.append(f"--------- {optimizer} ---------")
            for epoch in [e for e in (1, 5, 10, 15, 20, 25, 30) if e <= epoch_count]:
                loss = run["training_loss"][epoch - 1]
                loss = math.nan if loss is None else loss
                lines.append(f"Epoch {epoch}  |  Training loss {loss:.5f}")
            lines.append("--- Accuracies ---")
            lines.append(f"Training Accuracy: {run['training_accuracy']:.2f}")
            lines.append(f"Validation Accuracy: {run['validation_accuracy']:.2f}")
    return lines


def test_log_tells_what_the_results_hold(results):
    assert results["global"]["epochs"] == 30
    assert (ROOT / "gradient_descent_output.txt").read_text().splitlines() == log_of(results)


def test_notebook_formats_the_saved_log(part2, results, monkeypatch):
    monkeypatch.setattr(part2, "DEVICE", results["environment"]["device"])
    runs = {}
    for run in results["instances"]:
        losses = [math.nan if loss is None else loss for loss in run["training_loss"]]
        runs[run["no"]] = dict.fromkeys(("torch", "manual"), run | {"training_loss": losses})
    assert part2.format_log(runs).splitlines() == log_of(results)


def test_results_are_of_the_instances_in_the_notebook(part2, results):
    keys = ("learning_rate", "momentum", "weight_decay")
    saved = {run["no"]: {key: run[key] for key in keys} for run in results["instances"]}
    assert saved == part2.INSTANCES
    assert results["data"] == "CIFAR-10"
    for run in results["instances"]:
        assert run["identical"] is True
        assert len(run["training_loss"]) == results["global"]["epochs"] == 30


def check_selection(results):
    """The first instance with the highest validation accuracy, with its own numbers."""
    runs = {run["no"]: run for run in results["instances"]}
    assert runs[8] | {"no": 10} == runs[10], "the same configuration from the same seed"
    best = max(run["validation_accuracy"] for run in runs.values())
    selected = results["selected"]
    assert selected["no"] == min(no for no in runs if runs[no]["validation_accuracy"] == best)
    for part, images in (("training", 8_000), ("validation", 2_000), ("test", 2_000)):
        accuracy = selected[f"{part}_accuracy"]
        assert part == "test" or accuracy == runs[selected["no"]][f"{part}_accuracy"]
        assert selected[f"{part}_images"] == images
        interval = stats.binomtest(round(accuracy * images), images).proportion_ci(method="wilson")
        assert selected["intervals"][part] == pytest.approx(interval, rel=1e-12)


def test_results_fit_together(results):
    check_selection(results)
    assert results["instances"][10]["training_loss"][-1] is None, "No 11 diverges"
    assert 0.8 < results["selected"]["test_accuracy"] < 0.9


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_saved_as_executed_from_top_to_bottom(name):
    notebook = nbformat.read(ROOT / name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in notebook.cells:
        assert "execution" not in cell.metadata, "execution timestamps"
        for output in cell.get("outputs", []):
            assert output.output_type != "error", output
            assert output.get("name") != "stderr", output
    text = (ROOT / name).read_text()
    assert not re.search(r"[\"' =](/home|/root|/Users|/tmp|/work|[A-Z]:\\\\)", text), (
        "a machine's path"
    )
    assert (ROOT / name).stat().st_size < 3_000_000


# -------------------------------------------------------------------- the report

RESULTS = ("gradient_descent", "experiments", "backpropagation")
COG_BLOCK = re.compile(r"<!--\[\[\[cog.*?<!--\[\[\[end\]\]\]-->", re.DOTALL)
SOURCED = re.compile(r"<!--(\w+)\.(.*?) (\S*)-->")  # where a number in a sentence comes from
CODE_AND_LINKS = re.compile(r"```.*?```|^ {4}.*?$|`[^`\n]*`|\]\([^)]*\)", re.DOTALL | re.MULTILINE)
NOT_MEASURED = re.compile(  # names, the assignment's own numbers, formulas, rough costs
    r"No \d+(?:(?:,| to| and) \d+)*|[Pp]art [12]|[Tt]asks? \d+(?: to \d+)?|CIFAR-10H?|INF265"
    r"|SHA-256|L2|95% interval|Python 3\.11|seed 265|8,000|2,000|batches of 256"
    r"|3072 → 512 → 128 → 32 → 2|[Ii]n 30 epochs|, 30 epochs|[Ff]or 20 steps|decay of 0\.01"
    r"|rate of 0\.1 |condition number of 100|\b2h\b|λ/2|1?/\(1 [−+] μ\)|within 1e-7 of the gradient"
    r"|exp\(−960ηλ/\(1 − μ\)\): about 0\.4|than 0\.01 apart|1 − ηλ|2\(1 \+ μ\)/η|ε = 2\.2e-16"
    r"|which is 6e-6|about \d+ minutes|\d+ [GM]B"
)


def read_sources(root):
    """Return everything that report and README may quote: the JSON files, counts of the tests."""
    files = [root / "results" / f"{name}.json" for name in RESULTS]
    files += [root / "published_runs.json", root / "quoted_facts.json"]
    names = ("assignment", "experiments", "backpropagation", "published", "quoted")
    sources = {n: json.loads(f.read_text()) for n, f in zip(names, files, strict=True)}
    student = sources["experiments"]["replay"]["student"]
    calm = [run for run in student.values() if run.get("accuracies_equal") == 2]
    weak_checks = sources["backpropagation"]["weak_checks"]
    pins = (root / "requirements.txt").read_text()
    sources["tests"] = {
        "versions": dict(line.split("==") for line in pins.splitlines() if "==" in line),
        "planted_gradients": len(PLANTED_BUGS),
        "planted_optimizers": len(PLANTED_STEPS),
        "optimizer_switches": len(SWITCHES),
        "weak_checks": sum(check["weak_check"] == "accepted" for check in weak_checks),
        "student_instances": len(student) - 1,  # one key is the selected instance
        "student_calm": len(calm),
        "student_drifting": len(student) - 1 - len(calm),
    }
    return sources


def look_up(sources, name, path):
    """Return the value at a path such as "instances.0.no" in a source; raises LookupError."""
    value = sources[name]
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def document_problems(root, name):
    """Yield what is wrong with the numbers of report.md or README.md below `root`.

    A table comes from a cog block, which is run again. A number in a sentence is followed by an
    HTML comment with its source and format, such as <!--assignment.selected.no d-->. Any other
    number must be one of those that nobody measured.
    """
    text, sources = (root / name).read_text(encoding="utf-8"), read_sources(root)
    cog = Cog()
    cog.options.print_output = True
    try:
        with contextlib.chdir(root):
            made_anew = cog.process_string(text)
    except CogError as error:
        made_anew = f"{error}"
    if made_anew != text:
        yield f"{name}: a table is not that of the results; `cog -rP {name}` makes it anew"
    text = COG_BLOCK.sub("", text)
    prose, end = "", 0
    for match in SOURCED.finditer(text):
        source, path, form = match.groups()
        value = look_up(sources, source, path)
        number = format(float(value) if form and isinstance(value, str) else value, form)
        prose, end = prose + text[end : match.start()], match.end()
        if not re.search(rf"(?<![\d.,-]){re.escape(number)}$", prose):
            yield f"{name}: ...{prose[-50:]!r} should end with {number}, which is {source}.{path}"
        prose = prose.removesuffix(number)
    prose = NOT_MEASURED.sub("", CODE_AND_LINKS.sub("", prose + text[end:]))
    for match in re.finditer(r"\d", prose):
        yield f"{name}: a number without a source: {prose[match.start() - 40 : match.end() + 20]!r}"


@pytest.fixture(scope="module")
def documents():
    """The tree's root; a skip where results/ come from another kind of machine than the report."""
    text = (ROOT / "report.md").read_text(encoding="utf-8")
    pattern = r"torch (\S+) on a (\S+) \(capability (\S+), (\d+) threads, rounding `(\S+)`\)"
    named = re.search(pattern, text).groups()
    for name in RESULTS:
        environment = json.loads((ROOT / "results" / f"{name}.json").read_text())["environment"]
        keys = ("torch", "device", "cpu_capability", "threads", "rounding")
        measured = tuple(str(environment[key]) for key in keys)
        if named != measured:
            pytest.skip(f"the report's numbers come from {named}, results/{name} from {measured}")
    return ROOT


@pytest.fixture
def documents_copy(documents, tmp_path):
    """A folder with what report and README are made from."""
    files = ("report.md", "README.md", "published_runs.json", "quoted_facts.json")
    for name in (*files, "requirements.txt"):
        shutil.copy(documents / name, tmp_path)
    shutil.copytree(documents / "results", tmp_path / "results")
    return tmp_path


@pytest.mark.parametrize("name", ["report.md", "README.md"])
def test_report_quotes_the_results(documents, name):
    assert list(document_problems(documents, name)) == []


def other_digit(text, position):
    """The text with the digit at `position` raised by one, 9 to 0."""
    digit = (int(text[position]) + 1) % 10
    return f"{text[:position]}{digit}{text[position + 1 :]}"


def hidden(text):
    """The places in a document that show no number: comments, code, addresses."""
    patterns = (r"<!--.*?-->", CODE_AND_LINKS.pattern)
    spans = [m.span() for p in patterns for m in re.finditer(p, text, re.DOTALL | re.MULTILINE)]
    return {position for start, end in spans for position in range(start, end)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report.md", "README.md"])
def test_report_check_notices_every_digit(documents_copy, name):
    """Each digit that a reader sees, changed in turn; those of instances' names left out."""
    path = documents_copy / name
    text = path.read_text(encoding="utf-8")
    skipped = hidden(text) | {
        i
        for m in NOT_MEASURED.finditer(COG_BLOCK.sub(lambda b: " " * len(b[0]), text))
        for i in range(*m.span())
    }
    digits = [m.start() for m in re.finditer(r"[0-9]", text) if m.start() not in skipped]
    assert len(digits) > (500 if name == "report.md" else 5)
    for position in digits:
        path.write_text(other_digit(text, position), encoding="utf-8")
        assert any(document_problems(documents_copy, name)), text[position - 60 : position + 9]


@pytest.mark.parametrize(
    "source",
    [f"results/{name}.json" for name in RESULTS] + ["published_runs.json", "quoted_facts.json"],
)
def test_report_check_notices_a_changed_result(documents_copy, source):
    """Digits here and there in the files that the report quotes, the last of a number included."""
    path = documents_copy / source
    text = path.read_text()
    digits = [m.start() for m in re.finditer(r"\d", text)]
    for position in digits[:: max(1, len(digits) // 40)]:
        path.write_text(other_digit(text, position))
        try:
            problems = list(document_problems(documents_copy, "report.md"))
        except (LookupError, ValueError):
            continue  # the change made another name, or no JSON: noticed, too
        assert problems, text[position - 60 : position + 9]


def test_report_becomes_a_pdf(tmp_path):
    """`make report` in this environment: PDF/UA, which refuses a picture without a description."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    target, environment = tmp_path / "report.pdf", f"VENV_BIN={Path(sys.executable).parent}"
    command = ["make", "-o", ".venv/installed", environment, f"REPORT={target}", "report"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert target.read_bytes().startswith(b"%PDF")


def test_readme_example_runs(monkeypatch, capsys):
    """The ten lines that check somebody's own backward pass; and they can fail."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(example, {})
    assert "main_test: 12 of 12 checks passed" in capsys.readouterr().out
    with pytest.raises(AssertionError):
        exec(example.replace("2 * (y_pred", "(y_pred"), {})
    assert "FAILED  against autograd" in capsys.readouterr().out


# ------------------------------------------------------ notebooks from the outside


@pytest.mark.notebook
def test_notebook_runs(run_copy, short_mode, saved_results, part2, images):
    """Every cell of gradient_descent.ipynb, with one epoch, on a copy of the tree."""
    saved_log = (ROOT / "gradient_descent_output.txt").read_bytes()
    folder = run_copy("gradient_descent.ipynb", short_mode) / "build" / short_mode
    results = json.loads((folder / "results" / "gradient_descent.json").read_text())
    assert [run["identical"] for run in results["instances"]] == [True] * 11
    assert all(run["training_loss"][0] is not None for run in results["instances"])
    assert results["selected"]["test_accuracy"] > 0.6
    check_selection(results)
    model, rule = part2.new_model(), part2.INSTANCES[results["selected"]["no"]]
    loader = part2.make_loader(images[0])
    part2.train_manual_update(1, model, part2.LOSS_FUNCTION, **rule, train_loader=loader)
    for part, dataset in zip(("training", "validation", "test"), images, strict=True):
        here = part2.compute_accuracy(model, part2.make_loader(dataset))
        assert results["selected"][f"{part}_accuracy"] == pytest.approx(here, abs=2e-3), part
    saved = saved_results("gradient_descent", results)
    if saved:
        for run, whole in zip(results["instances"], saved["instances"], strict=True):
            assert run["training_loss"] == whole["training_loss"][:1]
    log = (folder / "gradient_descent_output.txt").read_text().splitlines()
    assert log[short_mode == "stand-in" :] == log_of(results)
    assert (results["data"] == "CIFAR-10") == (short_mode == "quick")
    assert (ROOT / "gradient_descent_output.txt").read_bytes() == saved_log


@pytest.mark.notebook
def test_experiments_run(run_copy, short_mode, saved_results):
    """Every cell of experiments.ipynb, with few epochs, on a copy of the tree."""
    folder = run_copy("experiments.ipynb", short_mode) / "build" / short_mode
    results = json.loads((folder / "results" / "experiments.json").read_text())
    assert results["replay"]["handout"]["losses_equal"] == (6 if short_mode == "quick" else 0)
    assert len(results["replay"]["one_bit"]) == 4
    saved = saved_results("experiments", results)
    if saved:
        for key in ("bowl", "plateau_speed"):
            assert results[key] == saved[key]
        for key in ("bound", "not_finite", "airplane_share"):
            assert results["no_11"][key] == saved["no_11"][key]
        assert results["no_11"]["steps"] == saved["no_11"]["steps"][:6]
        norms, whole = results["weight_norms"], saved["weight_norms"]
        assert norms.pop("start") == whole["start"] and len(norms) == 3
        assert all(values == whole[no][:1] for no, values in norms.items())


def global_names(code):
    """Yield the global names that a code object reads, those of nested functions too."""
    yield from (i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


@pytest.mark.parametrize("part", ["part1", "part2", "part3"])
def test_no_function_leans_on_a_global_of_the_running_notebook(part, request):
    module = request.getfixturevalue(part)
    known = vars(module).keys() | vars(builtins).keys()
    for name, value in vars(module).items():
        function = getattr(value, "__wrapped__", value)
        if isinstance(function, types.FunctionType) and function.__globals__ is vars(module):
            assert set(global_names(function.__code__)) <= known, name


def test_what_two_notebooks_define_is_one_text():
    """The two of the assignment stand alone and share a few functions; the third repeats none."""
    part1, part2, part3 = (
        {
            node.name: ast.unparse(node)
            for _, tree in read_definitions(ROOT / name)
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
        for name in NOTEBOOKS
    )
    both = part1.keys() & part2.keys()
    assert both == {"write_whole", "save_json", "save_figure", "rounding_digest"}
    assert [part1[name] for name in both] == [part2[name] for name in both]
    assert not (part1.keys() | part2.keys()) & part3.keys()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_contents_lead_to_headings(name):
    """Each link of the contents list has its heading, and each chapter stands in the list."""
    contents, *others = [
        cell.source
        for cell in nbformat.read(ROOT / name, as_version=4).cells
        if cell.cell_type == "markdown"
    ]
    headings = re.findall(r"^(#{2,3}) (.+)$", "\n".join(others), re.MULTILINE)
    targets = {"#" + title.replace(" ", "-"): level for level, title in headings}
    links = re.findall(r"\]\((#.+?)\)(?=$|:|,)", contents, re.MULTILINE)
    assert [link for link in links if link not in targets] == []
    assert [target for target in targets if targets[target] == "##" and target not in links] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_are_short(name):
    """One idea a cell; a class or a function with its docstring may need a few lines more."""
    for cell in nbformat.read(ROOT / name, as_version=4).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 30, cell.source


def test_progress_bars_are_for_people(part2, capfd):
    """No bar where nobody looks: not in a worker process, not in a test."""
    assert list(part2.ProgressBar(range(3), unit="epoch")) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def small_notebook(folder, *sources):
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in sources]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    nbformat.write(notebook, folder / "small.ipynb")
    return folder / "small.ipynb"


def test_definitions_load_without_the_work(tmp_path):
    path = small_notebook(
        tmp_path,
        "%matplotlib inline\nimport math\nLIMIT = 3\nwork = 1 / 0",
        "def f(x):\n    return LIMIT * math.sqrt(x)\n\n\ndef g():\n    raise KeyError('here')",
    )
    module = load_definitions(path)
    assert module.f(4) == 6 and not hasattr(module, "work")
    with pytest.raises(KeyError) as error:
        module.g()
    assert "raise KeyError('here')" in str(error.traceback[-1]), "the cell's own source is shown"


def test_failing_cell_leaves_the_notebook_as_it_was(tmp_path, capsys):
    path = small_notebook(tmp_path, "print('fine')", "1 / 0")
    before = path.read_bytes()
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        execute(path)
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert "ZeroDivisionError" in str(stop.value.code), "a text as the exit code: status 1"
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["small.ipynb"]


def test_execution_saves_no_times_and_no_stderr(tmp_path):
    path = small_notebook(tmp_path, "import sys\nprint('out')\nprint('bar', file=sys.stderr)")
    execute(path)
    first = path.read_bytes()
    execute(path)
    assert path.read_bytes() == first
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.text == "out\n"


def test_missing_notebook_is_named(tmp_path):
    with pytest.raises(SystemExit, match=r"nothing\.ipynb: there is no such notebook"):
        main([str(tmp_path / "nothing.ipynb")])


# ------------------------------------------------------------------- make bench


def interleaved_ratio(first, second, repeats=7):
    """Return the median of the ratios of the run times of first() and second(), run in turn."""
    ratios, seconds = [], []
    first(), second()
    for _ in range(repeats):
        times = []
        for function in (first, second):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        ratios.append(times[0] / times[1])
        seconds.append(times)
    medians = [statistics.median(column) for column in zip(*seconds, strict=True)]
    print(f"\n  {medians[0]:.3f} s against {medians[1]:.3f} s", end=", ")
    print(f"ratios {min(ratios):.3f} to {max(ratios):.3f}")
    return statistics.median(ratios)


def matrix_products(model, loader):
    """Return a function that does the matrix products of one epoch, and nothing else."""
    weights = [p.detach() for p in model.parameters() if p.dim() == 2]
    batches = [X.flatten(1) for X, _ in loader]
    hidden = {
        n: [torch.randn(n, len(w), dtype=w.dtype) for w in weights] for n in map(len, batches)
    }

    def epoch():
        for X in batches:
            inputs = [X, *hidden[len(X)]]
            for layer, w in enumerate(weights):
                torch.mm(inputs[layer], w.T)  # forward
                torch.mm(inputs[layer + 1].T, inputs[layer])  # the weights' gradient
                if layer > 0:
                    torch.mm(inputs[layer + 1], w)  # the gradient of the layer's input

    return epoch


@pytest.mark.bench
def test_bench_epoch_against_its_matrix_products(part2, images):
    loader, model = part2.make_loader(images[0]), part2.new_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    ratio = interleaved_ratio(
        lambda: part2.train(1, optimizer, model, nn.CrossEntropyLoss(), loader),
        matrix_products(model, loader),
    )
    print(f"  an epoch against its matrix products alone: {ratio:.3f} (at most 1.2)")
    assert ratio <= 1.2


@pytest.mark.bench
def test_bench_hand_written_step_against_torch(part2, images):
    ours, theirs = part2.new_model(), part2.new_model()
    X, y = next(iter(part2.make_loader(images[0])))
    for model in (ours, theirs):
        nn.functional.cross_entropy(model(X), y).backward()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    momentum_buffer = [None] * 8

    def our_steps():
        for _ in range(20):
            part2.manual_sgd_step(ours, 0.01, 0.9, 0.01, momentum_buffer)

    def their_steps():
        for _ in range(20):
            optimizer.step()

    ratio = interleaved_ratio(our_steps, their_steps, repeats=25)
    print(f"  the hand-written step against torch's: {ratio:.3f} (at most 1.0)")
    assert ratio <= 1.0


@pytest.mark.bench
def test_bench_hand_written_epoch_against_torch(part2, images):
    loader, ours, theirs = part2.make_loader(images[0]), part2.new_model(), part2.new_model()
    optimizer = torch.optim.SGD(theirs.parameters(), lr=0.01, momentum=0.9, weight_decay=0.01)
    loss_function = nn.CrossEntropyLoss()
    ratio = interleaved_ratio(
        lambda: part2.train_manual_update(1, ours, loss_function, 0.01, 0.9, 0.01, loader),
        lambda: part2.train(1, optimizer, theirs, loss_function, loader),
    )
    print(f"  the hand-written epoch against torch's: {ratio:.3f} (at most 1.05)")
    assert ratio <= 1.05


# ---------------------------------------------------------------- in a real browser


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium, the system's or playwright's; a skip with the reason where none is."""
    playwright = pytest.importorskip("playwright.sync_api", reason="`make browser-test` has it")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    with playwright.sync_playwright() as engine:
        path = next(filter(None, map(shutil.which, names)), engine.chromium.executable_path)
        if not Path(path).exists():
            pytest.skip(f"no browser: neither {', '.join(names)} nor playwright's own in {path}")
        with engine.chromium.launch(executable_path=path, args=["--no-sandbox"]) as chromium:
            yield chromium


@pytest.fixture
def jupyterlab(tree_copy, short_mode, tmp_path, monkeypatch):
    """JupyterLab on a copy of the tree, in the short mode: (address, folder)."""
    folder, log = tree_copy(short_mode), tmp_path / "jupyterlab.log"
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))  # nothing of the user's own settings
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # more would wait for each other on busy cores
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it a kernel hides what libraries write
    options = ["--no-browser", "--allow-root", "--IdentityProvider.token=test"]
    with log.open("w") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=folder,
            stdout=stream,
            stderr=stream,
        )
    try:
        deadline = time.monotonic() + 30
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()}")
            time.sleep(0.1)
        yield address[0], folder
    finally:
        server.terminate()
        try:
            server.wait(timeout=15)
        except subprocess.TimeoutExpired:  # it ignores the signal while a kernel starts
            server.kill()  # its kernel sees that and ends by itself
            server.wait()


def wait_for_cells(page, count, patience=45):
    """Return when `count` code cells ran, with all the texts that they showed on the way.

    Fails at a dialog, when a cell stops the run, or when nothing changed for `patience` seconds.
    """
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    outputs = page.locator(".jp-OutputArea-output")
    dialog = page.locator(".jp-Dialog")
    before, history, started, deadline = None, set(), False, 0
    while True:
        now = cells, texts = prompts.all_text_contents(), outputs.all_text_contents()
        if dialog.count():
            pytest.fail(f"JupyterLab asks:\n{dialog.first.inner_text()}")
        if cells == [f"[{i}]:" for i in range(1, count + 1)]:
            return history
        if started and "[*]:" not in cells:  # an error takes the waiting cells' star away
            pytest.fail(f"the run stopped; the last output:\n{texts[-1] if texts else None}")
        if now != before:
            before, deadline = now, time.monotonic() + patience
            history.update(texts)
            started = "[*]:" in cells
        if time.monotonic() > deadline:
            pytest.fail(f"nothing happened for {patience} s; the cells: {' '.join(cells)}")
        page.wait_for_timeout(200)


@pytest.mark.browser
@pytest.mark.parametrize("name", ["backpropagation.ipynb", "gradient_descent.ipynb"])
def test_restart_and_run_all_in_jupyterlab(browser, jupyterlab, name):
    """The menu's "Restart Kernel and Run All Cells", by mouse; then the file, saved, is clean."""
    address, folder = jupyterlab
    notebook = nbformat.read(folder / name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    pictures = sum(o.output_type == "display_data" for cell in cells for o in cell.outputs)
    for cell in cells:  # so that nothing seen below is left from an earlier run
        cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / name)
    with browser.new_page() as page:
        page.set_default_timeout(20_000)
        page.goto(f"{address}/lab/tree/{name}?token=test")
        # A kernel that is restarted before it first answered may lose the cells sent to it.
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.get_by_role("menuitem", name="Kernel", exact=True).click()
        page.get_by_role("menuitem", name="Restart Kernel and Run All Cells").click()
        page.locator(".jp-Dialog .jp-mod-accept").click()
        page.locator(".jp-Dialog").wait_for(state="detached")
        history = wait_for_cells(page, len(cells))
        if name == "gradient_descent.ipynb":
            assert any("epoch/s" in text for text in history), "no progress bar was to be seen"
        shown = page.locator(".jp-RenderedImage img")
        widths = shown.evaluate_all("images => images.map(image => image.naturalWidth)")
        assert len(widths) == pictures > 0 and min(widths) > 0
        with page.expect_response(
            lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
        ) as saving:
            page.locator("jp-button[data-command='docmanager:save']").click()
        assert saving.value.ok
    saved = nbformat.read(folder / name, as_version=4)
    outputs = [output for cell in saved.cells for output in cell.get("outputs", [])]
    assert sum(o.output_type == "display_data" for o in outputs) == pictures
    allowed = ("stdout", "display_data")
    assert [o for o in outputs if o.get("name", o.output_type) not in allowed] == []
