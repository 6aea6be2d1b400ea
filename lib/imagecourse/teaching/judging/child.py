"""A process that answers messages, by the clock and under watch; what stops it is an error that says why."""

import contextlib
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from imagecourse.teaching.judging import wire

WATCH_SECONDS = 0.5
GRACE_SECONDS = 5  # to answer an interrupt
WAITING = 2  # messages that may wait; the pipe holds the others back


class ChildStoppedError(OSError):
    """The process is gone. timed_out: because the time was up."""

    def __init__(self, reason: str, timed_out: bool = False):
        super().__init__(reason)
        self.timed_out = timed_out


class Child:
    """A process that speaks `wire`. watch: called twice a second with its psutil processes, raises ChildStoppedError.

    on_close: called when it is gone.
    """

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        folder: Path,
        pass_descriptors: tuple[int, ...] = (),
        watch: Callable[[list[psutil.Process]], None] = lambda processes: None,
        on_close: Callable[[], None] = lambda: None,
    ):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen(command, env=environment, cwd=folder,
                                         pass_fds=pass_descriptors, start_new_session=True, **pipes)  # fmt: skip
        self._watch, self._on_close, self._next_watch = watch, on_close, 0.0
        self._incoming: queue.Queue = queue.Queue(WAITING)
        self._outgoing: queue.Queue = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        threading.Thread(target=self._write, daemon=True).start()

    def _read(self) -> None:
        while True:
            try:
                message = wire.receive(self._process.stdout)
            except (EOFError, OSError, ValueError) as error:
                self._incoming.put(error)
                return
            self._incoming.put(message)

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (message := self._outgoing.get()) is not None:
                wire.send(self._process.stdin, *message)

    def ask(self, head: dict, pieces: list[bytes], seconds: float) -> tuple[dict, list[bytes], bool]:
        """Send a message and wait for the reply. Gives: its head, its pieces, and whether it had to be interrupted.

        Raises: ChildStoppedError where the process is gone, is stopped by the watch, or ignores the interrupt.
        """
        self._outgoing.put((head, pieces))
        deadline, interrupted = time.monotonic() + seconds, False
        while True:
            self._look()
            if time.monotonic() > deadline:
                if interrupted:
                    raise ChildStoppedError(f"the code ran longer than {seconds:.3g} s and ignored the interrupt", True)
                self._outgoing.put(({"do": "interrupt"}, []))
                interrupted, deadline = True, time.monotonic() + min(GRACE_SECONDS, seconds)
            try:
                message = self._incoming.get(timeout=min(WATCH_SECONDS, max(0.01, deadline - time.monotonic())))
            except queue.Empty:
                continue
            if isinstance(message, Exception):
                raise ChildStoppedError(self._why(message))
            return *message, interrupted

    def _look(self) -> None:
        if time.monotonic() < self._next_watch:
            return
        self._next_watch = time.monotonic() + WATCH_SECONDS
        with contextlib.suppress(psutil.Error):
            self._watch(self.processes())

    def _why(self, error: Exception) -> str:
        if isinstance(error, wire.BrokenMessageError):
            return f"the code disturbed its own kernel: {error}"
        return "the code ended its own kernel, or used more memory than it may"

    def processes(self) -> list[psutil.Process]:
        """The process, and all that it has started."""
        parent = psutil.Process(self._process.pid)
        return [*parent.children(recursive=True), parent]

    def close(self) -> None:
        """End the process and all that it has started."""
        self._outgoing.put(None)
        with contextlib.suppress(psutil.Error):
            for process in self.processes():
                with contextlib.suppress(psutil.Error):
                    if process.pid != self._process.pid:
                        process.kill()
        self._process.terminate() if os.name == "posix" else self._process.kill()
        try:
            self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close_pipes()
        self._on_close()

    def _close_pipes(self) -> None:
        """Let the reader end, which may wait for room, and close what it read from."""
        deadline = time.monotonic() + GRACE_SECONDS
        while self._reader.is_alive() and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self._incoming.get(timeout=0.05)
        for pipe in [self._process.stdin] + [self._process.stdout] * (not self._reader.is_alive()):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()
