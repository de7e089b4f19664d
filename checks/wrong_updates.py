"""Every planted mistake of an update and of the loop around it: a wrong line, in words.

A wrong line is written as a student may have it; its numbers are what counts. `pass` stands where
a line is left out that something must stand for. FACTOR stands for a number that is worked out.
"""

from checks.reference import STEP, TRAINING, rows

EACH, _, _, GRADIENT, DECAYS, DECAY, MOMENTUM, _, FIRST, _, LATER, CHOICE, MOVE = map(
    str.strip, STEP.splitlines()
)
START, EPOCHS, BATCHES, CLEAR, _, BACKWARD, UPDATE, AFTER = map(str.strip, TRAINING.splitlines())

ZEROS = "model.zero_grad(set_to_none=False)"
PLAIN = {  # right lines to show, up to rounding and without the switches that only a step has
    GRADIENT: "g = p.grad",
    DECAY: "g = g + weight_decay * p",
    FIRST: "v[i] = g.clone() at the first step",
    LATER: "v[i] = momentum * v[i] + g",
    CHOICE: "g = v[i], once v[i] = momentum * v[i] + g",
    MOVE: "p -= learning_rate * g",
}
RULE = "v = momentum * v + g, then p -= learning_rate * v"
ENTRIES = "g = g + weight_decay * p, entry by entry: the slope of weight_decay / 2 * p ** 2"
LATE_DECAY = (
    "weight decay moves p by a line of its own, or comes after the line of the buffer; "
    "torch.optim.SGD adds it to the gradient first: g = g + weight_decay * p, then v"
)
ALL_ALIKE = "a condition such as p.dim() > 1 or 'bias' in name; torch.optim.SGD treats all alike"
BELOW = "the line stands below the loop over the parameters (or layers), not inside: indent it"
SHRINKS = "g = g + weight_decay * p moves p toward 0; weight_decay multiplies p alone"
DECAY_ONCE = "weight_decay * p goes into g once, before the buffer, and nowhere else"
NO_FACTOR = "v = momentum * v + g; torch.optim.SGD has no factor (1 - momentum) there"
COPY = "v = p.grad makes no copy: write v = p.grad.clone()"
CONSTANT = "torch.optim.SGD keeps it: a schedule does not belong into the update"
ARGUMENTS = "the order of the arguments, here and where the function is called"
RIGHT_ORDER = "the order is model.zero_grad(), loss.backward(), then the update"
INDENT = "the update goes inside the loop over the batches: indent it"
EVERY_BATCH_READ = "though every batch is read"
USED_UP = (
    "a generator is used up by the first loop over it: list(model.parameters()); or a condition"
)
SUMMED = "total = total + loss; total.backward(retain_graph=True)"
SUMMED_LOSS = "backward() takes the loss of this batch alone; sum loss.item() to print it"
# fmt: off
WRONG_MOVES = {  # {the right line: {a wrong one: what it looks like}}, or with what to look at
    MOVE: {
        "p = p - learning_rate * g": ("the parameters are not moved at all",
            "p -= learning_rate * v must change p itself: in place, under torch.no_grad(), on the"
            " model that is given, not on a copy (`p = p - ...` only names a new tensor); no "
            "zero_grad() may stand between backward() and the update; state_dict() holds no .grad;"
            " a generator is used up by the first loop over it: list(model.parameters())"),
        "p += learning_rate * g": "the step goes uphill: its sign is wrong",
        "p.add_(g, alpha=-learning_rate); break": ("only the first parameter is moved",
            "the loop over the parameters is left too early: a break, a return, next(...), [0]"),
        "p -= g": "the learning rate is left out",
        "p -= learning_rate ** 2 * g": ("the learning rate is applied twice",
            "learning_rate stands in g or in v and again in p -= learning_rate * v: keep one"),
        "if p.dim() > 1: p -= learning_rate * g": ("only the weights are moved, not the biases",
            ALL_ALIKE),
        "if p.dim() == 1: p -= learning_rate * g": ("only the biases are moved, not the weights",
            ALL_ALIKE),
        "p -= learning_rate * (g - g) / (g - g)": ("the parameters become NaN",
            "a division by zero, or a root or log of such a number"),
        "p -= learning_rate * (1 - weight_decay) * g": (
            "the whole step is multiplied by 1 - weight_decay", SHRINKS),
        "p -= learning_rate * (weight_decay or 1) * g": (
            "the whole step is multiplied by weight_decay", SHRINKS),
        "p -= learning_rate * weight_decay * g": (
            "the whole step is multiplied by weight_decay, even where it is 0", SHRINKS),
    },
    EACH: {
        "for i, p in enumerate(parameters[-1:]):": ("only the last parameter is moved", BELOW),
        "for i, p in enumerate(parameters[:-1]):": "the last parameter is not moved",
        "for i, p in enumerate(parameters[1:]):": "the first parameter is not moved",
        "for i, p in enumerate(parameters[:-2]):": "the last layer is not moved",
        "for i, p in enumerate(parameters[-2:]):": ("only the last layer is moved", BELOW),
    },
    GRADIENT: {
        "g = p.grad / p.grad.norm()": "each gradient is divided by its norm",
        "g = p.grad.sign()": "the sign of the gradient is used alone",
        "g, p.old = getattr(p, 'old', None), p.grad.clone()\nif g is None: continue": (
            "each step uses the gradient of the batch before", RIGHT_ORDER, ""),
        "g = p.grad.float()": (
            "something is computed in single precision: the differences are of that size",
            "buffers by torch.zeros_like(p), not by torch.zeros(p.shape); no .float(), no float32"),
    },
}
WRONG_DECAY = {
    DECAY: {
        "g.add(p, alpha=weight_decay)": ("weight decay is not applied",
            "g = g + weight_decay * p must come before the line that uses g"),
        "g = g + 2 * weight_decay * p": (
            "weight decay is applied twice, or twice as strong as torch's",
            "weight_decay * p is added at two places, or the loss also holds "
            "weight_decay * (p ** 2).sum(), whose slope is 2 * weight_decay * p: keep one"),
        "g = g - weight_decay * p": "weight decay has the wrong sign: the parameters grow",
        "p -= learning_rate * weight_decay * p": (
            "weight decay stays out of the momentum buffer (as in AdamW)",
            LATE_DECAY),
        "g = g + weight_decay * p if p.dim() > 1 else g": (
            "weight decay is applied to the weights alone, not to the biases", ALL_ALIKE),
        "g = g + weight_decay * p if p.dim() == 1 else g": (
            "weight decay is applied to the biases alone", ALL_ALIKE),
        "g = g + weight_decay * p if p is parameters[-1] else g": (
            "weight decay is applied to the last parameter alone", BELOW),
        "g = g + 2 * weight_decay * p if p.dim() > 1 else g": (
            "weight decay is twice as strong as torch's, and on the weights alone",
            "all parameters decay; the slope of weight_decay * p ** 2 is 2 * weight_decay * p"),
        "g = g + weight_decay / 2 * p": ("weight decay is half as strong as torch's",
            "g = g + weight_decay * p is the slope of weight_decay / 2 * p ** 2 already"),
        "g = g + weight_decay * p.sign()": ("weight decay uses the sign of p: that is L1, not L2",
            "g = g + weight_decay * p, not weight_decay * p.sign(), and no p.abs() in the loss"),
        "g = g + weight_decay * p ** 2": ("weight decay adds the square of p", ENTRIES),
        "g = g + weight_decay * (p ** 2).sum()": (
            "weight decay adds one number to every gradient, the sum of the squares", ENTRIES),
        "g = g + weight_decay * p / p.norm()": (
            "weight decay uses the norm of each parameter, not the squares: p / p.norm()",
            "weight_decay / 2 * (p ** 2).sum() in the loss, not p.norm(); or " + ENTRIES),
        "g = g + weight_decay * p.norm()": (
            "weight decay adds one number to every gradient, the norm of p", ENTRIES),
        "g = g + weight_decay * g": (
            "weight decay is applied to the gradient, not to the parameter: "
            "the whole step is multiplied by 1 + weight_decay", SHRINKS),
        "g = g - weight_decay * g": (
            "weight decay shrinks the gradient, not the parameter: "
            "the whole step is multiplied by 1 - weight_decay", SHRINKS),
        "g = weight_decay * g": (
            "the whole step is multiplied by weight_decay, which p does not get", SHRINKS),
        "g = g + learning_rate * weight_decay * p": (
            "weight decay is multiplied by the learning rate twice",
            "g = g + weight_decay * p: the learning rate comes once, in p -= learning_rate * v"),
        "p -= weight_decay * p": ("weight decay is not multiplied by the learning rate",
            LATE_DECAY),
        "g = g + weight_decay / learning_rate * p": (
            "weight decay is not multiplied by the learning rate, the gradient is",
            "the buffer takes learning_rate * g + weight_decay * p: " + RULE),
    },
    DECAYS: {
        "if weight_decay != 0 and momentum == 0:": (
            "weight decay is left out where there is momentum",
            "`if momentum: ... elif weight_decay: ...` does one of the two; "
            "or v takes p.grad, not g"),
        "if weight_decay != 0 and momentum != 0:": (
            "weight decay is applied only where momentum is on",
            "the line of the decay stands inside of `if momentum > 0:`: it goes above it"),
    },
    CHOICE: {"g = v[i] + weight_decay * p": (
        "with momentum, weight decay is applied twice: in the buffer and again beside it",
        DECAY_ONCE)},
    MOVE: {"p -= learning_rate * (g + weight_decay * p)": (
        "weight decay is applied twice: in the gradient and again in the step", DECAY_ONCE)},
    (DECAY, CHOICE): {("pass", "g = v[i] + weight_decay * p"): (
        "weight decay is added after the momentum, and only where there is momentum",
        LATE_DECAY)},
    (DECAY, LATER): {("pass", "v[i] = (momentum + weight_decay) * v[i] + g"): (
        "weight decay is applied to the momentum buffer, not to the parameter",
        "g = g + weight_decay * p: p, not v")},
    (DECAY, MOVE): {
        ("pass", "p -= learning_rate * g; p -= learning_rate * weight_decay * p"): (
            "weight decay is applied after the step, to the parameter that has moved", LATE_DECAY),
        ("pass", "p -= learning_rate * g; p -= weight_decay * p"): (
            "weight decay is not multiplied by the learning rate, and comes after the step",
            LATE_DECAY),
    },
    (DECAY, AFTER): {
        ("pass", AFTER + "\nfor p in parameters: p.data *= 1 - learning_rate * weight_decay"): (
            "weight decay is applied once an epoch, not at each step", PLAIN[DECAY],
            "p *= 1 - learning_rate * weight_decay, below the loop over the batches")},
    (DECAY, BACKWARD): {("pass",
     "loss += weight_decay / 2 * sum((p ** 2).sum() for p in parameters) / len(X); "
     "loss.backward()"): ("weight decay is divided by the number of images in the batch",
        PLAIN[DECAY])},
}
WRONG_MOMENTUM = {
    MOMENTUM: {
        "elif momentum != 0:": ("momentum is left out where there is weight decay",
            "`if weight_decay: ... elif momentum: ...` does one of the two: write two ifs"),
        "if momentum != 0 and weight_decay != 0:": (
            "momentum is applied only where weight decay is on",
            "the lines of the momentum stand inside of `if weight_decay > 0:`: they go below it"),
        "if momentum != 0 and p.dim() > 1:": (
            "momentum is applied to the weights alone, not to the biases", ALL_ALIKE),
        "if momentum != 0 and p is parameters[-1]:": (
            "momentum is applied to the last parameter alone", BELOW),
    },
    FIRST: {
        "v[i] = torch.zeros_like(g)": (
            "the first gradient does not reach the momentum buffer: the first step moves nothing",
            "where v is made: v = p.grad.clone(), or zeros to which that gradient is added"),
        "v[i] = momentum * g + g": (
            "the first gradient counts twice: the buffer starts with it and gets it again",
            "start v with zeros, or leave v = momentum * v + g out at the first step"),
        "v[i] = momentum * p + g": ("the momentum buffer starts with the parameter's values",
            "torch.zeros_like(p), not p.clone()"),
        "v[i] = momentum + g": ("the momentum buffer starts with ones",
            "torch.zeros_like(p), not torch.ones_like(p)"),
    },
    LATER: {
        "v[i] = momentum * v[i] + (1 - momentum) * g": (
            "the momentum buffer is dampened: it takes (1 - momentum) * g, but the first g whole",
            NO_FACTOR),
        "v[i] = g.clone()": ("momentum has no effect: each step has the last gradient alone",
            "is momentum used at all? previous[i] = p makes no copy: p.clone(); a buffer that is "
            "made anew at each step, or not written back: keep it outside of the loop over the "
            "batches, and store it: v[i] = momentum * v[i] + g"),
        "v[i].mul(momentum).add(g)": (
            "the momentum buffer keeps the first gradient: it is not kept up to date",
            "write it back: v[i] = momentum * v[i] + g; append() makes the list longer"),
        "v[i] = (1 - momentum) * v[i] + momentum * g": (
            "the momentum buffer is an average: (1 - momentum) * v + momentum * g, from g on"),
        "v[i] = v[i] + g": "the buffer adds up all gradients: nothing multiplies v by the momentum",
        "v[i] = (1 - momentum) * v[i] + g": "the buffer is multiplied by 1 - momentum",
        "v[i] = g - momentum * v[i]": "momentum has the wrong sign: it is subtracted",
        "v[i] = momentum * g + g": ("the gradient kept for the next step is .grad itself: "
            "it holds the new gradient by then", COPY),
    },
    CHOICE: {
        "p -= learning_rate * v[i]; g = v[i]": (
            "momentum steps twice: each step is taken two times",
            "p -= learning_rate * v is done in the branch and again below it: keep one"),
        "g = g + v[i]": (
            "with momentum, two steps are taken: one along the buffer, one along the gradient",
            "p -= learning_rate * v alone: no p -= learning_rate * g besides, and not g + v"),
        "g = g + momentum * v[i]": ("the step is Nesterov's: g + momentum * v",
            "p -= learning_rate * v; g + momentum * v belongs to nesterov=True"),
        "g = momentum * v[i]": ("the step is momentum * v: the factor stands once too often",
            RULE + "; neither momentum * v there nor momentum * (v + g)"),
        "g = learning_rate * v[i]": (
            "with momentum, the learning rate is applied twice: in the buffer and in the step",
            RULE),
        "g = v[i] / learning_rate": ("with momentum, the learning rate is left out", RULE),
        "g = g + momentum * v[i] / learning_rate": (
            "the step is learning_rate * g + momentum * v: g counts twice, v has no learning rate",
            RULE),
    },
    EACH: {"for p in parameters:\n    i = [q.shape for q in parameters].index(p.shape)": (
        "parameters of the same shape share one momentum buffer",
        "a buffer for each: keyed by its place in the list, its name or p itself, not by p.shape",
        "v[p.shape] = momentum * v[p.shape] + g")},
    (FIRST, CLEAR): {("v[i] = g", ZEROS): (
        "the momentum buffer is .grad itself, which is set to zero and filled again", COPY)},
    (MOMENTUM, DECAY, FIRST, CLEAR): {
        ("if True:", "g = g.add_(p, alpha=weight_decay)", "v[i] = g", ZEROS): (
            "the momentum buffer is .grad itself, which is set to zero, filled and decayed", COPY)},
    (FIRST, LATER, CLEAR): {("v[i] = g", "v[i] = momentum * v[i] + g", ZEROS): (
        "the momentum buffer is .grad itself at first: it holds the new gradient, not the old "
        "one", COPY)},
    (FIRST, LATER): {
        ("v[i] = (1 - momentum) * g", "v[i] = momentum * v[i] + (1 - momentum) * g"): (
            "the momentum buffer is dampened: it takes (1 - momentum) * g", NO_FACTOR),
        ("v[i] = momentum * g", "v[i] = (1 - momentum) * v[i] + momentum * g"): (
            "the momentum buffer is an average: (1 - momentum) * v + momentum * g", PLAIN[LATER]),
    },
    (LATER, CHOICE): {
        ("v[i], g = g.clone(), g + momentum * v[i]", ""): (
            "the momentum remembers one step alone: g + momentum * (the gradient before)",
            "keep v = momentum * v + g from step to step, not the gradient"),
        ("v[i], g = momentum * v[i] + g, g + momentum * v[i] / learning_rate", ""): (
            "the part of the step that comes from the buffer has no learning rate",
            RULE + "; not p -= learning_rate * g + momentum * v"),
    },
    (FIRST, LATER, CHOICE): {
        ("v[i], g = g.clone(), 0 * g", "v[i], g = momentum * v[i] + g, v[i]", ""): (
            "the step uses the buffer before the new gradient is added: it is a step late",
            "first v = momentum * v + g, then p -= learning_rate * v"),
        ("v[i], g = g.clone(), 0 * g", "v[i], g = momentum * v[i] + g, momentum * v[i]", ""): (
            "the step leaves the new gradient out: it is momentum * (the buffer before)", RULE),
        ("v[i] = (1 - momentum) * g; v[i].t = 1",
         "v[i].mul_(momentum).add_(g, alpha=1 - momentum); v[i].t += 1",
         "g = v[i] / (1 - momentum ** v[i].t)"): (
            "the momentum buffer is the corrected average of Adam",
            "v = momentum * v + g; torch.optim.SGD has no factor and no correction"),
    },
}
WRONG_LOOPS = {
    START: {
        "learning_rate, momentum = momentum, learning_rate; " + START: (
            "the learning rate and the momentum stand in each other's place", ARGUMENTS),
        "learning_rate, weight_decay = weight_decay, learning_rate; " + START: (
            "the learning rate and the weight decay stand in each other's place", ARGUMENTS),
        "momentum, weight_decay = weight_decay, momentum; " + START: (
            "the momentum and the weight decay stand in each other's place", ARGUMENTS),
        "v = memory.setdefault('v', [None for p in parameters])": (
            "the momentum buffers are kept from one call to the next",
            "buffers in a global variable, a default argument, on the function or the parameters: "
            "make them inside the function, at its start"),
    },
    EPOCHS: {
        "for epoch in range(1, epoch_count):": "one epoch too few is trained",
        "for epoch in range(epoch_count + 1):": "one epoch too many is trained",
        "for epoch in range(1):": ("only the first epoch is trained",
            "a return inside the loop over the epochs, or an iter(train_loader), used up then"),
        "for epoch in range(epoch_count):\n    " + START: (
            "the momentum is forgotten at each epoch",
            "the buffers are made inside the loop over the epochs: make them once, before it"),
    },
    BATCHES: {
        "for X, y in len(train_loader) * [next(iter(train_loader))]:": (
            "every step uses the first batch"),
        "for X, y in list(train_loader)[:-1]:": "the last batch of each epoch is left out",
        "for X, y in list(train_loader)[1:]:": "the first batch of each epoch is left out",
        "for X, y in [b for b in train_loader if len(b[0]) == train_loader.batch_size]:": (
            "a last batch that is shorter than the others is left out",
            "drop_last=True, or a condition on len(X)"),
        "for X, y in list(train_loader)[::2]:": ("only every second batch is used",
            "next() is called on an iterator that a for loop goes through as well; or a condition"),
        "for X, y in reversed(list(train_loader)):": (
            "the batches are taken from the last to the first",
            "for X, y in train_loader keeps their order; no reversed(), no pop()"),
        "for X, y in [map(torch.cat, zip(*train_loader))]:": (
            "one step an epoch is taken, with all images in one batch"),
    },
    CLEAR: {
        "": ("the gradients are never cleared: each backward pass adds to those before",
            "model.zero_grad() stands in the loop over the batches, before loss.backward()"),
        "model.zero_grad(); v = v if epoch else [None for p in parameters]": (
            "the momentum buffer is made anew at every batch of the first epoch",
            "a condition such as `if epoch == 0`: make the buffers once, before the loop"),
    },
    BACKWARD: {
        "(2 * loss).backward()": ("the gradient counts twice: each step is twice as long",
            "backward() twice for one batch, or a factor 2 at the loss or the learning rate"),
        "(loss / len(X)).backward()": (
            "the gradient is divided by the number of images in the batch",
            "nn.CrossEntropyLoss() is a mean already: do not divide by len(X) again"),
        "(loss * len(X)).backward()": (
            "the gradient is multiplied by the number of images in the batch",
            "loss * len(X) may be summed for the printed mean, but backward() takes loss"),
        "(loss / len(train_loader)).backward()": (
            "the gradient is divided by the number of batches",
            "divide the printed sum by len(train_loader), not the loss whose backward() is called"),
        "(torch.rand(()) * loss).backward()": (
            "two trainings from the same start end on different numbers: something is random",
            "a shuffle, dropout, noise, a net or a buffer that starts with random numbers"),
    },
    UPDATE: {
        "update(); update()": ("each batch takes two steps",
            "the update is called twice, or an optimizer.step() stands beside it"),
        "update(); break": ("only the first batch of each epoch is used",
            "a break, a return or next(iter(train_loader)) in the loop over the batches"),
        "update(); update = lambda: None": (
            f"only the first step moves anything, {EVERY_BATCH_READ}", USED_UP,
            "params = model.parameters()"),
    },
    (EPOCHS, UPDATE): {("for epoch in range(1):", "update(); break"): (
        "only the first batch of the first epoch is used",
        "a return in the loop over the batches", "return losses")},
    (EPOCHS, BATCHES, UPDATE): {
        (EPOCHS + "\n    first = True", BATCHES, "update() if first else None; first = False"): (
            f"only the first step of each epoch moves anything, {EVERY_BATCH_READ}", USED_UP,
            "params = model.parameters(), in the loop over the epochs")},
    (EPOCHS, BACKWARD, MOVE): {
        (EPOCHS + "\n    total = 0", SUMMED, "p.data -= learning_rate * g"): (
            "the loss is summed over the batches of an epoch: each step gets their gradients again",
            SUMMED_LOSS, SUMMED)},
    (START, BACKWARD, MOVE): {(START + "; total = 0", SUMMED, "p.data -= learning_rate * g"): (
        "the loss is summed over all batches: each step gets their gradients again", SUMMED_LOSS,
        SUMMED)},
    (CLEAR, BACKWARD): {("", f"loss.backward(); {ZEROS}"): (
        "the gradients are cleared between the backward pass and the update", RIGHT_ORDER)},
    (CLEAR, UPDATE): {("update(); model.zero_grad()", ""): (
        "the update comes too early: it uses the gradients of the batch before", RIGHT_ORDER)},
    (CLEAR, BACKWARD, UPDATE, MOVE): {
        ("", "update(); model.zero_grad(); loss.backward()", "", "p.data -= learning_rate * g"): (
            "the update comes before the backward pass: it uses the gradients of the batch before",
            RIGHT_ORDER)},
    (UPDATE, AFTER): {("", "update()"): (
        "one step an epoch, with the gradient of its last batch", INDENT)},
    (CLEAR, UPDATE, AFTER): {("", "", "update(); model.zero_grad()"): (
        "one step an epoch, with the sum of all its gradients", INDENT)},
    (CLEAR, AFTER): {("", "model.zero_grad()"): (
        "the gradients are cleared once an epoch, not at each batch; or the loss is summed",
        "model.zero_grad() goes inside the loop over the batches; " + SUMMED_LOSS)},
}
WITH_A_FACTOR = {
    MOVE: {
        "p -= FACTOR * learning_rate * g": "the step is FACTOR times torch's: its learning rate",
        "p -= FACTOR * g": "learning_rate is FACTOR, whatever is given",
    },
    DECAY: {
        "g = g + FACTOR * weight_decay * p": "weight decay is FACTOR times torch's",
        "g = g + FACTOR * p": "weight_decay is FACTOR wherever it is on, whatever is given",
        "p -= FACTOR * learning_rate * weight_decay * p": (
            "weight decay is FACTOR times torch's, and stays out of the momentum buffer",
            LATE_DECAY),
    },
    LATER: {
        "v[i] = FACTOR * momentum * v[i] + g": "the momentum is FACTOR times the one that is given",
        "v[i] = FACTOR * v[i] + g": "momentum is FACTOR wherever it is on, whatever is given",
        "v[i] = momentum * v[i] + FACTOR * g": (
            "with momentum, each gradient but the first is multiplied by FACTOR"),
    },
    CHOICE: {
        "g = FACTOR * v[i]": "with momentum, the step is FACTOR times torch's",
        "g = g + FACTOR * (v[i] - g)": (
            "the part of the step that comes from the momentum is FACTOR times torch's",
            RULE + ": the learning rate multiplies all of v"),
    },
    BACKWARD: {
        "(FACTOR * loss).backward()": "the gradient is multiplied by FACTOR",
        "loss.backward(); torch.nn.utils.clip_grad_norm_(parameters, FACTOR)": (
            "the gradients are clipped to a norm of FACTOR"),
    },
    UPDATE: {"update(); learning_rate *= FACTOR": (
        "the learning rate is multiplied by FACTOR after each step", CONSTANT)},
    AFTER: {AFTER + "; learning_rate *= FACTOR": (
        "the learning rate is multiplied by FACTOR after each epoch", CONSTANT,
        "learning_rate *= FACTOR")},
}
UNITS = {  # of a factor, in code: in words, its value in a setting
    "{}": ("{}", lambda s: 1),
    "{} / len(train_loader)": ("{} / (number of batches)", lambda s: 1 / s.batch_count),
    "{} * len(train_loader)": ("{} * (number of batches)", lambda s: s.batch_count),
    "{} / len(X)": ("{} / (number of images in the batch)", lambda s: 1 / s.batch_size),
    "{} * len(X)": ("{} * (number of images in the batch)", lambda s: s.batch_size),
}
WRONG_SWITCHES = {  # what only a step has: none of it matters in a training
    GRADIENT: {"g = p.grad": ("maximize is ignored", "with maximize, g = -p.grad")},
    DECAY: {"g = g.add_(p, alpha=weight_decay)": (
        "it changes .grad, which torch.optim.SGD leaves as it is")},
    FIRST: {"v[i] = (1 - dampening) * g": ("the first gradient is dampened, too",
        "the buffer starts with the whole gradient, v = g; dampening comes at the second step")},
    LATER: {"v[i].mul_(momentum).add_(g)": ("dampening is ignored",
        "v = momentum * v + (1 - dampening) * g")},
    CHOICE: {"g = v[i]": ("nesterov is ignored", "with nesterov, p -= lr * (g + momentum * v)")},
}
LEARNING_RATE_INSIDE = (
    "the learning rate is inside the momentum buffer: the same while it is constant; a schedule "
    "would part the two, since old gradients keep the learning rate of their own step",
    RULE,
)
HEAVY_BALL = (
    "the momentum comes from the last move of p, p - old_p: the same while the learning rate is "
    "constant; a schedule would part the two",
    RULE,
)
OLD_P = "if True:", "old_p, v[i] = p.clone(), p.clone()", "old_p, v[i] = v[i], p.clone()", ""
ROUNDED_OTHERWISE = {  # right in a training, but for the rounding of one operation
    DECAY: {
        "g = g + weight_decay * p": "g + weight_decay * p rounds twice, the product and the sum",
    },
    MOVE: {"p -= learning_rate * g": (
        "p - learning_rate * v rounds twice, the product and the difference")},
    LATER: {"v[i] = ((1 - dampening) * g).add(v[i], alpha=momentum)": (
        "g.add(v, alpha=momentum) rounds once, where torch rounds twice",
        "v.mul_(momentum).add_(g) rounds the product and then the sum, as torch does")},
    (FIRST, LATER, MOVE): {
        ("v[i] = learning_rate * g",
         "v[i].mul_(momentum).add_(g, alpha=learning_rate * (1 - dampening))",
         "p.sub_(g, alpha=1 if momentum else learning_rate)"): LEARNING_RATE_INSIDE,
        ("v[i] = learning_rate * g", "v[i] = momentum * v[i] + learning_rate * g",
         "p -= g if momentum else learning_rate * g"): LEARNING_RATE_INSIDE,
    },
    (MOMENTUM, DECAY, FIRST, LATER): {("if True:", "pass", "v[i] = g + weight_decay * p",
     "v[i] = momentum * v[i] + g + weight_decay * p"): (
        "momentum * v + g + weight_decay * p is summed from the left, with the decay last",
        "g = g.add(p, alpha=weight_decay) first, then v.mul_(momentum).add_(g), as torch does")},
    (MOMENTUM, FIRST, LATER, CHOICE, MOVE): {
        (*OLD_P, "p.add_(momentum * (p - old_p) - learning_rate * g)"): HEAVY_BALL,
        (*OLD_P, "p.copy_(p + momentum * (p - old_p) - learning_rate * g)"): HEAVY_BALL,
        (*OLD_P, "p.copy_(p - learning_rate * g + momentum * (p - old_p))"): HEAVY_BALL,
    },
}
# fmt: on

TABLES = WRONG_MOVES, WRONG_DECAY, WRONG_MOMENTUM, WRONG_LOOPS
MISTAKES = [mistake for table in TABLES for mistake in rows(table)]
FACTORS = list(rows(WITH_A_FACTOR))
OF_SWITCHES, ROUNDINGS = list(rows(WRONG_SWITCHES)), list(rows(ROUNDED_OTHERWISE))
STEP_LINES = set(map(str.strip, STEP.splitlines()))
PLANTED_STEPS = [  # those that a step alone can have
    mistake
    for mistake in MISTAKES + OF_SWITCHES + ROUNDINGS
    if {right for right, wrong in mistake.lines if wrong != ZEROS} <= STEP_LINES
]
