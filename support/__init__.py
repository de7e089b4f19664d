"""Machinery of the notebooks, with no mathematics of the assignment in it.

Importing it before torch sets how torch's threads wait for each other.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # the repository, wherever it is used from

# A thread that waits spins for a while, then sleeps. Beside other work, long spinning takes the
# time of the thread that is waited for; no spinning (OMP_WAIT_POLICY=PASSIVE) costs time on an
# idle machine. torch's OpenMP reads this once, when torch is imported; nobody's choice is changed.
if "torch" not in sys.modules and "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "100000")
