"""Task 3: the loop."""

from tests.programs.tasks import tables

LOOP = """
def run_epochs(epoch_count, model, loss_function, train_loader, update, after_epoch=None):
    model.train()
    losses = []
    for epoch in range(epoch_count):
        total, batches = 0.0, 0
        for X, y in batches_for(model, train_loader):
            model.zero_grad()
            loss = loss_function(model(X), y)
            loss.backward()
            update()
            total += loss.item()
            batches += 1
        losses.append(total / batches)
        if after_epoch is not None:
            after_epoch(model)
    return losses
"""
STARTED, BATCHES = "total, batches = 0.0, 0", "for X, y in batches_for(model, train_loader):"
ADDED, COUNTED, MEAN = "total += loss.item()", "batches += 1", "losses.append(total / batches)"
CLEARED, UPDATED = "            model.zero_grad()\n", "            update()\n"
CALLED = "        if after_epoch is not None:\n            after_epoch(model)\n"
WRONG, RIGHT, wrong, right = tables("run_epochs", LOOP)

wrong(
    "the loss after the update",
    {ADDED: "total += loss_function(model(X), y).item()"},
    "after the update|before|after its",
    listed=True,
)
wrong("the last batch's loss", {MEAN: "losses.append(loss.item())"}, "last batch|mean", listed=True)
wrong("a sum of losses", {MEAN: "losses.append(total)"}, "sum|mean", listed=True)
wrong(
    "a mean over images",
    {ADDED: "total += loss.item() * len(y)", COUNTED: "batches += len(y)"},
    "over images|over batches|of the images|its batches|weighted",
    listed=True,
)
wrong(
    "after_epoch at each batch",
    {
        CALLED: "",
        COUNTED: COUNTED + "\n            if after_epoch:\n                after_epoch(model)",
    },
    "after_epoch|each batch|once",
    listed=True,
)
wrong("zero_grad forgotten", {CLEARED: ""}, "zero_grad|cleared|old gradients|previous", listed=True)
wrong(
    "gradients cleared once an epoch",
    {CLEARED: "", STARTED: STARTED + "\n        model.zero_grad()"},
    "zero_grad|cleared|old gradients|previous",
)
wrong(
    "gradients cleared between backward and update",
    {CLEARED: "", UPDATED: CLEARED + UPDATED},
    "zero_grad|cleared|gradient|before",
)
wrong(
    "the update before the backward pass",
    {"loss.backward()\n            update()": "update()\n            loss.backward()"},
    "before|backward|order|gradient",
)
wrong(
    "one update an epoch",
    {UPDATED: "", "        losses.append": "        update()\n        losses.append"},
    "update|each batch|epoch",
)
wrong("two updates a batch", {UPDATED: UPDATED + UPDATED}, "twice|update|once")
wrong(
    "returns after the first epoch",
    {"    return losses": "        return losses"},
    "epoch|return|1 loss|losses",
)
wrong("only the first batch", {COUNTED: COUNTED + "\n            break"}, "batch|first")
wrong(
    "the mean of all epochs so far",
    {
        f"        {STARTED}\n": "",
        "losses = []": f"losses = []\n    {STARTED}",
    },
    "epoch|mean|so far|earlier",
)
wrong("divided by the number of images", {COUNTED: "batches += len(y)"}, "mean|batches|images")
wrong(
    "a loss for each batch",
    {MEAN: "pass", ADDED: "losses.append(loss.item())"},
    "epoch|each batch|losses|mean",
)
wrong(
    "its loss function is the global one",
    {"loss_function(model(X), y)": "LOSS_FUNCTION(model(X), y)"},
    "loss_function|loss function|LOSS_FUNCTION",
)
wrong("the global number of epochs", {"range(epoch_count)": "range(EPOCHS)"}, "epoch_count|epochs")
wrong("one epoch too few", {"range(epoch_count)": "range(1, epoch_count)"}, "epoch_count|epoch")
wrong(
    "the callback only at the end",
    {CALLED: "    if after_epoch is not None:\n        after_epoch(model)\n"},
    "after_epoch|each epoch",
)
wrong("no callback", {CALLED: ""}, "after_epoch|never called")
wrong(
    "the callback before the epoch",
    {CALLED: "", f"        {STARTED}": f"{CALLED}        {STARTED}"},
    "after_epoch|before|after each epoch",
)
wrong(
    "the callback gets the loss",
    {"after_epoch(model)": "after_epoch(losses[-1])"},
    "after_epoch|model",
)
wrong(
    "batches in a random order",
    {
        BATCHES: "batch_list = list(batches_for(model, train_loader))\n"
        "        random.shuffle(batch_list)\n"
        "        for X, y in batch_list:"
    },
    "order|shuffle|batch",
)
wrong(
    "the short batch left out",
    {
        CLEARED: "            full = len(y) if batches == 0 else full\n"
        "            if len(y) < full:\n                continue\n" + CLEARED
    },
    "batch|last|short|left out|mean",
)
wrong(
    "gradients clipped",
    {UPDATED: "            nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n" + UPDATED},
    "gradient|clip",
)
wrong(
    "the loss divided by the batch size again",
    {"loss = loss_function(model(X), y)": "loss = loss_function(model(X), y) / len(y)"},
    "loss|gradient|divided|batch size",
)
wrong("nothing returned", {"    return losses": "    print(losses)"}, "return|None")
wrong("in evaluation mode", {"model.train()": "model.eval()"}, "train()|mode|eval")

right("totals", LOOP)
right(
    "numpy's mean and enumerate",
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
    "gradients cleared after the update, and before the first",
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
    "autograd.grad",
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
