"""CIFAR-10 and MNIST: a copy that is there, or a download, or words that say what is missing.

A relative folder is one below the repository, whatever the current folder is; `~` is the home
folder. torchvision takes a second to import, so the functions that need it do so: loading
definitions need not wait.
"""

import functools
import glob
import gzip
import hashlib
import os
import socket
import zlib
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace

from support import ROOT

import numpy as np

DOWNLOAD_PATIENCE = 30  # seconds without an answer: a silent firewall must not hang a notebook

# ----------------------------------------------------------------------- a copy: where, and whole?


def content_of(path):
    """The bytes of a file, or what a .gz file holds."""
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


@functools.lru_cache(maxsize=64)
def has_md5(path, md5, *state):
    """Whether a file, or what a .gz file holds, has this MD5. Raises OSError.

    A file is read once a process, and again if its `state`, its size and its times, changes.
    """
    try:
        return hashlib.md5(content_of(path)).hexdigest() == md5
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return False


def file_problem(path, md5):
    """What is wrong with a file that should have this MD5, in words; None if nothing is."""
    try:
        now = path.stat()
        if not path.is_file():
            return f"{path.name} is not a file"
        whole = has_md5(path, md5, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
        return None if whole else f"{path.name} is damaged (wrong MD5)"
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"


def folder_problem(folder):
    """Why a folder cannot be read, in words; None if it can."""
    try:
        os.listdir(folder)
    except OSError as error:
        words = {FileNotFoundError: "does not exist", NotADirectoryError: "is not a folder"}
        return f"{folder} {words.get(type(error), f'cannot be read ({error.strerror})')}"


def copy_in(folder, inner, md5s, endings=("",)):
    """The paths of the files in folder/inner, and why they are no whole copy; None if they are.

    inner: a relative folder, as "MNIST/raw"; md5s: {name: MD5}. Each file may have one of the
    endings: whichever is good is taken.
    """
    paths, problems = [], []
    for name, md5 in md5s.items():
        files = [folder / inner / (name + ending) for ending in endings]
        found = {path: file_problem(path, md5) for path in files}
        good = [path for path, problem in found.items() if problem is None]
        present = [p for path, p in found.items() if p and p != f"{path.name} is missing"]
        paths += good[:1]
        problems += [] if good else present or [f"{name} is missing"]
    if not problems:
        return paths, None
    if folder_problem(folder):
        return paths, folder_problem(folder)
    if all(problem.endswith("is missing") for problem in problems):
        parts = Path(inner).parts
        for count in range(1, len(parts) + 1):
            if folder.parts[-count:] == parts[:count]:
                parent = folder.parents[count - 1]
                return paths, f"{folder} is the inner folder itself: name {parent}"
        for deeper in sorted(glob.glob(f"{glob.escape(str(folder))}/*/{inner}")):
            return paths, f"{folder} holds a copy one level too deep, in {deeper}: move it up"
    return paths, folder_problem(folder / inner) or f"{folder / inner}: {', '.join(problems)}"


def places(root, variable):
    """The folders where a copy may lie: `root`, and the one that an environment variable names."""
    named = filter(None, [root, os.environ.get(variable)])
    return list(dict.fromkeys(ROOT / os.path.expanduser(folder) for folder in named))


def find_copy(root, variable, files_in):
    """The first of these places where files_in(place) names no problem, or None."""
    return next((p for p in places(root, variable) if files_in(p)[1] is None), None)


def provide_copy(name, root, variable, files_in, download, advice):
    """Return the place with a whole copy; where there is none, `root`, after download(root).

    Raises FileNotFoundError: what is wrong with each place, why no download helped, what to do.
    """
    found = find_copy(root, variable, files_in)
    if found is not None:
        return found
    first, *others = places(root, variable)
    lines = [f"No whole copy of {name}:", files_in(first)[1]]
    lines += [f"{variable}: {files_in(place)[1]}" for place in others]
    if not os.environ.get(variable):
        lines.append(f"{variable}, which may name another folder, is not set")
    patience, cause = socket.getdefaulttimeout(), None
    socket.setdefaulttimeout(DOWNLOAD_PATIENCE)
    try:
        reason = download(first) or "torchvision downloads nothing over it: delete it"
        if files_in(first)[1] is None:
            return first
    except (OSError, RuntimeError, HTTPException) as error:
        reason, cause = f"the download failed: {error}".rstrip(".\n"), error
    finally:
        socket.setdefaulttimeout(patience)
    told = "\n  ".join(lines)
    raise FileNotFoundError(f"{told}\nand {reason}.\n{advice}") from cause


# --------------------------------------------------------------------------------------- CIFAR-10


def cifar10_files(folder):
    """The paths of CIFAR-10's files below a folder, and why they are no whole copy, or None."""
    from torchvision.datasets import CIFAR10

    meta = (CIFAR10.meta["filename"], CIFAR10.meta["md5"])
    md5s = dict([*CIFAR10.train_list, *CIFAR10.test_list, meta])
    return copy_in(folder, CIFAR10.base_folder, md5s)


def find_cifar10(root="data"):
    """Return the first of `root` and $CIFAR10_ROOT with a whole copy of CIFAR-10, or None."""
    return find_copy(root, "CIFAR10_ROOT", cifar10_files)


def open_cifar10(root="data"):
    """Return CIFAR-10's training and test part as torchvision's datasets; download it if needed.

    Raises FileNotFoundError, which says what to do, with no copy and no way to download one.
    """
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import download_and_extract_archive

    class Verified(CIFAR10):
        def _check_integrity(self):
            return True  # provide_copy has just said so; torchvision would read all files again

    def download(folder):  # CIFAR10(download=True) fetches nothing where only batches.meta is bad
        archive = {"filename": CIFAR10.filename, "md5": CIFAR10.tgz_md5}
        download_and_extract_archive(CIFAR10.url, folder, **archive)

    wanted = ROOT / os.path.expanduser(root) / CIFAR10.base_folder
    advice = f"Fetch {CIFAR10.url} (MD5 {CIFAR10.tgz_md5}) on another machine and unpack it as "
    advice += f"{wanted}."
    folder = provide_copy("CIFAR-10", root, "CIFAR10_ROOT", cifar10_files, download, advice)
    return Verified(folder, train=True), Verified(folder, train=False)


def draw_stand_in(count, seed, side=32):
    """Draw `count` images of two classes in turn: uint8 (count, side, side, 3), labels 0 and 1.

    Crosses, such as airplanes, and Vs, such as birds: for trying the notebooks without a network.
    """
    generator, unit = np.random.default_rng(seed), side / 32
    labels = np.arange(count) % 2
    places = generator.uniform([[14], [14], [8]], [[18], [18], [11]], (3, count))
    row, column, size = unit * places[..., None, None]
    y, x = (np.arange(side)[:, None] - row) / size, (np.arange(side) - column) / size
    cross = (np.hypot(4 * y, x) < 1) | (np.hypot(y, 4 * x) < 1)  # a fuselage across two wings
    wings = (abs(y + abs(x) / 2) < 0.2) & (abs(x) < 1)  # two raised ones
    drawn = np.where(labels[:, None, None] == 0, cross, wings)[..., None]
    sky, body = generator.uniform(0, 255, (2, count, 1, 1, 3))
    noise = generator.normal(0, 40, (count, side, side, 3))
    return np.clip(np.where(drawn, body, sky) + noise, 0, 255).astype(np.uint8), labels


def open_images(root, labels, image_shape=(3, 32, 32)):
    """open_cifar10(root), or for root="stand-in" the same from drawn images, with two `labels`.

    Raises ValueError for images of another shape (channels, height, width).
    """
    if root == "stand-in":
        drawn = [draw_stand_in(n, seed, image_shape[1]) for seed, n in enumerate((10_000, 2_000))]
        labels = np.array(list(labels))
        parts = [SimpleNamespace(data=X, targets=labels[kinds].tolist()) for X, kinds in drawn]
    else:
        parts = open_cifar10(root)
    height, width, channels = parts[0].data.shape[1:]
    found, asked = (channels, height, width), tuple(image_shape)
    if found != asked:
        told = f"image_shape is {asked}, and the images have {found} (channels, height, width)"
        raise ValueError(f"{told}: set IMAGE_SHAPE to that")
    return parts


# ------------------------------------------------------------------------------------------ MNIST

MNIST_MD5 = {  # of the unpacked files
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def mnist_files(folder):
    """The paths of MNIST's test images and labels below a folder, packed or not, and why they are
    no whole copy, or None.
    """
    return copy_in(folder, "MNIST/raw", MNIST_MD5, ("", ".gz"))


def find_mnist(root="data"):
    """Return the paths of MNIST's test images and labels, from `root` or $MNIST_ROOT, or None."""
    folder = find_copy(root, "MNIST_ROOT", mnist_files)
    return folder and mnist_files(folder)[0]


def load_mnist(count=64, download=True):
    """The first MNIST test images, cropped to (count, 1, 24, 24) and normalized, and their labels.

    A copy in data/ or in the folder named by MNIST_ROOT is used; otherwise torchvision downloads
    one into data/. FileNotFoundError where there is neither a copy nor a way to fetch it.
    """
    import torch
    from torchvision.datasets import MNIST

    def fetch(folder):
        if not download:
            return "no download was asked for"
        MNIST(folder, train=False, download=True)

    advice = f"Put {' and '.join(MNIST_MD5)} (.gz or not) of {MNIST.mirrors[0]} into "
    advice += f"{ROOT / 'data' / 'MNIST' / 'raw'}."
    sought = "MNIST's test images", "data", "MNIST_ROOT", mnist_files
    folder = provide_copy(*sought, fetch, advice)
    images, labels = (np.frombuffer(content_of(p), np.uint8) for p in mnist_files(folder)[0])
    pixels = images[16:].reshape(-1, 1, 28, 28)[:count, :, 2:26, 2:26] / 255  # after the header
    labels = torch.from_numpy(labels[8:][:count].astype(np.int64))
    return (torch.from_numpy(pixels) - 0.1307) / 0.3081, labels
