"""Updates as students write them, wrong and right: training functions, and the forms they share."""

import torch


def entering(table, known):
    """A decorator that enters a training function by its name, with what is known of it."""

    def enter(train):
        assert train.__name__ not in table
        table[train.__name__] = train, known
        return train

    return enter


def wrong_table():
    """Return a table {name: (train, words)} and the decorator told(*words) that fills it.

    Each of `words` is a pattern that the message must contain, so that its author finds the cause;
    of two mistakes each has its own.
    """
    table = {}
    return table, lambda *words: entering(table, words)


def right_table():
    """Return a table {name: (train, exact)} and the decorator right(exact) that fills it.

    exact is True where every bit is torch.optim.SGD's, False where the two are equal up to
    rounding.
    """
    table = {}
    return table, lambda exact: entering(table, exact)


def in_loop(update):
    """A training function around `update(model, lr, mom, decay)`, which is called once a batch."""

    def train(epoch_count, model, loss_function, lr, momentum, weight_decay, train_loader):
        for _ in range(epoch_count):
            for X, y in train_loader:
                loss = loss_function(model(X), y)
                model.zero_grad()
                loss.backward()
                with torch.no_grad():
                    update(model, lr, momentum, weight_decay)

    train.__name__ = update.__name__
    return train


def per_parameter(update):
    """A training function around `update(p, v, lr, mom, decay)`; v is a dict for one training."""

    def train(epoch_count, model, loss_function, lr, momentum, weight_decay, train_loader):
        def update_all(model, *rule):
            for p in model.parameters():
                update(p, v, *rule)

        v = {}
        rule = (lr, momentum, weight_decay)
        in_loop(update_all)(epoch_count, model, loss_function, *rule, train_loader)

    train.__name__ = update.__name__
    return train
