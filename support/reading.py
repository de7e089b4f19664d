"""JSON files that notebooks and the report read: a broken one is named, with what to do."""

import json
from pathlib import Path


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
        raise ValueError(
            f"{path} is no JSON file, or cut short ({error}); {remedy(path)}"
        ) from None
