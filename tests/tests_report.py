"""Report and README quote the results."""

import contextlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cogapp import Cog
from cogapp.cogapp import CogError

from checks.planted_gradients import PLANTED_BUGS
from checks.planted_updates import PLANTED_STEPS
from checks.updates import SWITCHES
from support import ROOT

RESULTS = ("gradient_descent", "experiments", "backpropagation")
COG_BLOCK = re.compile(r"<!--\[\[\[cog.*?<!--\[\[\[end\]\]\]-->", re.DOTALL)
SOURCED = re.compile(r"<!--(\w+)\.(.*?) (\S*)-->")  # where a number in a sentence comes from
CODE_AND_LINKS = re.compile(r"```.*?```|^ {4}.*?$|`[^`\n]*`|\]\([^)]*\)", re.DOTALL | re.MULTILINE)
NOT_MEASURED = re.compile(  # names, the assignment's own numbers, formulas, rough costs
    r"No \d+(?:(?:,| to| and) \d+)*|[Pp]art [12]|[Tt]asks? \d+(?: to \d+)?|CIFAR-10H?|INF265"
    r"|SHA-256|L2|95% interval|Python 3\.11|seed 265|8,000|2,000|batches of 256"
    r"|3072 → 512 → 128 → 32 → 2|[Ii]n 30 epochs|, 30 epochs|[Ff]or 20 steps|decay of 0\.01"
    r"|rate of 0\.1 |condition number of 100|\b2h\b|λ/2|1?/\(1 [−+] μ\)|within 1e-7 of the gradient"
    r"|exp\(−960ηλ/\(1 − μ\)\): about 0\.4|than 0\.01 apart|1 − ηλ|2\(1 \+ μ\)/η|ε = 2\.2e-16"
    r"|which is 6e-6|about \d+ minutes|\d+ [GM]B"
)


def read_sources(root):
    """Return everything that report and README may quote: the JSON files, counts of the tests."""
    files = [root / "results" / f"{name}.json" for name in RESULTS]
    files += [root / "published_runs.json", root / "quoted_facts.json"]
    names = ("assignment", "experiments", "backpropagation", "published", "quoted")
    sources = {n: json.loads(f.read_text()) for n, f in zip(names, files, strict=True)}
    student = sources["experiments"]["replay"]["student"]
    calm = [run for run in student.values() if run.get("accuracies_equal") == 2]
    weak_checks = sources["backpropagation"]["weak_checks"]
    pins = (root / "requirements.txt").read_text()
    sources["tests"] = {
        "versions": dict(line.split("==") for line in pins.splitlines() if "==" in line),
        "planted_gradients": len(PLANTED_BUGS),
        "planted_optimizers": len(PLANTED_STEPS),
        "optimizer_switches": len(SWITCHES),
        "weak_checks": sum(check["weak_check"] == "accepted" for check in weak_checks),
        "student_instances": len(student) - 1,  # one key is the selected instance
        "student_calm": len(calm),
        "student_drifting": len(student) - 1 - len(calm),
    }
    return sources


def look_up(sources, name, path):
    """Return the value at a path such as "instances.0.no" in a source; raises LookupError."""
    value = sources[name]
    for key in path.split("."):
        value = value[int(key) if isinstance(value, list) else key]
    return value


def document_problems(root, name):
    """Yield what is wrong with the numbers of report.md or README.md below `root`.

    A table comes from a cog block, which is run again. A number in a sentence is followed by an
    HTML comment with its source and format, such as <!--assignment.selected.no d-->. Any other
    number must be one of those that nobody measured.
    """
    text, sources = (root / name).read_text(encoding="utf-8"), read_sources(root)
    cog = Cog()
    cog.options.print_output = True
    try:
        with contextlib.chdir(root):
            made_anew = cog.process_string(text)
    except CogError as error:
        made_anew = f"{error}"
    if made_anew != text:
        yield f"{name}: a table is not that of the results; `cog -rP {name}` makes it anew"
    text = COG_BLOCK.sub("", text)
    prose, end = "", 0
    for match in SOURCED.finditer(text):
        source, path, form = match.groups()
        value = look_up(sources, source, path)
        number = format(float(value) if form and isinstance(value, str) else value, form)
        prose, end = prose + text[end : match.start()], match.end()
        if not re.search(rf"(?<![\d.,-]){re.escape(number)}$", prose):
            yield f"{name}: ...{prose[-50:]!r} should end with {number}, which is {source}.{path}"
        prose = prose.removesuffix(number)
    prose = NOT_MEASURED.sub("", CODE_AND_LINKS.sub("", prose + text[end:]))
    for match in re.finditer(r"\d", prose):
        yield f"{name}: a number without a source: {prose[match.start() - 40 : match.end() + 20]!r}"


@pytest.fixture(scope="module")
def documents():
    """The tree's root; a skip where results/ come from another kind of machine than the report."""
    text = (ROOT / "report.md").read_text(encoding="utf-8")
    pattern = r"torch (\S+) on a (\S+) \(capability (\S+), (\d+) threads, rounding `(\S+)`\)"
    named = re.search(pattern, text).groups()
    for name in RESULTS:
        environment = json.loads((ROOT / "results" / f"{name}.json").read_text())["environment"]
        keys = ("torch", "device", "cpu_capability", "threads", "rounding")
        measured = tuple(str(environment[key]) for key in keys)
        if named != measured:
            pytest.skip(f"the report's numbers come from {named}, results/{name} from {measured}")
    return ROOT


@pytest.fixture
def documents_copy(documents, tmp_path):
    """A folder with what report and README are made from."""
    files = ("report.md", "README.md", "published_runs.json", "quoted_facts.json")
    for name in (*files, "requirements.txt"):
        shutil.copy(documents / name, tmp_path)
    shutil.copytree(documents / "results", tmp_path / "results")
    return tmp_path


@pytest.mark.parametrize("name", ["report.md", "README.md"])
def test_report_quotes_the_results(documents, name):
    assert list(document_problems(documents, name)) == []


def other_digit(text, position):
    """The text with the digit at `position` raised by one, 9 to 0."""
    digit = (int(text[position]) + 1) % 10
    return f"{text[:position]}{digit}{text[position + 1 :]}"


def hidden(text):
    """The places in a document that show no number: comments, code, addresses."""
    patterns = (r"<!--.*?-->", CODE_AND_LINKS.pattern)
    spans = [m.span() for p in patterns for m in re.finditer(p, text, re.DOTALL | re.MULTILINE)]
    return {position for start, end in spans for position in range(start, end)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["report.md", "README.md"])
def test_report_check_notices_every_digit(documents_copy, name):
    """Each digit that a reader sees, changed in turn; those of instances' names left out."""
    path = documents_copy / name
    text = path.read_text(encoding="utf-8")
    skipped = hidden(text) | {
        i
        for m in NOT_MEASURED.finditer(COG_BLOCK.sub(lambda b: " " * len(b[0]), text))
        for i in range(*m.span())
    }
    digits = [m.start() for m in re.finditer(r"[0-9]", text) if m.start() not in skipped]
    assert len(digits) > (500 if name == "report.md" else 5)
    for position in digits:
        path.write_text(other_digit(text, position), encoding="utf-8")
        assert any(document_problems(documents_copy, name)), text[position - 60 : position + 9]


@pytest.mark.parametrize(
    "source",
    [f"results/{name}.json" for name in RESULTS] + ["published_runs.json", "quoted_facts.json"],
)
def test_report_check_notices_a_changed_result(documents_copy, source):
    """Digits here and there in the files that the report quotes, the last of a number included."""
    path = documents_copy / source
    text = path.read_text()
    digits = [m.start() for m in re.finditer(r"\d", text)]
    for position in digits[:: max(1, len(digits) // 40)]:
        path.write_text(other_digit(text, position))
        try:
            problems = list(document_problems(documents_copy, "report.md"))
        except (LookupError, ValueError):
            continue  # the change made another name, or no JSON: noticed, too
        assert problems, text[position - 60 : position + 9]


def test_report_becomes_a_pdf(tmp_path):
    """`make report` in this environment: PDF/UA, which refuses a picture without a description."""
    if shutil.which("make") is None:
        pytest.skip("there is no make")
    target, environment = tmp_path / "report.pdf", f"VENV_BIN={Path(sys.executable).parent}"
    command = ["make", "-o", ".venv/installed", environment, f"REPORT={target}", "report"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert target.read_bytes().startswith(b"%PDF")


def test_readme_example_runs(monkeypatch, capsys):
    """The ten lines that check somebody's own backward pass; and they can fail."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(example, {})
    assert "main_test: 12 of 12 checks passed" in capsys.readouterr().out
    with pytest.raises(AssertionError):
        exec(example.replace("2 * (y_pred", "(y_pred"), {})
    assert "FAILED  against autograd" in capsys.readouterr().out
