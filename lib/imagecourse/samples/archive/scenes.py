"""Things to draw, as outlines with colours: the same houses, animals and people are sketched, cartooned and painted."""

from collections.abc import Callable

import numpy as np

from imagecourse.samples.archive.shapes import Shape, blob, box, colour, darker, oval, smooth


def draw_scene(rng: np.random.Generator) -> tuple[str, list[Shape]]:
    """A random subject somewhere in the picture, mirrored, turned and stretched a little: its name and its shapes."""
    name = str(rng.choice(list(SUBJECTS)))
    return name, _place(SUBJECTS[name](rng), rng)


def draw_landscape(rng: np.random.Generator) -> list[Shape]:
    """Sky, sun, clouds, hills and ground, back to front; the sky covers the whole picture."""
    night = rng.random() < 0.2
    sky = colour(rng, 0.6, 0.5 if night else 0.35, 0.35 if night else 0.95)
    if rng.random() < 0.25:
        sky = colour(rng, 0.07, 0.45, 0.95)
    shapes = [Shape(box(-0.1, -0.1, 1.1, 1.1), sky)]
    x, y = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.3)
    shapes.append(Shape(oval(x, y, 0.07, 0.07), (250, 245, 215) if night else colour(rng, 0.13, 0.6, 1)))
    for _ in range(rng.integers(0, 4)):
        x, y, wide = rng.uniform(0, 1), rng.uniform(0.05, 0.35), rng.uniform(0.08, 0.16)
        shapes.append(Shape(blob(rng, x, y, wide, wide * 0.4, 9), colour(rng, 0.6, 0.04, 0.98)))
    horizon = rng.uniform(0.4, 0.75)
    for depth in range(rng.integers(1, 4)):
        hue, level = rng.choice([0.3, 0.38, 0.58, 0.1, 0.75]), horizon + 0.1 * depth
        hill = colour(rng, hue, 0.3 + 0.15 * depth, 0.85 - 0.13 * depth)
        shapes.append(Shape(_ridge(rng, level, 0.13 - 0.03 * depth), hill))
    return shapes


def _ridge(rng: np.random.Generator, level: float, height: float) -> np.ndarray:
    x = np.linspace(-0.1, 1.1, 9)
    top = np.column_stack([x, level + rng.normal(0, height / 2, len(x))])
    return np.vstack([smooth(top, closed=False), [[1.1, 1.2], [-0.1, 1.2]]])


def _house(rng: np.random.Generator) -> list[Shape]:
    left, right = rng.uniform(0.12, 0.25), rng.uniform(0.75, 0.88)
    eaves, ridge = rng.uniform(0.42, 0.55), rng.uniform(0.1, 0.25)
    wall, roof, trim = colour(rng, 0.1, 0.3, 0.9), colour(rng, 0.02, 0.65, 0.65), colour(rng)
    shapes = [Shape(box(0.62, ridge, 0.71, eaves), colour(rng, 0.03, 0.5, 0.5))]
    smoke = np.array([[0.66, ridge - 0.01], [0.7, ridge - 0.05], [0.64, ridge - 0.09], [0.72, ridge - 0.14]])
    shapes.append(Shape(smooth(smoke, closed=False), (120, 120, 125), closed=False))
    shapes.append(Shape(box(left, eaves, right, 0.88), wall))
    peak = rng.uniform(0.4, 0.6)
    slope = [[left - 0.06, eaves], [peak - 0.1, ridge], [peak + 0.1, ridge], [right + 0.06, eaves]]
    shapes.append(Shape(np.array(slope), roof))
    door = rng.uniform(0.42, 0.52)
    shapes += [
        Shape(box(door, 0.66, door + 0.12, 0.88), trim),
        Shape(oval(door + 0.1, 0.78, 0.009, 0.009), (30, 25, 20)),
    ]
    for x in (left + 0.05, right - 0.2):
        shapes.append(Shape(box(x, eaves + 0.06, x + 0.15, eaves + 0.2), (190, 215, 235)))
        shapes.append(Shape(np.array([[x, eaves + 0.13], [x + 0.15, eaves + 0.13]]), (60, 50, 50), closed=False))
        shapes.append(
            Shape(np.array([[x + 0.075, eaves + 0.06], [x + 0.075, eaves + 0.2]]), (60, 50, 50), closed=False)
        )
    return shapes


def _tree(rng: np.random.Generator) -> list[Shape]:
    trunk = np.array([[0.44, 0.9], [0.47, 0.5], [0.42, 0.38], [0.5, 0.45], [0.6, 0.36], [0.54, 0.52], [0.57, 0.9]])
    shapes = [Shape(trunk, colour(rng, 0.07, 0.5, 0.45))]
    hue = rng.choice([0.3, 0.27, 0.08, 0.94])
    for _ in range(rng.integers(4, 8)):
        x, y = rng.uniform(0.3, 0.7), rng.uniform(0.16, 0.42)
        shapes.append(Shape(blob(rng, x, y, 0.17, 0.14, 10), colour(rng, hue, 0.55, rng.uniform(0.5, 0.85))))
    shapes += [Shape(oval(*rng.uniform([0.25, 0.15], [0.75, 0.45]), 0.02, 0.02), (205, 40, 40)) for _ in range(5)]
    return shapes


def _animal(
    rng: np.random.Generator, neck: float, legs: float, bulk: float, coat: float, ear: float, trunk: bool = False
) -> list[Shape]:
    """A beast from the side; neck, legs, half the body's height and ear in fractions of the side, coat is a hue."""
    fur = colour(rng, coat, rng.uniform(0.1, 0.6), rng.uniform(0.55, 0.95))
    y = 0.88 - legs - bulk
    head_x, head_y = 0.76 + 0.25 * neck, y - bulk * 0.5 - neck
    shapes, wide = [], 0.022 + bulk * 0.13
    for x in (0.33, 0.4, 0.6, 0.67):
        step = rng.normal(0, 0.02)
        shapes.append(
            Shape(np.array([[x - wide, y], [x - wide + step, 0.88], [x + wide + step, 0.88], [x + wide, y]]), fur)
        )
    tail = np.array([[0.26, y - 0.03], [0.17, y - 0.08], [0.15, y + 0.03], [0.1, y + rng.uniform(-0.1, 0.12)]])
    shapes.append(Shape(smooth(tail, closed=False), fur, closed=False))
    nape, chin = [head_x - 0.05, head_y], [head_x + 0.04, head_y + 0.03]
    shapes.append(Shape(np.array([[0.58, y - bulk * 0.6], nape, chin, [0.74, y + bulk * 0.3]]), fur))
    shapes.append(Shape(blob(rng, 0.5, y, 0.26, bulk, 14, 0.03), fur))
    for _ in range(0 if trunk else rng.integers(0, 6)):
        spot_x, spot_y = rng.uniform(0.34, 0.66), y + rng.uniform(-0.5, 0.5) * bulk
        shapes.append(Shape(blob(rng, spot_x, spot_y, 0.04, 0.03, 7), darker(fur)))
    head = _animal_head(fur, 0.07 + 0.25 * bulk, ear, rng.uniform(-0.3, 0.5), trunk)
    place = np.array([head_x, head_y])
    return shapes + [shape._replace(points=shape.points + place) for shape in head]


def _animal_head(fur: tuple, size: float, ear: float, ear_turn: float, trunk: bool) -> list[Shape]:
    """Seen from the side, around the origin, looking to the right."""
    dark, shapes = (45, 35, 35), [Shape(oval(0, 0, size, size * 0.8), fur)]
    if trunk:
        nose = [[0.03, -0.04], [0.12, 0.02], [0.13, 0.2], [0.2, 0.26], [0.17, 0.29], [0.08, 0.22], [0.04, 0.06]]
        shapes.append(Shape(smooth(np.array(nose)), fur))
    else:
        shapes.append(Shape(oval(size, size * 0.25, size * 0.7, size * 0.5), fur))
        shapes.append(Shape(oval(size * 1.5, size * 0.1, size * 0.17, size * 0.14), dark))
    shapes.append(Shape(oval(-0.6 * size, -0.5 * size, ear * 0.7, ear, ear_turn), darker(fur)))
    shapes.append(Shape(oval(0.25 * size, -0.25 * size, 0.016, 0.018), (250, 250, 250)))
    return [*shapes, Shape(oval(0.28 * size, -0.25 * size, 0.008, 0.01), dark)]


def _dog(rng: np.random.Generator) -> list[Shape]:
    return _animal(rng, neck=0.08, legs=0.2, bulk=0.12, coat=0.08, ear=0.075)


def _elephant(rng: np.random.Generator) -> list[Shape]:
    return _animal(rng, neck=0.04, legs=0.2, bulk=0.2, coat=0.6, ear=0.15, trunk=True)


def _giraffe(rng: np.random.Generator) -> list[Shape]:
    return _animal(rng, neck=0.33, legs=0.3, bulk=0.1, coat=0.12, ear=0.035)


def _person(rng: np.random.Generator) -> list[Shape]:
    skin, hair, coat = (
        colour(rng, 0.06, 0.4, rng.uniform(0.5, 0.98)),
        colour(rng, 0.08, 0.6, rng.uniform(0.1, 0.8)),
        colour(rng),
    )
    wide, dark = rng.uniform(0.16, 0.2), (40, 30, 30)
    shapes = [Shape(blob(rng, 0.5, 0.4, wide + 0.06, 0.27, 12), hair)]
    shoulders = [[0.12, 1.05], [0.16, 0.84], [0.38, 0.75], [0.62, 0.75], [0.84, 0.84], [0.88, 1.05]]
    shapes += [Shape(smooth(np.array(shoulders)), coat), Shape(box(0.43, 0.6, 0.57, 0.78), darker(skin))]
    shapes.append(Shape(oval(0.5, 0.45, wide, 0.23), skin))
    fringe = [
        [0.5 - wide - 0.02, 0.4],
        [0.36, 0.19],
        [0.6, 0.17],
        [0.52 + wide, 0.38],
        [0.6, 0.3],
        [rng.uniform(0.4, 0.55), 0.33],
    ]
    shapes.append(Shape(smooth(np.array(fringe)), hair))
    for side in (-1, 1):
        x, y = 0.5 + side * 0.075, 0.44
        shapes += [
            Shape(oval(x, y, 0.034, 0.021), (250, 250, 250)),
            Shape(oval(x, y, 0.015, 0.018), colour(rng, 0.5, 0.5, 0.4)),
        ]
        shapes.append(Shape(np.array([[x - 0.04, 0.4], [x, 0.385], [x + 0.04, 0.4]]), dark, closed=False))
    shapes.append(Shape(np.array([[0.5, 0.45], [0.475, 0.53], [0.51, 0.54]]), darker(skin), closed=False))
    mouth = np.array([[0.43, 0.59], [0.5, 0.59 + rng.uniform(0, 0.05)], [0.57, 0.59], [0.5, 0.585]])
    shapes.append(Shape(smooth(mouth), (175, 60, 60)))
    if rng.random() < 0.35:
        hat = [[0.24, 0.27], [0.34, 0.24], [0.36, 0.08], [0.64, 0.08], [0.66, 0.24], [0.76, 0.27], [0.5, 0.3]]
        shapes.append(Shape(np.array(hat), colour(rng)))
    return shapes


def _fish(rng: np.random.Generator) -> list[Shape]:
    scales, fins, tall = colour(rng), colour(rng), rng.uniform(0.14, 0.25)
    tail = np.array([[0.3, 0.5], [0.1, 0.5 - tall], [0.16, 0.5], [0.1, 0.5 + tall]])
    fin = np.array([[0.42, 0.52 - tall], [0.45, 0.4 - tall], [0.62, 0.42 - tall], [0.66, 0.55 - tall]])
    body = smooth(
        np.array(
            [[0.25, 0.5], [0.45, 0.47 - tall], [0.75, 0.5 - tall], [0.92, 0.5], [0.75, 0.5 + tall], [0.45, 0.53 + tall]]
        )
    )
    shapes = [Shape(tail, fins), Shape(fin, fins), Shape(body, scales)]
    for x in np.linspace(0.4, 0.62, rng.integers(2, 5)):
        stripe = np.array([[x, 0.52 - 0.7 * tall], [x + 0.05, 0.5], [x, 0.48 + 0.7 * tall]])
        shapes.append(Shape(smooth(stripe, closed=False), fins, closed=False))
    shapes += [
        Shape(oval(0.78, 0.45, 0.035, 0.04), (250, 250, 250)),
        Shape(oval(0.785, 0.45, 0.015, 0.02), (20, 20, 25)),
    ]
    return [*shapes, Shape(np.array([[0.9, 0.53], [0.84, 0.56], [0.8, 0.54]]), (120, 40, 40), closed=False)]


def _guitar(rng: np.random.Generator) -> list[Shape]:
    wood, neck = colour(rng, rng.choice([0.05, 0.08, 0.99, 0.6]), 0.7, 0.8), (90, 60, 40)
    outline = [
        [0.5, 0.44],
        [0.66, 0.46],
        [0.65, 0.6],
        [0.72, 0.72],
        [0.66, 0.92],
        [0.5, 0.96],
        [0.34, 0.92],
        [0.28, 0.72],
        [0.35, 0.6],
        [0.34, 0.46],
    ]
    body = np.array(outline) + rng.normal(0, 0.008, (10, 2))
    shapes = [Shape(smooth(body), wood), Shape(oval(0.5, 0.64, 0.075, 0.075), (45, 30, 25))]
    shapes += [Shape(box(0.465, 0.14, 0.535, 0.6), neck), Shape(box(0.445, 0.03, 0.555, 0.15), wood)]
    shapes.append(Shape(box(0.4, 0.82, 0.6, 0.85), (60, 40, 30)))
    for x in np.linspace(0.475, 0.525, 4):
        shapes.append(Shape(np.array([[x, 0.05], [x, 0.83]]), (225, 220, 205), closed=False))
    pegs = [Shape(oval(x, y, 0.015, 0.012), (230, 225, 210)) for x in (0.43, 0.57) for y in (0.06, 0.1, 0.13)]
    return shapes + pegs


def _boat(rng: np.random.Generator) -> list[Shape]:
    deck, mast = rng.uniform(0.68, 0.74), rng.uniform(0.42, 0.52)
    sea = smooth(np.array([[x, 0.82 + 0.02 * (-1) ** i] for i, x in enumerate(np.linspace(0, 1, 11))]), closed=False)
    shapes = [Shape(np.array([[mast, 0.1], [mast, deck]]), (80, 50, 35), closed=False)]
    shapes.append(
        Shape(
            np.array([[mast + 0.02, 0.12], [0.84, deck - 0.06], [mast + 0.02, deck - 0.04]]),
            colour(rng, 0.1, 0.1, 0.97),
        )
    )
    shapes.append(Shape(np.array([[mast - 0.02, 0.2], [0.2, deck - 0.06], [mast - 0.02, deck - 0.04]]), colour(rng)))
    shapes.append(Shape(np.array([[0.12, deck], [0.9, deck], [0.76, 0.87], [0.26, 0.87]]), colour(rng)))
    return [*shapes, Shape(np.vstack([sea, [[1, 0.96], [0, 0.96]]]), colour(rng, 0.56, 0.6, 0.75))]


def _bouquet(rng: np.random.Generator) -> list[Shape]:
    shapes, heads = [], rng.uniform([0.22, 0.12], [0.78, 0.45], (rng.integers(4, 8), 2))
    for x, y in heads:
        stem = np.array([[x, y], [(x + 0.5) / 2, 0.5], [0.5, 0.7]])
        shapes.append(Shape(smooth(stem, closed=False), (60, 120, 60), closed=False))
    for x, y in heads:
        petals, radius, count = colour(rng), rng.uniform(0.05, 0.08), rng.integers(5, 8)
        for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
            shapes.append(
                Shape(
                    oval(x + radius * np.cos(angle), y + radius * np.sin(angle), radius * 0.6, radius * 0.45, angle),
                    petals,
                )
            )
        shapes.append(Shape(oval(x, y, radius * 0.45, radius * 0.45), (240, 200, 60)))
    vase = [[0.4, 0.6], [0.6, 0.6], [0.57, 0.68], [0.68, 0.8], [0.6, 0.93], [0.4, 0.93], [0.32, 0.8], [0.43, 0.68]]
    return [*shapes, Shape(smooth(np.array(vase)), colour(rng))]


SUBJECTS: dict[str, Callable[[np.random.Generator], list[Shape]]] = {
    "house": _house, "tree": _tree, "dog": _dog, "elephant": _elephant, "giraffe": _giraffe, "person": _person,
    "fish": _fish, "guitar": _guitar, "boat": _boat, "bouquet": _bouquet,
}  # fmt: skip
"""What can be drawn, by the name with which its files start."""


def _place(shapes: list[Shape], rng: np.random.Generator) -> list[Shape]:
    angle, shear = rng.normal(0, 0.08), rng.normal(0, 0.08)
    scale = rng.uniform(0.75, 1.15) * np.array([rng.choice([-1, 1]), 1]) * rng.uniform(0.9, 1.1, 2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ [[1, shear], [0, 1]]
    shift = 0.5 + rng.normal(0, 0.05, 2)
    return [shape._replace(points=((shape.points - 0.5) * scale) @ turn.T + shift) for shape in shapes]
