"""Task 4: the plain step."""

from tests.programs.tasks import tables

PLAIN = """
@torch.no_grad()
def plain_step(parameters, learning_rate):
    for p in parameters:
        p.add_(p.grad, alpha=-learning_rate)
"""
MOVED = "p.add_(p.grad, alpha=-learning_rate)"
WRONG, RIGHT, wrong, right = tables("plain_step", PLAIN)

wrong(
    "torch.optim.SGD inside",
    """
def plain_step(parameters, learning_rate):
    torch.optim.SGD(parameters, lr=learning_rate).step()
""",
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "torch's function of the optimizer",
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
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong("uphill", {MOVED: "p.add_(p.grad, alpha=learning_rate)"}, "sign|uphill|ascent|minus|adds")
wrong(
    "the local name alone is moved",
    {MOVED: "p = p - learning_rate * p.grad"},
    "in place|not move|never|unchanged|stay|local",
)
wrong("the learning rate forgotten", {MOVED: "p.sub_(p.grad)"}, "learning_rate|learning rate")
wrong(
    "a learning rate of 0.1 whatever is given",
    {MOVED: "p.sub_(0.1 * p.grad)"},
    "learning_rate|learning rate",
)
wrong(
    "returns within the loop",
    {MOVED: MOVED + "\n        return parameters"},
    "first|return|all|other|only",
)
wrong(
    "the last parameter alone",
    {"        " + MOVED: "        pass\n    " + MOVED},
    "last|all|other|only",
)
wrong("biases left out", {MOVED: "if p.dim() > 1:\n            " + MOVED}, "bias")
wrong(
    "the gradient's sign", {MOVED: "p.add_(p.grad.sign(), alpha=-learning_rate)"}, "sign|gradient"
)
wrong(
    "the gradient of length 1",
    {MOVED: "p.add_(p.grad / p.grad.norm(), alpha=-learning_rate)"},
    "norm|length|gradient|size",
)
wrong(
    "divided by the batch size once more",
    {MOVED: "p.add_(p.grad, alpha=-learning_rate / BATCH_SIZE)"},
    "batch|divided|factor|smaller|learning rate",
)
wrong(
    "the parameter in the place of the gradient",
    {MOVED: "p.sub_(p, alpha=learning_rate)"},
    "gradient|.grad|parameter",
)
wrong("twice", {MOVED: MOVED + "\n        " + MOVED}, "twice|two|factor")
wrong(
    "gradients clipped",
    {MOVED: "p.add_(p.grad.clamp(-0.01, 0.01), alpha=-learning_rate)"},
    "differs",  # what it looks like has no name
)

right("add_ with alpha", PLAIN)
right(
    "sub_ and .data",
    """
def plain_step(parameters, learning_rate):
    for p in parameters:
        p.data.sub_(p.grad.data, alpha=learning_rate)
""",
)
right(
    "a callable object",
    """
class PlainStep:
    def __call__(self, parameters, learning_rate):
        with torch.no_grad():
            [torch.add(p, p.grad, alpha=-learning_rate, out=p) for p in parameters]


plain_step = PlainStep()
""",
)
right(
    "multiplied and subtracted, which may round twice",
    {MOVED: "p -= learning_rate * p.grad"},
    exact=False,
)
right(
    "numpy",
    """
def plain_step(parameters, learning_rate):
    for p in parameters:
        moved = p.detach().cpu().numpy() - learning_rate * p.grad.cpu().numpy()
        with torch.no_grad():
            p.copy_(torch.from_numpy(moved))
""",
    exact=False,
)
