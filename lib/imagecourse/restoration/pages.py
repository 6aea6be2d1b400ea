"""Classic ways to clean a page of text, which a learned cleaner has to beat, and the measure that judges them.

Pages are (h, w) grey uint8 throughout, black ink on light paper.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import product

import cv2
import numpy as np

Cleaner = Callable[[np.ndarray], np.ndarray]
WINDOWS, OFFSETS = (11, 17, 25, 35, 51), (10, 20, 30, 40, 60)


def subtract_background(page: np.ndarray, window: int = 25, offset: int = 20) -> np.ndarray:
    """White where a page is hardly darker than the paper around, the page itself elsewhere.

    The paper is the median of a window (odd, in pixels) that is wider than a stroke; offset: grey levels below it.
    """
    paper = cv2.medianBlur(page, window).astype(np.int16)
    return np.where(page < paper - offset, page, 255).astype(np.uint8)


def threshold_page(page: np.ndarray, window: int = 25, offset: int = 20) -> np.ndarray:
    """Black where a page is darker than the mean of its neighbourhood by more than the offset, else white."""
    return cv2.adaptiveThreshold(page, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, window, offset)


CLASSIC: dict[str, Callable[..., np.ndarray]] = {
    "background subtracted": subtract_background,
    "threshold": threshold_page,
}
"""Functions of a page, a window and an offset."""


def best_settings(method: Callable[..., np.ndarray], pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Cleaner:
    """A classic method with the window and offset that have the lowest mean error on pairs of dirty and clean pages."""
    pairs = list(pairs)
    candidates = [partial(method, window=window, offset=offset) for window, offset in product(WINDOWS, OFFSETS)]
    return min(candidates, key=lambda clean: mean_error(clean, pairs))


def page_error(clean: np.ndarray, cleaned: np.ndarray) -> float:
    """Root of the mean squared difference of two pages, on a scale where white is 1 and black 0."""
    return float(np.sqrt(np.mean((clean.astype(np.float64) - cleaned) ** 2)) / 255)


def mean_error(cleaner: Cleaner, pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> float:
    """Mean `page_error` of a cleaner over pairs of dirty and clean pages."""
    return float(np.mean([page_error(clean, cleaner(dirty)) for dirty, clean in pairs]))
