"""The notebooks as they are saved: executed from top to bottom, clean, with links that lead."""

import ast
import builtins
import os
import re
import types

import support.files
from support.definitions import load_definitions, read_definitions
from support.figures import WIDTH, save_figure
from support.notebooks import execute
from support.report import DOCUMENTS

import matplotlib.pyplot as plt
import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from PIL import Image

from conftest import NOTEBOOKS
from tests.helpers.notebooks import names_in, outputs_of, small_notebook

CENTRAL = (["backpropagation"], ["run_epochs", "compute_accuracy", "plain_step", "momentum_step"])


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


def test_notebook_is_saved_as_executed_from_top_to_bottom(path):
    cells = nbformat.read(path, as_version=4).cells
    counts = [cell.execution_count for cell in cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    for cell in cells:
        assert "execution" not in cell.metadata, "execution timestamps"
        for output in cell.get("outputs", []):
            assert output.output_type != "error" and output.get("name") != "stderr", output
    machine = r"[\"' =](/home|/root|/Users|/tmp|/work|[A-Z]:\\\\)"
    assert not re.search(machine, path.read_text()), "a machine's path"
    assert path.stat().st_size < 3_000_000


def drawn(source):
    """How many figures a cell makes in its own statements, not in functions that it defines."""
    tree = ast.parse(TransformerManager().transform_cell(source))
    tree.body = [node for node in tree.body if not isinstance(node, ast.FunctionDef)]
    calls = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    shown = calls.count("save_figure") + calls.count("show_figure")
    return max(calls.count("plt.subplots"), shown)


def test_saved_notebook_holds_the_figures_that_its_cells_draw(path):
    """As wide as a page, with words for those who cannot see them; and nothing empty."""
    count = 0
    for cell in nbformat.read(path, as_version=4).cells:
        shown = [output for output in cell.get("outputs", []) if "data" in output]
        assert all(output.data for output in shown), "an empty output, as a progress bar leaves it"
        pictures = [output.metadata for output in shown if "image/png" in output.data]
        assert len(pictures) == (drawn(cell.source) if cell.cell_type == "code" else 0), cell.source
        for metadata in pictures:
            assert metadata["image/png"]["width"] == 120 * WIDTH and metadata["image/png"]["alt"]
        count += len(pictures)
    assert count > 0


def test_cells_are_short_and_contents_lead_to_headings(path):
    cells = nbformat.read(path, as_version=4).cells
    for cell in cells:  # one idea each; a function with its docstring may need more lines
        assert cell.cell_type != "code" or len(cell.source.splitlines()) <= 30, cell.source
    contents, *others = [cell.source for cell in cells if cell.cell_type == "markdown"]
    headings = re.findall(r"^(#{2,3}) (.+)$", "\n".join(others), re.MULTILINE)
    levels = {"#" + title.replace(" ", "-"): level for level, title in headings}
    links = set(re.findall(r"\]\((#.+?)\)(?=$|:|,)", contents, re.MULTILINE))
    assert links <= levels.keys()
    assert {link for link, level in levels.items() if level == "##"} <= links


def test_formulas_need_no_escaped_punctuation():
    r"""GitHub's Markdown takes the backslash of \; and its like before a formula is read."""
    texts = {name: (support.ROOT / name).read_text("utf-8") for name in DOCUMENTS}
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        texts[path.name] = "\n\n".join(c.source for c in cells if c.cell_type == "markdown")
    for name, text in texts.items():
        text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        formulas = re.findall(r"\$\$.*?\$\$|\$[^$\n]+\$", text, re.DOTALL)
        assert [formula for formula in formulas if re.search(r"\\[^\w\s]", formula)] == [], name


def test_links_look_like_links(path):
    """JupyterLab gives code its own color, in a link, too."""
    assert re.findall(r"\[`[^`\]]+`\]\(\S+?\)", path.read_text("utf-8")) == []


def lines_of_work(source):
    """The lines of a cell without signatures, docstrings and blank lines."""
    lines = set(range(1, len(source.splitlines()) + 1))
    for node in ast.walk(ast.parse(TransformerManager().transform_cell(source))):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            first = node.body[ast.get_docstring(node) is not None :]
            start = min([node.lineno, *(part.lineno for part in node.decorator_list)])
            lines -= set(range(start, first[0].lineno if first else node.end_lineno + 1))
    return len([n for n in lines if source.splitlines()[n - 1].strip()])


@pytest.mark.parametrize("path, central", list(zip(NOTEBOOKS[:2], CENTRAL, strict=True)))
def test_code_cells_are_light(path, central):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    counts = {c.id: lines_of_work(c.source) for c in cells}
    assert max(counts.values()) <= 20, counts
    for name in central:
        (cell,) = [c for c in cells if f"def {name}(" in c.source]
        assert counts[cell.id] <= 15, name


def test_the_assignment_fits_into_140_cells():
    assert sum(len(nbformat.read(path, as_version=4).cells) for path in NOTEBOOKS[:2]) <= 140


def test_no_function_leans_on_a_global_of_the_running_notebook(path):
    names = vars(load_definitions(path))
    for name, value in names.items():
        function = getattr(value, "__wrapped__", value)
        if isinstance(function, types.FunctionType) and function.__globals__ is names:
            read = names_in(function.__code__, "LOAD_GLOBAL")
            assert read <= names.keys() | vars(builtins), name


def test_a_function_stands_in_one_notebook_alone():
    trees = [tree for path in NOTEBOOKS for _, tree in read_definitions(path)]
    defined = [node.name for tree in trees for node in tree.body if hasattr(node, "name")]
    assert sorted(defined) == sorted(set(defined))


DRAW = """\
from pathlib import Path
import support.figures
import support.files
support.files.OUTPUT = Path("out").resolve()
import matplotlib.pyplot as plt
for name, alt in (("one", "A line that rises."), ("two", None)):
    figure, ax = plt.subplots()
    ax.plot([1, 2])
    support.figures.save_figure(figure, name, alt)
figure, ax = plt.subplots()
support.figures.show_figure(figure, "A picture that is not saved.")
print("done")
"""


def test_a_notebook_shows_each_figure_once_with_its_words(tmp_path, monkeypatch):
    """Even with a backend that a person has chosen; the saved notebooks were run without."""
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PYTHONPATH", str(support.ROOT))
    path = small_notebook(tmp_path, DRAW)
    execute(path)
    outputs = outputs_of(path)
    shown = [output for output in outputs if output.output_type == "display_data"]
    assert len(shown) == 3 and len(outputs) == 4, "and what was printed"
    assert shown[2].data["text/plain"] == "A picture that is not saved."
    assert sorted(os.listdir(tmp_path / "out" / "figures")) == ["one.png", "two.png"]
    assert shown[0].metadata["image/png"] == {"alt": "A line that rises.", "width": 780}
    assert shown[0].data["text/plain"] == "A line that rises."
    assert "alt" not in shown[1].metadata["image/png"]


def test_a_figure_is_the_same_bytes_again_and_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(support.files, "OUTPUT", tmp_path)
    for name in ("first", "second"):
        figure, ax = plt.subplots()
        ax.plot([1, 2], label="line")
        ax.legend()
        save_figure(figure, name)
    first, second = (tmp_path / "figures" / f"{name}.png" for name in ("first", "second"))
    assert first.read_bytes() == second.read_bytes()
    with Image.open(first) as image:
        assert image.size == (200 * WIDTH, 200 * 3.2), "inches, at 200 dots an inch"
    assert plt.get_fignums() == []
