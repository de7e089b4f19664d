"""Mistakes planted in a right update: each must be noticed by compare_with_torch."""

from types import SimpleNamespace

import torch


def update(
    chosen=lambda i, count: True,
    switches=lambda given: given,
    decay=lambda g, p, s: g.add(p, alpha=s.weight_decay),
    first=lambda g, s: g.clone(),
    later=lambda v, g, s: v.mul_(s.momentum).add_(g, alpha=1 - s.dampening),
    direction=lambda v, g, p, s: v,
    move=lambda p, g, s: p.add_(g, alpha=-s.learning_rate),
    always=False,
):
    """A right step in the form of manual_sgd_step, or with some of its lines replaced.

    p: a parameter, g: its gradient, v: its momentum buffer, s: the switches; s.old: the buffer
    before this step, or None. always: keep a buffer even where the momentum is 0.
    """

    @torch.no_grad()
    def step(model, learning_rate, momentum, weight_decay, momentum_buffer, **others):
        given = dict(dampening=0.0, nesterov=False, maximize=False) | others
        given |= dict(learning_rate=learning_rate, momentum=momentum, weight_decay=weight_decay)
        s = SimpleNamespace(**switches(given))
        for i, p in enumerate(model.parameters()):
            s.p, s.last = p, i + 1 == len(momentum_buffer)
            if p.grad is None or not chosen(i, len(momentum_buffer)):
                continue
            g = -p.grad if s.maximize else p.grad
            if s.weight_decay != 0:
                g = decay(g, p, s)
            if s.momentum != 0 or always:
                v = momentum_buffer[i]
                s.old = None if v is None else v.clone()
                v = momentum_buffer[i] = first(g, s) if v is None else later(v, g, s)
                g = g.add(v, alpha=s.momentum) if s.nesterov else direction(v, g, p, s)
            move(p, g, s)

    return step


def without_decay(g, p, s):
    return g


def twice(v, g, p, s):
    p.add_(v, alpha=-s.learning_rate)
    return v


def decoupled(g, p, s):
    p.mul_(1 - s.learning_rate * s.weight_decay)
    return g


HOOKS = {  # the lines that a planted update replaces
    "never moves": dict(move=lambda p, g, s: None),
    "moves uphill": dict(move=lambda p, g, s: p.add_(g, alpha=s.learning_rate)),
    "only the first parameter": dict(chosen=lambda i, count: i == 0),
    "only the last parameter": dict(chosen=lambda i, count: i + 1 == count),
    "decay on a single-rounding path": dict(decay=lambda g, p, s: g + s.weight_decay * p),
    "update rounded twice": dict(move=lambda p, g, s: p.sub_(s.learning_rate * g)),
    "decay not applied": dict(decay=without_decay),
    "decay applied twice": dict(decay=lambda g, p, s: g.add(p, alpha=2 * s.weight_decay)),
    "decay of the wrong sign": dict(decay=lambda g, p, s: g.sub(p, alpha=s.weight_decay)),
    "decoupled decay": dict(decay=decoupled),
    "biases not decayed": dict(
        decay=lambda g, p, s: g.add(p, alpha=s.weight_decay) if p.dim() > 1 else g
    ),
    "decay written into .grad": dict(decay=lambda g, p, s: g.add_(p, alpha=s.weight_decay)),
    "decay after momentum": dict(
        decay=without_decay, direction=lambda v, g, p, s: v.add(p, alpha=s.weight_decay)
    ),
    "buffer aliases the gradient": dict(first=lambda g, s: g),
    "first step dampened": dict(first=lambda g, s: g * (1 - s.dampening)),
    "buffer starts at zero": dict(first=lambda g, s: torch.zeros_like(g)),
    "dampening ignored": dict(later=lambda v, g, s: v.mul_(s.momentum).add_(g)),
    "textbook average": dict(
        later=lambda v, g, s: v.mul_(s.momentum).add_(g, alpha=1 - s.momentum)
    ),
    "momentum forgotten": dict(later=lambda v, g, s: g.clone()),
    "buffer not kept up to date": dict(later=lambda v, g, s: v),
    "learning rate in the buffer": dict(
        first=lambda g, s: s.learning_rate * g,
        later=lambda v, g, s: v.mul_(s.momentum).add_(g, alpha=s.learning_rate * (1 - s.dampening)),
        move=lambda p, g, s: p.add_(g, alpha=-1 if s.momentum else -s.learning_rate),
    ),
    "momentum steps twice": dict(direction=twice),
    "maximize ignored": dict(switches=lambda given: given | dict(maximize=False)),
    "nesterov ignored": dict(switches=lambda given: given | dict(nesterov=False)),
    "NaN": dict(move=lambda p, g, s: p.mul_(float("nan"))),
}
PLANTED_UPDATES = {name: update(**hooks) for name, hooks in HOOKS.items()}
