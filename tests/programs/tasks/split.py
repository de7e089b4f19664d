"""Task 1: the split."""

from tests.programs.tasks import tables

SPLIT = """
def split(dataset, count, seed):
    X, y = dataset.tensors
    order = list(range(len(dataset)))
    random.Random(seed).shuffle(order)
    first, rest = order[:count], sorted(order[count:])
    return TensorDataset(X[first], y[first]), TensorDataset(X[rest], y[rest])
"""
SHUFFLED = "random.Random(seed).shuffle(order)"
PARTS = "first, rest = order[:count], sorted(order[count:])"
WRONG, RIGHT, wrong, right = tables("split", SPLIT)

wrong(
    "no shuffle",
    """
def split(dataset, count, seed):
    X, y = dataset.tensors
    return TensorDataset(X[:count], y[:count]), TensorDataset(X[count:], y[count:])
""",
    "shuffle|random|drawn|first",
    listed=True,
)
wrong(
    "every fifth image",
    """
def split(dataset, count, seed):
    every = len(dataset) // (len(dataset) - count)
    other = [i for i in range(len(dataset)) if i % every == 0][: len(dataset) - count]
    drawn = [i for i in range(len(dataset)) if i not in other]
    return TensorDataset(*dataset[drawn]), TensorDataset(*dataset[other])
""",
    "shuffle|random|drawn|seed",
    listed=True,
)
wrong("no seed", {SHUFFLED: "random.shuffle(order)"}, "seed", listed=True)
wrong("always the same seed", {SHUFFLED: "random.Random(SEED).shuffle(order)"}, "seed", listed=True)
wrong(
    "X shuffled and y not",
    """
def split(dataset, count, seed):
    X, y = dataset.tensors
    X = X[torch.randperm(len(X), generator=torch.Generator().manual_seed(seed))]
    return TensorDataset(X[:count], y[:count]), TensorDataset(X[count:], y[count:])
""",
    "belong|label|target",
    listed=True,
)
wrong(
    "X and y shuffled one after the other",
    """
def split(dataset, count, seed):
    generator = np.random.default_rng(seed)
    X, y = (t.numpy().copy() for t in dataset.tensors)
    generator.shuffle(X)
    generator.shuffle(y)
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    return TensorDataset(X[:count], y[:count]), TensorDataset(X[count:], y[count:])
""",
    "belong|label|target",
    listed=True,
)
wrong(
    "sorted by class",
    {PARTS: PARTS + "\n    first.sort(key=lambda i: int(y[i]))"},
    "sorted|order|class",
    listed=True,
)
wrong(
    "the two parts in the wrong order",
    """
def split(dataset, count, seed):
    X, y = dataset.tensors
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))
    training, validation = order[:count], order[count:]
    return TensorDataset(X[validation], y[validation]), TensorDataset(X[training], y[training])
""",
    "count|exchanged|size|sizes|order|samples",
)
wrong(
    "drawn with replacement",
    """
def split(dataset, count, seed):
    drawn = random.Random(seed).choices(range(len(dataset)), k=count)
    others = [i for i in range(len(dataset)) if i not in set(drawn)]
    return TensorDataset(*dataset[drawn]), TensorDataset(*dataset[others])
""",
    "twice|replacement|repeated|more than once|double|count|sample",
)
wrong(
    "validation images among the training images",
    """
def split(dataset, count, seed):
    generator = random.Random(seed)
    drawn = generator.sample(range(len(dataset)), count)
    others = generator.sample(range(len(dataset)), len(dataset) - count)
    return TensorDataset(*dataset[drawn]), TensorDataset(*dataset[others])
""",
    "both|overlap|twice|disjoint",
)
wrong(
    "one image lost between the parts",
    {PARTS: PARTS.replace("order[count:]", "order[count + 1 :]")},
    "missing|lost|size|count|others|images",
)
wrong(
    "80 percent whatever the count",
    {PARTS: "count = int(0.8 * len(order))\n    " + PARTS},
    "count|size|samples|images",
)
wrong(
    "8,000 whatever the count",
    """
def split(dataset, count, seed):
    drawn = random.Random(seed).sample(range(len(dataset)), 8000)
    others = sorted(set(range(len(dataset))) - set(drawn))
    return TensorDataset(*dataset[drawn]), TensorDataset(*dataset[others])
""",
    "count|size|8000|8,000|sample",
)
wrong(
    "shuffled in place",
    """
def split(dataset, count, seed):
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
    for tensor in dataset.tensors:
        tensor[:] = tensor[order]
    X, y = dataset.tensors
    return TensorDataset(X[:count], y[:count]), TensorDataset(X[count:], y[count:])
""",
    "in place|change|seed|same|second call",
)
wrong(
    "a generator that goes on from call to call",
    """
GENERATOR = random.Random(265)


def split(dataset, count, seed):
    drawn = GENERATOR.sample(range(len(dataset)), count)
    others = sorted(set(range(len(dataset))) - set(drawn))
    return TensorDataset(*dataset[drawn]), TensorDataset(*dataset[others])
""",
    "seed|same|twice|second call",
)
wrong(
    "the drawn part given back twice",
    {"TensorDataset(X[rest], y[rest])": "TensorDataset(X[first], y[first])"},
    "overlap|both|twice|size|count|samples",
)

right("shuffled indices", SPLIT)
right(
    "random_split's subsets",
    """
def split(dataset, count, seed):
    generator = torch.Generator().manual_seed(seed)
    lengths = [count, len(dataset) - count]
    return torch.utils.data.random_split(dataset, lengths, generator=generator)
""",
)
right(
    "Subset and numpy's generator",
    """
from torch.utils.data import Subset


def split(dataset, count, seed):
    order = np.random.default_rng(seed).permutation(len(dataset))
    return Subset(dataset, order[:count].tolist()), Subset(dataset, order[count:].tolist())
""",
)
right(
    "sample and a mask",
    """
def split(dataset, count, seed):
    X, y = dataset.tensors
    drawn = torch.tensor(random.Random(seed).sample(range(len(y)), count))
    left = torch.ones(len(y), dtype=torch.bool)
    left[drawn] = False
    return (TensorDataset(X[drawn], y[drawn]), TensorDataset(X[left], y[left]))
""",
)
right(
    "a list of both parts",
    """
def split(dataset, count, seed):
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(seed))
    return [TensorDataset(*dataset[part]) for part in order.split([count, len(order) - count])]
""",
)
