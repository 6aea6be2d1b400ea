"""Folders that student code has filled: measured and removed without going down into them, however deep they are."""

import contextlib
import os
import secrets
import stat
from pathlib import Path


def remove_folder(folder: Path) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays.

    Folders in folders are first moved up to the top, so no path grows long and nothing recurses.
    """
    with contextlib.suppress(OSError):
        while entries := list(os.scandir(folder)):
            if not any([_clear(folder, entry) for entry in entries]):
                return
        folder.rmdir()


def _clear(top: Path, entry: os.DirEntry) -> bool:
    """Remove a file, or a folder whose folders move up to the top; gives whether that was possible."""
    with contextlib.suppress(OSError):
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)
            return True
        os.chmod(entry.path, stat.S_IRWXU)
        for inner in list(os.scandir(entry.path)):
            if inner.is_dir(follow_symlinks=False):
                os.chmod(inner.path, stat.S_IRWXU)
                os.rename(inner.path, top / f"removed-{secrets.token_hex(8)}")
            else:
                os.unlink(inner.path)
        os.rmdir(entry.path)
        return True
    return False


def disk_use(folder: Path) -> int:
    """Bytes on disk of all files below a folder."""
    total, waiting = 0, [str(folder)]
    while waiting:
        with contextlib.suppress(OSError):
            for entry in os.scandir(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
