"""Images in odd states: each place is tried, what is wrong is said, a whole copy is used.

Where none is whole, they are downloaded, or one clear error says what to do.
"""

import functools
import gzip
import http.server
import os
import shutil
import socket
import tarfile
import threading

import support.images
from support import ROOT
from support.images import MNIST_MD5, find_cifar10, find_mnist, load_mnist, open_cifar10

import pytest
from torchvision.datasets import CIFAR10, MNIST

from conftest import md5
from tests.helpers.processes import run_python

INNER = CIFAR10.base_folder


def damage(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_file(path):
    shutil.rmtree(path)
    path.write_text("a file")


def replace_by_link(path):
    """A link to itself cannot be opened, not even by root."""
    path.unlink()
    path.symlink_to(path)


def move_into(folder):
    def move(path):
        moved = path.rename(path.with_name("moved"))
        (path.parent / folder).mkdir()
        moved.rename(path.parent / folder / path.name)

    return move


CIFAR10_FAULTS = {
    "damaged": (damage, "data_batch_3", r"data_batch_3 is damaged \(wrong MD5\)"),
    "missing": (os.remove, "test_batch", "test_batch is missing"),
    "no file": (replace_by_folder, "batches.meta", "batches.meta is not a file"),
    "unreadable": (replace_by_link, "data_batch_1", r"data_batch_1 cannot be read \(.+\)"),
    "a file in its place": (replace_by_file, "", f"{INNER} is not a folder"),
    "absent": (shutil.rmtree, "", f"{INNER} does not exist"),
    "nothing": (shutil.rmtree, "..", "does not exist"),
    "a file for all": (replace_by_file, "..", "is not a folder"),
    "too deep": (move_into(INNER), "", f"one level too deep, in .*{INNER}.{INNER}: move it up"),
    "in a folder": (move_into("unpacked"), "", f"too deep, in .*unpacked.{INNER}: move it up"),
}


@pytest.mark.parametrize("fault", CIFAR10_FAULTS)
def test_a_fault_of_cifar10_is_named_and_a_whole_copy_used(image_folders, monkeypatch, fault):
    data, other = image_folders
    spoil, name, words = CIFAR10_FAULTS[fault]
    assert find_cifar10() == data
    spoil((data / INNER / name).resolve() if name == ".." else data / INNER / name)
    assert find_cifar10() == other
    training, test = open_cifar10()
    assert len(training) == 20 and len(test) == 4 and training.root == other
    shutil.rmtree(other)
    with pytest.raises(FileNotFoundError) as error:
        open_cifar10()
    for line in (f"(?m)^  .*{words}", "(?m)^  .*🐦 does not exist$", "download failed: "):
        assert error.match(line)


def test_the_inner_folder_in_place_of_its_parent(image_folders, monkeypatch):
    data, other = image_folders
    shutil.rmtree(data)
    for variable, inner, load in (
        ("CIFAR10_ROOT", INNER, open_cifar10),
        ("MNIST_ROOT", "MNIST", load_mnist),
        ("MNIST_ROOT", "MNIST/raw", load_mnist),
    ):
        monkeypatch.setenv(variable, str(other / inner))
        with pytest.raises(FileNotFoundError, match=rf"itself: name .*{other.name}\n"):
            load()


def test_the_home_folder_and_an_empty_variable(image_folders, monkeypatch):
    data, other = image_folders
    shutil.rmtree(data)
    for place, found in ((f"~/{other.name}", True), ("", False)):
        for variable in ("CIFAR10_ROOT", "MNIST_ROOT"):
            monkeypatch.setenv(variable, place)
        assert (find_cifar10() == other) == (find_mnist() is not None) == found
    assert find_cifar10(f"~/{other.name}") == other
    with pytest.raises(FileNotFoundError, match="CIFAR10_ROOT, which may name .* is not set"):
        open_cifar10()


def test_files_are_verified_once_and_again_when_they_change(image_folders):
    support.images.has_md5.cache_clear()
    for _ in range(3):
        open_cifar10()
        find_mnist()
    assert support.images.has_md5.cache_info().misses == 7 + 2
    path = image_folders[0] / INNER / "data_batch_2"
    times = path.stat()
    damage(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert find_cifar10() == image_folders[1], "another file of the same size and age"


@pytest.mark.parametrize("name", MNIST_MD5)
def test_a_good_file_beside_a_damaged_one(image_folders, name):
    """Packed or not: whichever of the two is whole is used; with none the other place."""
    data, other = image_folders
    path = data / "MNIST" / "raw" / name
    packed = path.with_name(name + ".gz")
    whole = gzip.compress(path.read_bytes())
    for content in (b"", b"no gzip", whole[:30], whole[:-6] + b"??????", gzip.compress(b"x")):
        packed.write_bytes(content)
        assert path in find_mnist() and len(load_mnist(download=False)[1]) == 3
    packed.write_bytes(whole)
    damage(path)
    assert packed in find_mnist() and load_mnist(download=False)[1].tolist() == [7, 2, 1]
    damage(packed)
    assert find_mnist() == [other / "MNIST" / "raw" / name for name in MNIST_MD5]
    shutil.rmtree(other)
    with pytest.raises(FileNotFoundError, match=rf"{name} is damaged .*, {name}.gz is damaged"):
        load_mnist()
    packed.unlink()
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"raw: {name} is missing"):
        load_mnist(download=False)


@pytest.mark.fault
def test_images_are_found_from_another_folder(tmp_path, monkeypatch):
    """Those of the clone's own data/, with nothing in the environment, and no stray data/."""
    if not (find_cifar10() and find_mnist()):
        pytest.skip("needs a copy of CIFAR-10 and one of MNIST; `make run` fetches them")
    clone, elsewhere = tmp_path / "clone", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(ROOT / "support", clone / "support")
    (clone / "data").mkdir()
    for source in (find_cifar10() / INNER, find_mnist()[0].parent.parent):
        (clone / "data" / source.name).symlink_to(source)
    code = "from support.images import *; print(find_cifar10(), *find_mnist())"
    for name in ("CIFAR10_ROOT", "MNIST_ROOT"):
        monkeypatch.delenv(name, raising=False)
    output = run_python("-c", code, folder=elsewhere, PYTHONPATH=str(clone)).stdout
    assert output.startswith(f"{clone / 'data'} ") and output.count(str(clone / "data")) == 3
    assert os.listdir(elsewhere) == []


def test_missing_images_are_one_clear_error(part2, image_folders):
    """And what lies there stays, although it is no whole copy."""
    data, other = image_folders
    shutil.rmtree(other)
    shutil.rmtree(data / "MNIST")
    (data / INNER / "data_batch_1").write_bytes(b"half")
    for load, parts in (
        (part2.load_airplane_bird, (CIFAR10.url, CIFAR10.tgz_md5, "CIFAR10_ROOT", "unpack it")),
        (load_mnist, ("https://", "t10k-images-idx3-ubyte", "MNIST_ROOT")),
    ):
        with pytest.raises(FileNotFoundError) as error:
            load()
        for part in (str(data), "the download failed", "refused", *parts):
            assert part in str(error.value)
    assert socket.getdefaulttimeout() is None
    assert (data / INNER / "data_batch_1").read_bytes() == b"half"


@pytest.fixture
def server(image_folders, monkeypatch):
    """Serve packed copies from 127.0.0.1; return the default time limit at each request."""
    data, other = image_folders
    served, limits = data.parent / "served", []
    served.mkdir()
    with tarfile.open(served / CIFAR10.filename, "w:gz") as archive:
        archive.add(other / INNER, INNER)
    for path in (other / "MNIST" / "raw").iterdir():
        (served / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):  # once a request
            limits.append(socket.getdefaulttimeout())

    handler = functools.partial(Handler, directory=served)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever).start()
        url = f"http://127.0.0.1:{running.server_port}/"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(CIFAR10, "url", url + CIFAR10.filename)
        monkeypatch.setattr(CIFAR10, "tgz_md5", md5(served / CIFAR10.filename))
        resources = [(path.name, md5(path)) for path in served.glob("*ubyte.gz")]
        monkeypatch.setattr(MNIST, "resources", resources)
        monkeypatch.setattr(MNIST, "mirrors", [url])
        yield limits
        running.shutdown()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python's about unpacking archives
def test_what_is_damaged_everywhere_is_downloaded_again(image_folders, server):
    """Into data/, with a time limit that is gone afterwards; the other place is left alone."""
    data, other = image_folders
    for folder, name in ((data, "batches.meta"), (other, "test_batch")):
        (folder / INNER / name).write_bytes(b"half")  # torchvision does not look at the first
        os.remove(folder / "MNIST" / "raw" / "t10k-labels-idx1-ubyte")
    training, test = open_cifar10()
    assert training.root == data and len(test) == 4
    assert load_mnist()[1].tolist() == [7, 2, 1]
    assert set(server) == {30} and socket.getdefaulttimeout() is None
    assert (other / INNER / "test_batch").read_bytes() == b"half"
    requests = len(server)
    open_cifar10(), load_mnist()
    assert len(server) == requests, "nothing is fetched twice"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_file_in_the_place_of_data(image_folders, server):
    """The download cannot help: its reason is said beside the others."""
    for folder in image_folders:
        shutil.rmtree(folder)
        folder.write_text("a file")
    for load, name in ((open_cifar10, "CIFAR-10"), (load_mnist, "MNIST")):
        with pytest.raises(FileNotFoundError, match=f"No whole copy of {name}.*") as error:
            load()
        assert str(error.value).count(" is not a folder\n") == 2
        assert error.match("the download failed: .*(exists|directory)")
