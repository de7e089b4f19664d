"""Many trainings at once: the same bytes for any number of workers, kept and resumed."""

import shutil

import joblib
import pytest
import torch
from tests_running import small_notebook

import support.tasks
from support.tasks import run_tasks

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
def folder(tmp_path, monkeypatch):
    """The folder of a small notebook that takes a constant from another, as experiments/ do."""
    base = small_notebook(tmp_path, "SEED = 265", name="base")
    small_notebook(tmp_path, TOY.format(base=str(base)), name="toy")
    monkeypatch.setattr(support.tasks, "KEPT", tmp_path / "tasks")
    return tmp_path


def run(folder, *numbers, worker_count=2):
    tasks = [dict(x=x, folder=str(folder)) for x in numbers]
    return run_tasks(folder / "toy.ipynb", "toy", tasks, worker_count)


def kept_results(folder):
    return {path.name: path.read_bytes() for path in (folder / "tasks").iterdir()}


def call_count(folder):
    return len((folder / "calls").read_text().split())


def test_tasks_give_the_same_bytes_for_any_number_of_workers_and_are_kept(folder):
    threads = torch.get_num_threads()
    with pytest.raises(ValueError, match="worker_count is 0"):
        run(folder, 1, worker_count=0)
    first, kept = run(folder, 1, 2, 3), kept_results(folder)
    assert len(kept) == call_count(folder) == 3
    assert run(folder, 1, 2, 3) == first and call_count(folder) == 3, "nothing is computed twice"
    (folder / "tasks" / next(iter(kept))).unlink()
    assert run(folder, 1, 2, 3) == first and call_count(folder) == 4, "only what is missing"
    shutil.rmtree(folder / "tasks")
    assert run(folder, 1, 2, 3, worker_count=1) == first and kept_results(folder) == kept
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("bad, reason", [(13, "KeyError: 'unlucky'"), (17, "a worker died")])
def test_a_task_that_fails_is_named_and_the_others_are_kept(folder, bad, reason):
    with pytest.raises(RuntimeError, match=rf"toy\({{'x': {bad}.*{reason}") as error:
        run(folder, 1, 2, bad)
    if bad == 13:
        assert "'x': 1," not in str(error.value) and len(kept_results(folder)) == 2


def test_changed_code_modes_and_versions_keep_their_results_apart(folder, monkeypatch):
    """Nor does a process that is still there go on with the old code."""
    base, results = folder / "base.ipynb", []
    for seed in (265, 365):
        base.write_text(base.read_text().replace("SEED = 265", f"SEED = {seed}"))
        results += run(folder, 1, worker_count=1) + run(folder, 2, 3)
    assert len({result["sum"] for result in results}) == len(kept_results(folder)) == 6
    monkeypatch.setattr(support.tasks, "RUN_MODE", "another")
    run(folder, 1, worker_count=1)
    monkeypatch.setattr(torch, "__version__", "0")
    run(folder, 1, worker_count=1)
    assert len(kept_results(folder)) == 8


def test_tasks_run_on_a_dask_cluster(folder):
    """The same call, the same bytes, on joblib's dask backend: a local cluster on loopback."""
    distributed = pytest.importorskip("distributed", reason="needs requirements-dev.txt")
    expected, kept = run(folder, 1, 2), kept_results(folder)
    shutil.rmtree(folder / "tasks")
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster), joblib.parallel_config(backend="dask"):
        assert run(folder, 1, 2, worker_count=None) == expected
    assert kept_results(folder) == kept
