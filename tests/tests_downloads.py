"""No whole copy of the images: they are downloaded, or one clear error says what to do."""

import gzip
import http.server
import os
import shutil
import socket
import tarfile
import threading

from support.images import load_mnist, open_cifar10

import pytest
from torchvision.datasets import CIFAR10, MNIST

from conftest import md5

INNER = CIFAR10.base_folder


def test_missing_images_are_one_clear_error(part2, image_folders):
    """And what lies there stays, although it is no whole copy."""
    data, other = image_folders
    shutil.rmtree(other)
    shutil.rmtree(data)
    (data / INNER).mkdir(parents=True)
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
        def __init__(self, *arguments):
            limits.append(socket.getdefaulttimeout())
            super().__init__(*arguments, directory=served)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
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
    for folder in image_folders:
        (folder / INNER / "test_batch").write_bytes(b"half")
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
