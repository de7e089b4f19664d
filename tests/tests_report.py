"""report.md, README.md and report.pdf: what stands there is what the results make of it."""

import functools
import hashlib
import json
import operator
import re
from itertools import pairwise

from support import ROOT
from support.files import made_from
from support.report import DOCUMENTS, AssumptionFailed, Folder, make_pdf, render, unfit

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


def test_each_digit_of_the_sources_has_a_fingerprint():
    """results/SHA256SUMS names each file that the report is made from, but for the timings."""
    rendered("report.md")
    sources = {*ROOT.glob("results/*.json"), *ROOT.glob("data/*.json")}
    wanted = {
        path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sources - {ROOT / "results" / "bench.json"}
    }
    lines = (ROOT / "results" / "SHA256SUMS").read_text().splitlines()
    saved = {path: digest for digest, path in (line.split("  ") for line in lines)}
    assert saved == wanted, "`python -m support.report` writes it anew"


@pytest.mark.parametrize("key", ["losses_equal", "losses", "accuracies_equal"])
def test_readme_claims_the_log_only_where_every_number_is_equal(key):
    rendered("README.md")
    results = Folder(ROOT / "results")
    results["replays"]["replay"]["handout"][key] += 1
    with pytest.raises(AssumptionFailed, match="the course's log"):
        render("README.md", results=results)


@pytest.mark.parametrize(
    "keys, value, told",
    [
        (("instances", 2, "momentum"), 0.5, r"luck.json .*No 3 was .* make experiments/luck"),
        (("instances", 3, "momentum"), 0.5, None),  # No 4 was not asked for
        (("instances", 2, "no"), 12, "luck.json .*No 3 was .* and is None"),
        (("global", "epochs"), 20, "luck.json .*epochs was 30 and is 20"),
        (("selected", "no"), 3, r"luck.json .*selected was \d and is 3"),
        (("classes",), {"bird": 2, "airplane": 0}, r"is of .*'bird', 2.*, and the texts .*plane"),
        (("classes",), {"cat": 3, "automobile": 1}, "gradient_descent.json is of .*cat"),
    ],
)
def test_outdated_results_and_those_of_other_classes_are_told(part2, keys, value, told):
    """What an experiment took from part 2 must be there still, for report and README."""
    results = Folder(ROOT / "results")
    own = results["gradient_descent"]
    for values in results.values():
        values.pop("made_from", None)
    taken = made_from(part2, 1, 3) | {"selected": own["selected"]["no"]}
    results["luck"]["made_from"] = json.loads(json.dumps(taken))
    assert list(unfit(results)) == []
    entry = functools.reduce(operator.getitem, keys[:-1], own)
    entry[keys[-1]] = value
    assert bool(list(unfit(results))) == bool(told)
    for name in DOCUMENTS if told else ():
        with pytest.raises(AssumptionFailed, match=told):
            render(name, results=results)


def test_sentences_follow_the_verdicts():
    """Whatever a study found, the report can tell it."""
    rendered("report.md")
    texts, count = set(), 0
    for verdict in ("holds", "does not hold", "open"):
        results = Folder(ROOT / "results")
        for values in results.values():
            for study in values.get("studies", {}).values():
                study["verdict"], count = verdict, count + 1
        texts.add(render("report.md", results=results))
    assert len(texts) == (3 if count else 1)


@pytest.mark.parametrize("others", [[], ["luck"], ["luck", "stability"]])
def test_report_names_each_machine(others):
    rendered("report.md")
    results = Folder(ROOT / "results")
    one = results["gradient_descent"]["environment"]
    for name, values in results.items():
        values["environment"] = one | {"cpu_capability": "AVX2" if name in others else "NEON"}
    text = render("report.md", results=results)
    sentence = re.search("The numbers come from.*double precision", text)[0]
    files = " and ".join(f"`results/{name}.json`" for name in others)
    assert sentence.count("capability NEON") == 1
    assert sentence.count(f"those in {files} from torch") == bool(others)
    assert sentence.count("capability AVX2") == bool(others)


MAY_HAVE_DIGITS = (
    r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}",  # the template's own language
    r"```.*?```|`[^`\n]*`|^ {4}.*?$",  # code
    r"\[[^\]\n]*\]\(\S+\)",  # links
    r"\$\$.*?\$\$|\$[^$\n]+\$",  # formulas
    r"\b(No|tasks?|sections?|[Pp]art|project) \d+((, | and | to )\d+)*",  # names
    r"\bCIFAR-10H?\b|\bINF265\b|\bL2\b|\bPython 3\.11\b|\b95% interval",
    r"\b(19|20)\d\d\b",  # years
    r"^\d\. ",  # a numbered list
)


def typed_digits(template):
    """The lines of a template with digits outside code, formulas, links and names."""
    for pattern in MAY_HAVE_DIGITS:
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
    lines = [line for line in (ROOT / "report.md").read_text("utf-8").splitlines() if line]
    captions = [(i, line) for i, line in enumerate(lines) if line.startswith(f"*{kind} ")]
    for number, (i, caption) in enumerate(captions, start=1):
        assert caption.startswith(f"*{kind} {number}. ") and lines[i - 1].startswith(mark), caption
        assert any(re.search(rf"{kind} {number}\b", line) for line in lines if line != caption)
    starts = [line.startswith(mark) and above[0] != "|" for above, line in pairwise(lines)]
    assert len(captions) == sum(starts) > 5
