"""How notebooks are stored and written: what every chapter keeps to, checked without running one."""

import ast
import re
from collections import Counter
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
STANDARD_PARAMETERS = {"dataset", "data_dir", "seed", "output_dir", "figures_dir"}
SETUP_CELLS = 4  # title, imports, parameters, seeds and data
MOST_CELLS, MOST_LINES = 90, 450  # of a chapter; lines of code that a reader sees
LONGEST_CELL = 15  # lines, without empty ones and the marks of the grading tool
HIDDEN = "hide-input"
MARKS = [
    ("### BEGIN SOLUTION", "### END SOLUTION", "solution"),
    ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS", "grade"),
]


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return nbformat.read(request.param, as_version=nbformat.NO_CONVERT)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def graded_cells(notebook):
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


def is_hidden(cell):
    """Folded on the page and in Jupyter: its code only builds sentences."""
    return HIDDEN in cell.metadata.get("tags", [])


def code_lines(cell):
    """Without empty lines and the marks of the grading tool."""
    marks = {mark for begin, end, _ in MARKS for mark in (begin, end)}
    return [line for line in cell.source.splitlines() if line.strip() not in {"", *marks}]


def test_there_are_notebooks_named_by_number():
    assert NOTEBOOKS, "no notebooks in notebooks/"
    assert [path.name for path in NOTEBOOKS if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", path.name)] == []


def test_is_a_valid_notebook_with_readable_cell_ids(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    ids = [cell.id for cell in notebook.cells]
    readable = re.compile(r"(?=.*[a-z])(?![0-9a-f]{8}$)(?![0-9a-f]{8}-[0-9a-f]{4}-)[a-z0-9-]{2,64}")
    assert [name for name in ids if not readable.fullmatch(name)] == []
    assert [name for name, count in Counter(ids).items() if count > 1] == []


def test_is_stored_without_outputs_and_needless_metadata(notebook):
    assert [cell.id for cell in code_cells(notebook) if cell.outputs or cell.execution_count is not None] == []
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    assert set(notebook.metadata.get("language_info", {})) <= {"name"}  # the rest changes with every Python
    assert notebook.metadata.kernelspec.name == "python3"
    assert [cell.id for cell in notebook.cells if set(cell.metadata) - {"tags", "nbgrader", "jupyter"}] == []
    assert [cell.id for cell in notebook.cells if "jupyter" in cell.metadata and not is_hidden(cell)] == []


def test_begins_with_title_imports_and_parameters(notebook):
    title, imports, parameters = notebook.cells[:3]
    assert title.cell_type == "markdown" and title.source.startswith("# ")
    assert {type(node) for node in ast.parse(imports.source).body} <= {ast.Import, ast.ImportFrom}
    tagged = [cell.id for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    assert tagged == [parameters.id]


def test_parameters_are_literals_with_the_standard_names(notebook):
    assignments = ast.parse(notebook.cells[2].source).body
    assert all(isinstance(node, ast.Assign) and len(node.targets) == 1 for node in assignments)
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in assignments}
    assert set(values) >= STANDARD_PARAMETERS
    assert (values["dataset"], values["data_dir"], values["seed"]) == ("sample", None, 42)


def test_code_cells_are_short_plain_python(notebook):
    for cell in code_cells(notebook)[1:]:  # the first one imports
        ast.parse(cell.source)  # a shell or pip line is no Python
        assert 1 <= len(code_lines(cell)) <= LONGEST_CELL, f"{cell.id}: {len(code_lines(cell))} lines"


def test_a_chapter_is_no_longer_than_a_reader_can_bear(notebook):
    read = [cell for cell in code_cells(notebook) if "nbgrader" not in cell.metadata and not is_hidden(cell)]
    assert len(notebook.cells) <= MOST_CELLS
    assert sum(len(code_lines(cell)) for cell in read) <= MOST_LINES


def test_code_that_only_builds_sentences_is_hidden_and_other_code_is_not(notebook):
    for cell in code_cells(notebook):
        assert is_hidden(cell) == (cell.metadata.get("jupyter") == {"source_hidden": True}), (
            f"{cell.id}: one mark of two"
        )
        assert is_hidden(cell) == only_tells(cell.source), cell.id


def only_tells(source):
    """Whether what the code shows is sentences alone: no figure, no table, nothing printed."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    shown = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "display"]
    others = {"print", "plots.publish", "widgets.show_quiz", "widgets.explore"} & {ast.unparse(c.func) for c in calls}
    return bool(shown) and all(text.startswith("Markdown(") for text in shown) and not others


def test_sentences_stand_below_what_they_speak_of(notebook):
    above = dict(zip([cell.id for cell in notebook.cells[1:]], notebook.cells, strict=False))
    hidden = [cell for cell in notebook.cells if is_hidden(cell)]
    assert [cell.id for cell in hidden if above[cell.id].cell_type != "code"] == []


def test_code_needs_no_network_no_shell_and_no_typing(notebook):
    forbidden = re.compile(r"https?://|\binput\(|google\.colab|get_ipython|os\.system|subprocess|\bpip\b")
    assert [
        (cell.id, forbidden.findall(cell.source)) for cell in code_cells(notebook) if forbidden.search(cell.source)
    ] == []


def test_prose_comes_before_every_step(notebook):
    pairs = list(zip(notebook.cells, notebook.cells[1:], strict=False))[SETUP_CELLS - 1 :]
    neighbours = [(before, cell) for before, cell in pairs if before.cell_type == cell.cell_type == "code"]
    assert [cell.id for before, cell in neighbours if not same_step(before, cell)] == []
    assert [cell.id for cell in notebook.cells if not cell.source.strip()] == []


def same_step(before, cell):
    """One step may take several cells: a solution and its tests, or ids with the same first word (`order-figure`)."""
    graded = "nbgrader" in before.metadata and "nbgrader" in cell.metadata
    return graded or before.id.split("-")[0] == cell.id.split("-")[0]


def test_grading_metadata_is_complete_and_unique(notebook):
    for cell in graded_cells(notebook):
        grading = cell.metadata.nbgrader
        assert grading.schema_version == 3, cell.id
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", grading.grade_id), cell.id
        assert all(type(grading[name]) is bool for name in ("grade", "solution", "task", "locked")), cell.id
        assert not (grading.grade or grading.task) or grading.points > 0, cell.id
        assert not (grading.grade and not grading.solution) or grading.locked, f"{cell.id}: tests must be locked"
    counts = Counter(cell.metadata.nbgrader.grade_id for cell in graded_cells(notebook))
    assert [name for name, count in counts.items() if count > 1] == []


@pytest.mark.parametrize(("begin", "end", "purpose"), MARKS, ids=["solutions", "hidden tests"])
def test_marks_come_in_pairs_in_the_right_cells(notebook, begin, end, purpose):
    for cell in notebook.cells:
        found = [line.strip() for line in cell.source.splitlines() if line.strip() in (begin, end)]
        assert found == [begin, end] * (len(found) // 2), cell.id
        assert not found or cell.metadata.get("nbgrader", {}).get(purpose), f"{cell.id}: {begin} in another cell"


def test_every_code_solution_is_marked_and_some_tests_are_hidden(notebook):
    graded = [cell for cell in graded_cells(notebook) if cell.cell_type == "code"]
    unmarked = [cell.id for cell in graded if cell.metadata.nbgrader.solution and MARKS[0][0] not in cell.source]
    assert unmarked == []
    assert any(MARKS[1][0] in cell.source for cell in graded)


def test_has_three_exercises_and_one_is_marked_by_hand(notebook):
    exercises = [
        cell for cell in graded_cells(notebook) if cell.metadata.nbgrader.solution or cell.metadata.nbgrader.task
    ]
    by_hand = [cell for cell in exercises if cell.metadata.nbgrader.task or cell.metadata.nbgrader.grade]
    assert len(exercises) >= 3
    assert any(cell.cell_type == "markdown" for cell in by_hand)
