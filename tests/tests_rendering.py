"""The rendering: what a template may say, what stops it, and the summary of a run."""

import json
import shutil

from support import ROOT
from support.files import read_json
from support.report import make_pdf, read_result, render, summary, write_all

import pytest

from tests.helpers.notebooks import small_notebook
from tests.helpers.processes import run_python


@pytest.fixture
def root(tmp_path):
    """A folder with little to render, and the report's real style and formulas' filter."""
    shutil.copytree(ROOT / "report", tmp_path / "report")
    for folder in ("results", "data"):
        (tmp_path / folder).mkdir()
    values = {"values": 0.25, "No 8, single": [1e-5, None], "yes": True, "big": 12345, "text": "7"}
    (tmp_path / "results" / "x.json").write_text(json.dumps(values))
    return tmp_path


def rendered(root, template):
    """What support.report makes of a text in the place of report.md's template."""
    (root / "report" / "report.md.jinja").write_text(template)
    return render("report.md", root)


@pytest.mark.parametrize(
    "text, wanted",
    [
        ("{{ results.x.values | percent(1) }}", "25.0%"),
        ("{{ results.x['No 8, single'][0] | scientific }}", "1e-05"),
        ("{{ results.x['No 8, single'].0 | short }}", "1e-05"),
        ("{{ results.x['No 8, single'].0 | power }}", "$10^{-5}$"),
        ("{{ results.x['No 8, single'].0 | power(1) }}", r"$1.0 \cdot 10^{-5}$"),
        ("{{ results.x.values | power(1) }}", "0.25"),
        ("{{ results.x['No 8, single'][-1] | power }}", "NaN"),
        ("{{ results.x['No 8, single'][-1] | fixed(2) }}", "NaN"),
        ("{{ results.x['No 8, single'][-1] }}", "NaN"),
        ("{{ results.x.big | thousands }}", "12,345"),
        ("{{ results.x.text | number | fixed(1) }}", "7.0"),
        ("{{ [1, 2, 3] | listing }}; {{ [1] | listing }}", "1, 2 and 3; 1"),
        ("{{ wilson_interval(0.8195, 2000)[0] | percent(1) }}", "80.2%"),
        ("{{ mean_interval([1, 2, 3])[2] | fixed(2) }}", "4.48"),
        ("{{ assume(results.x.yes, 'it holds') -}}\n{{ results.x.big }}", "12345"),
    ],
)
def test_template_prints(root, text, wanted):
    assert rendered(root, text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "{{ results.y }}",
        "{{ assume(results.x.keys, 'a method of a dictionary is no key') }}",
        "{{ assume(results.x['items'], 'nor here') }}",
        "{{ results.x['No 8, single'][2] | fixed(2) }}",
        "{{ results.x.text | percent(2) }}",
        "{{ results.x.yes | fixed(1) }}",
        "{{ results.x.yes }}",
        "{{ results.x['No 8, single'] }}",
        "{{ results.x.nothing | default(3) }}",
        r"$\frac{{\eta}}{2}$",
        "{{ assume(results.x.nothing, 'a wrong key is no sentence that fails') }}",
        "{{ source('part', 'nothing') }}",
        "{{ source('part', 'f') }}",
        "# Title\n\n![](nothing.png)",  # only the PDF notices
    ],
)
def test_wrong_key_or_value_stops(root, text):
    small_notebook(root, "def f(): 1", "def f(): 2", name="part")
    (root / "report" / "report.md.jinja").write_text(f"First line.\n{text}\n")
    (root / "report.md").write_text("before")
    with pytest.raises(SystemExit, match=r"report\.md was not rendered: report/report\.md\.jinja"):
        write_all(root)
    assert (root / "report.md").read_text() == "before"


def test_failed_assumption_keeps_the_old_files(root, capsys):
    report, readme = (root / "report" / f"{name}.jinja" for name in ("report.md", "README.md"))
    guard = "{{ assume(results.x.big == 2, 'section G explains No 2') -}}\n"
    report.write_text(f"{guard}{guard.replace('G', 'F')}{{{{ results.x.only_if_it_held }}}}")
    readme.write_text("{{ results.x.values }}\n")
    for name in ("report.md", "report.pdf", "README.md"):
        (root / name).write_text("before")
    assert write_all(root) == ["report.md"]
    assert (root / "report.md").read_text() == (root / "report.pdf").read_text() == "before"
    assert (root / "README.md").read_text() == "0.25\n"
    out = capsys.readouterr().out
    assert "report.md was left as it is; not true of these results: section G explains No 2" in out
    assert "; section F explains No 2" in out
    report.write_text("# Title\n\n{{ results.x.values }}\n")
    readme.write_text(guard)
    assert write_all(root) == ["README.md"]
    assert (root / "report.md").read_text() == "# Title\n\n0.25\n"
    assert (root / "report.pdf").read_bytes() == make_pdf("# Title\n\n0.25\n", root)
    assert (root / "README.md").read_text() == "0.25\n"
    assert not list(root.glob("*.part"))


@pytest.mark.parametrize(
    "name, remedy",
    [
        ("results/gradient_descent.json", "make run"),
        ("results/luck.json", "make experiments/luck"),
        ("results/bench.json", "make bench"),
        ("data/published_runs.json", "git checkout -- data/published_runs.json"),
    ],
)
def test_a_broken_file_is_named_with_the_command_that_makes_it(root, name, remedy):
    """Where it is only compared, it counts as absent."""
    path = root / name
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing; .* {remedy}$"):
        rendered(root, f"{{{{ {name.removesuffix('.json').replace('/', '.')} }}}}")
    for content in (b"", b'{"a": [1,', b"no JSON", b"\xff\xfe{}"):
        path.write_bytes(content)
        with pytest.raises(SystemExit, match=rf"rendered: .*{name} is no JSON file.* {remedy}$"):
            write_all(root)
        assert read_result(path.stem, root) is None
    path.unlink()
    assert read_result(path.stem, root) is None
    path.mkdir()
    with pytest.raises(ValueError, match=f"{name} is no JSON file"):
        read_json(path)


def test_source_is_the_text_of_the_cell(root):
    text = "@staticmethod\ndef f(x):\n    # why\n    return  x"
    cells = f"%matplotlib inline\nA = 1\n{text}\n\n\nb = 2", "class C: 1"
    small_notebook(root, *cells, name="part")
    assert rendered(root, "{{ source('part', 'f') }}") == text
    assert rendered(root, "{{ source('part', 'C') }}") == "class C: 1"


AGREE = " {} of 11 instances agree in every printed digit"


def test_summary_compares_with_the_results_before():
    before, after = read_result("gradient_descent"), read_result("gradient_descent")
    runs, selected = before["instances"], after["selected"]

    def told(*words):
        text = summary(before, after)
        assert all(part in text for part in words), text

    first = summary(None, after)
    assert f"Selected: No {selected['no']} " in first
    assert f"{selected['test_accuracy']:.2%}" in first and "no earlier results" in first
    equal = sum(run["identical"] for run in runs)
    assert f"equal to the last bit in {equal} of 11 instances" in first
    told(f"{AGREE.format(11)}.")
    runs[7]["training_loss"][-1] += 3e-4
    runs[9]["validation_accuracy"] -= 0.0125
    differing = f"{AGREE.format(9)}; No 8 and 10 differ by up to 3e-04 in the last loss"
    differing += " and 1.25 points of accuracy, "
    told(f"{differing}although processor and versions are the same.")
    before["environment"]["rounding"], before["selected"]["no"] = "other", 6
    told(f"{differing}as they may on another processor", "Before, No 6 was selected.")
    runs[10]["training_loss"][0] += 1
    told("No 8, 10 and 11 differ by up to 3e-04 in the last loss")  # of No 11 it is NaN twice
    runs[10]["training_loss"][-1] = 0.5
    told("No 8, 10 and 11 differ by up to NaN in the last loss")
    del runs[3:]
    told(f"{AGREE.format(3)}.")
    for run in runs:
        run["momentum"] = 0.5
    told("no earlier results")


CHANGE = """
import json, os
path = "results/gradient_descent.json"
results = json.load(open(path))
for no in (8, 10):
    results["instances"][no - 1]["training_loss"][-1] = 0.25
if os.environ["RUN_MODE"] == "full":
    json.dump(results, open(path, "w"))
"""


@pytest.mark.slow
def test_whole_run_ends_by_rendering(root):
    """And no other run does: a notebook in the place of gradient_descent.ipynb, in a small tree."""
    shutil.copytree(ROOT / "support", root / "support")
    shutil.copy(ROOT / "results" / "gradient_descent.json", root / "results")
    small_notebook(root, CHANGE, name="gradient_descent")
    text = "# Title\n\n{{ results.gradient_descent.instances[7].training_loss[-1] | fixed(4) }}\n"
    for name in ("report.md", "README.md"):
        (root / "report" / f"{name}.jinja").write_text(text)
        (root / name).write_text("before")
    command = ("-m", "support.notebooks", "gradient_descent.ipynb")
    for mode, wanted in (("quick", "before"), ("full", "# Title\n\n0.2500\n")):
        done = run_python(*command, folder=root, RUN_MODE=mode)
        assert done.returncode == 0
        assert (root / "report.md").read_text() == (root / "README.md").read_text() == wanted
        end = done.stdout.partition("gradient_descent.ipynb: done, saved as")[2]
        told = AGREE.format(9) in end and "No 8 and 10 differ" in end
        assert told == ("Selected: No" in end) == (mode == "full")
    (root / "report" / "README.md.jinja").write_text("{{ assume(0, 'a sentence') }}")
    assert run_python("-m", "support.report", folder=root).returncode == 1, "README stays"
