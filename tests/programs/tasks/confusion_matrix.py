"""Task 10: the confusion matrix."""

from tests.programs.tasks import tables

CONFUSION = """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    for answer, label in zip(probabilities.argmax(dim=1), labels):
        counts[label, answer] += 1
    return counts
"""
COUNTED = "counts[label, answer] += 1"
WRONG, RIGHT, wrong, right = tables("confusion_matrix", CONFUSION)

wrong(
    "a row is an answer", {COUNTED: "counts[answer, label] += 1"}, "row|column|transpose|true class"
)
wrong(
    "both classes swapped",
    {COUNTED: "counts[1 - label, 1 - answer] += 1"},
    "swapped|class|interchanged|order",
    listed=True,
)
wrong("the answer swapped", {"argmax": "argmin"}, "swapped|lowest|argm|answer|column")
wrong(
    "probabilities rounded first",
    {"probabilities.argmax": "(probabilities * 10).round().argmax"},
    "round|highest|answer",
    listed=True,
)
wrong(
    "probabilities as whole numbers",
    {"probabilities.argmax": "probabilities.long().argmax"},
    "whole|round|highest|answer",
)
wrong(
    "sure answers alone",
    """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    confidence, answers = probabilities.max(dim=1)
    for c, answer, label in zip(confidence, answers, labels):
        if c > 0.75:
            counts[label, answer] += 1
    return counts
""",
    "all|missing|count|images",
)
wrong(
    "shares",
    {"return counts": "return counts / counts.sum(dim=1, keepdim=True)"},
    "counts|shares|whole",
)
wrong(
    "shares of all images", {"return counts": "return counts / len(labels)"}, "counts|shares|whole"
)
wrong(
    "sums of probabilities",
    """
def confusion_matrix(probabilities, labels):
    one_hot = nn.functional.one_hot(labels, 2).to(probabilities.dtype)
    return one_hot.T @ probabilities
""",
    "count|probabilities|answer|whole",
)
wrong(
    "as scikit-learn has it for the second class first",
    """
def confusion_matrix(probabilities, labels):
    answers = probabilities[:, 1] > 0.5
    labels = labels.bool()
    hits, misses = (answers & labels).sum(), (~answers & labels).sum()
    false_alarms, rejected = (answers & ~labels).sum(), (~answers & ~labels).sum()
    return torch.tensor([[hits, misses], [false_alarms, rejected]])
""",
    "swapped|class|interchanged|order",
    listed=True,
)
wrong(
    "ones counted once",
    """
def confusion_matrix(probabilities, labels):
    counts = torch.zeros(2, 2, dtype=torch.long)
    counts[labels, probabilities.argmax(dim=1)] += 1
    return counts
""",
    "count|sum|images|once",
)
wrong(
    "right and wrong interchanged",
    {COUNTED: "counts[int(answer == label), answer] += 1"},
    "row|true class|right",
)
wrong(
    "a threshold at 0.9",
    {"probabilities.argmax(dim=1)": "(probabilities[:, 1] > 0.9).long()"},
    "highest|threshold|answer|argmax",
)

right("a loop", CONFUSION)
right(
    "a list of lists",
    """
def confusion_matrix(probabilities, labels):
    answers = [int(p[1] > p[0]) for p in probabilities.tolist()]
    pairs = list(zip(labels.tolist(), answers))
    return [[pairs.count((truth, answer)) for answer in (0, 1)] for truth in (0, 1)]
""",
)
right(
    "numpy's array of floating-point numbers",
    """
def confusion_matrix(probabilities, labels):
    answers, labels = np.asarray(probabilities).argmax(axis=1), np.asarray(labels)
    counts = np.zeros((2, 2))
    np.add.at(counts, (labels, answers), 1)
    return counts
""",
)
right(
    "one-hot matrices multiplied",
    """
def confusion_matrix(probabilities, labels):
    one_hot = torch.eye(2, dtype=torch.long)
    return one_hot[labels].T @ one_hot[probabilities.argmax(dim=1)]
""",
)
