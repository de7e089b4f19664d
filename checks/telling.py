"""The layout of messages."""

import textwrap


def wrapped(text, indent=12, first=None):
    """At most six lines of at most 100 characters; `first` indents the first one otherwise."""
    begin, then = " " * (indent if first is None else first), " " * indent
    return textwrap.wrap(
        text, 100, initial_indent=begin, subsequent_indent=then, break_on_hyphens=False
    )[:6]


def shown(mistake):
    """The wrong lines of a mistake in one; "" where lines are left out, or nothing is a line."""
    parts = mistake.wrong.replace("\n   ", "").split("; ")
    return "; ".join(part for part in parts if part != "pass")


def naming(mistake, look=None):
    """Lines that name a mistake: what it is, where to look, and what may stand there."""
    lines = wrapped(f"The mistake: {mistake.words}.", 8, 4)
    lines += wrapped(f"Look at: {look or mistake.look}", 12, 8)
    wrong = shown(mistake)
    return lines + wrapped(f"yours may read: {wrong}", 12, 8) if wrong else lines
