"""Points inside a test: `# 2 points: what for` starts a group of asserts that gives its points by itself."""

import ast
import re
from dataclasses import dataclass

from imagecourse.exercises.outcomes import FAILED, PARTLY, PASSED, Outcome

GROUP = re.compile(r"^# (\d+(?:\.\d+)?) points?: *(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Group:
    """Part of a test. points: what it gives, None where the test has no groups, 0 for lines before the first group.

    title: what the points are for. line: where it starts in the test, from 0.
    """

    source: str
    points: float | None
    title: str
    line: int


def split_points(source: str) -> list[Group]:
    """The groups of a test in their order; the whole test as one where it has none.

    Lines before the first group are one by themselves: they set up what the others share, and all need them.
    """
    marks = list(GROUP.finditer(source))
    if not marks:
        return [Group(source, None, "", 0)]
    places = [*(mark.start() for mark in marks), len(source)]
    groups = [Group(source[start:end].rstrip("\n"), float(mark[1]), mark[2].strip(), source.count("\n", 0, start))
              for mark, start, end in zip(marks, places[:-1], places[1:], strict=True)]  # fmt: skip
    return [Group(source[: places[0]].rstrip("\n"), 0.0, "", 0), *groups] if source[: places[0]].strip() else groups


def sum_up(points: float, groups: list[Group], lost: dict[str, str]) -> Outcome:
    """The outcome of a test. points: of the whole test; lost: why, by the title of each group that did not pass."""
    if not lost:
        return Outcome(PASSED, points=points)
    if groups[0].points is None or "" in lost:
        return Outcome(FAILED, next(iter(lost.values())))
    earned = sum(group.points for group in groups if group.title not in lost)
    words = [f"−{group.points:g}: {group.title}. {lost[group.title]}" for group in groups if group.title in lost]
    return Outcome(PARTLY if earned else FAILED, "\n".join(words), earned)


def check_points(source: str, points: float) -> None:
    """Raise ValueError where the groups of a test do not add up to its points, or one needs another."""
    groups = split_points(source)
    if groups[0].points is None:
        return
    given = sum(group.points for group in groups)
    if given != points:
        raise ValueError(f"its groups give {given:g} points, the cell {points:g}; make both the same")
    titles = [group.title for group in groups]
    if len(set(titles)) < len(titles):
        raise ValueError("two groups have the same title; say what each is for")
    trees = [_parse(group) for group in groups]
    bound = [_names(tree, ast.Store) for tree in trees]
    shared = bound[0] if groups[0].points == 0 else set()
    for number, tree in enumerate(trees):
        foreign = set().union(*bound[:number]) - shared - bound[number]
        if missing := sorted(_names(tree, ast.Load) & foreign):
            place = "before the first group, or in each"
            raise ValueError(f"the group “{titles[number]}” needs {missing[0]} of another group; bind it {place}")


def _parse(group: Group) -> ast.Module:
    try:
        return ast.parse(group.source)
    except SyntaxError as error:
        raise ValueError(f"the group “{group.title}” is no code of its own; start it between statements") from error


def _names(tree: ast.Module, context: type) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
