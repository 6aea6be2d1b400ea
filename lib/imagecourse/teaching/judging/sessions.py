"""The two processes of a submission, started: the student's behind walls and limits, the judge's beside it."""

import contextlib
import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import matplotlib
import psutil

from imagecourse.teaching.judging import sandbox
from imagecourse.teaching.judging.cgroups import make_group
from imagecourse.teaching.judging.child import Child, ChildStoppedError
from imagecourse.teaching.judging.cleaning import disk_use, remove_folder
from imagecourse.teaching.judging.sandbox import BUBBLEWRAP, DOCKER, PLACE, Limits

STUDENT = [sys.executable, "-m", "imagecourse.teaching.judging.student"]
START_SECONDS = 180


def start_student(
    walls: str, limits: Limits, cores: int, files: dict[str, bytes], halted: threading.Event | None = None
) -> Child:
    """The process that runs a student's notebook. files: by their paths below the folder that it works in.

    halted: once it is set, whoever waits for the process gets KeyboardInterrupt.
    Raises: ChildStoppedError where it does not start.
    """
    start = {BUBBLEWRAP: _confined, DOCKER: _contained}.get(walls, _open)
    child = start(limits, cores, halted)
    fonts = {
        f"../home/{path.name}": path.read_bytes() for path in Path(matplotlib.get_cachedir()).glob("fontlist*.json")
    }
    files = fonts | files  # the list of fonts spares Matplotlib a search of seconds
    try:
        child.ask({"do": "files", "names": list(files)}, list(files.values()), START_SECONDS)
    except ChildStoppedError as error:
        child.close()
        raise ChildStoppedError("the kernel did not start") from error
    return child


def _confined(limits: Limits, cores: int, halted: threading.Event | None) -> Child:
    command, pipe = sandbox.confine([*STUDENT, str(PLACE)], limits, cores)
    group = make_group(limits.memory + limits.disk, limits.threads)

    def watch(processes: list[psutil.Process]) -> None:
        _heed(halted)
        _watch_processes(processes, limits)

    try:
        return Child([*(group.prefix if group else []), *command], sandbox.environment(PLACE, cores), Path("/"),
                     (pipe,) if pipe else (), watch, group.remove if group else lambda: None)  # fmt: skip
    finally:
        if pipe:
            os.close(pipe)


def _contained(limits: Limits, cores: int, halted: threading.Event | None) -> Child:
    name = f"imagecourse-{secrets.token_hex(8)}"

    def end() -> None:
        subprocess.run([sandbox.engine(), "kill", name], capture_output=True)

    command = sandbox.contain([*STUDENT, str(PLACE)], limits, cores, name)
    return Child(command, dict(os.environ), Path.cwd(), watch=lambda _: _heed(halted), on_close=end)


def _open(limits: Limits, cores: int, halted: threading.Event | None) -> Child:
    folder = sandbox.working_folder()

    def watch(processes: list[psutil.Process]) -> None:
        _heed(halted)
        _watch_processes(processes, limits)
        if disk_use(folder) > limits.disk:
            raise ChildStoppedError(f"the code wrote more than {limits.disk // 2**20} MB of files")

    keeper = [sys.executable, "-m", "imagecourse.teaching.judging.keeper", *STUDENT, str(folder)]
    environment = os.environ | sandbox.environment(folder, cores)
    return Child(keeper, environment, folder, watch=watch, on_close=lambda: remove_folder(folder))


def _heed(halted: threading.Event | None) -> None:
    if halted and halted.is_set():
        raise KeyboardInterrupt


def _watch_processes(processes: list[psutil.Process], limits: Limits) -> None:
    if len(processes) > limits.processes:
        raise ChildStoppedError(f"the code started more than {limits.processes} processes")
    if sum(map(_resident, processes)) > limits.memory:
        raise ChildStoppedError(f"the code used more than {limits.memory // 2**20} MB of memory")


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def start_judge(limits: Limits, cores: int, halted: threading.Event | None = None) -> Child:
    """The process that judges, in a folder of its own; it runs the teacher's cells alone."""
    folder = sandbox.working_folder()
    command = [sys.executable, "-m", "imagecourse.teaching.judging.judge", str(2 * limits.memory)]
    environment = (
        os.environ | sandbox.environment(folder, cores) | {"MPLBACKEND": "agg", "HOME": os.path.expanduser("~")}
    )
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    return Child(command, environment, folder, watch=lambda _: _heed(halted), on_close=lambda: remove_folder(folder))
