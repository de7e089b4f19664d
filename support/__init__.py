"""Machinery of the notebooks, with no mathematics of the assignment in it.

Importing it before torch sets how torch's threads wait for each other. It is refused beside files
that hide modules, and in a notebook without `assert`.
"""

import os
import sys

HIDDEN = sys.stdlib_module_names - {"test"} | {"matplotlib", "numpy", "scipy", "torch"}


def refusal():
    """Why nothing here can work, in one line, or None."""
    folders = [os.path.dirname(os.path.dirname(os.path.abspath(__file__))), os.getcwd()]
    for folder in folders if {"", folders[1]} & set(sys.path) else folders[:1]:
        for name in sorted(os.listdir(folder)):
            if name.endswith(".py") and name[:-3] in HIDDEN:
                return f"{folder}/{name} hides Python's module {name[:-3]}: rename this file"
    if not __debug__ and "ipykernel" in sys.modules:
        return "PYTHONOPTIMIZE removes each assert: this notebook would check nothing. Unset it."


if refusal():  # before any other import, which might find such a file
    if "ipykernel" not in sys.modules:
        sys.exit(refusal())
    raise ImportError(refusal())  # an exit is no error in a notebook

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the repository, wherever it is used from

# A thread that waits spins for a while, then sleeps. Beside other work, long spinning takes the
# time of the thread that is waited for; no spinning (OMP_WAIT_POLICY=PASSIVE) costs time on an
# idle machine. torch's OpenMP reads this once, when torch is imported; nobody's choice is changed.
if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "100000")
