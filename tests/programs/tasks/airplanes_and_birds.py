"""Task 1: the two classes."""

from tests.programs.tasks import tables

CLASSES_KEPT = """
def airplanes_and_birds(cifar10):
    targets = np.asarray(cifar10.targets)
    airplane, bird = CLASSES.values()
    keep = (targets == airplane) | (targets == bird)
    return preprocess(cifar10.data[keep], (targets[keep] == bird).astype("int64"))
"""
NUMBERED = '(targets[keep] == bird).astype("int64")'
KEPT = "keep = (targets == airplane) | (targets == bird)"
WRONG, RIGHT, wrong, right = tables("airplanes_and_birds", CLASSES_KEPT)

wrong(
    "cars in the place of birds",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets)
    kept = np.isin(labels, (0, 1))
    return preprocess(cifar10.data[kept], labels[kept])
""",
    "class|label 1|labels 0 and 1",
    listed=True,
)
wrong(
    "cats in the place of birds",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets)
    kept = (labels == 0) | (labels == 3)
    return preprocess(cifar10.data[kept], labels[kept] // 3)
""",
    "class|label 3|labels 0 and 3",
    listed=True,
)
wrong(
    "the two labels swapped",
    {NUMBERED: NUMBERED.replace("bird", "airplane")},
    "swapped|exchanged|interchanged|reversed",
    listed=True,
)
wrong(
    "label 2 not mapped", {NUMBERED: "targets[keep]"}, "0 and 2|label 2|mapped|0 and 1", listed=True
)
wrong(
    "all airplanes and then all birds",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets)
    airplanes = cifar10.data[labels == 0]
    birds = cifar10.data[labels == 2]
    images = np.concatenate([airplanes, birds])
    return preprocess(images, np.array([0] * len(airplanes) + [1] * len(birds)))
""",
    "order|sorted",
    listed=True,
)
wrong(
    "labels of other images",
    {NUMBERED: "(targets[: keep.sum()] == bird).astype(int)"},
    "belong|label|target",
    listed=True,
)
wrong(
    "0 or 2 as Python reads it",
    {KEPT: "keep = targets == (airplane or bird)"},
    "class|missing|airplane|count|images",
)
wrong(
    "all ten classes",
    """
def airplanes_and_birds(cifar10):
    labels = [0 if label == 0 else 1 for label in cifar10.targets]
    return preprocess(cifar10.data, np.array(labels))
""",
    "class|images|other",
)
wrong(
    "classes 0 to 3 in two pairs",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets) // 2
    kept = labels <= 1
    return preprocess(cifar10.data[kept], labels[kept])
""",
    "class|images|label 1|other",
)
wrong(
    "shuffled already",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets)
    kept = np.flatnonzero(np.isin(labels, (0, 2)))
    np.random.shuffle(kept)
    return preprocess(cifar10.data[kept], labels[kept] // 2)
""",
    "order|shuffled",
)
wrong(
    "as many of each by cutting the rest off",
    """
def airplanes_and_birds(cifar10):
    labels = np.array(cifar10.targets)
    airplanes, birds = np.flatnonzero(labels == 0), np.flatnonzero(labels == 2)
    count = min(len(airplanes), len(birds))
    kept = np.sort(np.concatenate([airplanes[:count], birds[:count]]))
    return preprocess(cifar10.data[kept], labels[kept] // 2)
""",
    "images|count|missing|all",
)
wrong(
    "the last one lost",
    """
def airplanes_and_birds(cifar10):
    images, labels = [], []
    for i in range(len(cifar10.targets) - 1):
        if cifar10.targets[i] in (0, 2):
            images.append(cifar10.data[i])
            labels.append(cifar10.targets[i] // 2)
    return preprocess(np.array(images), np.array(labels))
""",
    "images|last|missing|count",
)
wrong("labels -1 and 1", {NUMBERED: "np.where(targets[keep] == bird, 1, -1)"}, "-1|0 and 1|label")

right("from CLASSES", CLASSES_KEPT)
right(
    "a loop over lists",
    """
def airplanes_and_birds(cifar10):
    numbers = {label: i for i, label in enumerate(CLASSES.values())}
    pairs = [
        (image, numbers[label])
        for image, label in zip(cifar10.data, cifar10.targets)
        if label in numbers
    ]
    images, labels = zip(*pairs)
    return preprocess(np.stack(images), np.array(labels))
""",
)
right(
    "indices and the literal labels",
    """
def airplanes_and_birds(cifar10):
    wanted = list(CLASSES.values())
    indices = [i for i, t in enumerate(cifar10.targets) if t in wanted]
    labels = torch.tensor([wanted.index(cifar10.targets[i]) for i in indices])
    return preprocess(np.take(cifar10.data, indices, axis=0), labels.numpy())
""",
)
