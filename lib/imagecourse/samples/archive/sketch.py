"""Sketch: subjects drawn line by line with a shaking hand, and photographs turned into pencil drawings."""

import cv2
import numpy as np
from scipy.ndimage import gaussian_filter1d

from imagecourse.samples.archive.canvas import clouds, ink_on, mask_of, sheet, stroke, tilt, warp
from imagecourse.samples.archive.scenes import draw_scene
from imagecourse.samples.archive.shapes import Shape
from imagecourse.samples.archive.sources import crop

_INKS = [(35, 35, 40), (35, 35, 40), (60, 60, 64), (20, 20, 25), (120, 55, 35), (70, 45, 35), (35, 45, 100)]


def draw_sketch(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A line drawing or, two times in five, a photograph made into one: what it shows and (size, size, 3) float32."""
    if rng.random() < 0.4:
        name, picture = crop(photographs, rng, size)
        style = [pencil, hatching, contours][rng.integers(3)]
        cover = style(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), rng)
    else:
        name, shapes = draw_scene(rng)
        cover = tilt(_draw_lines(shapes, rng, 2 * size), rng)
        cover = cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA)
    grain = 1 - rng.uniform(0, 0.9) * np.clip(clouds(rng, size, size // 2), 0, 1)
    return name, ink_on(sheet(rng, size), np.clip(cover * grain, 0, 1), _INKS[rng.integers(len(_INKS))])


def pencil(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soft pencil by colour dodge: grey divided by its blurred self, so only edges stay; (h, w) cover in [0, 1]."""
    blurred = cv2.GaussianBlur(grey, (0, 0), rng.uniform(2, 6)).astype(np.float32)
    lines = 1 - np.minimum(1, (grey + 3) / (blurred + 3))
    shade = rng.uniform(0, 0.35) * (1 - grey / 255) ** 2 * _hatch(rng, len(grey), rng.uniform(0, np.pi))
    return np.clip(rng.uniform(2.5, 4) * lines + shade, 0, 1)


def hatching(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tone by up to four layers of parallel lines, each darker tone crossed once more; (h, w) cover in [0, 1]."""
    tone = cv2.GaussianBlur(cv2.equalizeHist(grey), (0, 0), 1.5)
    angle, cover = rng.uniform(0, np.pi), 0.6 * contours(grey, rng)
    for level, turn in ((165, 0.0), (115, 0.9), (75, -0.9), (40, 1.6)):
        cover = np.maximum(cover, _hatch(rng, len(grey), angle + turn) * (tone < level))
    return cover


def contours(grey: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Wobbly outlines where the photograph has its strongest edges, gone over twice; (h, w) cover in [0, 1]."""
    smooth = cv2.GaussianBlur(cv2.bilateralFilter(grey, 9, 60, 7), (0, 0), 1.2)
    edges = cv2.Canny(smooth, 35, rng.uniform(70, 110)).astype(np.float32) / 255
    edges = cv2.GaussianBlur(edges, (0, 0), rng.uniform(0.6, 1.1)) * 2.2
    return np.clip(np.maximum(warp(edges, rng, 12, 1.2), rng.uniform(0, 0.8) * warp(edges, rng, 8, 2.5)), 0, 1)


def _hatch(rng: np.random.Generator, size: int, angle: float) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    across = rows * np.cos(angle) + columns * np.sin(angle) + 2 * clouds(rng, size, 10)
    wave = np.cos(2 * np.pi * across / rng.uniform(3.5, 5.5))
    return np.clip(wave + 0.5 * clouds(rng, size, 30), 0, 1) * rng.uniform(0.5, 0.9)


def _draw_lines(shapes: list[Shape], rng: np.random.Generator, size: int) -> np.ndarray:
    """Every outline one to three times with a shaking hand; some darker shapes hatched. Returns cover in [0, 1]."""
    width, passes, shake = rng.uniform(0.6, 2.2), int(rng.integers(1, 4)), rng.uniform(0.001, 0.007)
    shaded, hatch = rng.random() < 0.5, _hatch(rng, size, rng.uniform(0, np.pi)) * 255
    cover = np.zeros((size, size), np.uint8)
    for shape in shapes:
        if shape.closed:
            inside = mask_of(shape.points, size)
            dark = shaded * np.clip(1.2 - np.mean(shape.colour) / 160, 0, 0.9)
            cover = (cover * (1 - inside) + inside * dark * hatch).astype(np.uint8)
        for _ in range(passes):
            layer = np.zeros_like(cover)
            strength = int(rng.uniform(120, 250) if passes > 1 else 235)
            stroke(layer, _shaken(shape.points, rng, shake), strength, width, shape.closed and rng.random() < 0.7)
            cover = np.maximum(cover, layer)
    return cover.astype(np.float32) / 255


def _shaken(points: np.ndarray, rng: np.random.Generator, amount: float) -> np.ndarray:
    """The line again with a point every hundredth of the side, pushed about smoothly: neighbours move together."""
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    steps = np.linspace(0, along[-1], max(4, int(along[-1] * 100)))
    dense = np.column_stack([np.interp(steps, along, column) for column in points.T])
    push = gaussian_filter1d(rng.normal(0, amount * 5, dense.shape), 4, axis=0, mode="nearest")
    return dense + push + rng.normal(0, amount / 2, 2)
