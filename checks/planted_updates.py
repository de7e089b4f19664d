"""Mistakes planted in a right update: each must be noticed by compare_with_torch."""

import torch

LINES = {  # the parts of the update that a planted mistake replaces, as they are when right
    "before": "pass",
    "parameters": "list(model.parameters())",
    "decay": "g = g.add(p, alpha=weight_decay)",
    "first": "b[i] = g.clone()",
    "later": "b[i].mul_(momentum).add_(g, alpha=1 - dampening)",
    "direction": "b[i]",
    "move": "p.add_(g, alpha=-learning_rate)",
}


def planted_step(**mistake):
    """Return manual_sgd_step written another way, with one line of it replaced by a mistake."""
    line = LINES | mistake
    source = f"""
@torch.no_grad()
def step(model, learning_rate, momentum, weight_decay, momentum_buffer,
         dampening=0.0, nesterov=False, maximize=False):
    b = momentum_buffer
    for i, p in enumerate({line["parameters"]}):
        {line["before"]}
        if p.grad is None:
            continue
        g = -p.grad if maximize else p.grad
        if weight_decay != 0:
            {line["decay"]}
        if momentum != 0:
            if b[i] is None:
                {line["first"]}
            else:
                {line["later"]}
            g = g.add(b[i], alpha=momentum) if nesterov else {line["direction"]}
        {line["move"]}
"""
    namespace = {"torch": torch}
    exec(source, namespace)
    return namespace["step"]


PLANTED_STEPS = {
    "never moves": dict(move="pass"),
    "moves uphill": dict(move="p.add_(g, alpha=learning_rate)"),
    "only the first parameter": dict(parameters="list(model.parameters())[:1]"),
    "only the last parameter": dict(before="if i + 1 < len(b): continue"),
    "decay on a single-rounding path": dict(decay="g = g + weight_decay * p"),
    "update rounded twice": dict(move="p.sub_(learning_rate * g)"),
    "decay not applied": dict(decay="pass"),
    "decay applied twice": dict(decay="g = g.add(p, alpha=2 * weight_decay)"),
    "decay of the wrong sign": dict(decay="g = g.sub(p, alpha=weight_decay)"),
    "decoupled decay": dict(decay="p.mul_(1 - learning_rate * weight_decay)"),
    "biases not decayed": dict(decay="g = g.add(p, alpha=weight_decay) if p.dim() > 1 else g"),
    "decay written into .grad": dict(decay="g = g.add_(p, alpha=weight_decay)"),
    "decay after momentum": dict(decay="pass", direction="b[i].add(p, alpha=weight_decay)"),
    "buffer aliases the gradient": dict(first="b[i] = g"),
    "first step dampened": dict(first="b[i] = g * (1 - dampening)"),
    "buffer starts at zero": dict(first="b[i] = torch.zeros_like(g)"),
    "dampening ignored": dict(later="b[i].mul_(momentum).add_(g)"),
    "textbook average": dict(later="b[i].mul_(momentum).add_(g, alpha=1 - momentum)"),
    "momentum forgotten": dict(later="b[i] = g.clone()"),
    "buffer replaced, not kept": dict(later="g = b[i].mul(momentum).add(g, alpha=1 - dampening)"),
    "learning rate in the buffer": dict(
        first="b[i] = learning_rate * g",
        later="b[i].mul_(momentum).add_(g, alpha=learning_rate * (1 - dampening))",
        move="p.add_(g, alpha=-1 if momentum else -learning_rate)",
    ),
    "momentum steps twice": dict(direction="(p.add_(b[i], alpha=-learning_rate), b[i])[1]"),
    "maximize ignored": dict(before="maximize = False"),
    "nesterov ignored": dict(before="nesterov = False"),
    "NaN": dict(move="p.mul_(float('nan'))"),
}
