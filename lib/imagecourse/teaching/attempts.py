"""Which of several versions of a submission counts: the newest, or the best."""

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from imagecourse.exercises.cells import LARGEST_NOTEBOOK
from imagecourse.files import read_json
from imagecourse.teaching.course import BEST
from imagecourse.teaching.inbox import Found
from imagecourse.teaching.submission import OUTCOME, SUBMITTED, Task, read_record


def chosen(candidates: list[Found], policy: str) -> list[Found]:
    """What to grade of the notebooks that somebody handed in at once, the newest last, and what to say of it."""
    if len(candidates) < 2:
        return candidates
    names = ", ".join(found.path.name for found in candidates)
    if policy == BEST:
        return [replace(found, remarks=(*found.remarks, f"one of {len(candidates)} notebooks: {names}"))
                for found in candidates]  # fmt: skip
    newest = candidates[-1]
    remark = f"{len(candidates)} notebooks: {names}; graded is {newest.path.name}, the newest"
    return [replace(newest, remarks=(*newest.remarks, remark))]


def kept_from_before(tasks: list[Task]) -> list[Task]:
    """Tasks for versions that were handed in and graded before and have been replaced since."""
    contents = {(task.student, task.chapter, _content(task.path)) for task in tasks}
    more = []
    for task in {(task.student, task.chapter): task for task in tasks}.values():
        for copy in sorted(task.folder.glob(f"*/{SUBMITTED}")):
            if copy.with_name(OUTCOME).is_file() and (task.student, task.chapter, _content(copy)) not in contents:
                contents.add((task.student, task.chapter, _content(copy)))
                received = datetime.fromisoformat(read_json(copy.with_name(OUTCOME))["received"])
                more.append(replace(task, path=copy, received=received, remarks=("an earlier attempt",)))
    return more


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_NOTEBOOK else b""
    except OSError:
        return b""


def counting(tasks: list[Task], policy: str) -> list[Task]:
    """The one graded version of each student's chapter that counts."""
    groups: dict[tuple, list[Task]] = defaultdict(list)
    for task in tasks:
        groups[task.student, task.chapter].append(task)
    if policy == BEST:
        return [max(group, key=lambda task: (_points(task), -task.received.timestamp())) for group in groups.values()]
    return [group[-1] for group in groups.values()]


def _points(task: Task) -> float:
    return sum(outcome["points"] for outcome in read_record(task)["outcomes"].values())
