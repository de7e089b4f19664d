"""Which mistake is it? A training's numbers beside those of each planted mistake."""

from dataclasses import replace
from functools import cache
from itertools import combinations

import torch

from checks.naming import named
from checks.reference import Mistake, together
from checks.trainings import distance, planted_training, run_setting, same_ends, train_with_torch
from checks.wrong_updates import AFTER, MISTAKES, MOMENTUM, OF_SWITCHES, ROUNDINGS, START, UPDATE

ROUNDING = 1e-11  # differences up to here come from rounding; those of mistakes start at 1e-6
ALWAYS = Mistake("a buffer is kept even where the momentum is 0", lines=((MOMENTUM, "if True:"),))
KNOWN = MISTAKES + OF_SWITCHES + ROUNDINGS  # with Nesterov, some of the last are wrong
OF_BUFFERS = [m for m in KNOWN if any("v[i]" in right for right, _ in m.lines)]
NAN, SINGLE, RANDOM, KEPT = (  # they are seen without a planted one
    next(m for m in MISTAKES if words in m.words)
    for words in ("NaN", "single precision", "something is random", "from one call to the next")
)


@cache
def torch_run(setting):
    """The run of torch.optim.SGD in a setting."""
    return run_setting(train_with_torch, setting)


@cache
def planted_run(lines, setting):
    """The run of a training with these wrong lines."""
    return run_setting(planted_training(lines), setting)


def lines_of(mistakes):
    """The wrong lines of several mistakes, always in the same order; None where two meet."""
    lines = sorted(line for mistake in mistakes for line in mistake.lines)
    return tuple(lines) if len(dict(lines)) == len(lines) else None


def ends_as(run, other, calls=slice(None)):
    """True if two runs end at the same numbers, to rounding, after these of their calls."""
    return distance(run.ends[calls], other.ends[calls]) <= ROUNDING


def is_right(run, calls=slice(None)):
    return ends_as(run, torch_run(run.setting), calls)


def fits(mistakes, run):
    """True if a training with these mistakes ends where this run does."""
    lines = lines_of(mistakes)
    return lines is not None and ends_as(run, planted_run(lines, run.setting))


def mistakes_of(runs):
    """The mistakes that give the numbers of these runs, to rounding, in every setting.

    Several of them: they give the same numbers, or no single one fits, but two together do, or
    one for the settings without momentum or without decay. None: all is right or nothing fits.
    """
    runs = [run for run in runs if not run.problem]
    wrong = [run for run in runs if not is_right(run)]
    if not wrong:
        return []
    seen = seen_in(runs, wrong)
    if seen is KEPT:
        runs = [run for run in runs if len(run.setting.calls) < 3]
        return [seen, *(planted_in(runs) or planted_without("momentum", runs).values())]
    if seen:
        return [seen]
    if found := planted_in(runs) or other_numbers(runs) or changing_rate(runs):
        return found
    partly = planted_without("momentum", runs) | planted_without("weight_decay", runs)
    return list(partly.values())


def planted_without(switch, runs):
    """By lines, the planted mistakes that give the numbers of those runs in which a switch is 0."""
    found = planted_in([run for run in runs if getattr(run.setting, switch) == 0])
    words = f" (this explains the checks without {switch.replace('_', ' ')} alone)"
    return {mistake.lines: replace(mistake, words=mistake.words + words) for mistake in found}


def planted_in(runs):
    """The planted mistakes that give the numbers of all these runs: one, or a pair."""
    wrong = [run for run in runs if not is_right(run)]
    if not wrong:
        return []
    runs = wrong + [run for run in runs if run not in wrong]  # the wrong ones decide quickly
    return (
        named(KNOWN, runs, fits)
        or named(OF_BUFFERS, runs, lambda mistakes, run: fits((*mistakes, ALWAYS), run))
        or named([], runs, fits, pairs_for(runs))
    )


def pairs_for(runs):
    """Pairs of mistakes: the first gives the first run, the second changes what is left."""
    for first in MISTAKES + OF_SWITCHES:
        if fits((first,), runs[0]):
            other = next(run for run in runs if not fits((first,), run))
            for second in MISTAKES + OF_SWITCHES:
                changes = not is_right(planted_run(second.lines, other.setting))
                if changes and together(first, second) and fits((first, second), other):
                    yield first, second


def seen_in(runs, wrong):
    """A mistake that is seen without a planted one; None where there is none."""
    if not all(vector.isfinite().all() for run in runs for vector in run.ends):
        return NAN
    for run in runs:  # models 0 and 1 start alike; a third call goes on with model 0
        if len(run.ends) > 1 and not distance(run.ends[:1], run.ends[1:2]) <= ROUNDING:
            return KEPT if run.setting.momentum else RANDOM
        if len(run.ends) > 2 and run in wrong and is_right(run, slice(2)):
            return KEPT
    if max(distance(run.ends, torch_run(run.setting).ends) for run in wrong) < 1e-6:
        return SINGLE
    return None


def with_numbers(numbers):
    """A right training that uses these numbers in the place of those that it is given."""
    text = "".join(f"{name} = float('{value}'); " for name, value in numbers.items())
    return planted_training(((START, text + START),))


def all_end_as(train, runs):
    """True if a training ends where each of the runs does."""
    return all(ends_as(run, run_setting(train, run.setting)) for run in runs)


def other_numbers(runs):
    """The arguments in whose place another number is used, worked out from the first two steps."""
    run, theirs = runs[0], torch_run(runs[0].setting)
    given = dict(learning_rate=run.setting.learning_rate, momentum=0.0, weight_decay=0.0)
    if run.setting.title != "plain descent" or len(run.seen[0]) != len(theirs.seen[0]):
        return []
    start, first, second = run.seen[0][:3]
    gradient = (start - theirs.seen[0][1]) / given["learning_rate"]
    # the first move is -learning_rate * (gradient + weight_decay * start)
    table = torch.stack([gradient, start], 1)
    fit = torch.linalg.lstsq(table, (start - first)[:, None]).solution.flatten()
    used = dict(given, learning_rate=fit[0].item(), weight_decay=(fit[1] / fit[0]).item())
    # the second is momentum * the first, and what it is without momentum
    without = run_setting(with_numbers(used), run.setting).seen[0][2]
    step = first - start
    used["momentum"] = ((second - without) @ step / (step @ step)).item()
    used = {name: float(f"{value:.9g}") for name, value in used.items()}
    wrong = {name: used[name] for name in used if abs(used[name] - given[name]) > 1e-8}
    if not all_end_as(with_numbers(wrong), runs):
        return []
    look = "a number or a global variable stands in the place of the argument "
    return [Mistake(f"{n} is {x:g}, whatever is given", look + n) for n, x in wrong.items()]


def changing_rate(runs):
    """A learning rate that falls or grows by a factor, from step to step or from epoch to epoch."""
    for unit, title, at, right in (  # the second step, the first of epoch 2
        ("step", "plain descent", 1, UPDATE),
        ("epoch", "an uneven last batch", 4, AFTER),
    ):
        run = next((run for run in runs if run.setting.title == title), None)
        if run is None or len(run.seen[0]) != len(torch_run(run.setting).seen[0]):
            return []
        ours, theirs = run.seen[0], torch_run(run.setting).seen[0]
        ratio = (ours[at + 1] - ours[at]) / (theirs[at + 1] - theirs[at])
        factor = float(f"{ratio.nanmedian().item():.9g}")
        lines = ((right, f"{right}; learning_rate *= float('{factor}')"),)
        if all_end_as(planted_training(lines), runs):
            words = f"the learning rate is multiplied by {factor:g} after each {unit}"
            look = "torch.optim.SGD keeps it: a schedule does not belong into the update"
            return [Mistake(words, look)]
    return []


def rounding_of(runs):
    """The operations that round otherwise than torch's: the same bits in all these runs.

    None where no combination of those known gives the bits.
    """
    for count in range(4):
        for mistakes in combinations(ROUNDINGS, count):
            lines = lines_of(mistakes)
            if lines is not None and all(same_ends(r, planted_run(lines, r.setting)) for r in runs):
                return list(mistakes)
    return None
