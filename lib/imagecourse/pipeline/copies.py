"""Copies of pages: restored ones in the format they came in, untouched ones byte for byte."""

import shutil
from pathlib import Path

import numpy as np

from imagecourse.files import atomic_path
from imagecourse.images import can_write, write_image


def copy_name(name: str) -> str:
    """The name of a changed copy: a format that cannot be written, or holds 256 colours, gets `.png` appended."""
    return name if can_write(name) and not name.lower().endswith(".gif") else f"{name}.png"


def write_copy(folder: Path, name: str, source: Path, changed: np.ndarray | None) -> str:
    """Write a page below a folder, wholly or not at all, and give the name it has there.

    changed: (h, w, 3) uint8, or None to copy the file as it is. What the file knows of itself stays in a changed copy.
    """
    if changed is None:
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(source, temporary)
        return name
    write_image(folder / copy_name(name), changed, original=source)
    return copy_name(name)
