"""Task 10: the accuracy on the test images."""

from tests.programs.tasks import tables

WRONG, RIGHT, wrong, right = tables("test_accuracy")

wrong(
    "of the validation images",
    'test_accuracy = compute_accuracy(selected["model"], make_loader(validation))\n',
    "test|validation",
)
wrong(
    "the accuracy that selected",
    'test_accuracy = selected["validation_accuracy"]\n',
    "test|validation",
)
wrong(
    "of training and test images",
    """
both_parts = torch.utils.data.ConcatDataset([training, test])
test_accuracy = compute_accuracy(selected["model"], DataLoader(both_parts, batch_size=256))
""",
    "test",
)
wrong(
    "the best of all models on the test images",
    """
test_accuracy = max(
    compute_accuracy(both["manual"]["model"], make_loader(test)) for both in instance_runs.values()
)
""",
    "selected|model",
)
wrong(
    "of a model that was not trained",
    "test_accuracy = compute_accuracy(new_model(), make_loader(test))\n",
    "selected|model|trained",
)
wrong(
    "of the first 256 images",
    'test_accuracy = compute_accuracy(selected["model"], [test[:256]])\n',
    "all|test images|2,000",
)
wrong(
    "trained on the test images before",
    """
import copy

model = copy.deepcopy(selected["model"])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
train(10, optimizer, model, LOSS_FUNCTION, make_loader(test))
test_accuracy = compute_accuracy(model, make_loader(test))
""",
    "selected|model|trained",
)
wrong(
    "percent",
    'test_accuracy = 100 * compute_accuracy(selected["model"], make_loader(test))\n',
    "percent|fraction",
)

right("one call", 'test_accuracy = compute_accuracy(selected["model"], make_loader(test))\n')
right(
    "a mean of hits",
    """
with torch.no_grad():
    X, y = test.tensors
    answers = selected["model"].eval()(X.to(DEVICE)).argmax(dim=1).cpu()
test_accuracy = (answers == y).double().mean()
""",
)
