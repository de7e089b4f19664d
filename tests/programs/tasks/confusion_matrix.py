"""Task 10: the confusion matrix."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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
