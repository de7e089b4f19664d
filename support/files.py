"""Files: what a run reads and leaves behind, whole and strict, and where it comes from."""

import contextlib
import hashlib
import json
import os
import platform
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


def write_whole(path, content):
    """Put `content`, bytes or a text (as UTF-8), in the place of the file `path`, in one step.

    If that fails, or is interrupted, the file is as it was and the error raised.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink()
        raise


def save_json(name, results):
    """Save results/<name>.json as strict JSON, which knows no NaN (ValueError)."""
    text = json.dumps(results, indent=1, allow_nan=False) + "\n"
    write_whole(OUTPUT / "results" / f"{name}.json", text)


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
