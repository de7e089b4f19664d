"""backpropagation.ipynb after a student's edits: assertions say what is wrong in a sentence."""

import support.figures
import support.files

import matplotlib.pyplot as plt
import nbformat
import pytest
import torch

from conftest import NOTEBOOKS

EDITS = {  # what is written instead: (what stood there, what is said; None where all goes well)
    "n_l=(3, 5, 4)": ("n_l=(2, 3, 2)", None),
    "torch.set_default_dtype(torch.float)": ("torch.set_default_dtype(torch.double)", "too short"),
    "= torch.tanh, tanh_derivative  #": ("= torch.square, lambda z: 2 * z", "hold for f(z) = z^2"),
    "x, y_true = torch.tensor([[1.0], [3.0]])": (
        "x, y_true = torch.tensor([[1.0], [2.0]])",
        "the numbers on paper hold",
    ),
    "paper_db2 = [13]": ("paper_db2 = [12]", "(3), dL_db[2] on paper: expected shape (1,), [12.0]"),
    "dL_da2 = (y_pred - y_true)": ("dL_da2 = 2 * (y_pred - y_true)", "(1), dL_da[2] in code"),
    "dL_da = 2 * (y_pred - y_true) / len(y_pred)  #": (
        "dL_da = 2 * (y_pred - y_true)  #",
        "the mean over the batch, 1/N times the sum that main_test expects",
    ),
    "= torch.sigmoid, tanh_derivative\n": (  # the notebook's own net; df is forgotten
        "= torch.tanh, tanh_derivative\n",
        "It looks like: df[1] is not the derivative of f[1]",
    ),
    "h = 1.0": ("h = 1e-5", "h is too large or too small"),
    "(model(x) - y_true) ** 2).mean(), list": (
        "(model(x) - y_true) ** 2).sum(), list",
        "allowed is 1e-12",
    ),
    "else 7\nFRAME": ("else 400\nFRAME", "too few steps"),
    "noise=0.6": ("noise=0.12", "too much noise"),
}


@pytest.fixture
def run_edited(tmp_path, monkeypatch):
    """Return a function: run the notebook's cells with an edit, but for main_test and drawing."""
    cells = [c for c in nbformat.read(NOTEBOOKS[0], as_version=4).cells if c.cell_type == "code"]
    monkeypatch.setattr(support.figures, "png_of", lambda figure: b"")
    monkeypatch.setattr(support.figures, "save_animation", lambda *_: plt.close("all"))
    monkeypatch.setattr(support.files, "OUTPUT", tmp_path)
    monkeypatch.setattr(support.files, "RUN_MODE", "quick")
    before = torch.get_default_dtype()

    def run(old, new):
        assert sum(old in cell.source for cell in cells) == 1
        names = {"__name__": "notebook"}
        for cell in cells:
            if "main_test" not in cell.source or cell.source.startswith("import"):
                exec(compile(cell.source.replace(old, new), "cell", "exec"), names)

    yield run
    torch.set_default_dtype(before)


RARE = ("torch.set_default", "h = ", "else 7", "noise")  # left to `fault`: each runs all cells


@pytest.mark.parametrize(
    "new", [pytest.param(n, marks=[pytest.mark.fault] * n.startswith(RARE)) for n in EDITS]
)
def test_an_edit_is_told_in_a_sentence(run_edited, new):
    old, words = EDITS[new]
    if words is None:
        run_edited(old, new)
        return
    with pytest.raises(AssertionError) as caught:
        run_edited(old, new)
    assert words in str(caught.value)
