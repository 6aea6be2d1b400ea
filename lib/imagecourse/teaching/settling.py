"""From what the visible tests and the judge found to an outcome: points, and a reason for each point that is lost."""

import builtins
from dataclasses import replace

from imagecourse.exercises.outcomes import FAILED, NOT_RUN, Outcome, syntax_error
from imagecourse.exercises.points import split_points, sum_up
from imagecourse.teaching.judging.bench import Verdict
from imagecourse.teaching.judging.running import Visible
from imagecourse.teaching.told import tell

HIDDEN_FAILED = "The tests you can see pass; a further test, on other values, does not."
NOT_JUDGED = "This exercise could not be judged; it is not your fault, and your teacher hears of it."


def worth_judging(visible: Visible, solution: str) -> bool:
    """Whether any group of asserts can still give points. solution: the student's cell."""
    shared_fails = visible.errors.get("") is not None
    passed = [title for title, error in visible.errors.items() if error is None]
    return (
        not visible.stopped and not syntax_error(solution) and not shared_fails and bool(passed or not visible.errors)
    )


def settle(
    points: float, test: str, shown: str, solution: str, visible: Visible, solution_error: dict | None,
    verdict: Verdict | None, stop: Outcome | None,
) -> Outcome:  # fmt: skip
    """The outcome of an exercise.

    points: of the whole exercise; test: its full source, shown: the released part. solution: the student's cell, and
    solution_error what it raised. verdict: None where the judge was not asked; stop: why judging came to no end.
    """
    if visible.stopped:
        return visible.stopped
    if wrong := syntax_error(solution):
        return Outcome(FAILED, wrong)
    if verdict and verdict.broken:
        return Outcome(NOT_RUN, NOT_JUDGED)
    groups = split_points(test)
    reasons = verdict.reasons if verdict and verdict.reasons else ["stopped" if stop else ""] * len(groups)
    lost = {}
    for group, reason in zip(groups, reasons, strict=True):
        error = visible.errors.get(group.title)
        if error is not None:
            lost[group.title] = _visible_words(error, shown, solution_error)
        elif reason:
            lost[group.title] = _hidden_words(reason, verdict, stop)
    outcome = sum_up(points, groups, lost)
    return replace(outcome, status=stop.status) if stop and not outcome.points else outcome


def _hidden_words(reason: str, verdict: Verdict | None, stop: Outcome | None) -> str:
    if reason == "stopped" and stop:
        return stop.message
    return f"{verdict.problem}; plain data is wanted." if verdict and verdict.problem else HIDDEN_FAILED


def _visible_words(error: dict, shown: str, solution_error: dict | None) -> str:
    """A name that is missing because the cell that should define it failed is that cell's failure."""
    if error.get("name") == "NameError" and solution_error:
        name = str(solution_error.get("name", ""))
        line = solution_error.get("line")
        place = f", in line {line}" if type(line) is int and line > 0 else ""
        known = name.isidentifier() and isinstance(getattr(builtins, name, None), type)
        return f"The cell of your solution fails: {name if known else 'an error'}{place}."
    return tell(error, shown)
