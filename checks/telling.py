"""The layout of messages."""

import textwrap


def wrapped(text, indent=12, first=None):
    """At most six lines of at most 100 characters; `first` indents the first one otherwise."""
    margins = (" " * (indent if first is None else first), " " * indent)
    return textwrap.wrap(
        text,
        100,
        initial_indent=margins[0],
        subsequent_indent=margins[1],
        break_on_hyphens=False,
    )[:6]
