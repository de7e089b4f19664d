"""Independent trainings in parallel: computed by worker processes, kept in files, resumed.

A result is what its file's name says: a digest of the task, the code, the constants, the versions
and the mode. The process that computes a task makes the same digest of what it has loaded itself,
and refuses to compute what is asked for with other code than its own.
"""

import ast
import functools
import hashlib
import importlib.metadata
import json
import modulefinder
import platform
import warnings
from pathlib import Path

from support import ROOT
from support.definitions import REMEMBERED, load_definitions, remember_modules
from support.files import RUN_MODE, write_whole
from support.progress import progress

import joblib
import numpy as np
import torch

KEPT = ROOT / "build" / "tasks"


def module_texts(definitions):
    """{path: text} of the modules that definitions import, and that these modules import.

    In functions, too. Of those in the repository and beside the notebook: others have a version.
    """
    found = {}
    for path, module in definitions.__loaded__.items():
        finder = modulefinder.ModuleFinder([str(path.parent), str(ROOT)])
        notebook = finder.add_module(path.stem)
        for tree in module.__trees__:
            finder.scan_code(compile(tree, path.name, "exec"), notebook)
        files = [m.__file__ for m in finder.modules.values() if m.__file__]
        found |= {file: Path(file).read_text("utf-8") for file in files}
    return dict(sorted(found.items()))


def plain(value):
    """A constant's value as text; of anything but plain values the type alone."""
    if isinstance(value, dict):
        value = list(value.items())
    if isinstance(value, list | tuple):
        return f"({', '.join(map(plain, value))})"
    if isinstance(value, str | int | float | complex | bytes | range | None):
        return repr(value)
    return type(value).__name__


def digest(texts):
    """One digest of some texts."""
    parts = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def conditions_of(definitions):
    """All that a task's result depends on besides its arguments, as a dict of texts.

    A notebook's comments and prose do not count. A constant's value may come from a file or from
    the environment. The images are those of the code, the constants and the mode: each copy has
    the same MD5s.
    Raises RuntimeError if a module was changed after this process had imported it.
    """
    texts = module_texts(definitions)
    changed = [path for path, text in texts.items() if REMEMBERED.get(path, text) != text]
    if changed:
        raise RuntimeError(
            f"{', '.join(changed)} changed after this process had imported it: "
            "restart the kernel and run again (what is finished is kept)"
        )
    modules = definitions.__loaded__.values()
    names = [(module, name) for module in modules for name in sorted(vars(module))]
    return {
        "definitions": digest(ast.unparse(tree) for m in modules for tree in m.__trees__),
        "modules": digest(texts.values()),
        "constants": digest(f"{n} {plain(vars(m)[n])}" for m, n in names if n.isupper()),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": importlib.metadata.version("torchvision"),
        "numpy": np.__version__,
        "processor": torch.backends.cpu.get_cpu_capability(),
        "GPU": str(torch.cuda.is_available()),
        "RUN_MODE": RUN_MODE,
    }


@functools.lru_cache(maxsize=4)
def definitions_of(notebook, conditions):
    """load_definitions(notebook), kept by a worker from task to task under the same conditions.

    Raises RuntimeError where this process would compute under others.
    """
    definitions = load_definitions(notebook)
    asked, here = json.loads(conditions), conditions_of(definitions)
    differing = [name for name in here if here[name] != asked.get(name)]
    if differing:
        raise RuntimeError(f"not computed: {', '.join(differing)} changed meanwhile; run again")
    return definitions


def run_task(notebook, conditions, name, arguments, result_path):
    """Call the function `name` that a notebook defines, with one torch thread; keep its result.

    For worker processes. Task and result go to the JSON file `result_path`, whole or not at all.
    Returns None, or a text that says what went wrong.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        function = getattr(definitions_of(notebook, conditions), name)
        result = {"task": [name, arguments], "result": function(**arguments)}
        remember_modules((ROOT, Path(notebook).resolve().parent))  # those that it imported itself
        write_whole(result_path, json.dumps(result, allow_nan=False))
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        torch.set_num_threads(threads)
    return None


def task_path(conditions, name, arguments):
    """Return the file that keeps a task's result."""
    key = digest([conditions, name, json.dumps(arguments, sort_keys=True)])
    return KEPT / f"{name}-{key[:16]}.json"


def is_kept(path, name, arguments):
    """Whether a file holds the result of a task, whole: what is cut or not JSON does not count."""
    try:
        return json.loads(path.read_text())["task"] == [name, arguments]
    except (OSError, ValueError, LookupError, TypeError):
        return False


def run_tasks(notebook, name, tasks, worker_count=None):
    """Return [name(**arguments) for arguments in tasks], computed in worker processes, and kept.

    notebook: the path of the notebook that defines the function `name`. Arguments and results are
    plain JSON values. Each worker has one torch thread and loads the saved notebook's definitions
    itself, so that a result is the same to the last bit for any number of workers. worker_count:
    processes, all cores if None; ignored by other joblib backends than the default.
    Raises ValueError for a count below 1; RuntimeError where the code on disk is not the one that
    this process has imported, or naming the tasks that failed, where the others are kept, so that
    a second call computes only what is missing.
    """
    if worker_count is not None and worker_count < 1:
        raise ValueError(f"worker_count is {worker_count}; at least 1 process is needed")
    conditions = json.dumps(conditions_of(load_definitions(notebook)))
    tasks = json.loads(json.dumps(list(tasks), allow_nan=False))  # as their names say
    pairs = [(arguments, task_path(conditions, name, arguments)) for arguments in tasks]
    missing = [(a, path) for a, path in pairs if not is_kept(path, name, a)]
    pool = joblib.Parallel(n_jobs=worker_count or -1, return_as="generator")
    run, errors = joblib.delayed(run_task), []
    calls = (run(notebook, conditions, name, a, path) for a, path in missing)
    try:
        with warnings.catch_warnings():  # a worker that has grown ends, and another takes its place
            warnings.filterwarnings("ignore", "A worker stopped", UserWarning)
            for error in progress(pool(calls), total=len(missing), unit="task"):
                errors.append(error)
    except Exception as error:  # a worker died: which one, the missing files tell
        errors += [f"a worker died ({type(error).__name__})"] * (len(missing) - len(errors))
    outcomes = zip(missing, errors, strict=True)
    failed = [f"{name}({a}): {error}" for (a, p), error in outcomes if not is_kept(p, name, a)]
    if failed:
        raise RuntimeError("failed; run again to go on from here:\n" + "\n".join(failed))
    return [json.loads(path.read_text())["result"] for _, path in pairs]
