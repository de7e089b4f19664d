"""Task 6: the step with decay."""

from tests.programs.tasks import tables

DECAY = """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        g = p.grad.add(p, alpha=weight_decay)
        p.add_(g, alpha=-learning_rate)
"""
ADDED, FOLLOWED = "g = p.grad.add(p, alpha=weight_decay)", "p.add_(g, alpha=-learning_rate)"
WRONG, RIGHT, wrong, right = tables("decay_step", DECAY)

wrong(
    "torch.optim.SGD inside",
    """
def decay_step(parameters, learning_rate, weight_decay):
    optimizer = torch.optim.SGD(parameters, learning_rate, weight_decay=weight_decay)
    optimizer.step()
""",
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "no decay",
    """
def decay_step(parameters, learning_rate, weight_decay):
    plain_step(parameters, learning_rate)
""",
    "decay",
    listed=True,
)
wrong("the decay subtracted", {"alpha=weight_decay": "alpha=-weight_decay"}, "decay|sign")
wrong(
    "weights alone",
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
    "a decay of its own without the learning rate",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        p.mul_(1 - weight_decay)
        p.add_(p.grad, alpha=-learning_rate)
""",
    "decay|learning rate|learning_rate",
)
wrong(
    "the decay of the moved parameter",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    plain_step(parameters, learning_rate)
    for p in parameters:
        p.sub_(learning_rate * weight_decay * p)
""",
    "decay|after|moved|order",
)
wrong(
    "twice the decay, from the derivative of p squared",
    {"alpha=weight_decay": "alpha=2 * weight_decay"},
    "decay|twice|factor 2",
)
wrong("half the decay", {"alpha=weight_decay": "alpha=weight_decay / 2"}, "decay|half")
wrong(
    "the penalty in the place of its gradient",
    {ADDED: "g = p.grad + weight_decay / 2 * (p ** 2).sum()"},
    "decay|penalty|square",
)
wrong("squares", {ADDED: "g = p.grad + weight_decay * p ** 2"}, "decay|square")
wrong("L1", {ADDED: "g = p.grad + weight_decay * p.sign()"}, "L1|sign|decay")
wrong("absolute values", {ADDED: "g = p.grad + weight_decay * p.abs()"}, "abs|sign|decay")
wrong(
    "the gradient decays", {ADDED: "g = p.grad.add(p.grad, alpha=weight_decay)"}, "decay|gradient"
)
wrong(
    "the decay of 0.01 whatever is given",
    {"alpha=weight_decay": "alpha=0.01"},
    "weight_decay|decay",
)
wrong(
    "g is computed and not used",
    {FOLLOWED: "p.add_(p.grad, alpha=-learning_rate)"},
    "decay|not used|ignored",
)
wrong(
    "learning rate and decay exchanged",
    """
@torch.no_grad()
def decay_step(parameters, weight_decay, learning_rate):
    for p in parameters:
        g = p.grad.add(p, alpha=weight_decay)
        p.add_(g, alpha=-learning_rate)
""",
    "exchanged|order|learning_rate|argument|decay",
)

right("add with alpha", DECAY)
right(
    "by plain_step",
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
    "the autograd of the penalty",
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
    "the parameter shrinks and then moves",
    """
@torch.no_grad()
def decay_step(parameters, learning_rate, weight_decay):
    for p in parameters:
        p.mul_(1 - learning_rate * weight_decay).sub_(p.grad, alpha=learning_rate)
""",
    exact=False,
)
