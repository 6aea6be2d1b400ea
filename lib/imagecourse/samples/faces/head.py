"""Skin, ears, nose, mouth, eyes, brows and what the years write on them."""

import numpy as np

from imagecourse.samples.characters.pen import oval
from imagecourse.samples.faces.colours import GREY_HAIR, HAIRS, LIP, Colour, darker, mixed, skin_colour
from imagecourse.samples.faces.shapes import Brush, both_sides, curve
from imagecourse.samples.faces.traits import FaceTraits


def hair_colour(traits: FaceTraits) -> Colour:
    """Of the head's hair, with as much grey as the years have brought."""
    return mixed(HAIRS[traits.hair_colour], GREY_HAIR, 0.95 * traits.grey)


def eye_line(traits: FaceTraits) -> float:
    """Height of the eyes: low in a baby's face, above which there is much forehead."""
    return 0.2 - 0.18 * traits.grown


def outline(traits: FaceTraits) -> np.ndarray:
    """The head from crown to chin: short and round in a baby, long in an adult, a heavy jaw where bones are strong, and
    cheeks that hang in old age."""
    young, strong, old = 1 - traits.grown, traits.features, traits.wrinkles
    width = 0.74 * traits.roundness + 0.1 * young
    jaw = 0.56 + 0.13 * strong + 0.1 * young + 0.05 * old
    chin = 0.24 + 0.12 * strong + 0.08 * young
    half = [
        (0.0, -1.0), (0.55 * width, -0.93), (0.9 * width, -0.66), (1.02 * width, -0.25), (width, 0.12),
        (0.93 * width, 0.4), (jaw * width / 0.74, 0.62), (chin + 0.1, 0.9 - 0.02 * young), (0.0, 1.0 - 0.05 * young),
    ]  # fmt: skip
    return both_sides(half)


def draw_head(brush: Brush, traits: FaceTraits) -> None:
    """Neck, ears and head with their shades, and all that lies on them but hair."""
    skin = skin_colour(traits.skin)
    shade, shape = darker(skin, 0.78), outline(traits)
    neck = 0.34 + 0.12 * traits.features * traits.grown
    throat = [(-neck, 0.55), (neck, 0.55), (neck + 0.08, 1.9), (-neck - 0.08, 1.9)]
    brush.shape(throat, darker(skin, 0.88))
    brush.inside(throat, lambda b: b.glaze(lambda c: c.shape(oval(0, 0.95, 0.75, 0.3), darker(skin, 0.6)), 0.7, 0.08))
    _draw_ears(brush, traits, skin, shade)
    brush.shape(shape, skin)
    brush.inside(shape, lambda b: _shade_head(b, traits, skin))
    _draw_nose(brush, traits, skin)
    _draw_mouth(brush, traits, skin)
    _draw_wrinkles(brush, traits, skin)
    for side in (-1, 1):
        _draw_eye(brush, traits, skin, side)
    _draw_stubble(brush, traits, shape)


def _draw_ears(brush: Brush, traits: FaceTraits, skin: Colour, shade: Colour) -> None:
    size = 0.9 + 0.35 * traits.wrinkles
    for side in (-1, 1):
        x, y = side * (0.76 * traits.roundness + 0.08 * (1 - traits.grown)), eye_line(traits) + 0.14
        brush.shape(oval(x, y, 0.12 * size, 0.21 * size), darker(skin, 0.92))
        brush.shape(oval(x + 0.02 * side, y, 0.06 * size, 0.13 * size), shade)
        if traits.earrings:
            brush.shape(oval(x, y + 0.24 * size, 0.045, 0.045), (235, 200, 90))


def _shade_head(brush: Brush, traits: FaceTraits, skin: Colour) -> None:
    light = traits.light
    brush.glaze(lambda b: b.shape(oval(-0.95 * np.sign(light), 0.1, 0.5, 1.3), darker(skin, 0.6)), 0.55, soft=0.22)
    brush.glaze(lambda b: b.shape(oval(0.35 * np.sign(light), -0.45, 0.4, 0.28), (255, 246, 232)), 0.18, soft=0.2)
    blush = mixed(skin, (226, 86, 84), 0.5)
    for side in (-1, 1):
        brush.glaze(
            lambda b, s=side: b.shape(oval(0.44 * s, 0.42, 0.2, 0.14), blush), 0.3 + 0.3 * (1 - traits.grown), soft=0.1
        )
    cheekbone = 0.35 * traits.wrinkles + 0.12 * traits.features
    for side in (-1, 1):
        hollow = [(0.5 * side, 0.42), (0.7 * side, 0.3), (0.6 * side, 0.7), (0.38 * side, 0.72)]
        brush.glaze(lambda b, h=hollow: b.shape(h, darker(skin, 0.75)), cheekbone, soft=0.1)


def _draw_nose(brush: Brush, traits: FaceTraits, skin: Colour) -> None:
    top, length = eye_line(traits) + 0.04, (0.2 + 0.2 * traits.grown + 0.06 * traits.wrinkles) * traits.nose
    wide = (0.11 + 0.05 * traits.features + 0.02 * traits.skin) * (0.8 + 0.25 * traits.grown)
    tip, side = top + length, np.sign(traits.light) or 1
    ridge = [(-0.06 * side, top), (-0.05 * side, tip - 0.12), (-wide * side, tip), (0, tip + 0.03), (0, top)]
    brush.glaze(lambda b: b.shape(ridge, darker(skin, 0.62)), 0.5 * traits.grown, soft=0.03)
    brush.glaze(lambda b: b.shape(oval(0.03 * side, tip - 0.05, 0.05, 0.06), (255, 250, 240)), 0.35, soft=0.03)
    edge = darker(skin, 0.6)
    brush.line(curve([(-wide, tip - 0.05), (-wide * 0.9, tip + 0.02), (-0.04, tip + 0.045), (0.04, tip + 0.045),
                      (wide * 0.9, tip + 0.02), (wide, tip - 0.05)]), edge, 0.028)  # fmt: skip
    for x in (-0.5 * wide, 0.5 * wide):
        brush.shape(oval(x, tip + 0.01, 0.03, 0.018), darker(skin, 0.4))


def _draw_mouth(brush: Brush, traits: FaceTraits, skin: Colour) -> None:
    y = 0.7 - 0.02 * (1 - traits.grown)
    half = 0.2 + 0.07 * traits.grown + 0.03 * traits.smile
    thick, lift = 0.045 + 0.06 * traits.lips - 0.02 * traits.wrinkles, 0.1 * traits.smile
    red = mixed(darker(skin, 0.8), LIP, 0.25 + 0.55 * min(1, traits.lips) * traits.grown)
    corner = [(-half, y - lift), (half, y - lift)]
    middle = y + 0.35 * lift
    upper = curve([corner[0], (-half / 2, middle - thick * 0.8), (0, middle - thick * 0.5),
                   (half / 2, middle - thick * 0.8), corner[1]])  # fmt: skip
    lower = curve([corner[1], (half / 2, middle + thick), (0, middle + 1.35 * thick), (-half / 2, middle + thick),
                   corner[0]])  # fmt: skip
    brush.shape(np.concatenate([upper, lower]), red)
    if traits.smile > 0.55 and traits.grown > 0.1:
        gap = curve([corner[0], (0, middle + 0.9 * thick), corner[1], (0, middle - 0.02)])
        brush.shape(gap, (248, 245, 238))
    line = curve([corner[0], (-half / 2, middle), (0, middle + 0.01), (half / 2, middle), corner[1]])
    brush.line(line, darker(red, 0.55), 0.022)
    brush.glaze(lambda b: b.shape(oval(0, middle + 0.16, 0.16, 0.03), darker(skin, 0.7)), 0.5, soft=0.03)


def _draw_eye(brush: Brush, traits: FaceTraits, skin: Colour, side: int) -> None:
    young = 1 - traits.grown
    x, y = side * 0.34 * traits.eye_distance, eye_line(traits)
    across, down = 0.15 + 0.02 * young, 0.068 + 0.055 * young - 0.016 * traits.wrinkles
    lid = [(x - across, y + 0.01), (x - 0.5 * across, y - down), (x + 0.4 * across, y - down), (x + across, y - 0.005)]
    below = [(x + 0.4 * across, y + 0.75 * down), (x - 0.5 * across, y + 0.75 * down)]
    brush.glaze(lambda b: b.shape(oval(x, y - 0.02, 1.5 * across, 2.1 * down), darker(skin, 0.68)), 0.35, soft=0.04)
    almond = curve([*lid, *below, lid[0]])
    brush.shape(almond, (246, 243, 238))
    iris = darker(mixed((92, 62, 40), (96, 140, 160), 0.8 * float(traits.hair_colour >= 3)), 0.9 - 0.2 * traits.skin)
    brush.inside(almond, lambda b: _draw_iris(b, x, y, 0.062 + 0.035 * young, iris))
    ink = darker(skin, 0.3)
    brush.line(curve(lid), mixed(ink, (24, 18, 20), traits.lashes), 0.022 + 0.032 * traits.lashes * traits.grown)
    brush.line(curve([lid[-1], *below, lid[0]]), darker(skin, 0.62), 0.012)
    fold = [(px, py - 0.06 + 0.02 * traits.wrinkles) for px, py in lid]
    brush.line(curve(fold), darker(skin, 0.7), 0.012)
    _draw_brow(brush, traits, x, y, side)


def _draw_iris(brush: Brush, x: float, y: float, radius: float, colour: Colour) -> None:
    brush.shape(oval(x, y - 0.005, 1.05 * radius, 1.05 * radius), darker(colour, 0.6))
    brush.shape(oval(x, y, 0.85 * radius, 0.85 * radius), colour)
    brush.shape(oval(x, y, 0.45 * radius, 0.45 * radius), (16, 12, 14))
    brush.shape(oval(x - 0.3 * radius, y - 0.35 * radius, 0.25 * radius, 0.25 * radius), (255, 255, 255))


def _draw_brow(brush: Brush, traits: FaceTraits, x: float, y: float, side: int) -> None:
    colour = mixed(HAIRS[traits.hair_colour], GREY_HAIR, 0.7 * traits.grey)
    height = 0.17 + 0.06 * (1 - traits.grown) - 0.03 * traits.features
    start, end = x - side * 0.14, x + side * 0.18
    arch = curve([(start, y - height + 0.02), (x, y - height - 0.035), (end, y - height + 0.03)])
    width = 0.022 + 0.062 * traits.brows * (0.3 + 0.7 * traits.grown)
    brush.glaze(lambda b: b.line(arch, colour, width), 0.35 + 0.6 * traits.grown)


def _draw_wrinkles(brush: Brush, traits: FaceTraits, skin: Colour) -> None:
    """Lines of forehead, crow's feet, folds beside the nose, bags under the eyes, lines under the mouth, spots."""
    old, eye, dark = traits.wrinkles, eye_line(traits), darker(skin, 0.62)
    sides = (-1, 1)

    def lines(b: Brush) -> None:
        for height, half in ((-0.36, 0.36), (-0.47, 0.3), (-0.58, 0.22)):
            b.line(curve([(-half, height + 0.02), (0, height - 0.02), (half, height + 0.02)]), dark, 0.016 + 0.01 * old)
        for s in sides:
            for rise in (-0.08, 0.0, 0.08):
                b.line([(0.52 * s, eye + 0.3 * rise), (0.64 * s, eye + rise)], dark, 0.014)
            b.line(curve([(0.14 * s, eye + 0.36), (0.27 * s, 0.55), (0.33 * s, 0.72)]), dark, 0.018 + 0.014 * old)
            b.line(curve([(0.22 * s, eye + 0.13), (0.36 * s, eye + 0.18), (0.47 * s, eye + 0.1)]), dark, 0.02)
            b.line(curve([(0.3 * s, 0.78), (0.33 * s, 0.88), (0.3 * s, 0.94)]), dark, 0.018)

    brush.glaze(lines, 0.85 * old, soft=0.006)
    for s in sides:
        brush.glaze(lambda b, s=s: b.shape(oval(0.34 * s, eye + 0.13, 0.14, 0.06), dark), 0.4 * old, soft=0.03)
    spots = np.random.default_rng(int(traits.ground * 1e6)).uniform((-0.6, -0.7), (0.6, 0.4), (7, 2))
    brush.glaze(lambda b: [b.shape(oval(x, y, 0.035, 0.028), darker(skin, 0.6)) for x, y in spots],
                0.5 * max(0.0, old - 0.55) / 0.45, soft=0.012)  # fmt: skip


def _draw_stubble(brush: Brush, traits: FaceTraits, shape: np.ndarray) -> None:
    """From a shadow to a beard."""
    if traits.stubble <= 0.05:
        return
    colour, full = darker(hair_colour(traits), 0.9), traits.stubble
    beard = both_sides([(0.0, 0.86), (0.16, 0.84), (0.3, 0.72), (0.3, 0.58), (0.6, 0.45), (0.86, 0.2), (0.85, 0.7),
                        (0.5, 1.1), (0.0, 1.04 + 0.1 * full)])  # fmt: skip
    moustache = both_sides([(0.0, 0.53), (0.2, 0.55), (0.32, 0.64), (0.2, 0.62), (0.0, 0.61)])
    strength = float(np.clip(0.2 + 0.9 * full, 0, 0.95))
    brush.inside(shape, lambda b: b.glaze(lambda c: c.shape(beard, colour), strength, soft=0.04))
    brush.glaze(lambda b: b.shape(moustache, colour), strength, soft=0.015)
