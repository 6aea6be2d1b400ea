"""Dirty pages of text and the same pages clean: what a document cleaner learns from, drawn from a seed."""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.archive.canvas import as_pixels, clouds
from imagecourse.samples.archive.text import LAYOUTS, print_page

PAGE = (288, 384)
"""Height and width of a drawn page in pixels."""


def write_documents(folder: str | os.PathLike, texts: int = 12, backgrounds: int = 8, seed: int = 42) -> Path:
    """Write `noisy/N.png` and `clean/N.png`, the layout of NoisyOffice, and return the folder.

    As there, one text lies on several backgrounds and one background under several texts: the first half of the texts
    on the first half of the backgrounds, the second half on the others. The same seed writes the same files.

    Raises: FileExistsError when the folder is there and not empty; ValueError for fewer than two texts or backgrounds.
    """
    if min(texts, backgrounds) < 2:
        raise ValueError(f"{texts} texts on {backgrounds} backgrounds are too few; ask for two and more of both")
    covers = [draw_cover(np.random.default_rng([seed, 0, number])) for number in range(texts)]
    papers = [draw_dirty_paper(np.random.default_rng([seed, 1, number])) for number in range(backgrounds)]
    with new_folder(folder) as temporary:
        for number in range(texts * backgrounds // 2):
            row, column = divmod(number, backgrounds // 2)
            paper = papers[column + (row >= texts // 2) * (backgrounds // 2)]
            dirty = print_on(paper, covers[row], np.random.default_rng([seed, 2, number]))
            write_image(temporary / "noisy" / f"{number + 1}.png", dirty)
            write_image(temporary / "clean" / f"{number + 1}.png", clean_page(covers[row]))
    return Path(folder)


def draw_document(rng: np.random.Generator, shape: tuple[int, int] = PAGE) -> tuple[np.ndarray, np.ndarray]:
    """A dirty page of made-up words and the same page clean, both (h, w) uint8; about 30 ms."""
    cover = draw_cover(rng, shape)
    return print_on(draw_dirty_paper(rng, shape), cover, rng), clean_page(cover)


def draw_cover(rng: np.random.Generator, shape: tuple[int, int] = PAGE) -> np.ndarray:
    """Where a page of text has ink: (h, w) float32 in [0, 1]."""
    names = list(LAYOUTS)
    return _cut(print_page(LAYOUTS[names[rng.integers(len(names))]], rng, max(shape)), shape)


def clean_page(cover: np.ndarray) -> np.ndarray:
    """Black ink on white paper: (h, w) uint8."""
    return as_pixels(255 * (1 - cover))


def draw_dirty_paper(rng: np.random.Generator, shape: tuple[int, int] = PAGE) -> np.ndarray:
    """Paper with stains, folds, creases or footprints, one or two of them: (h, w) float32 in [0, 255]."""
    size = max(shape)
    paper = rng.uniform(200, 248) * (1 + rng.uniform(0, 0.06) * clouds(rng, size, 3))
    for mark in rng.choice(len(_MARKS), size=rng.integers(1, 3), replace=False):
        paper = paper * _MARKS[mark](rng, size)
    grain = rng.normal(0, rng.uniform(0.5, 4), (size, size))
    return _cut(np.clip(paper + cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.3, 1)), 0, 255), shape)


def print_on(paper: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Ink on dirty paper as a scanner sees it: (h, w) uint8. paper, cover: (h, w) float32."""
    worn = _cut(np.clip(clouds(rng, max(paper.shape), 50), 0, 1), paper.shape)
    faded = cover * rng.uniform(0.75, 1) * (1 - rng.uniform(0, 0.3) * worn)
    page = paper + faded * (rng.uniform(0, 50) - paper)
    return as_pixels(cv2.GaussianBlur(page, (0, 0), rng.uniform(0.05, 0.6)))


def _cut(square: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.ascontiguousarray(square[: shape[0], : shape[1]], np.float32)


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    return rows, columns


def _stains(rng: np.random.Generator, size: int) -> np.ndarray:
    """Rings that cups left, drops inside some of them, as a factor."""
    rows, columns = _grid(size)
    factor = np.ones((size, size), np.float32)
    for _ in range(rng.integers(1, 4)):
        x, y, radius = rng.uniform(-0.1, 1.1), rng.uniform(-0.1, 1.1), rng.uniform(0.06, 0.35)
        distance = np.hypot(columns - x, (rows - y) * rng.uniform(0.6, 1.4)) + 0.015 * clouds(rng, size, 7)
        around = 0.5 + 0.5 * np.cos(np.arctan2(rows - y, columns - x) - rng.uniform(0, 2 * np.pi))
        width = rng.uniform(0.006, 0.05)
        ring = np.exp(-(((distance - radius) / width) ** 2)) * around ** rng.uniform(0, 2)
        inside = 1 / (1 + np.exp(np.clip((distance - radius * rng.uniform(0.3, 1)) / 0.006, -50, 50)))
        blotches = np.clip(0.7 + 0.5 * clouds(rng, size, 12, octaves=3), 0, 1.3)
        factor *= 1 - np.clip(rng.uniform(0.1, 0.5) * ring + rng.uniform(0, 0.45) * inside * blotches, 0, 0.75)
    return factor


def _folds(rng: np.random.Generator, size: int) -> np.ndarray:
    """A sheet that was folded: shadow on one side of each crease, and a thin line in it, as a factor."""
    rows, columns = _grid(size)
    factor = np.ones((size, size), np.float32)
    for number in range(rng.integers(2, 6)):
        angle = (number % 2) * np.pi / 2 + rng.normal(0, 0.06)
        offset = (columns - rng.uniform(0, 1)) * np.cos(angle) + (rows - rng.uniform(0, 1)) * np.sin(angle)
        shadow = np.exp(-np.abs(offset) / rng.uniform(0.02, 0.2)) * (offset > 0)
        factor *= 1 - rng.uniform(0, 0.14) * shadow - rng.uniform(-0.08, 0.12) * np.exp(-((offset / 0.004) ** 2))
    return factor


def _creases(rng: np.random.Generator, size: int) -> np.ndarray:
    """A sheet that was crumpled: facets of light and shadow with sharp edges between, as a factor."""
    rows, columns = _grid(size // 2)
    across, down = columns + 0.04 * clouds(rng, size // 2, 6), rows + 0.04 * clouds(rng, size // 2, 6)
    height = np.full(rows.shape, -np.inf, np.float32)
    for _ in range(rng.integers(40, 120)):
        (x, y), (slope_x, slope_y) = rng.uniform(0, 1, 2), rng.normal(0, 0.3, 2)
        cone = slope_x * across + slope_y * down - rng.uniform(6, 14) * np.hypot(across - x, down - y)
        height = np.maximum(height, cone)
    turn = rng.uniform(0, 2 * np.pi)
    light = np.gradient(height, axis=1) * np.cos(turn) + np.gradient(height, axis=0) * np.sin(turn)
    light = cv2.resize(light / max(1e-6, float(light.std())), (size, size), interpolation=cv2.INTER_CUBIC)
    soft = cv2.GaussianBlur(light, (0, 0), rng.uniform(0.6, 3))
    return np.clip(1 + rng.uniform(0.02, 0.1) * soft, 0.55, 1.12)


def _footprints(rng: np.random.Generator, size: int) -> np.ndarray:
    """Dirt from a sole: stripes and speckles in a blotch, as a factor."""
    rows, columns = _grid(size)
    turn, x, y = rng.uniform(0, np.pi), *rng.uniform(0.1, 0.9, 2)
    along = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
    across = -(columns - x) * np.sin(turn) + (rows - y) * np.cos(turn)
    sole = np.exp(-((along / rng.uniform(0.2, 0.6)) ** 4) - (across / rng.uniform(0.1, 0.35)) ** 4)
    stripes = 0.5 + 0.5 * np.sign(np.sin(along * rng.uniform(60, 200) + 2 * clouds(rng, size, 4)))
    speckles = (clouds(rng, size, int(rng.integers(40, 120)), octaves=2) > rng.uniform(0, 0.5)).astype(np.float32)
    dirt = sole * np.clip(stripes * rng.uniform(0.3, 1) + speckles * rng.uniform(0.2, 1), 0, 1)
    return 1 - rng.uniform(0.1, 0.45) * cv2.GaussianBlur(dirt, (0, 0), rng.uniform(0.4, 2))


_MARKS: tuple[Callable[[np.random.Generator, int], np.ndarray], ...] = (_stains, _folds, _creases, _footprints)
