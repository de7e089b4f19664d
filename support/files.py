"""Files: what a run reads and leaves behind, whole and strict, and where it comes from."""

import contextlib
import errno
import hashlib
import json
import os
import platform
import secrets
import stat
from pathlib import Path

from support import ROOT

MODES = ("full", "quick", "stand-in")


def run_mode():
    """The environment's RUN_MODE: full, quick (short trainings) or stand-in (and no real images).

    Raises ValueError for any other.
    """
    mode = os.environ.get("RUN_MODE", "full")
    if mode not in MODES:
        raise ValueError(f"RUN_MODE is {mode!r}; choose one of {', '.join(MODES)}")
    return mode


RUN_MODE = run_mode()
OUTPUT = ROOT if RUN_MODE == "full" else ROOT / "build" / RUN_MODE  # short runs overwrite nothing


class Edited(Exception):
    """A file is no longer what was read: somebody saved it, or deleted it, meanwhile."""


def mode_to_keep(path):
    """The mode of a file, None where there is none. PermissionError if it is read-only."""
    mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else None
    if mode is not None and not (mode & 0o222 and os.access(path, os.W_OK)):  # for root, too
        raise PermissionError(errno.EACCES, "it is read-only; make it writable first", str(path))
    return mode


def write_whole(path, content, before=None):
    """Put `content`, bytes or a text (as UTF-8), in the place of the file `path`, in one step.

    A link is followed, and the file keeps its mode. If that fails, or is interrupted, the file is
    as it was and the error raised. before: what the file must still hold, or Edited is raised.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = mode_to_keep(path)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")  # nobody else has it
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        if mode is not None:
            temporary.chmod(mode)
        if before is not None and not (path.is_file() and path.read_bytes() == before):
            raise Edited(path)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise


def save_json(name, results):
    """Save results/<name>.json as strict JSON, which knows no NaN (ValueError)."""
    text = json.dumps(results, indent=1, allow_nan=False) + "\n"
    write_whole(OUTPUT / "results" / f"{name}.json", text)


def made_from(part2, *numbers):
    """What an experiment took from part 2, its definitions: `make report` asks if it is the same.

    numbers: those of the instances that it trained (default: all).
    """
    rules = {f"No {no}": part2.INSTANCES[no] for no in numbers or part2.INSTANCES}
    settings = {"batch_size": part2.BATCH_SIZE, "epochs": part2.EPOCHS, "seed": part2.SEED}
    return {"classes": list(part2.CLASSES.items()), **settings, **rules}


def remedy(path):
    """How a missing or broken JSON file of this repository comes back, in words."""
    if path.parent.name != "results":
        return f"restore it: git checkout -- {path.parent.name}/{path.name}"
    by_name = {"bench": "make bench", "backpropagation": "make run", "gradient_descent": "make run"}
    return f"make it anew: {by_name.get(path.stem, f'make experiments/{path.stem}')}"


def read_json(path):
    """What a JSON file holds. FileNotFoundError or ValueError: which file, and what to do."""
    path = Path(path)
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing; {remedy(path)}") from None
    except (OSError, ValueError) as error:
        told = f"{path} is no JSON file, or cut short ({error}); {remedy(path)}"
        raise ValueError(told) from None


def environment(device, dtype):
    """Return what the digits of a run depend on besides the code: versions, processor, threads."""
    import numpy  # these three here: who writes a file need not wait for them
    import torch
    import torchvision

    # Some products' bits: other ones where a processor adds otherwise.
    x = torch.linspace(-1, 1, 256 * 3072, dtype=torch.double, device=device).reshape(256, 3072)
    products = (torch.tanh(x @ x.T), x[:, :512].T @ x)
    bits = b"".join(product.cpu().numpy().tobytes() for product in products)
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "device": str(device),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "rounding": hashlib.sha256(bits).hexdigest()[:8],
        "threads": torch.get_num_threads(),
        "dtype": str(dtype),
    }
