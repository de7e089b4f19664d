"""CIFAR-10 and MNIST: a copy that is there, or a download, or words that say what is missing.

A relative folder is one below the repository, whatever the current folder is. torchvision takes a
second to import, so the functions that need it do so: loading definitions need not wait.
"""

import contextlib
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


@contextlib.contextmanager
def limited_patience():
    """Give up on a connection that stays silent, inside this context alone."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_PATIENCE)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


# --------------------------------------------------------------------------------------- CIFAR-10


def find_cifar10(root="data"):
    """Return the first of `root` and $CIFAR10_ROOT with a whole copy of CIFAR-10, or None."""
    from torchvision.datasets import CIFAR10

    for folder in (root, os.environ.get("CIFAR10_ROOT", root)):
        try:
            CIFAR10(ROOT / folder, train=False)  # verifies the MD5 of the training files, too
            return ROOT / folder
        except RuntimeError:
            continue
    return None


def open_cifar10(root="data"):
    """Return CIFAR-10's training and test part as torchvision's datasets; download it if needed.

    Raises FileNotFoundError, which says what to do, with no copy and no way to download one.
    """
    from torchvision.datasets import CIFAR10

    try:
        folder = find_cifar10(root)
        if folder is None:
            folder = ROOT / root
            with limited_patience():
                CIFAR10(folder, download=True)
        return CIFAR10(folder, train=True), CIFAR10(folder, train=False)
    except (OSError, RuntimeError, HTTPException) as error:
        raise FileNotFoundError(
            f"CIFAR-10 is neither in {str(root)!r} nor in the folder named by CIFAR10_ROOT "
            f"({os.environ.get('CIFAR10_ROOT', 'not set')}), and the download failed: {error}. "
            f"Fetch {CIFAR10.url} (MD5 {CIFAR10.tgz_md5}) on another machine and unpack it there, "
            f"so that {Path(root) / CIFAR10.base_folder}/data_batch_1 exists."
        ) from error


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


def find_mnist(root):
    """The bytes of MNIST's test images and labels below root/MNIST/raw, packed or not, or None."""
    contents = []
    for name, md5 in MNIST_MD5.items():
        path = ROOT / root / "MNIST" / "raw" / name
        with contextlib.suppress(OSError, EOFError, zlib.error):
            packed = path.with_name(name + ".gz")
            if packed.is_file():
                content = gzip.decompress(packed.read_bytes())
            else:
                content = path.read_bytes()
            if hashlib.md5(content).hexdigest() == md5:
                contents.append(content)
    return contents if len(contents) == len(MNIST_MD5) else None


def download_mnist(root):
    """Let torchvision fetch MNIST into root; OSError or RuntimeError where it cannot."""
    from torchvision.datasets import MNIST

    with limited_patience():
        MNIST(root=root, train=False, download=True)


def load_mnist(count=64, download=True):
    """The first MNIST test images, cropped to (count, 1, 24, 24) and normalized, and their labels.

    A copy in data/ or in the folder named by MNIST_ROOT is used; otherwise torchvision downloads
    one into data/. FileNotFoundError where there is neither a copy nor a way to fetch it.
    """
    from torchvision.datasets import mnist

    data = ROOT / "data"
    roots = [data, *map(Path, filter(None, [os.environ.get("MNIST_ROOT")]))]
    found = next(filter(None, map(find_mnist, roots)), None)
    problem = "no download was asked for"
    if found is None and download:
        try:
            download_mnist(data)
            found = find_mnist(data)
            problem = f"what lies in {data / 'MNIST'} has the wrong MD5: delete it and run again"
        except (OSError, RuntimeError) as error:
            problem = f"the download failed: {error}".rstrip(".\n")
    if found is None:
        raise FileNotFoundError(
            f"No MNIST test images: {problem}.\n"
            f"Wanted: MNIST/raw/{' and '.join(MNIST_MD5)} (.gz or not)\n"
            f"in {' or '.join(map(str, roots))}. Put the files of {mnist.MNIST.mirrors[0]}\n"
            "there, or name a folder that has them in the environment variable MNIST_ROOT."
        )
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in MNIST_MD5]
        for path, content in zip(paths, found, strict=True):
            path.write_bytes(content)
        images, labels = mnist.read_image_file(paths[0]), mnist.read_label_file(paths[1])
    pixels = images[:count, None, 2:26, 2:26].double() / 255
    return (pixels - 0.1307) / 0.3081, labels[:count]
