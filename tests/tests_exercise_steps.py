"""The way through the exercise: it stops at one task after the other, and checks find mistakes."""

import os
import re
import shutil

from support.exercise import NOTEBOOKS
from support.images import find_mnist
from support.notebooks import OPTIONS, shown_by

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.helpers.exercise import CELLS
from tests.helpers.processes import run_python

WRONG = {  # a solution with a mistake: (right, wrong, what the check says that follows)
    "paper_da2": ("[[2], [-2]]", "[[2], [2]]", "(1), dL_da[2] on paper: expected"),
    "paper_dz2": ("dL_da2 * model.df", "model.df", "(2), dL_dz[2] in code: expected"),
    "paper_dw2": ("dL_dz2.sum(0)", "dL_dz2", "(3), dL_db[2] in code: expected shape (1,), [12.0]"),
    "paper_da1": ("[8, -8, 16]", "[8, -8]", "(4), dL_da[1] on paper: expected"),
    "backpropagation": ("2 * (y_pred - y_true)", "y_pred - y_true", "equation (1) or (2)"),
    "paper_dw1": ("[40, -56, -32]", "[40, 56, -32]", "(3), dL_db[1] on paper: expected"),
    "preprocess": ("- 0.5) / 0.5)", "- 0.5) / 0.25)", "preprocess: the pixels lie in [-2, 2]"),
    "airplanes_and_birds": ("== second", "== first", "the two labels are interchanged"),
    "split": ("random.Random(seed)", "random.Random(0)", "split: the seed is ignored"),
    "load_airplane_bird": ("8_000", "9_000", "the training part has another size"),
    "MyMLP": ("torch.relu(self.fc3(a))", "self.fc3(a)", "MyMLP: the scores are not those"),
    "run_epochs": ("            update()\n", "", "run_epochs: update() is never called"),
    "train": ("optimizer.step)", "optimizer.zero_grad)", "optimizer.step() is never called"),
    "compute_accuracy": (".argmax(", ".argmin(", "compute_accuracy: the accuracy is the lowest"),
    "plain_step": ("alpha=-learning_rate", "alpha=learning_rate", "plain_step: it differs"),
    "decay_step": ("p.grad.add(p, alpha=weight_decay)", "p.grad", "decay_step: it differs"),
    "momentum_step": (".mul_(momentum)", "", "momentum_step: it differs"),
    "manual_sgd_step": ("g.add(p, alpha=weight_decay)", "g", "manual_sgd_step: it differs"),
    "train_manual_update": ("weight_decay, momentum_b", "0.0, momentum_b", "update: it differs"),
    "loss_and_accuracy": (".argmax(", ".argmin(", "loss_and_accuracy: the accuracy is the lowest"),
    "selected_no": ("max(instance_runs", "min(instance_runs", "it has not the highest"),
    "predict": ("softmax(dim=1)", "softmax(dim=0)", "softmax goes over the images"),
    "confusion_matrix": ("2 * labels + ", "labels + 2 * ", "rows and columns are interchanged"),
}


def files(tree):
    """Each file outside of the exercise, with its content."""
    paths = [path for path in tree.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {(path, path.read_bytes()) for path in paths if "exercise" not in path.parts}


def work_through(tree, name, mode):
    """Run an exercise as a student does: put in what is missing, with its mistake first.

    Returns the tasks at which it stopped, and the names whose mistake a check found.
    """
    made = nbformat.read(tree / "exercise" / name, as_version=4)
    answer = {c.id: c.source for c in nbformat.read(tree / name, as_version=4).cells}
    code = [(i, c.source) for i, c in enumerate(made.cells) if c.cell_type == "code"]
    place = {opened: i for i, source in code for opened in re.findall(r": write (\w+)\. ", source)}
    client = NotebookClient(made, extra_arguments=list(OPTIONS), timeout=None)
    client.resources["metadata"] = {"path": str(tree / "exercise")}
    stops, found, wrong, index, stopped = [], [], None, 0, 0
    with client.setup_kernel(env=os.environ | {"RUN_MODE": mode}):
        while index < len(made.cells):
            try:
                client.execute_cell(made.cells[index], index)
                assert wrong is None or index < stopped, f"no check found the mistake in {wrong}"
                index += 1
            except CellExecutionError as error:
                shown, stopped = shown_by(made.cells[index]), index
                right = mistaken = ""
                if error.ename == "NotImplementedError":
                    task, opened = re.match(r"(.+?: write (\w+))\. ", error.evalue).groups()
                    stops.append(task)
                    if wrong is None and opened in WRONG:
                        wrong, (right, mistaken, _) = opened, WRONG[opened]
                else:
                    assert wrong and WRONG[wrong][2] in shown, shown
                    assert index - place[wrong] < 3, f"{wrong} is found only in cell {index}"
                    found.append(wrong)
                    opened, wrong = wrong, None
                index = place[opened]
                solution = answer[made.cells[index].id]
                assert right in solution
                made.cells[index].source = solution.replace(right, mistaken)
    return stops, found


@pytest.mark.fault
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_task_by_task(tree_copy, name, short_mode):
    mode = short_mode if name == NOTEBOOKS[1] else "quick" if find_mnist() else "stand-in"
    shutil.rmtree(tree_copy / "exercise", ignore_errors=True)
    assert run_python("-m", "support.exercise", folder=tree_copy).returncode == 0
    before = files(tree_copy)
    stops, found = work_through(tree_copy, name, mode)
    assert stops == [f"{task}: write {first}" for task, first, *_ in CELLS[name]]
    assert found == [task.split()[-1] for task in stops if task.split()[-1] in WRONG]
    assert not {path.name for path, _ in files(tree_copy) ^ before}
    results = tree_copy / "exercise" / "build" / mode / "results" / name
    assert results.with_suffix(".json").is_file()
