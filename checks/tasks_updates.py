"""Tasks 4 to 7 judged: each step by hand beside torch.optim.SGD, in small trainings, to the bit."""

import contextlib
import math
from dataclasses import replace

import torch

from checks.difference import Difference, global_state_kept
from checks.open_task import Task
from checks.sgd_test import ORDER, diagnosis, report_on, taken_by, training_with, verdict
from checks.tasks_loops import EPOCHS, RATE, Loss, Net, check_losses, loader_of_twelve
from checks.trainings import (
    MORE_FOR_A_STEP,
    OF_A_STEP,
    SETTINGS,
    one_training,
    run_setting,
    same_ends,
)


def judge_runs(task, runs):
    """Raise where a run differs from torch's in a bit, with the name of the mistake."""
    if all(verdict(run, exact=True)[0] for run in runs):
        return
    lines = report_on(runs, True, False)
    first = f"{task.title}: it differs from torch.optim.SGD in small trainings"
    raise Difference("\n".join([first, *lines, *diagnosis(runs)]))


def runs_by_hand(task, train, settings):
    """The runs of a training in these settings; raises where torch's optimizer stands in it.

    NotImplementedError passes: it says what is to be written.
    """
    runs = [run_setting(train, setting) for setting in settings]
    for run in runs:
        if isinstance(run.error, NotImplementedError):
            raise run.error
    used = ", ".join(sorted(set().union(*(run.by_torch for run in runs))))
    task.expect(not used, f"it uses {used} itself", "the update is to be written by hand")
    return runs


def judge_step(task, step, settings, more=()):
    """Judge a step (model, learning_rate, momentum, weight_decay, momentum_buffer) in settings.

    more: settings of switches that may stay unused. Returns how many small trainings were judged,
    and the titles of what is not written.
    """
    changed, taken = set(), taken_by(step)
    train = training_with(step, changed)
    with global_state_kept():
        runs = runs_by_hand(task, train, settings)
        judge_runs(task, runs)
        look = "what writes into p.grad: an in-place method (add_, +=, mul_) of it or of its alias"
        words = "it changes p.grad, which torch.optim.SGD leaves as it is"
        task.expect(not changed, words, look=look)
        not_written, written = [s.title for s in more if s not in taken], []
        for setting in [s for s in more if s in taken]:
            run = None
            with contextlib.suppress(NotImplementedError):
                run, plain = runs_by_hand(task, train, [setting, replace(setting, more=())])
            if run is None or same_ends(run, plain):
                not_written.append(setting.title)
            else:
                written.append(run)
        judge_runs(task, written)
    return len(runs) + len(written), not_written


def said(count):
    return f"equal to torch.optim.SGD in every bit, in {count} small trainings"


def check_plain_step(plain_step):
    """Judge plain_step(parameters, learning_rate) beside torch.optim.SGD, to the last bit."""
    task = Task("Task 4, plain_step", plain_step)

    def step(model, learning_rate, *_):
        plain_step(list(model.parameters()), learning_rate)

    settings = [s for s in OF_A_STEP if not s.momentum and not s.weight_decay]
    task.right(said(judge_step(task, step, settings)[0]))


def check_decay_step(decay_step):
    """Judge decay_step(parameters, learning_rate, weight_decay) likewise."""
    task = Task("Task 6, decay_step", decay_step)

    def step(model, learning_rate, momentum, weight_decay, momentum_buffer):
        decay_step(list(model.parameters()), learning_rate, weight_decay)

    settings = [s for s in OF_A_STEP if not s.momentum]
    task.right(said(judge_step(task, step, settings)[0]))


def check_momentum_step(momentum_step):
    """Judge momentum_step(parameters, learning_rate, momentum, weight_decay, buffers) likewise.

    buffers: a list of zeros for each parameter at the start.
    """
    task = Task("Task 7, momentum_step", momentum_step)

    def step(model, learning_rate, momentum, weight_decay, buffers):
        parameters = list(model.parameters())
        for i, p in enumerate(parameters):
            if buffers[i] is None:
                buffers[i] = torch.zeros_like(p)
        momentum_step(parameters, learning_rate, momentum, weight_decay, buffers)

    task.right(said(judge_step(task, step, OF_A_STEP)[0]))


def check_manual_step(manual_sgd_step):
    """Judge manual_sgd_step likewise; switches beyond the assignment may stay unused."""
    task = Task("Task 7, manual_sgd_step", manual_sgd_step)
    count, not_written = judge_step(task, manual_sgd_step, OF_A_STEP, MORE_FOR_A_STEP)
    beyond = f"; optional and not written: {', '.join(not_written)}" if not_written else ""
    task.right(said(count) + beyond)


@one_training()
def check_manual_training(train_manual_update):
    """Judge train_manual_update: its update to the last bit, and the losses that it returns."""
    task = Task("Task 7, train_manual_update", train_manual_update)
    with global_state_kept():
        runs = runs_by_hand(task, train_manual_update, SETTINGS)
        judge_runs(task, runs)
    loss_function, model = Loss(), Net()
    arguments = (EPOCHS, model, loss_function, RATE, 0.0, 0.0, loader_of_twelve())
    check_losses(task, task.call(*arguments), loss_function)
    task.right(said(len(runs)))


def check_instances(INSTANCES):
    """Raise where INSTANCES is not {no: rule}, each rule with the three hyperparameters."""
    task, keys = Task("INSTANCES", lambda: INSTANCES), ORDER[3:6]
    form = "{1: dict(learning_rate=0.01, momentum=0.9, weight_decay=0.0), 2: ...}"
    wanted = f"a dict of rules by their No: {form}"

    def expect(holds, words, met=None):
        task.expect(holds, words, wanted, met)

    is_dict = isinstance(INSTANCES, dict)
    expect(is_dict, f"it is a {type(INSTANCES).__name__}", repr(INSTANCES)[:80])
    expect(len(INSTANCES) > 0, "there is no instance")
    for no, rule in INSTANCES.items():
        whole = isinstance(no, int) and not isinstance(no, bool)
        expect(whole, f"the No {no!r} is no whole number")
        is_dict = isinstance(rule, dict)
        expect(is_dict, f"No {no} is a {type(rule).__name__}, not a dict", repr(rule)[:80])
        missing = [key for key in keys if key not in rule]
        unknown = [str(key) for key in rule if key not in keys]
        expect(not missing, f"No {no} has no {', '.join(missing)}", rule)
        expect(not unknown, f"No {no} has an unknown {', '.join(unknown)}", rule)
        for key, value in rule.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            expect(number, f"{key} of No {no} is {value!r}, which is no number", rule)
            holds = math.isfinite(value) and value >= 0
            expect(holds, f"{key} of No {no} is {value}; it must be 0 or more", rule)
