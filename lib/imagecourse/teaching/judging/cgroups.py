"""A control group of Linux for one submission: one bound on the memory and processes of all its processes together."""

import contextlib
import os
import secrets
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PROBE_SECONDS = 10
ENTER = 'for group in $GROUPS_TO_ENTER; do echo $$ > "$group/cgroup.procs" || exit 1; done; exec "$@"'


@dataclass(frozen=True)
class ControlGroup:
    """Folders of the group, one for each hierarchy; `prefix` starts a command inside it."""

    folders: list[Path]
    prefix: list[str]

    def remove(self) -> None:
        """Remove the group once its processes are gone."""
        for folder in self.folders:
            for _ in range(20):
                with contextlib.suppress(OSError):
                    folder.rmdir()
                if not folder.exists():
                    break
                time.sleep(0.05)


def make_group(memory: int, processes: int) -> ControlGroup | None:
    """A new group with these bounds, memory in bytes; None where this user may make none.

    By hand where the folders can be written (as root), otherwise through the user's systemd.
    """
    name = f"imagecourse-{secrets.token_hex(6)}"
    if (ROOT / "cgroup.controllers").is_file():
        wanted = {ROOT / name: {"memory.max": memory, "memory.swap.max": 0, "pids.max": processes}}
    else:
        wanted = {
            ROOT / "memory" / name: {"memory.limit_in_bytes": memory},
            ROOT / "pids" / name: {"pids.max": processes},
        }
    group = ControlGroup(
        list(wanted), ["env", f"GROUPS_TO_ENTER={' '.join(map(str, wanted))}", "sh", "-c", ENTER, "sh"]
    )
    try:
        for folder, limits in wanted.items():
            folder.mkdir()
            for file, value in limits.items():
                if file != "memory.swap.max" or (folder / file).exists():
                    (folder / file).write_text(str(value))
    except OSError:
        group.remove()
        return _by_systemd(memory, processes) if systemd_works() else None
    return group


def _by_systemd(memory: int, processes: int) -> ControlGroup:
    properties = [f"MemoryMax={memory}", "MemorySwapMax=0", f"TasksMax={processes}"]
    options = [part for value in properties for part in ("-p", value)]
    return ControlGroup([], ["systemd-run", "--user", "--scope", "--quiet", "--collect", *options, "--"])


@cache
def systemd_works() -> bool:
    """Whether the user's systemd makes groups with a bound on memory."""
    if os.name != "posix" or shutil.which("systemd-run") is None:
        return False
    command = [*_by_systemd(2**30, 64).prefix, "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=PROBE_SECONDS).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
