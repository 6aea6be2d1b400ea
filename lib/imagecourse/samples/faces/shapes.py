"""A brush in the face's own coordinates: x to the right, y down, the chin at (0, 1), the crown at (0, -1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import fill
from imagecourse.samples.characters.pen import smooth
from imagecourse.samples.faces.colours import Colour


@dataclass(frozen=True)
class Brush:
    """Paints on `image` (side, side, 3) float32 RGB. matrix: (2, 3), face coordinates to fractions of the side.

    touched: collects the points that it has painted at, in fractions of the side.
    """

    image: np.ndarray
    matrix: np.ndarray
    touched: list[np.ndarray] = field(default_factory=list)

    @property
    def unit(self) -> float:
        """Pixels of one unit of the face."""
        return len(self.image) * float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def place(self, points: np.ndarray | Sequence) -> np.ndarray:
        """Points (n, 2) of the face in fractions of the side."""
        placed = np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]
        self.touched.append(placed)
        return placed

    def shape(self, points: np.ndarray | Sequence, colour: Colour) -> None:
        """Fill a closed outline."""
        fill(self.image, self.place(points), colour)

    def line(self, points: np.ndarray | Sequence, colour: Colour, width: float) -> None:
        """A line of a width in units of the face."""
        placed = np.round(self.place(points) * len(self.image) * 16).astype(np.int32)
        cv2.polylines(self.image, [placed], False, colour, max(1, round(width * self.unit)), cv2.LINE_AA, 4)

    def glaze(self, paint: Callable[[Brush], None], strength: float, soft: float = 0.0) -> None:
        """Let `paint` work on a copy and lay that over the picture, with a strength and with soft edges."""
        if strength <= 0:
            return
        layer, touched = self.image.copy(), []
        paint(replace(self, image=layer, touched=touched))
        window = self._window(touched, 0.05 + 3 * soft)
        change = layer[window] - self.image[window]
        if soft:
            change = cv2.GaussianBlur(change, (0, 0), soft * self.unit)
        self.image[window] += strength * change

    def inside(self, points: np.ndarray | Sequence, paint: Callable[[Brush], None]) -> None:
        """Let `paint` work, and keep only what falls inside an outline."""
        layer, stencil = self.image.copy(), np.zeros(self.image.shape[:2], np.float32)
        paint(replace(self, image=layer))
        placed = self.place(points)
        fill(stencil, placed, 1.0)
        window = self._window([placed], 0.05)
        self.image[window] += stencil[window][:, :, None] * (layer[window] - self.image[window])

    def _window(self, touched: Sequence[np.ndarray], margin: float) -> tuple[slice, slice]:
        """Rows and columns around what was painted, with a margin in units of the face."""
        side, places = len(self.image), np.concatenate(touched) * len(self.image)
        low = np.clip(places.min(axis=0) - margin * self.unit - 2, 0, side - 1).astype(int)
        high = np.clip(places.max(axis=0) + margin * self.unit + 3, 1, side).astype(int)
        return slice(low[1], max(high[1], low[1] + 1)), slice(low[0], max(high[0], low[0] + 1))


def both_sides(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """A smooth closed outline from its right half, listed from top to bottom."""
    left = [(-x, y) for x, y in reversed(points) if abs(x) > 1e-9]
    return smooth([*points, *left])


def curve(points: Sequence[tuple[float, float]]) -> np.ndarray:
    """A smooth open line through points."""
    return smooth(points, closed=False)
