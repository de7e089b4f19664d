"""Solutions of the open tasks of part 2, as students write them: what the tests are given.

Each cell has a module of its name here, with two tables, WRONG and RIGHT, which map a name in plain
words, such as "task 3: run_epochs, the last batch's loss", to a Program. ALL_WRONG and ALL_RIGHT of
tasks_all join them. They were written without a look at the checks that judge them.

A source is what stands in the notebook in the place of one name: a function, a class, or a number
(selected_no, test_accuracy). `value_of` executes it in a copy of the notebook's names. Where a
source computes a number, the names that the notebook's work binds must be among them: instance_runs
for selected_no (made_up_runs below), and for test_accuracy selected, instance_runs and the three
parts of the data.

Sources leave out the ValueErrors that nobody asks for.
"""

import linecache
from dataclasses import dataclass

TASKS = {
    "preprocess": 1,
    "airplanes_and_birds": 1,
    "split": 1,
    "load_airplane_bird": 1,
    "MyMLP": 2,
    "run_epochs": 3,
    "train": 3,
    "compute_accuracy": 3,
    "plain_step": 4,
    "decay_step": 6,
    "momentum_step": 7,
    "manual_sgd_step": 7,
    "train_manual_update": 7,
    "loss_and_accuracy": 8,
    "selected_no": 9,
    "test_accuracy": 10,
    "predict": 10,
    "confusion_matrix": 10,
}


@dataclass(frozen=True)
class Program:
    """A solution: the source that defines `cell`, a name of the notebook.

    words: a fair message about a wrong one holds at least one of them, in upper or lower case.
    listed: a mistake that is known by name; it is judged in each run of the tests.
    exact: False for a right one whose numbers may differ from the notebook's by rounding.
    """

    cell: str
    source: str
    words: tuple[str, ...] = ()
    listed: bool = False
    exact: bool = True

    @property
    def task(self):
        """Where it must be told: "Task 3"."""
        return f"Task {TASKS[self.cell]}"


def changed(source, edits):
    """`source` with edits {old: new}. Raises ValueError unless each `old` stands in it once."""
    for old, new in edits.items():
        if source.count(old) != 1:
            raise ValueError(f"{old!r} stands {source.count(old)} times in {source}")
        source = source.replace(old, new)
    return source


def tables(cell, one_right=""):
    """Return the tables WRONG and RIGHT of a cell, and the functions that fill them.

    A source is a whole program, or edits {old: new} of the program `one_right`. The words of a
    wrong one stand between bars: "sign|uphill".
    """
    wrong_ones, right_ones = {}, {}

    def enter(table, name, source, **fields):
        if isinstance(source, dict):
            source = changed(one_right, source)
        program = Program(cell, source.lstrip("\n"), **fields)
        key = f"{program.task.lower()}: {cell}, {name}"
        if key in table:
            raise ValueError(f"two programs are called {key}")
        table[key] = program

    def wrong(name, source, words, listed=False):
        enter(wrong_ones, name, source, words=tuple(words.split("|")), listed=listed)

    def right(name, source, exact=True):
        enter(right_ones, name, source, exact=exact)

    return wrong_ones, right_ones, wrong, right


def value_of(program, names):
    """Execute a program in a copy of the dict `names`; return what it defines."""
    names, file = dict(names), f"<{program.task}, {abs(hash(program.source))}>"
    linecache.cache[file] = len(program.source), None, program.source.splitlines(True), file
    exec(compile(program.source, file, "exec"), names)
    return names[program.cell]


def made_up_runs():
    """An instance_runs of five: 2 and 4 tie in validation accuracy, so 2 is to be selected.

    No other rule selects 2: each of the other quantities has its extremes elsewhere.
    """
    rows = {  # training accuracy, validation accuracy by epoch, losses by epoch (training, valid.)
        1: (0.80, [0.70, 0.78, 0.79], [0.60, 0.50, 0.48], [0.58, 0.47, 0.30]),
        2: (0.90, [0.75, 0.79, 0.86], [0.55, 0.40, 0.30], [0.50, 0.42, 0.41]),
        3: (0.99, [0.76, 0.92, 0.82], [0.50, 0.20, 0.02], [0.45, 0.28, 0.70]),
        4: (0.91, [0.85, 0.84, 0.86], [0.54, 0.41, 0.31], [0.50, 0.43, 0.42]),
        5: (0.50, [0.50, 0.51, 0.51], [9.00, float("nan"), float("nan")], [2.0, float("nan"), 9.0]),
    }
    runs = {}
    for no, (training, validation, training_loss, validation_loss) in rows.items():
        run = {
            "training_loss": training_loss,
            "training_accuracy": training,
            "validation_accuracy": validation[-1],
            "training_sample_loss": training_loss,
            "training_sample_accuracy_by_epoch": [training - 0.02, training - 0.01, training],
            "validation_loss": validation_loss,
            "validation_accuracy_by_epoch": validation,
        }
        runs[no] = {"torch": dict(run), "manual": dict(run)}
    return runs
