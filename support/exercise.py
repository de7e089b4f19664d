"""The assignment as an exercise: both notebooks without their solutions.

    python -m support.exercise

writes exercise/backpropagation.ipynb, exercise/gradient_descent.ipynb and exercise/report.md, each
if it is missing. Each code cell of the answer has one of these tags. What the exercise says in
another way than the answer stands beside the answer, in the cell's metadata under "exercise".

* given, check: the cell stays as it is. Behind one that saves a figure stands the answer's.
* left-out: it spells out a solution, and goes. With a comment {"place": "# ..."} in "exercise", the
  comment stays, in a cell to write in.
* solution: each function keeps its signature, decorators and docstring, and raises
  NotImplementedError in the place of its body. "exercise" is {name: a hint}; an assignment to such
  a name is opened, too.
* task (a text): "exercise" is {the first words of a paragraph: what stands in its place}. Where
  that asks a question, a cell for the answer follows.
"""

import argparse
import ast
import json
import re
import sys
import textwrap

from support import ROOT
from support.definitions import place_of, read_notebook
from support.files import write_whole

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell

NOTEBOOKS = ("backpropagation.ipynb", "gradient_descent.ipynb")
FOLDER = ROOT / "exercise"
SKELETON = ROOT / "report" / "exercise.md"  # of the student's report
CODE_TAGS = ("given", "check", "solution", "left-out")
OWN_FILES = (*NOTEBOOKS, "gradient_descent_output.txt")  # links to these stay in the exercise
LINK_UP = re.compile(rf"\]\((?!#|\w+:|(?:{'|'.join(map(re.escape, OWN_FILES))})\))([^)]+)\)")
ANSWERS = ("report.md", "experiments/", "figures/backpropagation_graph")  # links warn of these
# No aim: the first would give the numbers on paper away, the others show nothing of a student's.
NO_AIM = ("backpropagation_graph", "backpropagation_shapes", "mean_colors")
HOW = """\
**How to work here.** Run the cells from top to bottom. The run stops at the first open place, and \
the error says what to write there: put your code in the place of the lines below the comment \
`# Write ...`, and run the cell again. The checks that follow say what is wrong.

* Below a question stands a cell for your answer. Questions A to G of the assignment are in \
[report.md](report.md), beside this notebook.
* Pictures below "What yours should look like" come from a full run of the answer.
* Task 8 of part 2 takes minutes in full mode: try with `RUN_MODE=quick` first.
* Where a docstring says "Raises ValueError", that is optional: no check asks for it.
* What this notebook writes stays in the folder `exercise/`. Most of what lies outside of it shows \
the answer."""
QUESTION = "**Your answer** (double-click here, and write):"
AIM = "What yours should look like (after a short run it differs):\n\n![{0}](../figures/{0}.png)"
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


def refusal(place, text, indent):
    """The lines that say where to write, and raise NotImplementedError(text)."""
    parts = textwrap.wrap(text, 92 - len(indent), drop_whitespace=False, break_on_hyphens=False)
    literals = [f"{indent}    {json.dumps(part, ensure_ascii=False)}" for part in parts]
    comment = f"{indent}# Write {place}here, in the place of these lines."
    return [comment, f"{indent}raise NotImplementedError(", *literals, f"{indent})"]


def bodies(node):
    """Yield (first statement, last statement) of what is opened in a definition."""
    for function in node.body if isinstance(node, ast.ClassDef) else [node]:
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            statements = function.body[ast.get_docstring(function) is not None :]
            if statements:
                yield statements[0], statements[-1]


def solution_parts(source, hints):
    """Yield (name, place, first line, last line) of each part of a cell that is opened.

    The place says what is written there. Lines count from 0, the last one is not included. Comments
    above a part belong to it.
    """
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name, place, parts = node.name, "", bodies(node)
        else:
            targets = node.targets if isinstance(node, ast.Assign) else []
            name = next((t.id for t in targets if isinstance(t, ast.Name) and t.id in hints), None)
            place, parts = f"`{name} = ...` ", [(node, node)] if name else []
        for first, last in parts:
            decorators = getattr(first, "decorator_list", [])
            start = min(part.lineno for part in (first, *decorators)) - 1
            while start > 0 and lines[start - 1].strip().startswith("#"):
                start -= 1
            yield name, place, start, last.end_lineno


def open_code(source, hints, task):
    """A solution cell's source, opened. Raises ValueError where a name of `hints` is not there."""
    parts = list(solution_parts(source, hints))
    unknown = hints.keys() - {name for name, *_ in parts}
    if unknown or not parts:
        what = ", ".join(sorted(unknown)) or "anything that can be opened"
        raise ValueError(f"a solution cell that does not define {what}")
    lines = source.splitlines()
    for name, place, start, end in reversed(parts):
        indent = re.match(" *", lines[start]).group()
        told = f"{task}: write {name}. {hints.get(name, '')}".rstrip()
        lines[start:end] = refusal(place, told, indent)
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


def link_up(link):
    """A match of LINK_UP, seen from exercise/; with a warning, if it shows the answer."""
    warned = " (warning: shows the answer)" if link[1].startswith(ANSWERS) else ""
    return f"](../{link[1]}){warned}"


def open_cell(cell, task):
    """The cells that a cell of the answer becomes: none, itself, or itself and one below it.

    Raises ValueError for a code cell without a tag, and for tags that do not fit the cell.
    """
    tags = [tag for tag in cell.metadata.get("tags", []) if tag in (*CODE_TAGS, "task")]
    told = cell.metadata.pop("exercise", {})
    below = []
    if cell.cell_type == "markdown":
        cell.source = LINK_UP.sub(link_up, open_text(cell.source, told))
        if tags != (["task"] if told else []):
            raise ValueError("a text has the tag task where it has metadata.exercise, and no other")
        if any("?" in text for text in told.values()):
            below = [QUESTION]
    elif cell.cell_type == "code":
        if len(tags) != 1 or tags == ["task"]:
            raise ValueError(f"a code cell needs one of the tags {', '.join(CODE_TAGS)}")
        cell.outputs, cell.execution_count = [], None
        if tags == ["solution"]:
            cell.source = open_code(cell.source, told, task())
        elif told and tags != ["left-out"]:
            raise ValueError("metadata.exercise needs the tag solution")
        saved = re.findall(r'save_figure\([^"]+"(\w+)"', cell.source)
        below = [AIM.format(name) for name in saved if name not in NO_AIM]
    if tags == ["left-out"]:
        cell.source = told.get("place", "")
        return [cell] if told else []
    return [cell, *(new_markdown_cell(t, id=f"{cell.id}-{i}") for i, t in enumerate(below, 1))]


def make_exercise(path):
    """Return the exercise of a notebook. Raises ValueError naming the cell that does not fit."""
    notebook, _ = read_notebook(path)
    answer = [cell.copy() for cell in notebook.cells]
    kept = []
    for index, cell in enumerate(notebook.cells):
        try:
            kept += open_cell(cell, lambda index=index: task_of(answer, index))
        except ValueError as error:
            raise ValueError(f"{path.name}: {place_of(answer, index)}: {error}") from None
    folded = {"tags": ["given"], "jupyter": {"source_hidden": True}}
    first = new_code_cell(FIRST_CELL, id="exercise", metadata=folded)
    notebook.cells = [kept[0], new_markdown_cell(HOW, id="how"), first, *kept[1:]]
    return notebook


def text_of(name):
    """What a file of the exercise holds. Raises ValueError where make_exercise does."""
    if name in NOTEBOOKS:
        return nbformat.writes(make_exercise(ROOT / name)) + "\n"
    return SKELETON.read_text("utf-8")


def main():
    """Write what is missing of the exercise. What is there is somebody's work, and stays."""
    says = "Writes the assignment without its solutions to exercise/; what is there stays as it is."
    argparse.ArgumentParser(prog="python -m support.exercise", description=says).parse_args()
    for name in (*NOTEBOOKS, "report.md"):
        path = FOLDER / name
        if path.exists():
            print(f"left as it is: {path.relative_to(ROOT)} (to begin again, move it away)")
            continue
        try:
            write_whole(path, text_of(name))
        except ValueError as error:
            sys.exit(str(error))
        print(f"written: {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
