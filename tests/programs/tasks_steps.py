"""Task 4, the plain step; task 6, the step with decay; task 7, the step with momentum."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

# -------------------------------------------------------------------------------------- plain_step

PLAIN = """
@torch.no_grad()
def plain_step(parameters, learning_rate):
    for p in parameters:
        p.add_(p.grad, alpha=-learning_rate)
"""
MOVED = "p.add_(p.grad, alpha=-learning_rate)"

wrong(
    "plain_step, torch.optim.SGD inside",
    """
def plain_step(parameters, learning_rate):
    torch.optim.SGD(parameters, lr=learning_rate).step()
""",
    *("torch.optim", "optimizer", "by hand"),
    listed=True,
)
wrong(
    "plain_step, torch's function of the optimizer",
    """
from torch.optim.sgd import sgd


def plain_step(parameters, learning_rate):
    with torch.no_grad():
        sgd(
            list(parameters), [p.grad for p in parameters], [None] * len(parameters),
            weight_decay=0, momentum=0, lr=learning_rate, dampening=0, nesterov=False,
            maximize=False, foreach=False,
        )
""",
    *("torch.optim", "optimizer", "by hand"),
    listed=True,
)
wrong(
    "plain_step, uphill",
    changed(PLAIN, MOVED, "p.add_(p.grad, alpha=learning_rate)"),
    *("sign", "uphill", "ascent", "minus", "adds"),
)
wrong(
    "plain_step, the local name alone is moved",
    changed(PLAIN, MOVED, "p = p - learning_rate * p.grad"),
    *("in place", "not move", "never", "unchanged", "stay", "local"),
)
wrong(
    "plain_step, the learning rate forgotten",
    changed(PLAIN, MOVED, "p.sub_(p.grad)"),
    *("learning_rate", "learning rate"),
)
wrong(
    "plain_step, a learning rate of 0.1 whatever is given",
    changed(PLAIN, MOVED, "p.sub_(0.1 * p.grad)"),
    *("learning_rate", "learning rate"),
)
wrong(
    "plain_step, returns within the loop",
    changed(PLAIN, MOVED, MOVED + "\n        return parameters"),
    *("first", "return", "all", "other", "only"),
)
wrong(
    "plain_step, the last parameter alone",
    changed(PLAIN, "        " + MOVED, "        pass\n    " + MOVED),
    *("last", "all", "other", "only"),
)
wrong(
    "plain_step, biases left out",
    changed(PLAIN, MOVED, "if p.dim() > 1:\n            " + MOVED),
    "bias",
)
wrong(
    "plain_step, the gradient's sign",
    changed(PLAIN, MOVED, "p.add_(p.grad.sign(), alpha=-learning_rate)"),
    *("sign", "gradient"),
)
wrong(
    "plain_step, the gradient of length 1",
    changed(PLAIN, MOVED, "p.add_(p.grad / p.grad.norm(), alpha=-learning_rate)"),
    *("norm", "length", "gradient", "size"),
)
wrong(
    "plain_step, divided by the batch size once more",
    changed(PLAIN, MOVED, "p.add_(p.grad, alpha=-learning_rate / BATCH_SIZE)"),
    *("batch", "divided", "factor", "smaller", "learning rate"),
)
wrong(
    "plain_step, the parameter in the place of the gradient",
    changed(PLAIN, MOVED, "p.sub_(p, alpha=learning_rate)"),
    *("gradient", ".grad", "parameter"),
)
wrong(
    "plain_step, twice",
    changed(PLAIN, MOVED, MOVED + "\n        " + MOVED),
    *("twice", "two", "factor"),
)
wrong(
    "plain_step, gradients clipped",
    changed(PLAIN, MOVED, "p.add_(p.grad.clamp(-0.01, 0.01), alpha=-learning_rate)"),
    *("clip", "gradient", "limit", "clamp"),
)

right("plain_step, add_ with alpha", PLAIN)
right(
    "plain_step, sub_ and .data",
    """
def plain_step(parameters, learning_rate):
    for p in parameters:
        p.data.sub_(p.grad.data, alpha=learning_rate)
""",
)
right(
    "plain_step, a callable object",
    """
class PlainStep:
    def __call__(self, parameters, learning_rate):
        with torch.no_grad():
            [torch.add(p, p.grad, alpha=-learning_rate, out=p) for p in parameters]


plain_step = PlainStep()
""",
)
right(
    "plain_step, multiplied and subtracted, which may round twice",
    changed(PLAIN, MOVED, "p -= learning_rate * p.grad"),
    exact=False,
)
right(
    "plain_step, numpy",
    """
def plain_step(parameters, learning_rate):
    for p in parameters:
        moved = p.detach().cpu().numpy() - learning_rate * p.grad.cpu().numpy()
        with torch.no_grad():
            p.copy_(torch.from_numpy(moved))
""",
    exact=False,
)

# -------------------------------------------------------------------------------------- decay_step

DECAY = """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        g = p.grad.add(p, alpha=weight_decay)
        p.add_(g, alpha=-learning_rate)
"""
ADDED, FOLLOWED = "g = p.grad.add(p, alpha=weight_decay)", "p.add_(g, alpha=-learning_rate)"

wrong(
    "decay_step, torch.optim.SGD inside",
    """
def decay_step(parameters, learning_rate, weight_decay):
    optimizer = torch.optim.SGD(parameters, learning_rate, weight_decay=weight_decay)
    optimizer.step()
""",
    *("torch.optim", "optimizer", "by hand"),
    listed=True,
)
wrong(
    "decay_step, no decay",
    """
def decay_step(parameters, learning_rate, weight_decay):
    plain_step(parameters, learning_rate)
""",
    "decay",
    listed=True,
)
wrong(
    "decay_step, the decay subtracted",
    changed(DECAY, "alpha=weight_decay", "alpha=-weight_decay"),
    *("decay", "sign"),
)
wrong(
    "decay_step, weights alone",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        g = p.grad + weight_decay * p if p.dim() > 1 else p.grad
        p.add_(g, alpha=-learning_rate)
""",
    "bias",
)
wrong(
    "decay_step, a decay of its own without the learning rate",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        p.mul_(1 - weight_decay)
        p.add_(p.grad, alpha=-learning_rate)
""",
    *("decay", "learning rate", "learning_rate"),
)
wrong(
    "decay_step, the decay of the moved parameter",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    plain_step(parameters, learning_rate)
    for p in parameters:
        p.sub_(learning_rate * weight_decay * p)
""",
    *("decay", "after", "moved", "order"),
)
wrong(
    "decay_step, twice the decay, from the derivative of p squared",
    changed(DECAY, "alpha=weight_decay", "alpha=2 * weight_decay"),
    *("decay", "twice", "factor 2"),
)
wrong(
    "decay_step, half the decay",
    changed(DECAY, "alpha=weight_decay", "alpha=weight_decay / 2"),
    "decay",
    "half",
)
wrong(
    "decay_step, the penalty in the place of its gradient",
    changed(DECAY, ADDED, "g = p.grad + weight_decay / 2 * (p ** 2).sum()"),
    *("decay", "penalty", "square"),
)
wrong(
    "decay_step, squares",
    changed(DECAY, ADDED, "g = p.grad + weight_decay * p ** 2"),
    *("decay", "square"),
)
wrong(
    "decay_step, L1",
    changed(DECAY, ADDED, "g = p.grad + weight_decay * p.sign()"),
    *("L1", "sign", "decay"),
)
wrong(
    "decay_step, absolute values",
    changed(DECAY, ADDED, "g = p.grad + weight_decay * p.abs()"),
    *("abs", "sign", "decay"),
)
wrong(
    "decay_step, the gradient decays",
    changed(DECAY, ADDED, "g = p.grad.add(p.grad, alpha=weight_decay)"),
    *("decay", "gradient"),
)
wrong(
    "decay_step, the decay of 0.01 whatever is given",
    changed(DECAY, "alpha=weight_decay", "alpha=0.01"),
    *("weight_decay", "decay"),
)
wrong(
    "decay_step, g is computed and not used",
    changed(DECAY, FOLLOWED, "p.add_(p.grad, alpha=-learning_rate)"),
    *("decay", "not used", "ignored"),
)
wrong(
    "decay_step, learning rate and decay exchanged",
    """
@torch.no_grad()
def decay_step(parameters, weight_decay, learning_rate):
    for p in parameters:
        g = p.grad.add(p, alpha=weight_decay)
        p.add_(g, alpha=-learning_rate)
""",
    *("exchanged", "order", "learning_rate", "argument", "decay"),
)

right("decay_step, add with alpha", DECAY)
right(
    "decay_step, by plain_step",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        before = p.grad
        p.grad = torch.add(p.grad, p.detach(), alpha=weight_decay)
        plain_step([p], learning_rate)
        p.grad = before
""",
)
right(
    "decay_step, the autograd of the penalty",
    """
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        penalty = weight_decay / 2 * (p ** 2).sum()
        (slope,) = torch.autograd.grad(penalty, p)
        with torch.no_grad():
            p -= learning_rate * (p.grad + slope)
""",
    exact=False,
)
right(
    "decay_step, the parameter shrinks and then moves",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        p.mul_(1 - learning_rate * weight_decay).sub_(p.grad, alpha=learning_rate)
""",
    exact=False,
)

# ----------------------------------------------------------------------------------- momentum_step

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
    changed(MOMENTUM, KEPT, FOLLOWED + "\n        " + KEPT),
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
