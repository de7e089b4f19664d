"""Which mistake is it? A training's numbers beside those of each planted mistake."""

from dataclasses import replace
from functools import cache
from itertools import chain, combinations, islice

import torch

from checks.naming import named
from checks.reference import Mistake
from checks.trainings import distance, planted_training, run_setting, same_ends, train_with_torch
from checks.wrong_updates import (
    EVERY_BATCH_READ,
    FACTORS,
    MISTAKES,
    MOMENTUM,
    OF_SWITCHES,
    ROUNDINGS,
    START,
    UNITS,
)

ROUNDING = 1e-11  # differences up to here come from rounding; those of mistakes start at 1e-6
ALWAYS = Mistake("a buffer is kept even where the momentum is 0", lines=((MOMENTUM, "if True:"),))
KNOWN = MISTAKES + OF_SWITCHES + ROUNDINGS  # with Nesterov, some of the last are wrong
OF_BUFFERS = [m for m in KNOWN if any("v[i]" in right for right, _ in m.lines)]
NAN, SINGLE, RANDOM, KEPT = (  # they are seen without a planted one
    next(m for m in MISTAKES if words in m.words)
    for words in ("NaN", "single precision", "something is random", "from one call to the next")
)
NUMBER = {"{}": UNITS["{}"]}  # a factor that depends on nothing
STOPS = {  # by the lines of those that both move nothing after a first step: is it a break?
    m.lines: EVERY_BATCH_READ not in m.words
    for m in MISTAKES
    if EVERY_BATCH_READ in m.words or m.words.startswith("only the first batch")
}


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
    if lines is None or not reads_as(mistakes, run):
        return False
    return ends_as(run, planted_run(lines, run.setting))


def reads_as(mistakes, run):
    """False for a break where every batch is read, and for a generator used up where not.

    Both give the same numbers. Who takes all batches beforehand may have either.
    """
    stops = {STOPS[m.lines] for m in mistakes if m.lines in STOPS}
    if not stops or any(map(run.took_batches_at_once, range(len(run.seen)))):
        return True
    fetched, all_of_them = (sum(map(len, r.seen)) for r in (run, torch_run(run.setting)))
    return stops == {fetched < all_of_them}


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
    if found := planted_in(runs):
        return found
    partly = planted_without("momentum", runs) | planted_without("weight_decay", runs)
    return list(partly.values())


def planted_without(switch, runs):
    """By words, a planted mistake, or a pair, that explains those runs in which a switch is 0.

    It is left out where a run that is right refutes it.
    """
    found = planted_in([run for run in runs if getattr(run.setting, switch) == 0], False)
    passed = [run for run in runs if is_right(run)]
    each = [found] if found and found[0].at_once else [[mistake] for mistake in found]
    held = (ms for ms in each if all(fits(ms, run) for run in passed))
    words = f" (seen in the checks with {switch} = 0)"
    return {m.words: replace(m, words=m.words + words) for m in next(held, [])}


def planted_in(runs, everything=True):
    """The planted mistakes that give the numbers of all these runs: one, or a pair.

    everything: also a pair in which one has a factor.
    """
    wrong = [run for run in runs if not is_right(run)]
    if not wrong:
        return []
    runs = wrong + [run for run in runs if run not in wrong]  # the wrong ones decide quickly
    return (
        named(KNOWN, runs, fits)
        or named(OF_BUFFERS, runs, lambda mistakes, run: fits((*mistakes, ALWAYS), run))
        or other_numbers(runs)
        or named([], runs, fits, ((mistake,) for mistake in fitted(runs[0])))
        or named([], runs, fits, pairs_for(runs))
        or named([], runs, fits, pairs_with_a_factor(runs) if everything else ())
    )


def pairs_for(runs):
    """Pairs of mistakes: the first gives the first run, the second changes what is left."""
    firsts = [m for m in MISTAKES + OF_SWITCHES if fits((m,), runs[0])]
    for first in firsts:
        yield from beside(first, runs, MISTAKES + OF_SWITCHES, many=len(firsts) > 2)


def pairs_with_a_factor(runs):
    """Pairs in which one mistake or both have a factor; that of the first is a plain number."""
    firsts = [m for m in fitted(runs[0], units=NUMBER) if fits((m,), runs[0])]
    for first in firsts:
        yield from beside(first, runs, MISTAKES, many=len(firsts) > 2)
    known = (m for m in MISTAKES + OF_SWITCHES if fits((m,), runs[0]))
    for first in chain(firsts, islice(known, 3)):  # for the sake of time: the plainest
        left = next(run for run in runs if not fits((first,), run))
        yield from ((first, second) for second in fitted(left, first.lines))


def beside(first, runs, seconds, many):
    """Pairs of this mistake and of those that give the first run that it does not give.

    many: beside many of the first, it pays to ask once which of the second change anything there.
    """
    left = [run for run in runs if not fits((first,), run)][:2]
    for second in seconds:
        changes = not many or any(wrong_in(second, run) for run in left)
        if changes and fits((first, second), left[0]):
            yield first, second


def wrong_in(mistake, run):
    """True if a training with this mistake alone is wrong in the setting of a run."""
    return not is_right(planted_run(mistake.lines, run.setting))


def with_factor(form, number, code="{}", words="{}"):
    """A planted mistake with a number in the place of FACTOR."""
    ((right, wrong),) = form.lines
    lines = ((right, wrong.replace("FACTOR", code.format(number))),)
    told = form.words.replace("FACTOR", words.format(f"{number:g}"))
    example = form.example and form.example.replace("FACTOR", code.format(f"{number:g}"))
    return replace(form, words=told, lines=lines, example=example)


def fitted(run, base=(), units=UNITS):
    """Mistakes with a factor that is worked out, so that they give this run beside those of base.

    The factor is a number, or a multiple of the number of batches or of images in a batch.
    """
    for form in FACTORS:
        meet = dict(form.lines).keys() & dict(base).keys()
        factor = None if meet else factor_of(form, base, run)
        for code, (words, unit) in units.items() if factor is not None else ():
            number = factor / unit(run.setting)
            rounded = with_factor(form, float(f"{number:.9g}"), code, words)
            lines = tuple(sorted((*base, *rounded.lines)))
            exact = ends_as(run, planted_run(lines, run.setting))
            yield rounded if exact else with_factor(form, number, code, words)


def factor_of(form, base, run):
    """The factor of a form, beside the lines of base, that gives this run; None where none does.

    Where the run leaves that of base, its numbers are linear in the factor: two others give it.
    Of who takes all batches at once the end alone is seen: by the secant method.
    """

    def seen(factor):
        lines = sorted((*base, *with_factor(form, factor).lines))
        return vectors_of(planted_run(tuple(lines), run.setting))[at]

    ours, others = vectors_of(run), vectors_of(planted_run(tuple(sorted(base)), run.setting))
    linear = len(ours) == len(others) and not run.took_batches_at_once(0)
    gaps = [distance([v], [w]) for v, w in zip(ours, others, strict=False)]
    at = next((i for i, gap in enumerate(gaps) if gap > ROUNDING), -1) if linear else -1
    x, y = 1.0, 0.5
    left, right = seen(x), seen(y)
    for _ in range(1 if linear else 8):
        step, missing = right - left, ours[at] - left
        share = (missing @ step / (step @ step)).item()
        if not abs(share) < 1e9 or linear and not distance([missing], [share * step]) <= ROUNDING:
            return None
        x, y = y, x + share * (y - x)
        left, right = right, seen(y)
        if distance([right], [ours[at]]) <= ROUNDING:
            return y if abs(y) > 1e-9 else None  # what is left out has a line of its own
    return None


def vectors_of(run):
    """All parameters at each batch of the first call, and at its end."""
    return [*run.seen[0], *run.ends[:1]]


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


def lines_with(numbers):
    """The line that sets these arguments to other numbers, as lines of a mistake."""
    text = "".join(f"{name} = float('{value}'); " for name, value in numbers.items())
    return ((START, text + START),)


def with_numbers(numbers):
    """A right training that uses these numbers in the place of those that it is given."""
    return planted_training(lines_with(numbers))


def other_numbers(runs):
    """The arguments in whose place another number is used, worked out from the first two steps."""
    run = next((run for run in runs if run.setting.title == "plain descent"), None)
    if run is None or len(run.seen[0]) != len(torch_run(run.setting).seen[0]):
        return []
    theirs = torch_run(run.setting)
    given = dict(learning_rate=run.setting.learning_rate, momentum=0.0, weight_decay=0.0)
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
    lines = lines_with(wrong)
    if not all(ends_as(run, planted_run(lines, run.setting)) for run in runs):
        return []
    look = "a number or a global variable stands in the place of the argument "
    return [
        Mistake(f"{name} is {value:g}, whatever is given", look + name, lines, example="")
        for name, value in wrong.items()
    ]


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
