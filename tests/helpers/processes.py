"""Python in a process of its own."""

import os
import subprocess
import sys

from support import ROOT


def run_python(*arguments, folder=ROOT, **variables):
    """Run Python in a folder, with these variables beside the others; status and outputs."""
    command, environment = [sys.executable, *arguments], os.environ | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    print(done.stderr)  # pytest shows it where a test fails
    return done
