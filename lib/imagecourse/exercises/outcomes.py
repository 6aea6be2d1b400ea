"""How an exercise went, and what its student is told."""

import ast
import re
from dataclasses import dataclass

PASSED, PARTLY, FAILED, NOT_RUN, TIMED_OUT = "passed", "partly right", "failed", "not run", "timed out"
ANSWERED, EMPTY = "answered", "empty"
NOT_DONE = "Not done: the cell still raises NotImplementedError."
NUMPY_HEADINGS = ("Not equal to tolerance", "Arrays are not", "Items are not equal")
VALUES = re.compile(r"^ ACTUAL: .*", re.MULTILINE | re.DOTALL)
REASONS = re.compile(r"^\(shapes .* mismatch\)$|^\w+ location mismatch:$")
MOST_LINES = 12  # of compared values


@dataclass(frozen=True)
class Outcome:
    """How one exercise went: `status` as named above, `message` for its student, `points` that its tests give."""

    status: str
    message: str = ""
    points: float = 0.0


def in_words(error: str) -> str:
    """The error of a visible test, as `NAME: TEXT`, for its student."""
    if error.startswith("NotImplementedError"):
        return NOT_DONE
    kind, _, text = error.partition(":")
    if kind == "AssertionError" and text.strip():
        return "\n".join(comparison(text) or text.strip().splitlines())
    return error or "The tests did not come to their end."


def comparison(text: str) -> list[str]:
    """Lines of what NumPy says of two values that differ: the test's own message, then both; none for another text."""
    lines = text.strip().splitlines()
    values = VALUES.search(text)
    if not lines or not lines[0].startswith(NUMPY_HEADINGS) or not values:
        return []
    said = [line for line in lines[1:3] if line and not line.startswith((" ", "Mismatch", "Max ", "item="))]
    reason = [line for line in lines if REASONS.match(line) and line not in said]
    shown = values[0].splitlines()
    return [*said, *reason, *shown[:MOST_LINES], *(["…"] if len(shown) > MOST_LINES else [])]


def syntax_error(source: str) -> str:
    """What keeps a cell from being Python, with its line, in words; empty where nothing does."""
    from IPython.core.inputtransformer2 import TransformerManager

    try:
        ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError as error:
        return f"The cell of your solution is no Python yet: {error.msg}, in line {error.lineno}."
    except (ValueError, RecursionError, MemoryError):
        return "The cell of your solution is no Python yet."
    return ""
