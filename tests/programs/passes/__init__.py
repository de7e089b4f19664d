"""Backward passes as students write them, wrong and right, each in a style of its own."""

import inspect


def says(*patterns):
    """Mark a wrong pass: its diagnosis must match each of these regular expressions."""

    def mark(backward):
        backward.must_say = patterns
        return backward

    return mark


def wrong_passes(*modules):
    """By name, the passes of these modules that `says` marks."""
    functions = {name: value for module in modules for name, value in vars(module).items()}
    return {name: value for name, value in functions.items() if hasattr(value, "must_say")}


def right_passes(*modules):
    """By name, the passes that these modules define."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if callable(value) and value.__module__ == module.__name__ and not inspect.isclass(value)
    }
