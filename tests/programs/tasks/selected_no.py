"""Task 9: the selection."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

SELECTED = (
    "selected_no = max(instance_runs, "
    'key=lambda no: instance_runs[no]["manual"]["validation_accuracy"])\n'
)
VALIDATED = '["validation_accuracy"]'

wrong(
    "selected_no, the training accuracy",
    changed(SELECTED, VALIDATED, '["training_accuracy"]'),
    *("validation", "training"),
)
wrong(
    "selected_no, the lowest accuracy",
    changed(SELECTED, "max(", "min("),
    *("highest", "validation accuracy", "lowest"),
)
wrong(
    "selected_no, the lowest training loss",
    """
losses = {no: run["manual"]["training_loss"][-1] for no, run in instance_runs.items()}
selected_no = min((no for no in losses if not math.isnan(losses[no])), key=losses.get)
""",
    *("validation", "accuracy"),
)
wrong(
    "selected_no, the lowest validation loss",
    """
finite = {no: both["manual"]["validation_loss"][-1] for no, both in instance_runs.items()}
selected_no = min(finite, key=finite.get)
""",
    *("accuracy", "loss"),
)
wrong(
    "selected_no, the place in the list",
    """
accuracies = [both["manual"]["validation_accuracy"] for both in instance_runs.values()]
selected_no = accuracies.index(max(accuracies))
""",
    *("No", "index", "place", "key", "from 0"),
)
wrong(
    "selected_no, numpy's argmax",
    """
selected_no = np.argmax([run["manual"]["validation_accuracy"] for run in instance_runs.values()])
""",
    *("No", "index", "place", "key", "from 0"),
)
wrong(
    "selected_no, the accuracy in the place of its No",
    """
selected_no = max(run["manual"]["validation_accuracy"] for run in instance_runs.values())
""",
    *("No", "key", "instance_runs", "accuracy"),
)
wrong(
    "selected_no, the last one of equals",
    """
best = -1
for no in instance_runs:
    accuracy = instance_runs[no]["manual"]["validation_accuracy"]
    if accuracy >= best:
        best, selected_no = accuracy, no
""",
    *("first", "equal", "several"),
)
wrong(
    "selected_no, the best epoch of any instance",
    """
selected_no = max(
    instance_runs,
    key=lambda no: max(instance_runs[no]["manual"]["validation_accuracy_by_epoch"]),
)
""",
    *("last epoch", "highest", "validation accuracy"),
)
wrong("selected_no, typed in by hand", "selected_no = 3\n", "highest", "validation accuracy")
wrong(
    "selected_no, the last instance",
    "selected_no = no = max(instance_runs)\n",
    "highest",
    "validation accuracy",
)
wrong(
    "selected_no, the runs in the place of their No",
    """
selected_no = max(instance_runs.values(), key=lambda both: both["manual"]["validation_accuracy"])
""",
    *("No", "key", "dict"),
)
wrong(
    "selected_no, the highest mean over epochs",
    """
means = {
    no: np.mean(both["manual"]["validation_accuracy_by_epoch"])
    for no, both in instance_runs.items()
}
selected_no = max(means, key=means.get)
""",
    *("last epoch", "highest", "validation accuracy"),
)
wrong(
    "selected_no, the smallest gap",
    """
selected_no = min(
    instance_runs,
    key=lambda no: abs(
        instance_runs[no]["manual"]["training_accuracy"]
        - instance_runs[no]["manual"]["validation_accuracy"]
    ),
)
""",
    *("highest", "validation accuracy"),
)
wrong(
    "selected_no, as text",
    """
accuracy = {no: runs["torch"]["validation_accuracy"] for no, runs in instance_runs.items()}
selected_no = str(max(accuracy, key=accuracy.get))
""",
    *("No", "str", "key", "text"),
)

right("selected_no, max with a key", SELECTED)
right(
    "selected_no, a loop",
    """
selected_no, best_accuracy = None, -float("inf")
for no, both in instance_runs.items():
    if both["torch"]["validation_accuracy"] > best_accuracy:
        selected_no, best_accuracy = no, both["torch"]["validation_accuracy"]
""",
)
right(
    "selected_no, sorted by falling accuracy",
    """
ranking = sorted(
    instance_runs.items(), key=lambda pair: pair[1]["manual"]["validation_accuracy"], reverse=True
)
selected_no = ranking[0][0]
""",
)
right(
    "selected_no, numpy's whole number",
    """
numbers = np.array(list(instance_runs))
accuracies = np.array([instance_runs[no]["manual"]["validation_accuracy"] for no in instance_runs])
selected_no = numbers[accuracies.argmax()]
""",
)
