"""Task 7: the step with momentum."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

MOMENTUM = """
@torch.no_grad()
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        g = p.grad.add(p, alpha=weight_decay)
        v.mul_(momentum).add_(g)
        p.add_(v, alpha=-learning_rate)
"""
KEPT, WALKED = "v.mul_(momentum).add_(g)", "p.add_(v, alpha=-learning_rate)"

wrong(
    "momentum_step, torch.optim.SGD inside",
    """
optimizers = {}


def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    key = id(buffers)
    if key not in optimizers:
        optimizers[key] = torch.optim.SGD(
            parameters, lr=learning_rate, momentum=momentum, weight_decay=weight_decay
        )
    optimizers[key].step()
""",
    *("torch.optim", "optimizer", "by hand"),
    listed=True,
)
wrong(
    "momentum_step, the buffer is .grad",
    """
@torch.no_grad()
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for i, p in enumerate(parameters):
        g = p.grad
        g.add_(p, alpha=weight_decay)
        g.add_(buffers[i], alpha=momentum)
        buffers[i] = g
        p.add_(g, alpha=-learning_rate)
""",
    *(".grad", "clone", "in place"),
    listed=True,
)
wrong(
    "momentum_step, momentum ignored",
    """
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    decay_step(parameters, learning_rate, weight_decay)
""",
    *("momentum", "buffer"),
    listed=True,
)
wrong(
    "momentum_step, decay ignored",
    changed(MOMENTUM, "g = p.grad.add(p, alpha=weight_decay)", "g = p.grad"),
    "decay",
    listed=True,
)
wrong(
    "momentum_step, the buffers are not kept",
    changed(MOMENTUM, KEPT, "v = momentum * v + g"),
    *("buffer", "kept", "in place", "momentum"),
)
wrong(
    "momentum_step, buffers of its own at each call",
    changed(
        MOMENTUM,
        "    for p, v",
        "    buffers = [torch.zeros_like(p) for p in parameters]\n    for p, v",
    ),
    *("buffer", "kept", "momentum"),
)
wrong(
    "momentum_step, a moving average",
    changed(MOMENTUM, KEPT, "v.mul_(momentum).add_(g, alpha=1 - momentum)"),
    *("1 - momentum", "average", "dampening", "buffer"),
)
wrong(
    "momentum_step, Nesterov",
    changed(MOMENTUM, WALKED, "p.add_(g.add(v, alpha=momentum), alpha=-learning_rate)"),
    "nesterov",
)
wrong(
    "momentum_step, the buffer of the step before",
    changed(MOMENTUM, f"{KEPT}\n        {WALKED}", f"{WALKED}\n        {KEPT}"),
    *("before", "order", "late", "previous", "buffer"),
)
wrong(
    "momentum_step, the decay outside of the buffer",
    """
@torch.no_grad()
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        v.mul_(momentum).add_(p.grad)
        p.add_(v + weight_decay * p, alpha=-learning_rate)
""",
    *("decay", "buffer"),
)
wrong(
    "momentum_step, two steps",
    changed(MOMENTUM, KEPT, "p.add_(g, alpha=-learning_rate)\n        " + KEPT),
    *("twice", "two", "second"),
)
wrong(
    "momentum_step, the sum of all gradients",
    changed(MOMENTUM, KEPT, "v.add_(g)"),
    *("momentum", "buffer", "forget"),
)
wrong(
    "momentum_step, the new gradient is scaled, too",
    changed(MOMENTUM, KEPT, "v.add_(g).mul_(momentum)"),
    *("momentum", "gradient", "buffer", "order"),
)
wrong(
    "momentum_step, the buffer replaced by the gradient",
    changed(MOMENTUM, KEPT, "v.copy_(g)"),
    *("momentum", "buffer"),
)
wrong(
    "momentum_step, a minus in the buffer and a minus in the step",
    changed(MOMENTUM, KEPT, "v.mul_(momentum).sub_(g)"),
    *("sign", "uphill", "minus"),
)
wrong(
    "momentum_step, momentum of 0.9 whatever is given",
    changed(MOMENTUM, "v.mul_(momentum)", "v.mul_(0.9)"),
    "momentum",
)
wrong(
    "momentum_step, momentum of the parameter",
    changed(MOMENTUM, KEPT, "v.copy_(momentum * p + g)"),
    *("momentum", "buffer", "parameter"),
)
wrong(
    "momentum_step, decay added twice",
    changed(MOMENTUM, KEPT, KEPT + "\n        v.add_(p, alpha=weight_decay)"),
    *("decay", "twice"),
)

right("momentum_step, mul_ and add_", MOMENTUM)
right(
    "momentum_step, new buffers written back into the list",
    """
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    with torch.no_grad():
        for i in range(len(parameters)):
            g = torch.add(parameters[i].grad, parameters[i], alpha=weight_decay)
            buffers[i] = (buffers[i] * momentum).add(g)
            parameters[i].copy_(torch.sub(parameters[i], buffers[i], alpha=learning_rate))
""",
)
right(
    "momentum_step, copy_ and plain operators",
    """
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        v.copy_(momentum * v + p.grad + weight_decay * p.data)
        p.data = p.data - learning_rate * v
""",
    exact=False,
)
