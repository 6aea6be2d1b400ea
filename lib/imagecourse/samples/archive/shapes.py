"""Outlines in fractions of the side of a picture, and colours: what scenes are put together from."""

import colorsys
from typing import NamedTuple

import numpy as np


class Shape(NamedTuple):
    """An outline in fractions of the side (x to the right, y down) and its colour; `closed` shapes are filled."""

    points: np.ndarray
    colour: tuple[int, int, int]
    closed: bool = True


def colour(rng: np.random.Generator, hue: float | None = None, saturation: float = 0.6, value: float = 0.8) -> tuple:
    """An RGB colour near a hue (any if None), saturation and value in [0, 1]."""
    hue = rng.random() if hue is None else hue + rng.normal(0, 0.03)
    saturation, value = (float(np.clip(level + rng.normal(0, 0.08), 0, 1)) for level in (saturation, value))
    return tuple(round(255 * channel) for channel in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def darker(colour: tuple) -> tuple:
    """The same colour in the shade."""
    return tuple(int(0.72 * channel) for channel in colour)


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    """An upright rectangle: (4, 2) points."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]])


def oval(x: float, y: float, wide: float, tall: float, turn: float = 0) -> np.ndarray:
    """An ellipse around x, y, turned by some radians: (28, 2) points."""
    angles = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    across, down = wide * np.cos(angles), tall * np.sin(angles)
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.column_stack([x + across * cosine - down * sine, y + across * sine + down * cosine])


def blob(
    rng: np.random.Generator, x: float, y: float, wide: float, tall: float, corners: int, bumps: float = 0.12
) -> np.ndarray:
    """An ellipse with some rounded bumps: (8 × corners, 2) points."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    radius = 1 + rng.normal(0, bumps, corners)
    return smooth(np.column_stack([x + wide * radius * np.cos(angles), y + tall * radius * np.sin(angles)]))


def smooth(points: np.ndarray, closed: bool = True) -> np.ndarray:
    """Round the corners by cutting them three times (Chaikin, 1974)."""
    for _ in range(3):
        following = np.roll(points, -1, axis=0) if closed else points[1:]
        start = points if closed else points[:-1]
        cut = np.stack([0.75 * start + 0.25 * following, 0.25 * start + 0.75 * following], axis=1).reshape(-1, 2)
        points = cut if closed else np.vstack([points[:1], cut, points[-1:]])
    return points
