"""README.md and docs/machines.md: links lead somewhere, and what is shown is what happens."""

import re
import runpy

from support import ROOT

import pytest

from tests.helpers.processes import run_python

README = (ROOT / "README.md").read_text("utf-8")


EXAMPLES = {  # what README shows begins with; the mistake; mended
    "main_test": ("It looks like:", "model.df[l](model.a[l])", "model.df[l](model.z[l])"),
    "sgd_test": (
        "The mistake:",
        "+ p.grad\n                    p -= learning_rate * (velocity[i] + weight_decay * p)",
        "+ (p.grad + weight_decay * p)\n                    p -= learning_rate * velocity[i]",
    ),
}


@pytest.mark.parametrize("test", EXAMPLES)
def test_readme_example_names_the_mistake(test, tmp_path, capsys, monkeypatch):
    """Saved as README says, it prints what README shows and fails; mended, it passes."""
    place, (first_words, mistake, repaired) = list(EXAMPLES).index(test), EXAMPLES[test]
    example = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[place]
    name = re.findall(r"`(?:mine/)?(my_\w+)\.py`", README)[place]
    block = re.search(rf"^    {first_words}.*?(?=\n\n)", README, re.DOTALL | re.MULTILINE)[0]
    lines = [line.strip() for line in block.splitlines()]
    assert mistake in example and "`.venv/bin/python -m mine.my_pass`" in README
    monkeypatch.syspath_prepend(tmp_path)
    own = tmp_path / "mine" / f"{name}.py"
    own.parent.mkdir()
    for text, status in ((example, 1), (example.replace(mistake, repaired), 0)):
        own.write_text(text)
        with pytest.raises(SystemExit) as ended:
            runpy.run_module(f"mine.{name}", run_name="__main__")
        out = capsys.readouterr().out
        assert ended.value.code == status
        assert bool(re.search(r"_test: (\d+) of \1 checks passed", out)) == (status == 0)
        assert status == 0 or (lines and all(line in out for line in lines)), (lines, out)


def test_what_lies_in_a_folder_of_ones_own_is_passed_over(tree_copy, pytestconfig):
    (tree_copy / "mine").mkdir()
    (tree_copy / "mine" / "tests_mine.py").write_text("import torch;x=l\n" + "#" * 200)
    command = ("-m", "ruff", "check", "--show-files", ".")
    looked_at = run_python(*command, folder=tree_copy).stdout
    assert "tests_backpropagation.py" in looked_at and "mine" not in looked_at
    assert {"exercise", "mine"} <= set(pytestconfig.getini("norecursedirs"))
    assert "mine/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


@pytest.mark.parametrize(
    "name", ["README.md", "report.md", "docs/machines.md", "report/exercise.md"]
)
def test_each_link_leads_somewhere(name):
    code = r"```.*?```|^    .*?$"
    text = re.sub(code, "", (ROOT / name).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = {line.lstrip("# ") for line in text.splitlines() if line.startswith("#")}
    anchors = {"#" + re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}
    targets = re.findall(r"\]\((?!\w+:)([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", text)
    for target in filter(None, sum(targets, ())):
        assert target in anchors or ((ROOT / name).parent / target).exists(), target


def test_readme_can_be_read_on_a_phone():
    assert not re.search(r"^\|", README, re.MULTILINE)
    commands = re.findall(r"^    (make .*)", README, re.MULTILINE)
    assert commands and max(map(len, commands)) < 40
