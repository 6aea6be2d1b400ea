"""One submission graded: read, staged, run, every exercise judged, and the outcome kept in a file of its own."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import find_exercises, grade_id, is_by_hand, is_solution, is_test, read_notebook
from imagecourse.exercises.outcomes import ANSWERED, EMPTY, NOT_RUN, Outcome
from imagecourse.exercises.variants import PARAMETER
from imagecourse.files import atomic_path, read_json, write_json
from imagecourse.teaching.harmless import for_gradebook
from imagecourse.teaching.inbox import companions
from imagecourse.teaching.judging.bench import Judge
from imagecourse.teaching.judging.child import Child, ChildStoppedError
from imagecourse.teaching.judging.running import Run
from imagecourse.teaching.judging.sandbox import Limits
from imagecourse.teaching.remarks import ready_made, unusual
from imagecourse.teaching.settling import settle, worth_judging
from imagecourse.teaching.staging import stage

UNREADABLE = "cannot be read"
OUTCOME = "outcome.json"
SUBMITTED = "submitted.ipynb"  # a copy of what was handed in, beside its outcome
VERSION = 2  # of what is kept for each submission


@dataclass(frozen=True)
class Task:
    """One submission: `path` of its notebook, `chapter` of the teacher's, `release` what students got of it.

    output: the grader's folder. parameters: values for the notebook's. received: when it came in. remarks: on how it
    came in. earlier: visible tests of earlier releases, by grade id.
    """

    student: str
    path: Path
    chapter: Path
    output: Path
    limits: Limits
    walls: str
    parameters: dict
    source: NotebookNode
    release: NotebookNode
    received: datetime
    remarks: tuple[str, ...] = ()
    earlier: dict[str, list[str]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where all that is kept of this student's chapter lies, a folder for each attempt."""
        return self.output / "results" / self.student / self.chapter.stem

    def fingerprint(self) -> str:
        """Changes when grading it again could give something else."""
        digest = hashlib.sha256(repr((VERSION, self.limits, self.walls, self.parameters, self.student)).encode())
        digest.update(self.chapter.read_bytes())
        for path in (self.path, *companions(self.path)):
            digest.update(_content(path))
        return digest.hexdigest()[:32]


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes() if path.is_file() and not path.is_symlink() else b""
    except OSError as error:
        return str(error.errno).encode()


def attempt_folder(task: Task) -> Path:
    """Where the outcome of this very version is kept."""
    return task.folder / task.fingerprint()


def is_graded(task: Task) -> bool:
    """Whether this very submission was graded before, with the same settings."""
    return (attempt_folder(task) / OUTCOME).is_file()


def read_record(task: Task) -> dict:
    """What `grade_one` kept."""
    return read_json(attempt_folder(task) / OUTCOME)


def grade_one(task: Task, judge: Judge, start: Callable[[dict[str, bytes]], Child]) -> None:
    """Grade one submission, whatever it does, and keep the outcome: outcome.json and notebook.ipynb.

    judge: of its chapter. start: gives a process to run it in, from the files that come with it.
    """
    begun = time.monotonic()
    notebook, outcomes, stopped, remarks = _attempt(task, judge, start)
    outcomes = _complete(notebook, nbformat.from_dict(task.release), outcomes, stopped)
    kept = {"fingerprint": task.fingerprint(), "chapter": task.chapter.stem, "stopped": stopped, "remarks": remarks,
            "received": task.received.astimezone(UTC).isoformat(), "seconds": round(time.monotonic() - begun, 2),
            "outcomes": {name: asdict(outcome) for name, outcome in outcomes.items()},
            "answers": _answers(notebook)}  # fmt: skip
    folder = attempt_folder(task)
    if notebook:
        with atomic_path(folder / SUBMITTED) as temporary:
            temporary.write_bytes(task.path.read_bytes())
    with atomic_path(folder / "notebook.ipynb") as temporary:
        nbformat.write(for_gradebook(notebook or task.release, task.source, outcomes), temporary)
    write_json(folder / OUTCOME, kept, indent=1)


def _attempt(
    task: Task, judge: Judge, start: Callable[[dict[str, bytes]], Child]
) -> tuple[NotebookNode | None, dict[str, Outcome], str, list[str]]:
    """Read and run a submission. Gives: its staged notebook, outcomes, why it was stopped, remarks."""
    remarks = list(task.remarks)
    try:
        submitted = read_notebook(task.path)
    except ValueError as error:
        return None, {}, f"{UNREADABLE}: {error}", remarks
    notebook = None
    try:
        parameters = task.parameters | {PARAMETER: task.student}
        staged = stage(submitted, nbformat.from_dict(task.release), parameters, task.earlier)
        notebook = staged.notebook
        remarks += [*staged.remarks, *unusual(notebook, task.release), *ready_made(notebook, task.source)]
        outcomes, stopped, more = _run(task, notebook, judge, start)
        return notebook, outcomes, stopped, remarks + more
    except ChildStoppedError as error:
        return notebook, {}, f"did not run: {error}", remarks
    except Exception as error:  # no submission may stop the others
        return notebook, {}, f"did not run: {type(error).__name__}: {str(error)[:200]}", remarks


def _run(
    task: Task, notebook: NotebookNode, judge: Judge, start: Callable[[dict[str, bytes]], Child]
) -> tuple[dict[str, Outcome], str, list[str]]:
    """Run a staged notebook and let its exercises be judged. Gives: outcomes, why it was stopped early, remarks."""
    files = {path.relative_to(task.path.parent).as_posix(): path.read_bytes() for path in companions(task.path)}
    tests = {grade_id(cell): cell.source for cell in task.source.cells if is_test(cell)}
    shown = {grade_id(cell): cell.source for cell in task.release.cells if is_test(cell)}
    answers = {grade_id(cell): cell.source for cell in notebook.cells if is_solution(cell)}
    exercises = {exercise.name: exercise for exercise in find_exercises(task.release)}
    run = Run(notebook, lambda: start(files), task.limits.seconds, {name: judge.asked(name) for name in tests})
    outcomes, remarks = {}, []
    try:
        for name, visible in run.show_visible().items():
            solution, verdict, stop = answers.get(exercises[name].solution, ""), None, None
            if worth_judging(visible, solution):
                verdict, stop = run.judge(name, visible, judge, {PARAMETER: task.student})
                remarks += [f"{name}: cannot be judged: {verdict.broken}"] if verdict.broken else []
            error = run.solution_errors.get(exercises[name].solution)
            outcomes[name] = settle(exercises[name].points, tests[name], shown[name], solution, visible, error,
                                    verdict, stop)  # fmt: skip
    finally:
        run.close()
    return outcomes, run.stopped, remarks


def _complete(
    notebook: NotebookNode | None, release: NotebookNode, outcomes: dict[str, Outcome], stopped: str
) -> dict[str, Outcome]:
    """Outcomes of all exercises: answers in words are answered or empty; what nothing is known of did not run."""
    stubs = {grade_id(cell): cell.source for cell in release.cells}
    answers = {grade_id(cell): cell.source for cell in notebook.cells if is_by_hand(cell)} if notebook else {}
    complete = {}
    for exercise in find_exercises(release):
        name = exercise.name
        if exercise.by_hand and notebook:
            empty = answers[name].strip() == stubs[name].strip()
            complete[name] = Outcome(EMPTY, "No answer.") if empty else Outcome(ANSWERED)
        else:
            complete[name] = outcomes.get(name, Outcome(NOT_RUN, f"The notebook {stopped}."))
    return complete


def _answers(notebook: NotebookNode | None) -> dict[str, str]:
    """What the student wrote for each exercise, by the grade id of its cell."""
    return {grade_id(cell): cell.source for cell in notebook.cells if is_solution(cell)} if notebook else {}
