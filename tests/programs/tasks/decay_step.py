"""Task 6: the step with decay."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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
