"""Patterns on the fur: each painted inside the outline of the body or of the head."""

from collections.abc import Callable

import numpy as np

from imagecourse.samples.characters.pen import Pen, oval, shaded, smooth
from imagecourse.samples.characters.traits import Palette

Pattern = Callable[[Pen, Palette, np.ndarray, np.ndarray], None]


def _spots(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    low, high = outline.min(axis=0), outline.max(axis=0)
    for x, y, radius in ((0.06, 0.28, 0.1), (0.2, 0.72, 0.08), (0.86, 0.5, 0.1), (0.76, 0.16, 0.12), (0.5, 0.04, 0.1),
                         (0.04, 0.52, 0.07), (0.78, 0.8, 0.1), (0.28, 0.12, 0.07)):  # fmt: skip
        centre = low + (high - low) * (x, y)
        pen.shape(oval(*centre, radius, 0.9 * radius), palette.second, outlined=False)


def _stripes(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    low, high = outline.min(axis=0), outline.max(axis=0)
    wide, tall = high - low
    for x in (0.3, 0.5, 0.7, 0.88):
        top = low + np.array([x * wide, -0.05])
        pen.shape(top + np.array([(-0.07, 0), (0.07, 0), (0.02, 0.42 * tall)]), palette.second, outlined=False)
    for y in (0.55, 0.72):
        pen.shape(low + np.array([(-0.05, y * tall), (-0.05, y * tall + 0.1), (0.2 * wide, y * tall + 0.08)]),
                  palette.second, outlined=False)  # fmt: skip


def _bib(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    pen.shape(belly, palette.belly, outlined=False)
    (low_x, low_y), (high_x, high_y) = belly.min(axis=0), belly.max(axis=0)
    middle, wide = (low_x + high_x) / 2, 0.26 * (high_x - low_x)
    for y in np.linspace(low_y, high_y, 5)[1:-1]:
        chevron = np.array([(middle - wide, y - 0.04), (middle, y + 0.05), (middle + wide, y - 0.04)])
        pen.line(chevron, palette.second, 0.05)


def _bars(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    pen.shape(belly, palette.belly, outlined=False)
    (low_x, low_y), (high_x, high_y) = belly.min(axis=0), belly.max(axis=0)
    for y in np.linspace(low_y, high_y, 6)[1:-1]:
        curve = [(low_x - 0.05, y), ((low_x + high_x) / 2, y + 0.05), (high_x + 0.05, y)]
        pen.line(smooth(curve, closed=False), shaded(palette.belly, 0.78), 0.035)


def _mask(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    low, high = outline.min(axis=0), outline.max(axis=0)
    x, y = low + (high - low) * (0.5, 0.44)
    pen.shape(oval(x, y, 0.6 * (high - low)[0], 0.22), palette.second, outlined=False)


def _freckles(pen: Pen, palette: Palette, outline: np.ndarray, belly: np.ndarray) -> None:
    low, high = outline.min(axis=0), outline.max(axis=0)
    for number in range(26):
        centre = low + (high - low) * (number * 0.618 % 1, (number + 0.5) / 26)
        pen.shape(oval(*centre, 0.03, 0.03), palette.second, outlined=False)


PATTERNS: dict[str, Pattern] = {
    "spots": _spots,
    "stripes": _stripes,
    "bib": _bib,
    "bars": _bars,
    "mask": _mask,
    "freckles": _freckles,
}
"""Patterns by name; arguments: pen, palette, the outline that is painted, and the outline of the belly."""
