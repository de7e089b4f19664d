"""Task 8: loss and accuracy."""

from tests.programs.tasks import tables

MEASURE = """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    accuracy = (scores.argmax(dim=1) == labels).double().mean().item()
    return LOSS_FUNCTION(scores, labels).item(), accuracy
"""
RESULT = "return LOSS_FUNCTION(scores, labels).item(), accuracy"
LOSS = "LOSS_FUNCTION(scores, labels)"
WRONG, RIGHT, wrong, right = tables("loss_and_accuracy", MEASURE)

wrong(
    "a loss of 0.0",
    """
def loss_and_accuracy(model, loader):
    return 0.0, compute_accuracy(model, loader)
""",
    "loss",
    listed=True,
)
wrong(
    "a sum",
    {LOSS: 'nn.functional.cross_entropy(scores, labels, reduction="sum")'},
    "sum|mean",
    listed=True,
)
wrong(
    "a mean of batches",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    losses = [LOSS_FUNCTION(model(X), y).item() for X, y in batches_for(model, loader)]
    return sum(losses) / len(losses), compute_accuracy(model, loader)
""",
    "batches|all images",
    listed=True,
)
wrong(
    "two means of batches",
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
    "batches|all images",
    listed=True,
)
wrong(
    "a sum of the batches' losses",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    loss = 0.0
    for X, y in batches_for(model, loader):
        loss += LOSS_FUNCTION(model(X), y).item()
    return loss, compute_accuracy(model, loader)
""",
    "sum|mean",
    listed=True,
)
wrong(
    "accuracy and loss",
    {RESULT: "return accuracy, LOSS_FUNCTION(scores, labels).item()"},
    "order|exchanged|first|swapped|interchanged",
)
wrong("percent", {".mean().item()": ".mean().item() * 100"}, "percent|fraction|accuracy")
wrong(
    "softmax before the loss",
    {LOSS: "LOSS_FUNCTION(scores.softmax(dim=1), labels)"},
    "softmax|scores|probabilities|loss",
)
wrong(
    "nll_loss of probabilities",
    {LOSS: "nn.functional.nll_loss(scores.softmax(dim=1), labels)"},
    "log|loss|nll",
)
wrong(
    "the last batch",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    for X, y in batches_for(model, loader):
        scores = model(X)
        loss = LOSS_FUNCTION(scores, y).item()
        accuracy = (scores.argmax(dim=1) == y).double().mean().item()
    return loss, accuracy
""",
    "last batch|all images|loss",
)
wrong(
    "the first batch",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    X, y = next(iter(batches_for(model, loader)))
    scores = model(X)
    return LOSS_FUNCTION(scores, y).item(), (scores.argmax(1) == y).double().mean().item()
""",
    "first batch|all images|loss",
)
wrong(
    "the mean square of the errors",
    {LOSS: "((scores.softmax(1)[:, 1] - labels) ** 2).mean()"},
    "LOSS_FUNCTION|loss",
)
wrong("the error for the accuracy", {"== labels": "!= labels"}, "accuracy|error|right")
wrong(
    "the loss for the accuracy",
    {RESULT: "loss = LOSS_FUNCTION(scores, labels).item()\n    return loss, 1 - loss"},
    "accuracy",
)
wrong(
    "the batch it measures is learned",
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
    "train|weights|change|update",
)
wrong(
    "the loss of the wrong answers alone",
    {
        RESULT: "wrong = scores.argmax(dim=1) != labels\n"
        "    return LOSS_FUNCTION(scores[wrong], labels[wrong]).item(), accuracy"
    },
    "all images|loss",
)
wrong(
    "rounded for the table",
    """
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    loss = LOSS_FUNCTION(scores, labels).item()
    accuracy = (scores.argmax(dim=1) == labels).double().mean().item()
    return round(loss, 2), round(accuracy, 2)
""",
    "round|digits|loss",
)

right("all scores at once", MEASURE)
right(
    "tensors",
    """
@torch.no_grad()
def loss_and_accuracy(model, loader):
    scores, labels = scores_of(model, loader)
    return nn.functional.cross_entropy(scores, labels), (scores.argmax(1) == labels).double().mean()
""",
)
right(
    "batches weighted by their sizes",
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
    "numpy's logarithm of a sum of exponentials",
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
    "a callable object",
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
