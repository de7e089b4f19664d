"""The name of the mistake in a training: the planted one that gives the same numbers."""

from dataclasses import replace
from functools import cache
from itertools import combinations

import torch

from checks.planted_trainings import Mistake, training_loop
from checks.trainings import distance, run_setting, same_ends, train_with_torch
from checks.wrong_updates import MISTAKES, ROUNDINGS, SEEN, joined

ROUNDING = 1e-11  # differences up to here come from rounding; those of mistakes start at 1e-6


@cache
def torch_run(setting):
    """The run of torch.optim.SGD in a setting."""
    return run_setting(train_with_torch, setting)


@cache
def planted_run(names, setting, always=False):
    """The run of a training with these planted mistakes; always: without any `if momentum`."""
    return run_setting(joined(names).training(always), setting)


def matches_torch(run, calls=slice(None)):
    """True if a run ends where torch's does, after these of its calls."""
    return distance(run.ends[calls], torch_run(run.setting).ends[calls]) <= ROUNDING


def match(names, runs, always=False):
    """True if a training with these planted mistakes ends where all of these runs do."""
    names = tuple(sorted(names))  # a pair is run once, whichever of the two comes first
    return all(
        distance(run.ends, planted_run(names, run.setting, always).ends) <= ROUNDING for run in runs
    )


def mistakes_of(runs):
    """By name, the mistakes that give the numbers of these runs, to rounding, in every setting.

    Several of them: they give the same numbers, or no single one fits, but two together do, or
    one for the settings without momentum or without decay. None: all is right or nothing fits.
    """
    runs = [run for run in runs if not run.problem]
    wrong = [run for run in runs if not matches_torch(run)]
    if not wrong:
        return {}
    name = seen_in(runs, wrong)
    if name == "buffer kept between calls":
        runs = [run for run in runs if len(run.setting.calls) < 3]
        return {name: MISTAKES[name]} | (planted_in(runs) or planted_without("momentum", runs))
    if name:
        return {name: (MISTAKES | SEEN)[name]}
    return (
        planted_in(runs)
        or other_numbers(runs)
        or changing_rate(runs)
        or planted_without("momentum", runs) | planted_without("weight_decay", runs)
    )


def planted_without(switch, runs):
    """The planted mistakes that give the numbers of those runs in which a switch is 0."""
    found = planted_in([run for run in runs if getattr(run.setting, switch) == 0])
    words = f" (this explains the checks without {switch.replace('_', ' ')} alone)"
    return {name: replace(mistake, says=mistake.says + words) for name, mistake in found.items()}


def planted_in(runs):
    """By name, the planted mistakes that give the numbers of all these runs: one, or a pair."""
    wrong = [run for run in runs if not matches_torch(run)]
    if not wrong:
        return {}
    known = MISTAKES | ROUNDINGS  # with Nesterov, a learning rate in the buffer is wrong
    ordered = wrong + [run for run in runs if run not in wrong]  # the wrong ones decide quickly
    kept = [name for name in known if known[name].hooks.keys() & {"first", "later", "direction"}]
    for candidates, always in ((known, False), (kept, True)):
        names = [name for name in candidates if match((name,), ordered, always)]
        if names:
            return {name: known[name] for name in names}
    for first in MISTAKES:
        if match((first,), wrong[:1]):
            others = [run for run in ordered if not match((first,), [run])]
            setting = others[0].setting  # the second changes something there
            for second in MISTAKES:
                if matches_torch(planted_run((second,), setting)):
                    continue
                pair = (first, second)
                if joined(pair) and match(pair, others + ordered):
                    return {name: MISTAKES[name] for name in pair}
    return {}


def seen_in(runs, wrong):
    """The name of a mistake that is seen without a planted one."""
    if not all(vector.isfinite().all() for run in runs for vector in run.ends):
        return "NaN"
    for run in runs:  # models 0 and 1 start alike; a third call goes on with model 0
        if len(run.ends) > 1 and not distance(run.ends[:1], run.ends[1:2]) <= ROUNDING:
            return "buffer kept between calls" if run.setting.momentum else "random"
        if len(run.ends) > 2 and run in wrong and matches_torch(run, slice(2)):
            return "buffer kept between calls"
    if max(distance(run.ends, torch_run(run.setting).ends) for run in wrong) < 1e-6:
        return "single precision"
    return None


def other_numbers(runs):
    """The arguments in whose place another number is used, worked out from the first two steps."""
    run = runs[0]
    given = dict(learning_rate=run.setting.learning_rate, momentum=0.0, weight_decay=0.0)
    theirs = torch_run(run.setting)
    if run.setting.title != "plain descent" or len(run.seen[0]) != len(theirs.seen[0]):
        return {}
    start, first, second = run.seen[0][:3]
    gradient = (start - theirs.seen[0][1]) / given["learning_rate"]
    # the first move is -learning_rate * (gradient + weight_decay * start)
    table = torch.stack([gradient, start], 1)
    fit = torch.linalg.lstsq(table, (start - first)[:, None]).solution.flatten()
    used = dict(given, learning_rate=fit[0].item(), weight_decay=(fit[1] / fit[0]).item())
    # the second is momentum * the first, and what it is without momentum
    without = run_setting(rule_with(used), run.setting).seen[0][2]
    step = first - start
    used["momentum"] = ((second - without) @ step / (step @ step)).item()
    used = {name: float(f"{value:.9g}") for name, value in used.items()}
    wrong = {name: used[name] for name in used if abs(used[name] - given[name]) > 1e-8}
    if all(
        distance(r.ends, run_setting(rule_with(wrong), r.setting).ends) <= ROUNDING for r in runs
    ):
        return {
            f"another {name}": Mistake(
                f"{name} is {value:g}, whatever is given",
                f"a number or a global variable stands in the place of the argument {name}",
            )
            for name, value in wrong.items()
        }
    return {}


def changing_rate(runs):
    """A learning rate that falls or grows by a factor, from step to step or from epoch to epoch."""
    places = dict(step=("plain descent", 1), epoch=("an uneven last batch", 4))
    for unit, (title, at) in places.items():  # the second step, the first of epoch 2
        run = next((run for run in runs if run.setting.title == title), None)
        if run is None or len(run.seen[0]) != len(torch_run(run.setting).seen[0]):
            return {}
        ours, theirs = run.seen[0], torch_run(run.setting).seen[0]
        ratio = (ours[at + 1] - ours[at]) / (theirs[at + 1] - theirs[at])
        factor = ratio.nanmedian().item()
        factor = float(f"{factor:.9g}")
        scheduled = training_loop(
            schedule=lambda epoch, step, f=factor, u=unit: f ** dict(epoch=epoch, step=step)[u]
        )
        if all(distance(r.ends, run_setting(scheduled, r.setting).ends) <= ROUNDING for r in runs):
            return {
                f"learning rate changes with the {unit}": Mistake(
                    f"the learning rate is multiplied by {factor:g} after each {unit}",
                    "torch.optim.SGD keeps it: a schedule does not belong into the update",
                )
            }
    return {}


def rule_with(numbers):
    """A right training that uses these numbers in the place of those that it is given."""
    return Mistake("", "", dict(switches=lambda given: given | numbers)).training()


def names_of(runs):
    """The names alone."""
    return list(mistakes_of(runs))


def rounding_of(runs):
    """The operations that round otherwise than torch's, by name: the same bits in all these runs.

    None where no combination of those known gives the bits.
    """
    for count in range(4):
        for names in combinations(ROUNDINGS, count):
            if joined(names) and all(same_ends(r, planted_run(names, r.setting)) for r in runs):
                return list(names)
    return None
