"""What feedback tells a student about a visible test: words of the release and numbers, nothing that code made up."""

import ast
import builtins
import re

from imagecourse.exercises.outcomes import NOT_DONE, comparison

SHORT_LINE = 160  # characters
WORDS = (
    r"ACTUAL|DESIRED|array|nan|inf|True|False|dtype|u?int\d+|float\d+|complex\d+|bool|shapes?|mismatch|location|None"
)
NUMBERS = re.compile(rf"(?:{WORDS}|[\d\s\[\](){{}},.:;+\-=%…]|(?<=[\d.])[ej])*")
IN_FULL = "Run the test's cell to see the whole message."


def tell(error: dict, source: str) -> str:
    """An error of a visible test. error: `name`, `text` and `line` as the student's kernel gives them; source: the
    test as released. Quoted are only its own text, its own lines, numbers, and names of Python's own errors."""
    name, text = str(error.get("name", "")), str(error.get("text", ""))
    if name == "NotImplementedError":
        return NOT_DONE
    statement = _statement(source, error.get("line"))
    if name == "AssertionError":
        said = _released_texts(source)
        lines = comparison(text)
        if lines:
            kept = [line for line in lines if line in said or NUMBERS.fullmatch(line)]
            return "\n".join(kept if any(line in said for line in kept) else [f"This differs: {statement}", *kept])
        return text.strip() if text.strip() in said else f"This does not hold: {statement}"
    known = isinstance(getattr(builtins, name, None), type)
    return f"{name if known else 'An error of its own kind'} in this line: {statement}\n{IN_FULL}"


def _released_texts(source: str) -> set[str]:
    constants = [node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)]
    return {line.strip() for value in constants if isinstance(value, str) for line in (value, *value.splitlines())}


def _statement(source: str, line: object) -> str:
    """The statement of the test at a line, shortened."""
    found = [node for node in ast.parse(source).body if type(line) is int and node.lineno <= line <= node.end_lineno]
    text = (ast.get_source_segment(source, found[0]) if found else "") or "the test"
    short = " ".join(text.split())
    return short if len(short) <= SHORT_LINE else short[: SHORT_LINE - 1] + "…"
