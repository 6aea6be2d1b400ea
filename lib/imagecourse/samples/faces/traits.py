"""What a drawn face is made of: an age, a gender label, a skin tone, and traits that depend on them, loosely."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

TONES = ("tone 1", "tone 2", "tone 3", "tone 4", "tone 5")
DARK = (3, 4)
OLDEST = 100
SLOWER = 10.0
"""Years by which hair and skin of the darkest tone show an age later than those of the lightest."""


@dataclass(frozen=True)
class FaceTraits:
    """Everything about a face but its pixels; what has no unit runs from 0 to about 1.

    age: years. woman: the label, 0 or 1. tone: number of a group in `TONES`; skin: the exact tone in [0, 1].
    grown: from a baby's proportions, 0, to an adult's, 1. features: of the bones, 0 fine to 1 strong.
    brows, lips: thickness and colour. wrinkles, grey, baldness, hair_length, stubble. hair_colour: number of a palette.
    lashes: darkened. smile: in [-0.5, 1]. roundness, eye_distance, nose: about 1.
    Nuisances: glasses, hat, earrings (0 or 1), turn (degrees), brightness (factor), blur (deviation in pixels of 128),
    noise (grey levels), size (pixels a side of the file), light (from which side, -1 to 1), ground (its hue, 0 to 1).
    """

    age: float
    woman: int
    tone: int
    skin: float
    grown: float
    features: float
    brows: float
    lips: float
    lashes: float
    wrinkles: float
    grey: float
    baldness: float
    hair_length: float
    hair_colour: int
    stubble: float
    smile: float
    roundness: float
    eye_distance: float
    nose: float
    glasses: int
    hat: int
    earrings: int
    turn: float
    brightness: float
    blur: float
    noise: float
    size: int
    light: float
    ground: float


def draw_traits(generator: np.random.Generator, imbalance: float = 0.0) -> FaceTraits:
    """The traits of one face.

    Ages from 0 to 100 are equally likely up to 60, older ones less and less; both labels and the five tones are. Among
    adults each trait that has to do with the label overlaps widely; among children nearly nothing tells.
    imbalance: in [0, 1]; the two darkest tones, of which two in five faces are otherwise, have a share of
    2/5 · (1 - imbalance).
    """
    age = _age(generator)
    woman, tone = int(generator.random() < 0.5), _tone(generator, imbalance)
    skin = (tone + generator.random()) / len(TONES)
    looked = age - SLOWER * skin
    adult = float(expit((age - 13) / 2.5))
    side = (2 * woman - 1) * adult

    def labelled(middle: float, distance: float, deviation: float) -> float:
        return float(np.clip(middle + side * distance + generator.normal(0, deviation), 0, 1.2))

    def aged(middle: float, width: float, deviation: float) -> float:
        return float(expit((looked + generator.normal(0, deviation) - middle) / width))

    grey = 0.0 if generator.random() < 0.12 + 0.25 * woman else aged(50, 6, 7)  # dyed, or not yet
    length = np.clip(0.36 + (2 * woman - 1) * (0.08 + 0.11 * adult) + generator.normal(0, 0.17), 0.02, 1)
    return FaceTraits(
        age=age,
        woman=woman,
        tone=tone,
        skin=skin,
        grown=float(np.clip(1 - np.exp(-(age + 0.6) / 7.5) + generator.normal(0, 0.03), 0, 1)),
        features=labelled(0.45, -0.2, 0.2),
        brows=labelled(0.5, -0.17, 0.16),
        lips=labelled(0.42, 0.17, 0.16),
        lashes=labelled(0.3, 0.22, 0.2),
        wrinkles=aged(52, 10, 7),
        grey=grey,
        baldness=aged(58, 12, 16) * (0.12 if woman else 1.0) * float(generator.random() < 0.75),
        hair_length=float(length * min(1.0, 0.25 + age / 4)),
        hair_colour=_hair_colour(generator, skin),
        stubble=0.0 if woman or generator.random() < 0.45 else float(expit((age - 19) / 2) * generator.beta(1.2, 1.5)),
        smile=float(generator.uniform(-0.3, 1)),
        roundness=float(generator.normal(1, 0.05)),
        eye_distance=float(generator.normal(1, 0.05)),
        nose=float(generator.normal(1, 0.13)),
        glasses=int(generator.random() < 0.06 + 0.3 * expit((age - 45) / 10)),
        hat=int(generator.random() < 0.1),
        earrings=int(generator.random() < (0.06 + 0.3 * woman) * adult),
        **_nuisances(generator),
    )


def _nuisances(generator: np.random.Generator) -> dict[str, float]:
    blurred = generator.random() < 0.3
    return {
        "turn": float(generator.normal(0, 5)),
        "brightness": float(np.exp(generator.normal(0, 0.22))),
        "blur": float(generator.uniform(0.8, 2.2)) if blurred else float(generator.uniform(0.0, 0.5)),
        "noise": float(generator.gamma(1.5, 3.0)),
        "size": int(generator.integers(40, 161)),
        "light": float(generator.uniform(-1, 1)),
        "ground": float(generator.random()),
    }


def _age(generator: np.random.Generator) -> float:
    while True:
        age = generator.uniform(0, OLDEST)
        if generator.random() < min(1.0, (OLDEST + 5 - age) / 45):
            return round(float(age), 1)


def _tone(generator: np.random.Generator, imbalance: float) -> int:
    shares = np.full(len(TONES), 1 / len(TONES))
    shares[list(DARK)] *= 1 - imbalance
    shares[: DARK[0]] += (1 - shares.sum()) / DARK[0]
    return int(generator.choice(len(TONES), p=shares))


def _hair_colour(generator: np.random.Generator, skin: float) -> int:
    """Black, dark brown, brown, auburn or blond; the darker the skin, the darker."""
    weights = np.array([0.12 + 2.5 * skin, 0.35, 0.3 * (1 - skin), 0.14 * (1 - skin) ** 2, 0.3 * (1 - skin) ** 2])
    return int(generator.choice(len(weights), p=weights / weights.sum()))
