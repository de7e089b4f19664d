"""The wrong and right solutions of all open tasks of part 2; see tasks/__init__.py."""

from importlib import import_module

from tests.programs.tasks import TASKS

MODULES = [import_module(f"tests.programs.tasks.{cell}") for cell in TASKS]
ALL_WRONG = {name: program for module in MODULES for name, program in module.WRONG.items()}
ALL_RIGHT = {name: program for module in MODULES for name, program in module.RIGHT.items()}
