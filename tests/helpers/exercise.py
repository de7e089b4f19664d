"""What the exercise leaves to the student."""

from support.exercise import make_exercise

import nbformat

from tests.programs.tasks import TASKS

CELLS = {  # (task, names): what is open in each cell, in the order in which it is missed
    "backpropagation.ipynb": [
        ("2. Four equations", "paper_da2", "dL_da2"),
        ("2. Four equations", "paper_dz2", "dL_dz2"),
        ("2. Four equations", "paper_dw2", "paper_db2", "dL_dw2", "dL_db2"),
        ("2. Four equations", "paper_da1", "dL_da1"),
        ("3. Backpropagation", "backpropagation"),
        ("3. Backpropagation", "paper_dw1", "paper_db1"),
    ],
    "gradient_descent.ipynb": [(f"Task {number}", name) for name, number in TASKS.items()],
}
OPEN = {
    name: [f"{task}: write {opened}" for task, *names in cells for opened in names]
    for name, cells in CELLS.items()
}


def solved(path):
    """The exercise made from a notebook, with the answer put back into each open cell."""
    made = make_exercise(path)
    answer = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.source = answer.get(cell.id, cell.source)
    return made
