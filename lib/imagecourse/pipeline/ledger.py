"""What a run has finished, kept so that it can go on after a kill; and that two runs never share a folder.

Inside the output folder lies `.pipeline/`: `settings.json`, `journal.jsonl` (a line for each finished page) and a lock.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from imagecourse.files import read_ahead, read_json, write_json
from imagecourse.pipeline.pages import Page, content_hash, root_of
from imagecourse.pipeline.settings import Settings

FOLDER, JOURNAL, SETTINGS, LOCK = ".pipeline", "journal.jsonl", "settings.json", "lock"

Key = tuple[str, int]


class Ledger:
    """The journal of one output folder, open for reading and appending.

    In memory is only where the last line of each page begins: about 300 bytes for a page.
    """

    def __init__(self, settings: Settings, journal: BinaryIO):
        self.settings, self.journal = settings, journal
        self.lines: dict[Key, int] = {}
        self._read()

    def add(self, entries: Iterable[dict]) -> None:
        """Note finished pages as `steps.process_batch` gives them; they are on the disk before this returns."""
        for entry in entries:
            self.lines[_key(entry)] = self.journal.seek(0, os.SEEK_END)
            self.journal.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self.journal.flush()
        os.fsync(self.journal.fileno())

    def entry(self, page: Page) -> dict | None:
        """What is noted of a page, or None."""
        place = self.lines.get((page.file, page.number))
        if place is None:
            return None
        self.journal.seek(place)
        return json.loads(self.journal.readline())

    def unfinished(self, pages: Sequence[Page]) -> Iterator[Page]:
        """The pages that are still to be done: not in the journal, changed since, failed, or without their copy."""
        files = dict.fromkeys(page.file for page in pages if (page.file, page.number) in self.lines)
        hashes = dict(zip(files, read_ahead(self._hash, files, ahead=64), strict=True))
        for page in pages:
            entry = self.entry(page)
            if entry is None or not self._holds(entry, page, hashes[page.file]):
                yield page

    def _read(self) -> None:
        """Find the last line of each page; one that a kill has cut off is passed over, and ended."""
        self.journal.seek(0)
        place, line = 0, b"\n"
        for line in self.journal:
            with suppress(ValueError):
                self.lines[_key(json.loads(line))] = place
            place += len(line)
        if not line.endswith(b"\n"):
            self.journal.write(b"\n")

    def _hash(self, file: str) -> str:
        try:
            return content_hash(root_of(self.settings.source) / file)
        except OSError:
            return ""

    def _holds(self, entry: dict, page: Page, found: str) -> bool:
        row = entry["row"]
        finished = not row["error"] and entry["hash"] == found and row["page"] == page.shown_number
        return finished and (self.settings.output / row["output"]).is_file()


@contextmanager
def open_ledger(settings: Settings, resume: bool) -> Iterator[Ledger]:
    """The ledger of the settings' output folder, which nobody else can open while the block runs.

    Raises: ValueError where another run works there, an earlier one has and `resume` is not given, or it was begun with
    other settings; FileExistsError for a folder that holds something else; OSError for one that cannot be written.
    """
    folder = settings.output / FOLDER
    if not folder.is_dir() and settings.output.exists() and any(settings.output.iterdir()):
        raise FileExistsError(f"{settings.output}: is there and not empty; name a new folder for the results")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "w", encoding="utf-8") as lock:
        _lock(lock, settings.output)
        _check_settings(folder / SETTINGS, settings, resume)
        with open(folder / JOURNAL, "a+b") as journal:
            yield Ledger(settings, journal)


def _lock(lock: TextIO, output: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise ValueError(f"{output}: another run works here; wait for it, or name another folder") from error


def _check_settings(path: Path, settings: Settings, resume: bool) -> None:
    before = read_json(path, {})
    if before and not resume:
        raise ValueError(f"{settings.output}: holds an earlier run; add --resume to go on, or name another folder")
    if before and before != settings.as_json():
        changed = ", ".join(name for name, value in settings.as_json().items() if before.get(name) != value)
        raise ValueError(f"{settings.output}: was begun with another {changed}; repeat that, or name another folder")
    write_json(path, settings.as_json())


def _key(entry: dict) -> Key:
    return entry["row"]["file"], entry["number"]
