"""A whole picture of a face: ground, clothes, head, hair, and the camera."""

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import as_pixels
from imagecourse.samples.characters.pen import oval
from imagecourse.samples.faces.colours import darker, pastel
from imagecourse.samples.faces.hair import draw_glasses, draw_hair, draw_hair_behind, draw_hat
from imagecourse.samples.faces.head import draw_head
from imagecourse.samples.faces.shapes import Brush
from imagecourse.samples.faces.traits import FaceTraits

SUPERSAMPLING = 2
SMALLEST = 32
BLUR_SIDE = 128


def draw_face(traits: FaceTraits, image_size: int = 128, seed: int = 0) -> np.ndarray:
    """The picture of a face with these traits: (image_size, image_size, 3) uint8 RGB.

    It is taken at `traits.size` pixels a side and then resized, so that small faces are coarse. seed: of the noise.
    Raises: ValueError for less than 32 pixels.
    """
    if image_size < SMALLEST:
        raise ValueError(f"image_size: {image_size} pixels are too few to draw a face in; give {SMALLEST} or more")
    side = SUPERSAMPLING * image_size
    canvas = _ground(traits, side)
    scale = 0.35 + 0.02 * (1 - traits.grown)
    turn = np.deg2rad(traits.turn)
    matrix = np.array([[scale * np.cos(turn), -scale * np.sin(turn), 0.5],
                       [scale * np.sin(turn), scale * np.cos(turn), 0.52]])  # fmt: skip
    brush = Brush(canvas, matrix)
    draw_hair_behind(brush, traits)
    _draw_clothes(brush, traits)
    draw_head(brush, traits)
    draw_hair(brush, traits)
    draw_hat(brush, traits)
    draw_glasses(brush, traits)
    return _photographed(canvas, traits, image_size, np.random.default_rng(seed))


def _ground(traits: FaceTraits, side: int) -> np.ndarray:
    above, below = (np.array(pastel(traits.ground, strength, value)) for strength, value in ((0.25, 0.9), (0.35, 0.7)))
    fall = np.linspace(0, 1, side, dtype=np.float32)[:, None, None]
    return np.ascontiguousarray(np.broadcast_to(above + fall * (below - above), (side, side, 3)), np.float32)


def _draw_clothes(brush: Brush, traits: FaceTraits) -> None:
    cloth = pastel(traits.ground + 0.5, 0.45, 0.35 + 0.5 * (traits.light + 1) / 2)
    wide = 1.0 + 0.35 * traits.grown + 0.15 * traits.features
    brush.shape(oval(0, 2.05, wide, 0.85), cloth)
    brush.glaze(lambda b: b.shape(oval(-0.8 * np.sign(traits.light), 2.1, 0.5, 0.8), darker(cloth, 0.6)), 0.5, soft=0.2)


def _photographed(
    canvas: np.ndarray, traits: FaceTraits, image_size: int, generator: np.random.Generator
) -> np.ndarray:
    """Light from one side, focus, the sensor's noise, and few or many pixels."""
    side = len(canvas)
    slope = np.linspace(-1, 1, side, dtype=np.float32)[None, :, None]
    image = canvas * traits.brightness * (1 + 0.12 * traits.light * slope)
    if traits.blur > 0.05:
        image = cv2.GaussianBlur(image, (0, 0), traits.blur * side / BLUR_SIDE)
    image = cv2.resize(image, (traits.size, traits.size), interpolation=cv2.INTER_AREA)
    image = image + generator.normal(0, traits.noise, image.shape)
    if traits.size == image_size:
        return as_pixels(image)
    way = cv2.INTER_AREA if traits.size > image_size else cv2.INTER_LINEAR
    return cv2.resize(as_pixels(image), (image_size, image_size), interpolation=way)
