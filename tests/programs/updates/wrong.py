"""Training functions that are wrong, each as a student might write it.

Nothing here was taken from the project's own planted mistakes.
"""

import torch

from tests.programs.updates import in_loop, per_parameter, wrong_table

WRONG, told = wrong_table()


@told(r"\.grad", "clone")
def velocity_is_grad(n_epochs, model, loss_fn, lr, mom, decay, loader):
    velocity = [None for _ in model.parameters()]
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad(set_to_none=False)
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for i, p in enumerate(model.parameters()):
                    g = p.grad.add_(decay * p) if decay else p.grad
                    if velocity[i] is None:
                        velocity[i] = g
                    else:
                        velocity[i].mul_(mom).add_(g)
                    p -= lr * velocity[i]


@told(r"\.grad", "clone")
def velocity_is_grad_cleared_by_hand(n_epochs, model, loss_fn, lr, mom, decay, loader):
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            for name, p in model.named_parameters():
                g = p.grad
                if name in v:
                    g.add_(v[name], alpha=mom)
                v[name] = g
                p.data -= lr * (g + decay * p.data)
            for p in model.parameters():
                p.grad.zero_()


@told("momentum", "twice|two steps|second")
@per_parameter
def steps_twice(p, v, lr, mom, decay):
    g = p.grad + decay * p
    if mom:
        v[p] = mom * v[p] + g if p in v else g
        p -= lr * v[p]
    p -= lr * g


@told("momentum", "twice|two steps|2 times|factor 2")
@per_parameter
def steps_twice_by_velocity(p, v, lr, mom, decay):
    g = p.grad + decay * p
    if mom != 0:
        v[p] = g = mom * v.get(p, 0) + g
        p.data.sub_(lr * v[p])
    p.data.sub_(lr * g)


@told("dampen|1 - momentum")
@per_parameter
def average_of_gradients(p, v, lr, mom, decay):
    g = p.grad + decay * p
    v[p] = mom * v.get(p, torch.zeros_like(p)) + (1 - mom) * g
    p -= lr * v[p]


@told("dampen|1 - momentum")
@per_parameter
def dampened_after_the_first(p, v, lr, mom, decay):
    g = p.grad.add(p, alpha=decay)
    v[p] = g.clone() if p not in v else v[p].mul_(mom).add_(g, alpha=1 - mom)
    p.add_(v[p], alpha=-lr)


@told("1 - momentum")
@per_parameter
def one_minus_momentum(p, v, lr, mom, decay):
    g = p.grad + decay * p
    v[p] = g if mom == 0 else (1 - mom) * v.get(p, 0) + g
    p -= lr * v[p]


@told("1 - momentum")
@per_parameter
def weights_of_the_average_interchanged(p, v, lr, mom, decay):
    g = p.grad + decay * p
    v[p] = g if mom == 0 or p not in v else (1 - mom) * v[p] + mom * g
    p -= lr * v[p]


@told("[Nn]esterov")
@per_parameter
def nesterov_by_mistake(p, v, lr, mom, decay):
    g = p.grad + decay * p
    v[p] = mom * v.get(p, 0) + g
    p -= lr * (g + mom * v[p])


@told("momentum", "epoch")
def velocity_made_anew_each_epoch(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for _ in range(n_epochs):
        velocities = [torch.zeros_like(p) for p in model.parameters()]
        for X, y in loader:
            loss_fn(model(X), y).backward()
            for p, v in zip(model.parameters(), velocities, strict=True):
                v.mul_(mom).add_(p.grad + decay * p.data)
                p.data -= lr * v
                p.grad = None


@told("momentum", "forgotten|ignored|no effect|without|each step|every step|never")
@in_loop
def velocity_made_anew_each_batch(model, lr, mom, decay):
    for p in model.parameters():
        v = torch.zeros_like(p)
        v = mom * v + p.grad + decay * p
        p -= lr * v


VELOCITY = {}


@told("call", "momentum|buffer|velocity")
def velocity_is_global(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for name, p in model.named_parameters():
                g = p.grad + decay * p.data
                VELOCITY[name] = mom * VELOCITY.get(name, 0) + g
                p.data -= lr * VELOCITY[name]


@told("call", "momentum|buffer|velocity")
def velocity_is_a_default(n_epochs, model, loss_fn, lr, mom, decay, loader, velocity=[]):  # noqa: B006
    velocity += [0 for _ in model.parameters()][len(velocity) :]
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for i, p in enumerate(model.parameters()):
                velocity[i] = mom * velocity[i] + p.grad + decay * p.data
                p.data -= lr * velocity[i]


@told("momentum|velocity|buffer", "before|old|previous|late")
@per_parameter
def velocity_of_the_step_before(p, v, lr, mom, decay):
    g, old = p.grad + decay * p, v.get(p, 0)
    v[p] = mom * old + g
    p -= lr * (v[p] if mom == 0 else old)


# ----------------------------------------------------------------------------------- the decay


@told("decay", "twice")
@per_parameter
def decay_in_gradient_and_step(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + decay * p
    p -= lr * (v[p] + decay * p)


@told("decay", "twice|factor|2|half")
def penalty_without_its_half(n_epochs, model, loss_fn, lr, mom, decay, loader):
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            penalty = decay * sum(p.pow(2).sum() for p in model.parameters())
            (loss_fn(model(X), y) + penalty).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad
                p.data -= lr * v[p]


@told("decay", "bias")
@per_parameter
def decay_on_matrices_alone(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + (p.grad + decay * p if p.dim() > 1 else p.grad)
    p.copy_(p - lr * v[p])


@told("decay", "after", "momentum|buffer|velocity")
@per_parameter
def decay_after_momentum(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad
    p -= lr * (v[p] + decay * p)


@told("decay", "after|decoupled|AdamW|not in", "momentum|buffer|velocity")
@per_parameter
def decoupled_decay(p, v, lr, mom, decay):
    p *= 1 - lr * decay
    v[p] = mom * v.get(p, 0) + p.grad
    p -= lr * v[p]


@told("decay", "learning rate")
@per_parameter
def shrinking_without_the_learning_rate(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad
    p.mul_(1 - decay).sub_(lr * v[p])


@told("decay", "sign|minus|subtract")
@per_parameter
def decay_with_the_wrong_sign(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + (p.grad - decay * p)
    p -= lr * v[p]


@told("decay", "learning rate|twice|factor|times")
@per_parameter
def decay_times_the_learning_rate_twice(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + lr * decay * p
    p -= lr * v[p]


@told("decay", "sign|L1|absolute|size")
@per_parameter
def l1_instead_of_l2(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad + decay * p.sign()
    p -= lr * v[p]


@told("decay", "not applied|ignored|forgotten|no effect|missing")
@per_parameter
def decay_forgotten(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) + p.grad
    p -= lr * v[p]
