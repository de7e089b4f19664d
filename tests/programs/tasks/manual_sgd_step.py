"""Task 7: the whole update of the assignment."""

from tests.programs.tasks import tables

STEP = """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    for i, p in enumerate(model.parameters()):
        g = p.grad
        if weight_decay > 0:
            g = g.add(p, alpha=weight_decay)
        if momentum > 0:
            if momentum_buffer[i] is None:
                momentum_buffer[i] = torch.clone(g)
            else:
                momentum_buffer[i].mul_(momentum).add_(g)
            g = momentum_buffer[i]
        p.add_(g, alpha=-learning_rate)
"""
DECAYED = "        if weight_decay > 0:\n            g = g.add(p, alpha=weight_decay)\n"
FIRST, LATER = "torch.clone(g)", "momentum_buffer[i].mul_(momentum).add_(g)"
WRONG, RIGHT, wrong, right = tables("manual_sgd_step", STEP)

wrong(
    "torch.optim.SGD inside",
    """
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    optimizer = torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay
    )
    for p, v in zip(model.parameters(), momentum_buffer):
        if v is not None:
            optimizer.state[p]["momentum_buffer"] = v
    optimizer.step()
    for i, p in enumerate(model.parameters()):
        momentum_buffer[i] = optimizer.state[p].get("momentum_buffer")
""",
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "a new torch.optim.SGD each time",
    """
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay
    ).step()
""",
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "momentum and decay ignored",
    """
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    plain_step(list(model.parameters()), learning_rate)
""",
    "momentum|decay",
    listed=True,
)
wrong("the buffer is .grad", {FIRST: "g"}, ".grad|clone", listed=True)
wrong(
    "momentum ignored",
    """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    decay_step(list(model.parameters()), learning_rate, weight_decay)
""",
    "momentum",
    listed=True,
)
wrong("decay ignored", {DECAYED: ""}, "decay", listed=True)
wrong(
    "decay only where there is momentum",
    """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    for i, p in enumerate(model.parameters()):
        if momentum:
            g = p.grad + weight_decay * p
            old = momentum_buffer[i] if momentum_buffer[i] is not None else 0
            momentum_buffer[i] = momentum * old + g
            p -= learning_rate * momentum_buffer[i]
        else:
            p -= learning_rate * p.grad
""",
    "decay",
)
wrong(
    "momentum only where there is decay",
    {"if momentum > 0:": "if momentum > 0 and weight_decay > 0:"},
    "momentum",
)
wrong(
    "no move without momentum",
    """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    for i, p in enumerate(model.parameters()):
        g = p.grad.add(p, alpha=weight_decay)
        if momentum != 0:
            if momentum_buffer[i] is None:
                momentum_buffer[i] = torch.zeros_like(p)
            momentum_buffer[i].mul_(momentum).add_(g)
            p.add_(momentum_buffer[i], alpha=-learning_rate)
""",
    "not move|momentum|unchanged|never",
)
wrong(
    "a plain step before the momentum's",
    {"if momentum > 0:": "p.add_(g, alpha=-learning_rate)\n        if momentum > 0:"},
    "twice|two",
)
wrong("the first step skipped", {FIRST: FIRST + "\n                continue"}, "first|skip")
wrong(
    "the buffer filled at the first step and left",
    {LATER: "momentum_buffer[i] * momentum + g"},
    "buffer|first|kept|updated",
)
wrong(
    "the list replaced by a local one",
    """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    new_buffer = []
    for p, v in zip(model.parameters(), momentum_buffer):
        g = p.grad.add(p, alpha=weight_decay)
        v = g.clone() if v is None else v.mul(momentum).add(g)
        new_buffer.append(v)
        p.add_(v, alpha=-learning_rate)
    momentum_buffer = new_buffer
""",
    "buffer|momentum|kept",
)
wrong(
    "the buffer starts at the gradient, which is then added again",
    {"            else:\n                " + LATER: "            " + LATER},
    "first|buffer|start|twice",
)
wrong(
    "the first buffer starts damped",
    {FIRST: "g * (1 - momentum)"},
    "first|buffer|start|dampening|1 - momentum",
)
wrong(
    "momentum and decay exchanged",
    {"momentum, weight_decay, momentum_buffer": "weight_decay, momentum, momentum_buffer"},
    "order|exchanged|decay|argument",
)
wrong(
    "weights alone",
    """
@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    for i, (name, p) in enumerate(model.named_parameters()):
        if "weight" not in name:
            continue
        g = p.grad + weight_decay * p
        momentum_buffer[i] = g if momentum_buffer[i] is None else momentum * momentum_buffer[i] + g
        p -= learning_rate * momentum_buffer[i]
""",
    "bias",
)
wrong(
    "decay again at the end",
    STEP + "        p.mul_(1 - learning_rate * weight_decay)\n",
    "decay|twice",
)

right("without the further switches", STEP)
right(
    "buffers that start at 0",
    """
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    parameters = [p for p in model.parameters()]
    with torch.no_grad():
        for i in range(len(parameters)):
            p = parameters[i]
            if momentum_buffer[i] is None:
                momentum_buffer[i] = torch.zeros_like(p)
            g = p.grad if weight_decay == 0 else p.grad.add(p, alpha=weight_decay)
            momentum_buffer[i] = momentum_buffer[i].mul(momentum).add(g)
            p.data = p.data.sub(momentum_buffer[i], alpha=learning_rate)
""",
)
right(
    "a callable object",
    """
class Step:
    @torch.no_grad()
    def __call__(self, model, learning_rate, momentum, weight_decay, momentum_buffer):
        for i, p in enumerate(model.parameters()):
            g = p.grad.add(p, alpha=weight_decay)
            if momentum and momentum_buffer[i] is not None:
                g = g.add_(momentum_buffer[i].mul(momentum))
            momentum_buffer[i] = g
            p.add_(g, alpha=-learning_rate)


manual_sgd_step = Step()
""",
)
right(
    "with momentum_step",
    """
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    parameters = list(model.parameters())
    for i, v in enumerate(momentum_buffer):
        momentum_buffer[i] = torch.zeros_like(parameters[i]) if v is None else v
    momentum_step(parameters, learning_rate, momentum, weight_decay, momentum_buffer)
""",
)
right(
    "the gradients of all parameters in one vector",
    """
from torch.nn.utils import parameters_to_vector, vector_to_parameters


@torch.no_grad()
def manual_sgd_step(model, learning_rate, momentum, weight_decay, momentum_buffer):
    flat = parameters_to_vector(model.parameters())
    g = torch.cat([p.grad.flatten() for p in model.parameters()]) + weight_decay * flat
    sizes = [p.numel() for p in model.parameters()]
    for i, (part, p) in enumerate(zip(g.split(sizes), model.parameters())):
        old = 0 if momentum_buffer[i] is None else momentum_buffer[i]
        momentum_buffer[i] = momentum * old + part.view_as(p)
    v = torch.cat([buffer.flatten() for buffer in momentum_buffer])
    vector_to_parameters(flat - learning_rate * v, model.parameters())
""",
    exact=False,
)
