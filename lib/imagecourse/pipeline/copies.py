"""Copies of pages: restored ones in the format they came in, untouched ones byte for byte."""

import shutil
from pathlib import Path

import numpy as np

from imagecourse.files import atomic_path
from imagecourse.images import copy_name, write_image


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
