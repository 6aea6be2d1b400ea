"""The grader's side of a judge: one chapter, many students."""

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

from nbformat import NotebookNode

from imagecourse.exercises.cells import grade_id, is_solution, is_test
from imagecourse.teaching.judging.child import Child, ChildStoppedError
from imagecourse.teaching.judging.given import GIVEN, SOLUTION, TEST

LONGEST_PREPARING = 1800.0  # seconds, for the chapter's own cells
Ask = Callable[[dict, list[bytes]], tuple[dict, list[bytes]]]


@dataclass(frozen=True)
class Verdict:
    """What the judge found. reasons: for each group of asserts why it fails, empty where it passes.

    problem: what was wrong with what came back, for the student. broken: why the test cannot be judged.
    """

    reasons: list[str] = field(default_factory=list)
    problem: str = ""
    broken: str = ""


class Judge:
    """Judges the exercises of one chapter.

    chapter: the teacher's notebook, with the parameters that it is graded with. start: gives a judge's process.
    personal: names whose value differs from student to student.
    """

    def __init__(self, chapter: NotebookNode, start: Callable[[], Child], personal: set[str]):
        code = [cell for cell in chapter.cells if cell.cell_type == "code"]
        self._cells = [(cell.source, TEST if is_test(cell) else SOLUTION if is_solution(cell) else GIVEN,
                        grade_id(cell)) for cell in code]  # fmt: skip
        self._start, self._personal = start, sorted(personal)
        self._child: Child | None = None
        self._asked: dict[str, list[str]] = {}

    def asked(self, exercise: str) -> list[str]:
        """The names that an exercise asks the student for."""
        self._wake()
        return self._asked.get(exercise, [])

    def judge(
        self, exercise: str, kinds: dict, values: list[bytes], personal: dict, ask: Ask, seconds: float
    ) -> Verdict:
        """Judge an exercise. kinds, values: what the student's names are; ask: sends a question to the student.

        seconds: for each step between two questions.
        """
        try:
            self._wake()
            head, _ = self._step({"do": "prepare", "exercise": exercise}, [], LONGEST_PREPARING)
            message, pieces = {"do": "judge", "exercise": exercise, "kinds": kinds, "personal": personal}, values
            while not head.get("broken"):
                head, pieces = self._step(message, pieces, seconds)
                if head["do"] == "verdict":
                    break
                message, pieces = ask(head, pieces)
        except ChildStoppedError as error:
            self.close()
            return Verdict(broken=f"the judge stopped: {error}")
        return Verdict(head.get("reasons", []), head.get("problem", ""), head.get("broken", ""))

    def _step(self, message: dict, pieces: list[bytes], seconds: float) -> tuple[dict, list[bytes]]:
        head, pieces, late = self._child.ask(message, pieces, seconds)
        if late:
            raise ChildStoppedError(f"it took more than {seconds:g} s")
        return head, pieces

    def _wake(self) -> None:
        if self._child is None:
            self._child = self._start()
            content = [json.dumps(self._cells).encode()]
            head, _, _ = self._child.ask({"do": "chapter", "personal": self._personal}, content, LONGEST_PREPARING)
            self._asked = head["asked"]

    def close(self) -> None:
        """End the process."""
        if self._child is not None:
            with contextlib.suppress(OSError):
                self._child.close()
            self._child = None
