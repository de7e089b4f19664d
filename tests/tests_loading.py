"""Loading a notebook's definitions: nothing of its work, nothing lost, nothing swallowed."""

import ast
import os
import re
import sys

import support.files
from support import ROOT
from support.definitions import CONSTANT, load_definitions, read_definitions

import pytest

from conftest import NOTEBOOKS
from tests.helpers.notebooks import small_notebook
from tests.helpers.processes import run_python


def load(tmp_path, *sources):
    return load_definitions(small_notebook(tmp_path, *sources))


def test_definitions_load_without_the_work(tmp_path):
    module = load(
        tmp_path,
        "%matplotlib inline\nimport math\nLIMIT = 3\nwork = 1 / 0",
        "%%time\ndef f(x):\n    return LIMIT * math.sqrt(x) * LAST",
        "\n%%capture out\nLAST = 2\n\n\ndef g():\n    raise KeyError('here')",
    )
    assert module.f(4) == 12 and not hasattr(module, "work")
    with pytest.raises(KeyError) as error:
        module.g()
    assert "raise KeyError('here')" in str(error.traceback[-1]), "the cell's own source is shown"


def test_constants_of_every_form(tmp_path):
    module = load(
        tmp_path,
        "LOW, HIGH = 1, 2\nFIRST, *REST = [3, 4, 5]\n(LEFT, [RIGHT]), LAST = (6, [7]), 8",
        "SAME = EQUAL = 9\nLIMIT: int = 10\nOTHER: int",
        "async def wait():\n    return await LIMIT",
        "LATER = lambda: runs\nSQUARES = [i * i for i in (1, 2)]\nruns = 1",
    )
    names = "LOW HIGH FIRST LEFT RIGHT LAST SAME EQUAL LIMIT".split()
    assert [getattr(module, name) for name in names] == [1, 2, 3, 6, 7, 8, 9, 9, 10]
    assert module.REST == [4, 5] and callable(module.wait)
    assert callable(module.LATER) and module.SQUARES == [1, 4]
    with pytest.raises(AttributeError, match="small.ipynb defines no OTHER"):
        _ = module.OTHER


NEEDS_WORK = {  # the second cell: what is asked for, and why loading left it out
    "BEST = max(runs)": "BEST .*: cell 2 reads runs",
    "BEST: int = max(runs)": "BEST .*: cell 2 reads runs",
    "SIZE, BEST = 2, max(runs)": "BEST .*: cell 2 reads runs",
    "BEST = [no for no in runs]": "BEST .*: cell 2 reads runs",
    "BEST = max(runs)\nTITLE = f'No {BEST}'": "TITLE .*: cell 2 reads BEST",
    "BEST, worst = 1, 2": "BEST .*: cell 2 computes it",
    "BEST = max(runs)\ndef show(no=BEST):\n    return no": "show .*: cell 2 reads BEST",
    "EPOCHS = 30\nif len(runs) > 1:\n    EPOCHS = 1": "EPOCHS .*: cell 2 computes it",
    "EPOCHS = 30\nEPOCHS *= 2": "EPOCHS .*: cell 2 computes it",
    "EPOCHS = 30\nEPOCHS = max(runs)": "EPOCHS .*: cell 2 reads runs",
    "RULES = {}\nRULES[3] = 0.5": "RULES .*: cell 2 computes it",
    "FILES = !ls": "FILES .*: cell 2 reads get_ipython",
    "best = max(runs)": "best .*: cell 2 computes it",
}


@pytest.mark.parametrize("source", NEEDS_WORK)
def test_what_needs_the_work_is_left_out_and_says_so_where_it_is_used(tmp_path, source):
    module = load(tmp_path, "runs = {1: 0.5, 2: 0.75}", source, "AFTER = 1")
    reason = NEEDS_WORK[source]
    name = reason.split()[0]
    assert module.AFTER == 1 and not hasattr(module, name)
    with pytest.raises(AttributeError, match=f"small.ipynb: {reason}"):
        getattr(module, name)


@pytest.mark.parametrize(
    "source, error",
    [
        ("LIMIT = limt + 1", "name 'limt' is not defined"),
        ("def f():\n    return runs\nLIMIT = f()", "name 'runs' is not defined"),
        ("LIMIT = 1 / 0", "division by zero"),
        ("LIMIT = {}['key']", "key"),
        ("LIMIT = open('nothing.json')", "nothing.json"),
        ("import nothing_of_this_name", "nothing_of_this_name"),
    ],
)
def test_other_errors_are_raised(tmp_path, source, error):
    with pytest.raises(Exception, match=error):
        load(tmp_path, "runs = [1, 2]", source)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_notebooks_lose_nothing(path, request):
    """Each name that a definition binds is there after loading, each constant is a definition."""
    fixture = {"backpropagation": "part1", "gradient_descent": "part2"}.get(path.stem, path.stem)
    module = request.getfixturevalue(fixture)
    lost = set(filter(CONSTANT.fullmatch, module.__needs_work__))
    assert lost <= {"W1", "W2"}, "matrices of a worked example, which are no constants"
    for _, tree in read_definitions(path):
        for node in tree.body:
            assert hasattr(module, getattr(node, "name", "__name__"))


def test_the_mode_decides_images_and_epochs(monkeypatch):
    for mode, epochs in (("full", 30), ("quick", 1), ("stand-in", 1)):
        monkeypatch.setattr(support.files, "RUN_MODE", mode)
        part2 = load_definitions(ROOT / "gradient_descent.ipynb")
        assert part2.EPOCHS == epochs
        assert part2.DATA_ROOT == ("stand-in" if mode == "stand-in" else "data")
        assert ("not CIFAR-10" in part2.DATA_NAME) == (mode == "stand-in")


LOAD_ALL = """
import sys
opened = []
sys.addaudithook(lambda event, arguments: event == "open" and opened.append(str(arguments[0])))
from support.definitions import load_definitions
for path in sys.argv[1:]:
    load_definitions(path)
print("\\n".join(opened))
"""


@pytest.mark.fault
def test_loading_reads_no_results_and_no_images(tmp_path):
    arguments = ("-c", LOAD_ALL, *map(str, NOTEBOOKS))
    opened = run_python(*arguments, folder=tmp_path, PYTHONPATH=str(ROOT)).stdout.splitlines()
    assert str(NOTEBOOKS[0]) in opened and str(ROOT / "data" / "published_runs.json") in opened
    forbidden = (str(ROOT / "results"), str(ROOT / "figures"), "cifar-10-batches-py", "MNIST")
    assert not [path for path in opened for part in forbidden if part in path]
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_support_is_imported_before_torch(path):
    """So that it can set how torch's threads wait."""
    code = "\n".join(ast.unparse(tree) for _, tree in read_definitions(path))
    support, torch = (re.search(rf"^(from|import) {n}\b", code, re.M) for n in ("support", "torch"))
    assert support.start() < torch.start()


def test_how_threads_wait_is_set_where_nobody_has(monkeypatch):
    def left_by(**chosen):
        monkeypatch.setattr(os, "environ", chosen)
        exec((ROOT / "support" / "__init__.py").read_text(), {"__file__": support.__file__})
        return chosen

    assert left_by() == {}, "torch has been imported"
    monkeypatch.delitem(sys.modules, "torch")
    assert left_by() == {"GOMP_SPINCOUNT": "100000"}
    for chosen in ({"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "PASSIVE"}):
        assert left_by(**chosen) == chosen


def test_the_tests_run_on_the_cpu(part2):
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "" and part2.DEVICE.type == "cpu"


ON_A_GPU = """
import torch
from support import ROOT
from support.definitions import load_definitions

part2 = load_definitions(ROOT / "gradient_descent.ipynb")
print(part2.DEVICE.type, torch.are_deterministic_algorithms_enabled())
if part2.DEVICE.type == "cuda":
    batches = part2.make_loader(part2.load_airplane_bird("stand-in")[1])
    both = part2.train_both(2, batches, learning_rate=0.01, momentum=0.9, weight_decay=0.01)
    print(part2.same_bits(both["torch"], both["manual"]))
"""


@pytest.mark.fault
def test_both_optimizers_agree_on_a_gpu(monkeypatch):
    """In a process of its own, which sees the GPU: deterministic algorithms, the same bits."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    output = run_python("-c", ON_A_GPU).stdout
    if output == "cpu False\n":
        pytest.skip("there is no GPU")
    assert output == "cuda True\nTrue\n"
