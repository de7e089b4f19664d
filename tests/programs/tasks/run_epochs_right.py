"""Task 3: the loop, right."""

from tests.programs.tasks import tables
from tests.programs.tasks.run_epochs import LOOP

WRONG, RIGHT, wrong, right = tables()

right("run_epochs, totals", LOOP)
right(
    "run_epochs, numpy's mean and enumerate",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    model.train()
    history = np.zeros(epoch_count)
    for e in range(epoch_count):
        of_batches = []
        for i, (inputs, targets) in enumerate(batches_for(model, train_loader)):
            out = model(inputs)
            batch_loss = loss_function(out, targets)
            of_batches.append(float(batch_loss.detach()))
            for p in model.parameters():
                p.grad = None
            batch_loss.backward()
            update()
        history[e] = np.mean(of_batches)
        if after_epoch:
            after_epoch(model)
    return history.tolist()
""",
    exact=False,
)
right(
    "run_epochs, gradients cleared after the update, and before the first",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    means = []
    model.zero_grad()
    while len(means) < epoch_count:
        model.train()
        losses = []
        for X, y in batches_for(model, train_loader):
            loss = loss_function(model(X), y)
            losses.append(loss.item())
            loss.backward()
            update()
            model.zero_grad()
        means += [sum(losses) / len(losses)]
        if after_epoch is not None:
            after_epoch(model)
    return means
""",
)
right(
    "run_epochs, autograd.grad",
    """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    def one_batch(X, y):
        loss = loss_function(model(X), y)
        parameters = list(model.parameters())
        for p, g in zip(parameters, torch.autograd.grad(loss, parameters)):
            p.grad = g
        update()
        return loss.item()

    means = []
    for _ in range(epoch_count):
        model.train()
        losses = [one_batch(X, y) for X, y in batches_for(model, train_loader)]
        means.append(math.fsum(losses) / len(losses))
        after_epoch and after_epoch(model)
    return means
""",
    exact=False,
)
