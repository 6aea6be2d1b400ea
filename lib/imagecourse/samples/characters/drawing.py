"""Finished pictures: one character, a fusion, a relative, a breed or a scene, with labels and masks."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import fill
from imagecourse.samples.characters.backgrounds import draw_background, draw_prop
from imagecourse.samples.characters.figure import draw_figure
from imagecourse.samples.characters.parts import COLLARS
from imagecourse.samples.characters.pen import Pen, oval, shaded
from imagecourse.samples.characters.traits import BREEDS, FAMILIES, PALETTES, Traits, fused, inherited

_SUPERSAMPLING = 2
_SMALLEST = 48
_HEIGHTS = {1: (0.23, 0.37, 1.1), 2: (0.3, 0.34, 1.25), 3: (0.32, 0.35, 1.4)}
"""Of each stage: half the height from and to, in fractions of the side, and what ears and crowns add as a factor."""


class Drawing(NamedTuple):
    """A picture and the truth about it.

    image: (size, size, 3) uint8 RGB. labels: the families (or the breed) in it, in alphabetical order. masks: for each
    label, where it is seen, (size, size) bool; masks do not overlap, and hide behind whatever stands in front.
    """

    image: np.ndarray
    labels: tuple[str, ...]
    masks: dict[str, np.ndarray]


def draw_character(family: str, rng: np.random.Generator, size: int = 150, stage: int = 1) -> Drawing:
    """A character of a family in some pose, mood and place, often off centre.

    family: a name in `FAMILIES`; size: pixels a side, at least 48; stage: 1, or 2 and 3 for its evolutions, which are
    bigger and more ornate. The same state of the generator gives the same picture.
    Raises: ValueError for another family, size or stage.
    """
    traits = _known(family, FAMILIES)
    if stage not in (1, 2, 3):
        raise ValueError(f"stage: {stage} is none; choose 1, 2 or 3")
    return _draw_single({1: family}, _dressed(traits, rng), rng, size, stage=stage)


def draw_fusion(first: str, second: str, rng: np.random.Generator, size: int = 150) -> Drawing:
    """The body of one family with ears, tail and cape of another, and both as labels.

    The mask of a family covers the parts that come from it. Raises: ValueError as `draw_character` does, and for a
    family with itself.
    """
    traits = fused(_known(first, FAMILIES), _known(second, FAMILIES))
    if first == second:
        raise ValueError(f"{first}: a fusion needs two different families")
    return _draw_single({1: first, 2: second}, traits, rng, size, stage=int(rng.integers(1, 3)), foreign=2)


def draw_relative(family: str, rng: np.random.Generator, size: int = 150) -> Drawing:
    """A child of a family: small, with large eyes, and one trait that no family has. Errors as `draw_character`."""
    return _draw_single({1: family}, inherited(_known(family, FAMILIES), rng), rng, size, young=True)


def draw_breed(breed: str, rng: np.random.Generator, size: int = 150) -> Drawing:
    """A Tikkara of one of the `BREEDS`, the only label. Raises: ValueError for another breed or size."""
    return _draw_single({1: breed}, _known(breed, BREEDS), rng, size)


def draw_scene(families: Sequence[str], rng: np.random.Generator, size: int = 150) -> Drawing:
    """Up to three characters of different families side by side, sometimes one before the other; or an empty place.

    Raises: ValueError as `draw_character`, for more than three, and for a family named twice.
    """
    if len(families) > 3 or len(set(families)) < len(families):
        raise ValueError(f"{', '.join(families)}: name at most three different families")
    cast = [(family, _known(family, FAMILIES)) for family in families]
    pen = new_picture(rng, size)
    slots = (np.arange(len(cast)) + 0.5) / max(1, len(cast))
    order = rng.permutation(len(cast))
    reach = {0: 0.0, 1: 0.24, 2: 0.21, 3: 0.175}[len(cast)]
    names = {}
    for number, position in enumerate(order, start=1):
        family, traits = cast[position]
        names[number] = family
        x = slots[position] + rng.normal(0, 0.12 if len(cast) == 1 else 0.05)
        ground = 0.6 + 0.1 * number + rng.uniform(-0.03, 0.04)
        placed = place_figure(pen, rng, x, ground, reach * rng.uniform(0.85, 1.25))
        draw_figure(replace(placed, number=number), _dressed(traits, rng), rng)
    return finish(pen, names, rng, size)


def _known(name: str, table: dict[str, Traits]) -> Traits:
    if name not in table:
        raise ValueError(f"{name}: no such character; choose one of {', '.join(table)}")
    return table[name]


def _dressed(traits: Traits, rng: np.random.Generator) -> Traits:
    return replace(traits, collar=str(rng.choice(list(COLLARS)))) if rng.random() < 0.3 else traits


def _draw_single(
    names: dict[int, str],
    traits: Traits,
    rng: np.random.Generator,
    size: int,
    stage: int = 1,
    young: bool = False,
    foreign: int | None = None,
) -> Drawing:
    pen = new_picture(rng, size)
    smallest, largest, headroom = _HEIGHTS[stage]
    reach = rng.uniform(smallest, largest) * (0.85 if young else 1)
    x, middle = 0.5 + rng.uniform(-1, 1, 2) * max(0.03, 0.5 - headroom * reach)
    middle += 0.5 * (headroom - 1) * reach
    if rng.random() < 0.4:
        draw_prop(pen.moved(*rng.uniform((0.1, 0.15), (0.9, 0.9)), scale=rng.uniform(0.2, 0.35)), rng)
    placed = place_figure(pen, rng, x, middle + reach, reach)
    draw_figure(replace(placed, number=1), traits, rng, stage, young, foreign)
    if rng.random() < 0.25:
        side = np.sign(rng.uniform(-1, 1))
        draw_prop(pen.moved(x + side * reach, middle + 0.7 * reach, scale=rng.uniform(0.2, 0.3)), rng)
    return finish(pen, names, rng, size)


def new_picture(rng: np.random.Generator, size: int, background: str | None = None) -> Pen:
    """A pen on a background of that name, see `backgrounds.BACKGROUNDS`; None takes any. It draws at twice the size.

    Raises: ValueError for less than 48 pixels.
    """
    if size < _SMALLEST:
        raise ValueError(f"image size: {size} pixels are too few to draw in; use {_SMALLEST} or more")
    side = _SUPERSAMPLING * size
    palette = list(PALETTES.values())[rng.integers(len(PALETTES))]
    ink = shaded(palette.second, 0.35) if rng.random() < 0.6 else (40, 32, 44)
    image, owner = draw_background(rng, side, background), np.zeros((side, side), np.uint8)
    return Pen(image, owner, np.eye(3)[:2], ink, width=rng.uniform(1.1, 2.1))


def place_figure(pen: Pen, rng: np.random.Generator, x: float, ground: float, reach: float) -> Pen:
    """A pen for a figure that stands at (x, ground), `reach` half its height; perhaps leaning or mirrored."""
    shadow = oval(x, ground + 0.02 * reach, 0.8 * reach, 0.14 * reach)
    fill(pen.image, shadow, shaded(tuple(pen.image[_pixel(pen, x, ground)]), 0.72))
    stretch = rng.uniform(0.92, 1.08)
    flip = -1 if rng.random() < 0.5 else 1
    figure = np.array([[flip * reach / stretch, 0, 0], [0, reach * stretch, 0], [0, 0, 1]])
    turn = np.deg2rad(rng.normal(0, 8))
    place = np.array([[np.cos(turn), -np.sin(turn), x], [np.sin(turn), np.cos(turn), ground], [0, 0, 1]])
    feet_at_origin = np.array([[1, 0, 0], [0, 1, -1], [0, 0, 1]])
    return replace(pen, matrix=(place @ figure @ feet_at_origin)[:2], width=pen.width * reach / 0.3)


def _pixel(pen: Pen, x: float, y: float) -> tuple[int, int]:
    row, column = np.clip(np.round(np.array([y, x]) * len(pen.image)).astype(int), 0, len(pen.image) - 1)
    return row, column


def finish(pen: Pen, names: dict[int, str], rng: np.random.Generator, size: int) -> Drawing:
    """Shrink to the final size, with a light of its own for every picture; names: of the owners that get a mask."""
    image = cv2.resize(pen.image, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    light = rng.uniform(0.82, 1.08) * rng.normal(1, 0.05, 3)
    image = np.clip(np.round(image * light), 0, 255).astype(np.uint8)
    shares = {
        name: cv2.resize((pen.owner == number).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
        for number, name in names.items()
    }
    masks = {name: shares[name] > 0.5 for name in sorted(shares)}
    return Drawing(image, tuple(masks), masks)
