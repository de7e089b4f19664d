"""The notebooks from outside: load what one defines without its work, or execute it whole.

    python -m support.notebooks backpropagation.ipynb gradient_descent.ipynb

executes the notebooks in place, each in a fresh kernel, and shows which cell is running.
"""

import ast
import itertools
import json
import linecache
import os
import re
import sys
import types
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from support import ROOT
from support.saving import write_whole

CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
STAND_IN_BANNER = "STAND-IN IMAGES: nothing below is CIFAR-10's or MNIST's.\n"


def is_definition(node):
    """True for an import, a function, a class, or an assignment to UPPER_CASE names alone."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [n for t in targets for n in (t.elts if isinstance(t, ast.Tuple) else [t])]
        return all(isinstance(n, ast.Name) and CONSTANT.fullmatch(n.id) for n in names)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef)


def read_cells(path):
    """A notebook's cells. Read as plain JSON: nbformat takes a second to import.

    Only an old format, which has no cells at its top, is left to nbformat.
    """
    cells = json.loads(Path(path).read_text(encoding="utf-8")).get("cells")
    if cells is None:
        import nbformat

        return nbformat.read(path, as_version=4).cells
    return cells


def read_definitions(path):
    """Yield (name, syntax tree) of each code cell of a notebook, with its definitions alone.

    A traceback shows the cell's own source: the line cache is given it under that name,
    "notebook.ipynb[cell]".
    """
    for number, cell in enumerate(read_cells(path)):
        if cell["cell_type"] != "code":
            continue
        source = TransformerManager().transform_cell("".join(cell["source"]))
        name = f"{path}[{number}]"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        tree = ast.parse(source, name)
        tree.body = [node for node in tree.body if is_definition(node)]
        yield name, tree


def load_definitions(path):
    """Return a module with the imports, functions, classes and UPPER_CASE constants of a notebook.

    Nothing else of the notebook runs. The module's __notebooks__ are the paths of all notebooks
    that it was made from: this one, and those that it loads itself.
    """
    path = Path(path).resolve()
    module = types.ModuleType(path.stem)
    for folder in (ROOT, path.parent):  # for what the notebook imports
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    for name, tree in read_definitions(path):
        exec(compile(tree, name, "exec"), module.__dict__)
    loaded = [getattr(value, "__notebooks__", ()) for value in vars(module).values()]
    module.__notebooks__ = list(dict.fromkeys([path, *itertools.chain(*loaded)]))
    return module


def execute(path, target=None, banner=None):
    """Execute a notebook in a fresh kernel beside it; write it to `target` (default: in place).

    The file is written only after the last cell succeeded, and replaced in one step; it holds
    no times. `banner` is put before the outputs of every cell that has any.
    Raises CellExecutionError with the cell's own error.
    """
    import nbformat

    from support.kernel import LiveClient

    path = Path(path)
    notebook = nbformat.read(path, as_version=4)

    def announce(cell, cell_index):
        first_line = cell.source.strip().partition("\n")[0]
        print(f"{path.name}  cell {cell_index + 1}/{len(notebook.cells)}  {first_line}", flush=True)

    LiveClient(notebook, path.resolve().parent, on_cell_execute=announce).execute()
    for cell in notebook.cells:
        if banner and cell.get("outputs"):
            cell.outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text=banner))
    write_whole(target or path, lambda temporary: nbformat.write(notebook, temporary))


def data_is_there(path):
    """Fetch the images that a notebook works on; say what is missing if they are not to be had.

    Those of experiments/ load them through PART2, the definitions of gradient_descent.ipynb.
    """
    definitions = load_definitions(path)
    definitions = getattr(definitions, "PART2", definitions)
    for name in ("load_airplane_bird", "load_mnist"):
        try:
            getattr(definitions, name, lambda: None)()
        except FileNotFoundError as error:
            print(f"\n{error}\n", flush=True)
            return False
    return True


def main(paths):
    """Execute each notebook: in place on the real images, else in build/ on a stand-in.

    After notebooks of this repository ran in place, report and README are rendered.
    """
    from support import report
    from support.kernel import CellExecutionError, DeadKernelError

    before, in_place = report.read_result("gradient_descent"), []
    requested_mode = os.environ.get("RUN_MODE", "full")
    for path in map(Path, paths):
        if not path.is_file():
            sys.exit(f"{path}: there is no such notebook; give the path of an .ipynb file")
        mode = requested_mode
        if mode == "full" and not data_is_there(path):
            mode = "stand-in"
        os.environ["RUN_MODE"] = mode
        target, banner = path, None
        if mode != "full":
            root = ROOT if path.resolve().is_relative_to(ROOT) else path.parent
            target = root / "build" / mode / path.name
            banner = STAND_IN_BANNER if mode == "stand-in" else None
            print(f"{path.name}: RUN_MODE={mode}, a short run; its results go to {target.parent}")
        try:
            execute(path, target, banner)
        except (CellExecutionError, DeadKernelError) as error:
            sys.exit(f"{path} stopped and was left as it was:\n{error}")
        print(f"{path.name}: done, saved as {target}", flush=True)
        if mode == "full" and path.resolve().is_relative_to(ROOT):
            in_place.append(path.name)
    if in_place:
        report.write_all()
    if "gradient_descent.ipynb" in in_place:
        print(report.summary(before, report.read_result("gradient_descent")), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
