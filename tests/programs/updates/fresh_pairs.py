"""Trainings as students write them, with two mistakes at once."""

import torch

from tests.programs.updates import in_loop, per_parameter, wrong_table

WRONG, told = wrong_table()

DECAY = "decay"


def with_state(update):
    """A training function around `update(model, state, lr, mom, decay)`, with a dict as state."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        state = {}
        one_step = in_loop(lambda model, *rule: update(model, state, *rule))
        one_step(n_epochs, model, loss_fn, lr, mom, decay, loader)

    train.__name__ = update.__name__
    return train


@told(r"decay.*(not applied|ignored|forgotten|no effect|missing|without|never)", r"momentum")
@in_loop
def plain_descent(model, lr, mom, decay):
    """Task 4 alone: neither decay nor momentum."""
    for p in model.parameters():
        p -= lr * p.grad


@told(r"decay", r"dampen|1 - momentum|average")
@per_parameter
def minus_decay_and_dampening(p, v, lr, mom, decay):
    """The decay has the wrong sign, and the velocity is an average."""
    v[p] = mom * v.get(p, 0) + (1 - mom) * (p.grad - decay * p)
    p -= lr * v[p]


@told(r"learning rate|\blr\b", r"bias")
@with_state
def learning_rate_twice_and_no_decay_of_biases(model, v, lr, mom, decay):
    """lr is in the velocity and in the step; biases are not decayed."""
    for name, p in model.named_parameters():
        g = p.grad + (decay * p if name.endswith("weight") else 0)
        v[name] = mom * v.get(name, 0) + lr * g
        p -= lr * v[name]


@told(r"zero_grad|zero|clear|accumulat|add up", DECAY)
def no_zero_grad_and_half_the_decay(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """No zero_grad anywhere, and decay / 2 in the gradient (from decay / 2 * w^2)."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for p in model.parameters():
                    v[p] = mom * v.get(p, 0) + p.grad + decay / 2 * p
                    p.sub_(v[p], alpha=lr)


@told(r"[Nn]esterov|look", DECAY)
@per_parameter
def nesterov_and_decay_outside(p, v, lr, mom, decay):
    """Nesterov's step, and a decay that never enters the velocity."""
    v[p] = mom * v.get(p, 0) + p.grad
    p -= lr * (p.grad + mom * v[p] + decay * p)


@told(r"momentum|velocity|buffer", r"decay")
def velocity_and_decay_once_an_epoch(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The velocity starts anew in each epoch; the decay is applied once, after an epoch."""
    for _ in range(n_epochs):
        velocity = [0.0] * len(list(model.parameters()))
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for i, p in enumerate(model.parameters()):
                velocity[i] = mom * velocity[i] + p.grad
                p.data -= lr * velocity[i]
        for p in model.parameters():
            p.data *= 1 - lr * decay


@told(r"momentum", r"sign|minus|negative|-1|subtract", DECAY)
@per_parameter
def minus_momentum_and_decay_twice(p, v, lr, mom, decay):
    """The old velocity is subtracted; the decay is 2 * decay * w, as of decay * w^2."""
    g = p.grad + 2 * decay * p
    v[p] = g - mom * v[p] if p in v else g
    p -= lr * v[p]


@told(r"batch|sample|size|factor", r"momentum")
def over_the_batch_size_and_velocity_not_stored(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """Gradients over len(X); `vel` is a new name in the loop and never goes back to the list."""
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for p, vel in zip(model.parameters(), velocities, strict=True):
                    vel = mom * vel + p.grad / len(X) + decay * p
                    p -= lr * vel


@told(r"clip|norm|length|limit", r"decay")
@with_state
def clipped_and_no_decay(model, v, lr, mom, decay):
    """Gradients clipped to a norm of 0.1 "for stability"; no decay."""
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
    for p in model.parameters():
        v[p] = mom * v.get(p, 0) + p.grad
        p -= lr * v[p]


@told(r"L1|sign|absolute|size", r"shape|shar|same|one buffer|common|momentum|velocity|buffer")
@per_parameter
def l1_and_buffer_by_length(p, v, lr, mom, decay):
    """The penalty is L1's; buffers are keyed by shape, and layers of one shape share one."""
    key = tuple(p.size())
    v[key] = mom * v.get(key, 0) + p.grad + decay * torch.sign(p)
    p.sub_(lr * v[key])


@told(r"momentum", r"learning rate|\blr\b|factor")
@per_parameter
def previous_step_itself_and_decay_without_lr(p, v, lr, mom, decay):
    """`previous` is p itself, so that no momentum is left; p shrinks by decay, not lr * decay."""
    inertia = mom * (p - v.setdefault(p, p))
    p.mul_(1 - decay).sub_(lr * p.grad).add_(inertia)


@told(r"batch|loss|gradient|factor|divid", DECAY)
def loss_over_batches_and_whole_penalty(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The loss is divided by len(loader); the penalty lacks its 1/2."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss = loss_fn(model(X), y) / len(loader)
            loss = loss + decay * sum(torch.norm(p) ** 2 for p in model.parameters())
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad
                p.data.add_(-lr * v[p])


@told(r"bias", r"momentum|velocity|buffer")
@with_state
def weights_alone_and_momentum_of_the_gradient(model, last, lr, mom, decay):
    """Only the matrices move; the momentum keeps the last gradient, not the last velocity."""
    for m in model.modules():
        if isinstance(m, torch.nn.Linear):
            W = m.weight
            g = W.grad + decay * W
            W.sub_(lr * (g + mom * last.get(m, torch.zeros_like(g))))
            last[m] = g


@told(r"sign|ascent|uphill|plus|\+|direction|wrong way", DECAY)
@per_parameter
def uphill_with_a_decay_of_its_own(p, v, lr, mom, decay):
    """p += lr * v climbs; the decay, apart from it, shrinks, and is not in the velocity."""
    v[p] = mom * v.get(p, 0) + p.grad
    p.add_(lr * v[p] - lr * decay * p)


@told(r"last layer|layer|not move|left|frozen|parameter", r"dampen|1 - momentum|average")
@with_state
def last_layer_left_out_and_average(model, average, lr, mom, decay):
    """range(len - 2) leaves out the last layer; the velocity is an average from 0."""
    params = list(model.parameters())
    for i in range(len(params) - 2):
        p = params[i]
        g = p.grad + decay * p
        average[i] = mom * average.get(i, 0) + (1 - mom) * g
        p -= lr * average[i]


@told(r"learning rate|\blr\b", r"momentum")
def falling_rate_and_half_the_momentum(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """A schedule nobody asked for, and (lr / 2) for the momentum's part of the step."""
    v = {}
    for epoch in range(n_epochs):
        rate = lr * 0.95**epoch
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                g, old = p.grad + decay * p.data, v.get(p, torch.zeros_like(p.data))
                v[p] = mom * old + g
                p.data -= rate * g + rate / 2 * mom * old


@told(r"batch|generator|iterator|used up|exhausted|parameters\(\)|list", DECAY)
def generator_of_an_epoch_and_minus_decay(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """parameters() is used up by each epoch's first batch; the decay has the wrong sign.

    One batch an epoch leaves the decay alone."""
    v = {}
    for _ in range(n_epochs):
        named = model.named_parameters()
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for name, p in named:
                v[name] = mom * v.get(name, 0) + p.grad - decay * p.data
                p.data.sub_(lr * v[name])
