"""report.md, README.md and report.pdf: what stands there is what the results make of it."""

import json
import re
import shutil
from itertools import zip_longest

import pytest
from jinja2 import UndefinedError

from support import ROOT
from support.report import DOCUMENTS, AssumptionFailed, make_pdf, render

SOURCES = [p for p in sorted(ROOT.glob("results/*.json")) if p.stem != "bench"]
SOURCES += sorted(ROOT.glob("data/*.json"))


def stale_line(name, root=ROOT):
    """The first line of a document that is not what its template makes now, None if all are."""
    lines = (root / name).read_bytes().split(b"\n"), render(name, root).encode().split(b"\n")
    return next((old for old, new in zip_longest(*lines, fillvalue=b"(end)") if old != new), None)


def render_or_skip(name):
    """What a template makes of this tree's results; a skip where its sentences do not hold."""
    try:
        return render(name)
    except AssumptionFailed as failed:
        pytest.skip(f"{name}: {failed}")


@pytest.fixture
def tree(tmp_path):
    """A copy of what is rendered, and of what it is rendered from."""
    for folder in ("report", "results"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / "data").mkdir()
    notebooks = ("backpropagation.ipynb", "gradient_descent.ipynb")  # excerpts of their code
    others = (*DOCUMENTS, *notebooks, "requirements.txt", *(f"data/{p.name}" for p in SOURCES))
    for name in others:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_what_the_results_make(name):
    render_or_skip(name)
    assert stale_line(name) is None, "`python -m support.report` renders it anew"
    assert b"<!--" not in (ROOT / name).read_bytes(), "nothing that a reader does not see"


def test_pdf_is_what_the_report_makes():
    text = render_or_skip("report.md")
    same = make_pdf(text) == (ROOT / "report.pdf").read_bytes()
    assert same, "`python -m support.report` renders report.pdf anew"


def other_digit(text, position):
    """The text with the digit at `position` raised by one, 9 to 0."""
    return f"{text[:position]}{(int(text[position]) + 1) % 10}{text[position + 1 :]}"


def some_digits(text, count=40):
    """The places of about `count` digits, the first of all included."""
    digits = [m.start() for m in re.finditer("[0-9]", text)]
    return digits[:: max(1, len(digits) // count)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_changed_digit_in_a_document_is_noticed(name, tree):
    text = render_or_skip(name)
    for position in some_digits(text):
        (tree / name).write_bytes(other_digit(text, position).encode())
        assert stale_line(name, tree) is not None, text[position - 60 : position + 9]


@pytest.mark.parametrize("source", [str(p.relative_to(ROOT).as_posix()) for p in SOURCES])
def test_changed_digit_in_a_result_is_noticed(source, tree):
    """Digits here and there in each file that the report quotes; or the report refuses them."""
    render_or_skip("report.md")
    text = (tree / source).read_text("utf-8")
    for position in some_digits(text):
        (tree / source).write_text(other_digit(text, position), "utf-8")
        try:
            assert stale_line("report.md", tree) is not None, text[position - 60 : position + 9]
        except (AssumptionFailed, UndefinedError, LookupError, TypeError, ValueError):
            continue  # a sentence that does not hold, another name, or no JSON: noticed, too


@pytest.mark.parametrize("key", ["losses_equal", "losses", "accuracies_equal"])
def test_changed_number_in_readme_is_noticed(key, tree):
    """README quotes replays.json without a fingerprint."""
    render_or_skip("README.md")
    path = tree / "results" / "replays.json"
    results = json.loads(path.read_text())
    results["replay"]["handout"][key] += 1
    path.write_text(json.dumps(results))
    with pytest.raises(AssumptionFailed, match="the course's log"):
        stale_line("README.md", tree)


@pytest.mark.parametrize("others", [[], ["luck"], ["luck", "stability"]])
def test_report_names_each_machine(others, tree):
    render_or_skip("report.md")
    one = json.loads((tree / "results" / "gradient_descent.json").read_text())["environment"]
    for path in (tree / "results").glob("*.json"):
        values = json.loads(path.read_text())
        if "environment" in values:
            values["environment"] = one | {"rounding": "other" if path.stem in others else "here"}
            path.write_text(json.dumps(values))
    sentence = re.search("The numbers come from.*double precision", render("report.md", tree))[0]
    assert sentence.count("rounding `here`") == 1
    files = " and ".join(f"`results/{name}.json`" for name in others)
    assert (
        sentence.count(f"those in {files} from torch") == sentence.count("`other`") == bool(others)
    )


def said_in_readme(out, first_words):
    """The indented lines of README that begin with these words; each must stand in the output."""
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(rf"^    {first_words}.*?(?=\n\n)", text, re.DOTALL | re.MULTILINE)[0]
    lines = [line.strip() for line in block.splitlines()]
    assert lines and all(line in out for line in lines), (lines, out)


@pytest.mark.parametrize(
    "place, first_words, mistake, repaired",
    [
        (0, "It looks like:", "model.df[l](model.a[l])", "model.df[l](model.z[l])"),
        (
            1,
            "The mistake:",
            "+ p.grad\n                    p -= learning_rate * (velocity[i] + weight_decay * p)",
            "+ (p.grad + weight_decay * p)\n                    p -= learning_rate * velocity[i]",
        ),
    ],
    ids=["main_test", "sgd_test"],
)
def test_readme_example_names_the_mistake(
    place, first_words, mistake, repaired, monkeypatch, capsys
):
    """What README shows is printed; with the line mended, every check passes."""
    text = (ROOT / "README.md").read_text("utf-8")
    example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[place]
    monkeypatch.chdir(ROOT)
    exec(example, {})
    said_in_readme(capsys.readouterr().out, first_words)
    assert mistake in example
    exec(example.replace(mistake, repaired), {})
    assert re.search(r"_test: (\d+) of \1 checks passed", capsys.readouterr().out)
