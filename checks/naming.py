"""Which mistake is it? What a program gives, beside what each planted mistake gives.

Where its numbers are those of a planted mistake on all nets and batches, that mistake is named; so
are two mistakes that give them together. Where nothing fits, nothing is named.
"""

import functools
from dataclasses import dataclass, replace
from itertools import combinations, product

import torch

from checks.difference import global_state_kept
from checks.nets import (
    ACTIVATIONS,
    Case,
    Nets,
    autograd_of_loss,
    copy_of,
    draw_weights,
    entries,
    entry,
    gradients_of,
    parameters_of,
    random_tensor,
)
from checks.reference import PASS, Mistake, backward_with, code_of, names_in, together
from checks.wrong_passes import ERROR, NAMED, PLANTED, WRONG_LINES

CLOSE = 1e-11  # two ways to round one formula differ by less, two formulas by more
MIXED = ["sin 2z", "sigmoid", "softplus", "sin"]


def named(mistakes, cases, fits, pairs=()):
    """The mistakes that fit every case; where none does, the first pair that does.

    fits(some mistakes at once, case): whether a program with them gives what was seen there. The
    cases that tell most come first.
    """
    for case in cases:
        mistakes = [mistake for mistake in mistakes if fits((mistake,), case)]
    if mistakes:
        return mistakes
    found = next((pair for pair in pairs if all(fits(pair, case) for case in cases)), ())
    return [replace(mistake, at_once=True) for mistake in found]


def once(mistakes):
    """The mistakes, each of the words once."""
    return list({mistake.words: mistake for mistake in reversed(mistakes)}.values())[::-1]


def diagnosis_cases(nets):
    """Nets and batches on which one mistake does not give the numbers of another."""
    shapes = [([3, 3, 3, 3], 5), ([2, 4, 3, 2], 4), ([3, 3, 3, 3], 3), ([3, 3, 3, 3], 1)]
    shapes += [([4, 2, 5, 1], 6), ([3, 2], 2), ([2] * 12, 2), ([2, 4, 3, 2], 1)]
    cases = [nets.make(n_l, n, MIXED, seed=40 + i) for i, (n_l, n) in enumerate(shapes)]
    far = nets.make([3, 4, 2], 6, MIXED, seed=50)
    far.y = far.y * 1e3
    return [*cases, far, nets.make([2, 3, 2], 1, seed=51)]


@dataclass
class Outcome:
    """What a pass does with a case."""

    gradients: dict  # (name, 1): of a call; (name, 2): of a second, with other weights and targets
    moved: bool  # the first call moves a parameter
    weights: dict  # by layer: the weights after the first call
    forwards: int  # how often the first call runs the forward pass


def detached(gradient):
    """A gradient without its graph; lists and arrays as they are."""
    return gradient.detach().clone() if isinstance(gradient, torch.Tensor) else gradient


def second(model, y):
    """The targets of a second call; the weights are moved."""
    with torch.no_grad():
        for _, parameter, *_ in parameters_of(model):
            parameter.mul_(0.75)
    return 2 * y


@torch.enable_grad()
def outcome(backward, case):
    """What the pass does with the case; None where it raises."""
    model, forwards = copy_of(case.model), []
    model.fc["1"].register_forward_hook(lambda *_: forwards.append(1))
    try:
        with global_state_kept():
            backward(model, case.y.clone(), model(case.x.clone()))
            count = len(forwards) - 1
            first = {(name, 1): detached(g) for name, g in gradients_of(model).items()}
            weights = {int(k): linear.weight.detach().clone() for k, linear in model.fc.items()}
            rows = zip(*map(parameters_of, (model, case.model)), strict=True)
            pairs = [(now, start) for (_, now, *_), (_, start, *_) in rows]
            moved = any((now - start).any() for now, start in pairs)
            with torch.no_grad():
                for now, start in pairs:
                    now.copy_(start)
            y = second(model, case.y)
            backward(model, y, model(case.x.clone()))
            again = {(name, 2): detached(g) for name, g in gradients_of(model).items()}
    except (Exception, SystemExit):
        return None
    return Outcome(first | again, moved, weights, count)


@torch.enable_grad()
def right_gradients(case):
    """What autograd gives for both calls."""
    model = copy_of(case.model).requires_grad_(True)
    first = autograd_of_loss(model, case.x, case.y)
    again = autograd_of_loss(model, case.x, second(model, case.y))
    calls = ((1, first), (2, again))
    return {(name, call): g for call, found in calls for name, g in found.items()}


def agree(ours, other, close=CLOSE):
    """True where the gradients have the same shapes, dtypes and, but for rounding, numbers."""
    return all(same(ours[key], other[key], close) for key in other)


def same(a, b, close):
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return type(a) is type(b) and str(a) == str(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if not b.numel():
        return True
    gap, size = (a - b).abs().max().item(), b.abs().max().item()
    if gap == gap and size < float("inf"):  # quicker than allclose, which tells NaN from NaN, too
        return gap <= close * size
    size = b.nan_to_num(0, 0, 0).abs().max().item()
    return torch.allclose(a, b, rtol=0, atol=close * size, equal_nan=True)


def with_known_slopes(case):
    """The case, df being what belongs to the activations, for the planted mistakes to use."""
    model = copy_of(case.model)
    with torch.no_grad():
        model(case.x)
    z, a = dict(entries(model.z)), dict(entries(model.a))
    known = copy_of(case.model)
    f, df = (dict(entries(getattr(model, name, None))) for name in ("f", "df"))
    known.f, known.df = f, df
    for layer in range(1, model.L + 1):
        fits = (
            pair
            for pair in ACTIVATIONS.values()
            if torch.allclose(pair[0](z[layer]), a[layer], rtol=0, atol=1e-14)
        )
        f[layer], df[layer] = next(fits, (f.get(layer), df.get(layer)))
    return Case(known, case.x, case.y, case.text)


class Table:
    """What is right on the cases, and what planted mistakes give there.

    A planted mistake is run when it is asked for, and once.
    """

    def __init__(self, nets):
        self.cases = diagnosis_cases(nets)
        self.right = [right_gradients(case) for case in self.cases]
        known = not nets.any_f and not nets.own
        self.known = [with_known_slopes(case) if known else case for case in self.cases]
        self.whole = whole_numbers(nets) if nets.any_f else None
        self.outcomes = {}

    def of(self, mistakes, number):
        """The gradients of one planted mistake, or of two at once, on a case; None: it raises."""
        key = mistakes, number
        if key not in self.outcomes:
            one, *other = mistakes
            backward = backward_with(*together(one, *other)) if other else one.backward()
            found = outcome(backward, self.known[number])
            self.outcomes[key] = None if found is None else found.gradients
        return self.outcomes[key]


def whole_numbers(nets):
    """A case on which single precision is exact: identity activations, small whole numbers."""
    case = nets.make([3, 3, 3, 3], 4, ["identity"], seed=52)
    with torch.no_grad():
        for value in (case.x, case.y, *case.model.parameters()):
            value.copy_((2 * value).round())
    return case


@functools.cache
def table_of_class(net_class, own, any_f):
    """The table for a class that makes nets of any widths: computed once."""
    return Table(Nets(net_class([1, 1]), own=own, any_f=any_f))


def table_of(nets):
    if nets.any_widths:
        with global_state_kept():
            return table_of_class(type(nets.model), nets.own, nets.any_f)
    return Table(nets)


@torch.no_grad()
def likely_pairs(ours, table, number):
    """Yield the pairs of wrong lines that give the first call's gradients on one case.

    A line that leaves dL_dw[L], or dL_db[L], right needs one beside it that gives ours there: so
    most of the pairs need not be run.
    """
    case, right = table.known[number], table.right[number]
    model = copy_of(case.model)
    names = names_in(model, case.y, model(case.x))
    keys = [f"{name}[{layer}]" for layer in range(model.L, 0, -1) for name in ("dL_dw", "dL_db")]

    def gradients_with(lines):
        found = {"dL_dw": {}, "dL_db": {}}
        try:
            exec(code_of(PASS, lines), names | found)
        except Exception:
            return None
        return {f"{name}[{layer}]": g for name in found for layer, g in found[name].items()}

    def fits(found, key, expected=ours):
        return found is not None and same(expected[key, 1], found.get(key), CLOSE)

    rows = [row for row in WRONG_LINES if row.is_line and "-=" not in row.wrong]  # moves no weight
    alone = {row: gradients_with(row.lines) for row in rows}
    marks = {
        row: [(fits(found, key), fits(found, key, right)) for key in keys[:2]]
        for row, found in alone.items()
        if found is not None
    }
    for pair in combinations(marks, 2):
        (one, other), lines = (marks[row] for row in pair), together(*pair)
        if lines and all(
            (fit or not right_beside) and (fit_beside or not is_right)
            for (fit, is_right), (fit_beside, right_beside) in zip(one, other, strict=True)
        ):
            found = gradients_with(lines)
            if all(fits(found, key) for key in keys):
                yield pair


def ratio_of(ours, right):
    """The number c with ours = c * right, entry for entry; None where there is none."""
    pairs = [(ours[key], right[key]) for key in right]
    for a, b in pairs:
        if not isinstance(a, torch.Tensor) or a.shape != b.shape or a.dtype != b.dtype:
            return None
    a, b = (torch.cat([pair[i].flatten() for pair in pairs]) for i in (0, 1))
    ratio = (a @ b / (b @ b)).item()
    return ratio if agree(ours, {key: ratio * g for key, g in right.items()}, 1e-10) else None


def by_ratio(ours, table):
    """The mistake that multiplies every gradient by one number, c * N^p * n_L^q."""
    ratios = {i: ratio_of(ours[i], table.right[i]) for i in ours}
    if None in ratios.values():
        return []
    shapes = {i: (len(table.cases[i].x), table.cases[i].model.n_l[-1]) for i in ours}
    first = float(f"{next(iter(ratios.values())):.6g}")
    for c, p, q in product((1, 0.5, 2, -1, -0.5, -2, first), (0, -1, 1), (0, -1, 1)):
        formula = {i: c * N**p * n_L**q for i, (N, n_L) in shapes.items()}
        if all(abs(ratios[i] / formula[i] - 1) < 1e-6 for i in ours) and (c, p, q) != (1, 0, 0):
            parts = ["the sign is wrong"] if c < 0 else []
            parts += ["the factor 2 is missing"] if abs(c) == 0.5 else []
            parts += ["the factor 2 is applied twice"] if abs(c) == 2 else []
            for power, size in ((p, "the batch, N"), (q, "the outputs, n_L")):
                parts += [f"it is divided by the size of {size}"] if power == -1 else []
                parts += [f"the sum over {size}, is taken once too often"] if power == 1 else []
            symbols = {-1: " / {}", 0: "", 1: " * {}"}
            times = f"{c:g}{symbols[p].format('N')}{symbols[q].format('n_L')}"
            words = f"every gradient is {times} times the right one"
            return [Mistake(": ".join(filter(None, (words, ", ".join(parts)))), ERROR)]
    return []


def by_precision(ours, table, wrong, backward):
    """Off by about 1e-8 of their size, and exact where single precision is exact.

    Differences of the loss in the place of derivatives can be off as little, but are never exact.
    """
    if any(agree(ours[i], table.right[i], 1e-10) for i in wrong):
        return []
    if not all(agree(ours[i], table.right[i], 2e-6) for i in wrong):
        return []
    single = PLANTED["edit(lambda g: g.float().to(g.dtype))"]
    if table.whole is None:
        words = "single precision somewhere, or differences of the loss instead of derivatives"
        return [replace(single, words=f"{words}: the gradients are off by about 1e-8")]
    found, right = outcome(backward, table.whole), right_gradients(table.whole)
    first = {key: right[key] for key in right if key[1] == 1}
    exact = found is not None and agree(found.gradients, first, 1e-12)
    return [single] if exact else []


def by_differences(outcomes, table):
    """The pass runs the forward pass for every parameter, and is nearly right."""

    def is_one(i):
        case, found = table.cases[i], outcomes[i]
        many = found.forwards >= sum(p.numel() for p in case.model.parameters())
        return many and agree(found.gradients, table.right[i], 1e-2)

    ran = [i for i, found in enumerate(outcomes) if found is not None]
    return [PLANTED["differences of the loss"]] if ran and all(map(is_one, ran)) else []


def by_steps(outcomes, table, wrong):
    """The pass moves the weights: before it needs them, or at all."""
    if not any(found and found.moved for found in outcomes):
        return []

    def uses_moved_weights(i):
        ours, backward = outcomes[i].gradients, backward_with(weights=outcomes[i].weights)
        theirs = outcome(backward, table.known[i]).gradients
        return all(same(ours[key], theirs[key], 1e-9) for key in theirs if key[1] == 1)

    if wrong and all(map(uses_moved_weights, wrong)):
        return [mistake for mistake in WRONG_LINES if "-=" in mistake.wrong]
    return [PLANTED["for p, g in pairs(): p.add_(1e-9)"]]


def by_numbers(ours, table, raising, backward, pairs):
    """The mistakes that give these gradients on all cases that the pass runs on.

    raising: the cases on which it raises an exception. A mistake that does so, too, comes first.
    Where a planted mistake raises and the pass does not, the pass must be right there.
    """
    wrong = [i for i in ours if not agree(ours[i], table.right[i])]
    if not wrong:
        return []

    def fits(mistakes, i):
        theirs = table.of(mistakes, i)
        return agree(ours[i], table.right[i] if theirs is None else theirs)

    def raises(mistakes):
        return all(table.of(tuple(mistakes), i) is None for i in raising)

    cases = wrong + [i for i in ours if i not in wrong]  # the most telling cases first
    found = named(NAMED, cases, fits)
    if likewise := [mistake for mistake in found if raises([mistake])]:
        return once(likewise)
    found = found or by_ratio(ours, table)
    if not found:
        found = named([], cases, fits, pairs(wrong[0]))
        if found and raises([replace(mistake, at_once=False) for mistake in found]):
            return found
    if raising:
        note = " (judged by the nets and batches on which the pass raises no exception)"
        found = [replace(mistake, words=mistake.words + note) for mistake in found]
    return once(found) or by_precision(ours, table, wrong, backward)


def diagnose_on(nets, backward):
    """The mistakes that the pass may be on these nets; empty where none fits.

    Where nothing fits all batches, those with one sample and those with more are told apart.
    """
    table = table_of(nets)
    outcomes = [outcome(backward, case) for case in table.cases]
    ours = {i: o.gradients for i, o in enumerate(outcomes) if o is not None}
    wrong = [i for i in ours if not agree(ours[i], table.right[i])]

    @functools.cache
    def pairs(number):
        return list(likely_pairs(ours[number], table, number))

    def among(numbers):
        raising = [i for i in numbers if outcomes[i] is None]
        found = {i: ours[i] for i in numbers if i in ours}
        return by_numbers(found, table, raising, backward, pairs)

    found = by_steps(outcomes, table, wrong) or (by_differences(outcomes, table) if wrong else [])
    everywhere = found or among(range(len(outcomes)))
    if everywhere and "no exception)" not in everywhere[0].words:
        return everywhere
    sizes = {True: "with one sample", False: "with more samples"}
    apart = [
        replace(mistake, words=f"{words}: {mistake.words}", at_once=True)
        for one, words in sizes.items()
        for mistake in among([i for i, case in enumerate(table.cases) if (len(case.x) == 1) == one])
    ]
    return apart or everywhere


def one_sample(nets, names=None):
    return nets.make(list(nets.model.n_l), 1, names, seed=60)


def reads_df(backward, case):
    """False where another df makes no difference: the pass brings the derivative itself."""
    other = Case(copy_of(case.model), case.x, case.y, case.text)
    try:
        for layer in range(1, other.model.L + 1):
            other.model.df[layer] = lambda z: 0.3 + 0 * z
    except (AttributeError, TypeError):
        return False
    ours, theirs = outcome(backward, case), outcome(backward, other)
    return ours is None or theirs is None or not agree(ours.gradients, theirs.gradients)


def is_right(backward, case):
    found = outcome(backward, case)
    return found is not None and agree(found.gradients, right_gradients(case))


def brings_the_derivative(backward, nets):
    """The pass does not read df, and is right for the activations of the model given alone."""
    own, other = one_sample(nets.with_own_activations()), one_sample(nets, MIXED)
    return not reads_df(backward, own) and is_right(backward, own) and not is_right(backward, other)


def wrong_slopes(model):
    """A mistake for each df[l] that is not the derivative of the activation of layer l."""
    model, found = copy_of(model).double(), []
    draw_weights(model, 61)
    x = random_tensor((5, model.n_l[0]), 62)
    with torch.enable_grad():
        model.requires_grad_(True)(x)
    for layer in range(1, model.L + 1):
        z, df = model.z[layer], entry(getattr(model, "df", None), layer)
        if df is None:
            continue
        try:
            (slope,) = torch.autograd.grad(model.a[layer].sum(), z, retain_graph=True)
            given = (df(z.detach()) * torch.ones_like(z)).detach()
        except (Exception, SystemExit):
            continue
        gap = (given - slope).abs()
        if not gap.max() <= 1e-6 * (1 + slope.abs().max()):
            at = gap.argmax()
            words = (
                f"df[{layer}] is not the derivative of f[{layer}]: at z = {z.flatten()[at]:.3g} it "
                f"gives {given.flatten()[at]:.6g}, the slope there is {slope.flatten()[at]:.6g}"
            )
            found.append(Mistake(words, f"model.df[{layer}]"))
    return found


def diagnose(backpropagation, model, nets=None):
    """The mistakes that the pass may be, each with words and the line to look at.

    Empty where nothing fits, a right pass included.
    """
    nets = Nets.like(model) if nets is None else nets
    own = nets.with_own_activations() if nets.any_f else nets
    given = Case(copy_of(model).double(), *(2 * [None]), "the model given")
    given.x, given.y = (random_tensor((1, model.n_l[n]), 63 + n) for n in (0, -1))
    wrong_df = wrong_slopes(model)
    if wrong_df and not is_right(backpropagation, given):
        return wrong_df
    if not nets.any_f or not reads_df(backpropagation, one_sample(own)):
        return diagnose_on(own, backpropagation)
    return diagnose_on(nets, backpropagation)
