"""What a character is made of: the traits of the families, of their children and fusions, and of the breeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from imagecourse.samples.characters.pen import Colour


class Palette(NamedTuple):
    """The colours of one character: fur, markings, belly and ornaments."""

    main: Colour
    second: Colour
    belly: Colour
    accent: Colour


PALETTES = {
    "peach": Palette((247, 168, 120), (196, 92, 62), (255, 236, 214), (88, 170, 168)),
    "honey": Palette((250, 204, 92), (186, 112, 44), (255, 245, 208), (214, 84, 92)),
    "mint": Palette((134, 208, 160), (48, 128, 104), (236, 250, 216), (240, 132, 120)),
    "sky": Palette((126, 186, 232), (54, 96, 168), (232, 244, 252), (250, 186, 84)),
    "lilac": Palette((188, 156, 226), (108, 76, 160), (244, 234, 252), (250, 206, 96)),
    "rose": Palette((244, 150, 170), (178, 66, 104), (255, 232, 234), (110, 186, 150)),
    "cocoa": Palette((186, 134, 100), (104, 64, 48), (246, 226, 200), (120, 178, 214)),
    "slate": Palette((150, 166, 180), (72, 84, 108), (238, 242, 244), (238, 122, 92)),
}


@dataclass(frozen=True)
class Traits:
    """The parts of a character, each by its name in the module that draws it, and the palettes it may wear."""

    body: str
    ears: str
    tail: str
    pattern: str
    cape: str
    crown: str
    palettes: tuple[str, ...]
    collar: str = ""


def _all_but(*names: str) -> tuple[str, ...]:
    return tuple(name for name in PALETTES if name not in names)


FAMILIES = {
    "Fernip": Traits("pear", "leaf", "sprig", "bib", "leaves", "twigs", _all_but("sky", "lilac")),
    "Pomble": Traits("ball", "round", "curl", "spots", "puffs", "moon", _all_but("mint", "slate")),
    "Tikkara": Traits("four_legs", "pointed", "bushy", "stripes", "mane", "feathers", _all_but("rose", "honey")),
    "Vindrel": Traits("upright", "fin", "spade", "bars", "wings", "horns", _all_but("peach", "cocoa")),
}
"""The four families in alphabetical order: round Pombles, leafy Fernips, four-legged Tikkaras, dragon-like Vindrels."""

_TIKKARA = replace(FAMILIES["Tikkara"], palettes=("peach", "cocoa", "slate"))

BREEDS = {
    "Banded Tikkara": _TIKKARA,
    "Bell Tikkara": replace(_TIKKARA, collar="bell"),
    "Bobtail Tikkara": replace(_TIKKARA, tail="stub"),
    "Curltail Tikkara": replace(_TIKKARA, tail="curl"),
    "Dappled Tikkara": replace(_TIKKARA, pattern="spots"),
    "Dappled Droop-ear": replace(_TIKKARA, ears="drooping", pattern="spots"),
    "Droop-ear Tikkara": replace(_TIKKARA, ears="drooping"),
    "Hare Tikkara": replace(_TIKKARA, ears="long", tail="stub"),
    "Masked Tikkara": replace(_TIKKARA, pattern="mask"),
    "Masked Bear-ear": replace(_TIKKARA, ears="round", pattern="mask"),
}
"""Ten breeds of Tikkara that differ from the first by one or two of ear form, tail, pattern and collar."""


def fused(first: Traits, second: Traits) -> Traits:
    """Body, pattern and crown of the first; ears, tail and cape of the second; the palettes of both."""
    palettes = tuple(dict.fromkeys(first.palettes + second.palettes))
    return replace(first, ears=second.ears, tail=second.tail, cape=second.cape, palettes=palettes)


def inherited(parent: Traits, rng: np.random.Generator) -> Traits:
    """A child's traits: those of the parent but for one, ears, tail or pattern, that no family has."""
    changes = {"ears": ("long", "drooping"), "tail": ("stub",), "pattern": ("mask", "freckles")}
    trait = list(changes)[rng.integers(len(changes))]
    options = changes[trait]
    return replace(parent, **{trait: options[rng.integers(len(options))]})


def pick_palette(traits: Traits, rng: np.random.Generator) -> Palette:
    """One of the palettes of a character, every colour a little changed."""
    palette = PALETTES[traits.palettes[rng.integers(len(traits.palettes))]]
    changed = np.array(palette) + rng.normal(0, 12, 3) + rng.normal(0, 14, (4, 3))
    return Palette(*(tuple(map(int, colour)) for colour in np.clip(changed, 0, 255)))
