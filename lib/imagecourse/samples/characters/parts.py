"""Ears, tails and collars: each drawn upwards from its joint at the origin."""

from collections.abc import Callable

import numpy as np

from imagecourse.samples.characters.pen import Pen, oval, shaded, smooth
from imagecourse.samples.characters.traits import Palette


def _round_ear(pen: Pen, palette: Palette) -> None:
    pen.shape(oval(0, -0.1, 0.23, 0.23), palette.main)
    pen.shape(oval(0, -0.09, 0.13, 0.13), shaded(palette.second, 1.35), outlined=False)


def _pointed_ear(pen: Pen, palette: Palette) -> None:
    pen.shape(smooth([(-0.24, 0.14), (-0.2, -0.15), (0, -0.58), (0.2, -0.15), (0.24, 0.14)]), palette.main)
    pen.shape(smooth([(-0.1, 0.02), (0, -0.3), (0.11, 0.02)]), shaded(palette.second, 1.35), outlined=False)
    pen.inside(
        smooth([(-0.24, 0.14), (-0.2, -0.15), (0, -0.58), (0.2, -0.15), (0.24, 0.14)]),
        lambda tip: tip.shape(oval(0, -0.6, 0.2, 0.24), palette.second, outlined=False),
    )


def _leaf_ear(pen: Pen, palette: Palette) -> None:
    leaf(pen, palette.second, 0.74, 0.2)


def leaf(pen: Pen, colour: tuple, length: float, width: float) -> None:
    """A pointed leaf with its vein, upwards from the origin."""
    outline = [(0, 0.08), (width, -0.35 * length), (0.6 * width, -0.75 * length), (0, -length)]
    pen.shape(smooth([*outline, (-0.7 * width, -0.75 * length), (-width, -0.35 * length)]), colour)
    pen.line(np.array([(0, 0), (0, -0.8 * length)]), shaded(colour, 1.45), 0.035)


def _fin_ear(pen: Pen, palette: Palette) -> None:
    rays = [(-0.08, 0.1), (-0.2, -0.5), (0.02, -0.36), (0.14, -0.56), (0.2, -0.28), (0.4, -0.3), (0.2, 0.1)]
    pen.shape(np.array(rays), palette.accent)
    for tip in ((-0.15, -0.4), (0.11, -0.44), (0.3, -0.24)):
        pen.line(np.array([(0.05, 0.05), tip]), shaded(palette.accent, 0.7), 0.03)


def _long_ear(pen: Pen, palette: Palette) -> None:
    pen.shape(smooth([(-0.12, 0.12), (-0.19, -0.4), (0, -0.84), (0.19, -0.4), (0.12, 0.12)]), palette.main)
    pen.shape(oval(0, -0.38, 0.08, 0.28), shaded(palette.second, 1.35), outlined=False)


def _drooping_ear(pen: Pen, palette: Palette) -> None:
    pen.shape(smooth([(-0.16, 0.1), (-0.1, -0.2), (0.2, -0.24), (0.4, 0.06), (0.38, 0.46), (0.2, 0.36), (0.12, 0.08)]),
              palette.second)  # fmt: skip


EARS: dict[str, Callable[[Pen, Palette], None]] = {
    "round": _round_ear,
    "pointed": _pointed_ear,
    "leaf": _leaf_ear,
    "fin": _fin_ear,
    "long": _long_ear,
    "drooping": _drooping_ear,
}
"""The right ear by name; the left one is its mirror image."""


def _curl(pen: Pen, palette: Palette) -> None:
    angles = np.linspace(0.5 * np.pi, 3.1 * np.pi, 40)
    radii = np.linspace(0.25, 0.06, 40)
    spiral = np.column_stack([radii * np.cos(angles), -0.42 + radii * np.sin(angles)])
    pen.ribbon(np.concatenate([[(0, 0.1)], spiral]), palette.main, 0.1)


def _bushy(pen: Pen, palette: Palette) -> None:
    brush = smooth([(-0.1, 0.1), (-0.16, -0.2), (-0.34, -0.55), (-0.16, -1.0), (0.12, -1.2), (0.26, -0.9), (0.32, -0.5),
                    (0.14, -0.1), (0.08, 0.1)])  # fmt: skip
    pen.shape(brush, palette.main)

    def rings(paint: Pen) -> None:
        paint.shape(oval(0.1, -1.2, 0.5, 0.34), palette.belly, outlined=False)
        for height in (-0.32, -0.62):
            paint.line(smooth([(-0.4, height), (0, height + 0.08), (0.4, height)], closed=False), palette.second, 0.12)

    pen.inside(brush, rings)


def _sprig(pen: Pen, palette: Palette) -> None:
    pen.ribbon(smooth([(0, 0.1), (0.06, -0.3), (0, -0.6)], closed=False), shaded(palette.second, 0.8), 0.05)
    for turn, height in ((-60, -0.32), (60, -0.32), (0, -0.5)):
        leaf(pen.moved(0, height, turn), palette.second, 0.4, 0.14)


def _spade(pen: Pen, palette: Palette) -> None:
    tail = [
        (-0.2, 0.12),
        (-0.14, -0.25),
        (0.02, -0.6),
        (0.0, -0.9),
        (0.07, -0.9),
        (0.16, -0.55),
        (0.14, -0.1),
        (0.2, 0.12),
    ]
    pen.shape(smooth(tail), palette.main)
    pen.shape(np.array([(0.03, -1.25), (0.26, -0.86), (0.04, -0.92), (-0.2, -0.86)]), palette.accent)


def _stub(pen: Pen, palette: Palette) -> None:
    angles = np.linspace(0, 2 * np.pi, 40)
    radii = 0.2 + 0.03 * np.cos(7 * angles)
    pen.shape(np.column_stack([radii * np.cos(angles), -0.1 + radii * np.sin(angles)]), palette.belly)


TAILS: dict[str, Callable[[Pen, Palette], None]] = {
    "curl": _curl,
    "bushy": _bushy,
    "sprig": _sprig,
    "spade": _spade,
    "stub": _stub,
}


def _scarf(pen: Pen, palette: Palette) -> None:
    pen.shape(smooth([(0.3, 0.05), (0.7, 0.1), (0.75, 0.9), (0.4, 0.85)]), palette.accent)
    pen.shape(smooth([(-1, -0.12), (0, 0.1), (1, -0.12), (1, 0.18), (0, 0.42), (-1, 0.18)]), palette.accent)


def _bell(pen: Pen, palette: Palette) -> None:
    pen.shape(smooth([(-1, -0.15), (0, 0.1), (1, -0.15), (1, 0.05), (0, 0.32), (-1, 0.05)]), palette.accent)
    pen.shape(oval(0, 0.42, 0.25, 0.25), (252, 208, 70))
    pen.line(np.array([(0, 0.45), (0, 0.64)]), pen.ink, 0.08)


def _bow(pen: Pen, palette: Palette) -> None:
    for side in (-1, 1):
        pen.shape(smooth([(0, 0.1), (side * 0.6, -0.25), (side * 0.62, 0.45)]), palette.accent)
    pen.shape(oval(0, 0.1, 0.16, 0.18), shaded(palette.accent, 0.8))


COLLARS: dict[str, Callable[[Pen, Palette], None]] = {"scarf": _scarf, "bell": _bell, "bow": _bow}
