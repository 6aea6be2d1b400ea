"""The pictures in a folder: by name or by content, through links, in natural order."""

import os
from collections.abc import Iterator
from pathlib import Path

from natsort import os_sort_keygen

from imagecourse.images.kinds import EXTENSIONS, kind_by_content

_natural_order = os_sort_keygen()


def list_images(folder: str | os.PathLike) -> list[Path]:
    """Image files below a folder in natural order (page2 before page10).

    A file counts when its extension is that of a picture, or when its content is, whatever its name. Hidden files and
    folders are left out. Links are followed wherever they lead, to each folder once, so a ring of links ends; one that
    leads nowhere is listed by its name and told about when it is read.
    So is a folder inside that may not be read.
    Raises: FileNotFoundError when there is no such folder, NotADirectoryError when it is a file, PermissionError when
    it may not be read.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder; check the name")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: is a file, not a folder; name the folder that holds it")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(f"{folder}: you may not read this folder; ask its owner for read permission")
    return sorted(_walk(folder), key=lambda path: _natural_order(path.relative_to(folder)))


def input_files(path: str | os.PathLike) -> list[Path]:
    """The image files of a folder in natural order, or the one file. Raises: FileNotFoundError, ValueError if empty."""
    path = Path(path)
    if path.is_file():
        return [path]
    files = list_images(path)
    if not files:
        raise ValueError(f"{path}: holds no images; name a folder with image files")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    seen, closed = {folder.resolve()}, []
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=closed.append):
        folders[:] = [
            name for name in sorted(folders) if not name.startswith(".") and _is_new(Path(parent, name), seen)
        ]
        for name in names:
            path = Path(parent, name)
            if not name.startswith(".") and _is_picture(path):
                yield path
    yield from (Path(error.filename) for error in closed)


def _is_new(folder: Path, seen: set[Path]) -> bool:
    """Whether a folder was not met before, by its own name or by another link; it is remembered."""
    real = folder.resolve()
    if real in seen:
        return False
    seen.add(real)
    return True


def _is_picture(path: Path) -> bool:
    if path.suffix.lower() in EXTENSIONS:
        return not path.is_dir()
    try:
        return path.is_file() and kind_by_content(path) is not None
    except OSError:
        return False
