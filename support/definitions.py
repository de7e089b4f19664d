"""A notebook's file read: its cells checked, and what it defines loaded without its work."""

import ast
import dis
import json
import linecache
import os
import re
import sys
import traceback
import types
import warnings
from pathlib import Path

from support import ROOT

CONSTANT = re.compile(r"[A-Z][A-Z0-9_]+")
RUNS_THE_CELL = re.compile(r"\A\s*%%(time|capture)\b.*")  # magics that run a cell as it is
CELL_FIELDS = {"cell_type": str, "metadata": dict, "source": str | list}
RUN_AT_ONCE = {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
LOADING = []  # what each notebook that is being loaded has loaded so far, the innermost last
REMEMBERED = {}  # a module's path: its text, as it was when this process imported it


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


def heading_of(cells, index):
    """The heading that a cell stands under, as plain text; None where there is none."""
    texts = ["".join(c["source"]) for c in cells[: index + 1] if c["cell_type"] == "markdown"]
    headings = re.findall(r"^#+ +(.+?) *$", "\n".join(texts), re.MULTILINE)
    return re.sub("[`*]", "", headings[-1]) if headings else None


def place_of(cells, index):
    """Where a cell is, as in "Task 8 (cell 12)"."""
    heading = heading_of(cells, index)
    return f"{heading} (cell {index + 1})" if heading else f"cell {index + 1}"


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
    if not isinstance(fields, dict) or not isinstance(fields.get("cells"), list):
        raise ValueError(f"{path}: no notebook: it has no cells")
    for number, cell in enumerate(fields["cells"], 1):
        for field, kind in CELL_FIELDS.items():
            value = cell.get(field) if isinstance(cell, dict) else None
            parts = value if isinstance(value, list) else []
            if not (isinstance(value, kind) and all(isinstance(part, str) for part in parts)):
                raise ValueError(f"{path}: no notebook: cell {number} has no {field}")
    return fields


def parse(source, name):
    """A cell's code without what only a kernel understands, such as !ls; and its syntax tree."""
    source = RUNS_THE_CELL.sub("", source)
    try:
        return source, ast.parse(source, name)
    except SyntaxError:  # it may be one for a kernel alone; IPython takes half a second to import
        from IPython.core.inputtransformer2 import TransformerManager

        source = TransformerManager().transform_cell(source)
        return source, ast.parse(source, name)


def parse_cells(path, cells):
    """Yield (number of the cell, its name, syntax tree) of each code cell of a notebook.

    A traceback shows the cell's own source: the line cache is given it under that name,
    "notebook.ipynb[cell]". Raises ValueError naming notebook, cell and line for what is no Python.
    """
    for number, cell in enumerate(cells):
        if cell["cell_type"] != "code":
            continue
        source, name = "".join(cell["source"]), f"{path}[{number}]"
        try:
            with warnings.catch_warnings(action="ignore"):
                source, tree = parse(source, name)
                compile(tree, name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            if "raises-exception" in (cell["metadata"].get("tags") or []):
                continue  # it is meant to fail
            place = f"{path}: {place_of(cells, number)}, line {error.lineno}"
            line = error.text or "".join(source.splitlines()[error.lineno - 1 : error.lineno])
            message = f"{place}: {error.msg}: {line.strip()}".removesuffix(": ")
            raise ValueError(message) from None
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        yield number, name, tree


def read_code(path):
    """What parse_cells yields of a notebook's file. Raises ValueError for what is no notebook.

    It is read as plain JSON: nbformat takes a second to import.
    """
    return parse_cells(path, notebook_fields(path, Path(path).read_bytes())["cells"])


def read_notebook(path):
    """Return a notebook that can be executed, and the bytes of its file.

    Raises ValueError for anything else: in one line what is wrong, in which cell and line.
    """
    import nbformat

    content = path.read_bytes()
    list(parse_cells(path, notebook_fields(path, content)["cells"]))
    try:
        return nbformat.reads(content.decode("utf-8"), as_version=4), content
    except Exception as error:  # nbformat raises many, some of many lines
        raise ValueError(f"{path}: no notebook: {str(error).partition(chr(10))[0]}") from None


def read_definitions(path):
    """Yield (name, syntax tree) of each code cell of a notebook, with its definitions alone."""
    for _, name, tree in read_code(path):
        tree.body = [node for node in tree.body if is_definition(node)]
        yield name, tree


def names_changed(node, name):
    """The global names that a statement binds or deletes, or whose items or attributes it sets."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
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


def run_definition(node, name, module):
    """Run one definition. Return why it needs the notebook's work; None if it does not.

    It does if it changes a constant that the work changes too, or itself reads a name that only
    the work binds. Any other error is raised.
    """
    needs_work = module.__needs_work__
    if any(n in needs_work for n in filter(CONSTANT.fullmatch, names_changed(node, name))):
        return "it changes"
    try:
        exec(compile(ast.Module([node], []), name, "exec"), vars(module))
    except NameError as error:
        frames = traceback.walk_tb(error.__traceback__.tb_next)
        own = {frame.f_code.co_name for frame, _ in frames} <= RUN_AT_ONCE  # no function it calls
        if error.name not in needs_work or not own:
            raise
        return f"reads {error.name}"
    return None


def run_definitions(path, module):
    """Run a notebook's definitions in its module, but for those that need the notebook's work."""
    cells, needs_work = list(read_code(path)), module.__needs_work__
    for number, name, tree in cells:
        for node in tree.body:
            if not is_definition(node):
                for changed in names_changed(node, name):
                    needs_work.setdefault(changed, f"cell {number + 1} computes it")
        tree.body = [node for node in tree.body if is_definition(node)]
    for number, name, tree in cells:
        for node in tree.body:
            reason = run_definition(node, name, module)
            for lost in names_changed(node, name) if reason else ():
                vars(module).pop(lost, None)
                needs_work.setdefault(lost, f"cell {number + 1} {reason}")
    module.__trees__ = [tree for _, _, tree in cells]


def remember_modules(folders):
    """Note the text of each module below the folders that this process has imported by now."""
    below = tuple(f"{folder}{os.sep}" for folder in folders)
    for file in [getattr(module, "__file__", None) for module in list(sys.modules.values())]:
        if file and file.endswith(".py") and file.startswith(below) and "site-packages" not in file:
            if file not in REMEMBERED and os.path.isfile(file):
                REMEMBERED[file] = Path(file).read_text("utf-8")


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
