"""A graded notebook that is safe to show in a browser: nothing a student wrote or put out is markup or runs there."""

import re

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import grade_id, is_solution, is_test
from imagecourse.exercises.outcomes import PASSED, Outcome
from imagecourse.teaching.judging.outputs import clean_text

FENCE = "~"


def for_gradebook(notebook: NotebookNode, source: NotebookNode, outcomes: dict[str, Outcome]) -> NotebookNode:
    """The notebook as nbgrader shows it: tests in full, an error under each that loses points, text as text.

    notebook: staged, with outputs that were cleaned when they came. source: the teacher's.
    """
    harmless = nbformat.from_dict(notebook)
    tests = {grade_id(cell): cell.source for cell in source.cells if is_test(cell)}
    released = {cell.source for cell in source.cells}
    for cell in harmless.cells:
        cell.pop("attachments", None)
        if cell.cell_type != "code" and (is_solution(cell) or cell.source not in released):
            cell.cell_type, cell.source = "markdown", as_literal_text(cell.source)
        elif is_test(cell):
            outcome = outcomes[grade_id(cell)]
            cell.source, cell.outputs = tests[grade_id(cell)], []
            if outcome.status != PASSED:
                text = outcome.message or outcome.status
                cell.outputs = [nbformat.v4.new_output("error", ename=outcome.status, evalue=text, traceback=[text])]
    return harmless


def as_literal_text(text: str) -> str:
    """Markdown that shows this text letter by letter: a fenced block that nothing inside can close."""
    text = clean_text(text)
    longest = max(map(len, re.findall(rf"{FENCE}+", text)), default=0)
    fence = FENCE * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
