"""The check behind each open cell of part 2: wrong solutions are told by name, right ones pass."""

import math

import support.images

import pytest
import torch
from torch import nn
from torch.optim.sgd import sgd
from torch.utils.data import DataLoader

from checks import tasks
from checks.difference import Difference
from checks.open_task import close
from checks.tasks_measures import LABELS, SCORES
from tests.helpers.open_cells import CHECKS, judge, names, scores_of, small_cifar10, small_model
from tests.programs.tasks import value_of
from tests.programs.tasks_all import ALL_RIGHT, ALL_WRONG

UPDATES = "plain_step decay_step momentum_step manual_sgd_step train_manual_update".split()


@pytest.fixture(autouse=True)
def images_of_a_few_pixels(monkeypatch):
    monkeypatch.setattr(support.images, "open_cifar10", small_cifar10)


def refusal(check, *arguments):
    """What a check says of something wrong, in one line; its own lines fit the page."""
    with pytest.raises(Difference) as caught:
        check(*arguments)
    said = str(caught.value)
    assert max(map(len, said.splitlines())) <= 100, said
    return " ".join(said.split())


def with_marks(programs):
    """Updates that are wrong in a rare way take long to be named: they are left to `fault`."""
    for name, program in programs.items():
        rare = program.cell in UPDATES and not program.listed
        yield pytest.param(program, id=name, marks=[pytest.mark.fault] * rare)


@pytest.mark.parametrize("program", list(with_marks(ALL_WRONG)))
def test_a_wrong_solution_is_told_at_its_task(program):
    """With the task; where the mistake is a known one, by its name."""
    said = refusal(judge, program)
    assert said.startswith(f"{program.task}, {program.cell}: ")
    assert f"{program.task}, {program.cell}" not in tasks.RIGHT
    if program.listed:
        assert any(word.lower() in said.lower() for word in program.words), said


@pytest.mark.parametrize("program", ALL_RIGHT.values(), ids=ALL_RIGHT)
def test_a_right_solution_passes_in_any_style(program, capsys):
    """One whose update rounds otherwise than torch's is told just that: no mistake is named."""
    if not program.exact and program.cell in UPDATES:
        said = refusal(judge, program)
        assert "equal up to rounding" in said and "different" not in said
        assert "Rounding: " in said or "rounds otherwise" in said
        return
    judge(program)
    out, err = capsys.readouterr()
    assert out.startswith(f"{program.task}, {program.cell}: ") and err == ""
    assert len(out.splitlines()) <= 2 and max(map(len, out.splitlines())) <= 100
    told = tasks.RIGHT[f"{program.task}, {program.cell}"]
    assert " ".join(out.split()).endswith(told)


def first_right(cell):
    return next(program for program in ALL_RIGHT.values() if program.cell == cell)


@pytest.mark.parametrize("cell", CHECKS)
def test_what_is_not_written_says_so_itself(cell):
    """A stub's own words reach the student; no function, and a NaN, do not pass."""

    def stub(*_, **__):
        raise NotImplementedError("write it")

    with pytest.raises(NotImplementedError, match="write it"):
        CHECKS[cell](stub)
    assert "is no function" in refusal(CHECKS[cell], None)
    assert refusal(CHECKS[cell], lambda *_: None)
    assert refusal(CHECKS[cell], lambda *_: torch.full((7, 2), math.nan))


def test_nan_is_close_to_nothing():
    nan = torch.tensor([math.nan])
    assert not close(nan, nan) and not close(nan, torch.ones(1)) and not close(torch.ones(1), nan)


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
        (
            {"dog": 3, "car": 1},
            "'dog' has not the label 3",
        ),
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
        (
            {1: RULE, 2: dict(momentum=0)},
            "No 2 has no learning_rate, ",
        ),
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


@pytest.mark.parametrize("layer", [nn.Dropout(), nn.BatchNorm1d(512, dtype=torch.double)], ids=str)
def test_dropout_and_batch_norm_are_named_at_the_net(layer):
    def net():
        model = value_of(first_right("MyMLP"), names())()
        model.extra = layer
        return model

    assert type(layer).__name__ in refusal(tasks.check_net, net)


def test_torch_is_refused_also_as_a_function_and_by_inheritance():

    class Inherited(torch.optim.SGD):
        pass

    class Own(torch.optim.Optimizer):
        def __init__(self, parameters, lr):
            super().__init__(parameters, dict(lr=lr))

        def step(self):
            with torch.no_grad():
                for group in self.param_groups:
                    for p in group["params"]:
                        p.add_(p.grad, alpha=-group["lr"])

    def functional(parameters, learning_rate):
        with torch.no_grad():
            gradients = [p.grad for p in parameters]
            rest = dict(weight_decay=0, momentum=0, dampening=0, nesterov=False, maximize=False)
            sgd(parameters, gradients, [None] * 8, lr=learning_rate, **rest)

    def by(kind):
        return lambda parameters, learning_rate: kind(parameters, lr=learning_rate).step()

    assert "it uses torch.optim.SGD itself" in refusal(tasks.check_plain_step, functional)
    assert "it uses torch.optim.SGD itself" in refusal(tasks.check_plain_step, by(Inherited))
    tasks.check_plain_step(by(Own))


def test_switches_that_stay_unused_are_not_written(capsys):
    def step(model, lr, momentum, weight_decay, buffers, *, dampening=0.0, nesterov=False):
        names()["manual_sgd_step"](model, lr, momentum, weight_decay, buffers)

    tasks.check_manual_step(step)
    said = " ".join(capsys.readouterr().out.split())
    assert "6 small trainings; optional and not written: maximize, dampening, nesterov" in said


def test_scores_and_probabilities():
    tasks.check_scores(scores_of)
    wrongs = {
        "after a softmax": lambda *given: (scores_of(*given)[0].softmax(1), LABELS),
        "the last batch's alone": lambda *given: [v[4:] for v in scores_of(*given)],
    }
    for words, wrong in wrongs.items():
        assert words in refusal(tasks.check_scores, wrong)
    broken = torch.cat([SCORES, torch.full((1, 2), math.nan)])  # a model that diverged
    tasks.check_probabilities(broken.softmax(1).float(), broken)
    assert "twice" in refusal(tasks.check_probabilities, SCORES.softmax(1).softmax(1), SCORES)
