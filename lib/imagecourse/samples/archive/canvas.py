"""What every kind of picture is made with: strokes, fills, smooth noise, paper, and the camera at the end."""

import cv2
import numpy as np

_SUBPIXEL_BITS = 4


def fill(image: np.ndarray, points: np.ndarray, colour: tuple) -> None:
    """Fill a polygon in place; `points`: (n, 2) float x, y in fractions of the side of the square image."""
    cv2.fillPoly(image, [_fixed_point(image, points)], colour, cv2.LINE_AA, _SUBPIXEL_BITS)


def stroke(image: np.ndarray, points: np.ndarray, colour: tuple, width: float, closed: bool = False) -> None:
    """Draw a line through points in place; `width` in pixels of a picture of 200 pixels a side."""
    thickness = max(1, round(width * len(image) / 200))
    cv2.polylines(image, [_fixed_point(image, points)], closed, colour, thickness, cv2.LINE_AA, _SUBPIXEL_BITS)


def _fixed_point(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(points, float) * len(image) * 2**_SUBPIXEL_BITS).astype(np.int32)


def mask_of(points: np.ndarray, size: int) -> np.ndarray:
    """The inside of a polygon in fractions of the side: (size, size) float32 in [0, 1]."""
    mask = np.zeros((size, size), np.uint8)
    fill(mask, points, 255)
    return mask.astype(np.float32) / 255


def clouds(rng: np.random.Generator, size: int, cells: int, octaves: int = 1) -> np.ndarray:
    """Smooth noise with about `cells` hills along a side and finer octaves: (size, size) float32, about -1 to 1."""
    total = np.zeros((size, size), np.float32)
    for octave in range(octaves):
        side = min(size, max(2, cells * 2**octave))
        grid = rng.normal(0, 0.5, (side, side)).astype(np.float32)
        total += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total


def warp(image: np.ndarray, rng: np.random.Generator, cells: int, pixels: float) -> np.ndarray:
    """Push the pixels about by smooth noise of some pixels: what a shaking hand or spreading water does."""
    size = len(image)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    columns += pixels * clouds(rng, size, cells)
    rows += pixels * clouds(rng, size, cells)
    return cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def as_pixels(values: np.ndarray) -> np.ndarray:
    """Any numbers as uint8, rounded and kept in [0, 255]."""
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def sheet(rng: np.random.Generator, size: int) -> np.ndarray:
    """Paper: white, cream, grey or brown, with grain and perhaps stains, folds and a darker border.

    Returns: (size, size, 3) float32 in [0, 255]. Text, Schematics and Sketch share it, so that paper gives none away.
    """
    white, aged = np.array([252, 252, 250]), np.array(_AGED[rng.integers(len(_AGED))])
    tint = white + (aged - white) * rng.beta(0.6, 1.0)
    paper = np.ones((size, size, 1), np.float32) * tint.astype(np.float32)
    paper += (rng.uniform(0, 5) * clouds(rng, size, 40, octaves=3))[:, :, None]
    paper += (rng.uniform(0, 14) * clouds(rng, size, 3))[:, :, None]
    if rng.random() < 0.25:
        paper *= _stain(rng, size)[:, :, None] ** np.array([0.4, 0.9, 1.5], np.float32)
    if rng.random() < 0.25:
        paper *= _fold(rng, size)[:, :, None]
    return np.clip(paper, 0, 255)


_AGED = [(228, 208, 165), (236, 222, 190), (214, 212, 206), (240, 232, 214), (196, 170, 130), (205, 215, 222)]


def _stain(rng: np.random.Generator, size: int) -> np.ndarray:
    """A wet patch or the ring of a coffee cup, as a factor."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    x, y = rng.uniform(0, 1, 2)
    distance = np.hypot(columns - x, rows - y) + 0.02 * clouds(rng, size, 6)
    radius = rng.uniform(0.1, 0.3)
    ring = np.exp(-(((distance - radius) / 0.012) ** 2))
    inside = 1 / (1 + np.exp((distance - radius) / 0.01))
    return 1 - rng.uniform(0.1, 0.35) * ring - rng.uniform(0.02, 0.15) * inside


def _fold(rng: np.random.Generator, size: int) -> np.ndarray:
    """The shadow on one side of a crease across the sheet, as a factor."""
    rows, columns = np.mgrid[:size, :size].astype(np.float32) / size
    angle = rng.choice([0, np.pi / 2]) + rng.normal(0, 0.05)
    offset = (columns - rng.uniform(0.2, 0.8)) * np.cos(angle) + (rows - rng.uniform(0.2, 0.8)) * np.sin(angle)
    shadow = np.exp(-np.abs(offset) / rng.uniform(0.01, 0.12)) * (offset > 0)
    crease = np.exp(-((offset / 0.004) ** 2))
    return 1 - rng.uniform(0.04, 0.2) * shadow - rng.uniform(-0.06, 0.1) * crease


def ink_on(paper: np.ndarray, cover: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Lay ink on paper: `cover` (h, w) in [0, 1] says where, `ink` is its colour; returns float32 like `paper`."""
    return paper + cover[:, :, None] * (np.asarray(ink, np.float32) - paper)


def tilt(image: np.ndarray, rng: np.random.Generator, degrees: float = 4) -> np.ndarray:
    """Lay a drawing askew: a small turn, zoom and perspective; beyond its edge, the edge is repeated."""
    size = len(image)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * size
    angle, zoom = np.deg2rad(rng.normal(0, degrees / 2)), rng.uniform(0.96, 1.12)
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (corners - size / 2) @ turn.T + size / 2 + rng.normal(0, 0.012 * size, (4, 2))
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    return cv2.warpPerspective(image, matrix, (size, size), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)


def capture(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera or scanner adds: uneven light, softness, noise and JPEG marks; the same for every kind of picture.

    image: (size, size, 3) in [0, 255], uint8 or float. Returns: (size, size, 3) uint8.
    """
    image = np.asarray(image, np.float32)
    size = len(image)
    light = 1 + rng.normal(0, 0.05) + rng.uniform(0, 0.1) * clouds(rng, size, 2)
    image = image * light[:, :, None] * rng.normal(1, 0.025, 3).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.05, 0.75) * size / 200)
    image += rng.normal(0, rng.uniform(0.5, 7), (size, size, 1)) + rng.normal(0, rng.uniform(0.2, 3), image.shape)
    quality = int(rng.integers(55, 96))
    _, encoded = cv2.imencode(".jpg", as_pixels(image)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.ascontiguousarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR)[:, :, ::-1])
