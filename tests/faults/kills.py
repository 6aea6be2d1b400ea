"""Commands that are killed, at a file of one's choice or at random, and started again: do they end as undisturbed ones?

    python tests/faults/kills.py FOLDER ROUNDS [COMMAND ...]

kills each command ROUNDS times at random moments, starts it again until it is done, and prints what it found.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd

import imagecourse

KILLED_AT_FILE = """
import os, signal, sys
from imagecourse.cli import main
left, replace, rename = {number}, os.replace, os.rename
def counted(move):
    def call(*names, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return move(*names, **options)
    return call
os.replace, os.rename = counted(replace), counted(rename)
os.cpu_count = lambda: 1
sys.exit(main(sys.argv[1:]))
"""
PLAIN = "import os, sys; from imagecourse.cli import main; os.cpu_count = lambda: {jobs}; sys.exit(main(sys.argv[1:]))"
KEPT = (".restoration.jsonl", ".sorted.jsonl", ".pipeline", ".ipynb_checkpoints")
"""Hidden files that are to stay: journals."""


class Command(NamedTuple):
    """What is killed. words: of the command line, with OUT for the place of its results. again: added when it goes on.

    result: of the place, what must be the same whatever happened. parts: the files that must be whole at any time.
    """

    words: list[str]
    again: list[str]
    result: Callable[[Path], object]
    parts: str = "**/*"


def start(command: Command, out: Path, going_on: bool, code: str = PLAIN.format(jobs=2)) -> subprocess.Popen:
    """Start it in a process group of its own."""
    words = [word.replace("OUT", str(out)) for word in command.words] + (command.again if going_on else [])
    environment = os.environ | {"PYTHONPATH": str(Path(imagecourse.__file__).parents[1]), "TF_CPP_MIN_LOG_LEVEL": "3"}
    environment["TMPDIR"] = str(out.parent / "tmp")
    Path(environment["TMPDIR"]).mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        env=environment, cwd=out.parent, start_new_session=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(command: Command, out: Path, going_on: bool) -> str:
    """Run it to its end; what it said. Raises: RuntimeError where it failed."""
    process = start(command, out, going_on)
    said, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command.words)} failed: {said[-2000:]}")
    return said


def kill_at_file(command: Command, out: Path, number: int) -> bool:
    """Kill it in the moment before its file of this number gets its name; False where it has fewer."""
    process = start(command, out, going_on=False, code=KILLED_AT_FILE.format(number=number))
    process.communicate()
    return process.returncode == -signal.SIGKILL


def kill_after(command: Command, out: Path, seconds: float, going_on: bool) -> bool:
    """Kill it after some time; False where it was done before."""
    process = start(command, out, going_on)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def leftovers(folder: Path) -> list[str]:
    """Temporary files and folders that nobody removed, also of the system's temporary folder."""
    found = [path for path in folder.rglob(".*") if path.name not in KEPT]
    temporary = [path for path in (folder / "tmp").glob("*") if not foreign(path)]
    return sorted(path.relative_to(folder).as_posix() for path in [*found, *temporary])


def foreign(path: Path) -> bool:
    """TensorFlow's code of a pipeline, and the empty folder in which Keras tries whether it may write: not ours."""
    tried = re.fullmatch(r"tmp\w{8}", path.name) and path.is_dir() and not any(path.iterdir())
    return bool(tried) or path.name.startswith("__autograph_generated_file")


def half_written(command: Command, out: Path, whole: Path) -> list[str]:
    """Files with their final names that differ from those of an undisturbed run."""
    files = [path for path in out.glob(command.parts) if path.is_file() and not hidden(path.relative_to(out))]
    return [path.name for path in files if not same(path, whole / path.relative_to(out))]


def hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def same(path: Path, other: Path) -> bool:
    """Tables may hold fewer rows; all else is equal, or differs in what a clock says."""
    if not other.is_file():
        return False
    if path.suffix == ".json":
        return json.loads(path.read_text()).keys() == json.loads(other.read_text()).keys()
    if path.suffix in (".h5", ".html", ".csv", ".db", ".ipynb"):
        return path.stat().st_size > 0
    return path.read_bytes() == other.read_bytes()


def files(*parts: str, without: Iterable[str] = ()) -> Callable[[Path], dict[str, bytes]]:
    """A result: the files of these patterns, byte for byte."""

    def read(out: Path) -> dict[str, bytes]:
        found = sorted({path for part in parts for path in out.glob(part) if path.is_file()})
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in found if path.name not in without}

    return read


def table(name: str, *without: str) -> Callable[[Path], str]:
    """A result: a table, but for columns that a clock fills."""
    return lambda out: pd.read_csv(out / name, dtype=str).drop(columns=list(without)).to_csv()


def weights(out: Path) -> dict[str, list]:
    """A result: the arrays of a model, and its answers."""
    arrays = {}
    with h5py.File(out / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: arrays.update({name: np.asarray(item).tolist()}) if hasattr(item, "shape") else None
        )
    return arrays | {"predictions": (out / "predictions.csv").read_text()}


def both(*results: Callable[[Path], object]) -> Callable[[Path], list]:
    return lambda out: [result(out) for result in results]


def in_a_row(command: Command, folder: Path, rounds: int, generator: random.Random) -> dict:
    """Kill a command at random moments, start it again until it is done, `rounds` times; what was found."""
    whole = folder / "whole" / "out"
    whole.parent.mkdir(parents=True)
    begun = time.monotonic()
    finish(command, whole, going_on=False)
    duration, wanted = time.monotonic() - begun, command.result(whole)
    found = {
        "seconds": round(duration, 1),
        "rounds": rounds,
        "kills": 0,
        "half written": [],
        "other result": 0,
        "left": [],
    }
    for number in range(rounds):
        out = folder / f"round{number}" / "out"
        out.parent.mkdir()
        going_on, killed = False, True
        for _ in range(3):
            killed = killed and kill_after(command, out, generator.uniform(0.1, 0.95) * duration, going_on)
            found["kills"] += killed
            found["half written"] += half_written(command, out, whole) if out.exists() else []
            going_on = bool(command.again)
        finish(command, out, going_on)
        found["other result"] += command.result(out) != wanted
        found["left"] += leftovers(out.parent)
    return found


def main() -> None:
    from inputs_for_kills import commands

    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    known = commands(folder / "inputs")
    generator = random.Random(1)
    for name in sys.argv[3:] or known:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            print(name, in_a_row(known[name], Path(place), rounds, generator), flush=True)


if __name__ == "__main__":
    main()
