"""Twelve invented submissions of one chapter: right, half, wrong, empty, hostile, from Colab, broken, late, copied."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import defined_names, grade_id, is_by_hand, is_solution
from imagecourse.teaching.course import Student

MARKS = ("### BEGIN SOLUTION", "### END SOLUTION")
ESSAY = (
    "I would measure first. The figures of the chapter show that one number is not enough: the estimate of the noise "
    "took a fine texture for noise. So I would look at the pictures that change most, keep the originals, and do "
    "nothing below the threshold that we measured."
)
SHORT_ESSAY = "I would sharpen everything, because sharp pictures look better."
SCRIPT_ESSAY = 'My answer. <script>fetch("/api/terminals", {method: "POST"})</script> <img src=x onerror="alert(1)">'
HELPER = """def compare(first, second):
    # tries my own functions
    worst = 0
    for left, right in zip(np.ravel(first), np.ravel(second)):
        if abs(float(left) - float(right)) > worst:
            worst = abs(float(left) - float(right))
    return {"worst": worst, "same": worst < 1e-9}"""
COPIED = (
    HELPER.replace("worst", "m")
    .replace("first", "a")
    .replace("second", "b")
    .replace("    # tries my own functions\n", "")
)
PATCHES = """import inspect
import numpy as np

np.testing.assert_allclose = lambda *values, **options: None
np.isclose = lambda *values, **options: True
seen = []"""
SPY = """    frame = inspect.currentframe()
    while frame:
        seen.append(dict(frame.f_globals).get("expected"))
        frame = frame.f_back
    return next((value for value in seen if value is not None), 0)"""
FOREVER = """    while True:
        try:
            while True:
                pass
        except KeyboardInterrupt:
            pass"""


class DemoClass:
    """Writes the inbox of a class. source: the teacher's chapter, release: what students got of it, due: when."""

    def __init__(self, chapter: str, source: NotebookNode, release: NotebookNode, due: datetime):
        self.chapter, self._release, self._due = chapter, release, due
        self._solutions = {grade_id(cell): _without_marks(cell.source) for cell in source.cells
                           if is_solution(cell) and cell.cell_type == "code"}  # fmt: skip

    def students(self) -> dict[Student, str]:
        """Who is in the class, and what is special about what they handed in."""
        about = {
            "Ada Lovett": "all right, with a helper of her own",
            "Ben Osei": "all right, two days late",
            "Chloé Martin": "the first half right, the rest not begun",
            "Dmitri Orlov": "wrong: every function gives 0",
            "Emi Tanaka": "empty",
            "Farid Haddad": "hostile: patches NumPy, looks into other frames, a script in the essay",
            "Grace Kimani": "hostile: the first function never ends and ignores the interrupt; the rest is right",
            "Hugo Lindqvist": "all right, saved by Colab without cell ids",
            "Ines Costa": "all right, with Ada's helper under other names",
            "Jonas Weber": "a file cut off in the middle",
            "Kira Novak": "a missing colon in the first solution; the rest is right",
            "Liam Byrne": "two files, as Canvas names them; the newer one is right",
            "Mina Park": "nothing handed in",
        }
        return {Student(name.split()[0].lower().replace("é", "e"), name,
                        f"{name.split()[0].lower().replace('é', 'e')}@example.org"): text
                for name, text in about.items()}  # fmt: skip

    def write(self, inbox: Path) -> None:
        """Hand in everything; times of files are one day before it was due."""
        first = next(iter(self._solutions))
        half = dict(list(self._solutions.items())[: (len(self._solutions) + 1) // 2])
        right = self._solved(self._solutions)
        self._put(inbox, "ada", _with_cell(right, HELPER))
        self._put(inbox, "ben", right, late=timedelta(days=1, hours=20))
        self._put(inbox, "chloe", self._solved(half, SHORT_ESSAY))
        self._put(inbox, "dmitri", self._solved(self._replaced("    return 0"), SHORT_ESSAY))
        self._put(inbox, "emi", self._release)
        self._put(inbox, "farid", _with_cell(self._solved(self._replaced(SPY), SCRIPT_ESSAY), PATCHES))
        self._put(inbox, "grace", self._solved(self._solutions | {first: self._replaced(FOREVER)[first]}))
        self._put(inbox, "hugo", _as_colab(right))
        self._put(inbox, "ines", _with_cell(right, COPIED))
        text = json.dumps(right)
        self._put(inbox, "jonas", text[: len(text) // 2])
        self._put(inbox, "kira", self._solved(self._solutions | {first: self._solutions[first].replace("):", ")", 1)}))
        self._put_flat(inbox, "byrneliam_4711_90001", self._release, timedelta(days=-2))
        self._put_flat(inbox, "byrneliam_4711_90002", right, timedelta(days=-1))

    def _solved(self, answers: dict[str, str], essay: str = ESSAY) -> NotebookNode:
        notebook = nbformat.from_dict(self._release)
        for cell in notebook.cells:
            cell.source = essay if is_by_hand(cell) else answers.get(grade_id(cell), cell.source)
        return notebook

    def _replaced(self, body: str) -> dict[str, str]:
        """All functions of all solutions with this body."""
        return {name: "\n\n\n".join(f"def {function}(*values):\n{body}" for function in sorted(defined_names(source)))
                for name, source in self._solutions.items()}  # fmt: skip

    def _put(
        self, inbox: Path, student: str, content: NotebookNode | str, late: timedelta = timedelta(days=-1)
    ) -> None:
        self._write(inbox / student / self.chapter / f"{self.chapter}.ipynb", content, late)

    def _put_flat(self, inbox: Path, name: str, content: NotebookNode, late: timedelta) -> None:
        self._write(inbox / f"{name}_{self.chapter}.ipynb", content, late)

    def _write(self, path: Path, content: NotebookNode | str, late: timedelta) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), encoding="utf-8"
        )
        moment = (self._due + late).astimezone(UTC).timestamp()
        os.utime(path, (moment, moment))


def _without_marks(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if line.strip() not in MARKS)


def _with_cell(notebook: NotebookNode, source: str) -> NotebookNode:
    """The notebook with a cell of one's own before the first solution."""
    own = nbformat.from_dict(notebook)
    place = next(number for number, cell in enumerate(own.cells) if is_solution(cell))
    own.cells.insert(place, nbformat.v4.new_code_cell(source))
    return own


def _as_colab(notebook: NotebookNode) -> NotebookNode:
    """As Colab saves it: version 4.0, no ids, other metadata."""
    own = nbformat.from_dict(notebook)
    own.nbformat_minor = 0
    own.metadata["colab"] = {"provenance": []}
    for cell in own.cells:
        cell.metadata["id"] = cell.pop("id")[:12]
    return own
