"""Task 9: the selection."""

from tests.programs.tasks import tables

SELECTED = (
    "selected_no = max(instance_runs, "
    'key=lambda no: instance_runs[no]["manual"]["validation_accuracy"])\n'
)
VALIDATED = '["validation_accuracy"]'
WRONG, RIGHT, wrong, right = tables("selected_no", SELECTED)

wrong("the training accuracy", {VALIDATED: '["training_accuracy"]'}, "validation|training")
wrong("the lowest accuracy", {"max(": "min("}, "highest|validation accuracy|lowest")
wrong(
    "the lowest training loss",
    """
losses = {no: run["manual"]["training_loss"][-1] for no, run in instance_runs.items()}
selected_no = min((no for no in losses if not math.isnan(losses[no])), key=losses.get)
""",
    "validation|accuracy",
)
wrong(
    "the lowest validation loss",
    """
finite = {no: both["manual"]["validation_loss"][-1] for no, both in instance_runs.items()}
selected_no = min(finite, key=finite.get)
""",
    "accuracy|loss",
)
wrong(
    "the place in the list",
    """
accuracies = [both["manual"]["validation_accuracy"] for both in instance_runs.values()]
selected_no = accuracies.index(max(accuracies))
""",
    "No|index|place|key|from 0",
)
wrong(
    "numpy's argmax",
    """
selected_no = np.argmax([run["manual"]["validation_accuracy"] for run in instance_runs.values()])
""",
    "No|index|place|key|from 0",
)
wrong(
    "the accuracy in the place of its No",
    """
selected_no = max(run["manual"]["validation_accuracy"] for run in instance_runs.values())
""",
    "No|key|instance_runs|accuracy",
)
wrong(
    "the last one of equals",
    """
best = -1
for no in instance_runs:
    accuracy = instance_runs[no]["manual"]["validation_accuracy"]
    if accuracy >= best:
        best, selected_no = accuracy, no
""",
    "first|equal|several",
)
wrong(
    "the best epoch of any instance",
    """
selected_no = max(
    instance_runs,
    key=lambda no: max(instance_runs[no]["manual"]["validation_accuracy_by_epoch"]),
)
""",
    "last epoch|highest|validation accuracy",
)
wrong("typed in by hand", "selected_no = 3\n", "highest|validation accuracy")
wrong("the last instance", "selected_no = no = max(instance_runs)\n", "highest|validation accuracy")
wrong(
    "the runs in the place of their No",
    """
selected_no = max(instance_runs.values(), key=lambda both: both["manual"]["validation_accuracy"])
""",
    "No|key|dict",
)
wrong(
    "the highest mean over epochs",
    """
means = {
    no: np.mean(both["manual"]["validation_accuracy_by_epoch"])
    for no, both in instance_runs.items()
}
selected_no = max(means, key=means.get)
""",
    "last epoch|highest|validation accuracy",
)
wrong(
    "the smallest gap",
    """
selected_no = min(
    instance_runs,
    key=lambda no: abs(
        instance_runs[no]["manual"]["training_accuracy"]
        - instance_runs[no]["manual"]["validation_accuracy"]
    ),
)
""",
    "highest|validation accuracy",
)
wrong(
    "as text",
    """
accuracy = {no: runs["torch"]["validation_accuracy"] for no, runs in instance_runs.items()}
selected_no = str(max(accuracy, key=accuracy.get))
""",
    "No|str|key|text",
)

right("max with a key", SELECTED)
right(
    "a loop",
    """
selected_no, best_accuracy = None, -float("inf")
for no, both in instance_runs.items():
    if both["torch"]["validation_accuracy"] > best_accuracy:
        selected_no, best_accuracy = no, both["torch"]["validation_accuracy"]
""",
)
right(
    "sorted by falling accuracy",
    """
ranking = sorted(
    instance_runs.items(), key=lambda pair: pair[1]["manual"]["validation_accuracy"], reverse=True
)
selected_no = ranking[0][0]
""",
)
right(
    "numpy's whole number",
    """
numbers = np.array(list(instance_runs))
accuracies = np.array([instance_runs[no]["manual"]["validation_accuracy"] for no in instance_runs])
selected_no = numbers[accuracies.argmax()]
""",
)
