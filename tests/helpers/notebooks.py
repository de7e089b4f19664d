"""Small notebooks that tests write, execute and load."""

import nbformat


def small_notebook(folder, *sources, name="small", heading=None):
    """Write a notebook of the code cells given, below a heading if there is one; its path."""
    cells = [nbformat.v4.new_code_cell(s, id=f"cell-{i}") for i, s in enumerate(sources)]
    if heading:
        cells.insert(0, nbformat.v4.new_markdown_cell(f"Text.\n\n{heading}", id="heading"))
    path = folder / f"{name}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def outputs_of(path, cell=0):
    """The outputs of one code cell of a saved notebook."""
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    return cells[cell].outputs
