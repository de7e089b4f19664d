"""The check behind each open cell of part 2: wrong solutions are told by name, right ones pass."""

import math

import support.images

import pytest
import torch
from torch.optim.sgd import sgd

from checks import tasks
from checks.open_task import close
from checks.tasks_measures import LABELS, SCORES
from tests.helpers.judging import Momentum
from tests.helpers.open_cells import CHECKS, judge, names, refusal, small_cifar10
from tests.programs.tasks_all import ALL_RIGHT, ALL_WRONG

UPDATES = "plain_step decay_step momentum_step manual_sgd_step train_manual_update".split()


@pytest.fixture(autouse=True)
def images_of_a_few_pixels(monkeypatch):
    monkeypatch.setattr(support.images, "open_cifar10", small_cifar10)


def with_marks(programs):
    """Of each cell two, and those that must be named; the rest is left to `fault`."""
    for name, program in programs.items():
        of_cell = [other for other in programs.values() if other.cell == program.cell]
        rare = not program.listed and program not in of_cell[-2:]
        yield pytest.param(program, id=name, marks=[pytest.mark.fault] * rare)


@pytest.mark.parametrize("program", list(with_marks(ALL_WRONG)))
def test_a_wrong_solution_is_told_at_its_task(program):
    """With the task, and in words that fit the mistake."""
    title = f"{program.task}, {program.cell}"
    tasks.RIGHT[title] = "what an earlier run of the cell found"
    said = refusal(judge, program)
    assert said.startswith(f"{title}: ") and title not in tasks.RIGHT
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


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("validation and test exchanged", "validation and test are exchanged"),
        ("test images cut out of the training file", "cut out of the training images"),
        ("its seed not passed on", "the seed is ignored"),
    ],
)
def test_the_test_part_is_the_official_one(name, words):
    assert words in refusal(judge, ALL_WRONG[f"task 1: load_airplane_bird, {name}"])


@pytest.mark.parametrize("cell", [cell for cell in CHECKS if cell != "load_airplane_bird"])
def test_the_notebooks_own_solution_passes(part2, cell):
    CHECKS[cell](getattr(part2, cell))


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


def test_torch_is_refused_also_as_a_function_and_by_inheritance():
    class Inherited(torch.optim.SGD):
        pass

    def functional(parameters, learning_rate):
        with torch.no_grad():
            gradients = [p.grad for p in parameters]
            rest = dict(weight_decay=0, momentum=0, dampening=0, nesterov=False, maximize=False)
            sgd(parameters, gradients, [None] * 8, lr=learning_rate, **rest)

    def by(kind):
        return lambda parameters, learning_rate: kind(parameters, lr=learning_rate).step()

    assert "it uses torch.optim.SGD itself" in refusal(tasks.check_plain_step, functional)
    assert "it uses torch.optim.SGD itself" in refusal(tasks.check_plain_step, by(Inherited))
    tasks.check_plain_step(by(Momentum))


def test_a_step_that_writes_into_the_gradient_is_told():
    @torch.no_grad()
    def in_place(parameters, learning_rate, weight_decay):
        for p in parameters:
            p.add_(p.grad.add_(p, alpha=weight_decay), alpha=-learning_rate)

    assert "it changes p.grad" in refusal(tasks.check_decay_step, in_place)


def test_switches_that_stay_unused_are_not_written(capsys):
    def step(model, lr, momentum, weight_decay, buffers, *, dampening=0.0, nesterov=False):
        names()["manual_sgd_step"](model, lr, momentum, weight_decay, buffers)

    tasks.check_manual_step(step)
    said = " ".join(capsys.readouterr().out.split())
    assert "6 small trainings; optional and not written: maximize, dampening, nesterov" in said


def test_scores_and_probabilities():
    scores_of = names()["scores_of"]
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
