"""The open cells of part 2, filled with programs of tests/programs, and the check behind each."""

import functools
from types import SimpleNamespace

from support import ROOT
from support.batches import Batches
from support.definitions import load_definitions

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from checks import tasks
from checks.difference import Difference
from tests.programs.tasks import made_up_runs, value_of
from tests.programs.tasks_all import ALL_RIGHT

SIZES = {"training": 300, "validation": 290, "test": 280}
CHECKS = {
    "preprocess": tasks.check_preprocess,
    "airplanes_and_birds": tasks.check_classes,
    "split": tasks.check_split,
    "load_airplane_bird": tasks.check_loading,
    "MyMLP": tasks.check_net,
    "run_epochs": tasks.check_loop,
    "train": tasks.check_train,
    "compute_accuracy": tasks.check_accuracy,
    "plain_step": tasks.check_plain_step,
    "decay_step": tasks.check_decay_step,
    "momentum_step": tasks.check_momentum_step,
    "manual_sgd_step": tasks.check_manual_step,
    "train_manual_update": tasks.check_manual_training,
    "loss_and_accuracy": tasks.check_measures,
    "predict": tasks.check_prediction,
    "confusion_matrix": tasks.check_confusion,
}


def small_model(seed=0):
    """A net of 26 parameters for images of 2 x 2, where the model itself is not judged."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 2, dtype=torch.double))


@functools.cache
def small_cifar10(root="data"):
    """Images of 2 x 2 in the numbers of CIFAR-10: all ten classes, training and test images."""
    generator, parts = np.random.default_rng(0), []
    for count in (5_000, 1_000):
        labels = generator.permutation(np.repeat(np.arange(10), count))
        data = generator.integers(0, 256, (10 * count, 2, 2, 3), dtype=np.uint8)
        parts.append(SimpleNamespace(data=data, targets=labels.tolist()))
    return tuple(parts)


@functools.cache
def names():
    """The notebook's names, with a right program in each open cell."""
    known = dict(vars(load_definitions(ROOT / "gradient_descent.ipynb")))
    known |= dict(open_cifar10=small_cifar10, new_model=small_model, batches_for=Batches)
    for cell in CHECKS:  # in the order of the notebook
        program = next(p for p in ALL_RIGHT.values() if p.cell == cell)
        known[cell] = value_of(program, known)
    return known


@functools.cache
def tested():
    """What task 10 is given: a trained model that is selected, and a better one that is not."""
    parts, weights = {}, torch.linspace(-1, 1, 12, dtype=torch.double)
    for seed, (part, count) in enumerate(SIZES.items()):
        generator = torch.Generator().manual_seed(seed)
        X = torch.randn(count, 3, 2, 2, dtype=torch.double, generator=generator)
        parts[part] = TensorDataset(X, (X.flatten(1) @ weights > 0).long())
    models = small_model(1), small_model(1)
    for epoch_count, model in zip((1, 30), models, strict=True):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        given = nn.CrossEntropyLoss(), names()["make_loader"](parts["training"])
        names()["train"](epoch_count, optimizer, model, *given)
    runs = [{"manual": {"model": model, "validation_accuracy": 0.75}} for model in models]
    return parts | dict(selected=runs[0]["manual"], instance_runs=dict(enumerate(runs)))


def judge(program, **others):
    """Put a program into its cell, with other names beside it, and run the check behind it."""
    known, cell = names() | others, program.cell
    if cell == "selected_no":
        known["instance_runs"] = made_up_runs()
        return tasks.check_selection(value_of(program, known), known["instance_runs"])
    if cell == "test_accuracy":
        known |= tested()
        model, loader = known["selected"]["model"], known["make_loader"](known["test"])
        return tasks.check_test_accuracy(value_of(program, known), model, loader)
    return CHECKS[cell](value_of(program, known))


def refusal(check, *arguments):
    """What a check says of something wrong, in one line; its own lines fit the page."""
    with pytest.raises(Difference) as caught:
        check(*arguments)
    said = str(caught.value)
    assert max(map(len, said.splitlines())) <= 100, said
    return " ".join(said.split())
