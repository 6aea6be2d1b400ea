"""Faces: eyes, brows, mouths, muzzles and cheeks, around the middle between the eyes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from imagecourse.samples.characters.pen import Pen, oval, shaded, smooth
from imagecourse.samples.characters.traits import Palette

_BLUSH = (244, 128, 130)


@dataclass(frozen=True)
class Expression:
    """eyes, mouth: names; look: where the face is turned, x and y; size: of the eyes, 1 is grown up."""

    eyes: str
    mouth: str
    look: tuple[float, float]
    size: float = 1


def any_expression(rng: np.random.Generator, size: float = 1) -> Expression:
    """One of all expressions, turned a little to some side."""
    eyes = rng.choice(["open", "happy", "wink", "sleepy", "wide", "cross"], p=[0.4, 0.15, 0.12, 0.1, 0.13, 0.1])
    mouth = rng.choice(["smile", "laugh", "surprised", "tongue", "cat", "fang"], p=[0.24, 0.26, 0.1, 0.12, 0.16, 0.12])
    return Expression(str(eyes), str(mouth), (rng.uniform(-0.09, 0.09), rng.uniform(-0.05, 0.05)), size)


def draw_face(pen: Pen, palette: Palette, muzzle: str, expression: Expression) -> None:
    """A face at the origin; its eyes are 0.6 apart."""
    pen = pen.moved(*expression.look)
    MUZZLES[muzzle](pen, palette)
    for side in (-1, 1):
        pen.shape(oval(side * 0.47, 0.19, 0.1, 0.065), _BLUSH, outlined=False)
        closed = expression.eyes == "happy" or (expression.eyes == "wink" and side > 0)
        eye = pen.moved(side * 0.29, 0, scale=expression.size)
        (_closed_eye if closed else _open_eye)(eye, palette, expression, side)
    MOUTHS[expression.mouth](pen.moved(0, 0.27))


def _closed_eye(eye: Pen, palette: Palette, expression: Expression, side: int) -> None:
    eye.line(smooth([(-0.12, 0.05), (0, -0.08), (0.12, 0.05)], closed=False), eye.ink, 0.055)


def _open_eye(eye: Pen, palette: Palette, expression: Expression, side: int) -> None:
    tall = {"wide": 0.2, "sleepy": 0.14}.get(expression.eyes, 0.175)
    across = 0.13
    x, y = 0.35 * np.array(expression.look)
    eye.shape(oval(0, 0, across + 0.015, tall + 0.015), (255, 255, 255))
    eye.shape(oval(x, y + 0.015, 0.86 * across, 0.86 * tall), (44, 34, 48), outlined=False)
    eye.shape(oval(x, y + 0.55 * tall, 0.6 * across, 0.3 * tall), shaded(palette.accent, 0.85), outlined=False)
    eye.shape(oval(x - 0.04, y - 0.4 * tall, 0.05, 0.055), (255, 255, 255), outlined=False)
    eye.shape(oval(x + 0.045, y + 0.25 * tall, 0.025, 0.025), (255, 255, 255), outlined=False)
    if expression.eyes == "sleepy":
        eye.shape(oval(0, 0, across + 0.02, tall + 0.02, 180, 360), shaded(palette.main, 0.85))
    if expression.eyes == "cross":
        eye.line(np.array([(-side * 0.16, -0.13), (side * 0.16, -0.26)]), eye.ink, 0.06)


def _nose(pen: Pen, palette: Palette) -> None:
    pen.shape(oval(0, 0.26, 0.27, 0.17), palette.belly, outlined=False)
    pen.shape(smooth([(-0.08, 0.13), (0.08, 0.13), (0, 0.22)]), (70, 48, 56), outlined=False)


def _snout(pen: Pen, palette: Palette) -> None:
    for x in (-0.5, -0.38):
        pen.shape(oval(x, 0.16, 0.025, 0.035), shaded(palette.second, 0.7), outlined=False)


def _freckled(pen: Pen, palette: Palette) -> None:
    for x, y in ((-0.07, 0.1), (0.07, 0.1), (0, 0.15)):
        pen.shape(oval(x, y, 0.022, 0.022), palette.second, outlined=False)


MUZZLES: dict[str, Callable[[Pen, Palette], None]] = {
    "plain": lambda pen, palette: None,
    "nose": _nose,
    "snout": _snout,
    "freckled": _freckled,
}


def _smile(pen: Pen) -> None:
    pen.line(smooth([(-0.14, -0.03), (0, 0.06), (0.14, -0.03)], closed=False), pen.ink, 0.04)


def _laugh(pen: Pen) -> None:
    mouth = smooth([(-0.15, -0.04), (0, -0.02), (0.15, -0.04), (0.1, 0.12), (0, 0.17), (-0.1, 0.12)])
    pen.shape(mouth, (120, 40, 56))
    pen.inside(mouth, lambda tongue: tongue.shape(oval(0, 0.17, 0.1, 0.09), (240, 120, 130), outlined=False))


def _surprised(pen: Pen) -> None:
    pen.shape(oval(0, 0.05, 0.06, 0.085), (120, 40, 56))


def _tongue(pen: Pen) -> None:
    pen.shape(smooth([(-0.02, 0.02), (0.12, 0), (0.12, 0.13), (0.05, 0.18), (-0.01, 0.12)]), (240, 120, 130))
    _smile(pen)


def _cat(pen: Pen) -> None:
    curve = [(-0.16, -0.02), (-0.08, 0.05), (0, -0.03), (0.08, 0.05), (0.16, -0.02)]
    pen.line(smooth(curve, closed=False), pen.ink, 0.04)


def _fang(pen: Pen) -> None:
    pen.shape(np.array([(0.04, 0.02), (0.13, 0), (0.09, 0.11)]), (255, 255, 255))
    _smile(pen)


MOUTHS: dict[str, Callable[[Pen], None]] = {
    "smile": _smile,
    "laugh": _laugh,
    "surprised": _surprised,
    "tongue": _tongue,
    "cat": _cat,
    "fang": _fang,
}
