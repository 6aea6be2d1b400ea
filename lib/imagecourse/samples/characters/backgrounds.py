"""Where characters live, and the things that lie about there: the same for every family."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import fill
from imagecourse.samples.characters.parts import leaf
from imagecourse.samples.characters.pen import Colour, Pen, oval, shaded, smooth
from imagecourse.samples.characters.traits import PALETTES


def any_colour(rng: np.random.Generator) -> Colour:
    """A friendly colour of any hue: the palettes' own and everything between."""
    hue, saturation, value = rng.integers(0, 180), rng.integers(30, 190), rng.integers(150, 256)
    pixel = cv2.cvtColor(np.array([[[hue, saturation, value]]], np.uint8), cv2.COLOR_HSV2RGB)
    chosen = list(PALETTES.values())[rng.integers(len(PALETTES))]
    return tuple(map(int, pixel[0, 0])) if rng.random() < 0.5 else chosen[rng.integers(4)]


def draw_background(rng: np.random.Generator, side: int, name: str | None = None) -> np.ndarray:
    """A landscape or a pattern, the one of a name in `BACKGROUNDS` or any: (side, side, 3) uint8."""
    image = _gradient(rng, side)
    names = list(BACKGROUNDS)
    BACKGROUNDS[name or names[rng.integers(len(names))]](image, rng)
    return image


def _gradient(rng: np.random.Generator, side: int) -> np.ndarray:
    top = np.array(any_colour(rng), np.float32)
    bottom = top * rng.uniform(0.75, 1) if rng.random() < 0.5 else np.array(shaded(tuple(top), 1.6), np.float32)
    column = top + (bottom - top) * np.linspace(0, 1, side, dtype=np.float32)[:, None]
    return np.repeat(column.astype(np.uint8)[:, None], side, axis=1)


def _hills(image: np.ndarray, rng: np.random.Generator) -> None:
    if rng.random() < 0.6:
        x, y = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.3)
        fill(image, oval(x, y, 0.09, 0.09), (255, 240, 190))
    for _ in range(rng.integers(0, 4)):
        _cloud(image, rng)
    for height in np.sort(rng.uniform(0.5, 0.85, rng.integers(1, 4))):
        middle = [(x, height + rng.uniform(-0.09, 0.09)) for x in np.linspace(-0.1, 1.1, 6)]
        outline = np.concatenate([smooth(middle, closed=False), [(1.2, 1.1), (-0.2, 1.1)]])
        fill(image, outline, any_colour(rng))


def _cloud(image: np.ndarray, rng: np.random.Generator) -> None:
    x, y = rng.uniform(0, 1), rng.uniform(0.05, 0.35)
    for step in (-0.07, 0, 0.07):
        fill(image, oval(x + step, y - 0.02 * (step == 0), 0.07, 0.05), (250, 252, 255))


def _dots(image: np.ndarray, rng: np.random.Generator) -> None:
    colour, count, radius = any_colour(rng), rng.integers(4, 9), rng.uniform(0.015, 0.05)
    for row in range(count + 1):
        for column in range(count + 1):
            x, y = (column + 0.5 * (row % 2)) / count, row / count
            fill(image, oval(x, y, radius, radius), colour)


def _rays(image: np.ndarray, rng: np.random.Generator) -> None:
    colour, centre, count = any_colour(rng), rng.uniform(0.3, 0.7, 2), int(rng.integers(8, 16))
    for angle in np.arange(count) * 2 * np.pi / count:
        edge = [(2 * np.cos(angle + turn), 2 * np.sin(angle + turn)) for turn in (0, np.pi / count)]
        fill(image, np.vstack([centre, centre + np.array(edge)]), colour)


def _stripes(image: np.ndarray, rng: np.random.Generator) -> None:
    colour, count, slant = any_colour(rng), int(rng.integers(4, 10)), rng.uniform(-0.6, 0.6)
    for x in np.arange(-count, 2 * count) / count:
        band = [(x, 0), (x + 0.5 / count, 0), (x + 0.5 / count + slant, 1), (x + slant, 1)]
        fill(image, np.array(band), colour)


def _night(image: np.ndarray, rng: np.random.Generator) -> None:
    image[:] = (image * np.array((0.35, 0.35, 0.55))).astype(np.uint8)
    for x, y, radius in rng.uniform((0, 0, 0.004), (1, 0.8, 0.013), (30, 3)):
        fill(image, oval(x, y, radius, radius), (255, 250, 215))
    fill(image, oval(rng.uniform(0.1, 0.9), 0.18, 0.1, 0.1), (250, 240, 205))
    fill(image, np.array([(0, rng.uniform(0.7, 0.9)), (1, rng.uniform(0.7, 0.9)), (1, 1), (0, 1)]), any_colour(rng))


def _room(image: np.ndarray, rng: np.random.Generator) -> None:
    floor, window = rng.uniform(0.6, 0.8), rng.uniform(0.05, 0.65)
    fill(image, np.array([(0, floor), (1, floor), (1, 1), (0, 1)]), any_colour(rng))
    corner = np.array([window, 0.1])
    pane = corner + np.array([(0, 0), (0.3, 0), (0.3, 0.34), (0, 0.34)])
    fill(image, pane, (252, 250, 244))
    fill(image, pane.mean(axis=0) + 0.85 * (pane - pane.mean(axis=0)), any_colour(rng))
    fill(image, corner + np.array([(0.14, 0), (0.16, 0), (0.16, 0.34), (0.14, 0.34)]), (252, 250, 244))


def _plain(image: np.ndarray, rng: np.random.Generator) -> None:
    image[:] = (image[:1, :1] if rng.random() < 0.5 else np.array(shaded(any_colour(rng), 1.8))).astype(np.uint8)


BACKGROUNDS: dict[str, Callable[[np.ndarray, np.random.Generator], None]] = {
    "hills": _hills,
    "dots": _dots,
    "rays": _rays,
    "stripes": _stripes,
    "night": _night,
    "room": _room,
    "plain": _plain,
}


def draw_prop(pen: Pen, rng: np.random.Generator) -> None:
    """One of the things in `PROPS` at the origin, about 0.6 large, entered as surroundings."""
    names = list(PROPS)
    PROPS[names[rng.integers(len(names))]](replace(pen, number=0), any_colour(rng))


def _ball(pen: Pen, colour: Colour) -> None:
    pen.shape(oval(0, 0, 0.26, 0.26), colour)
    pen.inside(
        oval(0, 0, 0.26, 0.26), lambda paint: paint.line(np.array([(-0.3, 0.1), (0.3, -0.1)]), (255, 255, 255), 0.12)
    )


def _balloon(pen: Pen, colour: Colour) -> None:
    pen.line(smooth([(0, 0), (0.06, 0.3), (-0.02, 0.6)], closed=False), pen.ink, 0.02)
    pen.shape(oval(0, -0.28, 0.24, 0.3), colour)
    pen.shape(oval(-0.08, -0.38, 0.05, 0.08), shaded(colour, 1.7), outlined=False)


def _mushroom(pen: Pen, colour: Colour) -> None:
    pen.shape(oval(0, 0.14, 0.11, 0.2), (250, 240, 222))
    pen.shape(smooth([(-0.3, 0.06), (-0.2, -0.2), (0, -0.3), (0.2, -0.2), (0.3, 0.06)]), colour)
    for x, y in ((-0.12, -0.06), (0.1, -0.12), (0.02, -0.22)):
        pen.shape(oval(x, y, 0.04, 0.04), (255, 252, 246), outlined=False)


def _flower(pen: Pen, colour: Colour) -> None:
    leaf(pen.moved(0, 0.3, 50), (96, 168, 96), 0.3, 0.09)
    pen.line(np.array([(0, 0), (0, 0.4)]), (72, 140, 80), 0.05)
    for angle in np.arange(5) * 2 * np.pi / 5:
        pen.shape(oval(0.13 * np.sin(angle), 0.13 * np.cos(angle), 0.1, 0.1), colour)
    pen.shape(oval(0, 0, 0.08, 0.08), (255, 226, 120))


def _star(pen: Pen, colour: Colour) -> None:
    angles = np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 0.13, 0.3)
    pen.shape(np.column_stack([radii * np.sin(angles), -radii * np.cos(angles)]), colour)


def _present(pen: Pen, colour: Colour) -> None:
    pen.shape(np.array([(-0.24, -0.16), (0.24, -0.16), (0.24, 0.28), (-0.24, 0.28)]), colour)
    pen.line(np.array([(0, -0.14), (0, 0.26)]), shaded(colour, 1.7), 0.09)
    for side in (-1, 1):
        pen.shape(smooth([(0, -0.16), (side * 0.2, -0.32), (side * 0.2, -0.14)]), shaded(colour, 1.7))


PROPS: dict[str, Callable[[Pen, Colour], None]] = {
    "ball": _ball,
    "balloon": _balloon,
    "mushroom": _mushroom,
    "flower": _flower,
    "star": _star,
    "present": _present,
}
