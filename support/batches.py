"""What the training loops are given: a device, batches, labels, an optimizer, its numbers. Where
torch stays silent, or fails in words that name no cause, a ValueError says what is wrong and what
to do.
"""

import functools
import inspect
import math
import os

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

INDEX_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
INDEX_FUNCTIONS = (nn.functional.cross_entropy, nn.functional.nll_loss)


def choose_device():
    """Return torch's GPU, told to add in the same order every time, or the CPU without one."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only so
    torch.use_deterministic_algorithms(True)
    return torch.device("cuda")


class Batches:
    """The batches (X, y) of a loader, on the model's device; floating-point numbers in its dtype.

    One pass through them is an epoch. Lists and arrays become tensors. Raises ValueError for a
    dataset in the place of a loader, and for an epoch without a batch.
    """

    def __init__(self, model, loader):
        if isinstance(loader, Dataset) and not isinstance(loader, IterableDataset):
            raise ValueError(
                f"{type(loader).__name__} is a dataset: it gives one image at a time, not batches; "
                "pass make_loader(dataset)"
            )
        self.model, self.loader, self.epoch = model, loader, 0

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        self.epoch += 1
        parameter, empty = next(self.model.parameters()), True

        def convert(values):
            if not torch.is_tensor(values):
                values = torch.from_numpy(np.asarray(values))
            if torch.is_floating_point(values) and torch.is_floating_point(parameter):
                return values.to(parameter.device, parameter.dtype)
            return values.to(parameter.device)

        for X, y in self.loader:
            empty = False
            yield convert(X), convert(y)
        if empty:
            when = f" in epoch {self.epoch}" if self.epoch > 1 else ""
            raise ValueError(
                f"the loader gave no images, no batch{when}; pass one that restarts, as "
                "make_loader(dataset)"
            )


def guarded(loop):
    """Decorate a training function: it meets Batches, and no input that cannot be trained on.

    Its arguments are found by their names: epoch_count, model, loss_function, train_loader and, if
    there is one, optimizer. Raises ValueError for fewer than 1 epoch, a loader without batches,
    labels that do not fit the model's outputs, and an optimizer of another model.
    """
    signature = inspect.signature(loop)

    @functools.wraps(loop)
    def checked(*arguments, **more):
        given = signature.bind(*arguments, **more).arguments
        if given["epoch_count"] < 1:
            count = given["epoch_count"]
            raise ValueError(f"epoch_count is {count}; training needs at least 1 epoch")
        if "optimizer" in given:
            check_optimizer(given["optimizer"], given["model"])
        given["train_loader"] = Batches(given["model"], given["train_loader"])
        given["loss_function"] = refuse_bad_labels(given["loss_function"])
        return loop(**given)

    return checked


def check_indices(y, scores):
    """Raise ValueError unless `y` is one label of 0 ... outputs - 1 for each row of `scores`."""
    if y.shape != scores.shape[:1]:  # (N, 1) would be compared with (N,) as a table, N x N
        raise ValueError(f"labels of shape {tuple(y.shape)} for {len(scores)} images, not (N,)")
    check_labels(y, scores)


def check_labels(y, scores, ignored=None):
    """Raise ValueError where `y` cannot be the labels of `scores`, the model's outputs.

    scores: (N, outputs); y: class indices (N,) or floats (N, outputs). The index `ignored` passes.
    """
    if scores.dim() < 2 or y.numel() == 0:
        return
    outputs = scores.shape[1]
    if outputs == 1:
        raise ValueError(
            "the model has one output, which is the highest whatever its value; give it an output "
            "for each class (one alone fits a loss such as BCEWithLogitsLoss, with float targets "
            "of the outputs' shape)"
        )
    if y.shape == scores.shape:
        if not y.is_floating_point():
            raise ValueError(
                f"the labels are one-hot, of whole numbers ({y.dtype}); pass class indices of "
                "shape (N,), y.argmax(dim=1), or the one-hot labels as floats, y.double()"
            )
        return
    lowest, highest = y.aminmax()
    if not (lowest >= 0 and highest < outputs):
        outside = y[~((y >= 0) & (y < outputs)) & (y != ignored)].unique().tolist()
        if outside:
            raise ValueError(
                f"labels {', '.join(map(str, outside[:5]))} for a model with {outputs} outputs; a "
                f"label is the index of an output, 0 to {outputs - 1}. Number the classes from 0 "
                "on (CIFAR's 0 and 2: y // 2), or give the model an output for each class"
            )


def refuse_bad_labels(loss_function):
    """Return `loss_function` with check_labels before it, if it is one that takes class indices.

    Another one may take other labels; there check_labels only explains the loss's own error.
    """
    takes_indices = isinstance(loss_function, INDEX_LOSSES) or loss_function in INDEX_FUNCTIONS
    ignored = getattr(loss_function, "ignore_index", -100)  # torch's own default

    def compute_loss(scores, y):
        if takes_indices:
            check_labels(y, scores, ignored)
            y = y if y.is_floating_point() else y.long()
        try:
            return loss_function(scores, y)
        except (RuntimeError, IndexError):
            if not y.is_floating_point():
                check_labels(y, scores, ignored)
            raise

    return compute_loss


def check_optimizer(optimizer, model):
    """Raise ValueError where a torch optimizer holds none of the model's parameters."""
    groups = getattr(optimizer, "param_groups", None)
    if groups is None:  # not one of torch's: it may reach the model in its own way
        return
    held = {id(p) for group in groups for p in group["params"]}
    if held.isdisjoint(map(id, model.parameters())):
        raise ValueError(
            "the optimizer holds none of the model's parameters, so this model would not change; "
            "make the optimizer from it: torch.optim.SGD(model.parameters(), lr=0.1)"
        )


def check_hyperparameters(learning_rate, momentum, weight_decay, dampening, nesterov):
    """Raise ValueError for values that torch.optim.SGD refuses, and for NaN."""
    given = {"learning_rate": learning_rate, "momentum": momentum, "weight_decay": weight_decay}
    if math.isnan(dampening):
        raise ValueError("dampening is nan; it must be a number")
    for name, value in given.items():
        if not value >= 0:
            raise ValueError(f"{name} is {value}; it must be 0 or more")
    if nesterov and (momentum == 0 or dampening != 0):
        raise ValueError(
            f"nesterov needs momentum above 0 and dampening 0; got {momentum} and {dampening}"
        )
