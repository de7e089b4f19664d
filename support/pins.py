"""Whether the Python that runs this has each version that a requirements file pins.

    python -m support.pins requirements.txt

says what it has instead, and then exits with 1. It asks about an environment that may hold nothing
yet, so the standard library is all that it needs.
"""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def missing(path):
    """Return lines such as "torch is 2.0, not 2.14.1" for what is not as the file pins it.

    Raises ValueError for a line that pins nothing.
    """
    found = []
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    for pin in filter(None, (line.partition("#")[0].strip() for line in lines)):
        name, equals, wanted = pin.partition("==")
        if not equals:
            raise ValueError(f"{path}: {pin!r} is no pin; expected name==version")
        try:
            present = version(name)
        except PackageNotFoundError:
            present = "missing"
        if present.partition("+")[0] != wanted:  # "2.14.1+cpu" is a build of 2.14.1
            found.append(f"{name} is {present}, not {wanted}")
    return found


if __name__ == "__main__":
    sys.exit("\n".join(missing(sys.argv[1])) or None)
