"""Task 10: the probabilities."""

from tests.programs.tasks import tables

PREDICT = """
@torch.no_grad()
def predict(model, batches):
    scores, labels = scores_of(model, batches)
    return scores.softmax(dim=1), labels
"""
SOFTMAX = "scores.softmax(dim=1)"
WRONG, RIGHT, wrong, right = tables("predict", PREDICT)

wrong(
    "softmax twice", {SOFTMAX: "scores.softmax(dim=1).softmax(dim=1)"}, "softmax|twice", listed=True
)
wrong(
    "probabilities rounded",
    {SOFTMAX: "(scores.softmax(dim=1) * 100).round() / 100"},
    "round",
    listed=True,
)
wrong("softmax over the images", {"dim=1": "dim=0"}, "dim|sum|softmax|image")
wrong("scores", {SOFTMAX: "scores"}, "softmax|probabilities|scores")
wrong(
    "a sigmoid for each score", {SOFTMAX: "scores.sigmoid()"}, "softmax|sigmoid|sum|probabilities"
)
wrong(
    "logarithms of probabilities",
    {SOFTMAX: "scores.log_softmax(dim=1)"},
    "softmax|log|sum|probabilities",
)
wrong(
    "its answers in the place of the labels",
    {"softmax(dim=1), labels": "softmax(dim=1), scores.argmax(dim=1)"},
    "label|target",
)

right("softmax once", PREDICT)
right(
    "softmax in single precision",
    """
def predict(model, batches):
    scores, labels = scores_of(model, batches)
    return torch.softmax(scores.float(), dim=1), labels
""",
    exact=False,
)
