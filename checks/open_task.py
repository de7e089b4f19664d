"""One open task of part 2: how a student's function is called, and how a mistake is told."""

import contextlib
import io
import random
from dataclasses import dataclass

import numpy as np
import torch

from checks.difference import Difference, global_state_kept
from checks.telling import in_one_line, own_line, wrapped

RIGHT = {}  # what was found right, by task: what the notebook says at its end comes from here


@dataclass
class Task:
    """A function that is judged, under the name of its task."""

    title: str  # "Task 1, preprocess"
    judged: object
    calls: int = 0

    def __post_init__(self):
        RIGHT.pop(self.title, None)
        self.expect(callable(self.judged), f"{self.judged!r} is no function: pass it by its name")

    def expect(self, holds, words, expected=None, met=None, look=None):
        """Raise a Difference where it does not hold: what is wrong, what was met, where to look."""
        if holds:
            return
        facts = {"expected": expected, "met": met, "look at": look}
        lines = wrapped(f"{self.title}: {words}", 4, 0)
        for name, fact in facts.items():
            lines += wrapped(f"{name}: {fact}", 8, 4) if fact is not None else []
        raise Difference("\n".join(lines))

    def call(self, *arguments, **more):
        """What the function returns; global state is put back, and no progress bar is shown.

        Random numbers start from another seed at each call, so that who sets none shows.
        NotImplementedError passes: it says what is to be written. Any other error is told with the
        student's own line.
        """
        self.calls += 1
        try:
            with global_state_kept(), contextlib.redirect_stderr(io.StringIO()):
                for set_seed in (random.seed, torch.manual_seed, np.random.seed):  # noqa: NPY002
                    set_seed(self.calls)
                return self.judged(*arguments, **more)
        except (NotImplementedError, Difference):
            raise
        except Exception as error:
            self.expect(False, f"it stops with {in_one_line(error)}", look=own_line(error) or None)

    def numbers(self, values, what):
        """Tensors, arrays, lists or single numbers as a tensor of doubles."""
        self.expect(values is not None, f"{what}: None. Is there a return?")
        if isinstance(values, list | tuple) and any(map(torch.is_tensor, values)):
            values = [torch.as_tensor(value).tolist() for value in values]
        try:
            return torch.as_tensor(values).detach().cpu().double()
        except (TypeError, ValueError, RuntimeError):
            self.expect(False, f"{what} cannot be read as numbers", met=repr(values)[:80])

    def pair(self, values, what):
        """Two results, one after the other."""
        self.expect(values is not None, f"it returns None, not {what}. Is there a return?")
        two = isinstance(values, tuple | list) and len(values) == 2
        met = f"{len(values)} of them" if isinstance(values, tuple | list) else type(values)
        self.expect(two, f"it does not return two results: {what}", met=met)
        return values

    def images_and_labels(self, dataset, what):
        """X and y of a TensorDataset, of a subset of one, or of anything that gives pairs."""
        self.expect(dataset is not None, f"{what} is None. Is there a return?")
        is_pair = isinstance(dataset, tuple) and all(map(torch.is_tensor, dataset))
        self.expect(not is_pair, f"{what} is a tuple of tensors", "a TensorDataset(X, y)")
        if hasattr(dataset, "tensors"):
            X, y = self.pair(dataset.tensors, "X and y")
        else:
            try:
                pairs = [dataset[i] for i in range(len(dataset))]
                X = torch.stack([torch.as_tensor(image) for image, _ in pairs])
                y = torch.stack([torch.as_tensor(label) for _, label in pairs])
            except (TypeError, ValueError, RuntimeError, LookupError) as error:
                met = f"{type(dataset).__name__} ({in_one_line(error)})"
                self.expect(False, f"{what} gives no pairs", "a TensorDataset(X, y)", met)
        self.expect(len(X) == len(y), f"{what} has {len(X)} images and {len(y)} labels")
        self.expect(X.dim() > 1, f"{what} has no images", "X of several axes", tuple(X.shape))
        return X, y

    def compare(self, met, right, wrongs, what, told=(), look=None):
        """Raise where two tensors differ, with the name of the wrong form that was met.

        wrongs: a function that returns pairs (what is wrong, numbers), or a dict of them; what:
        words in which {} is the name. told: expected and met, where a few numbers do not say it.
        """
        if close(met, right):
            return
        pairs = wrongs()
        pairs = pairs.items() if isinstance(pairs, dict) else pairs
        found = (words for words, value in pairs if close(met, value))
        words = what.format(next(found, "not what it must be"))
        self.expect(False, words, *(told or (short(right), short(met))), look)

    def right(self, words):
        """Say so, and note it."""
        RIGHT[self.title] = words
        print("\n".join(wrapped(f"{self.title}: {words}", 4, 0)))


def close(left, right, tolerance=1e-6):
    """True if two tensors have one shape and equal entries, up to single precision. NaN: False."""
    if left.shape != right.shape:
        return False
    left, right = left.double(), right.double()
    return bool(((left - right).abs() <= tolerance * right.abs().clamp(min=1)).all())


def short(values):
    """A tensor of numbers in a few words."""
    numbers = [f"{value:.4g}" for value in values.flatten().tolist()]
    return ", ".join(numbers[:6]) + (", ..." if len(numbers) > 6 else "")
