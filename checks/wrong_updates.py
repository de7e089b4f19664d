"""Every planted mistake of an update and of the loop around it, in a student's words."""

import torch

from checks.planted_trainings import LOOP_MISTAKES, Mistake
from checks.planted_updates import HOOKS, without_decay


def decay(g, p, s):
    return g.add(p, alpha=s.weight_decay)


def move(p, g, s):
    p.add_(g, alpha=-s.learning_rate)


def decay_where(test, hook=decay):
    """A hook that decays the parameters p with test(p, s) alone."""
    return lambda g, p, s: hook(g, p, s) if test(p, s) else g


def decay_after(factor):
    """A move followed by p -= factor(s) * p."""

    def hook(p, g, s):
        move(p, g, s)
        p.sub_(factor(s) * p)

    return hook


def decay_before(factor):
    """p -= factor(s) * p, in the place of a decay in the gradient."""

    def hook(g, p, s):
        p.sub_(factor(s) * p)
        return g

    return hook


def old_part(v, g, s):
    """What a buffer holds of earlier gradients."""
    return torch.zeros_like(v) if s.old is None else s.momentum * s.old


def counted_average(v, g, s):
    new = s.momentum * v + (1 - s.momentum) * g
    new.count = getattr(v, "count", 1) + 1
    return new


def exchanged(one, other):
    """Two of the arguments in each other's place."""
    return dict(switches=lambda s: s | {one: s[other], other: s[one]})


SAYS = {  # for the planted updates: what is wrong, and where to look
    "never moves": (
        "the parameters are not moved at all",
        "p -= learning_rate * v must change p itself: in place, under torch.no_grad(), on the "
        "model that is given, not on a copy (`p = p - ...` only names a new tensor); no "
        "zero_grad() may stand between backward() and the update; state_dict() holds no .grad",
    ),
    "moves uphill": (
        "the step goes uphill: its sign is wrong",
        "p -= learning_rate * v, with a minus; p.add_(v, alpha=-learning_rate)",
    ),
    "only the first parameter": (
        "only the first parameter is moved",
        "the loop over model.parameters() is left too early: a break, a return, next(...), [0]",
    ),
    "only the last parameter": (
        "only the last parameter is moved",
        "the update stands below the loop over model.parameters(), not inside: indent it",
    ),
    "decay not applied": (
        "weight decay is not applied",
        "g = g + weight_decay * p must come before the line that uses g",
    ),
    "decay applied twice": (
        "weight decay is applied twice, or twice as strong as torch's",
        "weight_decay * p is added at two places, or as 2 * weight_decay * p, or the loss also "
        "holds weight_decay * (p ** 2).sum(), whose slope is 2 * weight_decay * p: keep one",
    ),
    "decay of the wrong sign": (
        "weight decay has the wrong sign: the parameters grow",
        "g = g + weight_decay * p, with a plus: p -= learning_rate * g turns it into a minus",
    ),
    "decoupled decay": (
        "weight decay stays out of the momentum buffer (as in AdamW)",
        "weight decay moves p by a line of its own, or comes after the line of the buffer; "
        "torch.optim.SGD adds it to the gradient first: g = g + weight_decay * p, then v",
    ),
    "biases not decayed": (
        "weight decay is applied to the weights alone, not to the biases",
        "a condition such as p.dim() > 1 or 'bias' in name; torch.optim.SGD decays all parameters",
    ),
    "buffer aliases the gradient": (
        "the momentum buffer is .grad itself, which is set to zero and filled again",
        "v = p.grad makes no copy: write v = p.grad.clone()",
    ),
    "buffer starts at zero": (
        "the first gradient does not reach the momentum buffer: the first step moves nothing",
        "where the buffer is made: v = p.grad.clone(), or zeros to which the gradient of the "
        "same step is added",
    ),
    "textbook average": (
        "the momentum buffer is dampened: it takes (1 - momentum) * g, but the first g whole",
        "v = momentum * v + g; torch.optim.SGD has no factor (1 - momentum) there",
    ),
    "momentum forgotten": (
        "momentum has no effect: each step has the last gradient alone",
        "the buffer is made anew at each step, or not written back: keep it outside of the loop "
        "over the batches, and store it: v[i] = momentum * v[i] + g",
    ),
    "buffer not kept up to date": (
        "the momentum buffer keeps the first gradient: it is not kept up to date",
        "write the new buffer back: v[i] = momentum * v[i] + g; append() makes the list longer",
    ),
    "momentum steps twice": (
        "momentum steps twice: each step is taken two times",
        "with momentum, p -= learning_rate * v is done in the branch and again below it: keep one",
    ),
    "dampening ignored": ("dampening is ignored", "v = momentum * v + (1 - dampening) * g"),
    "first step dampened": (
        "the first gradient is dampened, too",
        "the buffer starts with the whole gradient, v = g; dampening comes at the second step",
    ),
    "maximize ignored": ("maximize is ignored", "with maximize, g = -p.grad"),
    "nesterov ignored": ("nesterov is ignored", "with nesterov, p -= lr * (g + momentum * v)"),
    "NaN": ("the parameters become NaN", "a division by zero, or a root or log of such a number"),
}

RULE = "v = momentum * v + g, then p -= learning_rate * v"
DECAY = "g = g + weight_decay * p, entry by entry: the slope of weight_decay / 2 * p ** 2"
LATE_DECAY = (
    "weight decay shrinks p by a line of its own; torch.optim.SGD adds it to the gradient first: "
    "g = g + weight_decay * p, then v"
)
COPY = "v = p.grad makes no copy: write v = p.grad.clone()"
UPDATE_MISTAKES = {name: Mistake(*SAYS[name], hooks=HOOKS[name]) for name in SAYS} | {
    # the size of a step, and who is moved
    "learning rate left out": Mistake(
        "the learning rate is left out", RULE, dict(move=lambda p, g, s: p.sub_(g))
    ),
    "learning rate twice": Mistake(
        "the learning rate is applied twice",
        "learning_rate stands in g or in v and again in p -= learning_rate * v: keep the latter",
        dict(move=lambda p, g, s: p.add_(g, alpha=-(s.learning_rate**2))),
    ),
    "only the weights": Mistake(
        "only the weights are moved, not the biases",
        "a condition such as p.dim() > 1 or 'weight' in name; train all of model.parameters()",
        dict(move=lambda p, g, s: move(p, g, s) if p.dim() > 1 else None),
    ),
    "only the biases": Mistake(
        "only the biases are moved, not the weights",
        "a condition such as 'bias' in name; train all of model.parameters()",
        dict(move=lambda p, g, s: move(p, g, s) if p.dim() == 1 else None),
    ),
    "all but the last parameter": Mistake(
        "the last parameter is not moved",
        "the loop over the parameters ends one too early",
        dict(chosen=lambda i, count: i + 1 < count),
    ),
    "all but the first parameter": Mistake(
        "the first parameter is not moved",
        "the loop over the parameters starts one too late, at 1",
        dict(chosen=lambda i, count: i > 0),
    ),
    "all but the last layer": Mistake(
        "the last layer is not moved",
        "the loop over the layers ends one too early",
        dict(chosen=lambda i, count: i + 2 < count),
    ),
    "only the last layer": Mistake(
        "only the last layer is moved",
        "the update stands below the loop over the layers, not inside: indent it",
        dict(chosen=lambda i, count: i + 2 >= count),
    ),
    "learning rate and momentum exchanged": Mistake(
        "the learning rate and the momentum stand in each other's place",
        "the order of the arguments, here and where the function is called",
        exchanged("learning_rate", "momentum"),
    ),
    "learning rate and weight decay exchanged": Mistake(
        "the learning rate and the weight decay stand in each other's place",
        "the order of the arguments, here and where the function is called",
        exchanged("learning_rate", "weight_decay"),
    ),
    "momentum and weight decay exchanged": Mistake(
        "the momentum and the weight decay stand in each other's place",
        "the order of the arguments, here and where the function is called",
        exchanged("momentum", "weight_decay"),
    ),
    # weight decay
    "only the biases decayed": Mistake(
        "weight decay is applied to the biases alone",
        "a condition such as 'bias' in name; torch.optim.SGD decays all parameters",
        dict(decay=decay_where(lambda p, s: p.dim() == 1)),
    ),
    "only the last parameter decayed": Mistake(
        "weight decay is applied to the last parameter alone",
        "the line of the decay stands below the loop over the parameters: indent it",
        dict(decay=decay_where(lambda p, s: s.last)),
    ),
    "decay twice, on the weights alone": Mistake(
        "weight decay is twice as strong as torch's, and on the weights alone",
        "g = g + weight_decay * p for all parameters; the slope of weight_decay * p ** 2 is twice "
        "as large",
        dict(decay=decay_where(lambda p, s: p.dim() > 1, HOOKS["decay applied twice"]["decay"])),
    ),
    "decay half as strong": Mistake(
        "weight decay is half as strong as torch's",
        "g = g + weight_decay * p, without 1/2: that is the slope of weight_decay / 2 * p ** 2",
        dict(decay=lambda g, p, s: g.add(p, alpha=0.5 * s.weight_decay)),
    ),
    "decay by the sign": Mistake(
        "weight decay uses the sign of p: that is L1, not L2",
        "g = g + weight_decay * p, not weight_decay * p.sign(), and no p.abs() in the loss",
        dict(decay=lambda g, p, s: g.add(p.sign(), alpha=s.weight_decay)),
    ),
    "decay by the square": Mistake(
        "weight decay adds the square of p",
        DECAY,
        dict(decay=lambda g, p, s: g.add(p**2, alpha=s.weight_decay)),
    ),
    "decay by the sum of squares": Mistake(
        "weight decay adds one number to every gradient, the sum of the squares",
        DECAY,
        dict(decay=lambda g, p, s: g + s.weight_decay * (p**2).sum()),
    ),
    "decay by the norm": Mistake(
        "weight decay uses the norm of each parameter, not the squares: p / p.norm()",
        "weight_decay / 2 * (p ** 2).sum() in the loss, not p.norm(); or " + DECAY,
        dict(decay=lambda g, p, s: g.add(p / p.norm(), alpha=s.weight_decay)),
    ),
    "decay adds the norm": Mistake(
        "weight decay adds one number to every gradient, the norm of p",
        DECAY,
        dict(decay=lambda g, p, s: g + s.weight_decay * p.norm()),
    ),
    "decay of the gradient": Mistake(
        "weight decay is applied to the gradient, not to the parameter",
        "g = g + weight_decay * p: p, not p.grad",
        dict(decay=lambda g, p, s: (1 + s.weight_decay) * g),
    ),
    "gradient shrunk by the decay": Mistake(
        "weight decay shrinks the gradient, not the parameter",
        "g = g + weight_decay * p: p, not p.grad",
        dict(decay=lambda g, p, s: (1 - s.weight_decay) * g),
    ),
    "decay of the buffer": Mistake(
        "weight decay is applied to the momentum buffer, not to the parameter",
        "g = g + weight_decay * p: p, not v",
        dict(
            decay=without_decay,
            later=lambda v, g, s: (s.momentum + s.weight_decay) * v + g,
        ),
    ),
    "decay with the learning rate twice": Mistake(
        "weight decay is multiplied by the learning rate twice",
        "g = g + weight_decay * p: the learning rate comes once, in p -= learning_rate * v",
        dict(decay=lambda g, p, s: g.add(p, alpha=s.learning_rate * s.weight_decay)),
    ),
    "decay after the step": Mistake(
        "weight decay is applied after the step, to the parameter that has moved",
        LATE_DECAY,
        dict(
            decay=without_decay,
            move=decay_after(lambda s: s.learning_rate * s.weight_decay),
        ),
    ),
    "decay without the learning rate": Mistake(
        "weight decay is not multiplied by the learning rate",
        LATE_DECAY,
        dict(decay=decay_before(lambda s: s.weight_decay)),
    ),
    "decay after the step, without the learning rate": Mistake(
        "weight decay is not multiplied by the learning rate, and comes after the step",
        LATE_DECAY,
        dict(decay=without_decay, move=decay_after(lambda s: s.weight_decay)),
    ),
    "decay without the learning rate, in the buffer": Mistake(
        "weight decay is not multiplied by the learning rate, the gradient is",
        "the buffer takes learning_rate * g + weight_decay * p: " + RULE,
        dict(decay=lambda g, p, s: g.add(p, alpha=s.weight_decay / s.learning_rate)),
    ),
    "decay left out with momentum": Mistake(
        "weight decay is left out where there is momentum",
        "`if momentum ... elif weight_decay ...` does one of the two; or the buffer takes p.grad, "
        "not g = p.grad + weight_decay * p",
        dict(switches=lambda s: s | (dict(weight_decay=0.0) if s["momentum"] else {})),
    ),
    "decay in the gradient and in the step": Mistake(
        "weight decay is applied twice: in the gradient and again in the step",
        "weight_decay * p goes into g once, before the buffer, and nowhere else",
        dict(move=lambda p, g, s: move(p, g.add(p, alpha=s.weight_decay), s)),
    ),
    "decay in the buffer and beside it": Mistake(
        "with momentum, weight decay is applied twice: in the buffer and again beside it",
        "weight_decay * p goes into g once, before the buffer, and nowhere else",
        dict(direction=lambda v, g, p, s: v.add(p, alpha=s.weight_decay)),
    ),
    # momentum
    "momentum left out with decay": Mistake(
        "momentum is left out where there is weight decay",
        "`if weight_decay ... elif momentum ...` does one of the two: write two ifs, decay first",
        dict(switches=lambda s: s | (dict(momentum=0.0) if s["weight_decay"] else {})),
    ),
    "dampened buffer": Mistake(
        "the momentum buffer is dampened: it takes (1 - momentum) * g",
        "v = momentum * v + g; torch.optim.SGD has no factor (1 - momentum) there",
        dict(
            first=lambda g, s: (1 - s.momentum) * g,
            later=lambda v, g, s: s.momentum * v + (1 - s.momentum) * g,
        ),
    ),
    "dampened the other way": Mistake(
        "the momentum buffer is an average: (1 - momentum) * v + momentum * g",
        "v = momentum * v + g",
        dict(
            first=lambda g, s: s.momentum * g,
            later=lambda v, g, s: (1 - s.momentum) * v + s.momentum * g,
        ),
    ),
    "dampened the other way, the first gradient whole": Mistake(
        "the momentum buffer is an average: (1 - momentum) * v + momentum * g, from g on",
        "v = momentum * v + g",
        dict(later=lambda v, g, s: (1 - s.momentum) * v + s.momentum * g),
    ),
    "corrected average": Mistake(
        "the momentum buffer is the corrected average of Adam",
        "v = momentum * v + g; torch.optim.SGD has no factor and no correction",
        dict(
            first=lambda g, s: (1 - s.momentum) * g,
            later=counted_average,
            direction=lambda v, g, p, s: v / (1 - s.momentum ** getattr(v, "count", 1)),
        ),
    ),
    "memory of one step": Mistake(
        "the momentum remembers one step alone: g + momentum * (the gradient before)",
        "keep v = momentum * v + g from step to step, not the gradient",
        dict(
            later=lambda v, g, s: g.clone(),
            direction=lambda v, g, p, s: v + old_part(v, g, s),
        ),
    ),
    "momentum added to the gradient": Mistake(
        "with momentum, two steps are taken: one along the buffer, one along the gradient",
        "p -= learning_rate * v alone: no p -= learning_rate * g besides, and not g + v",
        dict(direction=lambda v, g, p, s: v + g),
    ),
    "nesterov": Mistake(
        "the step is Nesterov's: g + momentum * v",
        "p -= learning_rate * v; g + momentum * v belongs to nesterov=True",
        dict(direction=lambda v, g, p, s: g.add(v, alpha=s.momentum)),
    ),
    "momentum of the buffer twice": Mistake(
        "the step is momentum * v: the factor stands once too often",
        RULE + "; neither momentum * v there nor momentum * (v + g)",
        dict(direction=lambda v, g, p, s: s.momentum * v),
    ),
    "momentum of 1": Mistake(
        "the buffer adds up all gradients: nothing multiplies v by the momentum",
        "v = momentum * v + g",
        dict(later=lambda v, g, s: v + g),
    ),
    "momentum exchanged with 1 - momentum": Mistake(
        "the buffer is multiplied by 1 - momentum",
        "v = momentum * v + g",
        dict(later=lambda v, g, s: (1 - s.momentum) * v + g),
    ),
    "momentum of the wrong sign": Mistake(
        "momentum has the wrong sign: it is subtracted",
        "v = momentum * v + g, with a plus",
        dict(later=lambda v, g, s: g - s.momentum * v),
    ),
    "a step late": Mistake(
        "the step uses the buffer before the new gradient is added: it is a step late",
        "first v = momentum * v + g, then p -= learning_rate * v",
        dict(direction=lambda v, g, p, s: torch.zeros_like(v) if s.old is None else s.old),
    ),
    "old part of the buffer alone": Mistake(
        "the step leaves the new gradient out: it is momentum * (the buffer before)",
        RULE,
        dict(direction=lambda v, g, p, s: old_part(v, g, s)),
    ),
    "learning rate twice with momentum": Mistake(
        "with momentum, the learning rate is applied twice: in the buffer and in the step",
        RULE,
        dict(direction=lambda v, g, p, s: s.learning_rate * v),
    ),
    "no learning rate with momentum": Mistake(
        "with momentum, the learning rate is left out",
        RULE,
        dict(direction=lambda v, g, p, s: v / s.learning_rate),
    ),
    "no learning rate before the old part": Mistake(
        "the part of the step that comes from the buffer has no learning rate",
        RULE + "; not p -= learning_rate * g + momentum * v",
        dict(direction=lambda v, g, p, s: g + old_part(v, g, s) / s.learning_rate),
    ),
    "no learning rate before the buffer": Mistake(
        "the step is learning_rate * g + momentum * v: g counts twice, v has no learning rate",
        RULE,
        dict(direction=lambda v, g, p, s: g + v * s.momentum / s.learning_rate),
    ),
    "first gradient counted twice": Mistake(
        "the first gradient counts twice: the buffer starts with it and gets it again",
        "start v with zeros, or leave v = momentum * v + g out at the first step",
        dict(first=lambda g, s: (1 + s.momentum) * g),
    ),
    "buffer starts as the parameter": Mistake(
        "the momentum buffer starts with the parameter's values",
        "torch.zeros_like(p), not p.clone()",
        dict(first=lambda g, s: s.momentum * s.p + g),
    ),
    "buffer starts with ones": Mistake(
        "the momentum buffer starts with ones",
        "torch.zeros_like(p), not torch.ones_like(p)",
        dict(first=lambda g, s: s.momentum + g),
    ),
    "buffer is .grad for one step": Mistake(
        "the momentum buffer is .grad itself at first: it holds the new gradient, not the old one",
        COPY,
        dict(first=lambda g, s: g, later=lambda v, g, s: s.momentum * v + g),
        dict(to_none=False),
    ),
    "buffer is .grad at every step": Mistake(
        "the gradient kept for the next step is .grad itself: it holds the new gradient by then",
        COPY,
        dict(later=lambda v, g, s: (1 + s.momentum) * g),
    ),
    "momentum on the weights alone": Mistake(
        "momentum is applied to the weights alone, not to the biases",
        "a condition such as p.dim() > 1 or 'weight' in name",
        dict(direction=lambda v, g, p, s: v if p.dim() > 1 else g),
    ),
    "momentum on the last parameter alone": Mistake(
        "momentum is applied to the last parameter alone",
        "the line of the buffer stands below the loop over the parameters: indent it",
        dict(direction=lambda v, g, p, s: v if s.last else g),
    ),
}
UPDATE_MISTAKES["buffer aliases the gradient"].loop = dict(to_none=False)
MISTAKES = UPDATE_MISTAKES | LOOP_MISTAKES

SEEN = {  # mistakes that are seen without a planted one
    "random": Mistake(
        "two trainings from the same start end on different numbers: something is random",
        "a shuffle, dropout, noise, a net or a buffer that starts with random numbers",
    ),
    "single precision": Mistake(
        "something is computed in single precision: the differences are of that size",
        "buffers by torch.zeros_like(p), not by torch.zeros(p.shape); no .float(), no float32",
    ),
}

LEARNING_RATE_INSIDE = (
    "the learning rate is inside the momentum buffer: the same while it is constant; a schedule "
    "would part the two, since old gradients keep the learning rate of their own step",
    RULE,
)
HEAVY_BALL = (
    "the momentum comes from the last move of p, p - old_p: the same while the learning rate is "
    "constant; a schedule would part the two",
    RULE,
)


def heavy_ball(move):
    """Hooks for p + momentum * (p - old_p) - learning_rate * g: the buffer holds old_p."""

    def hook(p, g, s):
        old = p.clone() if s.old is None else s.old
        move(p, s.momentum * (p - old), s.learning_rate * g)

    return dict(
        first=lambda g, s: s.p.clone(),
        later=lambda v, g, s: s.p.clone(),
        direction=lambda v, g, p, s: g,
        move=hook,
        always=True,
    )


ROUNDINGS = {  # right updates, but for the rounding of one operation
    "decay rounded twice": Mistake(
        "g + weight_decay * p rounds twice, the product and the sum",
        "g.add(p, alpha=weight_decay) rounds once, as torch does",
        HOOKS["decay on a single-rounding path"],
    ),
    "step rounded twice": Mistake(
        "p - learning_rate * v rounds twice, the product and the difference",
        "p.add_(v, alpha=-learning_rate) rounds once, as torch does",
        HOOKS["update rounded twice"],
    ),
    "buffer rounded once": Mistake(
        "g.add(v, alpha=momentum) rounds once, where torch rounds twice",
        "v.mul_(momentum).add_(g) rounds the product and then the sum, as torch does",
        dict(later=lambda v, g, s: torch.add((1 - s.dampening) * g, v, alpha=s.momentum)),
    ),
    "learning rate in the buffer": Mistake(
        *LEARNING_RATE_INSIDE, HOOKS["learning rate in the buffer"]
    ),
    "learning rate in the buffer, rounded twice": Mistake(
        *LEARNING_RATE_INSIDE,
        dict(
            first=lambda g, s: s.learning_rate * g,
            later=lambda v, g, s: s.momentum * v + s.learning_rate * g,
            move=lambda p, g, s: p.sub_(g if s.momentum else s.learning_rate * g),
        ),
    ),
    "buffer summed in another order": Mistake(
        "momentum * v + g + weight_decay * p is summed from the left, with the decay last",
        "g = g.add(p, alpha=weight_decay) first, then v.mul_(momentum).add_(g), as torch does",
        dict(
            decay=without_decay,
            first=lambda g, s: g + s.weight_decay * s.p,
            later=lambda v, g, s: s.momentum * v + g + s.weight_decay * s.p,
            always=True,
        ),
    ),
    "heavy ball": Mistake(*HEAVY_BALL, heavy_ball(lambda p, old, g: p.add_(old - g))),
    "heavy ball, summed from the left": Mistake(
        *HEAVY_BALL, heavy_ball(lambda p, old, g: p.copy_(p + old - g))
    ),
    "heavy ball, the gradient first": Mistake(
        *HEAVY_BALL, heavy_ball(lambda p, old, g: p.copy_(p - g + old))
    ),
}


def joined(names):
    """One mistake that has the replaced lines of all; None where two replace the same line."""
    mistakes = [(MISTAKES | ROUNDINGS)[name] for name in names]
    hooks, loop = {}, {}
    for mistake in mistakes:
        if hooks.keys() & mistake.hooks.keys() - {"always"} or loop.keys() & mistake.loop.keys():
            return None
        hooks |= mistake.hooks
        loop |= mistake.loop
    return Mistake("", "", hooks, loop)
