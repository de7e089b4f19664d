"""Task 3: the accuracy."""

from tests.programs.tasks import tables

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
WRONG, RIGHT, wrong, right = tables("compute_accuracy", ACCURACY)

wrong(
    "a mean of the batches' accuracies",
    """
def compute_accuracy(model, loader):
    with torch.no_grad():
        accuracies = [
            (model(X).argmax(dim=1) == y).double().mean().item()
            for X, y in batches_for(model, loader)
        ]
    return sum(accuracies) / len(accuracies)
""",
    "mean of|batches|each image",
    listed=True,
)
wrong("percent", {RATIO: "return 100 * correct / total"}, "percent|fraction|100")
wrong("a count", {RATIO: "return correct"}, "count|fraction|divide")
wrong(
    "divided by the number of batches", {"total += len(y)": "total += 1"}, "batches|fraction|images"
)
wrong("divided as whole numbers", {RATIO: "return correct // total"}, "fraction|whole|//|accuracy")
wrong("the error rate", {"answers == y": "answers != y"}, "wrong|error|right|accuracy")
wrong("the lowest score", {"torch.argmax": "torch.argmin"}, "highest|lowest|argmax")
wrong(
    "a threshold at 0",
    {"torch.argmax(model(X), dim=1)": "(model(X)[:, 1] > 0).long()"},
    "highest|argmax|threshold|score",
)
wrong(
    "the last batch alone",
    {
        "correct += int((answers == y).sum())": "correct = int((answers == y).sum())",
        "total += len(y)": "total = len(y)",
    },
    "last batch|all images|batches|accuracy",
)
wrong(
    "returns after the first batch",
    {"total += len(y)\n": "total += len(y)\n            return correct / total\n"},
    "first batch|all images|batches|accuracy",
)
wrong(
    "rounded to two digits",
    {RATIO: "return round(correct / total, 2)"},
    "round|digits|exact|accuracy",
)
wrong(
    "over (batches x 256) images",
    {"total += len(y)": "total += BATCH_SIZE"},
    "short|images|fraction|accuracy",
)
wrong(
    "the model trains on",
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
    "train|weights|change|update",
)
wrong("left in training mode", {"model.eval()": "model.train()"}, "eval|mode")

right("counts", ACCURACY)
right(
    "a tensor",
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
    "a callable object",
    """
class Accuracy:
    def __call__(self, model, loader):
        scores, labels = scores_of(model, loader)
        return np.mean(scores.numpy().argmax(axis=1) == labels.numpy())


compute_accuracy = Accuracy()
""",
)
right(
    "the second score is higher",
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
