"""CIFAR-10 and MNIST: a copy that is there, or a download, or words that say what is missing.

A relative folder is one below the repository, whatever the current folder is; `~` is the home
folder. torchvision takes a second to import, so the functions that need it do so: loading
definitions need not wait.
"""

import contextlib
import functools
import glob
import gzip
import hashlib
import os
import socket
import tempfile
import zlib
from http.client import HTTPException
from pathlib import Path

import numpy as np

from support import ROOT

DOWNLOAD_PATIENCE = 30  # seconds without an answer: a silent firewall must not hang a notebook
DOWNLOAD_ERRORS = (OSError, RuntimeError, HTTPException)


@contextlib.contextmanager
def limited_patience():
    """Give up on a connection that stays silent, inside this context alone."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# ----------------------------------------------------------------------- a copy: where, and whole?


def places(root, variable):
    """The folders where a copy may lie: `root`, and the one that an environment variable names."""
    named = filter(None, [root, os.environ.get(variable)])
    return list(dict.fromkeys(ROOT / os.path.expanduser(folder) for folder in named))


@functools.lru_cache(maxsize=64)
def has_md5(path, md5, size, times):
    """Whether a file, or what a .gz file holds, has this MD5. Raises OSError.

    A file is read once a process, and again if its size or one of its times changes.
    """
    if path.suffix == ".gz":
        try:
            return hashlib.md5(gzip.decompress(path.read_bytes())).hexdigest() == md5
        except (gzip.BadGzipFile, EOFError, zlib.error):
            return False
    from torchvision.datasets.utils import check_integrity

    return check_integrity(path, md5)


def file_problem(path, md5):
    """What is wrong with a file that should have this MD5, in words; None if nothing is."""
    try:
        found = path.stat()
        if path.is_file() and has_md5(
            path, md5, found.st_size, (found.st_mtime_ns, found.st_ctime_ns)
        ):
            return None
    except FileNotFoundError:
        return f"{path.name} is missing"
    except OSError as error:
        return f"{path.name} cannot be read ({error.strerror})"
    return f"{path.name} is {'damaged (wrong MD5)' if path.is_file() else 'not a file'}"


def folder_problem(folder):
    """Why a folder cannot be read, in words; None if it can."""
    try:
        os.listdir(folder)
    except FileNotFoundError:
        return f"{folder} does not exist"
    except NotADirectoryError:
        return f"{folder} is not a folder"
    except OSError as error:
        return f"{folder} cannot be read ({error.strerror})"
    return None


def copy_problem(folder, inner, problems):
    """Why there is no whole copy in folder/inner, in words; None if there is one.

    inner: a relative folder, as "MNIST/raw"; problems: of the files, None for a good one.
    """
    problems = list(filter(None, problems))
    if not problems:
        return None
    if folder_problem(folder):
        return folder_problem(folder)
    if all(problem.endswith("is missing") for problem in problems):
        parts = Path(inner).parts
        for count in range(1, len(parts) + 1):
            if folder.parts[-count:] == parts[:count]:
                return f"{folder} is the inner folder itself: name {folder.parents[count - 1]}"
        for deeper in sorted(glob.glob(f"{glob.escape(str(folder))}/*/{inner}")):
            return f"{folder} holds a copy one level too deep, in {deeper}: move it up"
    return folder_problem(folder / inner) or f"{folder / inner}: {', '.join(problems)}"


def missing_copy(name, variable, problems, download, advice):
    """The error that says what is wrong with each place, why no download helped, what to do.

    problems: of the places, in their order.
    """
    first, *others = problems
    others = [f"{variable}: {problem}" for problem in others]
    if not os.environ.get(variable):
        others = [f"{variable}, which may name another folder, is not set"]
    lines = "\n  ".join([f"No whole copy of {name}:", first, *others])
    return FileNotFoundError(f"{lines}\nand {download}.\n{advice}")


# --------------------------------------------------------------------------------------- CIFAR-10


def cifar10_problem(folder):
    """Why a folder holds no whole copy of CIFAR-10, in words; None if it does."""
    from torchvision.datasets import CIFAR10

    meta = (CIFAR10.meta["filename"], CIFAR10.meta["md5"])
    files = [*CIFAR10.train_list, *CIFAR10.test_list, meta]
    inner = CIFAR10.base_folder
    return copy_problem(folder, inner, [file_problem(folder / inner / n, md5) for n, md5 in files])


def find_cifar10(root="data"):
    """Return the first of `root` and $CIFAR10_ROOT with a whole copy of CIFAR-10, or None."""
    folders = places(root, "CIFAR10_ROOT")
    return next((folder for folder in folders if cifar10_problem(folder) is None), None)


def open_cifar10(root="data"):
    """Return CIFAR-10's training and test part as torchvision's datasets; download it if needed.

    Raises FileNotFoundError, which says what to do, with no copy and no way to download one.
    """
    from torchvision.datasets import CIFAR10

    class Verified(CIFAR10):
        def _check_integrity(self):
            return True  # find_cifar10 has just said so; torchvision would read all files again

    folder = find_cifar10(root)
    if folder is None:
        folder, *others = places(root, "CIFAR10_ROOT")
        problems = [cifar10_problem(place) for place in (folder, *others)]
        try:
            with limited_patience():
                CIFAR10(folder, download=True)  # verifies what it fetched
        except DOWNLOAD_ERRORS as error:
            raise missing_copy(
                "CIFAR-10",
                "CIFAR10_ROOT",
                problems,
                f"the download failed: {error}".rstrip(".\n"),
                f"Fetch {CIFAR10.url} (MD5 {CIFAR10.tgz_md5}) on another machine and unpack it, so "
                f"that {folder / CIFAR10.base_folder}/data_batch_1 exists.",
            ) from error
    return Verified(folder, train=True), Verified(folder, train=False)


def draw_stand_in(count, seed):
    """Draw `count` airplanes and birds in turn: uint8 images (count, 32, 32, 3), labels 0 and 1.

    Crosses for airplanes, Vs for birds: for trying the notebooks where there is no network at all.
    """
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    row, column, size = generator.uniform([[14], [14], [8]], [[18], [18], [11]], (3, count))
    y = (np.arange(32)[:, None] - row[:, None, None]) / size[:, None, None]
    x = (np.arange(32) - column[:, None, None]) / size[:, None, None]
    airplane = (np.hypot(4 * y, x) < 1) | (np.hypot(y, 4 * x) < 1)  # a fuselage across two wings
    bird = (abs(y + abs(x) / 2) < 0.2) & (abs(x) < 1)  # two raised wings
    drawn = np.where(labels[:, None, None] == 0, airplane, bird)[..., None]
    sky, body = generator.uniform(0, 255, (2, count, 1, 1, 3))
    noise = generator.normal(0, 40, (count, 32, 32, 3))
    return np.clip(np.where(drawn, body, sky) + noise, 0, 255).astype(np.uint8), labels


# ------------------------------------------------------------------------------------------ MNIST

MNIST_MD5 = {  # of the unpacked files
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def look_for_mnist(folder):
    """Return the paths of MNIST's test images and labels below a folder, packed or not.

    And a problem in words, or None: why they are not a whole copy.
    """
    paths, problems = [], []
    for name, md5 in MNIST_MD5.items():
        pair = [folder / "MNIST" / "raw" / (name + ending) for ending in ("", ".gz")]
        found = {path: file_problem(path, md5) for path in pair}
        good = [path for path, problem in found.items() if problem is None]
        present = [p for path, p in found.items() if p and p != f"{path.name} is missing"]
        paths += good[:1]
        problems += [] if good else present or [f"{name} is missing"]
    return paths, copy_problem(folder, "MNIST/raw", problems)


def find_mnist(root="data"):
    """Return the paths of MNIST's test images and labels, from `root` or $MNIST_ROOT, or None."""
    for paths, problem in map(look_for_mnist, places(root, "MNIST_ROOT")):
        if problem is None:
            return paths
    return None


def download_mnist(root):
    """Let torchvision fetch MNIST into root; one of DOWNLOAD_ERRORS where it cannot."""
    from torchvision.datasets import MNIST

    with limited_patience():
        MNIST(root=root, train=False, download=True)


def load_mnist(count=64, download=True):
    """The first MNIST test images, cropped to (count, 1, 24, 24) and normalized, and their labels.

    A copy in data/ or in the folder named by MNIST_ROOT is used; otherwise torchvision downloads
    one into data/. FileNotFoundError where there is neither a copy nor a way to fetch it.
    """
    from torchvision.datasets import mnist

    folders = places("data", "MNIST_ROOT")
    found, problem = find_mnist(), "no download was asked for"
    if found is None and download:
        try:
            download_mnist(folders[0])
            found, problem = find_mnist(), "torchvision downloads nothing over it: delete it"
        except DOWNLOAD_ERRORS as error:
            problem = f"the download failed: {error}".rstrip(".\n")
    if found is None:
        raise missing_copy(
            "MNIST's test images",
            "MNIST_ROOT",
            [look_for_mnist(folder)[1] for folder in folders],
            problem,
            f"Put {' and '.join(MNIST_MD5)} (.gz or not) of {mnist.MNIST.mirrors[0]} "
            f"into {folders[0] / 'MNIST' / 'raw'}.",
        )
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for path in found:
            content = path.read_bytes()
            paths.append(Path(folder) / path.with_suffix("").name)
            paths[-1].write_bytes(gzip.decompress(content) if path.suffix == ".gz" else content)
        images, labels = mnist.read_image_file(paths[0]), mnist.read_label_file(paths[1])
    pixels = images[:count, None, 2:26, 2:26].double() / 255
    return (pixels - 0.1307) / 0.3081, labels[:count]
