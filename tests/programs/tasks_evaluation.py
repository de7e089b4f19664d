"""Task 10: the test images, the probabilities and the confusion matrix."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

# ----------------------------------------------------------------------------------- test_accuracy

wrong(
    "test_accuracy, of the validation images",
    'test_accuracy = compute_accuracy(selected["model"], make_loader(validation))\n',
    *("test", "validation"),
)
wrong(
    "test_accuracy, the accuracy that selected",
    'test_accuracy = selected["validation_accuracy"]\n',
    *("test", "validation"),
)
wrong(
    "test_accuracy, of training and test images",
    """
both_parts = torch.utils.data.ConcatDataset([training, test])
test_accuracy = compute_accuracy(selected["model"], DataLoader(both_parts, batch_size=256))
""",
    "test",
)
wrong(
    "test_accuracy, the best of all models on the test images",
    """
test_accuracy = max(
    compute_accuracy(both["manual"]["model"], make_loader(test)) for both in instance_runs.values()
)
""",
    *("selected", "model"),
)
wrong(
    "test_accuracy, of a model that was not trained",
    "test_accuracy = compute_accuracy(new_model(), make_loader(test))\n",
    *("selected", "model", "trained"),
)
wrong(
    "test_accuracy, of the first 256 images",
    'test_accuracy = compute_accuracy(selected["model"], [test[:256]])\n',
    *("all", "test images", "2,000"),
)
wrong(
    "test_accuracy, trained on the test images before",
    """
import copy

model = copy.deepcopy(selected["model"])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
train(10, optimizer, model, LOSS_FUNCTION, make_loader(test))
test_accuracy = compute_accuracy(model, make_loader(test))
""",
    *("selected", "model", "trained"),
)
wrong(
    "test_accuracy, percent",
    'test_accuracy = 100 * compute_accuracy(selected["model"], make_loader(test))\n',
    *("percent", "fraction"),
)

right(
    "test_accuracy, one call",
    'test_accuracy = compute_accuracy(selected["model"], make_loader(test))\n',
)
right(
    "test_accuracy, a mean of hits",
    """
with torch.no_grad():
    X, y = test.tensors
    answers = selected["model"].eval()(X.to(DEVICE)).argmax(dim=1).cpu()
test_accuracy = (answers == y).double().mean()
""",
)

# ----------------------------------------------------------------------------------------- predict

PREDICT = """
@torch.no_grad()
def predict(model, batches):
    scores, labels = scores_of(model, batches)
    return scores.softmax(dim=1), labels
"""
SOFTMAX = "scores.softmax(dim=1)"

wrong(
    "predict, softmax twice",
    changed(PREDICT, SOFTMAX, "scores.softmax(dim=1).softmax(dim=1)"),
    *("softmax", "twice"),
    listed=True,
)
wrong(
    "predict, probabilities rounded",
    changed(PREDICT, SOFTMAX, "(scores.softmax(dim=1) * 100).round() / 100"),
    "round",
    listed=True,
)
wrong(
    "predict, softmax over the images",
    changed(PREDICT, "dim=1", "dim=0"),
    *("dim", "sum", "softmax", "image"),
)
wrong("predict, scores", changed(PREDICT, SOFTMAX, "scores"), "softmax", "probabilities", "scores")
wrong(
    "predict, a sigmoid for each score",
    changed(PREDICT, SOFTMAX, "scores.sigmoid()"),
    *("softmax", "sigmoid", "sum", "probabilities"),
)
wrong(
    "predict, logarithms of probabilities",
    changed(PREDICT, SOFTMAX, "scores.log_softmax(dim=1)"),
    *("softmax", "log", "sum", "probabilities"),
)
wrong(
    "predict, its answers in the place of the labels",
    changed(PREDICT, "softmax(dim=1), labels", "softmax(dim=1), scores.argmax(dim=1)"),
    *("label", "target"),
)

right("predict, softmax once", PREDICT)
right(
    "predict, softmax in single precision",
    """
def predict(model, batches):
    scores, labels = scores_of(model, batches)
    return torch.softmax(scores.float(), dim=1), labels
""",
    exact=False,
)

# -------------------------------------------------------------------------------- confusion_matrix

CONFUSION = """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    for answer, label in zip(probabilities.argmax(dim=1), labels):
        counts[label, answer] += 1
    return counts
"""
COUNTED = "counts[label, answer] += 1"

wrong(
    "confusion_matrix, a row is an answer",
    changed(CONFUSION, COUNTED, "counts[answer, label] += 1"),
    *("row", "column", "transpose", "true class"),
)
wrong(
    "confusion_matrix, both classes swapped",
    changed(CONFUSION, COUNTED, "counts[1 - label, 1 - answer] += 1"),
    *("swapped", "class", "interchanged", "order"),
    listed=True,
)
wrong(
    "confusion_matrix, the answer swapped",
    changed(CONFUSION, "argmax", "argmin"),
    *("swapped", "lowest", "argm", "answer", "column"),
)
wrong(
    "confusion_matrix, probabilities rounded first",
    changed(CONFUSION, "probabilities.argmax", "(probabilities * 10).round().argmax"),
    *("round", "highest", "answer"),
    listed=True,
)
wrong(
    "confusion_matrix, probabilities as whole numbers",
    changed(CONFUSION, "probabilities.argmax", "probabilities.long().argmax"),
    *("whole", "round", "highest", "answer"),
)
wrong(
    "confusion_matrix, sure answers alone",
    """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    confidence, answers = probabilities.max(dim=1)
    for c, answer, label in zip(confidence, answers, labels):
        if c > 0.75:
            counts[label, answer] += 1
    return counts
""",
    *("all", "missing", "count", "images"),
)
wrong(
    "confusion_matrix, shares",
    changed(CONFUSION, "return counts", "return counts / counts.sum(dim=1, keepdim=True)"),
    *("counts", "shares", "whole"),
)
wrong(
    "confusion_matrix, shares of all images",
    changed(CONFUSION, "return counts", "return counts / len(labels)"),
    *("counts", "shares", "whole"),
)
wrong(
    "confusion_matrix, sums of probabilities",
    """
def confusion_matrix(probabilities, labels):
    one_hot = nn.functional.one_hot(labels, 2).to(probabilities.dtype)
    return one_hot.T @ probabilities
""",
    *("count", "probabilities", "answer", "whole"),
)
wrong(
    "confusion_matrix, as scikit-learn has it for the second class first",
    """
def confusion_matrix(probabilities, labels):
    answers = probabilities[:, 1] > 0.5
    labels = labels.bool()
    hits, misses = (answers & labels).sum(), (~answers & labels).sum()
    false_alarms, rejected = (answers & ~labels).sum(), (~answers & ~labels).sum()
    return torch.tensor([[hits, misses], [false_alarms, rejected]])
""",
    *("swapped", "class", "interchanged", "order"),
    listed=True,
)
wrong(
    "confusion_matrix, ones counted once",
    """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    counts[labels, probabilities.argmax(dim=1)] += 1
    return counts
""",
    *("count", "sum", "images", "once"),
)
wrong(
    "confusion_matrix, right and wrong interchanged",
    changed(CONFUSION, COUNTED, "counts[int(answer == label), answer] += 1"),
    *("row", "true class", "right"),
)
wrong(
    "confusion_matrix, a threshold at 0.9",
    changed(CONFUSION, "probabilities.argmax(dim=1)", "(probabilities[:, 1] > 0.9).long()"),
    *("highest", "threshold", "answer", "argmax"),
)

right("confusion_matrix, a loop", CONFUSION)
right(
    "confusion_matrix, a list of lists",
    """
def confusion_matrix(probabilities, labels):
    answers = [int(p[1] > p[0]) for p in probabilities.tolist()]
    pairs = list(zip(labels.tolist(), answers))
    return [[pairs.count((truth, answer)) for answer in (0, 1)] for truth in (0, 1)]
""",
)
right(
    "confusion_matrix, numpy's array of floating-point numbers",
    """
def confusion_matrix(probabilities, labels):
    answers, labels = np.asarray(probabilities).argmax(axis=1), np.asarray(labels)
    counts = np.zeros((2, 2))
    np.add.at(counts, (labels, answers), 1)
    return counts
""",
)
right(
    "confusion_matrix, one-hot matrices multiplied",
    """
def confusion_matrix(probabilities, labels):
    one_hot = torch.eye(2, dtype=torch.long)
    return one_hot[labels].T @ one_hot[probabilities.argmax(dim=1)]
""",
)
