"""All layout of messages: a difference in words, the student's own line, lines of 100 columns."""

import inspect
import linecache
import textwrap
import traceback
from pathlib import Path

HERE = Path(__file__).parent
OURS = (HERE, HERE.parent / "support")


def lines_of(difference, digits=6):
    """A difference in lines: the case, what is wrong, the size of the error."""
    d = difference
    lines = [str(d.case)] if d.case is not None else []
    if d.ours is None:
        return [*lines, d.words]
    index = d.index if isinstance(d.index, str) else list(d.index)
    numbers = f"{d.ours:.{digits}g} but {d.source} gives {d.other:.{digits}g}"
    error = d.words or f"relative error {d.error:.1e}, allowed {d.allowed:.0e}"
    return [*lines, f"{d.name}{index} is {numbers}", error]


def is_own_code(filename):
    """True for a file or a cell that is not of checks/, of support/ or of a library."""
    path = Path(filename)
    library = {"site-packages", "dist-packages"} & set(path.parts)
    standard = path.parent == Path(inspect.__file__).parent
    return not (library or standard or path.parent in OURS or filename.startswith("<frozen"))


def own_line(error):
    """Where in the student's own code it happened: 'line 7 of file.py: the line itself'."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if is_own_code(f.filename)]
    if not frames:
        return ""
    last = frames[-1]
    in_cell = "ipykernel" in last.filename or last.filename.startswith("<")
    place = "the notebook's cell" if in_cell else Path(last.filename).name
    source = last.line or linecache.getline(last.filename, last.lineno).strip()
    return f"line {last.lineno} of {place}: {source}"


def in_one_line(error):
    """The kind of an exception and the first line of what it says."""
    return f"{type(error).__name__}: {error}".strip().partition("\n")[0]


def hint_for(error):
    """What an exception of the pass means, where it is known; else an empty text."""
    text = str(error)
    if "functorch" in text:
        return "the pass differentiates with torch.func: write the derivatives by hand"
    if isinstance(error, KeyError) and text.strip("'").lstrip("-").isdigit():
        return f"KeyError: {text}, but layers are numbered 1 to L, and a[0] is the input"
    return ""


def raised_by_pass(error, case):
    """An exception of the pass: what it means or says, the student's own line, the case."""
    return f"{hint_for(error) or in_one_line(error)}\n{own_line(error)}\n{case}"


def wrapped(text, indent=12, first=None):
    """Lines of at most 100 columns, six a paragraph; `first` indents the first one otherwise."""
    begin, then = " " * (indent if first is None else first), " " * indent
    wrap = textwrap.TextWrapper(
        100, initial_indent=begin, subsequent_indent=then, break_on_hyphens=False, max_lines=6
    )
    return [line for part in text.split("\n") for line in wrap.wrap(part)]


def of_checks(results, verbose):
    """A line for each check, and below it what is wrong, once for each cause."""
    causes = [result.problems[0].cause for result in results if result.problems]
    lines, told_below = [], shown(results)
    for result in results:
        lines.append(f"    {'FAILED' if result.problems else 'ok    '}  {result.check.title}")
        lines += [f"{'':12}{line}" for line in result.lines if verbose]
        for problem in result.problems[:1]:
            if problem in told_below:
                told = lines_of(problem.difference, 17 if verbose else 6)
                others = causes.count(problem.cause) - 1
                if others:
                    told.append(f"and likewise in {others} more check{'s' * (others > 1)}")
                lines += wrapped("\n".join(told))
    return lines


def shown(results):
    """The problems that are told: the first of each cause."""
    first = [result.problems[0] for result in results if result.problems]
    return list({problem.cause: problem for problem in reversed(first)}.values())


def of_remarks(remarks):
    """A title, and the reason below it, for each pair of them."""
    return [line for title, why in remarks for line in (f"    remark  {title}", *wrapped(why))]


def of_mistake(mistake, words="{}", look="look at: {}", first=8, then=12):
    """Lines that name a mistake: what it is, where to look, and what may stand there."""
    lines = wrapped(words.format(mistake.words), 8, first)
    lines += wrapped(look.format(mistake.look), 12, then)
    shown = f"yours may read: {mistake.shown}"
    return lines + wrapped(shown, 12, then) if mistake.shown else lines


def looks_like(mistakes):
    """A diagnosis of at most three mistakes in lines; none where no mistake is known."""
    several = "two mistakes at once" if mistakes and mistakes[0].at_once else "one of these"
    lines = [f"    It looks like{f' {several}' if mistakes[1:] else ''}:"] if mistakes else []
    return lines + [line for mistake in mistakes[:3] for line in of_mistake(mistake)]


def unknown(result):
    """What to do where no mistake is known: where numbers differ first, from the output down."""
    numbers = [p.difference for p in result.problems if p.difference.name.startswith("dL_d")]
    if not numbers:
        return []
    name, layer = numbers[0].name, int(numbers[0].name[6:-1])
    words = f"No mistake known here gives these numbers. From the output down, {name} differs first"
    if name.startswith("dL_db"):
        words += f": print dL_dz of layer {layer}, and the dL_da that it is made of."
    else:
        words += f", and dL_db[{layer}] is right: print a[{layer - 1}], "
        words += "and the shapes of the product."
    return wrapped(words, 8, 4)


def printed_first(text):
    """The first lines of what a pass printed, in lines."""
    lines = text.splitlines()
    if not lines:
        return []
    head = f"    the pass printed {len(lines):,} lines in all these calls, the first:"
    return [head, *(f"{'':12}{line[:88]}" for line in lines[:3])]
