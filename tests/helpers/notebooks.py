"""Small notebooks that tests write, execute and load."""

import dis
import os
import types

from support.notebooks import main

import nbformat
import pytest


def small_notebook(folder, *cells, name="small", heading=None):
    """Write a notebook of the cells, below a heading if there is one; a text is code. Its path."""
    cells = [
        nbformat.v4.new_code_cell(cell, id=f"cell-{i}") if isinstance(cell, str) else cell
        for i, cell in enumerate(cells)
    ]
    if heading:
        cells.insert(0, nbformat.v4.new_markdown_cell(f"Text.\n\n{heading}", id="heading"))
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def outputs_of(path, cell=0):
    """The outputs of one code cell of a saved notebook."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return cells[cell].outputs


def names_in(code, *operations):
    """The names that a code object, or one inside it, treats by one of the operations."""
    found = {i.argval for i in dis.get_instructions(code) if i.opname in operations}
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return found.union(*(names_in(constant, *operations) for constant in inner))


def stopped(path):
    """What the runner says, after the path, when it stops (status 1); all files are as before."""
    before, names = path.read_bytes(), sorted(os.listdir(path.parent))
    with pytest.raises(SystemExit) as stop:
        main([str(path)])
    assert isinstance(stop.value.code, str), "a text as the exit code: status 1"
    assert path.read_bytes() == before and sorted(os.listdir(path.parent)) == names
    return stop.value.code.removeprefix(str(path))
