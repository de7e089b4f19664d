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
    look = f"Look at: {look or mistake.look}"
    look += f"; yours may read: {shown(mistake)}" if shown(mistake) else "."
    return wrapped(f"The mistake: {mistake.words}.", 8, 4) + wrapped(look, 12, 8)
