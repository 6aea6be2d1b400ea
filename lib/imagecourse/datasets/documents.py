"""Dirty pages with the same pages clean, and a split in which no text and no background is on both sides."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from natsort import natsorted
from scipy.sparse.csgraph import connected_components

from imagecourse.images import read_image

PAPER = 250
SAME_BACKGROUND = 0.5
FEWEST_PIXELS, EVERY = 500, 3
"""Pixels of common paper that two pages are compared by at least, and the step from row to row."""


class Page(NamedTuple):
    """One scanned page: `dirty` and `clean`, (h, w) uint8, and the name of the file."""

    name: str
    dirty: np.ndarray
    clean: np.ndarray


def read_documents(folder: str | os.PathLike) -> list[Page]:
    """The pages of a folder with `noisy/N.png` and the same pages in `clean/N.png`, in natural order, in grey.

    Raises: FileNotFoundError for a missing folder; ValueError where nothing fits together, or two sizes differ.
    """
    noisy, clean = Path(folder, "noisy"), Path(folder, "clean")
    for part in (noisy, clean):
        if not part.is_dir():
            raise FileNotFoundError(f"{part}: no such folder; pairs are noisy/N.png with the same page in clean/N.png")
    names = natsorted({path.name for path in noisy.iterdir()} & {path.name for path in clean.iterdir()})
    if not names:
        raise ValueError(f"{folder}: no file of noisy has its page in clean; give both the same name")
    pages = [Page(name, _grey(noisy / name), _grey(clean / name)) for name in names]
    for page in pages:
        if page.dirty.shape != page.clean.shape:
            raise ValueError(f"{clean / page.name}: is not as large as in noisy; cut both in the same way")
    return pages


def _grey(path: Path) -> np.ndarray:
    return cv2.cvtColor(read_image(path), cv2.COLOR_RGB2GRAY)


def background_groups(pages: Sequence[Page]) -> np.ndarray:
    """Which pages lie on the same background: (n,) int.

    Two are the same where the dirty pages, on the pixels that are paper in both clean ones, correlate by more than
    `SAME_BACKGROUND`; backgrounds that are not the same do not correlate at all.
    """
    alike = np.eye(len(pages), dtype=bool)
    for first in range(len(pages)):
        for second in range(first + 1, len(pages)):
            alike[first, second] = _correlation(pages[first], pages[second]) > SAME_BACKGROUND
    return connected_components(alike, directed=False)[1]


def _correlation(first: Page, second: Page) -> float:
    height, width = np.minimum(first.clean.shape, second.clean.shape)
    part = slice(0, height, EVERY), slice(0, width)
    paper = (first.clean[part] >= PAPER) & (second.clean[part] >= PAPER)
    one, other = (page.dirty[part][paper].astype(np.float64) for page in (first, second))
    if len(one) < FEWEST_PIXELS or min(one.std(), other.std()) == 0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def text_groups(pages: Sequence[Page]) -> np.ndarray:
    """Which pages are the same page when clean, pixel by pixel: (n,) int."""
    keys = [(page.clean.shape, page.clean.tobytes()) for page in pages]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


def split_by_text_and_background(pages: Sequence[Page]) -> np.ndarray:
    """(n,) of "train", "test" and "left out": no text and no background of a test page is on a training page.

    Pages are linked by a common text or background. Where all hang together, the pages on one background are taken out,
    or on more, the most frequent first, until the others fall apart; the smaller part of at least a fifth is the test.
    Of the pages taken out those whose text is in training are trained on, and the others are left out.
    Raises: ValueError where the pages do not fall apart in this way.
    """
    texts, backgrounds = text_groups(pages), background_groups(pages)
    for removed in _removals(backgrounds):
        taken = np.isin(backgrounds, removed)
        test = _smaller_part(texts, backgrounds, ~taken)
        if test is not None:
            known = np.isin(texts, texts[~taken & ~test]) & ~np.isin(texts, texts[test])
            return np.where(test, "test", np.where((~taken & ~test) | (taken & known), "train", "left out"))
    raise ValueError("all pages share texts or backgrounds with all others; add pages of other texts on other paper")


def _removals(backgrounds: np.ndarray) -> Iterator[np.ndarray]:
    """Which backgrounds to take out: none, each alone, then the two, three, … most frequent."""
    frequent = np.argsort(-np.bincount(backgrounds), kind="stable")
    yield frequent[:0]
    yield from (frequent[number : number + 1] for number in range(len(frequent)))
    yield from (frequent[:count] for count in range(2, len(frequent)))


def _smaller_part(texts: np.ndarray, backgrounds: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    """Rows of the smaller side when the rows fall into parts, each side a fifth of them or more; (n,) bool."""
    linked = (texts[:, None] == texts) | (backgrounds[:, None] == backgrounds)
    count, parts = connected_components(linked & rows[:, None] & rows, directed=False)
    sizes = np.bincount(parts[rows], minlength=count)
    for part in np.argsort(-sizes, kind="stable"):
        inside, share = rows & (parts == part), sizes[part] / max(1, rows.sum())
        if 0.2 <= share <= 0.8:
            return inside if share <= 0.5 else rows & ~inside
    return None
