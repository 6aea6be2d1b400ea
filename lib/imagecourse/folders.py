"""One function over many files: all cores, few images in memory, a bar, and no bad file stops the others.

And folders that are there whole or not at all.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import joblib
from tqdm import tqdm


class Outcome(NamedTuple):
    """What a function gave for one file: `result`, or None and `error` in one line."""

    path: Path
    result: Any
    error: str


def map_files(
    function: Callable[[Path], Any], paths: Iterable[Path], description: str = "", jobs: int | None = None
) -> Iterator[Outcome]:
    """Apply a function to files in worker processes and yield outcomes in the order of `paths`.

    function: takes a path, returns something small (images are read, worked on and written inside it); importable
    from a module, or a functools.partial of such a function. ValueError and OSError become the outcome's `error`.
    jobs: number of processes; None takes every core, fewer for few files.
    """
    paths = list(paths)
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(paths)))
    run = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="2 * n_jobs")
    outcomes = run(joblib.delayed(_attempt)(function, path) for path in paths)
    yield from tqdm(outcomes, total=len(paths), desc=description, unit="file", disable=None)


def _attempt(function: Callable[[Path], Any], path: Path) -> Outcome:
    try:
        return Outcome(path, function(path), "")
    except (ValueError, OSError) as error:
        return Outcome(path, None, str(error))


@contextmanager
def new_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block succeeds, and is gone when it fails.

    Raises: FileExistsError when `folder` is there and not empty.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: is already there and not empty; name another folder or remove it first")
    folder.parent.mkdir(parents=True, exist_ok=True)
    parent = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    try:
        temporary = parent / folder.name
        temporary.mkdir()
        yield temporary
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)
    finally:
        shutil.rmtree(parent)
