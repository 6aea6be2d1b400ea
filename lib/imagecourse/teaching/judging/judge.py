"""The process that judges: it runs the teacher's own cells and all tests, and asks the student's process for results.

`python -m imagecourse.teaching.judging.judge BYTES`, with the memory it may use. It never runs the student's code. What
comes back is plain data, and what it gives is which groups of asserts passed.
"""

import ast
import json
import os
import sys
from typing import Any, BinaryIO

from imagecourse.exercises.points import split_points
from imagecourse.teaching.judging import wire
from imagecourse.teaching.judging.given import TEST, Cell, Needs, bound_names, needs_of
from imagecourse.teaching.judging.proxies import BrokenTestError, Questions, StudentStoppedError


class Judge:
    """Judges one chapter, for one student after the other."""

    def __init__(self, source: BinaryIO, sink: BinaryIO):
        self._source, self._sink = source, sink
        self._begin([])

    def _begin(self, cells: list[Cell]) -> None:
        self._cells = cells
        self._needs: dict[str, Needs] = {}
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._snapshots: dict[str, dict] = {}
        self._ran: set[int] = set()

    def serve(self) -> None:
        """Answer messages until there are no more."""
        actions = {"chapter": self._take_chapter, "prepare": self._get_ready, "judge": self._judge}
        while True:
            try:
                head, pieces = wire.receive(self._source)
            except EOFError:
                return
            try:
                reply = actions[head["do"]](head, pieces)
            except BrokenTestError as error:
                reply = {"broken": str(error)}
            wire.send(self._sink, {"do": "verdict"} | reply)

    def _take_chapter(self, head: dict, pieces: list[bytes]) -> dict:
        """Learn the chapter's cells; gives the names that each exercise has to ask the student for."""
        self._begin([Cell(*cell) for cell in json.loads(pieces[0])])
        for number, cell in enumerate(self._cells):
            if cell.role == TEST:
                self._needs[cell.name] = needs_of(number, self._cells, set(head["personal"]))
        return {"asked": {name: needs.asked for name, needs in self._needs.items()}}

    def _get_ready(self, head: dict, _: list[bytes]) -> dict:
        """Run what the chapter's own cells give for a test, which may take long."""
        self._prepare(head["exercise"])
        return {}

    def _judge(self, head: dict, pieces: list[bytes]) -> dict:
        """Run a test, group by group. Gives: for each group its `reason` to fail, empty where it passed."""
        name = head["exercise"]
        source = next(cell.source for cell in self._cells if cell.name == name and cell.role == TEST)
        names = dict(self._prepare(name))
        questions = Questions(self._exchange, name, names)
        names.update(head["personal"])
        names.update(questions.answers(head["kinds"], pieces))
        for number in self._needs[name].own:
            _run(self._cells[number], names)
        questions.given = dict(names)  # without what the test itself binds
        reasons = [_reason(group.source, names) for group in split_points(source)]
        questions.restore()
        if questions.broken:
            return {"broken": questions.broken}
        return {"reasons": reasons, "problem": questions.problem}

    def _prepare(self, name: str) -> dict:
        """Names as the chapter's own cells leave them before a test; each cell runs once, for all students."""
        for exercise, needs in self._needs.items():
            if exercise not in self._snapshots:
                fresh = [number for number in needs.shared if number not in self._ran]
                bound = set().union(*(bound_names(self._cells[number].source) for number in fresh))
                if bound & self._names.keys() - {"__name__"}:  # a name gets another value: functions keep the old one
                    self._names, self._ran, fresh = {"__name__": "__main__"}, set(), needs.shared
                for number in fresh:
                    _run(self._cells[number], self._names)
                    self._ran.add(number)
                self._snapshots[exercise] = dict(self._names)
            if exercise == name:
                break
        return self._snapshots[name]

    def _exchange(self, head: dict, pieces: list[bytes]) -> tuple[dict, list[bytes]]:
        wire.send(self._sink, head, pieces)
        return wire.receive(self._source)


def _reason(source: str, names: dict) -> str:
    """Why a group of asserts fails; empty where it passes."""
    try:
        exec(compile(ast.parse(source), "<test>", "exec"), names)
    except AssertionError:
        return "wrong"
    except StudentStoppedError:
        return "stopped"
    except Exception as error:
        return type(error).__name__
    return ""


def _run(cell: Cell, names: dict) -> None:
    try:
        exec(compile(cell.source, "<cell>", "exec"), names)
    except Exception as error:
        raise BrokenTestError(f"a cell of the chapter fails, {type(error).__name__}: {error}") from error


def _bound_memory(size: int) -> None:
    """A network that a student describes may be of any size: what is too large fails here, and takes nothing along."""
    if os.name == "posix":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def main() -> None:
    _bound_memory(int(sys.argv[1]))
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    sys.path[0] = ""
    Judge(source, sink).serve()


if __name__ == "__main__":
    main()
