"""Scenes of one, two or three animals of a kind beside, above or below a thing."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from imagecourse.samples.characters.backgrounds import PROPS
from imagecourse.samples.characters.drawing import finish, new_picture, place_figure
from imagecourse.samples.characters.figure import draw_figure
from imagecourse.samples.characters.pen import Pen
from imagecourse.samples.characters.traits import PALETTES, Traits

ANIMALS = {
    "cat": Traits("four_legs", "pointed", "curl", "", "", "", ()),
    "dragon": Traits("upright", "fin", "spade", "bib", "", "", ()),
    "mouse": Traits("ball", "round", "curl", "", "", "", ()),
    "rabbit": Traits("pear", "long", "stub", "bib", "", "", ()),
}
COLOURS = {
    "blue": "sky",
    "green": "mint",
    "pink": "rose",
    "yellow": "honey",
}
PATTERNS = ("plain", "spotted", "striped")
THINGS = ("balloon", "flower", "mushroom", "present", "star")
ACTIONS = ("sleep", "stand")
RELATIONS = ("above", "below", "left", "right")
PLACES = ("hills", "night", "room", "plain")
MOST = 3
_ANIMAL, _THING = 1, 2


@dataclass(frozen=True)
class Facts:
    """What is in a picture, each by its name above: `count` animals, their relation to the thing, and where it is."""

    animal: str
    count: int
    colour: str
    pattern: str
    action: str
    relation: str
    thing: str
    place: str


class CaptionedScene(NamedTuple):
    """A picture and the truth about it.

    image: (size, size, 3) uint8 RGB. masks: "animal" (all of them) and "thing", where each is seen, (size, size) bool.
    """

    image: np.ndarray
    facts: Facts
    masks: dict[str, np.ndarray]


def any_facts(rng: np.random.Generator) -> Facts:
    """Facts drawn at random, each independent of the others."""

    def pick(options):
        return list(options)[rng.integers(len(options))]

    return Facts(
        animal=pick(ANIMALS),
        count=int(rng.integers(1, MOST + 1)),
        colour=pick(COLOURS),
        pattern=pick(PATTERNS),
        action=pick(ACTIONS),
        relation=pick(RELATIONS),
        thing=pick(THINGS),
        place=pick(PLACES),
    )


def draw_captioned(facts: Facts, rng: np.random.Generator, size: int = 128) -> CaptionedScene:
    """A picture of the facts; size: pixels a side, at least 48. The same state of the generator gives the same one."""
    pen = new_picture(rng, size, facts.place)
    animals, thing = _positions(facts, rng)
    _draw_thing(pen, facts, rng, *thing)
    for x, ground, reach in animals:
        _draw_animal(pen, facts, rng, x, ground, reach)
    drawing = finish(pen, {_ANIMAL: "animal", _THING: "thing"}, rng, size)
    return CaptionedScene(drawing.image, facts, drawing.masks)


def _positions(facts: Facts, rng: np.random.Generator) -> tuple[list[tuple], tuple]:
    """Of each animal x, ground and half its height, and of the thing x, y and scale; all in fractions of the side."""
    beside = facts.relation in ("left", "right")
    width = 0.58 if beside else 0.84
    reach = min(0.17, width / facts.count / 2) * rng.uniform(0.85, 1.05)
    left = 0.06 if facts.relation == "left" else 0.36 if facts.relation == "right" else 0.08
    slots = left + width * (np.arange(facts.count) + 0.5) / facts.count
    ground = {"above": 0.5, "below": 0.9}.get(facts.relation, rng.uniform(0.66, 0.88))
    places = [(x + rng.normal(0, 0.012), ground + rng.uniform(-0.03, 0.03), reach) for x in slots]
    x = {"left": 0.83, "right": 0.17}.get(facts.relation, 0.5 + rng.uniform(-0.2, 0.2))
    y = {"above": 0.8, "below": 0.2}.get(facts.relation, ground - 0.12)
    return places, (x + rng.normal(0, 0.02), y + rng.normal(0, 0.015), rng.uniform(0.42, 0.52))


def _draw_thing(pen: Pen, facts: Facts, rng: np.random.Generator, x: float, y: float, scale: float) -> None:
    lifted = 0.12 * scale if facts.thing == "balloon" else 0  # its string hangs down
    colour = list(PALETTES.values())[rng.integers(len(PALETTES))].main
    PROPS[facts.thing](replace(pen.moved(x, y + lifted, scale=scale), number=_THING), colour)


def _draw_animal(pen: Pen, facts: Facts, rng: np.random.Generator, x: float, ground: float, reach: float) -> None:
    traits = ANIMALS[facts.animal]
    pattern = {"striped": "stripes", "spotted": "spots"}.get(facts.pattern, traits.pattern)
    traits = replace(traits, palettes=(COLOURS[facts.colour],), pattern=pattern)
    placed = replace(place_figure(pen, rng, x, ground, reach), number=_ANIMAL)
    asleep = facts.action == "sleep"
    draw_figure(placed.moved(0, 0.25, turn=80) if asleep else placed, traits, rng, asleep=asleep)
