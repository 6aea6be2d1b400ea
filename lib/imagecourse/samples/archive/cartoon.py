"""Cartoon: flat colours inside dark outlines, comic-book dots, and photographs reduced to both."""

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import as_pixels, clouds, fill, mask_of, stroke
from imagecourse.samples.archive.photo import turn_hue
from imagecourse.samples.archive.scenes import draw_landscape, draw_scene
from imagecourse.samples.archive.shapes import Shape
from imagecourse.samples.archive.sources import crop


def draw_cartoon(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A drawn cartoon or, one time in four, a photograph made into one: what it shows and (size, size, 3) uint8."""
    if rng.random() < 0.25:
        name, picture = crop(photographs, rng, size)
        return name, cartoonise(picture, rng)
    name, shapes = draw_scene(rng)
    image = _background(rng, 2 * size)
    _ink_shapes(image, shapes, rng, width=rng.uniform(1.2, 4.2))
    if rng.random() < 0.3:
        _speech_bubble(image, rng)
    return name, cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)


def cartoonise(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A photograph with few flat colours and black outlines: (h, w, 3) uint8 in and out.

    Bilateral filter, fewer levels, edges on top: Winnemöller, Olsen and Gooch, "Real-time video abstraction" (2006).
    """
    smooth = picture
    for _ in range(3):
        smooth = cv2.bilateralFilter(smooth, 7, 45, 5)
    step = 255 / rng.integers(4, 8)
    flat = as_pixels((np.floor(smooth / step) + 0.5) * step)
    flat = cv2.medianBlur(turn_hue(flat, rng, 25), 5)
    colours = cv2.cvtColor(flat, cv2.COLOR_RGB2HSV)
    colours[:, :, 1] = as_pixels(colours[:, :, 1] * rng.uniform(1.1, 1.7))
    flat = cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)
    grey = cv2.medianBlur(cv2.cvtColor(smooth, cv2.COLOR_RGB2GRAY), 5)
    lines = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, rng.uniform(3, 6))
    return cv2.min(flat, cv2.cvtColor(lines, cv2.COLOR_GRAY2RGB))


def _background(rng: np.random.Generator, size: int) -> np.ndarray:
    kind = rng.choice(["white", "plain", "dots", "landscape", "rays"])
    image = np.full((size, size, 3), 255, np.uint8)
    if kind == "landscape":
        _ink_shapes(image, draw_landscape(rng), rng, width=rng.choice([0, 2]))
    elif kind != "white":
        image[:] = rng.integers(120, 256, 3)
    if kind == "dots":
        _halftone(
            image, np.ones(image.shape[:2], np.float32), tuple(int(level) for level in rng.integers(90, 256, 3)), rng
        )
    if kind == "rays":
        colour = tuple(int(level) for level in rng.integers(140, 256, 3))
        middle = rng.uniform(0.3, 0.7, 2)
        for angle in np.linspace(0, 2 * np.pi, 14, endpoint=False):
            ends = [middle + 2 * np.array([np.cos(turn), np.sin(turn)]) for turn in (angle, angle + 0.22)]
            fill(image, np.array([middle, *ends]), colour)
    return image


def _ink_shapes(image: np.ndarray, shapes: list[Shape], rng: np.random.Generator, width: float) -> None:
    """Fill, shade on the right and outline every shape; a width of 0 leaves the outlines out."""
    shaded, dotted = rng.random() < 0.5, rng.random() < 0.25
    ink = (15, 12, 20) if rng.random() < 0.8 else (70, 35, 30)
    for shape in shapes:
        if not shape.closed:
            stroke(image, shape.points, ink, max(width * 1.8, 1))
            stroke(image, shape.points, shape.colour, max(width * 0.8, 1))
            continue
        fill(image, shape.points, shape.colour)
        if shaded and np.ptp(shape.points, axis=0).min() > 0.1:
            mask = mask_of(shape.points, len(image))
            shadow = mask * (1 - mask_of(shape.points - [0.035, 0.03], len(image)))
            if dotted:
                _halftone(image, shadow, ink, rng)
            else:
                image[:] = as_pixels(image * (1 - 0.25 * shadow[:, :, None]))
        if width:
            small = min(1, 0.25 + np.ptp(shape.points, axis=0).max() / 0.15)
            stroke(image, shape.points, ink, width * small, closed=True)


def _halftone(image: np.ndarray, where: np.ndarray, colour: tuple, rng: np.random.Generator) -> None:
    size = len(image)
    rows, columns = np.mgrid[:size, :size] / size
    pitch = 2 * np.pi * rng.uniform(20, 40)
    wave = np.cos(pitch * (columns + rows) * 0.7) + np.cos(pitch * (columns - rows) * 0.7)
    dots = (wave > 0.5 - 0.8 * clouds(rng, size, 3)) * where
    image[:] = as_pixels(image + dots[:, :, None] * (np.array(colour) - image))


def _speech_bubble(image: np.ndarray, rng: np.random.Generator) -> None:
    x, y = rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.2)
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    outline = np.column_stack([x + 0.17 * np.cos(angles), y + 0.085 * np.sin(angles)])
    outline[9:12] = [[x + 0.05, y + 0.085], [x + rng.normal(0, 0.08), y + 0.17], [x - 0.01, y + 0.085]]
    fill(image, outline, (255, 255, 255))
    stroke(image, outline, (10, 10, 10), 1.5, closed=True)
    for row in (-0.03, 0, 0.03):
        reach = rng.uniform(0.05, 0.11)
        squiggle = np.column_stack([np.linspace(x - reach, x + reach, 24), y + row + rng.normal(0, 0.006, 24)])
        stroke(image, squiggle, (20, 20, 20), 0.8)
