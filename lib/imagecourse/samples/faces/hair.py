"""Hair behind and over the head, hats and glasses."""

import numpy as np

from imagecourse.samples.characters.pen import oval
from imagecourse.samples.faces.colours import Colour, darker, mixed, pastel
from imagecourse.samples.faces.head import eye_line, hair_colour
from imagecourse.samples.faces.shapes import Brush, both_sides, curve
from imagecourse.samples.faces.traits import FaceTraits


def draw_hair_behind(brush: Brush, traits: FaceTraits) -> None:
    """What falls behind the neck: nothing where hair is short."""
    length, colour = traits.hair_length, darker(hair_colour(traits), 0.72)
    if length < 0.22:
        return
    end, wide = -0.2 + 1.9 * length, 0.86 + 0.22 * length
    brush.shape(both_sides([(0.0, -1.08), (0.62, -1.0), (wide, -0.5), (wide + 0.02, 0.1), (wide, end),
                            (0.5 * wide, end + 0.1), (0.0, end)]), colour)  # fmt: skip


def draw_hair(brush: Brush, traits: FaceTraits) -> None:
    """The hair over the forehead, thin in a baby; it recedes from the temples and the crown as it is lost."""
    cover = float(np.clip(0.3 + 2 * traits.grown, 0, 1))
    brush.glaze(lambda b: _hair(b, traits, hair_colour(traits)), cover, soft=0.0 if cover > 0.9 else 0.02)


def _hair(brush: Brush, traits: FaceTraits, colour: Colour) -> None:
    lost, width = traits.baldness, 0.76 * traits.roundness + 0.1 * (1 - traits.grown)
    volume = 0.03 + 0.1 * min(1.0, 2 * traits.hair_length)
    side = 1 if traits.ground > 0.5 else -1
    sideburn = eye_line(traits) + 0.05 + 0.5 * min(0.5, traits.hair_length)
    if lost > 0.62:
        for s in (-1, 1):
            fringe = [(s * (width + 0.05), -0.45), (s * (width + 0.09), -0.1), (s * (width + 0.03), 0.22),
                      (s * (width - 0.07), 0.05), (s * (width - 0.06), -0.4)]  # fmt: skip
            brush.shape(curve([*fringe, fringe[0]]), colour)
        return
    line = -0.52 - 0.36 * lost
    temple, part = (0.66 + 0.05 * lost) * width, side * 0.22
    top = [(-width - volume, -0.1), (-width - volume, -0.5), (-0.62 * width, -0.98 - volume), (0, -1.03 - 1.2 * volume),
           (0.62 * width, -0.98 - volume), (width + volume, -0.5), (width + volume, -0.1)]  # fmt: skip
    front = [(width, sideburn), (0.93 * width, -0.15), (temple, line + 0.12 - 0.4 * lost), (part, line),
             (-temple, line + 0.16 - 0.45 * lost), (-0.93 * width, -0.15), (-width, sideburn)]  # fmt: skip
    brush.shape(np.concatenate([curve(top), curve(front)]), colour)
    places = np.linspace(-0.75, 0.75, 9) * width
    strands = [curve([(part, line - 0.06), (0.5 * (part + x), -0.92), (1.1 * x, -0.62 + 0.3 * abs(x))]) for x in places]
    brush.glaze(lambda b: [b.line(strand, darker(colour, 0.78), 0.02) for strand in strands], 0.5)
    shine = curve([(-0.45, -0.86), (0, -0.97), (0.45, -0.86)])
    brush.glaze(lambda b: b.line(shine, (255, 255, 255), 0.06), 0.12, soft=0.03)


def draw_hat(brush: Brush, traits: FaceTraits) -> None:
    """A woollen hat down to the forehead."""
    if not traits.hat:
        return
    wool = pastel(traits.ground + 0.35, 0.55, 0.72)
    width = 0.84 * traits.roundness + 0.1 * (1 - traits.grown)
    brush.shape(
        both_sides([(0.0, -1.28), (0.6 * width, -1.18), (width, -0.8), (1.04 * width, -0.45), (0.0, -0.5)]), wool
    )
    band = both_sides([(0.0, -0.62), (1.05 * width, -0.52), (1.06 * width, -0.32), (0.0, -0.42)])
    brush.shape(band, darker(wool, 0.8))


def draw_glasses(brush: Brush, traits: FaceTraits) -> None:
    """Two rims, a bridge, and a gleam on the glass."""
    if not traits.glasses:
        return
    rim, y = mixed((30, 28, 34), pastel(traits.ground + 0.6, 0.7, 0.5), 0.5), eye_line(traits) + 0.02
    for side in (-1, 1):
        ring = oval(side * 0.34 * traits.eye_distance, y, 0.23, 0.19)
        brush.glaze(lambda b, r=ring: b.shape(r, (235, 244, 250)), 0.14)
        brush.line(np.vstack([ring, ring[:1]]), rim, 0.035)
        brush.line([(side * 0.56 * traits.eye_distance, y - 0.03), (side * 0.8, y - 0.07)], rim, 0.03)
    brush.line(curve([(-0.12, y - 0.02), (0, y - 0.06), (0.12, y - 0.02)]), rim, 0.03)
