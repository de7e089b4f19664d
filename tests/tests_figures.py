"""Figures as they are saved and shown: once, in words too, legible, the same bytes again."""

import re

import matplotlib
import matplotlib.pyplot as plt
import nbformat
import pytest
from matplotlib.font_manager import FontProperties
from PIL import Image

import support.files
from conftest import NOTEBOOKS
from support.figures import PALETTE, PART_COLORS, WIDTH, save_figure
from support.notebooks import execute

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
print("done")
"""


@pytest.mark.parametrize("backend", [None, "agg"])
def test_a_notebook_shows_each_figure_once_with_its_words(backend, tmp_path, monkeypatch):
    """Whatever backend a person has chosen in the environment."""
    if backend:
        monkeypatch.setenv("MPLBACKEND", backend)
    monkeypatch.setenv("PYTHONPATH", str(support.ROOT))
    cell = nbformat.v4.new_code_cell(DRAW, id="draw")
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "small.ipynb")
    execute(tmp_path / "small.ipynb")
    outputs = nbformat.read(tmp_path / "small.ipynb", as_version=4).cells[0].outputs
    shown = [output for output in outputs if output.output_type == "display_data"]
    assert len(shown) == 2 and len(outputs) == 3, "and what was printed"
    assert shown[0].metadata["image/png"] == {"alt": "A line that rises.", "width": 780}
    assert shown[0].data["text/plain"] == "A line that rises."
    assert "alt" not in shown[1].metadata["image/png"]
    assert (tmp_path / "out" / "figures" / "one.png").is_file()


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


def test_type_and_colors():
    """8 points or more at the printed size; each part of the data has a color of its own."""
    sizes = [key for key in matplotlib.rcParams if re.search(r"font\.size|fontsize|labelsize", key)]
    sizes += ["figure.titlesize", "axes.titlesize"]
    for key in sizes:
        if matplotlib.rcParams[key] is not None:
            size = FontProperties(size=matplotlib.rcParams[key]).get_size_in_points()
            assert size >= 8, key
    assert len(set(PART_COLORS.values())) == 3 <= len(set(PALETTE)) == len(PALETTE)
    source = NOTEBOOKS[1].read_text()
    assert min(map(int, re.findall(r"fontsize=(\d+)", source))) >= 8
    assert source.count("save_figure(figure") == source.count(", alt=")
    assert set(re.findall(r"figsize=\((\w+)", source)) == {"WIDTH"}
