"""gradient_descent.ipynb after a student's edits: every later cell works, and can be run twice."""

import contextlib
import io
import json

import support.files

import matplotlib.pyplot as plt
import nbformat
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from torch.utils.data import DataLoader, TensorDataset

from checks.difference import Difference
from conftest import NOTEBOOKS
from tests.helpers.notebooks import names_in

# Other epochs, another batch size and fewer images: edits themselves, and quick.
EDITS = {
    "EPOCHS = 30 if": "EPOCHS = 2 if",
    "else 1\nSEED = 265": "else 2\nSEED = 3",
    "BATCH_SIZE = 256": "BATCH_SIZE = 64",
    "load_airplane_bird(DATA_ROOT)": "FEW_IMAGES",
    "tasks.check_loading(load_airplane_bird, DATA_ROOT, parts.values(), CLASSES)": "pass",
}
COUNT = 128  # of the images of each part
SAVE = Figure.savefig


def code_cells():
    cells = nbformat.read(NOTEBOOKS[1], as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "code"]


def test_a_cell_run_again_finds_what_it_found_the_first_time():
    """What a cell takes from elsewhere has one meaning: no two other cells assign it."""
    codes = [compile(cell, "cell", "exec") for cell in code_cells()]
    assigned = [names_in(code, "STORE_NAME") for code in codes]
    for code, own in zip(codes, assigned, strict=True):
        for name in names_in(code, "LOAD_NAME", "LOAD_GLOBAL") - own:
            assert sum(name in others for others in assigned) <= 1, name


def save_legible(figure, *arguments, **options):
    """Figure.savefig, coarse and quick; no type in it is smaller than 8 points on paper."""
    texts = [text for text in figure.findobj(Text) if text.get_text().strip()]
    assert min(text.get_fontsize() for text in texts) >= 8
    return SAVE(figure, *arguments, **options | {"dpi": 20})


@pytest.fixture(scope="module")
def edited(images, short_mode, tmp_path_factory):
    """Return a function: run cells in a namespace, each `times`; it returns what they printed."""
    folder = tmp_path_factory.mktemp("edited")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_legible)
        patch.setattr(support.files, "OUTPUT", folder)
        patch.setattr(support.files, "RUN_MODE", short_mode)

        def run(cells, namespace, times=1):
            printed = io.StringIO()
            for cell in cells:
                for _ in range(times):
                    with contextlib.redirect_stdout(printed):
                        exec(compile(cell, "cell", "exec"), namespace)
                assert not plt.get_fignums(), f"a figure is open, and shown once more:\n{cell}"
            return printed.getvalue()

        yield run, folder


def saved(folder):
    return json.loads((folder / "results" / "gradient_descent.json").read_text())


def with_edits(images, edits):
    """The notebook's cells after EDITS and these, and a namespace with few images for them."""
    text = "\0".join(code_cells())
    for old, new in (EDITS | edits).items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text.split("\0"), {"FEW_IMAGES": [TensorDataset(*part[:COUNT]) for part in images]}


@pytest.fixture(scope="module")
def whole(edited, images):
    """The notebook on few images, each cell run twice: its namespace, and what it printed."""
    cells, namespace = with_edits(images, {})
    return cells, namespace, edited[0](cells, namespace, times=2)


@pytest.mark.slow
def test_each_cell_can_be_run_twice(whole, edited):
    _, namespace, printed = whole
    results = saved(edited[1])
    assert [run["no"] for run in results["instances"]] == list(namespace["INSTANCES"])
    for run in results["instances"]:
        assert len(run["training_loss"]) == len(run["validation_loss"]) == 2
        assert run["validation_accuracy_by_epoch"][-1] == run["validation_accuracy"]
    assert printed.count("No 8 and No 10 have the same rule: equal in every bit") == 2
    assert results["selected"]["validation_images"] == COUNT


def rerun(whole, edited, change):
    """Change INSTANCES, then run its cell and all later ones; return what was printed and saved."""
    cells, namespace, _ = whole
    start = next(i for i, cell in enumerate(cells) if cell.startswith("INSTANCES = {"))
    old = namespace["INSTANCES"]
    printed = edited[0]([f"INSTANCES = {change(old)!r}", *cells[start + 1 :]], dict(namespace))
    return printed, saved(edited[1])


@pytest.mark.slow
def test_an_instance_changed_and_one_added(whole, edited):
    """No 10 no longer repeats No 8; No 12 repeats No 3, and is written in another order."""
    again = dict(weight_decay=0.01, momentum=0.0, learning_rate=0.01)
    kept = (1, 3, 8, 10)

    def change(old):
        few = {no: old[no] for no in kept}
        return few | {10: old[10] | {"learning_rate": 0.05}, 12: again}

    printed, results = rerun(whole, edited, change)
    assert "No 3 and No 12 have the same rule" in printed and "No 8 and No 10" not in printed
    assert [run["no"] for run in results["instances"]] == [*kept, 12]
    log = (edited[1] / "gradient_descent_output.txt").read_text()
    assert log.count("lr = 0.01\nmom = 0.0\ndecay = 0.01\n") == 2 and "lr = 0.05" in log


@pytest.mark.slow
def test_one_instance_that_diverges(whole, edited):
    """Nothing is left to plot, and the rest still holds: NaN answers airplane."""
    rule = dict(learning_rate=1e12, momentum=0.9, weight_decay=0.01)
    printed, results = rerun(whole, edited, lambda old: {5: rule})
    assert "No 5 diverged" in printed and "have the same rule" not in printed
    assert results["instances"][0]["validation_loss"][-1] is None
    assert results["selected"]["no"] == 5


CLASSES, LOSS, SECOND = '"airplane": 0, "bird": 2}', "CrossEntropyLoss()", "labels[kept] == second"
AT_RANDOM = "nn.functional.dropout(self.fc2(a), 0.2, self.training)"
LOADERS = "train_loader, validation_loader = make_loader(training)"
TOLD = {  # an edit: (what is written in the place of what, the cell that stops, and its words)
    "the names kept": ({CLASSES: '"airplane": 3, "bird": 5}'}, "CLASSES =", "the label of cat"),
    "names alone": ({"tuple(CLASSES)": '("cat", "dog")'}, "CLASSES =", "are other names"),
    "a sum": ({LOSS: "CrossEntropyLoss(reduction='sum')"}, "CLASSES =", "a sum over the images"),
    "// 2": (
        {CLASSES: '"cat": 3, "dog": 5}', f"({SECOND}).astype(np.int64)": "labels[kept] // 2"},
        "tasks.check_classes",
        "the labels are not mapped to 0 and 1",
    ),
    "no eval": ({"    model.eval()\n": ""}, "tasks.check_scores", "those of training mode"),
    "dropout": ({"torch.relu(self.fc2(a))": AT_RANDOM}, "tasks.check_net", "such as dropout"),
    "shuffled": (
        {LOADERS: LOADERS.replace("make_loader", "shuffled")},
        "tasks.check_repeatable",
        "the loader gives another order at each pass: it shuffles",
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.fault] * (n == "shuffled")) for n in TOLD]
)
def test_an_edit_is_told_by_its_cause_and_in_time(edited, images, name):
    edits, place, words = TOLD[name]
    cells, namespace = with_edits(images, edits)
    namespace["shuffled"] = lambda dataset: DataLoader(dataset, batch_size=64, shuffle=True)
    at = next(i for i, cell in enumerate(cells) if place in cell)
    edited[0](cells[:at], namespace)
    with pytest.raises(Difference) as told:
        edited[0](cells[at : at + 1], namespace)
    assert words in " ".join(str(told.value).split())


@pytest.mark.fault
def test_single_precision_to_the_end(edited, images):
    cells, namespace = with_edits(images, {"DTYPE = torch.double": "DTYPE = torch.float32"})
    for part in namespace["FEW_IMAGES"]:
        part.tensors = part.tensors[0].float(), part.tensors[1]
    edited[0](cells, namespace)
    assert saved(edited[1])["environment"]["dtype"] == "torch.float32"
