"""Pictures copied into a folder for each class, so that a second run ends as a first one would."""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pandas as pd

from imagecourse.evaluation.labels import split_labels
from imagecourse.files import atomic_path
from imagecourse.images.errors import on_one_line

UNSURE = "unsure"
JOURNAL = ".sorted.jsonl"


class SortedFolder:
    """Copies of the readable files of tables of answers, in one folder per class, `unsure` for those without a label.

    A file with several labels is copied into the folder of each. Copies are byte for byte, with the time stamp, in the
    same sub-folders as below the source; originals are only read. A journal in the folder knows where each file was
    copied to: when a later run gives it another label, the earlier copy goes. What nobody copied here, or changed
    since, is never removed or replaced.
    """

    def __init__(self, source: str | os.PathLike, destination: str | os.PathLike):
        """source: the image file, or the folder it lies in. Raises: OSError where nothing can be written."""
        self._root = Path(source) if Path(source).is_dir() else Path(source).parent
        self._folder = Path(destination)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._copied: dict[str, list[dict]] = {}
        self._read_journal()

    def add(self, answers: pd.DataFrame, classes: Sequence[str]) -> list[str]:
        """Copy the files of a table. Returns: one line for each that could not be copied."""
        failures = []
        readable = answers[answers["error"] == ""].drop_duplicates("file")
        for file, label in zip(readable["file"], readable["label"], strict=True):
            try:
                self._copy(Path(file), split_labels(label, classes) or [UNSURE])
            except (ValueError, OSError) as error:
                failures.append(f"{on_one_line(file)}: no copy written ({on_one_line(error)})")
        return failures

    def _copy(self, file: Path, labels: list[str]) -> None:
        name, digest = file.relative_to(self._root), _digest(file)
        wanted = [Path(label, name).as_posix() for label in labels]
        earlier = self._copied.get(_key(file), [])
        known = {copy: entry["digest"] for entry in earlier for copy in entry["copies"]}
        for copy in wanted:
            self._check_free(self._folder / copy, digest, known.get(copy))
        self._note({"source": _key(file), "digest": digest, "copies": wanted})
        for copy in wanted:
            with atomic_path(self._folder / copy) as temporary:
                shutil.copy2(file, temporary)
        for copy in known.keys() - set(wanted):
            self._remove(self._folder / copy, known[copy])

    def _check_free(self, copy: Path, *digests: str | None) -> None:
        if copy.exists() and _digest(copy) not in digests:
            raise ValueError(f"{copy} is another picture; sort into another folder")

    def _remove(self, copy: Path, digest: str) -> None:
        if copy.is_file() and _digest(copy) == digest:
            copy.unlink()
            with suppress(OSError):  # other pictures are in it
                copy.parent.rmdir()

    def _note(self, entry: dict) -> None:
        """Before the copy is made: what a killed run began is known to the next one."""
        self._copied.setdefault(entry["source"], []).append(entry)
        with open(self._folder / JOURNAL, "a", encoding="utf-8") as journal:
            print(json.dumps(entry), file=journal)

    def _read_journal(self) -> None:
        path = self._folder / JOURNAL
        with open(path, "a+", encoding="utf-8") as journal:
            if journal.tell():
                print(file=journal)  # ends a line that a kill has cut off
            journal.seek(0)
            for line in journal:
                with suppress(ValueError, KeyError, TypeError):
                    entry = json.loads(line)
                    self._copied.setdefault(entry["source"], []).append(entry)


def _key(file: Path) -> str:
    return os.path.abspath(file)


def _digest(file: Path) -> str:
    with open(file, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
