"""Trainings as students write them, right, in odd styles."""

import copy
import itertools

import torch

from tests.programs.updates import per_parameter, right_table

RIGHT, right = right_table()


@right(exact=False)
def grad_is_the_velocity(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """.grad times momentum in place of zero_grad: the next backward() adds to the velocity."""
    model.zero_grad()
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for p in model.parameters():
                    p.grad += decay * p
                    p -= lr * p.grad
                    p.grad *= mom


@right(exact=True)
def coroutine_for_each_parameter(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """A generator for each parameter, which keeps its velocity as a local variable."""

    def mover(p):
        velocity = None
        while True:
            g = (yield).add(p.data, alpha=decay)
            velocity = g if velocity is None else velocity.mul(mom).add(g)
            p.data.add_(velocity, alpha=-lr)

    movers = [(p, mover(p)) for p in model.parameters()]
    for _, m in movers:
        next(m)
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p, m in movers:
                m.send(p.grad)


@right(exact=False)
@per_parameter
def sum_over_all_steps(p, v, lr, mom, decay):
    """No velocity: all gradients are kept, each with its power of the momentum."""
    past = v.setdefault(p, [])
    past.insert(0, p.grad + decay * p)
    p -= lr * sum(mom**age * g for age, g in enumerate(past))


@right(exact=True)
def step_inside_backward(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """Hooks move each parameter as soon as its gradient is there; they are removed at the end."""
    v = {}

    def move(p):
        g = p.grad.add(p, alpha=decay)
        v[p] = v[p].mul_(mom).add_(g) if p in v else g
        p.add_(v[p], alpha=-lr)
        p.grad = None

    def hook(p):
        with torch.no_grad():
            move(p)

    handles = [p.register_post_accumulate_grad_hook(hook) for p in model.parameters()]
    model.zero_grad()
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
    for handle in handles:
        handle.remove()


@right(exact=True)
def one_chain_of_batches(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The epochs as one long loop, and a dict that makes its zeros itself."""

    class Velocity(dict):
        def __missing__(self, p):
            return self.setdefault(p, torch.zeros_like(p))

    v = Velocity()
    for X, y in itertools.chain.from_iterable(itertools.repeat(loader, n_epochs)):
        params = tuple(model.parameters())
        gradients = torch.autograd.grad(loss_fn(model(X), y), params)
        with torch.no_grad():
            for p, g in zip(params, gradients, strict=True):
                p.add_(v[p].mul_(mom).add_(g.add(p, alpha=decay)), alpha=-lr)


@right(exact=False)
def gradients_first_then_steps(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """Three passes over the parameters; what is kept is the step, with its learning rate."""
    params = list(model.parameters())
    steps = [0] * len(params)
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad(set_to_none=True)
            loss_fn(model(X), y).backward()
            gradients = [p.grad.detach() + p.detach() * decay for p in params]
            steps = [mom * s + lr * g for s, g in zip(steps, gradients, strict=True)]
            for p, s in zip(params, steps, strict=True):
                p.data = p.data - s


@right(exact=False)
@per_parameter
def lerp_for_the_decay(p, v, lr, mom, decay):
    """The decay's share of this step by lerp_ towards 0, its share of the past in the velocity."""
    past = mom * v.get(p, torch.zeros_like(p))
    v[p] = past + p.grad + decay * p
    p.lerp_(torch.zeros_like(p), lr * decay).sub_(lr * (past + p.grad))


@right(exact=True)
def velocities_in_a_second_net(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The buffers are the parameters of a copy of the net, set to 0."""
    shadow = copy.deepcopy(model).requires_grad_(False)
    for q in shadow.parameters():
        q.zero_()
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for p, q in zip(model.parameters(), shadow.parameters(), strict=True):
                    q.mul_(mom).add_(p.grad.add(p, alpha=decay))
                    p.add_(q, alpha=-lr)
