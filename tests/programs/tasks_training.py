"""Task 3: the loop, the training and the accuracy."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

# -------------------------------------------------------------------------------------- run_epochs

LOOP = """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    model.train()
    losses = []
    for epoch in range(epoch_count):
        total, batches = 0.0, 0
        for X, y in batches_for(model, train_loader):
            model.zero_grad()
            loss = loss_function(model(X), y)
            loss.backward()
            update()
            total += loss.item()
            batches += 1
        losses.append(total / batches)
        if after_epoch is not None:
            after_epoch(model)
    return losses
"""
MEAN, ADDED = "losses.append(total / batches)", "total += loss.item()"
CLEARED, UPDATED = "            model.zero_grad()\n", "            update()\n"
CALLED = "        if after_epoch is not None:\n            after_epoch(model)\n"

wrong(
    "run_epochs, the loss after the update",
    changed(LOOP, ADDED, "total += loss_function(model(X), y).item()"),
    *("after the update", "before", "after its"),
    listed=True,
)
wrong(
    "run_epochs, the last batch's loss",
    changed(LOOP, MEAN, "losses.append(loss.item())"),
    *("last batch", "mean"),
    listed=True,
)
wrong(
    "run_epochs, a sum of losses",
    changed(LOOP, MEAN, "losses.append(total)"),
    *("sum", "mean"),
    listed=True,
)
wrong(
    "run_epochs, a mean over images",
    changed(
        changed(LOOP, ADDED, "total += loss.item() * len(y)"),
        "batches += 1",
        "batches += len(y)",
    ),
    *("over images", "over batches", "of the images", "its batches", "weighted"),
    listed=True,
)
wrong(
    "run_epochs, after_epoch at each batch",
    changed(LOOP, CALLED, "").replace(
        "batches += 1\n",
        "batches += 1\n            if after_epoch:\n                after_epoch(model)\n",
    ),
    *("after_epoch", "each batch", "once"),
    listed=True,
)
wrong(
    "run_epochs, zero_grad forgotten",
    changed(LOOP, CLEARED, ""),
    *("zero_grad", "cleared", "old gradients", "previous"),
    listed=True,
)
wrong(
    "run_epochs, gradients cleared once an epoch",
    changed(
        changed(LOOP, CLEARED, ""),
        "total, batches = 0.0, 0\n",
        "total, batches = 0.0, 0\n    " + CLEARED.replace("            ", "    "),
    ),
    *("zero_grad", "cleared", "old gradients", "previous"),
)
wrong(
    "run_epochs, gradients cleared between backward and update",
    changed(changed(LOOP, CLEARED, ""), UPDATED, CLEARED + UPDATED),
    *("zero_grad", "cleared", "gradient", "before"),
)
wrong(
    "run_epochs, the update before the backward pass",
    changed(
        LOOP,
        "            loss.backward()\n            update()\n",
        "            update()\n            loss.backward()\n",
    ),
    *("before", "backward", "order", "gradient"),
)
wrong(
    "run_epochs, one update an epoch",
    changed(LOOP, UPDATED, "").replace(
        "        losses.append", "        update()\n        losses.append"
    ),
    *("update", "each batch", "epoch"),
)
wrong(
    "run_epochs, two updates a batch",
    changed(LOOP, UPDATED, UPDATED + UPDATED),
    *("twice", "update", "once"),
)
wrong(
    "run_epochs, returns after the first epoch",
    changed(LOOP, "    return losses", "        return losses"),
    *("epoch", "return", "1 loss", "losses"),
)
wrong(
    "run_epochs, only the first batch",
    changed(LOOP, "batches += 1\n", "batches += 1\n            break\n"),
    *("batch", "first"),
)
wrong(
    "run_epochs, the mean of all epochs so far",
    changed(
        changed(LOOP, "        total, batches = 0.0, 0\n", ""),
        "    losses = []\n",
        "    losses = []\n    total, batches = 0.0, 0\n",
    ),
    *("epoch", "mean", "so far", "earlier"),
)
wrong(
    "run_epochs, divided by the number of images",
    changed(LOOP, "batches += 1", "batches += len(y)"),
    *("mean", "batches", "images"),
)
wrong(
    "run_epochs, a loss for each batch",
    changed(changed(LOOP, MEAN, "pass"), ADDED, "losses.append(loss.item())"),
    *("epoch", "each batch", "losses", "mean"),
)
wrong(
    "run_epochs, its loss function is the global one",
    changed(LOOP, "loss_function(model(X), y)", "LOSS_FUNCTION(model(X), y)"),
    *("loss_function", "loss function", "LOSS_FUNCTION"),
)
wrong(
    "run_epochs, the global number of epochs",
    changed(LOOP, "range(epoch_count)", "range(EPOCHS)"),
    *("epoch_count", "epochs"),
)
wrong(
    "run_epochs, one epoch too few",
    changed(LOOP, "range(epoch_count)", "range(1, epoch_count)"),
    *("epoch_count", "epoch"),
)
wrong(
    "run_epochs, the callback only at the end",
    changed(
        LOOP,
        CALLED,
        CALLED.replace("            after", "        after").replace("        if", "    if"),
    ),
    *("after_epoch", "each epoch"),
)
wrong(
    "run_epochs, no callback",
    changed(LOOP, CALLED, ""),
    *("after_epoch", "never called"),
)
wrong(
    "run_epochs, the callback before the epoch",
    changed(LOOP, CALLED, "").replace("        total, b", CALLED + "        total, b"),
    *("after_epoch", "before", "after each epoch"),
)
wrong(
    "run_epochs, the callback gets the loss",
    changed(LOOP, "after_epoch(model)", "after_epoch(losses[-1])"),
    *("after_epoch", "model"),
)
wrong(
    "run_epochs, batches in a random order",
    changed(
        LOOP,
        "        for X, y in batches_for(model, train_loader):",
        "        batch_list = list(batches_for(model, train_loader))\n"
        "        random.shuffle(batch_list)\n"
        "        for X, y in batch_list:",
    ),
    *("order", "shuffle", "batch"),
)
wrong(
    "run_epochs, the short batch left out",
    changed(
        LOOP,
        CLEARED,
        "            full = len(y) if batches == 0 else full\n"
        "            if len(y) < full:\n                continue\n" + CLEARED,
    ),
    *("batch", "last", "short", "left out", "mean"),
)
wrong(
    "run_epochs, gradients clipped",
    changed(
        LOOP, UPDATED, "            nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n" + UPDATED
    ),
    *("gradient", "clip"),
)
wrong(
    "run_epochs, the loss divided by the batch size again",
    changed(
        LOOP, "loss = loss_function(model(X), y)", "loss = loss_function(model(X), y) / len(y)"
    ),
    *("loss", "gradient", "divided", "batch size"),
)
wrong(
    "run_epochs, nothing returned",
    changed(LOOP, "    return losses", "    print(losses)"),
    *("return", "None"),
)
wrong(
    "run_epochs, in evaluation mode",
    changed(LOOP, "model.train()", "model.eval()"),
    *("train()", "mode", "eval"),
)

right("run_epochs, totals", LOOP)
right(
    "run_epochs, numpy's mean and enumerate",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    model.train()
    history = np.zeros(epoch_count)
    for e in range(epoch_count):
        of_batches = []
        for i, (inputs, targets) in enumerate(batches_for(model, train_loader)):
            out = model(inputs)
            batch_loss = loss_function(out, targets)
            of_batches.append(float(batch_loss.detach()))
            for p in model.parameters():
                p.grad = None
            batch_loss.backward()
            update()
        history[e] = np.mean(of_batches)
        if after_epoch:
            after_epoch(model)
    return history.tolist()
""",
    exact=False,
)
right(
    "run_epochs, gradients cleared after the update, and before the first",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    means = []
    model.zero_grad()
    while len(means) < epoch_count:
        model.train()
        losses = []
        for X, y in batches_for(model, train_loader):
            loss = loss_function(model(X), y)
            losses.append(loss.item())
            loss.backward()
            update()
            model.zero_grad()
        means += [sum(losses) / len(losses)]
        if after_epoch is not None:
            after_epoch(model)
    return means
""",
)
right(
    "run_epochs, autograd.grad",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    def one_batch(X, y):
        loss = loss_function(model(X), y)
        parameters = list(model.parameters())
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
            p.grad = g
        update()
        return loss.item()

    means = []
    for _ in range(epoch_count):
        model.train()
        losses = [one_batch(X, y) for X, y in batches_for(model, train_loader)]
        means.append(math.fsum(losses) / len(losses))
        after_epoch and after_epoch(model)
    return means
""",
    exact=False,
)

# ------------------------------------------------------------------------------------------- train

TRAIN = """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
"""

wrong(
    "train, an optimizer of its own",
    """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
""",
    "optimizer",
)
wrong(
    "train, no step",
    changed(TRAIN, "optimizer.step", "optimizer.zero_grad"),
    *("step", "optimizer", "change"),
)
wrong(
    "train, the step not called",
    changed(TRAIN, "optimizer.step", "lambda: optimizer.step"),
    *("step", "optimizer", "change"),
)
wrong(
    "train, the optimizer passed",
    changed(TRAIN, "optimizer.step", "optimizer"),
    "the optimizer is passed, not its method step",
    listed=True,
)
wrong(
    "train, the step called once",
    changed(TRAIN, "optimizer.step", "optimizer.step()"),
    "step is called, and its result is passed",
    listed=True,
)
wrong(
    "train, two steps a batch",
    changed(TRAIN, "optimizer.step", "lambda: (optimizer.step(), optimizer.step())"),
    *("step", "twice", "optimizer"),
)
wrong(
    "train, nothing returned",
    changed(TRAIN, "return ", ""),
    *("return", "None"),
)
wrong(
    "train, the last epoch's loss",
    changed(TRAIN, "optimizer.step)", "optimizer.step)[-1]"),
    *("list", "losses", "epoch"),
)
wrong(
    "train, always cross-entropy",
    changed(TRAIN, "loss_function, train_loader, o", "LOSS_FUNCTION, train_loader, o"),
    *("loss_function", "loss function", "loss"),
)
wrong(
    "train, one epoch",
    changed(TRAIN, "run_epochs(epoch_count", "run_epochs(1"),
    *("epoch_count", "epoch"),
)
wrong(
    "train, a learning rate that falls",
    """
def train(epoch_count, optimizer, model, loss_function, train_loader):
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    return run_epochs(
        epoch_count, model, loss_function, train_loader, optimizer.step, lambda _: scheduler.step()
    )
""",
    *("learning rate", "scheduler", "optimizer", "step"),
)
wrong(
    "train, a copy of the model",
    """
import copy


def train(epoch_count, optimizer, model, loss_function, train_loader):
    model = copy.deepcopy(model)
    return run_epochs(epoch_count, model, loss_function, train_loader, optimizer.step)
""",
    *("model", "change", "copy"),
)

right("train, one line", TRAIN)
right(
    "train, its own loop",
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

# -------------------------------------------------------------------------------- compute_accuracy

ACCURACY = """
def compute_accuracy(model, loader):
    was_training = model.training
    model.eval()
    correct, total = 0, 0
    with torch.no_grad():
        for X, y in batches_for(model, loader):
            answers = torch.argmax(model(X), dim=1)
            correct += int((answers == y).sum())
            total += len(y)
    model.train(was_training)
    return correct / total
"""
RATIO = "return correct / total"

wrong(
    "compute_accuracy, a mean of the batches' accuracies",
    """
def compute_accuracy(model, loader):
    with torch.no_grad():
        accuracies = [
            (model(X).argmax(dim=1) == y).double().mean().item()
            for X, y in batches_for(model, loader)
        ]
    return sum(accuracies) / len(accuracies)
""",
    *("mean of", "batches", "each image"),
    listed=True,
)
wrong(
    "compute_accuracy, percent",
    changed(ACCURACY, RATIO, "return 100 * correct / total"),
    *("percent", "fraction", "100"),
)
wrong(
    "compute_accuracy, a count",
    changed(ACCURACY, RATIO, "return correct"),
    *("count", "fraction", "divide"),
)
wrong(
    "compute_accuracy, divided by the number of batches",
    changed(ACCURACY, "total += len(y)", "total += 1"),
    *("batches", "fraction", "images"),
)
wrong(
    "compute_accuracy, divided as whole numbers",
    changed(ACCURACY, RATIO, "return correct // total"),
    *("fraction", "whole", "//", "accuracy"),
)
wrong(
    "compute_accuracy, the error rate",
    changed(ACCURACY, "answers == y", "answers != y"),
    *("wrong", "error", "right", "accuracy"),
)
wrong(
    "compute_accuracy, the lowest score",
    changed(ACCURACY, "torch.argmax", "torch.argmin"),
    *("highest", "lowest", "argmax"),
)
wrong(
    "compute_accuracy, a threshold at 0",
    changed(ACCURACY, "torch.argmax(model(X), dim=1)", "(model(X)[:, 1] > 0).long()"),
    *("highest", "argmax", "threshold", "score"),
)
wrong(
    "compute_accuracy, the last batch alone",
    changed(
        changed(
            ACCURACY, "correct += int((answers == y).sum())", "correct = int((answers == y).sum())"
        ),
        "total += len(y)",
        "total = len(y)",
    ),
    *("last batch", "all images", "batches", "accuracy"),
)
wrong(
    "compute_accuracy, returns after the first batch",
    changed(ACCURACY, "total += len(y)\n", "total += len(y)\n            return correct / total\n"),
    *("first batch", "all images", "batches", "accuracy"),
)
wrong(
    "compute_accuracy, rounded to two digits",
    changed(ACCURACY, RATIO, "return round(correct / total, 2)"),
    *("round", "digits", "exact", "accuracy"),
)
wrong(
    "compute_accuracy, over (batches x 256) images",
    changed(ACCURACY, "total += len(y)", "total += BATCH_SIZE"),
    *("short", "images", "fraction", "accuracy"),
)
wrong(
    "compute_accuracy, the model trains on",
    """
def compute_accuracy(model, loader):
    correct, total = 0, 0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for X, y in batches_for(model, loader):
        scores = model(X)
        optimizer.zero_grad()
        LOSS_FUNCTION(scores, y).backward()
        optimizer.step()
        correct += (scores.argmax(dim=1) == y).sum().item()
        total += y.shape[0]
    return correct / total
""",
    *("train", "weights", "change", "update"),
)
wrong(
    "compute_accuracy, left in training mode",
    changed(ACCURACY, "model.eval()", "model.train()"),
    *("eval", "mode"),
)

right("compute_accuracy, counts", ACCURACY)
right(
    "compute_accuracy, a tensor",
    """
@torch.no_grad()
def compute_accuracy(model, loader):
    mode = model.training
    model.eval()
    hits = torch.cat([model(X).argmax(1).eq(y) for X, y in batches_for(model, loader)])
    model.train(mode)
    return hits.double().mean()
""",
)
right(
    "compute_accuracy, a callable object",
    """
class Accuracy:
    def __call__(self, model, loader):
        scores, labels = scores_of(model, loader)
        return np.mean(scores.numpy().argmax(axis=1) == labels.numpy())


compute_accuracy = Accuracy()
""",
)
right(
    "compute_accuracy, the second score is higher",
    """
def compute_accuracy(model, loader):
    training, hits, misses = model.training, 0, 0
    model.eval()
    for X, y in batches_for(model, loader):
        scores = model(X).detach()
        for (airplane, bird), label in zip(scores.tolist(), y.tolist()):
            if (bird > airplane) == bool(label):
                hits += 1
            else:
                misses += 1
    model.train(training)
    return hits / (hits + misses)
""",
)
