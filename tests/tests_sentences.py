"""The sentences of report and README: no typed digits; numbered figures and tables."""

import re

from support import ROOT
from support.report import DOCUMENTS

import pytest

# What may have digits of its own: code, links, formulas, expressions, and names.
NOT_TEXT = (
    r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}",  # the template's own language
    r"```.*?```|`[^`\n]*`|^ {4}.*?$",  # code
    r"\[[^\]\n]*\]\(\S+\)",  # links
    r"\$\$.*?\$\$|\$[^$\n]+\$",  # formulas
)
NAMES = (
    r"\b(No|tasks?|sections?|[Pp]art|project) \d+((, | and | to )\d+)*",
    r"\bCIFAR-10H?\b|\bINF265\b|\bL2\b|\bPython 3\.11\b|\b95% interval",
    r"\b(19|20)\d\d\b",  # years
    r"^\d\. ",  # a numbered list
)


def typed_digits(template):
    """The lines of a template with digits outside code, formulas, links and names."""
    for pattern in (*NOT_TEXT, *NAMES):
        template = re.sub(pattern, "", template, flags=re.DOTALL | re.MULTILINE)
    return [line for line in template.splitlines() if re.search(r"\d", line)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_number_is_typed(name):
    """Numbers come from results/ and data/; a text in braces may not smuggle one in."""
    template = (ROOT / "report" / f"{name}.jinja").read_text("utf-8")
    assert typed_digits(template) == []
    assert not re.search(r"""\{\{\s*["'][^"']*\d""", template)


def test_typed_digit_is_noticed():
    lines = ["It is 86% right.", "| 3 |", "in 30 epochs", "No 4 has 0.01"]
    assert len(typed_digits("\n".join(["No 4, 5 and 6 (task 8).", *lines]))) == len(lines)


@pytest.mark.parametrize("kind, mark", [("Figure", "!["), ("Table", "| ")])
def test_numbered_in_order_and_referred_to(kind, mark):
    """Each has a caption with its number, right after it, and a sentence that speaks of it."""
    lines = [line for line in (ROOT / "report.md").read_text("utf-8").splitlines() if line]
    captions = [(i, line) for i, line in enumerate(lines) if line.startswith(f"*{kind} ")]
    for number, (i, caption) in enumerate(captions, start=1):
        assert caption.startswith(f"*{kind} {number}. ") and lines[i - 1].startswith(mark), caption
        assert any(re.search(rf"{kind} {number}\b", line) for line in lines if line != caption)
    starts = [
        i for i, line in enumerate(lines) if line.startswith(mark) and not lines[i - 1][:1] == "|"
    ]
    assert len(captions) == len(starts) > 5
