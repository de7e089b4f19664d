"""Task 3 judged: the loop around an update, on unequal batches, and the losses it returns."""

from itertools import product

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from checks.difference import same_bits
from checks.open_task import Task, close, short
from checks.trainings import SmallNet, images_and_labels, one_training, values_of


class Net(SmallNet):
    """SmallNet that takes images from any device."""

    def forward(self, X):
        return super().forward(X.to(self.fc1.weight))


class Loss(nn.CrossEntropyLoss):
    """The cross-entropy times 1.5: who uses another loss function than the given one shows."""

    def forward(self, scores, y):
        return 1.5 * super().forward(scores, y.to(scores.device))


RATE, SIZES, EPOCHS = 0.2, (5, 5, 2), 4


def loader_of_twelve():
    """Batches of 5, 5 and 2 images, the same ones in each epoch."""
    return DataLoader(TensorDataset(*images_and_labels(sum(SIZES))), batch_size=SIZES[0])


def loss_at(vector, X, y, loss_function):
    """(loss, its gradient as one vector) of a Net with these parameters."""
    model = Net()
    nn.utils.vector_to_parameters(vector, model.parameters())
    loss = loss_function(model(X), y)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return loss.item(), torch.cat([g.flatten() for g in gradients])


def right_path(loss_function):
    """The parameters before each of the updates of plain descent, and after the last one."""
    path = [values_of(Net())]
    for _, (X, y) in product(range(EPOCHS), loader_of_twelve()):
        path.append(path[-1] - RATE * loss_at(path[-1], X, y, loss_function)[1])
    return path


def epoch_losses(loss_function):
    """The right mean losses (EPOCHS,), and {what is wrong: the numbers that it gives}."""
    path, batches = right_path(loss_function), list(loader_of_twelve())
    count, shape = len(batches), (EPOCHS, len(batches))

    def table(vector_of):
        steps = [(vector_of(k), *batches[k % count]) for k in range(EPOCHS * count)]
        return torch.tensor([loss_at(*s, loss_function)[0] for s in steps]).double().view(shape)

    before, sizes = table(lambda k: path[k]), torch.tensor(SIZES).double()
    epochs = torch.arange(1, EPOCHS + 1).double()
    kinds = {
        "": before,
        "after the update": table(lambda k: path[k + 1]),
        "before the epoch": table(lambda k: path[count * (k // count)]),
    }
    reductions = {
        "": lambda t: t.mean(1),
        "the sum over the batches, not their mean": lambda t: t.sum(1),
        "a mean over images, not over batches": lambda t: (t * sizes).sum(1) / sizes.sum(),
        "the sum over batches, divided by the number of images": lambda t: t.sum(1) / sizes.sum(),
        "the last batch's alone": lambda t: t[:, -1],
        "the first batch's alone": lambda t: t[:, 0],
        "not set back: the losses of earlier epochs count again": lambda t: t.mean(1).cumsum(0),
        "a mean over all epochs so far": lambda t: t.mean(1).cumsum(0) / epochs,
        "the losses of all batches, not one for each epoch": lambda t: t.flatten(),
        "the last epoch's alone, not one for each epoch": lambda t: t.mean(1)[-1],
    }
    wrongs = {}
    for (when, t), (what, reduce) in product(kinds.items(), reductions.items()):
        words = ", ".join(filter(None, (what, f"taken {when}" if when else "")))
        wrongs[words] = reduce(t)
    return wrongs.pop(""), wrongs


def check_losses(task, returned, loss_function):
    """The mean loss of each epoch, or the name of what was returned in its place."""
    task.expect(returned is not None, "it returns None. Is there a return?", "the mean losses")
    losses = task.numbers(returned, "the losses")
    right, wrongs = epoch_losses(loss_function)
    told = f"{short(right)} for {EPOCHS} epochs", short(losses)
    look = "what is summed in an epoch, when, and what it is divided by"
    task.compare(losses, right, lambda: wrongs, "the training loss is {}", told, look)


class Watch:
    """What was seen at each update: the parameters, the gradients, the mode; and the callbacks."""

    def __init__(self, model):
        self.model, self.vectors, self.gradients, self.modes, self.epochs = model, [], [], [], []
        self.rates = []

    @torch.no_grad()
    def update(self, rate=RATE):
        """Note what is there, and go a step of plain descent."""
        self.rates.append(rate)
        gradients = [p.grad for p in self.model.parameters()]
        none = any(g is None for g in gradients)
        self.vectors.append(values_of(self.model))
        self.gradients.append(None if none else torch.cat([g.flatten() for g in gradients]))
        self.modes.append(self.model.training)
        for p, g in zip(self.model.parameters(), gradients, strict=True):
            if g is not None:
                p -= rate * g

    def after_epoch(self, *arguments):
        """Note after how many updates, and with what, it is called."""
        self.epochs.append((len(self.vectors), arguments))


def wrong_gradients(own, what):
    """{what is wrong: the gradients at each update, where those of its own batch are `own`}."""
    n, sizes = len(SIZES), torch.tensor(SIZES * EPOCHS).double()[:, None]
    in_epochs = own.view(EPOCHS, n, -1)
    none = "zero_grad comes after backward, backward is missing, or a copy of the model is trained"
    before = f"{what} comes before backward: they are those of the batch before"
    return {
        "those of earlier batches are still there: zero_grad is forgotten": own.cumsum(0),
        "zero_grad comes once an epoch, not at each batch": in_epochs.cumsum(1).flatten(0, 1),
        f"there are none in the model that is given: {none}": 0 * own,
        before: torch.cat([0 * own[:1], own[:-1]]),
        "they are divided by the number of images": own / sizes,
    }


def check_updates(task, watch, loss_function, what="update()"):
    """Every update came once, where it must, with the gradients of its own batch."""
    batches, count = list(loader_of_twelve()), len(watch.vectors)
    right, look = EPOCHS * len(batches), f"where {what} stands: in the loop over the batches"
    met = f"{count} calls for {EPOCHS} epochs of {len(batches)} batches"
    start, end = values_of(Net()), values_of(watch.model)
    moved = not count and not same_bits(start, end)
    words = f"{what} is never called, and the weights move: another update is made inside"
    task.expect(not moved, words, look=f"{what} is to be used, and nothing else")
    task.expect(count > 0, f"{what} is never called", f"{right} calls", met, look)
    words = f"{what} is called once an epoch, not once a batch"
    task.expect(count != EPOCHS, words, f"{right} calls", met, look)
    words = "only one epoch is trained: epoch_count is not used"
    task.expect(count != len(batches), words, f"{right} calls", met, "the loop over the epochs")
    task.expect(count == right, f"{what} is not called once a batch", right, met, look)
    task.expect(all(watch.modes), "the model is in eval mode while it trains", look="model.train()")
    steps = [(vector, *batches[k % len(batches)]) for k, vector in enumerate(watch.vectors)]
    own = torch.stack([loss_at(*step, loss_function)[1] for step in steps])
    zero = torch.zeros_like(own[0])
    seen = torch.stack([zero if g is None else g for g in watch.gradients])
    first = next((k for k in range(right) if not close(seen[k], own[k])), 0)
    told = [f"{short(g[first][:3])}, ... at update {first + 1}" for g in (own, seen)]
    look = "the order of zero_grad, backward and the update"
    words = f"{what} meets other gradients than those of its batch: {{}}"

    def wrongs():
        yield from wrong_gradients(own, what).items()
        plain = [loss_at(*step, nn.CrossEntropyLoss())[1] for step in steps]
        given = "the loss function that is given is not used: they are cross-entropy's"
        yield given, torch.stack(plain)
        fits = []  # of whichever batch fits, update by update
        for met, vector in zip(seen, watch.vectors, strict=True):
            of_batches = (loss_at(vector, *batch, loss_function)[1] for batch in batches)
            fits.append(next((g for g in of_batches if close(met, g)), zero))
        yield "the batches come in another order", torch.stack(fits)

    task.compare(seen, own, wrongs, words, told, look)
    words = "the learning rate of the optimizer is changed while it trains"
    task.expect(set(watch.rates) == {RATE}, words, RATE, watch.rates)
    expected = torch.cat([watch.vectors[0][None], torch.stack(watch.vectors) - RATE * own])
    stood = torch.stack([*watch.vectors, end])
    words = "the weights move at another place, too"
    task.expect(close(stood, expected), words, look="what else changes the parameters")
    task.expect(same_bits(watch.vectors[0], start), "the weights move before the first update")


@one_training()
def check_loop(run_epochs):
    """Judge run_epochs on unequal batches, with an update that is watched."""
    task = Task("Task 3, run_epochs", run_epochs)
    loss_function = Loss()
    watch = Watch(Net())
    arguments = (EPOCHS, watch.model, loss_function, loader_of_twelve(), watch.update)
    losses = task.call(*arguments, watch.after_epoch)
    check_updates(task, watch, loss_function)
    check_losses(task, losses, loss_function)
    places, n = [place for place, _ in watch.epochs], len(SIZES)
    look = "where after_epoch stands: in the loop over the epochs, below that over the batches"
    met, wanted = f"calls after {places} updates", [n * e for e in range(1, EPOCHS + 1)]
    told = f"calls after {wanted} updates", met if places else "no call", look
    words = {
        "after_epoch is called at each batch": len(places) == n * EPOCHS,
        "after_epoch is never called": not places,
        "after_epoch is called before the epoch, not after it": places == [w - n for w in wanted],
        "after_epoch is called once, after the last epoch": places == wanted[-1:],
        "after_epoch is not called once after each epoch": places != wanted,
    }
    found = next((w for w, holds in words.items() if holds), None)
    task.expect(found is None, found, *told)
    with_model = all(len(a) == 1 and a[0] is watch.model for _, a in watch.epochs)
    task.expect(with_model, "after_epoch is not called with the model", "after_epoch(model)")
    task.call(*(1, Net(), loss_function, loader_of_twelve(), lambda: None))  # without after_epoch
    task.right(f"{len(watch.vectors)} updates in {EPOCHS} epochs, each with its own gradients")


class WatchedSGD(torch.optim.SGD):
    """An optimizer whose steps are watched; who passes another update than its step is told."""

    def __init__(self, watch, task):
        super().__init__(watch.model.parameters(), lr=RATE)
        self.watch, self.task = watch, task

    def step(self, closure=None):
        """A step of plain descent, noted; returns what complains when it is called as an update."""
        self.watch.update(self.param_groups[0]["lr"])
        return lambda: self.refuse("step is called, and its result is passed", "optimizer.step()")

    def __call__(self):
        """Complain: run_epochs calls its update."""
        self.refuse("the optimizer is passed, not its method step", "optimizer")

    def refuse(self, words, met):
        """Say which update is to be passed."""
        told = "optimizer.step, without brackets", met, "the last arguments of run_epochs"
        self.task.expect(False, f"the update is wrong: {words}", *told)


@one_training()
def check_train(train):
    """Judge train on unequal batches, with an optimizer that is watched."""
    task = Task("Task 3, train", train)
    watch, loss_function = Watch(Net()), Loss()
    arguments = (EPOCHS, WatchedSGD(watch, task), watch.model, loss_function, loader_of_twelve())
    losses = task.call(*arguments)
    check_updates(task, watch, loss_function, "optimizer.step()")
    check_losses(task, losses, loss_function)
    task.right(f"{len(watch.vectors)} steps of the given optimizer in {EPOCHS} epochs")
