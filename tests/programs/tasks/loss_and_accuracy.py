"""Task 8: loss and accuracy."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

MEASURE = """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    accuracy = (scores.argmax(dim=1) == labels).double().mean().item()
    return LOSS_FUNCTION(scores, labels).item(), accuracy
"""
RESULT = "return LOSS_FUNCTION(scores, labels).item(), accuracy"
LOSS = "LOSS_FUNCTION(scores, labels)"

wrong(
    "loss_and_accuracy, a loss of 0.0",
    """
def loss_and_accuracy(model, loader):
    return 0.0, compute_accuracy(model, loader)
""",
    "loss",
    listed=True,
)
wrong(
    "loss_and_accuracy, a sum",
    changed(MEASURE, LOSS, 'nn.functional.cross_entropy(scores, labels, reduction="sum")'),
    *("sum", "mean"),
    listed=True,
)
wrong(
    "loss_and_accuracy, a mean of batches",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    losses = [LOSS_FUNCTION(model(X), y).item() for X, y in batches_for(model, loader)]
    return sum(losses) / len(losses), compute_accuracy(model, loader)
""",
    *("batches", "all images"),
    listed=True,
)
wrong(
    "loss_and_accuracy, two means of batches",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    losses, hits = [], []
    for X, y in batches_for(model, loader):
        scores = model(X)
        losses.append(LOSS_FUNCTION(scores, y))
        hits.append((scores.argmax(1) == y).double().mean())
    return torch.stack(losses).mean().item(), torch.stack(hits).mean().item()
""",
    *("batches", "all images"),
    listed=True,
)
wrong(
    "loss_and_accuracy, a sum of the batches' losses",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    loss = 0.0
    for X, y in batches_for(model, loader):
        loss += LOSS_FUNCTION(model(X), y).item()
    return loss, compute_accuracy(model, loader)
""",
    *("sum", "mean"),
    listed=True,
)
wrong(
    "loss_and_accuracy, accuracy and loss",
    changed(MEASURE, RESULT, "return accuracy, LOSS_FUNCTION(scores, labels).item()"),
    *("order", "exchanged", "first", "swapped", "interchanged"),
)
wrong(
    "loss_and_accuracy, percent",
    changed(MEASURE, ".mean().item()", ".mean().item() * 100"),
    *("percent", "fraction", "accuracy"),
)
wrong(
    "loss_and_accuracy, softmax before the loss",
    changed(MEASURE, LOSS, "LOSS_FUNCTION(scores.softmax(dim=1), labels)"),
    *("softmax", "scores", "probabilities", "loss"),
)
wrong(
    "loss_and_accuracy, nll_loss of probabilities",
    changed(MEASURE, LOSS, "nn.functional.nll_loss(scores.softmax(dim=1), labels)"),
    *("log", "loss", "nll"),
)
wrong(
    "loss_and_accuracy, the last batch",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    for X, y in batches_for(model, loader):
        scores = model(X)
        loss = LOSS_FUNCTION(scores, y).item()
        accuracy = (scores.argmax(dim=1) == y).double().mean().item()
    return loss, accuracy
""",
    *("last batch", "all images", "loss"),
)
wrong(
    "loss_and_accuracy, the first batch",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    X, y = next(iter(batches_for(model, loader)))
    scores = model(X)
    return LOSS_FUNCTION(scores, y).item(), (scores.argmax(1) == y).double().mean().item()
""",
    *("first batch", "all images", "loss"),
)
wrong(
    "loss_and_accuracy, the mean square of the errors",
    changed(MEASURE, LOSS, "((scores.softmax(1)[:, 1] - labels) ** 2).mean()"),
    *("LOSS_FUNCTION", "loss"),
)
wrong(
    "loss_and_accuracy, the error for the accuracy",
    changed(MEASURE, "== labels", "!= labels"),
    *("accuracy", "error", "right"),
)
wrong(
    "loss_and_accuracy, the loss for the accuracy",
    changed(
        MEASURE, RESULT, "loss = LOSS_FUNCTION(scores, labels).item()\n    return loss, 1 - loss"
    ),
    "accuracy",
)
wrong(
    "loss_and_accuracy, the batch it measures is learned",
    """
def loss_and_accuracy(model, loader):
    total, count = 0.0, 0
    for X, y in batches_for(model, loader):
        loss = LOSS_FUNCTION(model(X), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p -= 0.01 * p.grad
        total += loss.item() * len(y)
        count += len(y)
    return total / count, compute_accuracy(model, loader)
""",
    *("train", "weights", "change", "update"),
)
wrong(
    "loss_and_accuracy, the loss of the wrong answers alone",
    changed(
        MEASURE,
        RESULT,
        "wrong = scores.argmax(dim=1) != labels\n"
        "    return LOSS_FUNCTION(scores[wrong], labels[wrong]).item(), accuracy",
    ),
    *("all images", "loss"),
)
wrong(
    "loss_and_accuracy, rounded for the table",
    """
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    loss = LOSS_FUNCTION(scores, labels).item()
    accuracy = (scores.argmax(dim=1) == labels).double().mean().item()
    return round(loss, 2), round(accuracy, 2)
""",
    *("round", "digits", "loss"),
)

right("loss_and_accuracy, all scores at once", MEASURE)
right(
    "loss_and_accuracy, tensors",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    return nn.functional.cross_entropy(scores, labels), (scores.argmax(1) == labels).double().mean()
""",
)
right(
    "loss_and_accuracy, batches weighted by their sizes",
    """
def loss_and_accuracy(model, loader):
    loss_sum = hits = count = 0
    with torch.no_grad():
        for X, y in batches_for(model, loader):
            scores = model(X)
            loss_sum += LOSS_FUNCTION(scores, y).item() * len(y)
            hits += (scores.argmax(1) == y).sum().item()
            count += len(y)
    return [loss_sum / count, hits / count]
""",
    exact=False,
)
right(
    "loss_and_accuracy, numpy's logarithm of a sum of exponentials",
    """
def loss_and_accuracy(model, loader):
    scores, labels = (t.numpy() for t in scores_of(model, loader))
    rows = np.arange(len(labels))
    highest = scores.max(axis=1)
    log_sums = highest + np.log(np.exp(scores - highest[:, None]).sum(axis=1))
    loss = np.mean(log_sums - scores[rows, labels])
    return loss, np.mean(scores.argmax(axis=1) == labels)
""",
    exact=False,
)
right(
    "loss_and_accuracy, a callable object",
    """
class Measure:
    def __init__(self, loss_function):
        self.loss_function = loss_function

    def __call__(self, model, loader):
        scores, labels = scores_of(model, loader)
        return float(self.loss_function(scores, labels)), compute_accuracy(model, loader)


loss_and_accuracy = Measure(LOSS_FUNCTION)
""",
)
