"""The assignment as an exercise: both notebooks without their solutions.

    python -m support.exercise

writes exercise/backpropagation.ipynb and exercise/gradient_descent.ipynb. Each code cell of the
answer has one of these tags. What the exercise says in another way than the answer stands beside
the answer, in the cell's metadata under "exercise".

* given, check: the cell stays as it is.
* left-out: it spells out a solution, and goes.
* solution: each function keeps its signature, decorators and docstring, and raises
  NotImplementedError in the place of its body. "exercise" is {name: what to do} for names whose
  docstring does not say it; an assignment to such a name is opened, too.
* task (a text): "exercise" is {the first words of a paragraph: what stands in its place}.
"""

import ast
import json
import re
import sys
import textwrap

from support import ROOT
from support.definitions import place_of, read_notebook
from support.files import write_whole

NOTEBOOKS = ("backpropagation.ipynb", "gradient_descent.ipynb")
FOLDER = ROOT / "exercise"
CODE_TAGS = ("given", "check", "solution", "left-out")
OWN_FILES = (*NOTEBOOKS, "gradient_descent_output.txt")  # links to these stay in the exercise
LINK_UP = re.compile(rf"\]\((?!#|\w+:|(?:{'|'.join(map(re.escape, OWN_FILES))})\))")
FIRST_CELL = """\
import sys
from pathlib import Path

sys.path[:0] = [str(Path.cwd()), str(Path.cwd().parent)]  # one of these two is the repository

from support import ROOT, files

# What this notebook writes stays in exercise/, away from the repository's own results.
short = "" if files.RUN_MODE == "full" else f"build/{files.RUN_MODE}"
files.OUTPUT = ROOT / "exercise" / short"""


def task_of(cells, index):
    """The task that a cell belongs to: "Task 2" under "## Task 2: MyMLP", and deeper headings."""
    text = "\n".join(cell.source for cell in cells[:index] if cell.cell_type == "markdown")
    headings = re.findall(r"^## +([^:\n]+?) *(?::.*)?$", text, re.MULTILINE)
    if not headings:
        raise ValueError("a solution cell above the first heading of a task (## ...)")
    return headings[-1]


def refusal(text, indent):
    """The lines of code that raise NotImplementedError(text)."""
    parts = textwrap.wrap(text, 92 - len(indent), drop_whitespace=False, break_on_hyphens=False)
    literals = [f"{indent}    {json.dumps(part, ensure_ascii=False)}" for part in parts]
    return [f"{indent}raise NotImplementedError(", *literals, f"{indent})"]


def bodies(node):
    """Yield (first statement, last statement) of what is opened in a definition."""
    for function in node.body if isinstance(node, ast.ClassDef) else [node]:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = function.body[ast.get_docstring(function) is not None :]
            if statements:
                yield statements[0], statements[-1]


def solution_parts(source, hints):
    """Yield (name, what to do, first line, last line) of each part of a cell that is opened.

    Lines count from 0, the last one is not included. Comments above a part belong to it.
    """
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            docstring = (ast.get_docstring(node) or "").partition("\n")[0]
            name, parts = node.name, bodies(node)
        else:
            targets = node.targets if isinstance(node, ast.Assign) else []
            name = next((t.id for t in targets if isinstance(t, ast.Name) and t.id in hints), None)
            docstring, parts = "", [(node, node)] if name else []
        for first, last in parts:
            decorators = getattr(first, "decorator_list", [])
            start = min(part.lineno for part in (first, *decorators)) - 1
            while start > 0 and lines[start - 1].strip().startswith("#"):
                start -= 1
            yield name, hints.get(name, docstring), start, last.end_lineno


def open_code(source, hints, task):
    """A solution cell's source, opened. Raises ValueError where a name of `hints` is not there."""
    parts = list(solution_parts(source, hints))
    unknown = hints.keys() - {name for name, *_ in parts}
    if unknown or not parts:
        what = ", ".join(sorted(unknown)) or "anything that can be opened"
        raise ValueError(f"a solution cell that does not define {what}")
    lines = source.splitlines()
    for name, what, start, end in reversed(parts):
        indent = re.match(" *", lines[start]).group()
        lines[start:end] = refusal(f"{task}: write {name}. {what}", indent)
    return "\n".join(lines)


def open_text(source, replacements):
    """A text with other paragraphs. Raises ValueError for first words that are not those of one."""
    paragraphs = source.split("\n\n")
    for first_words, text in replacements.items():
        found = [i for i, paragraph in enumerate(paragraphs) if paragraph.startswith(first_words)]
        if len(found) != 1:
            raise ValueError(f"{len(found)} paragraphs begin with {first_words!r}, not one")
        paragraphs[found[0]] = text
    return "\n\n".join(filter(None, paragraphs))


def open_cell(cell, task):
    """Turn a cell of the answer into one of the exercise; False if it is left out.

    Raises ValueError for a code cell without a tag, and for tags that do not fit the cell.
    """
    tags = [tag for tag in cell.metadata.get("tags", []) if tag in (*CODE_TAGS, "task")]
    told = cell.metadata.pop("exercise", {})
    if cell.cell_type == "markdown":
        cell.source = open_text(cell.source, told)
        cell.source = LINK_UP.sub("](../", cell.source)
        if tags != (["task"] if told else []):
            raise ValueError("a text has the tag task where it has metadata.exercise, and no other")
    elif cell.cell_type == "code":
        if len(tags) != 1 or tags == ["task"]:
            raise ValueError(f"a code cell needs one of the tags {', '.join(CODE_TAGS)}")
        cell.outputs, cell.execution_count = [], None
        if tags == ["solution"]:
            cell.source = open_code(cell.source, told, task())
        elif told:
            raise ValueError("metadata.exercise needs the tag solution")
    return tags != ["left-out"]


def make_exercise(path):
    """Return the exercise of a notebook. Raises ValueError naming the cell that does not fit."""
    import nbformat

    notebook, _ = read_notebook(path)
    answer = [cell.copy() for cell in notebook.cells]
    kept = []
    for index, cell in enumerate(notebook.cells):
        try:
            if open_cell(cell, lambda index=index: task_of(answer, index)):
                kept.append(cell)
        except ValueError as error:
            raise ValueError(f"{path.name}: {place_of(answer, index)}: {error}") from None
    first = nbformat.v4.new_code_cell(FIRST_CELL, id="exercise", metadata={"tags": ["given"]})
    notebook.cells = [kept[0], first, *kept[1:]]
    return notebook


def main():
    """Write both notebooks of the exercise. One that somebody has worked in is not overwritten."""
    import nbformat

    try:
        texts = {FOLDER / n: nbformat.writes(make_exercise(ROOT / n)) + "\n" for n in NOTEBOOKS}
    except ValueError as error:
        sys.exit(str(error))
    for path, text in texts.items():
        if path.exists() and path.read_text("utf-8") != text:
            sys.exit(
                f"{path.relative_to(ROOT)} is there already, and is not what would be written: "
                "it may hold your work. Move exercise/ away, or delete it, and try again."
            )
    for path, text in texts.items():
        write_whole(path, text)
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
