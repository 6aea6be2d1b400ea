"""A whole character from its traits: which part is drawn when, where and in which pose."""

from dataclasses import dataclass, replace

import numpy as np

from imagecourse.samples.characters.bodies import BODIES, Body, Joint
from imagecourse.samples.characters.face import any_expression, draw_face
from imagecourse.samples.characters.markings import PATTERNS
from imagecourse.samples.characters.ornaments import CAPES, CROWNS
from imagecourse.samples.characters.parts import COLLARS, EARS, TAILS
from imagecourse.samples.characters.pen import Pen, oval, shaded
from imagecourse.samples.characters.traits import Palette, Traits, pick_palette


@dataclass(frozen=True)
class Pose:
    """Angles in degrees: of the head, the tail, the ears and each arm; `stride`: how far feet are apart."""

    head: float
    tail: float
    ears: float
    arms: tuple[float, float]
    stride: float


def any_pose(rng: np.random.Generator) -> Pose:
    """Standing, waving or cheering, with a tilted head and a moving tail."""
    arms = rng.choice([0, 60, 95], 2, p=[0.5, 0.25, 0.25]) + rng.normal(0, 12, 2)
    return Pose(*rng.normal(0, (7, 16, 9)), tuple(arms), rng.uniform(-0.08, 0.08))


def draw_figure(
    pen: Pen,
    traits: Traits,
    rng: np.random.Generator,
    stage: int = 1,
    young: bool = False,
    foreign: int | None = None,
    asleep: bool = False,
) -> None:
    """Draw a character standing at (0, 1) and about 2 high.

    stage: 1 to 3, later ones wear capes and crowns; young: large eyes; asleep: closed ones. foreign: the number under
    which ears, tail and cape are entered, for a fusion; None takes the pen's own.
    """
    body, palette, pose = BODIES[traits.body], pick_palette(traits, rng), any_pose(rng)
    expression = any_expression(rng, 1.2 if young else 1)
    expression = replace(expression, eyes="happy", mouth="smile") if asleep else expression
    borrowed = pen if foreign is None else replace(pen, number=foreign)
    if stage > 1:
        CAPES[traits.cape](_at(borrowed, body.back), palette, stage)
    for wag in (0,) if stage < 3 else (-32, 28):
        TAILS[traits.tail](_at(borrowed, body.tail, pose.tail + wag), palette)
    _draw_feet(pen, body, palette, pose, body.far_feet, 0.82)
    if body.torso is not None:
        _draw_feet(pen, body, palette, pose, body.feet, 1)
        _draw_skin(pen, body.torso, traits, palette, body.belly)
        _draw_arms(pen, body, palette, pose)
    head, borrowed_head = (_turned(any_pen, body.neck, pose.head) for any_pen in (pen, borrowed))
    for joint, side in zip(body.ears, (-1, 1), strict=True):
        EARS[traits.ears](_at(borrowed_head, joint, side * pose.ears, flip=side < 0), palette)
    if body.torso is None:
        _draw_feet(pen, body, palette, pose, body.feet, 1)
    on_head = traits.pattern in ("mask", "spots", "stripes") or body.torso is None
    _draw_skin(head, body.head, traits if on_head else replace(traits, pattern=""), palette, body.belly)
    if body.torso is None:
        _draw_arms(head, body, palette, pose)
    draw_face(_at(head, body.face), palette, body.muzzle, expression)
    if traits.collar:
        COLLARS[traits.collar](_at(pen, body.neck), palette)
    if stage > 1:
        CROWNS[traits.crown](_at(head, body.crown), palette, stage)


def _at(pen: Pen, joint: Joint, turn: float = 0, flip: bool = False) -> Pen:
    return pen.moved(joint.x, joint.y, joint.turn + turn, joint.scale, flip)


def _turned(pen: Pen, centre: Joint, turn: float) -> Pen:
    return pen.moved(centre.x, centre.y, turn).moved(-centre.x, -centre.y)


def _draw_skin(pen: Pen, outline: np.ndarray, traits: Traits, palette: Palette, belly: np.ndarray) -> None:
    pen.shape(outline, palette.main)

    def paint(skin: Pen) -> None:
        skin.shape(outline, shaded(palette.main, 0.86), outlined=False)
        middle = outline.mean(axis=0)
        skin.shape(middle + 0.98 * (outline - middle) + (-0.06, -0.09), palette.main, outlined=False)
        if traits.pattern:
            PATTERNS[traits.pattern](skin, palette, outline, belly)
        left, top = outline.min(axis=0)
        wide, tall = np.ptp(outline, axis=0)
        skin.shape(oval(left + 0.3 * wide, top + 0.12 * tall, 0.13, 0.06), shaded(palette.main, 1.5), outlined=False)

    pen.inside(outline, paint)


def _draw_arms(pen: Pen, body: Body, palette: Palette, pose: Pose) -> None:
    for joint, side, lift in zip(body.arms, (-1, 1), pose.arms, strict=False):
        arm = _at(pen, joint, -side * lift)
        arm.shape(oval(0, -0.2, 0.12, 0.28), palette.main)


def _draw_feet(pen: Pen, body: Body, palette: Palette, pose: Pose, feet: tuple, light: float) -> None:
    colour = shaded(palette.main, light)
    for x, y in feet:
        x += np.copysign(pose.stride, x) if body.leg else 0
        if body.leg:
            pen.shape(oval(x, y - body.leg, 0.7 * body.foot[0], body.leg + 0.04), colour)
        pen.shape(oval(x, y, *body.foot), shaded(palette.second, light) if body.leg else colour)
