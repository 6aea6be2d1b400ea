"""Runs a command and leaves none of its processes behind: for machines where no walls do that.

`python -m imagecourse.teaching.judging.keeper COMMAND …`
"""

import contextlib
import ctypes
import signal
import subprocess
import sys
import time

import psutil

SET_CHILD_SUBREAPER = 36  # prctl(2): what loses its parent becomes a child of this process


def main() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = subprocess.Popen(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: child.kill())
    child.wait()
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(left, timeout=1)
        time.sleep(0.01)


if __name__ == "__main__":
    main()
