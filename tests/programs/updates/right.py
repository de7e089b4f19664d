"""Training functions that are right, each as a student might write it.

Nothing here was taken from the project's own planted updates.
"""

import math

import numpy as np
import torch
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from tests.programs.updates import per_parameter, right_table

RIGHT, right = right_table()

# ------------------------------------------------------------------------ equal to the last bit


@right(exact=True)
def as_in_the_lecture(n_epochs, model, loss_fn, lr, mom, decay, loader, device="cpu"):
    """With the assignment's cast, its mean over len(loader), and lines printed."""
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    losses = []
    for epoch in range(1, n_epochs + 1):
        total = 0.0
        for images, labels in loader:
            images, labels = images.to(device=device, dtype=torch.double), labels.to(device)
            loss = loss_fn(model(images), labels)
            loss.backward()
            with torch.no_grad():
                for v, p in zip(velocities, model.parameters(), strict=True):
                    g = p.grad.add(p, alpha=decay)
                    v.mul_(mom).add_(g)
                    p.add_(v, alpha=-lr)
            model.zero_grad()
            total += loss.item()
        losses.append(total / len(loader))
        print(f"Epoch {epoch}  |  Training loss {losses[-1]:.5f}")
    return losses


@right(exact=True)
def functional(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """No .grad at all; the velocity in a dict by name."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    velocity = dict.fromkeys(names)
    for _ in range(n_epochs):
        for X, y in loader:
            gradients = torch.autograd.grad(loss_fn(model(X), y), parameters)
            for name, p, g in zip(names, parameters, gradients, strict=True):
                g = torch.add(g, p.detach(), alpha=decay)
                old = velocity[name]
                velocity[name] = g if old is None else torch.add(g, torch.mul(old, mom))
                p.data = torch.add(p.data, velocity[name], alpha=-lr)


@right(exact=True)
def velocity_on_the_parameter(n_epochs, model, loss_fn, lr, mom, decay, loader):
    for p in model.parameters():
        p.velocity = None
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                g = p.grad.add_(p.data, alpha=decay)  # in place: nobody needs the gradient again
                p.velocity = g.clone() if p.velocity is None else mom * p.velocity + g
                p.data.copy_(p.data.add(p.velocity, alpha=-lr))


@right(exact=True)
@per_parameter
def grad_kept_as_velocity_where_it_does_no_harm(p, v, lr, mom, decay):
    g = p.grad.add(p, alpha=decay) if decay else p.grad
    v[p] = v[p].mul_(mom).add_(g) if p in v else g  # zero_grad gives the memory up to it
    p.sub_(v[p], alpha=lr)


class Optimizer:
    def __init__(self, model, **rule):
        self.parameters, self.rule, self.buffers = list(model.parameters()), rule, None

    @torch.no_grad()
    def step(self):
        gradients = [p.grad for p in self.parameters]
        if self.rule["decay"]:
            gradients = torch._foreach_add(gradients, self.parameters, alpha=self.rule["decay"])
        if self.buffers is None:
            self.buffers = [g.clone() for g in gradients]
        else:
            torch._foreach_mul_(self.buffers, self.rule["mom"])
            torch._foreach_add_(self.buffers, gradients)
        torch._foreach_add_(self.parameters, self.buffers, alpha=-self.rule["lr"])


def other_order(model, loader, loss_fn, n_epochs, optimizer):
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            optimizer.step()


RIGHT["a class of one's own"] = (
    lambda n, model, loss, lr, mom, decay, loader: other_order(
        model, loader, loss, n, Optimizer(model, lr=lr, mom=mom, decay=decay)
    ),
    True,
)
RIGHT["torch's own"] = (
    lambda n, model, loss, lr, mom, decay, loader: other_order(
        model, loader, loss, n, torch.optim.SGD(model.parameters(), lr, mom, weight_decay=decay)
    ),
    True,
)

# --------------------------------------------------------------------------- up to rounding


@right(exact=False)
def most_common(n_epochs, model, loss_fn, lr, mom, decay, loader):
    velocity = [0] * len(list(model.parameters()))
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for i, p in enumerate(model.parameters()):
                    velocity[i] = mom * velocity[i] + p.grad + decay * p
                    p -= lr * velocity[i]
                    p.grad = None


@right(exact=False)
@per_parameter
def learning_rate_inside_the_velocity(p, v, lr, mom, decay):
    v[p] = mom * v.get(p, 0) - lr * (p.grad + decay * p)
    p += v[p]


@right(exact=False)
@per_parameter
def in_numpy(p, v, lr, mom, decay):
    g = p.grad.numpy() + decay * p.numpy()
    v[p] = mom * v.get(p, np.zeros_like(g)) + g
    p.copy_(torch.from_numpy(p.numpy() - lr * v[p]))


@right(exact=False)
@per_parameter
def heavy_ball(p, v, lr, mom, decay):
    """No velocity: the difference of the last two positions."""
    before = p.clone()
    p += mom * (p - v.get(p, p)) - lr * (p.grad + decay * p)
    v[p] = before


@right(exact=False)
def penalty_in_the_loss(n_epochs, model, loss_fn, lr, mom, decay, loader):
    v = [torch.zeros_like(p) for p in model.parameters()]
    for _ in range(n_epochs):
        for X, y in loader:
            penalty = decay / 2 * sum((p**2).sum() for p in model.parameters())
            model.zero_grad()
            (loss_fn(model(X), y) + penalty).backward()
            for i, p in enumerate(model.parameters()):
                v[i] = mom * v[i] + p.grad
                p.data = p.data - lr * v[i]


@right(exact=False)
def one_vector(n_epochs, model, loss_fn, lr, mom, decay, loader):
    velocity = 0
    for _ in range(n_epochs):
        for X, y in loader:
            gradients = torch.autograd.grad(loss_fn(model(X), y), list(model.parameters()))
            p = parameters_to_vector(model.parameters()).detach()
            velocity = mom * velocity + torch.cat([g.flatten() for g in gradients]) + decay * p
            vector_to_parameters(p - lr * velocity, model.parameters())


@right(exact=False)
@per_parameter
def number_by_number(p, v, lr, mom, decay):
    """Sums by math.fsum: rounded once where torch rounds twice."""
    g = [math.fsum((g, decay * w)) for g, w in zip(p.grad.flatten(), p.flatten(), strict=True)]
    v[p] = [math.fsum((mom * a, b)) for a, b in zip(v.get(p, [0.0] * len(g)), g, strict=True)]
    moved = [w - lr * a for w, a in zip(p.flatten().tolist(), v[p], strict=True)]
    p.copy_(torch.tensor(moved, dtype=p.dtype).view_as(p))


@right(exact=False)
def in_eval_mode(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The nets have no layer for which the mode makes a difference."""
    model.eval()
    most_common(n_epochs, model, loss_fn, lr, mom, decay, loader)
