"""report.pdf: formulas in words, contents with pages, heads above heads, whole addresses."""

import json
import re
import shutil

from support import ROOT
from support.report import make_pdf, typst_markup

import pytest


@pytest.fixture
def root(tmp_path):
    """A folder with the report's style and filter."""
    shutil.copytree(ROOT / "report", tmp_path / "report")
    return tmp_path


def test_formula_has_words_of_its_own(root):
    text = "# Title\n\nHere $\\frac{\\eta}{1 - \\mu}$ and\n\n$$\na^2\n$$\n\n| $b$ |\n|--|\n| 1 |\n"
    text += "\n$7 \\cdot 10^{-11}$ and $10^{9}$\n"
    words = root / "report" / "formulas.json"
    words.write_text(json.dumps({r"\frac{\eta}{1 - \mu}": 'eta "over" \\', "b": "b in words"}))
    with pytest.raises(RuntimeError, match=r"the formula a\^2 has no words"):
        make_pdf(text, root)
    words.write_text(json.dumps(json.loads(words.read_text()) | {"a^2": "a squared"}))
    markup = typst_markup(text, root)
    alternatives = re.findall(r'alt: "(.*)"\);(\$ ?)', markup)
    assert alternatives[:3] == [(r"eta \"over\" \\", "$"), ("a squared", "$ "), ("b in words", "$")]
    assert alternatives[3][0] == "7 times 10 to the power -11"
    assert alternatives[4][0] == "10 to the power 9"
    assert make_pdf(text, root).startswith(b"%PDF")


PARAGRAPHS = (
    "# Title",
    "**In short:**",
    "* [B](#b): yes",
    "## B",
    "| No | loss: first | loss: last |\n|---:|---:|---:|\n| 1 | 2 | 3 |",
    "It leads to",
    r"$$(1) \quad a^2$$",
    "and to [code](part.ipynb), [a place](https://example.org):",
    "```python\n1\n```",
    "These are two:",
    "* one\n* two",
    "A long table floats, and what speaks of it stays:",
    "| No |\n|---:|" + 9 * "\n| 1 |",
    "*Table 2. Long.*\n",
)
LAID_OUT = "\n\n".join(PARAGRAPHS)


def test_the_pdf_has_what_markdown_has_not(root, monkeypatch):
    (root / "report" / "formulas.json").write_text(json.dumps({r"(1) \quad a^2": "a squared"}))
    markup = typst_markup(LAID_OUT, root)
    assert '#link("part.ipynb")' in markup, "beside the PDF"
    monkeypatch.setattr("support.report.REPOSITORY", "https://example.org/mine")
    markup = typst_markup(LAID_OUT, root)
    assert '#link("https://example.org/mine/blob/main/part.ipynb")' in markup
    assert '#link("https://example.org")[a place]' in markup
    answers = r"#answers\[\s+#strong\[In short:\]\s+#link\(<b>\)\[B\]: yes#pageof\(<b>\)"
    assert re.search(answers, markup)
    assert re.search(r"colspan: 2.*\[loss\].*\[first\], \[last\]", markup, re.DOTALL)
    assert re.search(r"#leadin\[\s+It leads to\s+\].*numbering: _ => \[\(1\)\]", markup, re.DOTALL)
    assert re.search(r"#leadin\[\s+and to .*\]\s+```python", markup, re.DOTALL)
    assert re.search(r"#leadin\[\s+These are two:\s+\]\s+- one", markup)
    assert re.search(r"\s{2}A long table floats, .* stays:\s+#floating\[", markup)
    assert make_pdf(LAID_OUT, root).startswith(b"%PDF")
