"""How an exercise went, and what its student is told."""

from dataclasses import dataclass

PASSED, FAILED, NOT_RUN, TIMED_OUT, ANSWERED, EMPTY = "passed", "failed", "not run", "timed out", "answered", "empty"
NOT_DONE = "Not done: the cell still raises NotImplementedError."


@dataclass(frozen=True)
class Outcome:
    """How one exercise went: `status` as named above, `message` for its student."""

    status: str
    message: str = ""


def in_words(error: str) -> str:
    """The error of a visible test for its student."""
    if error.startswith("NotImplementedError"):
        return NOT_DONE
    kind, _, text = error.partition(":")
    lines = text.strip().splitlines()
    if kind == "AssertionError" and lines:
        if lines[0].startswith("Not equal to tolerance"):
            lines = [line for line in lines[1:] if line and not line.startswith((" ", "Mismatch at"))][:3]
        return "\n".join(lines)
    return error or "The tests did not come to their end."
