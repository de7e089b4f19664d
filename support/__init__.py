"""Machinery of the notebooks, with no mathematics of the assignment in it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the repository, wherever it is used from
