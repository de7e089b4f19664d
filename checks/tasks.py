"""A check behind each open cell of part 2, on small made-up inputs, in milliseconds.

Each takes the student's function, raises a Difference that names task, mistake, what was expected
and met, and where to look, and prints a line where all is right. RIGHT holds these lines by task.
"""

from collections.abc import Hashable

import torch

from checks.open_task import RIGHT, Task, close, short
from checks.tasks_data import (
    check_class_names,
    check_classes,
    check_loading,
    check_preprocess,
    check_split,
)
from checks.tasks_loops import check_loop, check_train
from checks.tasks_measures import (
    LABELS,
    SCORES,
    Table,
    check_accuracy,
    check_loss_function,
    check_measures,
    check_scores,
    loader_of_seven,
)
from checks.tasks_net import check_net, check_repeatable
from checks.tasks_updates import (
    check_decay_step,
    check_instances,
    check_manual_step,
    check_manual_training,
    check_momentum_step,
    check_plain_step,
)


def check_selection(selected_no, instance_runs):
    """Judge the No that was selected: its validation accuracy is the highest."""
    task = Task("Task 9, selected_no", lambda: selected_no)
    met = f"{selected_no!r}, of {', '.join(map(str, instance_runs))}"
    known = isinstance(selected_no, Hashable) and selected_no in instance_runs
    task.expect(known, "it is no No of an instance", "a key of instance_runs", met)

    def of(key, choose, last=False):
        values = {no: run["manual"][key] for no, run in instance_runs.items()}
        values = {no: v[-1] if last else v for no, v in values.items()}
        values = {no: float(v) for no, v in values.items() if v == v}  # no NaN
        return [no for no, v in values.items() if v == choose(values.values())]

    best = of("validation_accuracy", max)
    wrongs = {
        "the highest training accuracy": of("training_accuracy", max),
        "the lowest validation accuracy": of("validation_accuracy", min),
        "the lowest training loss": of("training_loss", min, last=True),
        "the highest training loss": of("training_loss", max, last=True),
        "its place: the last one": list(instance_runs)[-1:],
        "its place: the first one": list(instance_runs)[:1],
    }
    by = next((words for words, nos in wrongs.items() if selected_no in nos), "")
    words = "it has not the highest validation accuracy" + (f"; it is chosen by {by}" if by else "")
    told = f"No {' or '.join(map(str, best))}", f"No {selected_no}"
    task.expect(selected_no in best, words, *told, "what max compares")
    words = "an earlier one has the same validation accuracy: the first of them is asked for"
    task.expect(selected_no == best[0], words, f"No {best[0]}", f"No {selected_no}")
    task.right(f"No {selected_no} has the highest validation accuracy of {len(instance_runs)}")


def check_confusion(confusion_matrix):
    """Judge confusion_matrix(probabilities, labels) on six images with four unequal counts."""
    task = Task("Task 10, confusion_matrix", confusion_matrix)
    second = torch.tensor([0.1, 0.4, 0.498, 0.7, 0.502, 0.95], dtype=torch.double)
    labels = torch.tensor([0, 0, 0, 0, 1, 1])
    probabilities = torch.stack([1 - second, second], dim=1)
    counts = task.numbers(task.call(probabilities, labels), "the counts")
    right = torch.tensor([[3.0, 1.0], [0.0, 2.0]]).double()
    wrongs = {
        "rows and columns are interchanged: a row is a true class": right.T,
        "both classes are interchanged": right.flip(0, 1),
        "the columns are interchanged: the answer is the highest probability": right.flip(1),
        "they are shares of the true class, not counts": right / right.sum(1, keepdim=True),
        "they are shares of all images, not counts": right / right.sum(),
        "the probabilities are rounded before they are compared": torch.tensor(
            [[3.0, 1.0], [1.0, 1.0]]
        ),
        "probabilities are summed, not answers counted": torch.stack(
            [probabilities[labels == i].sum(0) for i in (0, 1)]
        ),
    }
    told = f"{right.int().tolist()}: a row for each true class", counts.tolist()
    look = "which index is the true class, and which one the answer"
    task.compare(counts, right, lambda: wrongs, "the counts are wrong: {}", told, look)
    none = task.numbers(task.call(probabilities[:2], labels[:2]), "the counts of one class")
    words = "a class that does not occur changes the shape"
    task.expect(none.tolist() == [[2, 0], [0, 0]], words, [[2, 0], [0, 0]], none.tolist())
    task.right("6 made-up images counted, a row for each true class")


def compare_probabilities(task, probabilities, scores):
    """Raise where these are not the softmax of the scores; NaN of a model that diverged may be."""
    ours, scores = task.numbers(probabilities, "the probabilities"), scores.detach().cpu().double()
    right = scores.softmax(dim=1)
    wrongs = {
        "softmax is taken twice": right.softmax(dim=1),
        "they are the scores, without softmax": scores,
        "they are logarithms: log_softmax": right.log(),
        "softmax goes over the images, not over the classes": scores.softmax(dim=0),
        "they are sigmoids, which do not add up to 1": scores.sigmoid(),
    }
    wrongs |= {f"they are rounded to {n} digits": right.round(decimals=n) for n in range(5)}
    told = short(right), short(ours)
    if ours.shape == right.shape:
        broken = right.isnan() & ours.isnan()
        ours, right = ours.masked_fill(broken, 0), right.masked_fill(broken, 0)
    task.compare(ours, right, lambda: wrongs, "the probabilities are wrong: {}", told)


def check_probabilities(probabilities, scores):
    """Judge probabilities (N, 2) beside their scores; single precision will do."""
    task = Task("Task 10, probabilities", lambda: probabilities)
    compare_probabilities(task, probabilities, scores)
    task.right(f"{len(probabilities):,} images, the softmax of their scores")


def check_prediction(predict):
    """Judge predict(model, loader), probabilities and labels, on seven images of known scores."""
    task = Task("Task 10, predict", predict)
    both = task.call(Table().eval(), loader_of_seven())
    probabilities, labels = task.pair(both, "probabilities and labels")
    compare_probabilities(task, probabilities, SCORES)
    labels = task.numbers(labels, "labels")
    answers = close(labels, SCORES.argmax(dim=1))
    words = "the labels are the model's answers" if answers else "the labels are not the loader's"
    task.expect(close(labels, LABELS), words, LABELS.tolist(), labels.tolist())
    task.right("7 made-up images, the softmax of their scores")


@torch.no_grad()
def check_test_accuracy(test_accuracy, model, test_loader):
    """Judge a number: the share of all test images that the selected model answers right."""
    task, p = Task("Task 10, test_accuracy", lambda: test_accuracy), next(model.parameters())
    accuracy = task.numbers(test_accuracy, "the accuracy").squeeze()
    was_training = model.training
    model.eval()
    hits = [model(X.to(p.device, p.dtype)).argmax(1).cpu() == y.cpu() for X, y in test_loader]
    model.train(was_training)
    right = torch.cat(hits).double().mean()
    wrongs = {"it is a percentage, not a fraction": 100 * right}
    what = "it is not the accuracy of the selected model, as it was trained, on all test images: {}"
    task.compare(accuracy, right, lambda: wrongs, what, (f"{right:.6g}", short(accuracy)))
    task.right(f"{right:.2%} of all test images")
