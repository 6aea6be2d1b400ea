"""The real photographs behind Photo, Painting and the harder Sketches and Cartoons, shared out between the splits."""

from functools import cache

import cv2
import numpy as np

from imagecourse.samples.photographs import packaged_photographs

SOURCES = {
    "train": ("astronaut", "camera", "cat", "coffee", "fields", "galaxies", "grass", "moon", "motorcycle", "palace",
              "tissue"),
    "validation": ("admiral", "coins", "flower", "gravel"),
    "test": ("brick", "retina", "rocket", "stairs"),
}  # fmt: skip
"""Photographs by split: every crop of a photograph, in whatever style, stays in the split of its photograph."""


@cache
def source_photographs(split: str) -> dict[str, np.ndarray]:
    """The photographs of one split by name, (h, w, 3) uint8, not writable, from the wheels of four packages."""
    photographs = packaged_photographs()
    chosen = {name: photographs[name] for name in SOURCES[split]}
    for pixels in chosen.values():
        pixels.setflags(write=False)
    return chosen


def crop(photographs: dict[str, np.ndarray], rng: np.random.Generator, size: int) -> tuple[str, np.ndarray]:
    """A square cut from one of the photographs, mirrored or turned a little: its name and (size, size, 3) uint8.

    Of three random cuts the one with most contrast is taken, so that little empty sky comes out.
    """
    name = str(rng.choice(list(photographs)))
    candidates = [_cut(photographs[name], rng, size) for _ in range(3)]
    picture = max(candidates, key=lambda pixels: float(pixels.std()))
    return name, np.ascontiguousarray(picture[:, ::-1] if rng.random() < 0.5 else picture)


def _cut(photograph: np.ndarray, rng: np.random.Generator, size: int) -> np.ndarray:
    height, width = photograph.shape[:2]
    side = rng.uniform(0.4, 0.95) * min(height, width)
    half_diagonal = side / 2 * 1.04
    x = rng.uniform(half_diagonal, max(width - half_diagonal, half_diagonal))
    y = rng.uniform(half_diagonal, max(height - half_diagonal, half_diagonal))
    shrunk = min(1.0, 1.5 * size / side)
    if shrunk < 0.7:  # average first: a warp alone would alias
        photograph = cv2.resize(photograph, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA)
        x, y, side = x * shrunk, y * shrunk, side * shrunk
    matrix = cv2.getRotationMatrix2D((x, y), rng.normal(0, 2.5), size / side)
    matrix[:, 2] += size / 2 - np.array([x, y])
    return cv2.warpAffine(photograph, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
