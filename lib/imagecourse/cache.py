"""What was computed before: arrays in SQLite files, in a folder that can be deleted at any time."""

import os
import sqlite3
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np


def cache_folder() -> Path:
    """$IMAGECOURSE_CACHE, or ~/.cache/imagecourse."""
    return Path(os.environ.get("IMAGECOURSE_CACHE") or Path.home() / ".cache" / "imagecourse")


class ArrayCache:
    """Arrays of one dtype by their keys, inside a `with` block; each `store` appears wholly or not at all.

    name: of the file in the folder; None takes `cache_folder()`. Where it cannot be written, a warning says so, and
    what is stored is there for this block only.
    """

    def __init__(self, name: str, dtype: np.dtype | type, folder: str | os.PathLike | None = None):
        self._path, self._dtype = Path(folder or cache_folder()) / f"{name}.sqlite", dtype

    def __enter__(self) -> "ArrayCache":
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connect(self._path)
        except (OSError, sqlite3.Error) as error:
            _warn_not_kept(f"{self._path}: {error}")
            self._connect(":memory:")
        return self

    def __exit__(self, *_) -> None:
        self._connection.close()

    def _connect(self, path: str | Path) -> None:
        self._connection = sqlite3.connect(path, timeout=60)
        with self._connection:
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS arrays (key TEXT PRIMARY KEY, content BLOB) WITHOUT ROWID"
            )

    def find(self, key: str) -> np.ndarray | None:
        """The array under a key, flat, or None. Raises: ValueError for a damaged file."""
        try:
            found = self._connection.execute("SELECT content FROM arrays WHERE key = ?", [key]).fetchone()
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{self._path}: cannot be read ({error}); delete the file, it is made again") from error
        return np.frombuffer(found[0], self._dtype) if found else None

    def store(self, keys: Sequence[str], arrays: Sequence[np.ndarray]) -> None:
        """Keep one array under each key."""
        rows = [
            (key, np.ascontiguousarray(each, self._dtype).tobytes()) for key, each in zip(keys, arrays, strict=True)
        ]
        try:
            with self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO arrays VALUES (?, ?)", rows)
        except sqlite3.OperationalError as error:
            _warn_not_kept(str(error))


def _warn_not_kept(reason: str) -> None:
    warnings.warn(f"nothing is kept ({reason}); set IMAGECOURSE_CACHE to a folder of yours", stacklevel=4)
