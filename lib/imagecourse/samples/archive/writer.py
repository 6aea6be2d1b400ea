"""One picture of a kind, and the whole archive as folders of files."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.archive.canvas import capture
from imagecourse.samples.archive.cartoon import draw_cartoon
from imagecourse.samples.archive.painting import draw_painting
from imagecourse.samples.archive.photo import draw_photo
from imagecourse.samples.archive.schematics import draw_schematics
from imagecourse.samples.archive.sketch import draw_sketch
from imagecourse.samples.archive.sources import SOURCES, source_photographs
from imagecourse.samples.archive.text import draw_text

KINDS: dict[str, Callable[[np.random.Generator, int, dict[str, np.ndarray]], tuple[str, np.ndarray]]] = {
    "Cartoon": draw_cartoon,
    "Painting": draw_painting,
    "Photo": draw_photo,
    "Schematics": draw_schematics,
    "Sketch": draw_sketch,
    "Text": draw_text,
}
"""The classes in alphabetical order, each with the function that draws one picture and says what it shows."""

_HELD_OUT = 0.2
_SMALLEST = 64


def draw(kind: str, rng: np.random.Generator, size: int = 200, split: str = "train") -> np.ndarray:
    """One picture of a class, drawn in memory: (size, size, 3) uint8 RGB.

    kind: a name in `KINDS`; size: pixels, at least 64; split: whose photographs may be used, "train", "validation" or
    "test". The same state of the generator gives the same picture. Raises: ValueError for another kind, size or split.
    """
    return _draw(kind, rng, size, split)[1]


def write_archive(folder: str | os.PathLike, count: int = 600, image_size: int = 200, seed: int = 42) -> Path:
    """Write the archive as `SPLIT/KIND/SUBJECT_NUMBER.jpg`, 60 % train, 20 % validation, 20 % test; returns the folder.

    count: pictures in all, as many of each class as of the others (one more or less); image_size: pixels a side. The
    same seed writes the same files, and a picture does not depend on how many others there are. Each source
    photograph belongs to one split, with every crop and every painting, sketch or cartoon made of it. All classes
    go through the same camera, noise and compression, and have the same size and format. About 25 ms a picture.

    Raises: FileExistsError when the folder is there and not empty; ValueError for fewer than 18 pictures (one of each
    class in each split) or smaller than 64 pixels.
    """
    if count < 3 * len(KINDS):
        raise ValueError(
            f"count: {count} pictures are too few; ask for {3 * len(KINDS)} or more, one a class and split"
        )
    _check_size(image_size)
    with new_folder(folder) as temporary:
        _write_all(temporary, count, image_size, seed)
    return Path(folder)


def _write_all(folder: Path, count: int, size: int, seed: int) -> None:
    for kind_number, kind in enumerate(KINDS):
        of_this_kind = count // len(KINDS) + (kind_number < count % len(KINDS))
        for split_number, (split, pictures) in enumerate(_split_counts(of_this_kind).items()):
            for number in range(pictures):
                rng = np.random.default_rng([seed, kind_number, split_number, number])
                subject, image = _draw(kind, rng, size, split)
                write_image(folder / split / kind / f"{subject}_{number + 1:04d}.jpg", image)


def _split_counts(count: int) -> dict[str, int]:
    held_out = max(1, round(_HELD_OUT * count))
    return {"train": count - 2 * held_out, "validation": held_out, "test": held_out}


def _draw(kind: str, rng: np.random.Generator, size: int, split: str) -> tuple[str, np.ndarray]:
    if kind not in KINDS:
        raise ValueError(f"{kind}: no such kind of picture; choose one of {', '.join(KINDS)}")
    if split not in SOURCES:
        raise ValueError(f"{split}: no such split; choose one of {', '.join(SOURCES)}")
    _check_size(size)
    subject, image = KINDS[kind](rng, size, source_photographs(split))
    return subject, capture(image, rng)


def _check_size(size: int) -> None:
    if size < _SMALLEST:
        raise ValueError(f"image size: {size} pixels are too few to draw in; use {_SMALLEST} or more")
