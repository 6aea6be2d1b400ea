"""Walls around code that nobody has read: bubblewrap on Linux, or a container of Docker or Podman, or none.

Behind them the code sees Python, the installed packages and the course's library and models, all read-only. It writes
to a folder in memory of limited size that is gone with it. It has no network, and no more memory, processes and time
than it is given.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import imagecourse
from imagecourse.teaching.judging.seccomp import filter_program

BUBBLEWRAP, DOCKER, NONE = "bubblewrap", "docker", "none"
SYSTEM_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts", "/etc/localtime")
TOOLS = ("bwrap", "prlimit", "setpriv")
PLACE = Path("/tmp")  # the folder in memory
FIRST_GUEST = 200_000  # user ids that nobody has, for graders that run as root
MOST_FILES = 512  # open at once, in one process
PROBE_SECONDS = 60
WARNING = (
    "no sandbox: student code runs with all your rights, on your files and your network; use a machine you can lose"
)


@dataclass(frozen=True)
class Limits:
    """What one submission may use: seconds for each cell, bytes of memory and disk, processes and their threads."""

    seconds: float = 300
    memory: int = 4 * 2**30
    disk: int = 2**30
    processes: int = 64
    threads: int = 512


def engine() -> str:
    """The program that runs containers; empty where there is none."""
    return next((name for name in ("docker", "podman") if shutil.which(name)), "")


def image() -> str:
    """The name of the container image with this version of the course."""
    return f"imagecourse:{imagecourse.__version__}"


def why_not(walls: str) -> str:
    """Why these walls cannot be put up on this machine, in one line; empty where they can, which is tried."""
    if walls == DOCKER:
        return _why_no_container()
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        return f"{', '.join(missing)} not found; on Debian and Ubuntu: apt install bubblewrap util-linux"
    program = [sys.executable, "-c", "import imagecourse, IPython; open('/tmp/probe', 'w')"]
    command, pipe = confine(program, Limits(), 1)
    try:
        probe = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS, cwd="/",
                               env=environment(PLACE, 1), pass_fds=[pipe] if pipe else [])  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        if pipe:
            os.close(pipe)
    return "" if probe.returncode == 0 else (probe.stderr.strip().splitlines() or ["bubblewrap failed"])[-1]


def _why_no_container() -> str:
    if not engine():
        return "neither docker nor podman is on the path"
    try:
        found = subprocess.run([engine(), "image", "inspect", image()], capture_output=True, timeout=PROBE_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    project = Path(imagecourse.__file__).parents[2]
    make = f"{engine()} build --target grading -t {image()} {project}"
    return "" if found.returncode == 0 else f"no image {image()}; make it: {make}"


def advice(walls: str) -> str:
    """What else there is where these walls cannot be put up."""
    others = [f"--sandbox {DOCKER}"] if walls == BUBBLEWRAP and engine() else []
    return " or ".join([*others, "--no-sandbox, with which student code runs with all your rights"])


def weaknesses() -> list[str]:
    """What bubblewrap on this machine cannot bound, in sentences."""
    notes = []
    if not _knows("--size"):
        notes.append("this bubblewrap is old and knows no --size: the folder in memory has no limit but that of memory")
    if filter_program() is None and not _knows("--disable-userns"):
        notes.append("neither a filter of system calls nor --disable-userns here: student code can open namespaces")
    return notes


@cache
def _knows(option: str) -> bool:
    found = subprocess.run(["bwrap", "--help"], capture_output=True, text=True)
    return re.search(rf"{option}\b", found.stdout + found.stderr) is not None


def _guest() -> int | None:
    """A user id for the code where root grades: one for each process that grades."""
    return FIRST_GUEST + os.getpid() % 100_000 if os.name == "posix" and os.geteuid() == 0 else None


def confine(command: list[str], limits: Limits, cores: int) -> tuple[list[str], int | None]:
    """The command behind bubblewrap's walls, and the descriptor that it reads the filter of system calls from."""
    guest, program, pipe = _guest(), filter_program(), None
    if program:
        pipe, end = os.pipe()
        os.write(end, program)
        os.close(end)
    visible = [*visible_folders(), *map(Path, SYSTEM_FILES)]
    bound = [part for path in visible for part in ("--ro-bind-try", str(path), str(path))]
    nested = ("--disable-userns",) if _knows("--disable-userns") else ()
    return [
        *("bwrap", "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc"),
        *("--unshare-uts", "--unshare-cgroup-try", "--hostname", "course"),
        *(("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if guest else ("--unshare-user", *nested)),
        *("--proc", "/proc", "--dev", "/dev", *_memory("/dev/shm", limits.disk // 4), "--remount-ro", "/dev"),
        *_memory(str(PLACE), limits.disk),
        *(_open_parents(visible) if guest else ()),
        *bound,
        *("--remount-ro", "/", "--chdir", str(PLACE)),
        *(("--seccomp", str(pipe)) if pipe else ()),
        *(_as_guest(guest) if guest else ()),
        *("prlimit", f"--data={limits.memory}", f"--fsize={limits.disk}", f"--nproc={limits.threads}"),
        *(f"--nofile={MOST_FILES}", f"--cpu={int(30 * limits.seconds) + 60}", "--core=0", "--"),
        *command,
    ], pipe  # fmt: skip


def _memory(path: str, size: int) -> tuple[str, ...]:
    """A folder in memory that all may write to."""
    bounded = ("--size", str(size)) if _knows("--size") else ()
    return (*bounded, "--perms", "1777", "--tmpfs", path)


def _open_parents(paths: list[Path]) -> list[str]:
    """Parents of what is bound, for all to pass through: bubblewrap would make them for root alone."""
    parents = sorted({parent for path in paths for parent in path.parents} - {Path("/"), Path("/usr"), PLACE})
    return [part for parent in parents for part in ("--perms", "0755", "--dir", str(parent))]


def _as_guest(guest: int) -> list[str]:
    return ["setpriv", f"--reuid={guest}", f"--regid={guest}", "--clear-groups", "--inh-caps=-all", "--no-new-privs"]


def contain(command: list[str], limits: Limits, cores: int, name: str) -> list[str]:
    """The command in a container of this name, which has Python on its path as `python`."""
    settings = [part for key, value in environment(PLACE, cores).items() if key not in ("PATH", "PYTHONPATH")
                for part in ("--env", f"{key}={value}")]  # fmt: skip
    return [
        *(engine(), "run", "--rm", "--interactive", "--name", name, "--network", "none", "--read-only"),
        *("--tmpfs", f"{PLACE}:rw,exec,mode=1777,size={limits.disk}", "--shm-size", str(limits.disk // 4)),
        *("--memory", str(limits.memory + limits.disk), "--memory-swap", str(limits.memory + limits.disk)),
        *("--pids-limit", str(limits.threads), "--cpus", str(cores), "--ulimit", f"fsize={limits.disk}"),
        *("--ulimit", f"nofile={MOST_FILES}", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
        *("--user", "65534:65534", "--workdir", str(PLACE), *settings, image(), "python", *command[1:]),
    ]  # fmt: skip


def environment(folder: Path, cores: int) -> dict[str, str]:
    """Environment variables for code that works in `folder`; nothing of the grader's own but where programs are."""
    threads = str(max(1, cores))
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": str(Path(imagecourse.__file__).parents[1]),
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
    """Folders that confined code can read: programs, Python, installed packages, the course's models and features."""
    library = Path(imagecourse.__file__).parents[1]
    packages = [Path(path).resolve() for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    shipped = [library.parent / "models", library.parent / "data" / "features"]
    folders = [Path(sys.prefix), Path(sys.base_prefix), *packages, library, *shipped]
    return [Path(path) for path in SYSTEM_FOLDERS] + list(dict.fromkeys(path for path in folders if path.is_dir()))


def refuse_visible(paths: Iterable[Path]) -> None:
    """Raise ValueError when one of these paths lies where confined code can read."""
    for path in paths:
        for folder in visible_folders():
            if path.resolve().is_relative_to(folder):
                raise ValueError(f"{path}: student code could read this, it lies below {folder}; put it elsewhere")


def working_folder() -> Path:
    """A new folder on disk for code without walls."""
    return Path(tempfile.mkdtemp(prefix="imagecourse-"))
