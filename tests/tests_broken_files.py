"""Images in odd states: each place is tried, what is wrong is said, a whole copy is used.

On the tiny copies of conftest.py: torchvision is told their MD5s.
"""

import gzip
import os
import shutil
import subprocess
import sys

import support.images
from support import ROOT
from support.images import MNIST_MD5, find_cifar10, find_mnist, load_mnist, open_cifar10

import pytest
from torchvision.datasets import CIFAR10

INNER = CIFAR10.base_folder


def damage(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_file(path):
    shutil.rmtree(path)
    path.write_text("a file")


def replace_by_link_to_itself(path):
    """What cannot be opened, not even by root."""
    path.unlink()
    path.symlink_to(path)


def move_one_level_down(path):
    path.rename(path.with_name("moved"))
    path.mkdir()
    path.with_name("moved").rename(path / path.name)


def move_into_folder(path):
    (path.parent / "unpacked").mkdir()
    path.rename(path.parent / "unpacked" / path.name)


CIFAR10_FAULTS = {
    "damaged": (damage, "data_batch_3", r"data_batch_3 is damaged \(wrong MD5\)"),
    "missing": (os.remove, "test_batch", "test_batch is missing"),
    "no file": (replace_by_folder, "batches.meta", "batches.meta is not a file"),
    "unreadable": (
        replace_by_link_to_itself,
        "data_batch_1",
        r"data_batch_1 cannot be read \(.+\)",
    ),
    "a file in its place": (replace_by_file, "", f"{INNER} is not a folder"),
    "absent": (shutil.rmtree, "", f"{INNER} does not exist"),
    "nothing": (shutil.rmtree, "..", "does not exist"),
    "a file for all": (replace_by_file, "..", "is not a folder"),
    "too deep": (move_one_level_down, "", f"one level too deep, in .*{INNER}.{INNER}: move it up"),
    "in a folder": (move_into_folder, "", f"one level too deep, in .*unpacked.{INNER}: move it up"),
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
    monkeypatch.setenv("CIFAR10_ROOT", str(other / INNER))
    with pytest.raises(FileNotFoundError, match=rf"itself: name .*{other.name}\n"):
        open_cifar10()
    for inner in ("MNIST", "MNIST/raw"):
        monkeypatch.setenv("MNIST_ROOT", str(other / inner))
        with pytest.raises(FileNotFoundError, match=rf"itself: name .*{other.name}\n"):
            load_mnist(download=False)


def test_the_home_folder_and_an_empty_variable(image_folders, monkeypatch):
    data, other = image_folders
    shutil.rmtree(data)
    for variable in ("CIFAR10_ROOT", "MNIST_ROOT"):
        monkeypatch.setenv(variable, f"~/{other.name}")
    assert find_cifar10() == find_cifar10(f"~/{other.name}") == other and find_mnist()
    for variable in ("CIFAR10_ROOT", "MNIST_ROOT"):
        monkeypatch.setenv(variable, "")
    assert find_cifar10() is None and find_mnist() is None
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
def test_images_are_found_from_another_folder(tmp_path):
    """Those of the clone's own data/, with nothing in the environment, and no stray data/."""
    if find_cifar10() is None or find_mnist() is None:
        pytest.skip("needs a copy of CIFAR-10 and one of MNIST; `make run` fetches them")
    clone, elsewhere = tmp_path / "clone", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copytree(ROOT / "support", clone / "support")
    (clone / "data").mkdir()
    for source in (find_cifar10() / INNER, find_mnist()[0].parent.parent):
        (clone / "data" / source.name).symlink_to(source)
    code = "from support.images import *; print(find_cifar10(), *find_mnist())"
    variables = {name: value for name, value in os.environ.items() if not name.endswith("_ROOT")}
    output = subprocess.check_output(
        [sys.executable, "-c", code],
        text=True,
        cwd=elsewhere,
        env=variables | {"PYTHONPATH": str(clone)},
    )
    assert output.startswith(f"{clone / 'data'} ") and output.count(str(clone / "data")) == 3
    assert os.listdir(elsewhere) == []
