"""Student versions of the course's own chapters, and submissions put together with them."""

import hashlib
import re
from pathlib import Path

import nbformat
import pytest
from classroom import MEANS, exercise, write_chapters
from classroom import cell as make_cell

from imagecourse.cli import main
from imagecourse.exercises.cells import find_exercises, grade_id, grading, is_solution, is_test, read_notebook
from imagecourse.reports.chapters import find_notebooks
from imagecourse.teaching.release import student_version, visible_tests
from imagecourse.teaching.staging import stage

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
MARKED = re.compile(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", re.DOTALL)


@pytest.fixture(scope="module", params=sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def chapter(request):
    return nbformat.read(request.param, as_version=4)


@pytest.fixture(scope="module")
def release(chapter):
    return student_version(chapter)


def secret_lines(chapter) -> set[str]:
    """Lines of solutions, hidden tests and model answers that nothing else in the chapter holds."""
    graded = [cell for cell in chapter.cells if is_solution(cell) or is_test(cell)]
    secret = "\n".join(part for cell in graded for part in MARKED.findall(cell.source))
    answers = "\n".join(cell.source for cell in graded if cell.cell_type == "markdown")
    lines = {line.strip() for line in f"{secret}\n{answers}".splitlines()}
    public = "\n".join(MARKED.sub("", cell.source) for cell in chapter.cells if cell.source not in answers)
    return {line for line in lines if len(line) > 8 and line not in public}


def test_a_release_holds_no_solution_and_no_hidden_test(chapter, release):
    secrets = secret_lines(chapter)
    assert len(secrets) >= 10
    text = "\n".join(cell.source for cell in release.cells)
    assert [line for line in secrets if line in text] == []
    assert "SOLUTION" not in text and "HIDDEN" not in text and "Marking" not in text


def test_stubs_raise_and_everything_else_stays(chapter, release):
    for original, cell in zip(chapter.cells, release.cells, strict=True):
        assert cell.id == original.id
        if is_solution(original):
            code = cell.cell_type == "code"
            assert "raise NotImplementedError\n" in f"{cell.source}\n" if code else cell.source == "YOUR ANSWER HERE"
        elif is_test(original):
            assert cell.source == visible_tests(original.source) and "assert" in cell.source
            assert not cell.metadata.deletable and not cell.metadata.editable
        else:
            assert cell.source == original.source
        assert bool(grading(cell)) == bool(grading(original))


def test_exercises_have_names_and_ten_to_twenty_five_points(release):
    exercises = find_exercises(release)
    assert 10 <= sum(exercise.points for exercise in exercises) <= 25
    assert all(exercise.title.startswith("Exercise ") and "point" not in exercise.title for exercise in exercises)
    assert len({exercise.solution for exercise in exercises}) == len(exercises)


def test_a_release_is_the_same_to_the_byte(tmp_path):
    digests = []
    for name in ("first", "second"):
        folder = tmp_path / name
        assert main(["teach", "release", str(folder), "--chapters", "1", "02"]) == 0
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests.append({str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files})
    assert digests[0] == digests[1]
    names = set(digests[0])
    assert {"README.md", "requirements.txt", "pyproject.toml", "01_preprocessing/01_preprocessing.ipynb"} <= names
    assert "models/photo-filter/card.json" in names and "lib/imagecourse/cli.py" in names
    assert not [name for name in names if "__pycache__" in name or "03_" in name.split("/")[0]]
    requirements = (tmp_path / "first" / "requirements.txt").read_text()
    assert requirements.endswith("\n-e .\n") and "tensorflow==" in requirements and "pytest" not in requirements


def test_a_release_overwrites_nothing(tmp_path, capsys):
    (tmp_path / "week1").mkdir()
    (tmp_path / "week1" / "mine.txt").write_text("work")
    assert main(["teach", "release", str(tmp_path / "week1")]) == 2
    assert "another folder" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "week1").iterdir()] == ["mine.txt"]


def test_a_chapter_with_wrong_marks_is_refused(tmp_path):
    notebook = nbformat.read(find_notebooks(["1"])[0], as_version=4)
    cell = next(cell for cell in notebook.cells if is_solution(cell))
    cell.source = cell.source.replace("### END SOLUTION", "")
    with pytest.raises(ValueError, match="no end solution"):
        student_version(notebook)


def fresh(release):
    """A submission as read from a file."""
    return nbformat.from_dict(release)


def test_an_unchanged_release_is_staged_unchanged(release):
    staged = stage(fresh(release), release, {})
    assert staged.remarks == []
    changed = [cell.id for cell, given in zip(staged.notebook.cells, release.cells, strict=True)
               if cell.source != given.source]  # fmt: skip
    assert changed == ["parameters"]


def test_tests_and_parameters_are_restored_and_own_cells_stay(release):
    submitted = fresh(release)
    for cell in submitted.cells:
        if is_test(cell) or cell.id == "parameters":
            cell.source = "seed = 0"
    submitted.cells.insert(5, nbformat.v4.new_code_cell("helper = 1", metadata={"nbgrader": {"grade_id": "forged"}}))
    submitted.cells.insert(6, nbformat.v4.new_code_cell("seed = 1", metadata={"tags": ["injected-parameters"]}))
    staged = stage(submitted, release, {"seed": 7, "no_such_parameter": 1}).notebook
    assert [cell.source for cell in staged.cells if is_test(cell)] == [
        cell.source for cell in release.cells if is_test(cell)
    ]
    extra = [cell for cell in staged.cells if cell.source == "helper = 1"]
    assert len(extra) == 1 and not grading(extra[0])
    assert "seed = 1" not in {cell.source for cell in staged.cells}
    parameters = next(cell for cell in staged.cells if cell.id == "parameters").source
    assert parameters.endswith("seed = 7") and "no_such_parameter" not in parameters
    assert "output_dir = 'output'" in parameters


def test_copies_missing_cells_and_lost_metadata_find_their_place(release):
    submitted = fresh(release)
    solution = next(cell for cell in submitted.cells if is_solution(cell))
    copy = nbformat.from_dict(solution)
    copy.source = solution.source.replace("raise NotImplementedError", "return 1")
    submitted.cells.insert(submitted.cells.index(solution) + 1, copy)
    gone = [cell for cell in submitted.cells if is_test(cell)][1]
    submitted.cells.remove(gone)
    for cell in submitted.cells:
        cell.id = ""
    staged = stage(submitted, release, {})
    assert staged.remarks == [f"{grade_id(gone)}: was missing"]
    kept = next(cell for cell in staged.notebook.cells if grade_id(cell) == grade_id(solution))
    assert "return 1" in kept.source
    names = [grade_id(cell) for cell in staged.notebook.cells if grade_id(cell)]
    assert names == [grade_id(cell) for cell in release.cells if grade_id(cell)]
    assert len({cell.id for cell in staged.notebook.cells}) == len(staged.notebook.cells)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "invalid JSON"),
        (b"\xff\xfe\x00", "invalid JSON"),
        (b"[]", "not a notebook"),
        (b'{"cells": 3, "nbformat": 4}', "not a notebook"),
        (b'{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "not a notebook"),
        (b'{"cells": [{"cell_type": "soup", "source": ""}], "metadata": {}, "nbformat": 4}', "not a notebook"),
        (b"[" * 100_000, "invalid JSON"),
    ],
)
def test_files_that_are_no_notebooks_give_a_reason(tmp_path, content, reason):
    path = tmp_path / "broken.ipynb"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_notebook(path)


def test_old_notebooks_and_lists_of_lines_are_read(tmp_path):
    path = tmp_path / "old.ipynb"
    path.write_text(
        '{"worksheets": [{"cells": [{"cell_type": "code", "input": ["a = 1\\n", "b"], "outputs": [], "language": '
        '"python", "metadata": {}}], "metadata": {}}], "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}'
    )
    assert [cell.source for cell in read_notebook(path).cells] == ["a = 1\nb"]


def test_chapters_that_differ_from_student_to_student_are_written_for_each(tmp_path):
    cells = [
        make_cell("markdown", "title", "# 01 · Powers"),
        make_cell("code", "imports", "from imagecourse.exercises.variants import Variant"),
        make_cell("code", "parameters", 'dataset = "sample"\nstudent = ""'),
        make_cell("code", "values", 'mine = Variant(student, "power")\npower = mine.integer("power", 2, 9)'),
        *exercise("raised", "return values**power", "assert raised(1) == 1", "assert raised(2) == 2**power"),
    ]
    notebooks = write_chapters(tmp_path / "notebooks", c01_sums=cells, c02_means=MEANS)
    (tmp_path / "class.csv").write_text('id,name\nann,Ann\n"o\'brien",O\n')
    folder = tmp_path / "release"
    options = ["--notebooks", str(notebooks), "--students", str(tmp_path / "class.csv")]
    assert main(["teach", "release", str(folder), *options]) == 0
    own = {path.parts[-3]: nbformat.read(path, as_version=4) for path in folder.glob("students/*/*/*.ipynb")}
    assert set(own) == {"ann", "o'brien"} and not list(folder.glob("students/*/02_means"))
    assert own["o'brien"].cells[2].source == 'dataset = "sample"\nstudent = "o\'brien"'
    assert nbformat.read(folder / "01_sums" / "01_sums.ipynb", as_version=4).cells[2].source.endswith('student = ""')
    staged = stage(
        own["ann"], student_version(nbformat.read(notebooks / "01_sums.ipynb", as_version=4)), {"student": "ann"}
    )
    assert staged.remarks == [] and staged.notebook.cells[2].source.endswith("student = 'ann'")


def test_solutions_that_lost_all_but_their_place_are_found(release):
    submitted = fresh(release)
    answer = next(cell for cell in submitted.cells if is_solution(cell) and cell.cell_type == "markdown")
    text = answer.source = "An answer of my own."
    for number, each in enumerate(submitted.cells):
        each.metadata = nbformat.from_dict({})
        each.id = f"colab{number}"
    staged = stage(submitted, release, {})
    kept = next(cell for cell in staged.notebook.cells if is_solution(cell) and cell.cell_type == "markdown")
    assert kept.source == text and f"{grade_id(kept)}: found by its place" in staged.remarks
