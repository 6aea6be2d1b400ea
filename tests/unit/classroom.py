"""Small chapters, solved notebooks and an inbox for the tests of teaching."""

import json
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from imagecourse.exercises.cells import is_solution
from imagecourse.teaching.grade import Settings, Summary, grade_submissions
from imagecourse.teaching.judging.sandbox import BUBBLEWRAP, NONE, Limits, why_not
from imagecourse.teaching.marks import Mark, read_marks
from imagecourse.teaching.release import student_version

NO_SANDBOX = why_not(BUBBLEWRAP)
WALLS = NONE if NO_SANDBOX else BUBBLEWRAP
LIMITS = Limits(seconds=20, memory=2**30, disk=50 * 2**20)
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}


def cell(kind: str, name: str, source: str, **grading) -> nbformat.NotebookNode:
    made = (new_code_cell if kind == "code" else new_markdown_cell)(source)
    made["id"] = name
    if name == "parameters":
        made.metadata["tags"] = ["parameters"]
    if grading:
        flags = {"grade": False, "solution": False, "locked": False, "task": False, "schema_version": 3}
        made.metadata["nbgrader"] = flags | {"grade_id": name} | grading
    return made


def solution(name: str, source: str) -> nbformat.NotebookNode:
    return cell("code", name, source, solution=True)


def tests(name: str, points: float, source: str) -> nbformat.NotebookNode:
    return cell("code", name, source, grade=True, locked=True, points=points)


def exercise(name: str, body: str, shown: str, hidden: str = "", points: float = 4) -> list[nbformat.NotebookNode]:
    """A heading, a function `NAME(values)` with the body between the marks of a solution, and its tests."""
    marks = f"\n### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS" if hidden else ""
    lines = "\n".join(f"    {line}" for line in ["### BEGIN SOLUTION", *body.split("\n"), "### END SOLUTION"])
    return [
        cell("markdown", f"{name}-exercise", f"#### Exercise ({points:g} points): {name}"),
        solution(name, f"def {name.replace('-', '_')}(values):\n{lines}"),
        tests(f"{name}-tests", points, shown + marks),
    ]


SUMS = [
    cell("markdown", "title", "# 01 · Sums\n\nAdding up."),
    cell("code", "imports", "import numpy as np"),
    cell("code", "parameters", 'dataset = "sample"\nseed = 42\noutput_dir = "../reports/01_sums"'),
    cell("markdown", "total-exercise", "#### Exercise 1 (4 points): the total"),
    solution(
        "total",
        'def total(values):\n    """The sum."""\n    ### BEGIN SOLUTION\n    return float(np.asarray(values).sum())\n'
        "    ### END SOLUTION",
    ),
    tests(
        "total-tests",
        4,
        'assert total([1, 2]) == 3, "one and two are three"\n### BEGIN HIDDEN TESTS\n'
        "assert type(total([5, 6])) is float and total([5, 6]) == 11.0\n"
        "np.testing.assert_allclose(total([0.25, -8.5]), -8.25)\n### END HIDDEN TESTS",
    ),
    cell("markdown", "product-exercise", "#### Exercise 2 (3 points): the product"),
    solution(
        "product",
        "def product(values):\n    ### BEGIN SOLUTION\n    return float(np.prod(values))\n    ### END SOLUTION",
    ),
    tests(
        "product-tests",
        3,
        'assert product([2, 3]) == 6, "two times three is six"\n### BEGIN HIDDEN TESTS\n'
        "assert type(product([4, 5])) is float and product([4, 5]) == 20.0\n### END HIDDEN TESTS",
    ),
    cell("markdown", "why-exercise", "#### Exercise 3 (2 points): say why"),
    cell(
        "markdown",
        "why",
        "**A model answer.** Because addition is commutative and associative.\n\n*Marking:* one point each.",
        grade=True,
        solution=True,
        points=2,
    ),
]
MEANS = [
    cell("markdown", "title", "# 02 · Means\n\nIn the middle."),
    cell("code", "imports", "import math"),
    cell("code", "parameters", 'dataset = "sample"\nseed = 42'),
    cell("markdown", "mean-exercise", "#### Exercise 1 (5 points): the mean"),
    solution(
        "mean",
        "def mean(values):\n    ### BEGIN SOLUTION\n    return math.fsum(values) / len(values)\n    ### END SOLUTION",
    ),
    tests(
        "mean-tests",
        5,
        'assert mean([1, 3]) == 2, "the mean of one and three is two"\n### BEGIN HIDDEN TESTS\n'
        "assert isinstance(mean([2, 9]), float)\nassert math.isclose(mean([2, 9]), 5.5)\n### END HIDDEN TESTS",
    ),
]


def write_chapters(folder: Path, **chapters: list) -> Path:
    """The teacher's notebooks, in a folder; names with a leading letter lose it: c01_sums."""
    folder.mkdir(exist_ok=True)
    for name, cells in (chapters or {"c01_sums": SUMS, "c02_means": MEANS}).items():
        notebook = new_notebook(cells=[nbformat.from_dict(each) for each in cells], metadata=METADATA)
        nbformat.write(notebook, folder / f"{name[1:]}.ipynb")
    return folder


def solved(release: Path | nbformat.NotebookNode, answers: dict[str, str]) -> nbformat.NotebookNode:
    """A notebook of the release with some of its cells filled in, by cell id."""
    notebook = nbformat.read(release, as_version=4) if isinstance(release, Path) else nbformat.from_dict(release)
    for each in notebook.cells:
        each.source = answers.get(each.id, each.source)
    return notebook


def hand_in(submitted: Path, student: str, chapter: str, notebook: nbformat.NotebookNode | str) -> Path:
    """Put a notebook, or the text of a broken one, where grading looks for it."""
    path = submitted / student / chapter / f"{chapter}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(notebook if isinstance(notebook, str) else json.dumps(notebook), encoding="utf-8")
    return path


class Classroom:
    """One chapter of a few cells, in a folder: students hand in answers, and it is graded."""

    def __init__(self, folder: Path, cells: list, limits: Limits = LIMITS):
        self.folder, self.limits, self.name = folder, limits, "01_sums"
        self.notebooks = folder / "notebooks"
        self.submitted, self.graded = folder / "submitted", folder / "graded"
        self.submitted.mkdir(parents=True)
        self.change(cells)

    def change(self, cells: list) -> None:
        """Let the teacher's chapter be another."""
        write_chapters(self.notebooks, c01_sums=cells)
        self.source = nbformat.read(self.notebooks / "01_sums.ipynb", as_version=4)
        self.release = student_version(self.source)

    def hand_in(self, student: str, answers: dict[str, str] | str) -> Path:
        notebook = answers if isinstance(answers, str) else solved(self.release, answers)
        return hand_in(self.submitted, student, self.name, notebook)

    def hand_in_model_answers(self, student: str) -> Path:
        """What the teacher's own cells say."""
        return self.hand_in(
            student,
            {each.id: each.source for each in self.source.cells if each.cell_type == "code" and is_solution(each)},
        )

    def grade(self, course=None, received=None, **settings) -> Summary:
        settings = {"limits": self.limits, "walls": WALLS} | settings
        return grade_submissions(self.submitted, self.graded, Settings(**settings), notebooks=self.notebooks,
                                 course=course, received=received)  # fmt: skip

    def marks(self, student: str) -> list[Mark]:
        return [mark for mark in read_marks(self.graded) if mark.student == student]

    def states(self, student: str) -> list[tuple[str, float | None]]:
        return [(mark.state, mark.points) for mark in self.marks(student)]
