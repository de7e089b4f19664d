"""sgd_test: a verdict on one update, check by check, and the name of its mistake."""

import inspect
from dataclasses import replace
from itertools import product

from checks.difference import bits, global_state_kept
from checks.naming_updates import ROUNDING, is_right, mistakes_of, rounding_of, torch_run
from checks.telling import of_mistake, wrapped
from checks.trainings import (
    MORE_FOR_A_STEP,
    OF_A_STEP,
    ORDER,
    SETTINGS,
    SmallNet,
    distance,
    planted_training,
    run_setting,
    same_ends,
)
from checks.wrong_updates import CLEAR, PLAIN, ZEROS

STEP_ORDER = "model learning_rate momentum weight_decay momentum_buffer".split()
OTHER_NAMES = {  # of the arguments, in lower case and without underscores
    "epoch_count": "epochcount epochs epoch nepochs nepoch numepochs nbepochs maxepochs",
    "model": "model net network mlp nnmodel",
    "loss_function": "lossfunction lossfn lossfunc loss criterion",
    "learning_rate": "learningrate lr alpha eta stepsize",
    "momentum": "momentum mom mu beta momentumcoefficient momentumfactor",
    "weight_decay": "weightdecay decay wd l2 lambda lambd reg regularization l2lambda",
    "train_loader": "trainloader trainingloader loader dataloader traindataloader traindl data",
    "momentum_buffer": "momentumbuffer momentumbuffers buffer buffers velocity velocities",
}
TOLD = dict(words="The mistake: {}.", look="Look at: {}", first=4, then=8)
ROUNDED = TOLD | dict(words="Rounding: {}.", look="To the last bit: {}.")
NOT_KNOWN = (
    "No mistake known here gives these numbers. At the first step that differs, print .grad, the "
    "buffer and the parameter beside those of torch.optim.SGD."
)
ROUNDS_OTHERWISE = (
    "Something rounds otherwise than in torch. To the last bit: g = g.add(p, alpha=weight_decay), "
    "v.mul_(momentum).add_(g), p.add_(v, alpha=-learning_rate)."
)


def known_name(argument):
    """The argument of ORDER or STEP_ORDER that this one is, judged by its name; or None."""
    plain = argument.lower().replace("_", "")
    return next((name for name, others in OTHER_NAMES.items() if plain in others.split()), None)


def signature_of(function):
    """The parameters of a function; None where it does not tell."""
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None


def signature_problem(function, order):
    """What keeps `function` from being called with the arguments in this order, or ""."""
    given = signature_of(function)
    if given is None:
        return ""
    by_place = [p for p in given if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in by_place if p.default is p.empty]
    by_name = [p.name for p in given if p.kind == p.KEYWORD_ONLY and p.default is p.empty]
    any_count = any(p.kind == p.VAR_POSITIONAL for p in given)
    names = [known_name(p.name) for p in by_place[: len(order)]]
    swapped = any(n in order and n != o for n, o in zip(names, order, strict=False))
    fits = any_count or len(needed) <= len(order) <= len(by_place)
    if fits and not swapped and not by_name:
        return ""
    ours = ", ".join(p.name for p in given)
    words = f"it takes ({ours}), but it is called with ({', '.join(order)})"
    if order == ORDER and "momentum_buffer" in map(known_name, (p.name for p in needed)):
        return words + f": a bare step is judged by sgd_test(step={name_of(function)})"
    values = [known_name(p.name) or ('"cpu"' if p.name == "device" else "...") for p in needed]
    values += [f"{name}={known_name(name) or '...'}" for name in by_name]
    kind = "" if order == ORDER else "step="
    return (
        words + f"; a lambda adapts it: sgd_test({kind}lambda {', '.join(order)}"
        f"{'' if order == ORDER else ', **more'}: {name_of(function)}({', '.join(values)}))"
    )


def name_of(function):
    return getattr(function, "__name__", type(function).__name__)


def first_difference(run):
    """Where a run first leaves torch's: words; the vectors before, after, and torch's after.

    A step is seen when the next batch is fetched. Who fetches all of them beforehand is judged by
    where each call ends.
    """
    other, setting = torch_run(run.setting), run.setting
    call = next(i for i in range(len(run.ends)) if not is_right(run, slice(i, i + 1)))
    place = "" if call == 0 else f" of call {call + 1}"
    place += " (with the net of call 1)" * (call == 2)
    ours, theirs = ([*r.seen[call], r.ends[call]] for r in (run, other))
    if len(ours) != len(theirs) or run.took_batches_at_once(call):
        return f"at the end{place}", theirs[0], ours[-1], theirs[-1]
    at = next(
        i for i in range(len(ours)) if not distance(ours[i : i + 1], theirs[i : i + 1]) <= ROUNDING
    )
    epoch, batch = divmod(at, setting.batch_count + 1)
    step = epoch * setting.batch_count + batch
    when = f"from step {step} on" if at else "before the first step"
    return when + place, theirs[max(at - 1, 0)], ours[at], theirs[at]


def verdict(run, exact=False):
    """(passed, words) of one run."""
    if run.problem:
        return False, "it did not run to its end"
    if same_ends(run, torch_run(run.setting)):
        return True, "equal to the last bit"
    if is_right(run):
        error = distance(run.ends, torch_run(run.setting).ends)
        return not exact, f"equal up to rounding, at most {error:.0e}"
    return False, f"different {first_difference(run)[0]}"


def details_of(run):
    """The first number that differs, ours and torch's, and by how much the step differs."""
    _, before, ours, theirs = first_difference(run)
    wrong = ~((ours - theirs).abs() <= ROUNDING)
    at = wrong.nonzero()[0].item()
    entries = [
        f"{name}{list(index)}"
        for name, p in SmallNet().named_parameters()
        for index in product(*map(range, p.shape))
    ]
    words = (
        f"{entries[at]} is {ours[at]:.12g}, torch.optim.SGD gives {theirs[at]:.12g}; "
        f"{wrong.sum()} of {len(ours)} numbers differ"
    )
    ratio = (ours - before) / (theirs - before)
    if (ratio - ratio[0]).abs().max() < 1e-6 < abs(ratio[0] - 1):
        still = abs(ratio[0]) < 1e-9
        words += ", nothing moves" if still else f", the move is {ratio[0]:.6g} times torch's"
    words += f" ({run.setting})"
    fetched, expected = (sum(map(len, r.seen)) for r in (run, torch_run(run.setting)))
    if fetched != expected:
        words += f"; it asks the loader {fetched} times for a batch, torch's loop {expected} times"
    return words


def diagnosis(runs):
    """Lines that name the mistake, or the operations that round otherwise."""
    ran = [run for run in runs if not run.problem]
    if not all(map(is_right, ran)):
        found = list({m.words: m for m in mistakes_of(ran)}.values())  # the same words once
        in_plain_form = (replace(m, look=PLAIN.get(m.look, m.look)) for m in found[:3])
        lines = [line for m in in_plain_form for line in of_mistake(m, **TOLD)]
        return lines or wrapped(NOT_KNOWN, 8, 4)
    rounded = rounding_of(ran)
    if rounded is None:
        return wrapped(ROUNDS_OTHERWISE, 8, 4)
    plain = (replace(mistake, lines=()) for mistake in rounded)
    return [line for mistake in plain for line in of_mistake(mistake, **ROUNDED)]


def remarks_on(runs, notes):
    """Lines about what a training prints and leaves changed, each once, and these notes."""
    remarks = list(dict.fromkeys(remark for run in runs for remark in run.remarks)) + notes
    printed = " ".join(run.printed for run in runs).split("\n")
    first_lines = [line.strip() for line in printed if line.strip()][:2]
    if first_lines:
        begins = " | ".join(first_lines)[:120]
        remarks.append(f"its own output is held back; it starts with {begins}")
    if not any(seen for run in runs for seen in run.seen) and not any(r.problem for r in runs):
        remarks.append("it takes no batch from the loader that it is given")
    if all(run.problem for run in runs):
        remarks.append(f"it is called with the arguments in this order: {', '.join(ORDER)}")
    return [line for remark in remarks for line in wrapped(f"Note: {remark}.", 8, 4)]


def report_on(runs, exact, verbose):
    """The lines of all checks; the details of the first difference and of each problem once."""
    lines, told = [], set()
    for run in runs:
        passed, words = verdict(run, exact)
        lines.append(f"    {'ok    ' if passed else 'FAILED'}  {run.setting.title}: {words}")
        different = words.startswith("different")
        topic = run.problem or different
        if topic and (verbose or topic not in told):
            lines += wrapped(run.problem or details_of(run))
        elif verbose:
            lines += wrapped(str(run.setting))
        told.add(topic)
    return lines


def sgd_test(train_manual_update=None, *, step=None, exact=False, verbose=False):
    """True where a hand-written update trains as torch.optim.SGD does, up to rounding.

    train_manual_update(epoch_count, model, loss_function, learning_rate, momentum, weight_decay,
    train_loader) trains the model in place; a lambda adapts another order. step: a bare update in
    its place, with the arguments of manual_sgd_step. exact: True asks for the last bit. verbose:
    print the numbers of every training. Prints a verdict for each check and the mistake's name.
    A wrong update gives False, never an exception.
    """
    judged = train_manual_update if step is None else step
    if (train_manual_update is None) == (step is None) or not callable(judged):
        raise TypeError(
            "sgd_test takes one function, without calling it: sgd_test(train_manual_update) or "
            f"sgd_test(step=manual_sgd_step), not {judged!r}"
        )
    train, settings, notes, changed = judged, SETTINGS, [], set()
    if step is not None:
        train, more = training_with(step, changed), taken_by(step)
        settings = OF_A_STEP + more
        missing = [s.title for s in MORE_FOR_A_STEP if s not in more]
        if missing:
            notes = [f"not judged, since the step does not take it: {', '.join(missing)}"]
    title = f"sgd_test: {name_of(judged)} beside torch.optim.SGD, small nets in double precision"
    print("\n".join(wrapped(title, 4, 0)))
    problem = signature_problem(judged, ORDER if step is None else STEP_ORDER)
    if problem:
        print("\n".join([*wrapped(problem), f"sgd_test: none of {len(settings)} checks was tried"]))
        return False
    # all trainings before the first verdict: a progress bar may clear what a cell has printed
    with global_state_kept():
        runs = [run_setting(train, setting) for setting in settings]
        lines = report_on(runs, exact, verbose) + diagnosis(runs)
    lines += remarks_on(runs, [*notes, *changed])
    passed = sum(verdict(run, exact)[0] for run in runs)
    print("\n".join([*lines, f"sgd_test: {passed} of {len(runs)} checks passed"]))
    return passed == len(runs)


def taken_by(step):
    """The settings of those switches of torch.optim.SGD that a bare step takes."""
    taken = signature_of(step) or []
    names = {p.name for p in taken}
    takes_all = any(p.kind == p.VAR_KEYWORD for p in taken)
    return [s for s in MORE_FOR_A_STEP if takes_all or dict(s.more).keys() <= names]


def training_with(step, changed):
    """A training around a bare step, which adds words to `changed` where it changes a gradient.

    The gradients are set to zero in place, so that a buffer that is .grad shows.
    """

    def watched(model, *arguments, **more):
        before = [bits(p.grad) for p in model.parameters()]
        step(model, *arguments, **more)
        if [bits(p.grad) for p in model.parameters()] != before:
            changed.add("it changes .grad, which torch.optim.SGD leaves as it is")

    return planted_training(((CLEAR, ZEROS),), watched)
