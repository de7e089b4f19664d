"""The notebooks from outside: load what one defines without its work, or execute it whole.

    python -m support.notebooks backpropagation.ipynb gradient_descent.ipynb

executes the notebooks in place, each in a fresh kernel, and shows which section is running.
"""

import ast
import builtins
import dis
import itertools
import json
import linecache
import re
import signal
import sys
import types
import warnings
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager

from support import ROOT
from support.sources import remember_modules

CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
RUNS_THE_CELL = re.compile(r"\A\s*%%(time|capture)\b.*")  # magics that run a cell as it is
LOADING = []  # what each notebook that is being loaded has loaded so far, the innermost last
STAND_IN_BANNER = "STAND-IN IMAGES: nothing below is CIFAR-10's or MNIST's.\n"


def is_definition(node):
    """True for an import, a function, a class, or an assignment to UPPER_CASE names alone."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        while any(isinstance(target, ast.Tuple | ast.List) for target in targets):
            targets = [n for t in targets for n in getattr(t, "elts", [t])]
        names = [t.value if isinstance(t, ast.Starred) else t for t in targets]
        return all(isinstance(n, ast.Name) and CONSTANT.fullmatch(n.id) for n in names)
    kinds = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return isinstance(node, kinds)


def notebook_fields(path, content):
    """The fields of a notebook's file. Raises ValueError in one line for what is no notebook."""
    if not content.strip():
        raise ValueError(f"{path}: the file is empty")
    for number, line in enumerate(content.splitlines(), 1):
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            raise ValueError(f"{path}: line {number}: a conflict marker of git; resolve it first")
    try:
        fields = json.loads(content)
    except ValueError as error:
        reason, line = getattr(error, "msg", error), getattr(error, "lineno", 1)
        raise ValueError(f"{path}: line {line}: no notebook, or cut short: {reason}") from None
    if not isinstance(fields, dict) or not fields.keys() & {"cells", "worksheets"}:
        raise ValueError(f"{path}: no notebook: it has no cells")
    return fields


def read_cells(path):
    """A notebook's cells. Read as plain JSON: nbformat takes a second to import.

    Only an old format, which has no cells at its top, is left to nbformat.
    Raises ValueError for what is no notebook.
    """
    fields = notebook_fields(path, Path(path).read_bytes())
    if "cells" not in fields:
        import nbformat

        return nbformat.read(path, as_version=4).cells
    return fields["cells"]


def read_code(path):
    """Yield (number of the cell, its name, syntax tree) of each code cell of a notebook.

    A traceback shows the cell's own source: the line cache is given it under that name,
    "notebook.ipynb[cell]". Raises SyntaxError naming notebook, cell and line.
    """
    for number, cell in enumerate(read_cells(path)):
        if cell["cell_type"] != "code":
            continue
        source = RUNS_THE_CELL.sub("", "".join(cell["source"]))
        name = f"{path}[{number}]"
        try:
            source = TransformerManager().transform_cell(source)
            tree = ast.parse(source, name)
            compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            if "raises-exception" in cell["metadata"].get("tags", []):
                continue  # it is meant to fail
            place = f"{path}: cell {number + 1}, line {error.lineno}"
            raise SyntaxError(f"{place}: {error.msg}: {(error.text or '').strip()}") from None
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        yield number, name, tree


def read_definitions(path):
    """Yield (name, syntax tree) of each code cell of a notebook, with its definitions alone."""
    for _, name, tree in read_code(path):
        tree.body = [node for node in tree.body if is_definition(node)]
        yield name, tree


def names_read(code):
    """Yield the global names that are read when a definition is evaluated, not when it is called.

    code: the compiled definition. Of the code inside, only comprehensions run at once.
    """
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            yield instruction.argval
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType) and inner.co_name in COMPREHENSIONS:
            yield from names_read(inner)


def names_changed(node, name):
    """The global names that a statement binds or deletes, or whose items or attributes it sets."""
    code = compile(ast.Module([node], []), name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    operations = ("STORE_NAME", "STORE_GLOBAL", "DELETE_NAME")
    changed = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
            while isinstance(part, ast.Subscript | ast.Attribute):
                part = part.value
            changed |= {part.id} if isinstance(part, ast.Name) else set()
    return changed


class Definitions(types.ModuleType):
    """What a notebook defines; a name that needs the notebook's work says so where it is used."""

    def __getattr__(self, name):
        if name in vars(self).get("__needs_work__", ()):
            raise AttributeError(
                f"{self.__name__}.ipynb: {name} needs the notebook's work, which does not run "
                f"where definitions are loaded: {self.__needs_work__[name]}"
            )
        raise AttributeError(f"{self.__name__}.ipynb defines no {name}")


def run_definitions(path, module):
    """Run a notebook's definitions in its module, but for those that need the notebook's work.

    A definition that reads a name which only the work binds is left out, and so is a constant that
    the work changes. Any other name that is missing is an error.
    """
    cells, needs_work = list(read_code(path)), module.__needs_work__
    for number, name, tree in cells:
        for node in tree.body:
            if not is_definition(node):
                for changed in names_changed(node, name):
                    needs_work.setdefault(changed, f"cell {number + 1} computes it")
    for number, name, tree in cells:
        tree.body = [node for node in tree.body if is_definition(node)]
        for node in tree.body:
            code = compile(ast.Module([node], []), name, "exec")
            known = vars(module).keys() | vars(builtins).keys()
            missing = [n for n in names_read(code) if n not in known and n in needs_work]
            bound = names_changed(node, name)
            constants = set(filter(CONSTANT.fullmatch, bound))
            if missing or constants & needs_work.keys():
                for lost in bound:
                    vars(module).pop(lost, None)
                    reason = f"cell {number + 1} reads {missing[0]}" if missing else "it changes"
                    needs_work.setdefault(lost, reason)
            else:
                exec(code, vars(module))
    module.__trees__ = [tree for _, _, tree in cells]


def load_definitions(path):
    """Return a module with the imports, functions, classes and UPPER_CASE constants of a notebook.

    Nothing else of the notebook runs. Asking for a name that needs its work is an AttributeError.
    The module's __loaded__ holds, by their paths, the modules of all notebooks that it was made
    from: this one, and those that it loads itself; __trees__ the code that was run.
    """
    path = Path(path).resolve()
    module = Definitions(path.stem)
    module.__loaded__ = {path: module}
    module.__needs_work__ = {"get_ipython": "only a kernel has it"}
    for folder in (ROOT, path.parent):  # for what the notebook imports
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    LOADING.append(module.__loaded__)
    try:
        run_definitions(path, module)
    finally:
        LOADING.pop()
    if LOADING:  # it is loaded by another notebook
        LOADING[-1].update(module.__loaded__)
    remember_modules((ROOT, path.parent))
    return module


def heading_of(cells, index):
    """The heading that a cell stands under, as plain text; None where there is none."""
    for cell in reversed(cells[: index + 1]):
        if cell["cell_type"] == "markdown":
            headings = re.findall(r"^#+ +(.+?) *$", "".join(cell["source"]), re.MULTILINE)
            if headings:
                return re.sub("[`*]", "", headings[-1])
    return None


def place_of(cells, index):
    """Where a cell is, as in "Task 8 (cell 12)"."""
    heading = heading_of(cells, index)
    return f"{heading} (cell {index + 1})" if heading else f"cell {index + 1}"


def check_syntax(source):
    """Raise SyntaxError where a kernel would refuse a cell's code."""
    code = TransformerManager().transform_cell(source)
    with warnings.catch_warnings(action="ignore"):
        compile(code, "cell", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)


def read_notebook(path):
    """Return a notebook that can be executed, and the bytes of its file.

    Raises ValueError for anything else: in one line what is wrong, in which cell and line.
    """
    import nbformat

    content = path.read_bytes()
    notebook_fields(path, content)
    notebook = nbformat.reads(content.decode("utf-8"), as_version=4)
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
            continue
        try:
            check_syntax(cell.source)
        except SyntaxError as error:
            number = error.lineno or 1
            place = f"{path}: {place_of(notebook.cells, index)}, line {number}"
            line = error.text or "".join(cell.source.splitlines()[number - 1 : number])
            raise ValueError(f"{place}: {error.msg}: {line.strip()}".rstrip(": ")) from None
    return notebook, content


def unused_name(path):
    """The first of small.executed.ipynb, small.executed-2.ipynb, ... that is no file yet."""
    for number in itertools.count(1):
        ending = ".executed" if number == 1 else f".executed-{number}"
        candidate = path.with_name(path.stem + ending + path.suffix)
        if not candidate.exists():
            return candidate


def shown_by(cell):
    """What a cell printed before its error, and the error; the last lines of what is long."""
    shown = []
    for output in cell.get("outputs", []):
        if output.output_type in ("stream", "error"):
            text = output.get("text") or "\n".join(output.traceback)
            lines = text.rstrip("\n").splitlines()
            shown += lines if len(lines) <= 20 else ["...", *lines[-20:]]
    return "\n".join(shown)


class EditedMeanwhile(Exception):
    """A notebook's file changed while it was executed; the message says where both are."""


def execute(path, target=None, banner=None, mode=None):
    """Execute a notebook in a fresh kernel beside it; write it to `target` (default: in place).

    The file is written only after the last cell succeeded, and replaced in one step; it holds
    no times. `banner` is put before the outputs of every cell that has any. `mode` is the RUN_MODE
    that the kernel sees (default: this process's).
    Raises ValueError in one line for what is no notebook or no Python. CellExecutionError with the
    cell's own error, DeadKernelError, and Interrupted at Ctrl-C or SIGTERM say in `place` where,
    and in `shown` what the cell showed. EditedMeanwhile if the file is no longer what was read: it
    stays, and the executed notebook is written beside it.
    """
    import nbformat

    from support.kernel import CellExecutionError, DeadKernelError, LiveClient
    from support.saving import run_mode, write_whole

    path = Path(path)
    notebook, content = read_notebook(path)
    cells, running, section = notebook.cells, 0, None

    def announce(cell, cell_index):
        nonlocal running, section
        first, running = section is None, cell_index
        before, section = section, heading_of(cells, cell_index) or ""
        if first or section != before:
            place = f"cell {cell_index + 1}/{len(cells)}"
            print("  ".join(filter(None, [path.name, section, place])), flush=True)

    client = LiveClient(notebook, path.resolve().parent, on_cell_execute=announce)
    try:
        client.execute(mode or run_mode())
    except (CellExecutionError, DeadKernelError, KeyboardInterrupt) as error:
        error.place = place_of(cells, running)
        error.shown = shown_by(cells[running])
        raise
    for cell in cells:
        if banner and cell.get("outputs"):
            cell.outputs.insert(0, nbformat.v4.new_output("stream", name="stdout", text=banner))
    edited = target is None and not (path.is_file() and path.read_bytes() == content)
    saved = unused_name(path) if edited else target or path
    write_whole(saved, lambda temporary: nbformat.write(notebook, temporary))
    if edited:
        raise EditedMeanwhile(
            f"{path} was changed while it was executed, and stays as it is now; "
            f"the executed notebook is {saved}"
        )


def data_is_there(path):
    """Fetch the images that a notebook works on; say what is missing if they are not to be had.

    Those of experiments/ load them through PART2, the definitions of gradient_descent.ipynb.
    Definitions that do not load, or do not work, are no reason to stop: executing the notebook
    shows their error.
    """
    try:
        definitions = load_definitions(path)
    except Exception:
        return True
    definitions = getattr(definitions, "PART2", definitions)
    for name in ("load_airplane_bird", "load_mnist"):
        try:
            getattr(definitions, name, lambda: None)()
        except FileNotFoundError as error:
            print(f"\n{error}\n", flush=True)
            return False
        except Exception:
            continue
    return True


def of_repository(path):
    """True for a notebook whose results are this repository's; not for those of the exercise."""
    path = path.resolve()
    return path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "exercise")


def execute_or_exit(path, mode):
    """Execute a notebook: in place in the full mode, else into build/. Exit if it goes wrong."""
    from support.kernel import CellExecutionError, DeadKernelError

    target = banner = None
    if mode != "full":
        root = ROOT if of_repository(path) else path.parent
        target = root / "build" / mode / path.name
        banner = STAND_IN_BANNER if mode == "stand-in" else None
        print(f"{path.name}: RUN_MODE={mode}, a short run; its results go to {target.parent}")
    try:
        execute(path, target, banner, mode)
    except CellExecutionError as error:
        sys.exit(f"{path} stopped in {error.place} and was left as it was:\n{error.shown}")
    except DeadKernelError as error:
        sys.exit(f"{path}: the kernel died in {error.place}; the notebook was left as it was")
    except (EditedMeanwhile, ValueError) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{path} was left as it was: {error}")
    print(f"{path.name}: done, saved as {target or path}", flush=True)


def main(paths):
    """Execute each notebook: in place on the real images, else in build/ on a stand-in.

    After notebooks of this repository ran in place, report and README are rendered.
    """
    try:
        from support.saving import run_mode  # where an unknown RUN_MODE is refused

        requested_mode = run_mode()
        for path in map(Path, paths):
            if not path.is_file():
                raise ValueError(
                    f"{path}: there is no such notebook; give the path of an .ipynb file"
                )
            read_notebook(path)
    except ValueError as error:
        sys.exit(str(error))
    from support import report

    before, in_place = report.read_result("gradient_descent"), []
    for path in map(Path, paths):
        try:
            mode = requested_mode
            if mode == "full" and not data_is_there(path):
                mode = "stand-in"
            execute_or_exit(path, mode)
        except KeyboardInterrupt as error:
            place = getattr(error, "place", "the preparation")
            print(
                f"{path}: interrupted in {place}; the notebook was left as it was", file=sys.stderr
            )
            sys.exit(128 + getattr(error, "signal", signal.SIGINT))
        if mode == "full" and of_repository(path):
            in_place.append(path.name)
    if in_place:
        report.write_all()
    if "gradient_descent.ipynb" in in_place:
        print(report.summary(before, report.read_result("gradient_descent")), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
