"""What measures a model judged, tasks 3 and 8, on seven images whose scores are known."""

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from checks.open_task import Task, close, short

SCORES = torch.tensor(  # of seven images: in batches of 4 and 3, six wrong forms give other numbers
    [[2.0, 1.0], [0.5, 3.0], [-1.0, -4.0], [-3.0, -0.5], [0.2, 0.1], [4.0, 1.5], [0.3, 0.9]],
    dtype=torch.double,
)
LABELS = torch.tensor([0, 1, 0, 0, 1, 1, 1])
FIRST = 4


class Table(nn.Module):
    """A net whose scores of image i are row i; in training mode it takes the row before."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.double))

    def forward(self, X):
        rows = X.flatten(start_dim=1)[:, 0].round().long().cpu() - int(self.training)
        return SCORES[rows].to(X.device) * self.scale.to(X.device)


def loader_of_seven(image_shape=(3, 32, 32)):
    """Batches of 4 and 3 images, whose first pixel is their number."""
    X = torch.arange(7, dtype=torch.double)[:, None, None, None].expand(-1, *image_shape)
    return DataLoader(TensorDataset(X.clone(), LABELS), batch_size=FIRST)


@torch.enable_grad()
def measured(task):
    """What the judged function says of a model in eval mode, and a remark on training mode.

    MyMLP has neither dropout nor batch norm, so it is no mistake to measure it in the mode in which
    it comes.
    """
    results, model = [], Table()
    for training in (False, True):
        results.append(task.call(model.train(training), loader_of_seven()))
        words = "the model is trained: measuring changes its weights"
        task.expect(model.scale.item() == 1, words, look="backward, step and the like")
    remark, values = "", [task.numbers(value, "what it returns") for value in results]
    if not close(*values):
        remark = " (remark: not in eval mode)"
    elif not model.training:
        remark = " (remark: the model is left in eval mode)"
    return results[0], remark


def hits_of(scores, labels=LABELS):
    """1 for each image that is answered right, else 0."""
    return (scores.argmax(dim=1) == labels).double()


def wrong_means(mean_of):
    """{what is wrong: the number so}; mean_of(scores, labels): the mean over some images."""
    parts = [mean_of(SCORES[part], LABELS[part]) for part in (slice(FIRST), slice(FIRST, None))]
    return {
        "0": torch.zeros(()).double(),
        "that of training mode: the model is not in eval mode": mean_of(SCORES.roll(1, 0), LABELS),
        "a mean over batches, not over images": sum(parts) / 2,
        "the last batch's alone": parts[1],
        "the first batch's alone": parts[0],
    }


def wrong_accuracies():
    """{what is wrong: the accuracy so}."""
    hits, second = hits_of(SCORES), SCORES[:, 1]
    above_0 = torch.stack([torch.zeros_like(second), second], 1)
    return wrong_means(lambda *some: hits_of(*some).mean()) | {
        "the lowest score's, not the highest's (argmin)": hits_of(-SCORES).mean(),
        "a count of right answers, not the fraction": hits.sum(),
        "a percentage, not a fraction": 100 * hits.mean(),
        "the right answers divided by the number of batches": hits.sum() / 2,
        "that of the second score above 0": hits_of(above_0).mean(),
        "a table of all labels against all answers": hits_of(SCORES, LABELS[:, None]).mean(),
    }


def check_share(task, value):
    """An accuracy of the seven images, or the name of what stands in its place."""
    accuracy = task.numbers(value, "the accuracy")
    accuracy = accuracy.squeeze() if accuracy.numel() == 1 else accuracy
    hits = hits_of(SCORES)
    told = f"{hits.mean():.4g}, {hits.sum():.0f} of 7 images", short(accuracy)
    task.compare(accuracy, hits.mean(), wrong_accuracies, "the accuracy is {}", told)


def check_accuracy(compute_accuracy):
    """Judge compute_accuracy on seven images in two unequal batches, with known scores."""
    task = Task("Task 3, compute_accuracy", compute_accuracy)
    accuracy, remark = measured(task)
    check_share(task, accuracy)
    task.right(f"{hits_of(SCORES).sum():.0f} of 7 made-up images are right" + remark)


@torch.no_grad()
def check_scores(scores_of):
    """Judge scores_of on seven images in two unequal batches, with known scores."""
    task = Task("Task 3, scores_of", scores_of)
    model = Table().train()
    scores, labels = task.pair(task.call(model, loader_of_seven()), "scores and labels")
    scores, labels = task.numbers(scores, "scores"), task.numbers(labels, "labels")
    wrongs = {
        "they are those of training mode": SCORES.roll(1, 0),
        "they are probabilities, after a softmax": SCORES.softmax(dim=1),
        "they are the last batch's alone": SCORES[FIRST:],
    }
    told = f"{tuple(SCORES.shape)}, {short(SCORES)}", f"{tuple(scores.shape)}, {short(scores)}"
    task.compare(scores, SCORES, lambda: wrongs, "the scores are wrong: {}", told)
    told = LABELS.tolist(), labels.tolist()
    task.expect(close(labels, LABELS), "the labels are not the loader's", *told)
    task.expect(model.training, "the model is left in eval mode", "the mode that it had")
    task.right("7 made-up images in the order of the loader, in eval mode")


def wrong_losses():
    """{what is wrong: the mean loss so}."""
    wrongs = wrong_means(functional.cross_entropy)
    return wrongs | {
        "a sum over images, not a mean": functional.cross_entropy(SCORES, LABELS, reduction="sum"),
        "the sum of the batches' means": 2 * wrongs["a mean over batches, not over images"],
        "that of probabilities: softmax twice": functional.cross_entropy(SCORES.softmax(1), LABELS),
    }


def check_measures(loss_and_accuracy):
    """Judge loss_and_accuracy on seven images in two unequal batches, with known scores."""
    task = Task("Task 8, loss_and_accuracy", loss_and_accuracy)
    both, remark = measured(task)
    loss, accuracy = task.pair(both, "the mean loss and the accuracy")
    loss, right = task.numbers(loss, "the loss").squeeze(), hits_of(SCORES).mean()
    mean = functional.cross_entropy(SCORES, LABELS)
    exchanged = close(loss, right) and not close(loss, mean)
    task.expect(not exchanged, "loss and accuracy are exchanged", "loss first, then accuracy")
    task.compare(loss, mean, wrong_losses, "the loss is {}")
    check_share(task, accuracy)
    task.right(f"7 made-up images, loss {mean:.4f}, accuracy {right:.4f}" + remark)


@torch.no_grad()
def check_loss_function(LOSS_FUNCTION):
    """Raise where it is not the mean cross-entropy, which the numbers in the text stand for."""
    task = Task("LOSS_FUNCTION", LOSS_FUNCTION)
    each = functional.cross_entropy(SCORES, LABELS, reduction="none")
    nll = functional.nll_loss(SCORES, LABELS)
    wrongs = {
        "a sum over the images: reduction='sum'": each.sum(),
        "a loss for each image: reduction='none'": each,
        "the loss of log-probabilities (NLLLoss), and the net gives scores": nll,
        "the multi-margin loss": functional.multi_margin_loss(SCORES, LABELS),
    }
    smoothing = getattr(LOSS_FUNCTION, "label_smoothing", 0)
    weight = getattr(LOSS_FUNCTION, "weight", None)
    wanted = "nn.CrossEntropyLoss(): the mean, without label smoothing and weights"
    told = wanted, str(LOSS_FUNCTION), "where it is set, among the global parameters"
    task.expect(not smoothing, f"it smooths the labels, by {smoothing}", *told)
    task.expect(weight is None, "it weighs the classes", *told)
    loss = task.numbers(task.call(SCORES, LABELS), "the loss")
    task.compare(loss, each.mean(), lambda: wrongs, "it is {}", told[:2], told[2])
    task.right("the mean cross-entropy")
