"""The wrong and right solutions of all open tasks of part 2; see tasks.py."""

from tests.programs import (
    tasks_evaluation,
    tasks_images,
    tasks_manual,
    tasks_measures,
    tasks_net,
    tasks_split,
    tasks_steps,
    tasks_training,
)

MODULES = (
    tasks_images,
    tasks_split,
    tasks_net,
    tasks_training,
    tasks_steps,
    tasks_manual,
    tasks_measures,
    tasks_evaluation,
)
ALL_WRONG = {name: program for module in MODULES for name, program in module.WRONG.items()}
ALL_RIGHT = {name: program for module in MODULES for name, program in module.RIGHT.items()}
