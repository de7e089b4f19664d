"""The notebooks as they are saved: executed from top to bottom, clean, with links that lead."""

import ast
import builtins
import dis
import re
import types

import nbformat
import pytest

from conftest import EXPERIMENTS, NOTEBOOKS
from support import ROOT
from support.notebooks import read_definitions


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_saved_as_executed_from_top_to_bottom(name):
    notebook = nbformat.read(ROOT / name, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in notebook.cells:
        assert "execution" not in cell.metadata, "execution timestamps"
        for output in cell.get("outputs", []):
            assert output.output_type != "error", output
            assert output.get("name") != "stderr", output
    text = (ROOT / name).read_text()
    assert not re.search(r"[\"' =](/home|/root|/Users|/tmp|/work|[A-Z]:\\\\)", text), (
        "a machine's path"
    )
    assert (ROOT / name).stat().st_size < 3_000_000


def global_names(code):
    """Yield the global names that a code object reads, those of nested functions too."""
    yield from (i.argval for i in dis.get_instructions(code) if i.opname == "LOAD_GLOBAL")
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from global_names(constant)


@pytest.mark.parametrize("part", ["part1", "part2", *EXPERIMENTS])
def test_no_function_leans_on_a_global_of_the_running_notebook(part, request):
    module = request.getfixturevalue(part)
    known = vars(module).keys() | vars(builtins).keys()
    for name, value in vars(module).items():
        function = getattr(value, "__wrapped__", value)
        if isinstance(function, types.FunctionType) and function.__globals__ is vars(module):
            assert set(global_names(function.__code__)) <= known, name


def test_a_function_stands_in_one_notebook_alone():
    defined = [
        node.name
        for name in NOTEBOOKS
        for _, tree in read_definitions(ROOT / name)
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    assert len(defined) == len(set(defined))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_contents_lead_to_headings(name):
    """Each link of the contents list has its heading, and each chapter stands in the list."""
    contents, *others = [
        cell.source
        for cell in nbformat.read(ROOT / name, as_version=4).cells
        if cell.cell_type == "markdown"
    ]
    headings = re.findall(r"^(#{2,3}) (.+)$", "\n".join(others), re.MULTILINE)
    targets = {"#" + title.replace(" ", "-"): level for level, title in headings}
    links = re.findall(r"\]\((#.+?)\)(?=$|:|,)", contents, re.MULTILINE)
    assert [link for link in links if link not in targets] == []
    assert [target for target in targets if targets[target] == "##" and target not in links] == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_cells_are_short(name):
    """One idea a cell; a class or a function with its docstring may need a few lines more."""
    for cell in nbformat.read(ROOT / name, as_version=4).cells:
        if cell.cell_type == "code":
            assert len(cell.source.splitlines()) <= 30, cell.source
