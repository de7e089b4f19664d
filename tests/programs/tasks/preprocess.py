"""Task 1: images and labels as tensors."""

from tests.programs.tasks import tables

PREPROCESS = """
def preprocess(images, labels):
    X = torch.tensor(images).permute(0, 3, 1, 2) / 255.0
    X = (X.to(DTYPE) - 0.5) / 0.5
    y = torch.tensor(labels).long()
    return TensorDataset(X, y)
"""
AXES = ".permute(0, 3, 1, 2)"
SCALED = "X = (X.to(DTYPE) - 0.5) / 0.5"
TARGETS = "y = torch.tensor(labels).long()"
WRONG, RIGHT, wrong, right = tables("preprocess", PREPROCESS)

wrong(
    "reshape in the place of permute",
    {AXES: ".reshape(-1, 3, 32, 32)"},
    "reshape|permute|scrambled",
    listed=True,
)
wrong(
    "numpy's reshape and a comment that says transpose",
    """
def preprocess(images, labels):
    # transpose to channels first
    n, h, w, c = images.shape
    x = images.reshape((n, c, h, w)).astype("float64")
    x = 2 * (x / 255) - 1
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(labels.astype("int64")))
""",
    "reshape|permute|scrambled",
    listed=True,
)
wrong(
    "height and width interchanged",
    {AXES: ".transpose(1, 3)"},
    "height|width|interchanged|transpose",
    listed=True,
)
wrong(
    "BGR",
    {"torch.tensor(images)": "torch.tensor(images[..., ::-1].copy())"},
    "BGR|red|channel",
    listed=True,
)
wrong(
    "a scale for each image",
    """
def preprocess(images, labels):
    X = torch.from_numpy(images).permute(0, 3, 1, 2).to(DTYPE)
    low = X.amin(dim=(1, 2, 3), keepdim=True)
    high = X.amax(dim=(1, 2, 3), keepdim=True)
    X = 2 * (X - low) / (high - low).clamp(min=1) - 1
    return TensorDataset(X, torch.from_numpy(labels).long())
""",
    "each image|an image|one image|constants",
    listed=True,
)
wrong(
    "mean and deviation of the images given",
    """
def preprocess(images, labels):
    X = torch.from_numpy(images).permute(0, 3, 1, 2).to(DTYPE)
    mean, std = X.mean(dim=(0, 2, 3), keepdim=True), X.std(dim=(0, 2, 3), keepdim=True)
    return TensorDataset((X - mean) / (std + 1e-8), torch.from_numpy(labels).long())
""",
    "[-1, 1]|constants|mean|range",
)
wrong(
    "the constants of ImageNet",
    """
MEAN = torch.tensor([0.485, 0.456, 0.406], dtype=DTYPE).view(1, 3, 1, 1)
STD = torch.tensor([0.229, 0.224, 0.225], dtype=DTYPE).view(1, 3, 1, 1)


def preprocess(images, labels):
    X = torch.from_numpy(images).permute(0, 3, 1, 2).to(DTYPE) / 255
    return TensorDataset((X - MEAN) / STD, torch.from_numpy(labels).long())
""",
    "[-1, 1]|constants|range",
)
wrong("pixels from 0 to 1", {SCALED: "X = X.to(DTYPE)"}, "[-1, 1]|range")
wrong(
    "pixels from 0 to 255",
    """
def preprocess(images, labels):
    images = images.transpose(0, 3, 1, 2).astype(np.float64)
    return TensorDataset(torch.as_tensor(images), torch.as_tensor(labels, dtype=torch.int64))
""",
    "[-1, 1]|range|255",
)
wrong(
    "bytes overflow",
    """
def preprocess(images, labels):
    scaled = (images * 2 - 255) / 255
    X = torch.tensor(scaled, dtype=DTYPE).permute(0, 3, 1, 2)
    return TensorDataset(X, torch.tensor(labels, dtype=torch.long))
""",
    "uint8|overflow|byte|[-1, 1]|range|pixel",
)
wrong("whole numbers divided", {"/ 255.0": "// 255"}, "whole|pixel|[-1, 1]|//")
wrong(
    "scaled twice", {SCALED: "X = ((X / 255).to(DTYPE) - 0.5) / 0.5"}, "[-1, 1]|range|pixel|twice"
)
wrong(
    "the negative of the photo",
    {SCALED: "X = (0.5 - X.to(DTYPE)) / 0.5"},
    "sign|negative|pixel|black",
)
wrong(
    "single precision",
    """
def preprocess(images, labels):
    X = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
    return TensorDataset(X, torch.from_numpy(labels).long())
""",
    "double|float64|float32|dtype|precision",
)
wrong(
    "gray photos",
    {SCALED: SCALED + "\n    X = X.mean(1, keepdim=True).repeat(1, 3, 1, 1)"},
    "channel|gray|color|pixel",
)
wrong("channels left at the end", {AXES: ""}, "shape|channel|permute")
wrong("already flattened", {"TensorDataset(X, y)": "TensorDataset(X.flatten(1), y)"}, "shape|3072")
wrong(
    "photos mirrored as in a tutorial on augmentation",
    {SCALED: SCALED + "\n    X = X.flip(-1)"},
    "mirror|flip|pixel|width",
)
wrong(
    "noise added",
    {SCALED: SCALED + "\n    X = (X + 0.02 * torch.randn_like(X)).clamp(-1, 1)"},
    "pixel|random|noise",
)
wrong(
    "targets as floating-point numbers",
    {TARGETS: "y = torch.tensor(labels, dtype=DTYPE)"},
    "int64|long|dtype|whole",
)
wrong(
    "one-hot targets",
    {TARGETS: "y = nn.functional.one_hot(torch.tensor(labels).long(), 2)"},
    "one-hot|shape|(N,)",
)
wrong(
    "two tensors in the place of a dataset",
    {"return TensorDataset(X, y)": "return X, y"},
    "TensorDataset|tuple",
)

right("one line each", PREPROCESS)
right(
    "numpy does it in double precision",
    """
def preprocess(images, labels):
    scaled = np.transpose(images.astype(np.float64), (0, 3, 1, 2)) / 127.5 - 1.0
    return TensorDataset(torch.from_numpy(scaled), torch.from_numpy(np.asarray(labels, np.int64)))
""",
    exact=False,
)
right(
    "image by image",
    """
def preprocess(images, labels):
    all_x = []
    for image in images:
        red, green, blue = image[:, :, 0], image[:, :, 1], image[:, :, 2]
        x = torch.stack([torch.tensor(c.astype("float64")) for c in (red, green, blue)])
        all_x.append(x * 2 / 255 - 1)
    return TensorDataset(torch.stack(all_x), torch.LongTensor([int(label) for label in labels]))
""",
    exact=False,
)
right(
    "moveaxis and lerp",
    """
def preprocess(images, labels):
    shares = torch.as_tensor(images).moveaxis(-1, 1).to(DTYPE).div(255)
    one = torch.ones((), dtype=DTYPE)
    return TensorDataset(torch.lerp(-one, one, shares), torch.as_tensor(labels).to(torch.long))
""",
    exact=False,
)
