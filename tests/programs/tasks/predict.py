"""Task 10: the probabilities."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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
