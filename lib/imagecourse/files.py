"""The one way to write a file or a folder whole, and to work through many files: in order, in bounded memory."""

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil
from tqdm import tqdm

SECONDS_IDLE = 60
"""After so long without work a process of `map_files` ends, also where what started it was killed."""
Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """A temporary file name beside `path`; the file written there takes the place of `path` when the block succeeds.

    Parent folders are made. An interrupted or failed block leaves `path` as it was and no temporary file behind; what a
    killed process left in the same folder is removed by the next one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=_own_prefix(), suffix=path.suffix, dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_UMASK)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


_UMASK = os.umask(0)
os.umask(_UMASK)


@contextmanager
def new_folder(folder: str | os.PathLike) -> Iterator[Path]:
    """A temporary folder that takes the place of `folder` when the block succeeds, and is gone when it fails.

    Raises: FileExistsError when `folder` is there and not empty.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder}: is already there and not empty; name another folder or remove it first")
    with temporary_folder(folder.parent) as parent:
        temporary = parent / folder.name
        temporary.mkdir()
        yield temporary
        if folder.exists():
            folder.rmdir()
        temporary.rename(folder)


@contextmanager
def temporary_folder(parent: str | os.PathLike) -> Iterator[Path]:
    """A hidden folder inside another one, for as long as the block runs; that of a killed process goes as well."""
    parent = Path(parent)
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(parent)
    folder = Path(tempfile.mkdtemp(prefix=_own_prefix(), dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _own_prefix() -> str:
    """Says which process of which computer writes a temporary file."""
    computer = hashlib.sha256(platform.node().encode()).hexdigest()[:6]
    return f".imagecourse-{computer}-{os.getpid()}-"


@cache
def _remove_leftovers(folder: Path) -> None:
    """Remove what processes of this computer that are gone left in a folder; once for each folder."""
    computer = _own_prefix().rsplit("-", 2)[0]
    for path in folder.glob(f"{computer}-*"):
        process = path.name.removeprefix(f"{computer}-").split("-")[0]
        if process.isdecimal() and not psutil.pid_exists(int(process)):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def divert_stderr(path: str | os.PathLike) -> Iterator[None]:
    """What this process and those it starts write to stderr goes into a file, past Python too."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    kept, file = os.dup(2), os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    os.dup2(file, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(file)


def write_json(path: str | os.PathLike, value: Any, indent: int | None = 2, default: Callable | None = None) -> None:
    """Write a value as UTF-8 JSON, wholly or not at all. default: gives what JSON knows for a value that it does not.

    Raises: TypeError for a value that JSON does not know, ValueError for NaN and infinity.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False, default=default)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike, default: Any = None) -> Any:
    """The value in a JSON file; the default, or FileNotFoundError without one, where there is no such file."""
    path = Path(path)
    if default is not None and not path.is_file():
        return default
    return json.loads(path.read_text(encoding="utf-8"))


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
    import joblib

    paths = list(paths)
    jobs = min(jobs or os.cpu_count() or 1, max(1, len(paths)))
    run = joblib.Parallel(
        n_jobs=jobs, return_as="generator", pre_dispatch="2 * n_jobs", idle_worker_timeout=SECONDS_IDLE
    )
    outcomes = run(joblib.delayed(_attempt)(function, path) for path in paths)
    yield from tqdm(outcomes, total=len(paths), desc=description, unit="file", disable=None)


def _attempt(function: Callable[[Path], Any], path: Path) -> Outcome:
    try:
        return Outcome(path, function(path), "")
    except (ValueError, OSError) as error:
        return Outcome(path, None, str(error))


def read_ahead(function: Callable[[Item], Result], items: Iterable[Item], ahead: int) -> Iterator[Result]:
    """Results of a function in the order of the items, computed in threads while the caller works on earlier ones.

    function: one that leaves Python's lock free most of the time, as reading and resizing an image does.
    ahead: how many results may wait; this bounds the memory.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def in_groups(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter."""
    items = iter(items)
    while group := list(islice(items, size)):
        yield group
