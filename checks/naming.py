"""Which mistake is it? A pass's gradients beside those of each planted mistake.

A pass is run on several nets and batches. Where its gradients are, number for number, those of a
planted mistake on all of them, that mistake is named; where nothing fits, nothing is named.
"""

import functools
from dataclasses import dataclass, replace
from itertools import product

import torch

from checks.difference import global_state_kept
from checks.form import Nets
from checks.nets import (
    ACTIVATIONS,
    Case,
    copy_of,
    draw_weights,
    entries,
    entry,
    gradients_of,
    loss_of,
    parameters_of,
    random_tensor,
)
from checks.words import BIAS, ERROR, IN_WORDS, WEIGHTS
from checks.wrong_passes import PLANTED_GRADIENTS, variant

CLOSE = 1e-11  # two ways to round one formula differ by less, two formulas by more
MIXED = ["sin 2z", "sigmoid", "softplus", "sin"]


@dataclass(frozen=True)
class Mistake:
    """What a wrong pass looks like, in a student's words, and the line to look at."""

    words: str
    line: str

    def __str__(self):
        return self.words


def diagnosis_cases(nets):
    """Nets and batches on which one mistake does not give the numbers of another."""
    shapes = [([3, 3, 3, 3], 5), ([2, 4, 3, 2], 4), ([3, 3, 3, 3], 3), ([3, 3, 3, 3], 1)]
    shapes += [([4, 2, 5, 1], 6), ([3, 2], 2), ([2] * 12, 2), ([2, 4, 3, 2], 1)]
    make = functools.partial(nets.make, type(nets.model))
    cases = [make(n_l, n, MIXED, seed=40 + i) for i, (n_l, n) in enumerate(shapes)]
    cases.append(make([3, 4, 2], 6, MIXED, seed=50))
    cases[-1].y = cases[-1].y * 1e3  # far targets
    return [*cases, make([2, 3, 2], 1, None, seed=51)]


@dataclass
class Outcome:
    """What a pass does with a case."""

    gradients: dict  # (name, 1): of a call; (name, 2): of a second, with other weights and targets
    steps: dict  # by name: how far the first call moved a parameter
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
    start = {name: p.detach().clone() for name, p, *_ in parameters_of(model)}
    model.fc["1"].register_forward_hook(lambda *_: forwards.append(1))
    try:
        with global_state_kept():
            backward(model, case.y.clone(), model(case.x.clone()))
            count = len(forwards) - 1
            first = {(name, 1): detached(g) for name, g in gradients_of(model).items()}
            rows = list(parameters_of(model))
            steps = {name: parameter.detach() - start[name] for name, parameter, *_ in rows}
            weights = {layer: linear.weight.detach().clone() for layer, linear in model.fc.items()}
            with torch.no_grad():
                for name, parameter, *_ in rows:
                    parameter.copy_(start[name])
            y = second(model, case.y)
            backward(model, y, model(case.x.clone()))
            again = {(name, 2): detached(g) for name, g in gradients_of(model).items()}
    except (Exception, SystemExit):
        return None
    return Outcome(first | again, steps, weights, count)


@torch.enable_grad()
def right_gradients(case):
    """What autograd gives for both calls."""
    model, found = copy_of(case.model).requires_grad_(True), {}
    names, parameters = zip(*((name, p) for name, p, *_ in parameters_of(model)), strict=True)
    for call, y in ((1, case.y), (2, None)):
        y = second(model, case.y) if y is None else y
        gradients = torch.autograd.grad(loss_of(model, case.x, y), parameters)
        found |= {(n, call): g for n, g in zip(names, gradients, strict=True)}
    return found


def agree(ours, other, close=CLOSE):
    """True where the gradients have the same shapes, dtypes and, but for rounding, numbers."""
    return all(same(ours[key], other[key], close) for key in other)


def same(a, b, close):
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return type(a) is type(b) and str(a) == str(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    size = b.nan_to_num(0, 0, 0).abs().max().item() if b.numel() else 0.0
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
    """What is right on the cases, and what each planted mistake gives there.

    A planted mistake is run when it is asked for, and once.
    """

    def __init__(self, nets):
        self.cases = diagnosis_cases(nets)
        self.right = [right_gradients(case) for case in self.cases]
        known = nets.own and nets.names is None
        self.known = [with_known_slopes(case) if known else case for case in self.cases]
        self.whole = None if nets.own else whole_numbers(nets)
        self.outcomes = {}

    def of(self, name, number, bare=False):
        """The gradients of a planted mistake on a case; None where it raises.

        bare: without what where_it_runs puts in the place of an exception.
        """
        planted = PLANTED_GRADIENTS[name]
        planted = getattr(planted, "bare", planted) if bare else planted
        key = planted, number
        if key not in self.outcomes:
            found = outcome(planted, self.known[number])
            self.outcomes[key] = None if found is None else found.gradients
        return self.outcomes[key]

    def raises(self, name, number):
        """True where a student's pass with this mistake would raise an exception."""
        return self.of(name, number, bare=True) is None


def whole_numbers(nets):
    """A case on which single precision is exact: identity activations, small whole numbers."""
    case = nets.make(type(nets.model), [3, 3, 3, 3], 4, ["identity"], seed=52)
    with torch.no_grad():
        for value in (case.x, case.y, *case.model.parameters()):
            value.copy_((2 * value).round())
    return case


TABLES = {}  # by class and activations: computed once


def table_of(nets):
    if not nets.buildable:
        return Table(nets)
    key = type(nets.model), nets.own, nets.names
    if key not in TABLES:
        TABLES[key] = Table(nets)
    return TABLES[key]


def ratio_of(ours, right):
    """The number c with ours = c * right, entry for entry; None where there is none."""
    pairs = [(ours[key], right[key]) for key in right]
    for a, b in pairs:
        if not isinstance(a, torch.Tensor) or a.shape != b.shape or a.dtype != b.dtype:
            return None
    a, b = (torch.cat([pair[i].flatten() for pair in pairs]) for i in (0, 1))
    ratio = (a @ b / (b @ b)).item()
    return ratio if agree(ours, {key: ratio * g for key, g in right.items()}, 1e-10) else None


RATIOS = [  # a number for a net with a batch of N, and its words
    (lambda N, n_L, p=p, q=q, c=c: c * N**p * n_L**q, (p, q, c))
    for c, p, q in product((1, 0.5, 2, -1, -0.5, -2), (0, -1, 1), (0, -1, 1))
    if (c, p, q) != (1, 0, 0)
]
PLANTED_RATIOS = {  # powers of N and n_L, the number: the planted mistake that it is
    (0, 0, 0.5): "factor 2 forgotten",
    (0, 0, -1): "sign",
    (-1, 0, 1): "divided by the batch",
    (0, -1, 1): "divided by the outputs",
    (-1, -1, 1): "divided by both",
}


def words_for_ratio(p, q, c):
    """All gradients are c * N^p * n_L^q times the right ones: in words, one factor at a time."""
    if (p, q, c) in PLANTED_RATIOS:
        return in_words([PLANTED_RATIOS[p, q, c]])
    found = []
    if c < 0:
        found += in_words(["sign"])
    if abs(c) == 0.5:
        found += in_words(["factor 2 forgotten"])
    if abs(c) == 2:
        found.append(Mistake("the factor 2 is applied twice", ERROR))
    if p == q == -1:
        found += in_words(["divided by both"])
    elif p == -1 or q == -1:
        found += in_words(["divided by the batch" if p == -1 else "divided by the outputs"])
    if p == 1:
        found.append(Mistake("the sum over the batch is taken N times", ERROR))
    if q == 1:
        found.append(Mistake("the sum over the outputs is taken n_L times", ERROR))
    return found


def in_words(names):
    """The mistakes of these names, each of the words once."""
    return [
        Mistake(words, line)
        for words, (line, planted) in IN_WORDS.items()
        if any(name in planted for name in names)
    ]


def by_ratio(ours, table, compared):
    """The mistake that multiplies every gradient by one number."""
    ratios = {i: ratio_of(ours[i], table.right[i]) for i in compared}
    if None in ratios.values():
        return []
    shapes = {i: (len(table.cases[i].x), table.cases[i].model.n_l[-1]) for i in compared}

    def fits(formula):
        return all(abs(ratios[i] / formula(*shapes[i]) - 1) < 1e-9 for i in compared)

    found = [powers for formula, powers in RATIOS if fits(formula)]
    if found:
        return words_for_ratio(*found[0])
    first = next(iter(ratios.values()))
    if abs(first - 1) > 1e-6 and all(abs(r - first) < 1e-9 * abs(first) for r in ratios.values()):
        return [Mistake(f"every gradient is {first:.6g} times the right one", ERROR)]
    return []


def by_precision(ours, table, wrong, backward):
    """Off by about 1e-8 of their size, and exact where single precision is exact.

    Differences of the loss in the place of derivatives can be off as little, but are never exact.
    """
    if any(agree(ours[i], table.right[i], 1e-10) for i in wrong):
        return []
    if not all(agree(ours[i], table.right[i], 2e-6) for i in wrong):
        return []
    if table.whole is None:
        (single,) = in_words(["single precision inside"])
        words = "single precision somewhere, or differences of the loss instead of derivatives"
        return [Mistake(f"{words}: the gradients are off by about 1e-8", single.line)]
    found, right = outcome(backward, table.whole), right_gradients(table.whole)
    first = {key: right[key] for key in right if key[1] == 1}
    exact = found is not None and agree(found.gradients, first, 1e-12)
    return in_words(["single precision inside"]) if exact else []


def by_differences(outcomes, table):
    """The pass runs the forward pass for every parameter, and is nearly right."""

    def is_one(i):
        case, found = table.cases[i], outcomes[i]
        many = found.forwards >= sum(p.numel() for p in case.model.parameters())
        return many and agree(found.gradients, table.right[i], 1e-2)

    ran = [i for i, found in enumerate(outcomes) if found is not None]
    return in_words(["differences of the loss"]) if ran and all(map(is_one, ran)) else []


def are_transposed(ours, table):
    """True where each dL_dw that is not square has the shape of the transpose."""
    pairs = [
        (ours[i][key], g)
        for i in ours
        for key, g in table.right[i].items()
        if g.dim() == 2 and g.shape[0] != g.shape[1]
    ]
    return bool(pairs) and all(
        isinstance(found, torch.Tensor) and found.shape == g.T.shape for found, g in pairs
    )


def in_right_form(ours, right, transposed):
    """The gradients in the shape and dtype of the right ones, and words for what was changed."""
    found, changed = {}, {}
    for key, g in right.items():
        found[key], name = ours[key], key[0].partition("[")[0]
        if not isinstance(found[key], torch.Tensor):
            continue
        if found[key].dtype != g.dtype:
            changed |= dict.fromkeys(in_words(["results in single precision"]))
            found[key] = found[key].to(g.dtype)
        if transposed and g.dim() == 2 and found[key].dim() == 2:
            changed[SHAPE_OF["dL_dw"]] = None
            found[key] = found[key].T
        if found[key].shape != g.shape and found[key].numel() == g.numel():
            changed[SHAPE_OF[name]] = None
            found[key] = found[key].reshape(g.shape)
    return found, list(changed)


SHAPE_OF = {
    name: Mistake(f"the shape of {name} is wrong", line)
    for name, line in (("dL_dw", WEIGHTS), ("dL_db", BIAS))
}


def by_form(ours, table, raising, backward):
    """Shapes or dtypes are wrong, and what else is where they are put right."""
    transposed = are_transposed(ours, table)
    forms = {i: in_right_form(ours[i], table.right[i], transposed) for i in ours}
    changed = list(dict.fromkeys(mistake for _, words in forms.values() for mistake in words))
    if not changed:
        return []
    fixed = {i: found for i, (found, _) in forms.items()}
    rest = by_numbers(fixed, table, raising, backward)
    if transposed and (rest or all(agree(fixed[i], table.right[i]) for i in fixed)):
        turned = in_words(["gradient transposed"])
        changed = turned + [mistake for mistake in changed if mistake != SHAPE_OF["dL_dw"]]
    return changed + [mistake for mistake in rest if mistake not in changed]


def by_steps(outcomes, table, wrong):
    """The pass moves the weights: before it needs them, or at all."""
    if not any(o and any(step.any() for step in o.steps.values()) for o in outcomes):
        return []

    def uses_moved_weights(i):
        weights = outcomes[i].weights
        backward = variant(weight=lambda at: weights[str(at.layer)])
        theirs = outcome(backward, table.known[i]).gradients
        return all(
            same(outcomes[i].gradients[key], theirs[key], 1e-9) for key in theirs if key[1] == 1
        )

    inside = bool(wrong) and all(map(uses_moved_weights, wrong))
    return in_words(["weights updated inside" if inside else "weights moved by one bit"])


def where_it_ran(mistakes):
    """The mistakes, with the remark that they are judged by some of the cases alone."""
    note = " (judged by the nets and batches on which the pass raises no exception)"
    return [replace(mistake, words=mistake.words + note) for mistake in mistakes]


def by_numbers(ours, table, raising, backward):
    """The mistake that gives these gradients on all cases that the pass runs on.

    raising: the cases on which it raises an exception. A mistake that does so, too, comes first.
    """
    wrong = [i for i in ours if not agree(ours[i], table.right[i])]
    if not wrong:
        return []
    if found := by_ratio(ours, table, list(ours)):
        return where_it_ran(found) if raising else found
    names = [name for _, planted in IN_WORDS.values() for name in planted]
    for i in wrong + [i for i in ours if i not in wrong]:  # the most telling cases first
        names = [
            name
            for name in names
            if (theirs := table.of(name, i)) is not None and agree(ours[i], theirs)
        ]
    if raise_too := [name for name in names if all(table.raises(name, i) for i in raising)]:
        return in_words(raise_too)
    return where_it_ran(in_words(names)) or by_precision(ours, table, wrong, backward)


def diagnose_on(nets, backward):
    """The mistakes that the pass may be on these nets; empty where none fits."""
    table = table_of(nets)
    outcomes = [outcome(backward, case) for case in table.cases]
    ours = {i: o.gradients for i, o in enumerate(outcomes) if o is not None}
    raising = [i for i, o in enumerate(outcomes) if o is None]
    wrong = [i for i in ours if not agree(ours[i], table.right[i])]
    return (
        by_steps(outcomes, table, wrong)
        or (by_differences(outcomes, table) if wrong else [])
        or by_numbers(ours, table, raising, backward)
        or by_form(ours, table, raising, backward)
    )


def one_sample(nets, names=None):
    return nets.make(type(nets.model), list(nets.model.n_l), 1, names, seed=60)


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
    own = nets if nets.own else nets.with_own_activations()
    given = Case(copy_of(model).double(), *(2 * [None]), "the model given")
    given.x, given.y = (random_tensor((1, model.n_l[n]), 63 + n) for n in (0, -1))
    wrong_df = wrong_slopes(model)
    if wrong_df and not is_right(backpropagation, given):
        return wrong_df
    if nets.own or not reads_df(backpropagation, one_sample(own)):
        return diagnose_on(own, backpropagation)
    return diagnose_on(nets, backpropagation)


def named(mistakes, cases, fits, pairs=()):
    """The mistakes that fit every case; where none does, the first pair that does.

    fits(some mistakes at once, case): whether a program with them gives what was seen there. The
    cases that tell most come first.
    """
    for case in cases:
        mistakes = [mistake for mistake in mistakes if fits((mistake,), case)]
    if mistakes:
        return mistakes
    return list(next((pair for pair in pairs if all(fits(pair, case) for case in cases)), ()))
