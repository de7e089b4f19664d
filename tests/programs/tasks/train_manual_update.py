"""Task 7: the training with the whole update."""

from tests.programs.tasks import tables

TRAINING = """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    buffers = [None] * len(list(model.parameters()))

    def update():
        manual_sgd_step(model, learning_rate, momentum, weight_decay, buffers)

    return run_epochs(epoch_count, model, loss_function, train_loader, update)
"""
CALL = "manual_sgd_step(model, learning_rate, momentum, weight_decay, buffers)"
RETURN = "return run_epochs(epoch_count, model, loss_function, train_loader, update)"
BUFFERS = "buffers = [None] * len(list(model.parameters()))"
WRONG, RIGHT, wrong, right = tables("train_manual_update", TRAINING)

wrong(
    "torch.optim.SGD inside",
    """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    optimizer = torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay
    )
    return train(epoch_count, optimizer, model, loss_function, train_loader)
""",
    "torch.optim|optimizer|by hand",
    listed=True,
)
wrong(
    "new buffers at each update",
    {f"    {BUFFERS}\n\n": "", CALL: f"{BUFFERS}\n        {CALL}"},
    "buffer|momentum|kept|each",
)
wrong(
    "new buffers at each epoch",
    """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    losses = []
    for _ in range(epoch_count):
        buffers = [None for _ in model.parameters()]
        losses += run_epochs(
            1, model, loss_function, train_loader,
            lambda: manual_sgd_step(model, learning_rate, momentum, weight_decay, buffers),
        )
    return losses
""",
    "epoch|buffer",
)
wrong(
    "momentum and decay exchanged",
    {"momentum, weight_decay, buffers": "weight_decay, momentum, buffers"},
    "exchanged|order|decay|momentum",
)
wrong(
    "plain steps", {CALL: "plain_step(list(model.parameters()), learning_rate)"}, "momentum|decay"
)
wrong(
    "momentum without decay",
    {CALL: "manual_sgd_step(model, learning_rate, momentum, 0.0, buffers)"},
    "decay",
)
wrong("nothing returned", {RETURN: RETURN.removeprefix("return ")}, "return|None|losses")
wrong(
    "the update called and its result handed over",
    {"train_loader, update)": "train_loader, lambda: update)"},
    "not move|change|unchanged|update|never",
)
wrong(
    "the penalty in the loss and the decay in the step",
    {
        RETURN: """
    def penalized(scores, y):
        squares = sum((p**2).sum() for p in model.parameters())
        return loss_function(scores, y) + weight_decay / 2 * squares

    return run_epochs(epoch_count, model, penalized, train_loader, update)
""".strip()
    },
    "decay|twice|loss|penalty",
)
wrong(
    "the learning rate falls",
    """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    buffers = [None for _ in model.parameters()]
    rate = [learning_rate]

    def slower(model):
        rate[0] *= 0.95

    return run_epochs(
        epoch_count, model, loss_function, train_loader,
        lambda: manual_sgd_step(model, rate[0], momentum, weight_decay, buffers), slower,
    )
""",
    "learning rate|learning_rate|epoch",
)
wrong(
    "one buffer that is shared by all trainings",
    """
BUFFERS = {}


def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    buffers = BUFFERS.setdefault("v", [None for _ in model.parameters()])
    return run_epochs(
        epoch_count, model, loss_function, train_loader,
        lambda: manual_sgd_step(model, learning_rate, momentum, weight_decay, buffers),
    )
""",
    "buffer|second|training|call",
)
wrong(
    "trains a model of its own",
    {BUFFERS: "model = new_model()\n    " + BUFFERS},
    "model|not move|change|unchanged|never",
)

right("a function update", TRAINING)
right(
    "functools.partial",
    """
import functools


def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    buffers = [None] * sum(1 for _ in model.parameters())
    rule = learning_rate, momentum, weight_decay
    step = functools.partial(manual_sgd_step, model, *rule, buffers)
    return run_epochs(epoch_count, model, loss_function, train_loader, step)
""",
)
right(
    "its own loop",
    """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    model.train()
    buffers = [None for p in model.parameters()]
    losses = []
    for epoch in range(epoch_count):
        batch_losses = []
        for X, y in batches_for(model, train_loader):
            for p in model.parameters():
                p.grad = None
            loss = loss_function(model(X), y)
            loss.backward()
            manual_sgd_step(model, learning_rate, momentum, weight_decay, buffers)
            batch_losses.append(loss.item())
        losses.append(sum(batch_losses) / len(batch_losses))
    return losses
""",
)
