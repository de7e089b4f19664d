"""The exercise that is made from the notebooks: what is open in it, and what is not."""

import ast
import re
import sys

from support import ROOT, exercise, files, notebooks
from support.exercise import FOLDER, NOTEBOOKS, QUESTION, make_exercise

import nbformat
import pytest
from nbformat.v4 import new_code_cell as new_cell
from nbformat.v4 import new_markdown_cell as new_text

from tests.helpers.exercise import OPEN
from tests.helpers.notebooks import small_notebook

LEFT_OUT = ["backpropagation_by_loop", "formula_step", "overfits", "without_the_factor_2"]
NO_SOLUTION = {"@torch.no_grad()", "super().__init__()", "else:"}


def definitions(notebook):
    """{name: its syntax tree} of a notebook's functions and classes."""
    nodes = ast.parse(source_of(notebook, "code")).body
    return {node.name: node for node in nodes if hasattr(node, "name")}


def source_of(notebook, kind):
    return "\n".join(cell.source for cell in notebook.cells if cell.cell_type == kind)


def code_lines(source):
    """A cell's lines without comments and indentation."""
    return {line.partition("  #")[0].strip() for line in source.splitlines()} - {""}


@pytest.fixture(scope="module", params=NOTEBOOKS)
def both(request):
    """The name of a notebook, the answer and the exercise made from it."""
    path = ROOT / request.param
    return request.param, nbformat.read(path, as_version=4), make_exercise(path)


def test_no_line_of_a_solution_stands_in_the_exercise(both):
    name, answer, made = both
    here = {cell.id: cell.source for cell in made.cells}
    code, prose = source_of(made, "code"), source_of(made, "markdown")
    solution = set()
    for cell in answer.cells:
        if cell.cell_type == "code" and cell.metadata["tags"][0] in ("solution", "left-out"):
            solution |= code_lines(cell.source) - code_lines(here.get(cell.id, ""))
    assert len(solution) > 50
    assert not (solution - NO_SOLUTION) & code_lines(code)
    assert not [line for line in solution - NO_SOLUTION if line in prose]
    opened = re.findall(r'NotImplementedError\(\s*"(.+?: write \w+)\. ', code)
    assert list(dict.fromkeys(opened)) == OPEN[name]
    for words in ("max(instance_runs", ".T @", "dL_dz @", "p.add_("):
        assert words not in code and words not in prose, words


def test_an_open_function_keeps_all_but_its_body_and_all_others_stay(both):
    name, answer, made = both
    here = definitions(made)
    for defined, node in definitions(answer).items():
        if defined in LEFT_OUT:
            assert defined not in here
            continue
        task = next((task for task in OPEN[name] if task.endswith(f"write {defined}")), None)
        if task:
            methods = node.body[1:] if isinstance(node, ast.ClassDef) else [node]
            stubs = here[defined].body[1:] if isinstance(node, ast.ClassDef) else [here[defined]]
            for whole, stub in zip(methods, stubs, strict=True):
                assert isinstance(stub.body[-1], ast.Raise)
                (told,) = stub.body[-1].exc.args
                assert told.value.startswith(f"{task}. ") and len(told.value) > len(task) + 20
                docstring = ast.get_docstring(whole) is not None
                whole.body = whole.body[:docstring] + stub.body[-1:]
        assert ast.dump(here[defined]) == ast.dump(node), defined


def stops_of(source):
    """Yield (the line above it, what it says) of each open place in a cell."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Raise) and "NotImplementedError(" in ast.unparse(node):
            yield source.splitlines()[node.lineno - 2].strip(), node.exc.args[0].value


def test_each_open_place_says_where_to_write_and_no_hint_repeats_the_docstring(both):
    name, answer, made = both
    functions, names = definitions(made), set()
    for cell in made.cells:
        for above, told in stops_of(cell.source) if cell.cell_type == "code" else []:
            opened, hint = re.fullmatch(r".+?: write (\w+)\. (.+)", told).groups()
            what = "" if opened in functions else f"`{opened} = ...` "
            assert above == f"# Write {what}here, in the place of these lines.", cell.source
            docstring = ast.get_docstring(functions[opened]) if opened in functions else None
            assert not docstring or docstring.split(".")[0] not in hint, hint
            names.add(opened)
    assert names == {task.split()[-1] for task in OPEN[name]}


def test_each_question_has_a_cell_to_answer_in_and_links_to_the_answer_warn(both):
    _, answer, made = both
    asked = [c.id for c in answer.cells if "?" in "".join(c.metadata.get("exercise", {}).values())]
    below = {cell.id: after for cell, after in zip(made.cells, made.cells[1:], strict=False)}
    questions = [i for i in asked if i in below and "raise" not in below[i].source]
    for cell in made.cells:
        is_asked = cell.id in asked and cell.cell_type == "markdown"
        assert is_asked == (cell.id in below and below[cell.id].source == QUESTION), cell.source
    assert questions
    prose = source_of(made, "markdown")
    links = re.findall(r"\]\(\.\./(?:report|experiments)[^)]*\)(.*)", prose)
    assert links and all(rest.startswith(" (warning: shows the answer)") for rest in links)


def test_checks_and_equations_stay_and_the_rest_is_clean(both):
    name, answer, made = both
    here = {cell.id: cell for cell in made.cells}
    for cell in answer.cells:
        equations = re.findall(r"\$\$.+?\$\$", cell.source, re.DOTALL)
        if cell.cell_type == "markdown":
            assert equations == re.findall(r"\$\$.+?\$\$", here[cell.id].source, re.DOTALL)
        elif cell.metadata["tags"][0] in ("check", "given"):
            assert here[cell.id].source == cell.source
    test = {"backpropagation.ipynb": "main_test(back", "gradient_descent.ipynb": "sgd_test(train"}
    assert test[name] in source_of(made, "code")
    headings = re.findall(r"^#+ (.+)$", source_of(made, "markdown"), re.MULTILINE)
    anchors = {"#" + heading.replace(" ", "-") for heading in headings}
    for cell in made.cells:
        assert "exercise" not in cell.metadata
        assert cell.cell_type != "code" or (cell.outputs, cell.execution_count) == ([], None)
    for target in re.findall(r"\]\((?!\w+:)([^)]+)\)", source_of(made, "markdown")):
        up = (ROOT / "tests" / target).exists()  # a folder beside that of the exercise
        assert up or target in anchors or target in (*exercise.OWN_FILES, "report.md"), target
    nbformat.validate(made)


@pytest.mark.parametrize(
    "new, tags, told, words",
    [
        (new_cell, [], {}, "needs one of the tags given, check, solution, left-out"),
        (new_cell, ["solution", "given"], {}, "needs one of the tags"),
        (new_cell, ["solution"], {}, "does not define anything that can be opened"),
        (new_cell, ["solution"], {"other": "..."}, "does not define other"),
        (new_cell, ["given"], {"answer": "..."}, "needs the tag solution"),
        (new_text, ["task"], {"Two": "..."}, "0 paragraphs begin with 'Two'"),
        (new_text, [], {"answer": "..."}, "a text has the tag task where"),
    ],
)
def test_a_cell_that_is_not_marked_or_no_longer_there_is_noticed(tmp_path, new, tags, told, words):
    metadata = {"tags": tags, "exercise": told}
    cell = new("answer = 42", metadata=metadata)
    path = small_notebook(tmp_path, cell, heading="## Task 9: select")
    with pytest.raises(ValueError, match=rf"small.ipynb: Task 9: select \(cell 2\): .*{words}"):
        make_exercise(path)


def test_a_cell_that_is_left_out_may_leave_a_place_to_write_in(tmp_path):
    metadata = {"tags": ["left-out"], "exercise": {"place": "# Write it here."}}
    path = small_notebook(tmp_path, new_cell("answer = 42", metadata=metadata), heading="# Title")
    assert make_exercise(path).cells[-1].source == "# Write it here."


@pytest.mark.parametrize("mode, folder", [("full", FOLDER), ("quick", FOLDER / "build" / "quick")])
def test_what_the_exercise_writes_goes_to_its_folder(monkeypatch, mode, folder):
    monkeypatch.setattr(files, "RUN_MODE", mode)
    monkeypatch.setattr(files, "OUTPUT", ROOT)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for _ in range(2):  # a cell may be run again
        exec(exercise.FIRST_CELL, {})
        assert files.OUTPUT == folder


def test_the_runner_takes_an_exercise_for_no_notebook_of_the_repository(tmp_path):
    """It runs, to stop at its first task, and neither report nor build/ is written for it."""
    nbformat.write(make_exercise(ROOT / NOTEBOOKS[1]), tmp_path / NOTEBOOKS[1])
    assert notebooks.data_is_there(tmp_path / NOTEBOOKS[1])
    assert notebooks.of_repository(ROOT / NOTEBOOKS[1])
    assert not notebooks.of_repository(FOLDER / NOTEBOOKS[1])


def test_what_is_missing_is_written_and_the_rest_is_left_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(exercise, "FOLDER", tmp_path / "exercise")
    monkeypatch.setattr(exercise, "ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["exercise"])
    for name in NOTEBOOKS:
        small_notebook(tmp_path, name=name.removesuffix(".ipynb"), heading="# Title")
    paths = [tmp_path / "exercise" / name for name in (*NOTEBOOKS, "report.md")]
    exercise.main()
    assert capsys.readouterr().out.count("written: ") == len(paths)
    texts = [path.read_text("utf-8") for path in paths]
    assert all(f"### {letter}. " in texts[2] for letter in "ABCDEFG")
    for missing in range(3):
        for path in paths:
            path.write_text("mine")
        paths[missing].unlink()
        exercise.main()
        out = capsys.readouterr().out
        assert out.count("left as it is: ") == 2 and out.count("written: ") == 1
        found = [path.read_text("utf-8") for path in paths]
        assert found == ["mine"] * missing + [texts[missing]] + ["mine"] * (2 - missing)


def test_pictures_to_aim_at_are_there_and_give_nothing_away(both):
    name, answer, made = both
    aims = re.findall(r"^!\[\w+\]\(\.\./figures/(\w+)\.png\)", source_of(made, "markdown"), re.M)
    saved = re.findall(r'save_figure\([^"]+"(\w+)"', source_of(made, "code"))
    assert aims == [figure for figure in saved if figure not in exercise.NO_AIM]
    assert len(aims) > (0 if name == NOTEBOOKS[0] else 5)
    assert "backpropagation_graph" not in aims, "it has the numbers that are worked out on paper"
