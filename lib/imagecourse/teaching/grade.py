"""Many submissions graded side by side: found, run one by one in threads, then told to the gradebook."""

import os
import tempfile
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from tqdm import tqdm

from imagecourse.exercises.cells import grade_id, is_parameters, is_test
from imagecourse.exercises.outcomes import NOT_RUN
from imagecourse.exercises.variants import PARAMETER
from imagecourse.files import read_json, write_json
from imagecourse.reports.chapters import find_notebooks
from imagecourse.reports.parameters import read_parameters
from imagecourse.teaching import attempts, gradebook
from imagecourse.teaching.course import BEST, Course
from imagecourse.teaching.inbox import Inbox, read_inbox
from imagecourse.teaching.judging import sandbox
from imagecourse.teaching.judging.bench import Judge
from imagecourse.teaching.judging.sandbox import BUBBLEWRAP, NONE, Limits
from imagecourse.teaching.judging.sessions import start_judge, start_student
from imagecourse.teaching.release import student_version
from imagecourse.teaching.staging import FOLDERS, with_values
from imagecourse.teaching.submission import Task, grade_one, is_graded, read_record

RELEASED = "released.json"  # visible tests of all releases that were graded here


@dataclass(frozen=True)
class Summary:
    """How many submissions were graded now, had been before, and are missing; which did not run to their end."""

    graded: int
    graded_before: int
    missing: int
    failures: list[str]
    notes: list[str]


@dataclass(frozen=True)
class Settings:
    """How to grade. walls: around student code, as sandbox names them. parameters: values for the notebooks'.

    trust_timestamps: believe a timestamp.txt beside a notebook.
    """

    jobs: int = 1
    limits: Limits = field(default_factory=Limits)
    walls: str = BUBBLEWRAP
    parameters: Mapping[str, object] | None = None
    trust_timestamps: bool = False


def grade_submissions(
    submitted: Path,
    output: Path,
    settings: Settings | None = None,
    chapters: Iterable[str] = (),
    notebooks: Path | None = None,
    course: Course | None = None,
    received: Mapping[tuple[str, str], datetime] | None = None,
) -> Summary:
    """Grade what lies below `submitted`, see `inbox`, and record it below `output`.

    Submissions that were graded with the same settings are not run again. chapters: names or numbers; none takes those
    that somebody handed in. notebooks: folder of the teacher's; None is the course's. received: when submissions came
    in, by student and chapter, where the time of the file is not it.
    Raises: ValueError where the walls are wanted and missing, or a folder lies where it must not.
    """
    submitted, output, course = Path(submitted).resolve(), Path(output).resolve(), course or Course()
    settings = settings or Settings()
    paths = find_notebooks(chapters, notebooks)
    _check(submitted, output, paths, settings)
    sources = {path.stem: nbformat.read(path, as_version=4) for path in paths}
    releases = {name: student_version(source) for name, source in sources.items()}
    with tempfile.TemporaryDirectory(prefix="inbox-", ignore_cleanup_errors=True) as workspace:
        inbox = read_inbox(submitted, Path(workspace), releases, course, settings.trust_timestamps)
        paths = [path for path in paths if chapters or any(chapter == path.stem for _, chapter in inbox.found)]
        if not paths:
            raise FileNotFoundError(f"{submitted}: no submissions here; they lie as STUDENT/CHAPTER/CHAPTER.ipynb")
        earlier = _remember_releases(output, releases)
        tasks = [
            Task(student, found.path, path, output, settings.limits, settings.walls, dict(settings.parameters or {}),
                 sources[path.stem], releases[path.stem], (received or {}).get((student, path.stem), found.received),
                 found.remarks, earlier.get(path.stem, {}))
            for path in paths for student in inbox.students
            for found in attempts.chosen(inbox.found.get((student, path.stem), []), course.resubmission)
        ]  # fmt: skip
        if course.resubmission == BEST:
            tasks += attempts.kept_from_before(tasks)
        fresh = [task for task in tasks if not is_graded(task)]
        _run_all(fresh, settings)
        counting = attempts.counting(tasks, course.resubmission)
        gradebook.record(output, paths, inbox.students, counting, course)
        return _summary(counting, fresh, inbox, paths)


def _check(submitted: Path, output: Path, paths: list[Path], settings: Settings) -> None:
    seconds = settings.limits.seconds
    if settings.jobs < 1 or seconds <= 0:
        raise ValueError(f"--jobs {settings.jobs} --timeout {seconds:g}: both must be above 0")
    if output == submitted or output.is_relative_to(submitted):
        raise ValueError(f"--output {output}: lies in the folder of submissions; put it elsewhere")
    unknown = set(settings.parameters or {}) - {name for path in paths for name in read_parameters(path)}
    if unknown:
        raise ValueError(f"-p {', '.join(sorted(unknown))}: no chapter has such a parameter")
    if settings.walls == NONE:
        return
    if settings.walls == BUBBLEWRAP:
        sandbox.refuse_visible([submitted, output, paths[0].parent])
    reason = sandbox.why_not(settings.walls)
    if reason:
        raise ValueError(f"no sandbox here: {reason}; or take {sandbox.advice(settings.walls)}")


def _remember_releases(output: Path, releases: dict[str, NotebookNode]) -> dict[str, dict[str, list[str]]]:
    """Visible tests of earlier releases, by chapter and grade id; those of this one are added for later."""
    earlier = read_json(output / RELEASED, {})
    known = {chapter: {name: list(texts) for name, texts in tests.items()} for chapter, tests in earlier.items()}
    for chapter, release in releases.items():
        for cell in filter(is_test, release.cells):
            texts = known.setdefault(chapter, {}).setdefault(grade_id(cell), [])
            if cell.source not in texts:
                texts.append(cell.source)
    write_json(output / RELEASED, known, indent=1)
    return known


def _run_all(tasks: list[Task], settings: Settings) -> None:
    """Grade in threads, which mostly wait for other processes; each has a judge of its own for each chapter."""
    cores = max(1, (os.cpu_count() or 1) // settings.jobs)
    own, judges, halted = threading.local(), [], threading.Event()

    def judge_of(task: Task) -> Judge:
        known = own.__dict__.setdefault("judges", {})
        if task.chapter not in known:
            known[task.chapter] = _make_judge(task, cores, halted)
            judges.append(known[task.chapter])
        return known[task.chapter]

    def grade(task: Task) -> None:
        grade_one(
            task, judge_of(task), lambda files: start_student(settings.walls, settings.limits, cores, files, halted)
        )

    with ThreadPoolExecutor(settings.jobs) as pool:
        try:
            results = [pool.submit(grade, task) for task in tasks]
            for result in tqdm(as_completed(results), total=len(tasks), desc="grading", unit="notebook", disable=None):
                result.result()
        finally:
            halted.set()
            pool.shutdown(cancel_futures=True)
            for judge in judges:
                judge.close()


def _make_judge(task: Task, cores: int, halted: threading.Event) -> Judge:
    chapter = nbformat.from_dict(task.source)
    for cell in filter(is_parameters, chapter.cells):
        cell.source = with_values(cell.source, FOLDERS | task.parameters)
    return Judge(chapter, lambda: start_judge(task.limits, cores, halted), {PARAMETER})


def _summary(counting: list[Task], fresh: list[Task], inbox: Inbox, paths: list[Path]) -> Summary:
    failures = []
    for task in counting:
        kept = read_record(task)
        broken = next((remark for remark in kept["remarks"] if "cannot be judged" in remark), "")
        unrun = [f"{name}: {outcome['message']}" for name, outcome in kept["outcomes"].items()
                 if outcome["status"] == NOT_RUN]  # fmt: skip
        reason = kept["stopped"] or broken or "; ".join(unrun)
        failures += [f"{task.student}, {task.chapter.stem}: {reason}"] if reason else []
    ran = {task.fingerprint() for task in fresh}
    graded = sum(task.fingerprint() in ran for task in counting)
    missing = len(inbox.students) * len(paths) - len(counting)
    return Summary(graded, len(counting) - graded, missing, failures, inbox.notes)
