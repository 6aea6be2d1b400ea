"""Archives of submissions unpacked where they can do no harm: known sizes, plain names, no links."""

import contextlib
import os
import time
import zipfile
from pathlib import Path, PurePosixPath

LARGEST_FILE = 100 * 2**20  # bytes
LARGEST_ARCHIVE = 2 * 2**30
MOST_FILES = 20_000
ENCODED_AS_UTF8 = 0x800  # a flag of ZIP entries


def unpack(archive: Path, folder: Path, keep_times: bool) -> None:
    """Unpack a ZIP archive into a new folder; what is too large, a link, or outside is left out.

    keep_times: files get the times that the archive gives them; otherwise that of the archive itself.
    Raises: ValueError for a file that is no archive.
    """
    folder.mkdir(parents=True)
    total, received = 0, archive.stat().st_mtime
    try:
        with zipfile.ZipFile(archive) as content:
            for entry in content.infolist()[:MOST_FILES]:
                place = _place(entry)
                total += entry.file_size
                if place is None or entry.file_size > LARGEST_FILE or total > LARGEST_ARCHIVE:
                    continue
                target = folder / place
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read(entry))
                moment = _time(entry, received) if keep_times else received
                os.utime(target, (moment, moment))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError) as error:
        raise ValueError(f"{archive}: cannot be unpacked ({error})") from error


def _place(entry: zipfile.ZipInfo) -> PurePosixPath | None:
    name = entry.filename
    if not entry.flag_bits & ENCODED_AS_UTF8:
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    parts = [part for part in PurePosixPath(name.replace("\\", "/")).parts if part not in ("/", ".")]
    is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
    wrong = entry.is_dir() or is_link or not parts or ".." in parts or ":" in parts[0] or len(parts) > 20
    return None if wrong else PurePosixPath(*parts)


def _time(entry: zipfile.ZipInfo, otherwise: float) -> float:
    try:
        return time.mktime((*entry.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        return otherwise
