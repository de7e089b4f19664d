"""Task 1: the three parts of the data."""

from tests.programs.tasks import tables

LOAD = """
def load_airplane_bird(root="data", seed=SEED):
    if root == "stand-in":
        files = preprocess(*draw_stand_in(10_000, 0))
        test = preprocess(*draw_stand_in(2_000, 1))
    else:
        train_file, test_file = open_cifar10(root)
        files, test = airplanes_and_birds(train_file), airplanes_and_birds(test_file)
    train_set, val_set = split(files, 8_000, seed)
    return train_set, val_set, test
"""
SPLIT_LINE = "train_set, val_set = split(files, 8_000, seed)"
RETURNED = "return train_set, val_set, test"
WRONG, RIGHT, wrong, right = tables("load_airplane_bird", LOAD)

wrong(
    "validation and test exchanged",
    {RETURNED: "return train_set, test, val_set"},
    "exchanged|official|validation|test",
    listed=True,
)
wrong(
    "test images cut out of the training file",
    {SPLIT_LINE: SPLIT_LINE + "\n    val_set, test = split(val_set, 1_000, seed)"},
    "official|test|2,000|2000",
    listed=True,
)
wrong(
    "its seed not passed on",
    {SPLIT_LINE: "train_set, val_set = split(files, 8_000, SEED)"},
    "seed",
    listed=True,
)
wrong(
    "validation by the test images", {RETURNED: "return train_set, test, test"}, "validation|test"
)
wrong(
    "trained on the validation images too",
    {RETURNED: "return files, val_set, test"},
    "8,000|8000|both|overlap|training",
)
wrong(
    "2,000 for training and 8,000 for validation",
    {SPLIT_LINE: SPLIT_LINE.replace("8_000", "2_000")},
    "8,000|8000|size|2,000",
)
wrong(
    "count and seed exchanged",
    {SPLIT_LINE: "train_set, val_set = split(files, seed, 8_000)"},
    "8,000|8000|size|seed|count",
)
right("step by step", LOAD)
right(
    "random_split's subsets",
    """
def load_airplane_bird(root="data", seed=SEED):
    if root == "stand-in":
        pool, test = preprocess(*draw_stand_in(10_000, 0)), preprocess(*draw_stand_in(2_000, 1))
    else:
        pool, test = [airplanes_and_birds(part) for part in open_cifar10(root)]
    training, validation = torch.utils.data.random_split(
        pool, [8_000, 2_000], generator=torch.Generator().manual_seed(seed)
    )
    return training, validation, test
""",
)
