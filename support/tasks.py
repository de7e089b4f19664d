"""Independent trainings in parallel: computed by worker processes, kept in files, resumed."""

import ast
import functools
import hashlib
import json

import joblib
import torch

from support import ROOT
from support.notebooks import load_definitions, read_definitions
from support.saving import RUN_MODE, ProgressBar, write_whole

KEPT = ROOT / "build" / "tasks"


def code_digest(notebooks):
    """A digest of the definitions of some notebooks, as they are saved now."""
    trees = [ast.unparse(tree) for path in notebooks for _, tree in read_definitions(path)]
    return hashlib.sha256(json.dumps(trees).encode()).hexdigest()


@functools.lru_cache(maxsize=4)
def definitions_of(notebook, code):
    """load_definitions(notebook), kept by a worker from task to task while the code is the same.

    Raises RuntimeError where the notebooks have not the code with the digest `code` any more.
    """
    definitions = load_definitions(notebook)
    if code_digest(definitions.__notebooks__) != code:
        raise RuntimeError(f"{notebook.name} or a notebook that it loads was changed meanwhile")
    return definitions


def run_task(notebook, code, name, arguments, result_path):
    """Call the function `name` that a notebook defines, with one torch thread; keep its result.

    For worker processes. The result goes to the JSON file `result_path`, whole or not at all.
    Returns None, or a text that says what went wrong.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        function = getattr(definitions_of(notebook, code), name)
        text = json.dumps(function(**arguments), allow_nan=False)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        torch.set_num_threads(threads)
    write_whole(result_path, lambda temporary: temporary.write_text(text))
    return None


def task_path(code, name, arguments):
    """Return the file that keeps a task's result; code, mode and versions are in its name."""
    versions = (torch.__version__, torch.backends.cpu.get_cpu_capability(), RUN_MODE)
    key = json.dumps([code, versions, name, arguments], sort_keys=True)
    return KEPT / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"


def run_tasks(notebook, name, tasks, worker_count=None):
    """Return [name(**arguments) for arguments in tasks], computed in worker processes, and kept.

    notebook: the path of the notebook that defines the function `name`. Each worker has one torch
    thread and loads the saved notebook's definitions itself, so that a result is the same to the
    last bit for any number of workers. worker_count: processes, all cores if None; ignored by
    other joblib backends than the default.
    Raises ValueError for a count below 1; RuntimeError naming the tasks that failed, where the
    others are kept, so that a second call computes only what is missing.
    """
    if worker_count is not None and worker_count < 1:
        raise ValueError(f"worker_count is {worker_count}; at least 1 process is needed")
    code = code_digest(load_definitions(notebook).__notebooks__)
    paths = [task_path(code, name, arguments) for arguments in tasks]
    missing = [(a, p) for a, p in zip(tasks, paths, strict=True) if not p.exists()]
    pool = joblib.Parallel(n_jobs=worker_count or -1, return_as="generator")
    run, errors = joblib.delayed(run_task), []
    calls = (run(notebook, code, name, a, p) for a, p in missing)
    try:
        for error in ProgressBar(pool(calls), total=len(missing), unit="task"):
            errors.append(error)
    except Exception as error:  # a worker died: which one, the missing files tell
        errors += [f"a worker died ({type(error).__name__})"] * (len(missing) - len(errors))
    pairs = zip(missing, errors, strict=True)
    failed = [f"{name}({a}): {error}" for (a, path), error in pairs if not path.exists()]
    if failed:
        raise RuntimeError("failed; run again to go on from here:\n" + "\n".join(failed))
    return [json.loads(path.read_text()) for path in paths]
