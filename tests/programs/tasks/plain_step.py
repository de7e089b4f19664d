"""Task 4: the plain step."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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
