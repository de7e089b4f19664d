"""Figures as they are saved and shown: once, in words too, the same bytes again."""

import support.files
from support.figures import WIDTH, save_figure
from support.notebooks import execute

import matplotlib.pyplot as plt
import nbformat
from PIL import Image

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


def test_a_notebook_shows_each_figure_once_with_its_words(tmp_path, monkeypatch):
    """Even with a backend that a person has chosen; the saved notebooks were run without."""
    monkeypatch.setenv("MPLBACKEND", "agg")
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
