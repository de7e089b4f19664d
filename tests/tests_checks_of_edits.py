"""What a student may edit in given cells, and what is told: classes, instances, loss, loader."""

import math

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

from checks import tasks
from tests.helpers.open_cells import names, refusal, small_model


@pytest.mark.parametrize("CLASSES", [{"cat": 3, "car": 1}, {"car": 1, "cat": 3}], ids=str)
def test_other_classes_and_sizes(CLASSES):
    known = names() | dict(CLASSES=CLASSES)
    labels = list(CLASSES.values())

    def of_two(cifar10, turned=False):
        kept = [i for i, label in enumerate(cifar10.targets) if label in labels]
        y = [(cifar10.targets[i] == labels[1]) != turned for i in kept]
        return known["preprocess"](cifar10.data[kept], torch.tensor(y).long().numpy())

    tasks.check_classes(of_two, CLASSES, (3, 16, 16))
    said = refusal(tasks.check_classes, lambda cifar10: of_two(cifar10, turned=True), CLASSES)
    assert "the two labels are interchanged" in said
    of_birds = refusal(tasks.check_classes, names()["airplanes_and_birds"], CLASSES)
    assert "images of other classes are kept" in of_birds and "airplane, bird" in of_birds
    tasks.check_preprocess(known["preprocess"], (3, 16, 16))
    tasks.check_split(known["split"], (3, 16, 16))


@pytest.mark.parametrize(
    ("CLASSES", "words"),
    [
        ({"dog": 3, "car": 1}, "'dog' has not the label 3"),
        ({"cat": 30, "car": 1}, "'cat' has not the label 30, which is no label"),
        ({"cow": 3, "car": 1}, "'cow' is no class of CIFAR-10"),
        ({"cat": 3, "dog": 5, "car": 1}, "it does not name two classes"),
        ({"plane": 0, "airplane": 0}, "both names stand for one class"),
        (["cat", "car"], "it does not name two classes"),
    ],
)
def test_names_and_labels_are_checked_against_each_other(CLASSES, words):
    assert words in refusal(tasks.check_class_names, CLASSES)
    assert words in refusal(tasks.check_classes, names()["airplanes_and_birds"], CLASSES)


RULE = dict(learning_rate=0.1, momentum=0.9, weight_decay=0.0)


@pytest.mark.parametrize(
    ("INSTANCES", "words"),
    [
        ([RULE], "it is a list"),
        ({}, "there is no instance"),
        ({1: RULE | dict(learning_rate="0.1")}, "learning_rate of No 1 is '0.1'"),
        ({1: RULE, 2: dict(momentum=0)}, "No 2 has no learning_rate, "),
        ({1: RULE | dict(lr=1)}, "No 1 has an unknown lr"),
        ({1: RULE | dict(momentum=-0.9)}, "momentum of No 1 is -0.9"),
        ({1: RULE | dict(weight_decay=math.nan)}, "weight_decay of No 1 is nan"),
        ({1: (0.1, 0.9, 0.0)}, "No 1 is a tuple, not a dict"),
        ({"one": RULE}, "the No 'one' is no whole number"),
    ],
)
def test_instances_of_another_form_are_told(INSTANCES, words):
    said = refusal(tasks.check_instances, INSTANCES)
    assert words in said and "a dict of rules by their No" in said
    tasks.check_instances({1: RULE, 7: RULE})


@pytest.mark.parametrize(
    ("loss_function", "words"),
    [
        (nn.CrossEntropyLoss(reduction="sum"), "a sum over the images"),
        (nn.CrossEntropyLoss(reduction="none"), "a loss for each image"),
        (nn.CrossEntropyLoss(label_smoothing=0.1), "smooths the labels, by 0.1"),
        (nn.CrossEntropyLoss(weight=torch.ones(2)), "weighs the classes"),
        (nn.NLLLoss(), "NLLLoss"),
        (nn.MultiMarginLoss(), "multi-margin"),
        (nn.MSELoss(), "stops with"),
        (lambda scores, y: torch.full((), math.nan), "not what it must be"),
    ],
)
def test_another_loss_function_is_named(loss_function, words):
    assert words in refusal(tasks.check_loss_function, loss_function)
    tasks.check_loss_function(nn.functional.cross_entropy)


def test_why_two_trainings_would_differ_by_themselves():
    """A loader that shuffles, random numbers in the net, a seed that is not set."""
    dataset = [(torch.randn(12, dtype=torch.double), i % 2) for i in range(40)]

    def with_dropout():
        return nn.Sequential(small_model(), nn.Dropout())

    def check(new_model, **options):
        return refusal(tasks.check_repeatable, new_model, DataLoader(dataset, **options))

    assert "it shuffles" in check(small_model, batch_size=8, shuffle=True)
    assert "random numbers in the net (Dropout)" in check(with_dropout, batch_size=8)
    assert "the seed is not set" in check(lambda: nn.Linear(12, 2).double(), batch_size=8)
    tasks.check_repeatable(small_model, DataLoader(dataset, batch_size=8))
