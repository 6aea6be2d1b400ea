"""One submission run in its process: first all cells with the visible tests, then the judge's questions.

Nothing hidden reaches the process before all messages that a student may see have left it. A cell that does not come
to its end loses its own exercise: the process is interrupted or started again, earlier cells run again, and later
exercises are still looked at. Each time-out halves the time of the cells to come, so all of them together cost less
than twice the limit.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from nbformat import NotebookNode

from imagecourse.exercises.cells import grade_id, is_solution, is_test
from imagecourse.exercises.outcomes import NOT_RUN, TIMED_OUT, Outcome
from imagecourse.exercises.points import Group, split_points
from imagecourse.teaching.judging.bench import Judge, Verdict
from imagecourse.teaching.judging.child import Child, ChildStoppedError
from imagecourse.teaching.judging.given import bound_names, used_names
from imagecourse.teaching.judging.outputs import clean_outputs, error_output

MOST_RESTARTS = 3
LEAST_SECONDS = 1.0
EXTRA = "extra-"  # how ids of the student's own cells begin
LEFT_OUT = "It needs cells that did not come to their end."
ENDED = "The run was stopped: too much of the notebook does not come to its end."


@dataclass
class Visible:
    """How the visible tests of an exercise went. errors: by the title of their group, None for one that passed.

    stopped: why it was not tested to the end. kinds, values: what the names are that its tests ask for.
    """

    errors: dict[str, dict | None] = field(default_factory=dict)
    stopped: Outcome | None = None
    kinds: dict[str, str] = field(default_factory=dict)
    values: list[bytes] = field(default_factory=list)


class Run:
    """One submission. notebook: staged; its outputs are filled in. start: gives its process. seconds: for each cell.

    asked: by exercise, the names that its tests ask for.
    """

    def __init__(self, notebook: NotebookNode, start: Callable[[], Child], seconds: float, asked: dict[str, list[str]]):
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        self._cells = code[: max((number + 1 for number, cell in enumerate(code) if is_test(cell)), default=0)]
        self._start, self._seconds, self._asked = start, seconds, asked
        self._child: Child | None = None
        self._skipped: set[int] = set()
        self._timeouts, self._restarts, self._reached, self._gone = 0, 0, -1, True
        self._solutions: dict[str, Outcome] = {}  # solution cells that did not come to their end
        self._avoided: set[str] = set()  # names of functions that did not
        self.solution_errors: dict[str, dict] = {}
        self.stopped = ""

    def close(self) -> None:
        """End the process."""
        if self._child:
            self._child.close()

    def show_visible(self) -> dict[str, Visible]:
        """Run all cells with the visible tests; gives how each exercise went. Raises: ChildStoppedError."""
        self._child, self._gone = self._start(), False
        found: dict[str, Visible] = {}
        solution = ""
        for number, cell in enumerate(self._cells):
            solution = grade_id(cell) if is_solution(cell) else solution
            if is_test(cell):
                found[grade_id(cell)] = Visible(stopped=self._solutions.get(solution))
            if self.stopped and is_test(cell):
                found[grade_id(cell)].stopped = Outcome(NOT_RUN, self.stopped)
            if self.stopped or self._is_avoided(cell, number):
                continue
            self._reached = number
            try:
                self._perform(cell, number, found.get(grade_id(cell)))
            except ChildStoppedError as error:
                blamed = self._note(cell, number, found, _outcome(error))
                self._begin_again(number)
                if not blamed:
                    self.stopped = self.stopped or f"The run was stopped: in a cell of the chapter, {error}."
        return found

    def _is_avoided(self, cell: NotebookNode, number: int) -> bool:
        """Whether a cell that is not graded would call a function that did not come to its end before."""
        if is_test(cell) or is_solution(cell) or not self._avoided & _names(used_names, cell):
            return False
        self._skipped.add(number)
        self._avoided |= _names(bound_names, cell)
        return True

    def _perform(self, cell: NotebookNode, number: int, visible: Visible | None) -> None:
        if visible is None:
            error, late, cell.outputs = self._execute(cell.source)
            if is_solution(cell) and error:
                self.solution_errors[grade_id(cell)] = error
            if late:
                self._note(cell, number, {}, self._too_long())
            return
        for group in split_points(cell.source) if not visible.stopped else []:
            error, late, outputs = self._execute(group.source)
            cell.outputs += outputs
            visible.errors[group.title] = error and error | {"line": _place(error, group)}
            if error and error.get("name") == "NameError" and self._avoided & set(str(error.get("text")).split("'")):
                visible.stopped = Outcome(NOT_RUN, LEFT_OUT)
            if late:
                self._note(cell, number, {grade_id(cell): visible}, self._too_long())
                break
        self._keep(cell, visible)

    def _keep(self, cell: NotebookNode, visible: Visible) -> None:
        exercise = grade_id(cell)
        head = {"do": "keep", "exercise": exercise, "names": self._asked.get(exercise, [])}
        reply, pieces, late = self._child.ask(head, [], self._allowance())
        if late:
            raise ChildStoppedError("the code ran too long", True)
        kinds = reply.get("kinds")
        if isinstance(kinds, dict):
            visible.kinds = {str(name): str(kind) for name, kind in kinds.items() if name in head["names"]}
            visible.values = pieces

    def _execute(self, source: str) -> tuple[dict | None, bool, list]:
        """Run code. Gives: its error, whether it took too long, its outputs."""
        try:
            reply, pieces, late = self._child.ask({"do": "run"}, [source.encode()], self._allowance())
        except ChildStoppedError as error:
            self._timeouts += error.timed_out
            raise
        self._timeouts += late
        try:
            content = json.loads(pieces[0])
            error, outputs = content["error"], clean_outputs(content["outputs"])
        except (ValueError, LookupError, TypeError, RecursionError):
            error, outputs = {"name": str(reply.get("failed", "Error")), "text": ""}, []
        error = None if error is None else error if isinstance(error, dict) else {"name": "Error", "text": ""}
        if late and error is None:
            error = {"name": "KeyboardInterrupt", "text": ""}
        return error, late, [*outputs, *([error_output(error)] if error else [])]

    def _allowance(self) -> float:
        return max(LEAST_SECONDS, self._seconds * 0.5**self._timeouts)

    def _too_long(self) -> Outcome:
        return Outcome(TIMED_OUT, f"It ran longer than {self._seconds * 0.5 ** (self._timeouts - 1):.3g} s.")

    def _note(self, cell: NotebookNode, number: int, found: dict[str, Visible], outcome: Outcome) -> bool:
        """Remember a cell that did not come to its end, so that neither it nor what it called runs again.

        Gives: whether the student's code was in it.
        """
        self._skipped.add(number)
        solutions = [each for each in self._cells[: number + 1] if is_solution(each)]
        if is_test(cell) or is_solution(cell):
            self._avoided |= _names(bound_names, solutions[-1]) if solutions else set()
        elif not cell.id.startswith(EXTRA):
            defined = set().union(*(_names(bound_names, each) for each in solutions))
            called = defined & _names(used_names, cell)
            self._avoided |= called | _names(bound_names, cell)
            return bool(called)
        if is_test(cell):
            found[grade_id(cell)].stopped = outcome
        elif is_solution(cell):
            self._solutions[grade_id(cell)] = outcome
        return True

    def _begin_again(self, last: int) -> None:
        """Start the process again, and run the cells up to this one that came to their end."""
        self._child.close()
        self._restarts, self._gone = self._restarts + 1, True
        if self._restarts > MOST_RESTARTS:
            self.stopped = ENDED
            return
        deadline = time.monotonic() + self._seconds
        try:
            self._child = self._start()
            for number, cell in enumerate(self._cells[: last + 1]):
                if time.monotonic() > deadline:
                    raise ChildStoppedError("running earlier cells again took too long", True)
                if number not in self._skipped or is_test(cell):
                    self._repeat(cell, number in self._skipped)
            self._gone = False
        except ChildStoppedError as error:
            self.stopped = f"The run was stopped: {error}."

    def _repeat(self, cell: NotebookNode, skip: bool) -> None:
        for group in [] if skip else split_points(cell.source) if is_test(cell) else [Group(cell.source, None, "", 0)]:
            self._execute(group.source)
        if is_test(cell):
            self._keep(cell, Visible())

    def judge(self, exercise: str, visible: Visible, judge: Judge, personal: dict) -> tuple[Verdict, Outcome | None]:
        """Let an exercise be judged. Gives: the verdict, and why it did not come to its end, None where it did."""
        if self._gone and self._restarts <= MOST_RESTARTS:
            self._begin_again(self._reached)
        if self._gone:
            return Verdict(), Outcome(NOT_RUN, self.stopped)
        left, stop = self._allowance(), None

        def ask(head: dict, pieces: list[bytes]) -> tuple[dict, list[bytes]]:
            nonlocal left, stop
            if stop:
                return {"do": "stopped"}, []
            begun = time.monotonic()
            try:
                reply, content, late = self._child.ask(head, pieces, max(0.05, left))
            except ChildStoppedError as error:
                self._gone, late, stop = True, error.timed_out, _outcome(error)
            left -= time.monotonic() - begun
            if late:
                self._timeouts += 1
                stop = stop or self._too_long()
            return ({"do": "stopped"}, []) if stop else (reply, content)

        return judge.judge(exercise, visible.kinds, visible.values, personal, ask, self._seconds), stop


def _names(find: Callable[[str], set[str]], cell: NotebookNode) -> set[str]:
    """Names in a cell; none where it is not plain Python."""
    try:
        return find(cell.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def _outcome(error: ChildStoppedError) -> Outcome:
    return Outcome(TIMED_OUT if error.timed_out else NOT_RUN, f"It was stopped: {error}.")


def _place(error: dict, group: Group) -> int:
    line = error.get("line")
    return line + group.line if type(line) is int and line > 0 else 0
