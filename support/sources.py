"""Which code a result depends on: definitions of notebooks, and the modules that they import."""

import ast
import functools
import hashlib
import sys
from pathlib import Path

from support import ROOT

REMEMBERED = {}  # a module's path: its text, as it was when this process imported it


def remember_modules(folders):
    """Note the text of each module below the folders that this process has imported by now."""
    for file in [getattr(module, "__file__", None) for module in list(sys.modules.values())]:
        path = Path(file or "")
        if path.suffix == ".py" and "site-packages" not in path.parts and path not in REMEMBERED:
            if any(path.is_relative_to(folder) for folder in folders) and path.is_file():
                REMEMBERED[path] = path.read_text("utf-8")


@functools.lru_cache(maxsize=256)
def parsed(text):
    """The syntax tree of a module's text, and that tree as text: without comments and layout."""
    try:
        tree = ast.parse(text)
    except SyntaxError:  # of a module that a function would import: whatever else is in it
        return ast.Module([], []), text
    return tree, ast.unparse(tree)


def imported_files(tree, here, folders):
    """Yield the paths where the modules that a syntax tree imports may lie, in functions too.

    here: the folder of the code, where relative imports begin; folders: where the others do.
    """
    for node in ast.walk(tree):
        starts, names = folders, []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            within = f"{node.module}." if node.module else ""
            names = [within + alias.name for alias in node.names]
            starts = [[here, *here.parents][node.level - 1]] if node.level else folders
        for name in names:
            parts = name.split(".")
            for start in starts:
                for count in range(1, len(parts) + 1):
                    module = start.joinpath(*parts[:count])
                    yield from (Path(f"{module}.py"), module / "__init__.py")


def module_texts(definitions):
    """{path: text} of the modules that definitions import, and that these modules import.

    Of those in the repository and beside the notebook: other ones have a version.
    """
    found = {}
    waiting = [
        (tree, path.parent, (ROOT, path.parent))
        for path, module in definitions.__loaded__.items()
        for tree in module.__trees__
    ]
    while waiting:
        tree, here, folders = waiting.pop()
        for path in imported_files(tree, here, folders):
            if path not in found and path.is_file():
                found[path] = path.read_text("utf-8")
                waiting.append((parsed(found[path])[0], path.parent, folders))
    return dict(sorted(found.items()))


def changed_modules(definitions):
    """Paths of the modules whose code is another one by now than the one this process imported."""
    texts = module_texts(definitions)
    return [
        path
        for path, text in texts.items()
        if parsed(REMEMBERED.get(path, text))[1] != parsed(text)[1]
    ]


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


def code_digests(definitions):
    """Digests of the code that definitions are made of and of the values of their constants.

    Comments and the prose of a notebook do not count. A constant's value may come from a file or
    from the environment: which images are loaded, how many epochs are trained.
    """
    modules = definitions.__loaded__.values()
    names = [(module, name) for module in modules for name in sorted(vars(module))]
    constants = [f"{n} {plain(vars(m)[n])}" for m, n in names if n.isupper()]
    return {
        "definitions": digest(ast.unparse(tree) for m in modules for tree in m.__trees__),
        "modules": digest(parsed(text)[1] for text in module_texts(definitions).values()),
        "constants": digest(constants),
    }
