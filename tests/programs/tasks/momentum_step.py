"""Task 7: the step with momentum."""

from tests.programs.tasks import tables

MOMENTUM = """
@torch.no_grad()
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        g = p.grad.add(p, alpha=weight_decay)
        v.mul_(momentum).add_(g)
        p.add_(v, alpha=-learning_rate)
"""
KEPT, WALKED = "v.mul_(momentum).add_(g)", "p.add_(v, alpha=-learning_rate)"
WRONG, RIGHT, wrong, right = tables("momentum_step", MOMENTUM)

wrong(
    "torch.optim.SGD inside",
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
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "the buffer is .grad",
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
    ".grad|clone|in place",
    listed=True,
)
wrong(
    "momentum ignored",
    """
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    decay_step(parameters, learning_rate, weight_decay)
""",
    "momentum|buffer",
    listed=True,
)
wrong(
    "decay ignored", {"g = p.grad.add(p, alpha=weight_decay)": "g = p.grad"}, "decay", listed=True
)
wrong("the buffers are not kept", {KEPT: "v = momentum * v + g"}, "buffer|kept|in place|momentum")
wrong(
    "buffers of its own at each call",
    {"    for p, v": "    buffers = [torch.zeros_like(p) for p in parameters]\n    for p, v"},
    "buffer|kept|momentum",
)
wrong(
    "a moving average",
    {KEPT: "v.mul_(momentum).add_(g, alpha=1 - momentum)"},
    "1 - momentum|average|dampening|buffer",
)
wrong("Nesterov", {WALKED: "p.add_(g.add(v, alpha=momentum), alpha=-learning_rate)"}, "nesterov")
wrong(
    "the buffer of the step before",
    {f"{KEPT}\n        {WALKED}": f"{WALKED}\n        {KEPT}"},
    "before|order|late|previous|buffer",
)
wrong(
    "the decay outside of the buffer",
    """
@torch.no_grad()
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        v.mul_(momentum).add_(p.grad)
        p.add_(v + weight_decay * p, alpha=-learning_rate)
""",
    "decay|buffer",
)
wrong("two steps", {KEPT: "p.add_(g, alpha=-learning_rate)\n        " + KEPT}, "twice|two|second")
wrong("the sum of all gradients", {KEPT: "v.add_(g)"}, "momentum|buffer|forget")
wrong(
    "the new gradient is scaled, too",
    {KEPT: "v.add_(g).mul_(momentum)"},
    "momentum|gradient|buffer|order",
)
wrong("the buffer replaced by the gradient", {KEPT: "v.copy_(g)"}, "momentum|buffer")
wrong(
    "a minus in the buffer and a minus in the step",
    {KEPT: "v.mul_(momentum).sub_(g)"},
    "sign|uphill|minus",
)
wrong("momentum of 0.9 whatever is given", {"v.mul_(momentum)": "v.mul_(0.9)"}, "momentum")
wrong("momentum of the parameter", {KEPT: "v.copy_(momentum * p + g)"}, "momentum|buffer|parameter")
wrong("decay added twice", {KEPT: KEPT + "\n        v.add_(p, alpha=weight_decay)"}, "decay|twice")

right("mul_ and add_", MOMENTUM)
right(
    "new buffers written back into the list",
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
    "copy_ and plain operators",
    """
def momentum_step(parameters, learning_rate, momentum, weight_decay, buffers):
    for p, v in zip(parameters, buffers):
        v.copy_(momentum * v + p.grad + weight_decay * p.data)
        p.data = p.data - learning_rate * v
""",
    exact=False,
)
