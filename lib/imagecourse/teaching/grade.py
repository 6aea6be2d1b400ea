"""Many submissions graded side by side: found, run in workers, kept one by one, then told to the gradebook."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import joblib
import nbformat
from tqdm import tqdm

from imagecourse.reports.chapters import find_notebooks
from imagecourse.reports.parameters import read_parameters
from imagecourse.teaching import sandbox
from imagecourse.teaching.release import student_version
from imagecourse.teaching.sandbox import Limits
from imagecourse.teaching.submission import Task, grade_one, is_graded, read_record


@dataclass(frozen=True)
class Summary:
    """How many submissions were graded now, had been before, and are missing; which did not run to their end."""

    graded: int
    graded_before: int
    missing: int
    failures: list[str]


def grade_submissions(
    submitted: Path,
    output: Path,
    jobs: int = 1,
    limits: Limits | None = None,
    confined: bool = True,
    chapters: Iterable[str] = (),
    notebooks: Path | None = None,
    students: Iterable[str] = (),
    due: Mapping[str, datetime] | None = None,
    parameters: dict | None = None,
) -> Summary:
    """Grade what lies below `submitted` as STUDENT/CHAPTER/CHAPTER.ipynb, and record it below `output`.

    Submissions that were graded with the same settings are not run again. confined: in the sandbox. chapters: names
    or numbers; none takes those that somebody handed in. notebooks: folder of the teacher's; None is the course's.
    students: names, besides those with a folder. due: when a chapter had to be in, by its name. parameters: values
    for the notebooks, such as fewer epochs.
    Raises: ValueError where the walls are wanted and missing, or a folder lies where student code could read it.
    """
    submitted, output = Path(submitted).resolve(), Path(output).resolve()
    limits = limits or Limits()
    if jobs < 1 or limits.seconds <= 0:
        raise ValueError(f"--jobs {jobs} --timeout {limits.seconds:g}: both must be above 0")
    if not submitted.is_dir():
        raise FileNotFoundError(f"{submitted}: no such folder of submissions")
    paths = find_notebooks(chapters, notebooks)
    unknown = set(parameters or {}) - {name for path in paths for name in read_parameters(path)}
    if unknown:
        raise ValueError(f"-p {', '.join(sorted(unknown))}: no chapter has such a parameter")
    if confined:
        _want_walls([submitted, output, paths[0].parent])
    names = student_names(submitted, students)
    found = {(name, path): find_submission(submitted / name, path.stem) for path in paths for name in names}
    paths = [path for path in paths if chapters or any(found[name, path] for name in names)]
    if not paths:
        raise FileNotFoundError(f"{submitted}: no submissions here; they lie as STUDENT/CHAPTER/CHAPTER.ipynb")
    from imagecourse.teaching import gradebook

    cores = max(1, (os.cpu_count() or 1) // jobs)
    settings = (output, limits, confined, parameters or {}, cores)
    releases = {path: student_version(nbformat.read(path, as_version=4)) for path in paths}
    tasks = [Task(name, file, path, *settings, releases[path])
             for path in paths for name in names if (file := found[name, path])]  # fmt: skip
    graded = _run_all([task for task in tasks if not is_graded(task)], jobs)
    gradebook.record(output, paths, names, tasks, due or {})
    failures = [f"{task.student}, {task.chapter.stem}: {reason}" for task in tasks
                if (reason := read_record(task)["stopped"])]  # fmt: skip
    return Summary(graded, len(tasks) - graded, len(names) * len(paths) - len(tasks), failures)


def _want_walls(folders: list[Path]) -> None:
    sandbox.refuse_visible(folders)
    reason = sandbox.why_no_sandbox()
    if reason:
        raise ValueError(f"no sandbox here: {reason}; with --no-sandbox student code runs with all your rights")


def _run_all(tasks: list[Task], jobs: int) -> int:
    workers = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="n_jobs")
    results = workers(joblib.delayed(grade_one)(task) for task in tasks)
    return len(list(tqdm(results, total=len(tasks), desc="grading", unit="notebook", disable=None)))


def student_names(submitted: Path, more: Iterable[str] = ()) -> list[str]:
    """Names of the folders below `submitted`, and further ones; sorted."""
    folders = {path.name for path in submitted.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return sorted(folders | {name.strip() for name in more if name.strip()})


def find_submission(folder: Path, chapter: str) -> Path | None:
    """A student's notebook of a chapter: CHAPTER/CHAPTER.ipynb, CHAPTER.ipynb, or the only notebook in CHAPTER/."""
    for path in (folder / chapter / f"{chapter}.ipynb", folder / f"{chapter}.ipynb"):
        if path.is_file() or path.is_symlink():
            return path
    others = sorted((folder / chapter).glob("[!.]*.ipynb"))
    return others[0] if len(others) == 1 else None
