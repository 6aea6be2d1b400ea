"""The four body plans: outlines, and where head, ears, limbs and tail are joined to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from imagecourse.samples.characters.pen import mirrored, oval, smooth


class Joint(NamedTuple):
    """Where a part is fixed, which way it points (degrees clockwise from up) and how large it is."""

    x: float
    y: float
    turn: float = 0
    scale: float = 1


@dataclass(frozen=True)
class Body:
    """A body plan in units of about half a character's height: x to the right, y down, the ground at y = 1.

    torso, head: outlines, (n, 2); a body without a neck has its head as `head` and no torso. limbs: a joint, length
    and width each, arms first; the ones behind the torso in `far_limbs`.
    """

    head: np.ndarray
    torso: np.ndarray | None
    belly: np.ndarray
    face: Joint
    ears: tuple[Joint, Joint]
    tail: Joint
    crown: Joint
    back: Joint
    neck: Joint
    arms: tuple[Joint, ...]
    feet: tuple[tuple[float, float], ...]
    far_feet: tuple[tuple[float, float], ...] = ()
    foot: tuple[float, float] = (0.2, 0.13)
    leg: float = 0
    muzzle: str = "plain"


BODIES = {
    "ball": Body(
        head=oval(0, 0.14, 0.76, 0.71),
        torso=None,
        belly=oval(0, 0.56, 0.46, 0.34),
        face=Joint(0, 0.05, 0, 1.1),
        ears=(Joint(-0.47, -0.42, -38), Joint(0.47, -0.42, 38)),
        tail=Joint(0.64, 0.5, 70),
        crown=Joint(0, -0.55),
        back=Joint(0, 0.14, 0, 1.05),
        neck=Joint(0, 0.6, 0, 0.52),
        arms=(Joint(-0.7, 0.22, -110, 0.9), Joint(0.7, 0.22, 110, 0.9)),
        feet=((-0.33, 0.86), (0.33, 0.86)),
        foot=(0.24, 0.14),
    ),
    "pear": Body(
        head=smooth(
            mirrored([(0, -0.8), (0.34, -0.64), (0.44, -0.3), (0.5, 0.02), (0.7, 0.45), (0.52, 0.86), (0, 0.93)])
        ),
        torso=None,
        belly=smooth(mirrored([(0, 0.02), (0.3, 0.2), (0.46, 0.5), (0.3, 0.8), (0, 0.86)])),
        face=Joint(0, -0.32, 0, 0.82),
        ears=(Joint(-0.2, -0.72, -42), Joint(0.2, -0.72, 42)),
        tail=Joint(0.56, 0.7, 70),
        crown=Joint(0, -0.76, 0, 0.85),
        back=Joint(0, 0.1, 0, 1.0),
        neck=Joint(0, 0.02, 0, 0.46),
        arms=(Joint(-0.5, 0.12, -135), Joint(0.5, 0.12, 135)),
        feet=((-0.34, 0.92), (0.34, 0.92)),
        foot=(0.26, 0.12),
        muzzle="freckled",
    ),
    "four_legs": Body(
        head=smooth(
            [
                (-0.34, -0.6),
                (0.0, -0.5),
                (0.14, -0.2),
                (0.26, 0.06),
                (0.0, 0.08),
                (-0.34, 0.2),
                (-0.7, 0.08),
                (-0.95, 0.06),
                (-0.82, -0.2),
                (-0.68, -0.5),
            ]
        ),
        torso=smooth([(-0.4, 0.1), (0.1, 0.1), (0.55, 0.12), (0.76, 0.36), (0.62, 0.66), (0.1, 0.68), (-0.36, 0.62)]),
        belly=oval(-0.26, 0.42, 0.22, 0.26),
        face=Joint(-0.36, -0.16, 0, 0.9),
        ears=(Joint(-0.64, -0.42, -24), Joint(-0.05, -0.42, 24)),
        tail=Joint(0.68, 0.3, 35),
        crown=Joint(-0.34, -0.56, 0, 0.9),
        back=Joint(-0.34, -0.14, 0, 0.68),
        neck=Joint(-0.24, 0.2, 0, 0.4),
        arms=(),
        feet=((-0.3, 0.9), (0.58, 0.9)),
        far_feet=((-0.02, 0.86), (0.34, 0.86)),
        foot=(0.15, 0.1),
        leg=0.24,
        muzzle="nose",
    ),
    "upright": Body(
        head=smooth(
            [
                (-0.66, -0.36),
                (-0.58, -0.18),
                (-0.2, -0.12),
                (0.2, -0.16),
                (0.36, -0.44),
                (0.22, -0.78),
                (-0.06, -0.9),
                (-0.32, -0.78),
                (-0.44, -0.54),
            ]
        ),
        torso=smooth(mirrored([(0.12, -0.24), (0.3, 0.1), (0.42, 0.5), (0.3, 0.86), (0.1, 0.9)])),
        belly=smooth(mirrored([(0.1, -0.1), (0.2, 0.2), (0.26, 0.5), (0.16, 0.82)])),
        face=Joint(-0.1, -0.5, 0, 0.76),
        ears=(Joint(-0.26, -0.78, -34, 0.9), Joint(0.26, -0.68, 42, 0.9)),
        tail=Joint(0.3, 0.68, 75, 1.15),
        crown=Joint(-0.02, -0.84, 0, 0.85),
        back=Joint(0, 0.08, 0, 0.85),
        neck=Joint(0, -0.06, 0, 0.34),
        arms=(Joint(-0.3, 0.1, -125), Joint(0.3, 0.1, 125)),
        feet=((-0.27, 0.92), (0.27, 0.92)),
        foot=(0.24, 0.11),
        leg=0.2,
        muzzle="snout",
    ),
}
