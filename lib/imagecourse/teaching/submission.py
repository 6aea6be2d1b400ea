"""One submission graded: read, staged, run, every exercise judged, and the outcome kept in a file of its own."""

import hashlib
import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from imagecourse.exercises.cells import find_exercises, grade_id, is_by_hand, is_test, read_notebook
from imagecourse.exercises.outcomes import ANSWERED, EMPTY, FAILED, NOT_RUN, PASSED, TIMED_OUT, Outcome, in_words
from imagecourse.files import atomic_path
from imagecourse.teaching.execution import CellRun, KernelStoppedError, Session
from imagecourse.teaching.release import what_tests_use
from imagecourse.teaching.sandbox import Limits
from imagecourse.teaching.staging import stage

HIDDEN_FAILED = "The tests you can see pass; a further test, on other values, does not."
UNREADABLE = "cannot be read"
MOST_TIMEOUTS = 4  # cells of one notebook, before the rest is left alone
LARGEST_COMPANIONS = 50 * 2**20  # bytes of files that come with a notebook
VERSION = 1  # of what is kept for each submission


@dataclass(frozen=True)
class Task:
    """One submission: `path` of its notebook, `chapter` of the teacher's, `release` what students got of it.

    output: the grader's folder. parameters: values for the notebook's. cores: that its code may use.
    """

    student: str
    path: Path
    chapter: Path
    output: Path
    limits: Limits
    confined: bool
    parameters: dict
    cores: int
    release: NotebookNode

    @property
    def record(self) -> Path:
        """Where the outcome is kept."""
        return self.output / "results" / self.student / f"{self.chapter.stem}.json"

    @property
    def notebook(self) -> Path:
        """Where the notebook is kept as it ran, hidden tests and all."""
        return self.output / "autograded" / self.student / self.chapter.stem / self.chapter.name

    def fingerprint(self) -> str:
        """Changes when grading it again could give something else."""
        digest = hashlib.sha256(repr((VERSION, self.limits, self.confined, self.parameters)).encode())
        for path in (self.chapter, self.path, *_companions(self.path)):
            digest.update(path.read_bytes() if path.is_file() else b"")
        return digest.hexdigest()


def is_graded(task: Task) -> bool:
    """Whether this very submission was graded before, with the same settings."""
    return task.notebook.is_file() and task.record.is_file() and read_record(task)["fingerprint"] == task.fingerprint()


def read_record(task: Task) -> dict:
    """What `grade_one` kept."""
    return json.loads(task.record.read_text(encoding="utf-8"))


def grade_one(task: Task) -> None:
    """Grade one submission, whatever it does, and keep the outcome: results/…json and autograded/….ipynb."""
    start = time.monotonic()
    source = nbformat.read(task.chapter, as_version=4)
    release = nbformat.from_dict(task.release)
    stopped, remarks, outcomes = "", [], {}
    notebook = release
    try:
        _refuse_links(task.path)
        staged = stage(read_notebook(task.path), release, task.parameters)
        notebook, remarks = staged.notebook, staged.remarks
        outcomes, stopped = _run(task, notebook, source)
    except KernelStoppedError as error:
        stopped = f"did not run: {error}"
    except ValueError as error:
        stopped = f"{UNREADABLE}: {error}"
    except Exception as error:  # no submission may stop the others
        stopped = f"did not run: {type(error).__name__}: {error}"
    outcomes = _complete(notebook, release, outcomes, stopped)
    kept = {"fingerprint": task.fingerprint(), "submitted": _submitted(task.path).isoformat(), "stopped": stopped,
            "remarks": remarks, "seconds": round(time.monotonic() - start, 2),
            "outcomes": {name: asdict(outcome) for name, outcome in outcomes.items()}}  # fmt: skip
    with atomic_path(task.notebook) as temporary:
        nbformat.write(_for_gradebook(notebook, source, outcomes), temporary)
    with atomic_path(task.record) as temporary:
        temporary.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _refuse_links(path: Path) -> None:
    if path.resolve() != path:
        raise ValueError("a link instead of a notebook")


def _run(task: Task, notebook: NotebookNode, source: NotebookNode) -> tuple[dict[str, Outcome], str]:
    with tempfile.TemporaryDirectory(prefix="grade", ignore_cleanup_errors=True) as folder:
        work = Path(folder, "work")
        for path in _companions(task.path):
            destination = work / path.relative_to(task.path.parent)
            destination.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, destination)
        with Session(Path(folder), task.limits, task.confined, task.cores) as session:
            session.keep(what_tests_use(source))
            tests = {grade_id(cell): cell.source for cell in source.cells if is_test(cell)}
            return run_cells(notebook, tests, session)


def run_cells(notebook: NotebookNode, tests: dict[str, str], session: Session) -> tuple[dict[str, Outcome], str]:
    """Run a notebook to its last test and judge each exercise; outputs stay in the cells.

    tests: grade id to source with hidden tests; where a name is missing, the visible ones decide.
    Gives: outcomes, and why the run was stopped early (empty where it was not).
    """
    outcomes: dict[str, Outcome] = {}
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = max((index for index, cell in enumerate(cells) if is_test(cell)), default=-1)
    timeouts = 0
    for cell in cells[: last + 1]:
        try:
            if is_test(cell):
                outcomes[grade_id(cell)], run = _judge(cell, tests.get(grade_id(cell), cell.source), session)
            else:
                run = session.run(cell.source)
        except KernelStoppedError as error:
            status = TIMED_OUT if error.timed_out else NOT_RUN
            reason = f"The run was stopped: {error}."
            rest = {grade_id(cell): Outcome(status, reason) for cell in cells if is_test(cell)}
            return rest | outcomes, str(error)
        cell.outputs = run.outputs
        timeouts += run.timed_out
        if timeouts >= MOST_TIMEOUTS:
            reason = f"The run was stopped: {timeouts} cells ran longer than {session.limits.seconds:g} s."
            rest = {grade_id(cell): Outcome(TIMED_OUT, reason) for cell in cells if is_test(cell)}
            return rest | outcomes, f"{timeouts} cells ran longer than {session.limits.seconds:g} s"
    return outcomes, ""


def _judge(cell: NotebookNode, source: str, session: Session) -> tuple[Outcome, CellRun]:
    """Run the visible tests, then all; what a student is told comes from the visible ones alone."""
    run = session.run_test(cell.source)
    if run.finished and source != cell.source:
        full = session.run_test(source)
        if full.timed_out:
            return Outcome(TIMED_OUT, f"A test ran longer than {session.limits.seconds:g} s."), full
        return (Outcome(PASSED) if full.finished else Outcome(FAILED, HIDDEN_FAILED)), full
    if run.timed_out:
        return Outcome(TIMED_OUT, f"A test ran longer than {session.limits.seconds:g} s."), run
    if run.finished:
        return Outcome(PASSED), run
    return Outcome(FAILED, in_words(run.error)), run


def _complete(notebook: NotebookNode, release: NotebookNode, outcomes: dict, stopped: str) -> dict[str, Outcome]:
    """Outcomes of all exercises: answers in words are answered or empty; what nothing is known of did not run."""
    stubs = {grade_id(cell): cell.source for cell in release.cells}
    answers = {grade_id(cell): cell.source for cell in notebook.cells if is_by_hand(cell)}
    unread = notebook is release
    complete = {}
    for exercise in find_exercises(release):
        name = exercise.name
        if exercise.by_hand and not unread:
            empty = answers[name].strip() == stubs[name].strip()
            complete[name] = Outcome(EMPTY, "No answer.") if empty else Outcome(ANSWERED)
        else:
            complete[name] = outcomes.get(name, Outcome(NOT_RUN, f"The notebook {stopped}."))
    return complete


def _for_gradebook(notebook: NotebookNode, source: NotebookNode, outcomes: dict[str, Outcome]) -> NotebookNode:
    """The notebook as the gradebook wants it: tests in full, and an error under each that gives no points."""
    tests = {grade_id(cell): cell.source for cell in source.cells if is_test(cell)}
    for cell in notebook.cells:
        if not is_test(cell):
            continue
        outcome = outcomes[grade_id(cell)]
        errors = [output for output in cell.get("outputs", []) if output.output_type == "error"]
        cell.source = tests[grade_id(cell)]
        cell.outputs = errors if outcome.status != PASSED else []
        if outcome.status != PASSED and not errors:
            text = outcome.message or outcome.status
            cell.outputs = [nbformat.v4.new_output("error", ename=outcome.status, evalue=text, traceback=[text])]
    return notebook


def _companions(path: Path) -> list[Path]:
    """Small files beside a notebook, which its code may read; links, notebooks and hidden files are left out."""
    if path.parent.name != path.stem:
        return []
    files = [file for file in sorted(path.parent.rglob("*"))
             if file.is_file() and not file.is_symlink() and file.suffix != ".ipynb" and not file.name.startswith(".")
             and file.resolve() == file]  # fmt: skip
    return files if sum(file.stat().st_size for file in files) <= LARGEST_COMPANIONS else []


def _submitted(path: Path) -> datetime:
    """When a notebook was handed in: timestamp.txt beside it, otherwise the time of the file."""
    stamp = path.parent / "timestamp.txt"
    try:
        return datetime.fromisoformat(stamp.read_text(encoding="utf-8").strip()).astimezone(UTC)
    except (OSError, ValueError):
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
