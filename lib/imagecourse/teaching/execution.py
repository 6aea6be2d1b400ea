"""A notebook run cell by cell in a kernel of its own, behind walls, by the clock and under watch."""

import contextlib
import json
import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

import matplotlib
import nbformat
import psutil
import zmq
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from nbformat import NotebookNode

from imagecourse.teaching import sandbox
from imagecourse.teaching.kernel import GUARD_MARK, TEST_MARK
from imagecourse.teaching.sandbox import Limits

LONGEST_OUTPUT = 2**20  # characters of one cell
LARGEST_MESSAGE = 32 * 2**20  # bytes
START_SECONDS = 180
GRACE_SECONDS = 5  # to answer an interrupt
WATCH_SECONDS = 0.5
QUIET_SECONDS = 2  # after the reply, when its end of output got lost
DONE = "application/x-imagecourse-done"


class KernelStoppedError(OSError):
    """The kernel is gone. timed_out: because the time was up."""

    def __init__(self, reason: str, timed_out: bool = False):
        super().__init__(reason)
        self.timed_out = timed_out


@dataclass
class CellRun:
    """What a cell gave. finished: it came to its last line and no error; timed_out: it was interrupted."""

    outputs: list[NotebookNode] = field(default_factory=list)
    finished: bool = False
    timed_out: bool = False

    @property
    def error(self) -> str:
        """The error in words, at most 500 characters; empty where there is none."""
        errors = [output for output in self.outputs if output.output_type == "error"]
        return f"{errors[0].ename}: {errors[0].evalue}".strip(": ")[:500] if errors else ""


class _Manager(KernelManager):
    """Starts the grading kernel by a command of ours; the files of its connection belong to its user."""

    command: list[str]
    guest: int | None = None

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(argv=self.command, display_name="grading", language="python", interrupt_mode="message")

    def write_connection_file(self, **options) -> None:
        super().write_connection_file(**options)
        if self.guest:
            os.chown(self.connection_file, self.guest, self.guest)


class Session:
    """A kernel with its files in `folder`, alive inside a `with` block.

    confined: behind the sandbox's walls. cores: it may use.
    """

    def __init__(self, folder: Path, limits: Limits, confined: bool, cores: int = 1):
        self.folder, self.limits = folder, limits
        context = zmq.Context()
        context.setsockopt(zmq.MAXMSGSIZE, LARGEST_MESSAGE)
        self._manager = _Manager(context=context, connection_file=str(folder / "kernel" / "k.json"))
        self._manager.transport = "ipc" if os.name == "posix" else "tcp"
        self._manager.guest = sandbox.prepare_folder(folder) if confined else _make_plain(folder)
        kernel = [sys.executable, "-m", "imagecourse.teaching.kernel", "-f", "{connection_file}"]
        kernel += ["--HistoryManager.enabled=False", "--Application.log_level=50"]
        guest = self._manager.guest
        self._manager.command = sandbox.confine(kernel, folder, limits, guest) if confined else kernel
        self._environment = sandbox.environment(folder, cores)
        self._next_watch = 0.0

    def __enter__(self) -> "Session":
        _copy_font_list(self.folder / "home")
        with open(os.devnull, "wb") as nowhere:
            self._manager.start_kernel(
                env=self._environment, cwd=self.folder / "work", stdout=nowhere, stderr=nowhere, stdin=nowhere.fileno()
            )
        self._client = self._manager.client()
        self._client.start_channels()
        try:
            self._client.wait_for_ready(timeout=START_SECONDS)
        except RuntimeError as error:
            self.__exit__()
            raise KernelStoppedError("the kernel did not start") from error
        return self

    def __exit__(self, *_) -> None:
        with contextlib.suppress(psutil.Error):
            for process in self._processes():
                with contextlib.suppress(psutil.Error):
                    process.kill()
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)
        self._manager.cleanup_resources()
        self._manager.context.destroy(linger=0)

    def keep(self, statements: str) -> None:
        """Let the kernel remember trusted functions: statements import and name what tests rely on."""
        self._execute(GUARD_MARK + statements, START_SECONDS)

    def run(self, source: str) -> CellRun:
        """Run a cell. Raises: KernelStoppedError where the kernel does not live to run another."""
        return self._execute(source, self.limits.seconds)

    def run_test(self, source: str) -> CellRun:
        """Run a test among trusted functions; its last line proves that it was reached."""
        token = secrets.token_hex(16)
        proof = f'__import__("IPython.display").display.publish_display_data({{"{DONE}": "{token}"}})'
        run = self._execute(f"{TEST_MARK}{source}\n{proof}", self.limits.seconds, keep_history=False)
        proofs = [output for output in run.outputs if DONE in output.get("data", {})]
        run.outputs = [output for output in run.outputs if output not in proofs]
        run.finished = any(output.data[DONE] == token for output in proofs) and not run.error and not run.timed_out
        return run

    def _execute(self, source: str, seconds: float, keep_history: bool = True) -> CellRun:
        options = {"store_history": keep_history, "allow_stdin": False, "stop_on_error": False}
        request = self._client.execute(source, **options)
        run, size, replied = CellRun(), 0, None
        deadline = time.monotonic() + seconds
        while True:
            self._watch()
            if time.monotonic() > deadline:
                if run.timed_out:
                    raise KernelStoppedError(f"a cell ran longer than {seconds:g} s and ignored the interrupt", True)
                self._manager.interrupt_kernel()
                run.timed_out, deadline = True, time.monotonic() + GRACE_SECONDS
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except Empty:
                replied = replied or (time.monotonic() if self._has_reply(request) else None)
                if replied and time.monotonic() - replied > QUIET_SECONDS:
                    return run
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"].get("execution_state") == "idle":
                return run
            size += len(str(message["content"]))
            room = LONGEST_OUTPUT * (1 if message["msg_type"] == "stream" else 2)  # errors still fit after long text
            output = _to_output(message) if size < room else None
            run.outputs += [output] if output else []

    def _has_reply(self, request: str) -> bool:
        with contextlib.suppress(Empty):
            while True:
                reply = self._client.get_shell_msg(timeout=0)
                if reply["parent_header"].get("msg_id") == request:
                    return True
        return False

    def _processes(self) -> list[psutil.Process]:
        kernel = psutil.Process(self._manager.provisioner.process.pid)
        return [*kernel.children(recursive=True), kernel]

    def _watch(self) -> None:
        """Stop a kernel that has died, or uses more than it may."""
        if time.monotonic() < self._next_watch:
            return
        self._next_watch = time.monotonic() + WATCH_SECONDS
        if not self._manager.is_alive():
            raise KernelStoppedError("the code ended its own kernel")
        with contextlib.suppress(psutil.NoSuchProcess):
            processes = self._processes()
            if len(processes) > self.limits.processes:
                raise KernelStoppedError(f"more than {self.limits.processes} processes")
            if sum(_resident(process) for process in processes) > self.limits.memory:
                raise KernelStoppedError(f"more than {self.limits.memory // 2**20} MB of memory")
        if _disk_use(self.folder) > self.limits.disk:
            raise KernelStoppedError(f"more than {self.limits.disk // 2**20} MB of files")


def _make_plain(folder: Path) -> None:
    for name in ("work", "kernel", "tmp", "home"):
        (folder / name).mkdir(exist_ok=True)


def _copy_font_list(folder: Path) -> None:
    """Spare each fresh kernel the search for fonts, which takes Matplotlib seconds."""
    for path in Path(matplotlib.get_cachedir()).glob("fontlist*.json"):
        shutil.copyfile(path, folder / path.name)


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _disk_use(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total


def _to_output(message: dict) -> NotebookNode | None:
    kinds = ("stream", "error", "display_data", "execute_result")
    if message["msg_type"] not in kinds:
        return None
    try:
        return nbformat.from_dict(json.loads(json.dumps(nbformat.v4.output_from_msg(message), default=str)))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # a message that the code forged
