"""Task 3: the loop, wrong."""

from tests.programs.tasks import changed, tables

WRONG, RIGHT, wrong, right = tables()

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
MEAN, ADDED = "losses.append(total / batches)", "total += loss.item()"
CLEARED, UPDATED = "            model.zero_grad()\n", "            update()\n"
CALLED = "        if after_epoch is not None:\n            after_epoch(model)\n"

wrong(
    "run_epochs, the loss after the update",
    changed(LOOP, ADDED, "total += loss_function(model(X), y).item()"),
    *("after the update", "before", "after its"),
    listed=True,
)
wrong(
    "run_epochs, the last batch's loss",
    changed(LOOP, MEAN, "losses.append(loss.item())"),
    *("last batch", "mean"),
    listed=True,
)
wrong(
    "run_epochs, a sum of losses",
    changed(LOOP, MEAN, "losses.append(total)"),
    *("sum", "mean"),
    listed=True,
)
wrong(
    "run_epochs, a mean over images",
    changed(
        changed(LOOP, ADDED, "total += loss.item() * len(y)"),
        "batches += 1",
        "batches += len(y)",
    ),
    *("over images", "over batches", "of the images", "its batches", "weighted"),
    listed=True,
)
wrong(
    "run_epochs, after_epoch at each batch",
    changed(LOOP, CALLED, "").replace(
        "batches += 1\n",
        "batches += 1\n            if after_epoch:\n                after_epoch(model)\n",
    ),
    *("after_epoch", "each batch", "once"),
    listed=True,
)
wrong(
    "run_epochs, zero_grad forgotten",
    changed(LOOP, CLEARED, ""),
    *("zero_grad", "cleared", "old gradients", "previous"),
    listed=True,
)
wrong(
    "run_epochs, gradients cleared once an epoch",
    changed(
        changed(LOOP, CLEARED, ""),
        "total, batches = 0.0, 0\n",
        "total, batches = 0.0, 0\n    " + CLEARED.replace("            ", "    "),
    ),
    *("zero_grad", "cleared", "old gradients", "previous"),
)
wrong(
    "run_epochs, gradients cleared between backward and update",
    changed(changed(LOOP, CLEARED, ""), UPDATED, CLEARED + UPDATED),
    *("zero_grad", "cleared", "gradient", "before"),
)
wrong(
    "run_epochs, the update before the backward pass",
    changed(
        LOOP,
        "            loss.backward()\n            update()\n",
        "            update()\n            loss.backward()\n",
    ),
    *("before", "backward", "order", "gradient"),
)
wrong(
    "run_epochs, one update an epoch",
    changed(LOOP, UPDATED, "").replace(
        "        losses.append", "        update()\n        losses.append"
    ),
    *("update", "each batch", "epoch"),
)
wrong(
    "run_epochs, two updates a batch",
    changed(LOOP, UPDATED, UPDATED + UPDATED),
    *("twice", "update", "once"),
)
wrong(
    "run_epochs, returns after the first epoch",
    changed(LOOP, "    return losses", "        return losses"),
    *("epoch", "return", "1 loss", "losses"),
)
wrong(
    "run_epochs, only the first batch",
    changed(LOOP, "batches += 1\n", "batches += 1\n            break\n"),
    *("batch", "first"),
)
wrong(
    "run_epochs, the mean of all epochs so far",
    changed(
        changed(LOOP, "        total, batches = 0.0, 0\n", ""),
        "    losses = []\n",
        "    losses = []\n    total, batches = 0.0, 0\n",
    ),
    *("epoch", "mean", "so far", "earlier"),
)
wrong(
    "run_epochs, divided by the number of images",
    changed(LOOP, "batches += 1", "batches += len(y)"),
    *("mean", "batches", "images"),
)
wrong(
    "run_epochs, a loss for each batch",
    changed(changed(LOOP, MEAN, "pass"), ADDED, "losses.append(loss.item())"),
    *("epoch", "each batch", "losses", "mean"),
)
wrong(
    "run_epochs, its loss function is the global one",
    changed(LOOP, "loss_function(model(X), y)", "LOSS_FUNCTION(model(X), y)"),
    *("loss_function", "loss function", "LOSS_FUNCTION"),
)
wrong(
    "run_epochs, the global number of epochs",
    changed(LOOP, "range(epoch_count)", "range(EPOCHS)"),
    *("epoch_count", "epochs"),
)
wrong(
    "run_epochs, one epoch too few",
    changed(LOOP, "range(epoch_count)", "range(1, epoch_count)"),
    *("epoch_count", "epoch"),
)
wrong(
    "run_epochs, the callback only at the end",
    changed(
        LOOP,
        CALLED,
        CALLED.replace("            after", "        after").replace("        if", "    if"),
    ),
    *("after_epoch", "each epoch"),
)
wrong(
    "run_epochs, no callback",
    changed(LOOP, CALLED, ""),
    *("after_epoch", "never called"),
)
wrong(
    "run_epochs, the callback before the epoch",
    changed(LOOP, CALLED, "").replace("        total, b", CALLED + "        total, b"),
    *("after_epoch", "before", "after each epoch"),
)
wrong(
    "run_epochs, the callback gets the loss",
    changed(LOOP, "after_epoch(model)", "after_epoch(losses[-1])"),
    *("after_epoch", "model"),
)
wrong(
    "run_epochs, batches in a random order",
    changed(
        LOOP,
        "        for X, y in batches_for(model, train_loader):",
        "        batch_list = list(batches_for(model, train_loader))\n"
        "        random.shuffle(batch_list)\n"
        "        for X, y in batch_list:",
    ),
    *("order", "shuffle", "batch"),
)
wrong(
    "run_epochs, the short batch left out",
    changed(
        LOOP,
        CLEARED,
        "            full = len(y) if batches == 0 else full\n"
        "            if len(y) < full:\n                continue\n" + CLEARED,
    ),
    *("batch", "last", "short", "left out", "mean"),
)
wrong(
    "run_epochs, gradients clipped",
    changed(
        LOOP, UPDATED, "            nn.utils.clip_grad_norm_(model.parameters(), 0.1)\n" + UPDATED
    ),
    *("gradient", "clip"),
)
wrong(
    "run_epochs, the loss divided by the batch size again",
    changed(
        LOOP, "loss = loss_function(model(X), y)", "loss = loss_function(model(X), y) / len(y)"
    ),
    *("loss", "gradient", "divided", "batch size"),
)
wrong(
    "run_epochs, nothing returned",
    changed(LOOP, "    return losses", "    print(losses)"),
    *("return", "None"),
)
wrong(
    "run_epochs, in evaluation mode",
    changed(LOOP, "model.train()", "model.eval()"),
    *("train()", "mode", "eval"),
)
