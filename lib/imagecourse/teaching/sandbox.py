"""Walls around code that nobody has read: bubblewrap on Linux shows it one folder and no network, prlimit bounds it.

The code sees Python, the installed packages and the course's library and models, all read-only, and its own folder.
Files, processes and memory that the kernel cannot bound for a whole family of processes are watched from outside.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import imagecourse

SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
TOOLS = ("bwrap", "prlimit", "setpriv")
FIRST_GUEST = 200_000  # user ids that nobody has, for graders that run as root
PROBE_SECONDS = 60


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds for each cell, bytes of memory and disk, processes and their threads."""

    seconds: float = 300
    memory: int = 4 * 2**30
    disk: int = 2**30
    processes: int = 64
    threads: int = 512


def why_no_sandbox() -> str:
    """Why code cannot be confined on this machine, in one line; empty where it can, which is tried."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} not found; on Debian and Ubuntu: apt install bubblewrap util-linux"
    with tempfile.TemporaryDirectory(prefix="probe") as folder:
        guest = prepare_folder(Path(folder))
        command = confine([sys.executable, "-c", "import imagecourse, ipykernel"], Path(folder), Limits(), guest)
        try:
            probe = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, cwd="/")
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
    return "" if probe.returncode == 0 else (probe.stderr.strip().splitlines() or ["bubblewrap failed"])[-1]


def prepare_folder(folder: Path) -> int | None:
    """Make the sub-folders that confined code writes to; where root grades, give them to a user id and return it."""
    guest = FIRST_GUEST + os.getpid() % 100_000 if os.name == "posix" and os.geteuid() == 0 else None
    for path in (folder, *(folder / name for name in ("work", "kernel", "tmp", "shm", "home"))):
        path.mkdir(exist_ok=True)
        if guest:
            os.chown(path, guest, guest)
    return guest


def confine(command: list[str], folder: Path, limits: Limits, guest: int | None) -> list[str]:
    """The command behind walls. folder: the one place it may write to, made ready by `prepare_folder`."""
    visible = [*visible_folders(), *map(Path, SYSTEM_FILES)]
    bound = [part for path in visible for part in ("--ro-bind-try", path, path)]
    return [
        *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--hostname", "course", "--unsetenv", "JPY_PARENT_PID"),
        *(("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if guest else ("--unshare-user",)),
        *("--proc", "/proc", "--dev", "/dev", "--bind", str(folder / "shm"), "/dev/shm"),
        *(_open_parents([*visible, folder]) if guest else ()),
        *map(str, bound),
        *("--bind", str(folder), str(folder), "--remount-ro", "/", "--chdir", str(folder / "work")),
        *(_as_guest(guest) if guest else ()),
        *("prlimit", f"--data={limits.memory}", f"--fsize={limits.disk}", f"--nproc={limits.threads}"),
        *(f"--cpu={int(30 * limits.seconds) + 60}", "--core=0", "--"),
        *command,
    ]


def _open_parents(paths: list[Path]) -> list[str]:
    """Parents of what is bound, for all to pass through: bubblewrap would make them for root alone."""
    parents = sorted({parent for path in paths for parent in path.parents} - {Path("/"), Path("/usr"), Path("/dev")})
    return [part for parent in parents for part in ("--perms", "0755", "--dir", str(parent))]


def _as_guest(guest: int) -> list[str]:
    return ["setpriv", f"--reuid={guest}", f"--regid={guest}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"]


def environment(folder: Path, cores: int) -> dict[str, str]:
    """Environment variables for code that runs in `folder`; nothing of the grader's own but where programs are."""
    threads = str(max(1, cores))
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "MPLCONFIGDIR": str(folder / "home"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "CUDA_VISIBLE_DEVICES": "-1",
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        "TF_NUM_INTRAOP_THREADS": threads,
        "TF_NUM_INTEROP_THREADS": threads,
    }


def visible_folders() -> list[Path]:
    """Folders that confined code can read: the system's programs, Python, installed packages, the course's models."""
    library = Path(imagecourse.__file__).parents[1]
    packages = [Path(path).resolve() for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    folders = [Path(sys.prefix), Path(sys.base_prefix), *packages, library, library.parent / "models"]
    return [Path(path) for path in SYSTEM_FOLDERS] + list(dict.fromkeys(path for path in folders if path.is_dir()))


def refuse_visible(paths: Iterable[Path]) -> None:
    """Raise ValueError when one of these paths lies where confined code can read."""
    for path in paths:
        for folder in visible_folders():
            if path.resolve().is_relative_to(folder):
                raise ValueError(f"{path}: student code could read this, it lies below {folder}; put it elsewhere")
