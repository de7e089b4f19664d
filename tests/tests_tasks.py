"""Many trainings at once: the same bytes for any number of workers, kept and resumed."""

import json
import os
import shutil
import sys
from functools import partial

import support.definitions
import support.tasks
from support.tasks import run_tasks

import joblib
import pytest
import torch

from tests.helpers.notebooks import small_notebook

TOY = """
import os
import time
from pathlib import Path

import torch

from {helper} import double
from support.definitions import load_definitions

FOLDER = {folder!r}
BASE = load_definitions(FOLDER + "/base.ipynb")
LIMIT = int(os.environ.get("LIMIT_OF_TASKS", 5))
DATA = Path(FOLDER, "data.txt").read_text()


def toy(x):
    from late_{helper} import ADDED

    with open(FOLDER + "/calls", "a") as file:
        file.write(f"{{x}} ")
    if x == 13:
        raise KeyError("unlucky")
    if x == 17:
        os._exit(1)
    if x > 90:
        toy.kept = b"x" * (x - 90) * 200_000_000
        time.sleep(1.5)
    torch.manual_seed(x + BASE.SEED)
    product = torch.randn(300, 300).mm(torch.randn(300, 300)).sum().item()
    return [product, double(x), ADDED, LIMIT, DATA]
"""


def forget_helpers():
    """As a new process: nothing of the helpers is imported, nor remembered."""
    for known in (support.definitions.REMEMBERED, sys.modules):
        for name in [name for name in known if "helper_of" in name]:
            del known[name]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a small notebook that takes a constant from another, as experiments/ do.

    It imports two modules that lie beside it, and reads a constant from a file.
    """
    helper = f"helper_of_{tmp_path.name}"  # a worker stays, from one test to the next
    small_notebook(tmp_path, "SEED = 265", name="base")
    small_notebook(tmp_path, TOY.format(folder=str(tmp_path), helper=helper), name="toy")
    (tmp_path / f"{helper}.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / f"late_{helper}.py").write_text("ADDED = 1\n")
    (tmp_path / "data.txt").write_text("first")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(support.tasks, "KEPT", tmp_path / "tasks")
    yield tmp_path
    forget_helpers()


def run(folder, *numbers, worker_count=1):
    return run_tasks(folder / "toy.ipynb", "toy", [dict(x=x) for x in numbers], worker_count)


def kept_results(folder):
    return {path.name: path.read_bytes() for path in (folder / "tasks").iterdir()}


def call_count(folder):
    return len((folder / "calls").read_text().split())


def test_tasks_give_the_same_bytes_for_any_number_of_workers_and_are_kept(folder, request):
    request.addfinalizer(partial(torch.set_num_threads, torch.get_num_threads()))
    torch.set_num_threads(2)
    with pytest.raises(ValueError, match="worker_count is 0"):
        run(folder, 1, worker_count=0)
    first, kept = run(folder, 1, 2, 3, worker_count=2), kept_results(folder)
    assert len(kept) == call_count(folder) == 3
    assert run(folder, 1, 2, 3) == first and call_count(folder) == 3, "nothing is computed twice"
    (folder / "tasks" / next(iter(kept))).unlink()
    assert run(folder, 1, 2, 3) == first and call_count(folder) == 4, "only what is missing"
    shutil.rmtree(folder / "tasks")
    assert run(folder, 1, 2, 3) == first and kept_results(folder) == kept
    assert torch.get_num_threads() == 2, "put back in this process, which was the only worker"
    with pytest.raises(RuntimeError, match="unlucky"):
        run(folder, 13)
    assert torch.get_num_threads() == 2


EDITS = {
    "another notebook": ("base.ipynb", "SEED = 265", "SEED = 365"),
    "its code": ("toy.ipynb", "x + BASE.SEED", "x - BASE.SEED"),
    "a file": ("data.txt", "first", "second"),
    "a module": ("helper_of*.py", "2 * x", "3 * x"),
    "a module imported in a function": ("late_helper_of*.py", "ADDED = 1", "ADDED = 10"),
}


@pytest.mark.parametrize("edited", EDITS)
def test_a_result_is_what_its_name_says_after_an_edit(folder, edited):
    """No process goes on with old code: one that imported a module refuses, a new one computes."""
    pattern, old, new = EDITS[edited]
    (path,) = folder.glob(pattern)
    first, before = run(folder, 1), path.read_text()
    path.write_text(before.replace(old, new))
    if path.suffix == ".py":
        with pytest.raises(RuntimeError, match=f"{path.name} changed .* restart the kernel"):
            run(folder, 1)
        forget_helpers()
    else:
        assert run(folder, 2, worker_count=2) != run(folder, 1)
    assert run(folder, 1) != first
    path.write_text(before)
    forget_helpers()
    count = len(kept_results(folder))
    assert run(folder, 1) == first and len(kept_results(folder)) == count


def test_environment_mode_and_versions_are_part_of_a_result(folder, monkeypatch):
    results = run(folder, 1)
    monkeypatch.setenv("LIMIT_OF_TASKS", "6")
    results += run(folder, 1)
    monkeypatch.setattr(support.tasks, "RUN_MODE", "another")
    results += run(folder, 1)
    monkeypatch.setattr(torch, "__version__", "0")
    results += run(folder, 1)
    assert len(kept_results(folder)) == 4
    assert [result[3] for result in results] == [5, 6, 6, 6]


BROKEN = [b"", b'{"task": ["toy", {"x": 1}', b"1", b"[]", b"{}", b"null", b"\xff", b'{"task": []}']


def test_a_broken_result_is_computed_again_and_written_as_a_whole(folder):
    """Not into the broken file: another name of that file keeps what was in it."""
    first, kept = run(folder, 1), kept_results(folder)
    (name,) = kept
    path, other_name = folder / "tasks" / name, folder / "other_name"
    for content in BROKEN:
        path.write_bytes(content)
        os.link(path, other_name)
        assert run(folder, 1) == first and kept_results(folder) == kept
        assert other_name.read_bytes() == content, "written in place"
        other_name.unlink()
    assert call_count(folder) == 1 + len(BROKEN)
    path.unlink()
    path.mkdir()
    with pytest.raises(RuntimeError, match=r"toy\({'x': 1}.*IsADirectoryError"):
        run(folder, 1)
    path.rmdir()
    path.symlink_to(path)
    assert run(folder, 1) == first, "a link to itself is replaced"


def test_a_result_stands_beside_its_task(folder):
    run(folder, 3)
    (content,) = kept_results(folder).values()
    assert json.loads(content)["task"] == ["toy", {"x": 3}]
    with pytest.raises(ValueError, match="not JSON compliant"):
        run(folder, float("nan"))


@pytest.mark.parametrize("bad, reason", [(13, "KeyError: 'unlucky'"), (17, "a worker died")])
def test_a_task_that_fails_is_named_and_the_others_are_kept(folder, bad, reason):
    with pytest.raises(RuntimeError, match=rf"toy\({{'x': {bad}.*{reason}") as error:
        run(folder, 1, 2, bad, worker_count=2)
    if bad == 13:
        assert "'x': 1}" not in str(error.value) and len(kept_results(folder)) == 2


@pytest.mark.fault
def test_a_worker_that_grew_is_replaced_without_a_warning(folder, recwarn):
    """A warning would stand in the saved notebook, with a path of the machine."""
    assert [row[1] for row in run(folder, *range(91, 97), worker_count=2)] == [*range(182, 194, 2)]
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.fault
def test_a_worker_refuses_what_it_would_compute_otherwise(folder, monkeypatch):
    """A warm worker has imported the old module, and has the old environment."""
    run(folder, *range(8), worker_count=2)
    with monkeypatch.context() as context:
        context.setenv("LIMIT_OF_TASKS", "6")
        with pytest.raises(RuntimeError, match="not computed: constants changed meanwhile"):
            run(folder, *range(20), worker_count=2)
    (path,) = folder.glob("helper_of*.py")
    path.write_text("def double(x):\n    return 3 * x\n")
    forget_helpers()
    with pytest.raises(RuntimeError, match=f"{path.name} changed after this process"):
        run(folder, *range(20), worker_count=2)


def test_tasks_run_on_a_dask_cluster(folder):
    """The same call, the same bytes, on joblib's dask backend: a local cluster on loopback."""
    distributed = pytest.importorskip("distributed", reason="needs requirements-dev.txt")
    expected, kept = run(folder, 1, 2, worker_count=2), kept_results(folder)
    shutil.rmtree(folder / "tasks")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert run(folder, 1, 2, worker_count=None) == expected
    assert kept_results(folder) == kept
