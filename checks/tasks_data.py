"""Task 1 judged on small made-up images: preprocessing, classes, split, and the parts loaded."""

from collections import Counter
from types import SimpleNamespace

import numpy as np
import torch
from torch.utils.data import TensorDataset

from checks.difference import index_of
from checks.open_task import Task, close

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
ALSO_CALLED = {"plane": "airplane", "aeroplane": "airplane", "car": "automobile"}
AIRPLANE_BIRD = {"airplane": 0, "bird": 2}
COUNTS = {"training": 8_000, "validation": 2_000, "test": 2_000}
AXES = "the line that moves the channels to the front: every axis must go to its own place"
CONSTANTS = "the numbers that are subtracted and divided by: two constants, the same for all"

# ----------------------------------------------------------------------------- preprocess


def made_up_images(image_shape):
    """Four images (4, height, width, 3), uint8, 3 to 247: dark, bright, and two of both kinds."""
    _, height, width = image_shape
    values = np.random.default_rng(0).integers(3, 248, (4, height, width, 3))
    values[0] = 3 + values[0] // 4
    values[1] = 247 - values[1] // 4
    return values.astype(np.uint8)


def layouts(images):
    """{what is wrong: (where to look, the images in this order of axes)}, the right one first."""
    v = torch.from_numpy(images).double()
    X = v.permute(0, 3, 1, 2)
    scrambled = "the images are scrambled: reshape (or view) only counts the numbers anew"
    return {
        "": ("", X),
        f"{scrambled}, it moves no axis": (AXES, v.reshape(X.shape)),
        "height and width are interchanged": (AXES, v.permute(0, 3, 2, 1)),
        "the colors are interchanged: blue, green, red": ("the order of the channels", X.flip(1)),
        "the images are mirrored": ("what reverses an axis", X.flip(3)),
        "the channels stand last": (AXES, v),
        "the images are flat": ("the shape: the net itself flattens them", X.flatten(1)),
    }


def fitted_scales(v):
    """{what is wrong: the pixels in a scale that is fitted to images}; v: (4, ...), 0 to 255."""
    each = tuple(range(1, v.dim()))
    kinds = {"each image has a scale of its own": each}
    kinds |= {"the scale is fitted to the images that are given": (0, *each)}
    if v.dim() == 4:
        kinds["each channel of each image has a scale of its own"] = each[1:]
        kinds["each channel has a scale fitted to the images that are given"] = (0, *each[1:])
    for words, axes in kinds.items():
        least, most = v.amin(axes, keepdim=True), v.amax(axes, keepdim=True)
        mean, unit = v.mean(axes, keepdim=True), (v - least) / (most - least)
        yield from ((words, x) for x in (unit, 2 * unit - 1, v / most, 2 * v / most - 1))
        yield from ((words, (v - mean) / size) for size in (1, 127.5, 255))
        yield from ((words, (v - mean) / v.std(axes, correction=c, keepdim=True)) for c in (0, 1))


def scale_of(X, v):
    """What X says black and white are, in words, one for each channel; None where no line fits."""
    if X.shape != v.shape:
        return None
    ends = []
    for ours, pixels in zip(X.unbind(1), v.unbind(1), strict=True):
        places = torch.stack([pixels.argmin(), pixels.argmax()])
        (x, y), (low, high) = pixels.flatten()[places], ours.flatten()[places]
        slope = (high - low) / (y - x)
        if not close(ours, low + slope * (pixels - x), 1e-4):
            return None
        ends.append((low - slope * x, low + slope * (255 - x)))
    return ", ".join(dict.fromkeys(f"[{low:.3g}, {high:.3g}]" for low, high in ends))


def name_of_pixels(X, images):
    """(what is wrong, where to look) of X in words, where it is known; else None."""
    for layout, (axes, v) in layouts(images).items():
        found = (words for words, x in fitted_scales(v) if close(X, x, 1e-5))
        scale, ends = next(found, None), scale_of(X, v)
        if scale is None and ends is not None:
            scale = "" if ends == "[-1, 1]" else f"the pixels lie in {ends}, not in [-1, 1]"
        if scale is not None:
            look = "; ".join(filter(None, (axes, CONSTANTS if scale else "")))
            return "; ".join(filter(None, (layout, scale))), look
    return None


def check_preprocess(preprocess, image_shape=(3, 32, 32), dtype=torch.double):
    """Judge preprocess(images, labels) on four made-up images whose every pixel is known."""
    task = Task("Task 1, preprocess", preprocess)
    images, labels = made_up_images(image_shape), np.array([1, 0, 0, 1])
    X, y = task.images_and_labels(task.call(images.copy(), labels.copy()), "what it returns")
    right, ours = layouts(images)[""][1] / 127.5 - 1, task.numbers(X, "X")
    if not close(ours, right, 1e-5):
        words, look = name_of_pixels(ours, images) or ("the pixels are wrong", None)
        told = f"X of shape {tuple(right.shape)}", tuple(ours.shape)
        if ours.shape == right.shape:
            gap = (ours - right).abs().nan_to_num(torch.inf)
            at = index_of(gap.argmax().item(), right.shape)
            pixel = f"where the pixel is {images.transpose(0, 3, 1, 2)[at]}"
            told = f"{right[at]:.4f} at X{list(at)}, {pixel}", f"{ours[at]:.4f}"
        task.expect(False, words, *told, look)
    task.expect(X.dtype == dtype, "X has another precision than the net", dtype, X.dtype)
    check_targets(task, y, torch.from_numpy(labels))
    task.right(f"{len(X)} made-up images in [-1, 1], every pixel in its place")


def check_targets(task, y, right):
    """The form of targets and, where they are wrong, the name of it."""
    y = y.detach().cpu() if torch.is_tensor(y) else torch.as_tensor(y)
    one_hot = y.shape == (len(right), 2)
    task.expect(not one_hot, "the targets are one-hot", "class indices of shape (N,)")
    task.expect(y.shape == right.shape, "y has another shape", tuple(right.shape), tuple(y.shape))
    task.expect(
        y.dtype == torch.int64, "the targets are no int64, as a class index must be", met=y.dtype
    )
    told = right.tolist()[:12], y.tolist()[:12]
    swapped = y.equal(1 - right)
    task.expect(not swapped, "the two labels are interchanged", *told, "the first class is 0")
    task.expect(y.equal(right), "the targets are not those of their images", *told)


# -------------------------------------------------------------------- classes, and the split


def check_class_names(CLASSES, CLASS_NAMES=None):
    """Raise where CLASSES is not {name: label} of two of CIFAR-10's classes, in CLASS_NAMES too."""
    task = Task("CLASSES", lambda: CLASSES)
    form = '{"airplane": 0, "bird": 2}: name and label of two classes of CIFAR-10'
    two = isinstance(CLASSES, dict) and len(CLASSES) == 2
    task.expect(two, "it does not name two classes, one for each output", form, CLASSES)
    every = ", ".join(f"{name} {label}" for label, name in enumerate(CIFAR10))
    for name, label in CLASSES.items():
        known = ALSO_CALLED.get(str(name).lower(), str(name).lower())
        task.expect(known in CIFAR10, f"{name!r} is no class of CIFAR-10", every)
        right = CIFAR10.index(known)
        is_label = isinstance(label, int) and not isinstance(label, bool) and 0 <= label < 10
        whose = f"the label of {CIFAR10[label]}" if is_label else "no label, 0 to 9"
        words = f"{name!r} has not the label {label!r}, which is {whose}"
        task.expect(is_label and label == right, words, f"{right} for {name}", CLASSES)
    different = len(set(CLASSES.values())) == 2
    task.expect(different, "both names stand for one class", form, CLASSES)
    same = CLASS_NAMES is None or tuple(CLASS_NAMES) == tuple(CLASSES)
    words = "CLASS_NAMES, which tables and pictures show, are other names"
    task.expect(same, words, f"tuple(CLASSES), {tuple(CLASSES)}", CLASS_NAMES)


def check_classes(airplanes_and_birds, CLASSES=AIRPLANE_BIRD, image_shape=(3, 32, 32)):
    """Judge airplanes_and_birds(cifar10) on a few images of all ten classes."""
    check_class_names(CLASSES)
    task = Task("Task 1, airplanes_and_birds", airplanes_and_birds)
    first, second = CLASSES.values()
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(10), 4))
    labels = np.array([second, *labels, second, first, second])  # the classes are not balanced
    numbers = np.arange(len(labels))  # image i is gray, of the value 5 i
    data = np.broadcast_to(numbers[:, None, None, None] * 5, (len(labels), *image_shape[1:], 3))
    cifar10 = SimpleNamespace(data=data.astype(np.uint8), targets=labels.tolist(), classes=CIFAR10)
    cifar10.class_to_idx = {name: i for i, name in enumerate(CIFAR10)}
    X, y = task.images_and_labels(task.call(cifar10), "what it returns")
    right = numbers[np.isin(labels, (first, second))]

    def names(kept):
        return ", ".join(CIFAR10[label] for label in sorted({int(labels[i]) for i in kept}))

    wanted = f"{len(right)} images: {names(right)}"
    task.expect(len(X) > 0, "no image is kept", wanted)
    gray = (X.detach().cpu().double().flatten(1)[:, 0] + 1) * 127.5 / 5
    kept = gray.round().long().numpy()
    known = bool(((gray - gray.round()).abs() < 0.1).all()) and set(kept) <= set(numbers)
    task.expect(known, "the images are not those that preprocess makes", look="the call of it")
    met = f"{len(kept)} images: {names(kept)}"
    task.expect(len(set(labels[kept])) < 10, "all ten classes are kept", wanted, met)
    others = set(labels[kept]) - {first, second}
    where = "how the images of the two classes are picked"
    task.expect(not others, "images of other classes are kept", wanted, met, where)
    task.expect(len(kept) == len(right), "not all images are kept, each once", wanted, met, where)
    in_order = np.array_equal(np.sort(kept), kept)
    by_class = in_order or bool((np.diff(np.isin(labels[kept], second)) != 0).sum() < 2)
    order = "the images are sorted by class" if by_class else "the images change their order"
    task.expect(in_order and len(set(kept)) == len(kept), order, "the order of the files")
    shown, values = torch.as_tensor(y).detach().cpu(), torch.from_numpy(labels[kept])
    told = "0 and 1, the numbers of the net's outputs", shown.unique().tolist()
    unmapped = close(shown, values) and {first, second} != {0, 1}
    task.expect(not unmapped, "the labels are those of CIFAR-10, not mapped to 0 and 1", *told)
    outside = not set(shown.flatten().tolist()) <= {0, 1}
    task.expect(not outside, "the labels are not mapped to 0 and 1", *told)
    check_targets(task, y, torch.from_numpy((labels[kept] == second).astype(np.int64)))
    task.right(f"{len(kept)} of {len(labels)} made-up images kept, {names(kept)}; labels 0 and 1")


def check_split(split, image_shape=(3, 32, 32)):
    """Judge split(dataset, count, seed) on forty images whose pixels hold their number."""
    task = Task("Task 1, split", split)
    generator = torch.Generator().manual_seed(0)
    labels = (torch.rand(40, generator=generator) < 0.5).long()
    X = torch.arange(40.0, dtype=torch.double)[:, None, None, None].expand(-1, *image_shape)
    dataset = TensorDataset(X.clone(), labels)

    def parts(count, seed):
        both = task.pair(task.call(dataset, count, seed), "the images drawn, and the others")
        ids = []
        for what, part in zip(("the part drawn", "the other part"), both, strict=True):
            images, y = task.images_and_labels(part, what)
            held = images.detach().flatten(1)[:, 0].round().long()
            apart = held.min() < 0 or held.max() > 39 or not y.equal(labels[held])
            look = "the numbers that X and y are indexed with: the same for both"
            words = f"{what}: labels do not belong to their images, X and y went apart"
            task.expect(not apart, words, labels[held % 40][:8].tolist(), y[:8].tolist(), look)
            ids.append(held.tolist())
        repeated = len(ids[0]) - len({*ids[0]}) + len(ids[1]) - len({*ids[1]})
        look = "what draws them: no image is put back"
        task.expect(not repeated, f"{repeated} images stand in a part twice", look=look)
        twice = len({*ids[0]} & {*ids[1]})
        task.expect(not twice, f"the parts overlap: {twice} images stand in both")
        sizes, right = tuple(map(len, ids)), (count, 40 - count)
        exchanged = sizes == right[::-1] != right
        task.expect(not exchanged, "the two parts are exchanged", f"{right} images", sizes)
        task.expect(sizes == right, "the parts have other sizes", f"{right} images", sizes)
        return ids

    drawn, others = parts(30, 1)
    shuffle = "what draws the images: it must be random, and start from the seed"
    whole = list(range(40))
    unshuffled = drawn in (whole[:30], whole[10:])
    task.expect(not unshuffled, "nothing is drawn: the images stay in their order", look=shuffle)
    by_class = labels[drawn].diff().unique().numel() < 3 and sorted(drawn) != drawn
    task.expect(not by_class, "the images drawn are sorted by class", look="what sorts them")
    again, other = parts(30, 1)[0], parts(30, 2)[0]
    task.expect(again == drawn, "two calls with one seed differ: no seed is set", look=shuffle)
    ignored = "the seed is ignored: seeds 1 and 2 draw the same images"
    task.expect(drawn != other, ignored, look=shuffle)
    same = set(drawn) == set(other)
    task.expect(not same, ignored + ", in another order", look=shuffle)
    parts(13, 1)
    task.right("30 of 40 made-up images drawn by the seed, each with its own label")


# ------------------------------------------------------------------------ the real images


def keys_of(X, y):
    """How often each (sum of an image's pixels, its first one, label) occurs."""
    X = X.detach().cpu().flatten(1).double()
    sums = ((X.sum(1) + X.shape[1]) * 127.5).round().long()
    first = ((X[:, 0] + 1) * 127.5).round().long()
    return Counter(zip(sums.tolist(), first.tolist(), y.tolist(), strict=True))


def official(cifar10, classes):
    """keys_of CIFAR-10's own images of these classes."""
    labels = np.array(cifar10.targets)
    kept = np.isin(labels, classes)
    data, y = cifar10.data[kept], (labels[kept] == classes[1]).astype(int)
    sums = data.sum(axis=(1, 2, 3), dtype=np.int64)
    return Counter(zip(sums.tolist(), data[:, 0, 0, 0].tolist(), y.tolist(), strict=True))


def check_loading(load_airplane_bird, root="data", parts=None, CLASSES=AIRPLANE_BIRD):
    """Judge the parts that load_airplane_bird gave: sizes, images, and that its seed counts.

    parts: (training, validation, test), as load_airplane_bird(root) returned them; None: it is
    called for them. The stand-in is judged without looking at its images.
    """
    task = Task("Task 1, load_airplane_bird", load_airplane_bird)
    parts = task.call(root) if parts is None else tuple(parts)
    three = isinstance(parts, tuple | list) and len(parts) == 3
    task.expect(three, "it does not return three parts", "training, validation, test")
    loaded = {n: task.images_and_labels(p, n) for n, p in zip(COUNTS, parts, strict=True)}
    found = {name: keys_of(*pair) for name, pair in loaded.items()}
    pixels, own = loaded["test"][0][0].numel(), None
    if root != "stand-in":
        from support.images import open_cifar10  # here: it is needed with the real images alone

        files = open_cifar10(root)
        if files[0].data[0].size == pixels:  # images of another size cannot be compared
            own = [official(file, tuple(CLASSES.values())) for file in files]
            check_test_part(task, found, *own)
    for name, (_, y) in loaded.items():
        words = f"the {name} part has another size"
        task.expect(len(y) == COUNTS[name], words, COUNTS[name], len(y))
    if own:
        both = found["training"] + found["validation"]
        words = "training and validation are not the training images of CIFAR-10, each once, with "
        look = "what becomes of the images before the split"
        task.expect(both == own[0], words + "its label", look=look)
    others = task.images_and_labels(task.call(root, seed=1)[1], "the validation part of seed 1")
    ignored = keys_of(*others) == found["validation"]
    task.expect(not ignored, "the seed is ignored: the validation part of seed 1 is the same")
    task.right(", ".join(f"{count:,} {name} images" for name, count in COUNTS.items()))


def check_test_part(task, found, own_training, own_test):
    """The test part is CIFAR-10's own; all are keys_of images."""
    exchanged = found["validation"] == own_test != found["test"]
    task.expect(not exchanged, "validation and test are exchanged", look="what is returned")
    words = "the test part is cut out of the training images"
    official_part = "the official test images, which no training meets"
    task.expect(found["test"] - own_training, words, official_part)
    words = "the test part is not CIFAR-10's own, of both classes, with its labels"
    task.expect(found["test"] == own_test, words, look="what is returned as the third")
