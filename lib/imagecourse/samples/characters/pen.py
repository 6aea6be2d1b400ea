"""A pen that draws in the coordinates of a body part, and keeps the book of which pixel belongs to whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import fill, stroke

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Pen:
    """Draws on `image` (side, side, 3) uint8 and enters its number in `owner` (side, side) uint8.

    matrix: (2, 3), from the part's own coordinates, x to the right and y down, to fractions of the side; ink: the
    colour of outlines; width: of outlines, in pixels of a picture of 200; owner number 0 is the surroundings.
    """

    image: np.ndarray
    owner: np.ndarray
    matrix: np.ndarray
    ink: Colour
    width: float
    number: int = 0

    def moved(self, x: float, y: float, turn: float = 0, scale: float = 1, flip: bool = False) -> Pen:
        """The same pen with its origin at (x, y), turned clockwise by `turn` degrees, scaled and perhaps mirrored."""
        cosine, sine = scale * np.cos(np.deg2rad(turn)), scale * np.sin(np.deg2rad(turn))
        sign = -1 if flip else 1
        local = np.array([[cosine * sign, -sine, x], [sine * sign, cosine, y], [0, 0, 1]])
        return replace(self, matrix=self.matrix @ local)

    def shape(self, points: np.ndarray, colour: Colour, outlined: bool = True) -> None:
        """Fill a closed outline, (n, 2), with a dark line around it."""
        placed = self._place(points)
        fill(self.image, placed, colour)
        self._own(placed)
        if outlined:
            stroke(self.image, placed, self.ink, self.width, closed=True)

    def line(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draw an open line; `width` in the part's own units."""
        stroke(self.image, self._place(points), colour, max(0.8, 200 * width * self.scale))

    def ribbon(self, points: np.ndarray, colour: Colour, width: float) -> None:
        """Draw a line as thick as a limb, rounded at its ends, with an outline."""
        placed, inner = self._place(points), 200 * width * self.scale
        stroke(self.image, placed, self.ink, inner + 2 * self.width)
        stroke(self.image, placed, colour, inner)
        side = len(self.owner)
        thickness = max(1, round((inner + 2 * self.width) * side / 200))
        cv2.polylines(self.owner, [np.round(placed * side).astype(np.int32)], False, self.number, thickness)

    def inside(self, points: np.ndarray, paint: Callable[[Pen], None]) -> None:
        """Let `paint` draw, keep only what falls inside an outline, and draw that outline again."""
        placed = self._place(points)
        stencil = np.zeros(self.owner.shape, np.uint8)
        cv2.fillPoly(stencil, [np.round(placed * len(stencil)).astype(np.int32)], 1)
        layer = self.image.copy()
        paint(replace(self, image=layer, owner=stencil.copy()))
        cv2.copyTo(layer, stencil, self.image)
        stroke(self.image, placed, self.ink, self.width, closed=True)

    @property
    def scale(self) -> float:
        """How long one unit of the part is, in fractions of the side."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix[:, :2]))))

    def _place(self, points: np.ndarray) -> np.ndarray:
        return np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]

    def _own(self, placed: np.ndarray) -> None:
        outline = np.round(placed * len(self.owner)).astype(np.int32)
        cv2.fillPoly(self.owner, [outline], self.number)
        cv2.polylines(self.owner, [outline], True, self.number, max(1, round(self.width * len(self.owner) / 200)))


def oval(x: float, y: float, across: float, down: float, start: float = 0, end: float = 360) -> np.ndarray:
    """An ellipse or a part of one, from radii: (36, 2); angles in degrees, clockwise from the right."""
    angles = np.deg2rad(np.linspace(start, end, 36))
    return np.column_stack([x + across * np.cos(angles), y + down * np.sin(angles)])


def smooth(points: Sequence[tuple[float, float]], closed: bool = True) -> np.ndarray:
    """A curve through points (Catmull and Rom, "A class of local interpolating splines", 1974): (8 n, 2)."""
    points = np.asarray(points, float)
    ends = (points[-1:], points[:2]) if closed else (points[:1], points[-1:])
    padded = np.concatenate([ends[0], points, ends[1]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0, 1, 8)[None, :, None]
    before, start, end, after = (part[:, None] for part in (before, start, end, after))
    curve = start + 0.5 * t * (
        end - before + t * (2 * before - 5 * start + 4 * end - after + t * (3 * (start - end) + after - before))
    )
    return curve.reshape(-1, 2)


def mirrored(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The right half of a symmetric outline, from top to bottom, and its mirror image."""
    return [*points, *((-x, y) for x, y in reversed(points) if x)]


def shaded(colour: Colour, factor: float) -> Colour:
    """Darker below 1, towards white above 1 (2 is white)."""
    values = np.asarray(colour, float)
    values = values * factor if factor <= 1 else values + (255 - values) * (factor - 1)
    return tuple(int(value) for value in np.clip(np.round(values), 0, 255))
