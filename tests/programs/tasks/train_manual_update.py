"""Task 7: the training with the whole update."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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

wrong(
    "train_manual_update, torch.optim.SGD inside",
    """
def train_manual_update(
    epoch_count, model, loss_function, learning_rate, momentum, weight_decay, train_loader
):
    optimizer = torch.optim.SGD(
        model.parameters(), lr=learning_rate, momentum=momentum, weight_decay=weight_decay
    )
    return train(epoch_count, optimizer, model, loss_function, train_loader)
""",
    *("torch.optim", "optimizer", "by hand"),
    listed=True,
)
wrong(
    "train_manual_update, new buffers at each update",
    changed(changed(TRAINING, f"    {BUFFERS}\n\n", ""), CALL, f"{BUFFERS}\n        {CALL}"),
    *("buffer", "momentum", "kept", "each"),
)
wrong(
    "train_manual_update, new buffers at each epoch",
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
    *("epoch", "buffer"),
)
wrong(
    "train_manual_update, momentum and decay exchanged",
    changed(TRAINING, "momentum, weight_decay, buffers", "weight_decay, momentum, buffers"),
    *("exchanged", "order", "decay", "momentum"),
)
wrong(
    "train_manual_update, plain steps",
    changed(TRAINING, CALL, "plain_step(list(model.parameters()), learning_rate)"),
    *("momentum", "decay"),
)
wrong(
    "train_manual_update, momentum without decay",
    changed(TRAINING, CALL, "manual_sgd_step(model, learning_rate, momentum, 0.0, buffers)"),
    "decay",
)
wrong(
    "train_manual_update, nothing returned",
    changed(TRAINING, RETURN, RETURN.removeprefix("return ")),
    *("return", "None", "losses"),
)
wrong(
    "train_manual_update, the update called and its result handed over",
    changed(TRAINING, "train_loader, update)", "train_loader, lambda: update)"),
    *("not move", "change", "unchanged", "update", "never"),
)
wrong(
    "train_manual_update, the penalty in the loss and the decay in the step",
    changed(
        TRAINING,
        RETURN,
        """
    def penalized(scores, y):
        squares = sum((p**2).sum() for p in model.parameters())
        return loss_function(scores, y) + weight_decay / 2 * squares

    return run_epochs(epoch_count, model, penalized, train_loader, update)
""".strip(),
    ),
    *("decay", "twice", "loss", "penalty"),
)
wrong(
    "train_manual_update, the learning rate falls",
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
    *("learning rate", "learning_rate", "epoch"),
)
wrong(
    "train_manual_update, one buffer that is shared by all trainings",
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
    *("buffer", "second", "training", "call"),
)
wrong(
    "train_manual_update, trains a model of its own",
    changed(TRAINING, BUFFERS, "model = new_model()\n    " + BUFFERS),
    *("model", "not move", "change", "unchanged", "never"),
)

right("train_manual_update, a function update", TRAINING)
right(
    "train_manual_update, functools.partial",
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
    "train_manual_update, its own loop",
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
