"""report.md, README.md and report.pdf: what stands there is what the results make of it.

The sentences hold no typed digits; figures and tables are numbered.
"""

import functools
import hashlib
import re

from support import ROOT
from support.report import DOCUMENTS, AssumptionFailed, make_pdf, read_folder, render

import pytest


@functools.cache
def rendered(name):
    """What a template makes of this tree's results; a skip where its sentences do not hold."""
    try:
        return render(name)
    except AssumptionFailed as failed:
        pytest.skip(f"{name}: {failed}")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_what_the_results_make(name):
    saved = (ROOT / name).read_bytes().decode()
    wanted = rendered(name).split("\n")
    assert saved.split("\n") == wanted, "`python -m support.report` renders it anew"
    assert "<!--" not in saved, "nothing that a reader does not see"


def test_pdf_is_what_the_report_makes():
    same = make_pdf(rendered("report.md")) == (ROOT / "report.pdf").read_bytes()
    assert same, "`python -m support.report` renders report.pdf anew"


def test_each_digit_of_the_sources_stands_behind_the_report():
    """It holds a fingerprint of each file that it is made from, but for the timings."""
    text = rendered("report.md")
    for path in (*ROOT.glob("results/*.json"), *ROOT.glob("data/*.json")):
        fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
        assert (f"{path.name}` {fingerprint}" in text) == (path.stem != "bench"), path.name


@pytest.mark.parametrize("key", ["losses_equal", "losses", "accuracies_equal"])
def test_readme_claims_the_log_only_where_every_number_is_equal(key):
    rendered("README.md")
    results = read_folder(ROOT / "results")
    results["replays"]["replay"]["handout"][key] += 1
    with pytest.raises(AssumptionFailed, match="the course's log"):
        render("README.md", results=results)


@pytest.mark.parametrize("others", [[], ["luck"], ["luck", "stability"]])
def test_report_names_each_machine(others):
    rendered("report.md")
    results = read_folder(ROOT / "results")
    one = results["gradient_descent"]["environment"]
    for name, values in results.items():
        values["environment"] = one | {"rounding": "other" if name in others else "here"}
    text = render("report.md", results=results)
    sentence = re.search("The numbers come from.*double precision", text)[0]
    files = " and ".join(f"`results/{name}.json`" for name in others)
    assert sentence.count("rounding `here`") == 1
    assert sentence.count(f"those in {files} from torch") == bool(others)
    assert sentence.count("`other`") == bool(others)


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
