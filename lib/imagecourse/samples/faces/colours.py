"""Colours of skin, hair and cloth, and how they mix."""

import colorsys

import numpy as np

Colour = tuple[float, float, float]

SKINS = np.array(
    [[250, 219, 200], [238, 193, 158], [213, 158, 117], [164, 111, 77], [114, 74, 52], [76, 49, 38]], float
)
HAIRS = np.array([[34, 28, 30], [64, 44, 34], [112, 74, 46], [150, 70, 40], [214, 176, 108]], float)
GREY_HAIR = np.array([214, 212, 210], float)
LIP = np.array([190, 74, 84], float)


def mixed(first: np.ndarray | Colour, second: np.ndarray | Colour, share: float) -> Colour:
    """The first colour with a share of the second, from 0 to 1."""
    values = np.asarray(first, float) * (1 - share) + np.asarray(second, float) * share
    return tuple(float(value) for value in np.clip(values, 0, 255))


def darker(colour: np.ndarray | Colour, factor: float) -> Colour:
    """The colour with less light, a little warmer in the shade."""
    return tuple(float(value) for value in np.asarray(colour, float) * factor ** np.array([0.85, 1.0, 1.05]))


def skin_colour(tone: float) -> Colour:
    """From the lightest, 0, to the darkest, 1."""
    place = np.clip(tone, 0, 1) * (len(SKINS) - 1)
    low = min(int(place), len(SKINS) - 2)
    return mixed(SKINS[low], SKINS[low + 1], place - low)


def pastel(hue: float, saturation: float = 0.3, value: float = 0.88) -> Colour:
    """A soft colour of any hue in [0, 1]."""
    return tuple(255 * part for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))
