"""What evolution adds: capes behind the body and crowns on the head, small at stage 2, grand at stage 3."""

from collections.abc import Callable

import numpy as np

from imagecourse.samples.characters.parts import leaf
from imagecourse.samples.characters.pen import Pen, oval, shaded, smooth
from imagecourse.samples.characters.traits import Palette

Ornament = Callable[[Pen, Palette, int], None]


def _ring(count: int, inner: float, outer: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 2 * count, endpoint=False) + 0.1
    radii = np.where(np.arange(2 * count) % 2, inner, outer)
    return np.column_stack([radii * np.cos(angles), radii * np.sin(angles)])


def _puffs(pen: Pen, palette: Palette, stage: int) -> None:
    count, reach = (9, 0.8) if stage == 2 else (12, 0.9)
    for angle in np.linspace(-200, 20, count):
        x, y = reach * np.cos(np.deg2rad(angle)), reach * np.sin(np.deg2rad(angle))
        pen.shape(oval(x, y, 0.2, 0.2), palette.belly)
    for angle in np.linspace(-180, 0, count // 2) if stage > 2 else ():
        x, y = 0.98 * np.cos(np.deg2rad(angle)), 0.98 * np.sin(np.deg2rad(angle))
        pen.shape(oval(x, y, 0.13, 0.13), palette.accent)


def _mane(pen: Pen, palette: Palette, stage: int) -> None:
    if stage > 2:
        pen.shape(_ring(13, 0.86, 1.2), palette.accent)
    pen.shape(_ring(15, 0.72, 0.98), palette.second)


def _leaves(pen: Pen, palette: Palette, stage: int) -> None:
    turns = (-110, -70, 70, 110) if stage == 2 else (-128, -98, -68, -38, 38, 68, 98, 128)
    for turn in turns:
        leaf(pen.moved(0, 0, turn), palette.accent if stage > 2 else palette.second, 1.0 + 0.12 * (stage - 2), 0.2)


def _wings(pen: Pen, palette: Palette, stage: int) -> None:
    size = 0.9 if stage == 2 else 1.3
    wing = [(0.2, 0), (0.5, -0.72), (0.62, -0.76), (1.05, -0.3), (0.82, -0.3), (0.86, 0.02), (0.64, -0.06), (0.56, 0.2)]
    for flip in (False, True):
        side = pen.moved(0, 0, scale=size, flip=flip)
        side.shape(np.array(wing), palette.accent)
        for tip in ((0.82, -0.3), (0.64, -0.06)):
            side.line(np.array([(0.54, -0.66), tip]), shaded(palette.accent, 0.7), 0.03)


CAPES: dict[str, Ornament] = {"puffs": _puffs, "mane": _mane, "leaves": _leaves, "wings": _wings}
"""Drawn around the middle of the back, behind everything else."""


def _moon(pen: Pen, palette: Palette, stage: int) -> None:
    size = 0.24 if stage == 2 else 0.36
    outer, inner = oval(0, -0.9 * size, size, size, 200, -20), oval(0, -1.25 * size, 0.8 * size, 0.8 * size, -20, 200)
    pen.shape(np.concatenate([outer, inner]), palette.accent)
    if stage > 2:
        pen.shape(_ring(5, 0.06, 0.14) + np.array([0, -0.5]), (255, 226, 120))


def _feathers(pen: Pen, palette: Palette, stage: int) -> None:
    for turn in (-24, 24, 0) if stage == 2 else (-52, 52, -26, 26, 0):
        plume = pen.moved(0, 0.06, turn, 0.8 if stage == 2 else 1.1)
        plume.shape(smooth([(0, 0.1), (0.12, -0.3), (0, -0.6), (-0.12, -0.3)]), palette.accent)
        plume.shape(oval(0, -0.36, 0.06, 0.1), palette.belly, outlined=False)


def _twigs(pen: Pen, palette: Palette, stage: int) -> None:
    for flip in (False, True):
        twig = pen.moved(-0.14 if flip else 0.14, 0, -22 if flip else 22, 0.7 if stage == 2 else 1.05, flip)
        for branch in (
            [(0, 0.1), (0.02, -0.4), (0.12, -0.75)],
            [(0.0, -0.3), (-0.2, -0.52)],
            [(0.04, -0.46), (0.28, -0.6)],
        ):
            twig.ribbon(np.array(branch), (140, 96, 62), 0.06)
        for x, y in ((0.12, -0.78), (-0.22, -0.55), (0.3, -0.62))[: 3 if stage > 2 else 1]:
            twig.shape(_ring(5, 0.08, 0.15) + np.array([x, y]), palette.accent)
            twig.shape(oval(x, y, 0.05, 0.05), (255, 236, 150), outlined=False)


def _horns(pen: Pen, palette: Palette, stage: int) -> None:
    for flip in (False, True):
        horn = pen.moved(-0.12 if flip else 0.12, 0.06, 0, 0.75 if stage == 2 else 1.25, flip)
        horn.shape(smooth([(-0.06, 0.06), (0.0, -0.3), (0.26, -0.52), (0.18, -0.24), (0.12, 0.06)]), palette.belly)
    if stage > 2:
        pen.shape(np.array([(0, -0.36), (0.11, -0.14), (0, 0.08), (-0.11, -0.14)]), palette.accent)


CROWNS: dict[str, Ornament] = {"moon": _moon, "feathers": _feathers, "twigs": _twigs, "horns": _horns}
"""Drawn upwards from the top of the head."""
