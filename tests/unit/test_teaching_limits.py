"""Limits on what student code may use, tried with code that wants more."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from classroom import NO_SANDBOX, WALLS

from imagecourse.teaching.judging import sandbox
from imagecourse.teaching.judging.cgroups import make_group
from imagecourse.teaching.judging.child import Child, ChildStoppedError
from imagecourse.teaching.judging.cleaning import disk_use, remove_folder
from imagecourse.teaching.judging.sandbox import NONE, Limits
from imagecourse.teaching.judging.seccomp import filter_program
from imagecourse.teaching.judging.sessions import start_student

LIMITS = Limits(seconds=30, memory=2**30, disk=200 * 2**20)
walled = pytest.mark.skipif(bool(NO_SANDBOX), reason="needs bubblewrap")


def execute(child: Child, source: str, seconds: float = 60) -> dict | None:
    """Run code and give its error."""
    _, pieces, _ = child.ask({"do": "run"}, [source.encode()], seconds)
    return json.loads(pieces[0])["error"]


@pytest.fixture(scope="module")
def child():
    """A process behind walls that lives through everything that is only refused."""
    made = start_student(WALLS, LIMITS, 1, {"data/hello.txt": b"hello"})
    yield made
    made.close()


@walled
@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import os\nos.memfd_create('hoard')", "PermissionError"),
        ("import os\nos.unshare(os.CLONE_NEWUSER)" if hasattr(os, "unshare") else
         "import ctypes, os\nif ctypes.CDLL(None, use_errno=True).unshare(0x10000000):\n    raise PermissionError",
         "PermissionError"),
        ("import subprocess\nsubprocess.run(['unshare', '-Urm', 'true'], check=True)", "CalledProcessError"),
        ("import ctypes\nif ctypes.CDLL(None).shmget(0, 2**20, 0o1600) == -1:\n    raise PermissionError",
         "PermissionError"),
        ("open('/dev/hoard', 'w')", "OSError"),
        ("open('/usr/hoard', 'w')", "OSError"),
        ("mounts = [line.split() for line in open('/proc/mounts')]\n"
         "assert {line[3].split(',')[0] for line in mounts if line[1] in ('/', '/dev')} == {'ro'}", None),
        ("with open('/dev/shm/hoard', 'wb') as file:\n    for _ in range(200):\n        file.write(bytes(2**20))",
         "OSError"),
        ("import os\nfile = open('hoard', 'wb')\nos.unlink('hoard')\nfor _ in range(800):\n"
         "    file.write(bytes(2**20))\n    file.flush()", "OSError"),
        ("import numpy as np\nfull = np.ones(2**28)", "MemoryError"),
        ("import socket\nsocket.create_connection(('1.1.1.1', 53), 2)", "OSError"),
        ("assert open('data/hello.txt').read() == 'hello'", None),
        ("import multiprocessing as m\nassert m.get_context('fork').Pool(2).map(abs, [-1, 2]) == [1, 2]", None),
    ],
)  # fmt: skip
def test_what_hoards_or_leaves_is_refused_and_the_rest_works(child, source, error):
    found = execute(child, source)
    assert (found and found["name"]) in ((error, "PermissionError") if error == "OSError" else (error,))
    execute(
        child, "import os\nfull = file = None\nif os.path.exists('/dev/shm/hoard'):\n    os.unlink('/dev/shm/hoard')"
    )


@walled
def test_the_processor_time_of_many_processes_and_their_memory_are_bounded_together():
    hoard = (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0:\n        held = bytearray(b'x') * 500_000_000\n"
    )
    hoard += "        time.sleep(60)\ntime.sleep(60)"
    made = start_student(WALLS, LIMITS, 1, {})
    start = time.monotonic()
    try:
        with pytest.raises(ChildStoppedError, match="memory"):
            execute(made, hoard, 50)
            execute(made, "pass", 50)
        assert time.monotonic() - start < 40
    finally:
        made.close()


@walled
def test_thousands_of_nested_folders_leave_nothing_behind(child):
    before = set(Path("/tmp").iterdir())
    nest = "import os\nhome = os.getcwd()\nfor _ in range(3000):\n    os.mkdir('n')\n    os.chdir('n')\n"
    assert execute(child, nest + "open('filler', 'wb').write(bytes(2**20))\nos.chdir(home)") is None
    assert not [path for path in set(Path("/tmp").iterdir()) - before if (path / "n").exists()]


def test_a_folder_of_any_depth_is_measured_and_removed(tmp_path):
    folder, here = tmp_path / "deep", os.getcwd()
    folder.mkdir()
    os.chdir(folder)
    try:
        for number in range(1500):  # deeper than Python recurses
            os.mkdir("n")
            Path("file").write_bytes(bytes(4096))
            os.chmod("n", 0o700 if number % 7 else 0o500 | 0o200)
            os.chdir("n")
    finally:
        os.chdir(here)
    assert disk_use(folder) >= 4096 * 100
    remove_folder(folder)
    assert not folder.exists()


def test_a_flood_of_messages_does_not_fill_the_grader(tmp_path):
    flood = (
        "import gc\nfrom imagecourse.teaching.judging import wire\n"
        "student = next(each for each in gc.get_objects() if type(each).__name__ == 'Student')\n"
        "for _ in range(100):\n    wire.send(student._sink, {'do': 'done'}, [bytes(30_000_000)])\n"
    )
    made = start_student(WALLS, LIMITS, 1, {})
    before = psutil.Process().memory_info().rss
    try:
        made.ask({"do": "run"}, [flood.encode()], 20)
        time.sleep(2)
        assert psutil.Process().memory_info().rss - before < 400 * 2**20
    finally:
        made.close()


def test_a_message_that_is_too_large_or_none_stops_its_sender_alone():
    for junk in (b"junk" * 1000, b"\xff" * 100):
        made = start_student(NONE, LIMITS, 1, {})
        source = "import gc\nstudent = next(each for each in gc.get_objects() if type(each).__name__ == 'Student')\n"
        with pytest.raises(ChildStoppedError, match=r"disturbed|ended"):
            execute(made, source + f"student._sink.write({junk!r})\nstudent._sink.flush()", 20)
        made.close()


def test_what_ignores_the_interrupt_is_stopped_in_time():
    made = start_student(WALLS, LIMITS, 1, {})
    loop = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    start = time.monotonic()
    try:
        with pytest.raises(ChildStoppedError) as caught:
            made.ask({"do": "run"}, [loop.encode()], 2)
        assert caught.value.timed_out
        assert time.monotonic() - start < 12
    finally:
        made.close()


@pytest.mark.skipif(os.name != "posix", reason="processes of POSIX")
def test_without_walls_no_process_is_left_behind(tmp_path):
    made = start_student(NONE, LIMITS, 1, {})
    mark = f"left-{os.getpid()}-{time.time()}"
    daemon = (
        "import os, subprocess, sys\n"
        f"command = [sys.executable, '-c', 'import time; time.sleep(300)', '{mark}']\n"
        "subprocess.Popen(command, start_new_session=True, env={})\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
        "        os.execve(sys.executable, command, {})\n    os._exit(0)\n"
    )
    assert execute(made, daemon) is None
    time.sleep(0.5)
    if sys.platform == "linux":
        assert len(running(mark)) == 2
    made.close()
    assert running(mark) == []


def running(mark: str) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if mark in (process.info["cmdline"] or []):
            found.append(process.pid)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="control groups of Linux")
def test_a_control_group_bounds_memory_where_one_can_be_made():
    group = make_group(200 * 2**20, 100)
    if group is None:
        pytest.skip("this user may make no control group")
    hoard = "held = [bytearray(b'x') * 50_000_000 for _ in range(8)]"
    try:
        run = subprocess.run([*group.prefix, sys.executable, "-c", hoard], capture_output=True)
        assert run.returncode != 0
        assert subprocess.run([*group.prefix, sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\n"
    finally:
        group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_the_filter_of_system_calls_has_whole_instructions():
    program = filter_program()
    assert program is None or (len(program) % 8 == 0 and program[-8:] == b"\x06\x00\x00\x00\x00\x00\xff\x7f")


def test_what_the_walls_lack_is_named(monkeypatch):
    monkeypatch.setattr(sandbox, "_knows", lambda option: False)
    monkeypatch.setattr(sandbox, "filter_program", lambda: None)
    notes = sandbox.weaknesses()
    assert len(notes) == 2 and "--size" in notes[0] and "--disable-userns" in notes[1]


def test_a_container_gets_the_same_limits_and_no_network(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "podman" else None)
    command = sandbox.contain([sys.executable, "-m", "module", "/tmp"], LIMITS, 2, "name")
    text = " ".join(command)
    assert command[:2] == ["podman", "run"] and command[-4:] == ["python", "-m", "module", "/tmp"]
    for part in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges", "--interactive", "--rm",
                 f"--memory {2**30 + 200 * 2**20}", "--pids-limit 512", "--cpus 2", "--user 65534:65534",
                 f"size={200 * 2**20}", "HOME=/tmp/home"):  # fmt: skip
        assert part in text
    assert not [part for part in command if str(Path.home()) in part or part.startswith("PATH=")]


def test_a_missing_container_is_named_with_what_to_do(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert "neither docker nor podman" in sandbox.why_not("docker")
    assert "--no-sandbox" in sandbox.advice("bubblewrap") and "docker" not in sandbox.advice("bubblewrap")
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: "/usr/bin/docker" if name == "docker" else None)
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(sandbox.subprocess, "run", lambda *arguments, **options: failed)
    assert "docker build" in sandbox.why_not("docker")
    assert "--sandbox docker" in sandbox.advice("bubblewrap")
