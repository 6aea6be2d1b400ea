"""Changes of a picture that leave its kind as it is: what a network must learn not to look at.

All take and give (h, w, 3) uint8 RGB and draw from the generator that comes in; they fit `features.cached_features`.
"""

import math

import cv2
import numpy as np

from imagecourse.samples.archive.painting import brushwork, oil, points, watercolour

PAINT_STYLES = (brushwork, oil, points, watercolour)
PAINTED_SIZE = 224


def random_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A picture as another archive might hold it: another cut, ground, size, colour, focus, grain and JPEG quality.

    Each source of pictures has its own size, shape and compression, and some show things on an empty ground, others
    never. Changed at random in all classes alike, these tell a network nothing about the class any more.
    """
    changes = (
        _random_cut,
        _random_ground,
        _random_colour,
        _random_size,
        _random_focus_and_grain,
        _random_compression,
    )
    for change in changes:
        image = change(image, generator)
    return image


def painted_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A photograph painted over in one of four styles, then changed as in `random_view`.

    Paintings of things that are known only from photographs: without them what a picture shows gives its kind away.
    """
    motif = cv2.resize(image, (PAINTED_SIZE, PAINTED_SIZE), interpolation=cv2.INTER_AREA)
    style = PAINT_STYLES[generator.integers(len(PAINT_STYLES))]
    return random_view(style(_turn_hue(motif, generator, 15), generator), generator)


def recompress(image: np.ndarray, quality: int) -> np.ndarray:
    """The picture after a JPEG file of a quality from 1 to 100."""
    _, file = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(file, cv2.IMREAD_COLOR)


def grey(image: np.ndarray) -> np.ndarray:
    """The picture without colour."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture in another size: averaged when it shrinks, interpolated when it grows."""
    shrinks = height * width < image.shape[0] * image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def _random_cut(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Mirrored or not; the whole, or 30 to 100 % of its area with sides stretched by up to a quarter."""
    if generator.random() < 0.5:
        image = image[:, ::-1]
    if generator.random() < 0.5:
        height, width = image.shape[:2]
        share, stretch = math.sqrt(generator.uniform(0.3, 1)), math.exp(generator.uniform(-0.22, 0.22))
        cut_height = max(1, round(height * min(1, share * stretch)))
        cut_width = max(1, round(width * min(1, share / stretch)))
        top, left = generator.integers(height - cut_height + 1), generator.integers(width - cut_width + 1)
        image = image[top : top + cut_height, left : left + cut_width]
    return np.ascontiguousarray(image)


def _random_ground(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A quarter of the pictures: cut out along a wavy line, on a plain or shaded ground, as in a catalogue."""
    if generator.random() >= 0.25:
        return image
    motif = cv2.resize(image, (PAINTED_SIZE, PAINTED_SIZE), interpolation=cv2.INTER_AREA)
    inside = _wavy_disc(generator)
    return _as_pixels(inside * motif + (1 - inside) * _plain_ground(generator))


def _wavy_disc(generator: np.random.Generator) -> np.ndarray:
    """(224, 224, 1) float32, 1 inside of a closed wavy line, 0 outside, with a soft edge."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = np.full(len(angles), 0.78)
    for waves in range(1, 5):
        radius += generator.normal(0, 0.12 / waves) * np.cos(waves * angles + generator.uniform(0, 2 * np.pi))
    line = np.clip(radius, 0.3, 1)[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    line = PAINTED_SIZE / 2 * (1 + line * generator.uniform(0.6, 1, 2))
    disc = np.zeros((PAINTED_SIZE, PAINTED_SIZE), np.float32)
    cv2.fillPoly(disc, [line.astype(np.int32)], 1.0)
    return cv2.GaussianBlur(disc, (0, 0), generator.uniform(0.4, 2))[:, :, None]


def _plain_ground(generator: np.random.Generator) -> np.ndarray:
    """(224, 1, 3) float: white in most, else any grey or colour; some darken downwards."""
    kind = generator.random()
    colour = 255.0 if kind < 0.6 else generator.uniform(0, 255, 1 if kind < 0.8 else 3)
    darkening = generator.uniform(0, 60) if generator.random() < 0.4 else 0.0
    return np.ones((1, 1, 3)) * colour - np.linspace(0, darkening, PAINTED_SIZE)[:, None, None]


def _random_colour(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Hue, saturation, contrast and brightness, a tint (yellowed paper, a cold scanner); a quarter becomes grey."""
    image = _turn_hue(image, generator, 10)
    values = image.astype(np.float32)
    lightness = values.mean(axis=2, keepdims=True)
    values = lightness + generator.uniform(0.5, 1.4) * (values - lightness)
    if generator.random() < 0.25:
        values = np.repeat(lightness, 3, axis=2)
    values = values.mean() + generator.uniform(0.7, 1.25) * (values - values.mean()) + generator.normal(0, 12)
    values *= generator.uniform(0.88, 1.08, 3)
    return _as_pixels(values)


def _random_size(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    side = math.exp(generator.uniform(math.log(120), math.log(320)))
    stretch = math.exp(generator.uniform(-0.15, 0.15))
    return resize(image, round(side * stretch), round(side / stretch))


def _random_focus_and_grain(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    if generator.random() < 0.15:
        image = cv2.GaussianBlur(image, (0, 0), generator.uniform(0.4, 1.0))
    if generator.random() < 0.3:
        image = _as_pixels(image + generator.normal(0, generator.uniform(2, 10), image.shape))
    return image


def _random_compression(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return recompress(image, int(generator.integers(40, 97)))


def _turn_hue(image: np.ndarray, generator: np.random.Generator, degrees: float) -> np.ndarray:
    colours = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    turn = round(generator.normal(0, degrees) / 2)  # OpenCV counts 180 hues
    colours[:, :, 0] = (colours[:, :, 0].astype(int) + turn) % 180
    return cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)


def _as_pixels(values: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values), 0, 255).astype(np.uint8)
