"""Results and inputs that are missing, empty, cut short or not JSON: which file, and what to do."""

import shutil

import pytest

from support import ROOT
from support.files import read_json
from support.report import read_result, render, write_all

BROKEN = (b"", b'{"a": [1,', b"no JSON", b"\xff\xfe{}")


@pytest.fixture
def root(tmp_path):
    """A copy of all that the documents are rendered from."""
    for folder in ("data", "results", "report"):
        ignored = shutil.ignore_patterns("cifar-10-*", "MNIST")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "name, remedy",
    [
        ("results/gradient_descent.json", "make run"),
        ("results/luck.json", "make experiments/luck"),
        ("results/bench.json", "make bench"),
        ("data/published_runs.json", "git checkout -- data/published_runs.json"),
    ],
)
def test_a_broken_file_is_named_with_the_command_that_makes_it(root, name, remedy):
    path = root / name
    for content in BROKEN:
        path.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{name} is no JSON file.* {remedy}$"):
            read_json(path)
        with pytest.raises(ValueError, match=rf"{name} is no JSON file"):
            render("report.md", root)
        with pytest.raises(SystemExit, match=rf"was not rendered: .*{name} .*{remedy}"):
            write_all(root)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing; .* {remedy}$"):
        read_json(path)
    path.mkdir()
    with pytest.raises(ValueError, match=rf"{name} is no JSON file"):
        read_json(path)


def test_a_broken_result_counts_as_absent_where_it_is_only_compared(root):
    for content in BROKEN:
        (root / "results" / "gradient_descent.json").write_bytes(content)
        assert read_result("gradient_descent", root) is None
