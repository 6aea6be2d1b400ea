"""What was computed before, in a folder that can be deleted at any time: arrays, or rows in a memory map, by keys."""

import mmap
import os
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
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


class MappedRows:
    """Rows of one shape in a file, found by their keys and read through a memory map; each `append` appears wholly.

    What is read comes from the disk, or from what the system has kept of it where memory is free; the process itself
    holds the rows of the last call only, however many there are.

    name: of the file in the folder; None takes `cache_folder()`. Where that cannot be written, a warning says so, and
    the rows lie in a temporary folder until the object goes.
    """

    def __init__(
        self, name: str, shape: tuple[int, ...], dtype: np.dtype | type, folder: str | os.PathLike | None = None
    ):
        self.shape, self.dtype = shape, np.dtype(dtype)
        try:
            self._open(Path(folder or cache_folder()), name)
        except (OSError, sqlite3.Error) as error:
            _warn_not_kept(str(error))
            self._temporary = tempfile.TemporaryDirectory()
            self._open(Path(self._temporary.name), name)

    def _open(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._keys = folder / f"{name}.rows", folder / f"{name}.keys.sqlite"
        self._path.touch()
        with self._connected() as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS keys (key TEXT PRIMARY KEY, number INTEGER UNIQUE)")

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._keys, timeout=60)) as connection, connection:
            yield connection

    @property
    def row_bytes(self) -> int:
        """Size of a row on the disk."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def numbers(self, keys: Sequence[str]) -> np.ndarray:
        """Where the row of each key lies: (n,) int64, -1 for a key that has none."""
        find = "SELECT number FROM keys WHERE key = ?"
        with self._connected() as connection:
            found = [connection.execute(find, [key]).fetchone() for key in keys]
        return np.array([each[0] if each else -1 for each in found], np.int64)

    def append(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """Keep a row under each key; rows: (n, …). The keys are entered when the rows are on the disk."""
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            first = connection.execute("SELECT COALESCE(MAX(number) + 1, 0) FROM keys").fetchone()[0]
            with open(self._path, "r+b") as file:
                file.seek(first * self.row_bytes)
                file.write(np.ascontiguousarray(rows, self.dtype).tobytes())
            entries = [(key, first + place) for place, key in enumerate(keys)]
            connection.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?)", entries)

    def read(self, numbers: np.ndarray) -> np.ndarray:
        """The rows with these numbers: (n, …) of the dtype, a copy."""
        if not len(numbers):
            return np.zeros((0, *self.shape), self.dtype)
        with open(self._path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            pages = np.frombuffer(mapped, self.dtype, (int(max(numbers)) + 1) * int(np.prod(self.shape)))
            rows = pages.reshape(-1, *self.shape)[numbers]
            del pages
        return rows


def _warn_not_kept(reason: str) -> None:
    warnings.warn(f"nothing is kept ({reason}); set IMAGECOURSE_CACHE to a folder of yours", stacklevel=4)
