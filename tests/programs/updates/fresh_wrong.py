"""Trainings as students write them, with one mistake, in the loop or in the update."""

import copy

import torch

from tests.programs.updates import in_loop, per_parameter, wrong_table

WRONG, told = wrong_table()

DECAY, MOMENTUM = "decay", "momentum|velocity|buffer"

# ---------------------------------------------------------------------------------------- the loop


@told(r"first (batch|step)|generator|iterator|used up|exhausted|parameters\(\)|list")
def generator_used_up(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """parameters() is a generator: after the first batch it has nothing left to move."""
    params = model.parameters()
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            with torch.no_grad():
                for p in params:
                    v[p] = mom * v.get(p, 0) + p.grad + decay * p
                    p -= lr * v[p]


@told(r"before|previous|late|old|last batch|backward")
def step_before_backward(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """Each step takes the gradient of the batch before; the last one is never used."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss = loss_fn(model(X), y)
            with torch.no_grad():
                moved = [(p, p.grad) for p in model.parameters() if p.grad is not None]
                new = {p: mom * v.get(p, 0) + g + decay * p for p, g in moved}
                v |= new
            model.zero_grad()
            loss.backward()
            for p in new:
                p.data.sub_(lr * v[p])


@told(r"epoch|one step|batch")
def one_step_an_epoch(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The losses of all batches are added before backward(); right for one batch."""
    v = [torch.zeros_like(p) for p in model.parameters()]
    for _ in range(n_epochs):
        total = 0
        for X, y in loader:
            total = total + loss_fn(model(X), y)
        model.zero_grad()
        total.backward()
        with torch.no_grad():
            for p, buffer in zip(model.parameters(), v, strict=True):
                buffer.mul_(mom).add_(p.grad + decay * p)
                p.sub_(lr * buffer)


@told(r"zero_grad|zero|clear|accumulat|add up|\.grad")
def zero_grad_once_an_epoch(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """One indentation too few: within an epoch the gradients add up; right for one batch."""
    v = {}
    for _ in range(n_epochs):
        model.zero_grad()
        for X, y in loader:
            loss_fn(model(X), y).backward()
            for name, p in model.named_parameters():
                v[name] = mom * v.get(name, 0) + p.grad + decay * p.data
                p.data = p.data - lr * v[name]


@told(r"zero_grad|zero|clear|gradient")
def zero_grad_after_backward(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The gradients are wiped before they are used: only the decay moves anything."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            loss_fn(model(X), y).backward()
            model.zero_grad(set_to_none=False)
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p]


@told(r"epoch|return|early")
def returns_after_one_epoch(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The return is indented into the loop; right for one epoch."""
    v, losses = {}, []
    for _ in range(n_epochs):
        for X, y in loader:
            loss = loss_fn(model(X), y)
            model.zero_grad()
            loss.backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p]
            losses.append(loss.item())
        return losses


@told(r"not move|never|unchanged|did not|copy|stay")
def trains_a_copy(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The start was to be kept; it is the copy that is trained."""
    model = copy.deepcopy(model)
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p]


@told(r"learning rate|\blr\b|step|factor", r"batch|sample|size")
def divided_by_the_batch_size(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """The loss is a mean already; every step is divided by the number of samples again."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay * p.data
                p.data -= lr * v[p] / len(X)


# -------------------------------------------------------------------------------------- the update


@told(DECAY, r"batch|divid|factor|times|1 ?/")
def decay_by_the_number_of_batches(n_epochs, model, loss_fn, lr, mom, decay, loader):
    """Decay as a share of each batch; right for one batch."""
    v = {}
    for _ in range(n_epochs):
        for X, y in loader:
            model.zero_grad()
            loss_fn(model(X), y).backward()
            for p in model.parameters():
                v[p] = mom * v.get(p, 0) + p.grad + decay / len(loader) * p.data
                p.data -= lr * v[p]


@told(DECAY, r"step|gradient|multipl|times|factor")
@per_parameter
def decay_multiplies_the_step(p, v, lr, mom, decay):
    """The factor that should make the weights smaller makes the steps smaller."""
    v[p] = mom * v.get(p, 0) + p.grad
    p -= lr * (1 - decay) * v[p]


@told(DECAY, MOMENTUM)
@per_parameter
def decay_with_momentum_only(p, v, lr, mom, decay):
    """The decay stands inside of `if mom`; wrong with decay and without momentum."""
    g = p.grad
    if mom > 0:
        g = g + decay * p
        v[p] = g = mom * v.get(p, 0) + g
    p -= lr * g


@told(MOMENTUM, DECAY)
@per_parameter
def momentum_with_decay_only(p, v, lr, mom, decay):
    """The momentum stands inside of `if decay`; wrong with momentum and without decay."""
    g = p.grad.clone()
    if decay != 0:
        g.add_(p, alpha=decay)
        g = v[p] = g.add(v[p], alpha=mom) if p in v else g
    p.add_(g, alpha=-lr)


@told(MOMENTUM, r"shape|shar|same|one buffer|common")
@per_parameter
def buffer_by_shape(p, v, lr, mom, decay):
    """Keyed by shape: two layers of one shape share a buffer; else right."""
    v[p.shape] = mom * v.get(p.shape, 0) + p.grad + decay * p
    p -= lr * v[p.shape]


@told("momentum", r"clone|copy|no effect|ignored|never|without|forgotten")
@per_parameter
def previous_without_a_copy(p, v, lr, mom, decay):
    """p - previous is 0, since previous is p itself; right without momentum."""
    previous = v.get(p, p)
    difference = p - previous
    v[p] = p
    p += mom * difference - lr * (p.grad + decay * p)


@told("momentum", r"no effect|ignored|each step|every step|anew|new|forgotten|never|without|lost")
@in_loop
def optimizer_made_at_each_step(model, lr, mom, decay):
    """torch's own optimizer, made anew at each step: its momentum never starts."""
    torch.optim.SGD(model.parameters(), lr=lr, momentum=mom, weight_decay=decay).step()


@told("momentum", r"first")
@per_parameter
def first_gradient_twice(p, v, lr, mom, decay):
    """The buffer starts at g and gets g again: the first step is (1 + momentum) g."""
    g = p.grad + decay * p
    if p not in v:
        v[p] = g.clone()
    v[p] = mom * v[p] + g
    p -= lr * v[p]


@told(DECAY, MOMENTUM)
@per_parameter
def decays_the_velocity(p, v, lr, mom, decay):
    """The velocity is decayed where the weights should be."""
    old = v.get(p, torch.zeros_like(p))
    v[p] = mom * old + p.grad + decay * old
    p -= lr * v[p]
