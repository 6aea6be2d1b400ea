"""Copies of pages: restored ones in the format they came in, untouched ones byte for byte."""

import shutil
from pathlib import Path

import numpy as np

from imagecourse.files import atomic_path
from imagecourse.images import write_image
from imagecourse.restoration.measures import without_equal_channels


def write_copy(folder: Path, name: str, source: Path, changed: np.ndarray | None) -> str:
    """Write a page below a folder, wholly or not at all, and give the name it has there.

    changed: (h, w, 3) uint8, or None to copy the file as it is. A GIF holds 256 colours: what is changed gets `.png`. What is grey is
    written in grey.
    """
    if changed is None:
        with atomic_path(folder / name) as temporary:
            shutil.copyfile(source, temporary)
        return name
    name = f"{name}.png" if name.lower().endswith(".gif") else name
    write_image(folder / name, without_equal_channels(changed))
    return name
