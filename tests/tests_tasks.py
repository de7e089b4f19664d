"""Many trainings at once: the same bytes for any number of workers, kept and resumed."""

import shutil

import joblib
import pytest
import torch
from tests_running import small_notebook

import support.tasks
from support.tasks import run_tasks, task_path

TOY = """
import os

import torch

from support.notebooks import load_definitions

BASE = load_definitions({base!r})


def toy(x, folder):
    with open(f"{{folder}}/calls", "a") as file:
        file.write(f"{{x}} ")
    if x == 13:
        raise KeyError("unlucky")
    if x == 17:
        os._exit(1)
    torch.manual_seed(x + BASE.SEED)
    return {{"sum": torch.randn(300, 300).mm(torch.randn(300, 300)).sum().item()}}
"""


@pytest.fixture
def toy_tasks(tmp_path, monkeypatch):
    """A function that runs toy() of a small notebook for some numbers; and the notebook's folder.

    The small notebook takes a constant from another, as those of experiments/ do.
    """
    base = small_notebook(tmp_path, "SEED = 265", name="base")
    notebook = small_notebook(tmp_path, TOY.format(base=str(base)), name="toy")
    monkeypatch.setattr(support.tasks, "KEPT", tmp_path / "build" / "tasks")

    def run(*numbers, worker_count=2):
        tasks = [dict(x=x, folder=str(tmp_path)) for x in numbers]
        return run_tasks(notebook, "toy", tasks, worker_count)

    return run, tmp_path


def kept_results(folder):
    return {path.name: path.read_bytes() for path in (folder / "build" / "tasks").iterdir()}


def test_tasks_give_the_same_bytes_for_any_number_of_workers_and_are_kept(toy_tasks):
    run, folder = toy_tasks
    threads = torch.get_num_threads()
    first, kept = run(1, 2, 3, worker_count=2), kept_results(folder)
    assert len(kept) == 3 and len((folder / "calls").read_text().split()) == 3
    assert run(1, 2, 3) == first
    assert len((folder / "calls").read_text().split()) == 3, "nothing is computed twice"
    next(iter((folder / "build" / "tasks").iterdir())).unlink()
    assert run(1, 2, 3) == first and kept_results(folder) == kept
    assert len((folder / "calls").read_text().split()) == 4, "only what is missing"
    shutil.rmtree(folder / "build")
    assert run(1, 2, 3, worker_count=1) == first and kept_results(folder) == kept
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("bad, reason", [(13, "KeyError: 'unlucky'"), (17, "a worker died")])
def test_a_task_that_fails_is_named_and_the_others_are_kept(toy_tasks, bad, reason):
    run, folder = toy_tasks
    with pytest.raises(RuntimeError) as error:
        run(1, 2, bad)
    assert reason in str(error.value) and f"toy({{'x': {bad}" in str(error.value)
    if bad == 13:
        assert "'x': 1," not in str(error.value) and len(kept_results(folder)) == 2


def test_a_change_of_the_code_starts_afresh(toy_tasks):
    run, folder = toy_tasks
    run(1, worker_count=1)
    path = folder / "base.ipynb"
    path.write_text(path.read_text().replace("SEED = 265", "SEED = 266"))
    run(1, worker_count=1)
    assert len(kept_results(folder)) == 2


def test_bad_worker_counts_are_refused(toy_tasks):
    run, folder = toy_tasks
    with pytest.raises(ValueError, match="worker_count is 0"):
        run(1, worker_count=0)
    assert not (folder / "calls").exists()


def test_modes_and_versions_keep_their_results_apart(toy_tasks, monkeypatch):
    notebook = toy_tasks[1] / "toy.ipynb"
    paths = [task_path(notebook, "toy", {"x": 0})]
    with monkeypatch.context() as patch:
        patch.setattr(support.tasks, "RUN_MODE", "another")
        paths.append(task_path(notebook, "toy", {"x": 0}))
    monkeypatch.setattr(torch, "__version__", "0")
    paths.append(task_path(notebook, "toy", {"x": 0}))
    assert len(set(paths)) == 3


def test_tasks_run_on_a_dask_cluster(toy_tasks):
    """The same call, the same bytes, on joblib's dask backend: a local cluster on loopback."""
    distributed = pytest.importorskip("distributed", reason="needs requirements-dev.txt")
    run, folder = toy_tasks
    expected, kept = run(1, 2), kept_results(folder)
    shutil.rmtree(folder / "build")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert run(1, 2, worker_count=None) == expected
    assert kept_results(folder) == kept
