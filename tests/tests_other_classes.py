"""Cats and cars in the place of airplanes and birds: one cell changes, and all else follows."""

import json
import re

from support.exercise import make_exercise
from support.files import read_json

import nbformat
import pytest

from tests.helpers.processes import run_python

OF_THIS_EDITION = re.compile("airplane|bird", re.IGNORECASE)
NAMES = re.compile(r"\b(airplanes_and_birds|load_airplane_bird)\b|\"airplanes\"")  # they stay
DOCUMENTS = ("report.md", "report.pdf", "README.md")


def with_classes(tree, CLASSES):
    """Write these classes into the notebook of a tree; its path."""
    path, old = tree / "gradient_descent.ipynb", r"CLASSES = {\"airplane\": 0, \"bird\": 2}"
    text = path.read_text("utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, f"CLASSES = {json.dumps(CLASSES)}".replace('"', r"\"")))
    return path


def left_over(text):
    """The lines that name an airplane or a bird, but for names that stay."""
    lines = NAMES.sub("", text).splitlines()
    return [line for line in lines if OF_THIS_EDITION.search(line)]


def shown_by(cell):
    """All that the outputs of a cell hold, but for the picture itself."""
    outputs = json.loads(json.dumps(cell.outputs))
    for output in outputs:
        output.get("data", {}).pop("image/png", None)
    return json.dumps(outputs, indent=1, ensure_ascii=False)


@pytest.mark.parametrize("CLASSES", [{"cat": 3, "automobile": 1}, {"automobile": 1, "cat": 3}])
def test_code_and_the_exercise_follow_one_constant(tree_copy, CLASSES):
    made = make_exercise(with_classes(tree_copy, CLASSES))
    code = [cell.source for cell in made.cells if cell.cell_type == "code"]
    assert any(json.dumps(CLASSES) in source for source in code)
    assert left_over("\n".join(code)) == []


def test_a_report_on_airplanes_is_not_made_from_cats(tree_copy):
    path = tree_copy / "results" / "gradient_descent.json"
    path.write_text(json.dumps(read_json(path) | {"classes": {"cat": 3, "automobile": 1}}))
    before = {name: (tree_copy / name).read_bytes() for name in DOCUMENTS}
    done = run_python("-m", "support.report", folder=tree_copy)
    assert done.returncode == 1
    for name in ("report.md", "README.md"):
        told = f"{name} was left as it is; results/gradient_descent.json is of [['cat', 3]"
        assert told in done.stdout
    assert {name: (tree_copy / name).read_bytes() for name in DOCUMENTS} == before


@pytest.mark.fault
def test_cats_and_cars_to_the_end(tree_copy, run_copy, short_mode):
    """Printed texts, tables, alternative texts, results and log name them, and nothing else."""
    CLASSES = {"automobile": 1, "cat": 3}
    path = with_classes(tree_copy, CLASSES)
    run_copy(path.name, short_mode)
    output = tree_copy / "build" / short_mode
    results = output / "results" / "gradient_descent.json"
    assert list(read_json(results)["classes"].items()) == list(CLASSES.items())
    cells = nbformat.read(path, as_version=4).cells
    shown = "\n".join(shown_by(cell) for cell in cells if cell.cell_type == "code")
    for text in (shown, results.read_text(), (output / "gradient_descent_output.txt").read_text()):
        assert left_over(text) == []
    assert shown.count("automobile") > 20 and "share of automobile images" in shown
