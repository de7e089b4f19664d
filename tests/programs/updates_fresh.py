"""Trainings as students write them: WRONG with one mistake or two, and RIGHT in odd styles.

WRONG maps a name to (train, words): each of `words` is a pattern that the message must contain; of
two mistakes each has its own. RIGHT maps a name to (train, exact): exact is True where every bit is
torch.optim.SGD's, False where the two are equal up to rounding.
"""

import copy
import itertools

import torch

from tests.programs.updates_right import in_loop, per_parameter

WRONG, RIGHT = {}, {}

DECAY, MOMENTUM = "decay", "momentum|velocity|buffer"


def told(*words):
    def enter(train):
        assert train.__name__ not in WRONG
        WRONG[train.__name__] = train, words
        return train

    return enter


def with_state(update):
    """A training function around `update(model, state, lr, mom, decay)`, with a dict as state."""

    def train(n_epochs, model, loss_fn, lr, mom, decay, loader):
        state = {}
        one_step = in_loop(lambda model, *rule: update(model, state, *rule))
        one_step(n_epochs, model, loss_fn, lr, mom, decay, loader)

    train.__name__ = update.__name__
    return train


def right(exact):
    def enter(train):
        assert train.__name__ not in RIGHT
        RIGHT[train.__name__] = train, exact
        return train

    return enter


# ------------------------------------------------------------------------- the loop, one mistake


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


# ----------------------------------------------------------------------- the update, one mistake


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


# ----------------------------------------------------------------------------------- two mistakes


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


# ------------------------------------------------------------------------------------------ right


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
