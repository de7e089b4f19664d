"""What the training loops are given: batches, labels, an optimizer. Where torch stays silent, or
fails in words that name no cause, a ValueError says what is wrong and what to do.
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

INDEX_LOSSES = (nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss)
INDEX_FUNCTIONS = (nn.functional.cross_entropy, nn.functional.nll_loss)


def batches_for(model, loader):
    """Yield each (X, y) of `loader` on the model's device; floating-point numbers in its dtype.

    Lists and arrays become tensors. Raises ValueError for a dataset in the place of a loader.
    """
    if isinstance(loader, Dataset) and not isinstance(loader, IterableDataset):
        raise ValueError(
            f"{type(loader).__name__} is a dataset: it gives one image at a time, not batches; "
            "pass make_loader(dataset)"
        )
    parameter = next(model.parameters())

    def convert(values):
        if not torch.is_tensor(values):
            values = torch.from_numpy(np.asarray(values))
        if torch.is_floating_point(values) and torch.is_floating_point(parameter):
            return values.to(parameter.device, parameter.dtype)
        return values.to(parameter.device)

    for X, y in loader:
        yield convert(X), convert(y)


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
