"""Task 3: the training."""

from tests.programs.tasks import tables

TRAIN = """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
"""
WRONG, RIGHT, wrong, right = tables("train", TRAIN)

wrong(
    "an optimizer of its own",
    """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
""",
    "optimizer",
)
wrong("no step", {"optimizer.step": "optimizer.zero_grad"}, "step|optimizer|change")
wrong("the step not called", {"optimizer.step": "lambda: optimizer.step"}, "step|optimizer|change")
wrong(
    "the optimizer passed",
    {"optimizer.step": "optimizer"},
    "the optimizer is passed, not its method step",
    listed=True,
)
wrong(
    "the step called once",
    {"optimizer.step": "optimizer.step()"},
    "step is called, and its result is passed",
    listed=True,
)
wrong(
    "two steps a batch",
    {"optimizer.step": "lambda: (optimizer.step(), optimizer.step())"},
    "step|twice|optimizer",
)
wrong("nothing returned", {"return ": ""}, "return|None")
wrong("the last epoch's loss", {"optimizer.step)": "optimizer.step)[-1]"}, "list|losses|epoch")
wrong(
    "always cross-entropy",
    {"loss_function, train_loader, o": "LOSS_FUNCTION, train_loader, o"},
    "loss_function|loss function|loss",
)
wrong("one epoch", {"run_epochs(epoch_count": "run_epochs(1"}, "epoch_count|epoch")
wrong(
    "a learning rate that falls",
    """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    return run_epochs(
        epoch_count, model, loss_function, train_loader, optimizer.step, lambda _: scheduler.step()
    )
""",
    "learning rate|scheduler|optimizer|step",
)
wrong(
    "a copy of the model",
    """
import copy


def train(epoch_count, optimizer, model, loss_function, train_loader):
    model = copy.deepcopy(model)
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
""",
    "model|change|copy",
)

right("one line", TRAIN)
right(
    "its own loop",
    """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    losses = []
    for epoch in range(1, epoch_count + 1):
        model.train()
        running = []
        for imgs, labels in train_loader:
            imgs, labels = imgs.to(DEVICE).double(), labels.to(DEVICE)
            loss = loss_function(model(imgs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running.append(loss.item())
        losses.append(sum(running) / len(running))
    return losses
""",
)
