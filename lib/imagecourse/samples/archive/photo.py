"""Photo: cuts of real photographs in other light, some of them black and white."""

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import as_pixels
from imagecourse.samples.archive.sources import crop


def draw_photo(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A photograph: the name of its source and (size, size, 3) uint8."""
    name, picture = crop(photographs, rng, size)
    return name, relight(picture, rng)


def relight(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another exposure, contrast, white balance and saturation; one in six becomes black and white or brown."""
    values = (picture / 255.0) ** rng.uniform(0.65, 1.4)
    values = 0.5 + (values - 0.5) * rng.uniform(0.8, 1.15)
    grey = values.mean(axis=2, keepdims=True)
    saturation = 0 if rng.random() < 1 / 6 else rng.uniform(0.6, 1.4)
    warmth = rng.normal(0, 0.06)
    values = (grey + (values - grey) * saturation) * np.array([1 + warmth, 1, 1 - warmth])
    return as_pixels(255 * values)


def turn_hue(picture: np.ndarray, rng: np.random.Generator, degrees: float) -> np.ndarray:
    """The same picture with every hue turned by a random angle of about `degrees`."""
    colours = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    shift = round(rng.normal(0, degrees) / 2)
    colours[:, :, 0] = (colours[:, :, 0].astype(int) + shift) % 180
    return cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)
