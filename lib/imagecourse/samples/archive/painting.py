"""Painting: photographs and drawn scenes, painted over in oil, dots or watercolour. The hard neighbour of Photo."""

import cv2
import numpy as np

from imagecourse.samples.archive.canvas import as_pixels, clouds, mask_of, sheet, stroke, warp
from imagecourse.samples.archive.photo import turn_hue
from imagecourse.samples.archive.scenes import draw_landscape, draw_scene
from imagecourse.samples.archive.sources import crop


def draw_painting(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A painting, half of them after photographs, half invented: what it shows and (size, size, 3) uint8."""
    if rng.random() < 0.5:
        name, motif = crop(photographs, rng, size)
        motif = turn_hue(motif, rng, 18)
    else:
        name, motif = _invented_motif(rng, size)
    style = [brushwork, brushwork, oil, points, watercolour][rng.integers(5)]
    return name, style(_palette(motif, rng), rng)


def brushwork(motif: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Strokes along the contours, large ones first, small ones only where the motif is still missed.

    Hertzmann, "Painterly rendering with curved brush strokes of multiple sizes" (1998), with straight strokes.
    motif: (size, size, 3) uint8; returns the same.
    """
    size, angles = len(motif), _contour_angles(motif, rng)
    canvas, height = cv2.GaussianBlur(motif, (0, 0), 8), np.zeros((size, size), np.uint8)
    finest = rng.uniform(1.6, 3.2)
    for width in finest * np.array([4.0, 2.0, 1.0]) * size / 200:
        reference = cv2.GaussianBlur(motif, (0, 0), width / 3)
        missed = cv2.absdiff(reference, canvas).sum(axis=2)
        places = rng.integers(0, size, (int(1.3 * (size / width) ** 2), 2))
        if width < 4 * finest * size / 200:
            places = places[missed[places[:, 0], places[:, 1]] > 30]
        directions = angles[places[:, 0], places[:, 1]] + rng.normal(0, 0.15, len(places))
        reach = (
            np.column_stack([np.cos(directions), np.sin(directions)]) * rng.uniform(1, 2.4, (len(places), 1)) * width
        )
        colours = (
            reference[places[:, 0], places[:, 1]]
            + rng.normal(0, 7, (len(places), 1))
            + rng.normal(0, 4, (len(places), 3))
        )
        ends = np.round(16 * np.hstack([places[:, ::-1] - reach, places[:, ::-1] + reach])).astype(int).tolist()
        levels, thickness = rng.integers(60, 256, len(places)).tolist(), max(1, round(width))
        for (x, y, x_end, y_end), colour, level in zip(ends, as_pixels(colours).tolist(), levels, strict=True):
            cv2.line(canvas, (x, y), (x_end, y_end), colour, thickness, cv2.LINE_AA, 4)
            cv2.line(height, (x, y), (x_end, y_end), level, thickness, cv2.LINE_8, 4)
    return _relief(canvas, 0.4 * height / 255 + _bristles(angles, rng), rng.uniform(15, 60))


def oil(motif: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Flat patches with firm borders (Kuwahara, 1976) under the relief of a brush: (size, size, 3) uint8 in and out."""
    radius = int(rng.integers(2, 5))
    patches = _kuwahara(_kuwahara(motif, radius), max(2, radius - 1))
    return _relief(patches, _bristles(_contour_angles(motif, rng), rng), rng.uniform(15, 60))


def points(motif: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dots of pure colour on a pale ground, after Seurat: (size, size, 3) uint8 in and out."""
    size, radius = len(motif), rng.uniform(1.6, 3) * len(motif) / 200
    canvas = as_pixels(0.5 * cv2.GaussianBlur(motif, (0, 0), 6) + 0.5 * np.array([225, 212, 190]))
    places = rng.integers(0, size, (int(1.1 * (size / radius) ** 2), 2))
    colours = cv2.GaussianBlur(motif, (0, 0), 1.2)[places[:, 0], places[:, 1]].astype(float)
    grey = colours.mean(axis=1, keepdims=True)
    colours = grey + (colours - grey) * 1.4 + rng.normal(0, 22, colours.shape)
    for (row, column), colour in zip(places.tolist(), as_pixels(colours).tolist(), strict=True):
        cv2.circle(canvas, (column * 16, row * 16), round(radius * 16), colour, -1, cv2.LINE_AA, 4)
    return _relief(canvas, _weave(rng, size), rng.uniform(2, 14))


def watercolour(motif: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Washes that run, with dark rims and grainy pigment on white paper: (size, size, 3) uint8 in and out."""
    size = len(motif)
    washes = warp(cv2.bilateralFilter(_kuwahara(motif, 4), 9, 60, 7), rng, 25, 2.5 * size / 200).astype(np.float32)
    rims = cv2.GaussianBlur(washes, (0, 0), 3) - washes
    pigment = 1 - (255 - washes + 0.5 * np.clip(rims, 0, 40)) / 255 * rng.uniform(0.65, 0.95)
    pigment = np.clip(pigment, 0, 1) ** (1 + 0.35 * clouds(rng, size, 8, octaves=4)[:, :, None])
    rows, columns = np.mgrid[:size, :size] / size
    border = (
        np.minimum(np.minimum(rows, 1 - rows), np.minimum(columns, 1 - columns))
        - 0.03
        + 0.03 * clouds(rng, size, 10, 3)
    )
    painted = np.clip(border * 60, 0, 1)[:, :, None] if rng.random() < 0.5 else 1.0
    return as_pixels(sheet(rng, size) * (1 - painted * (1 - pigment)))


def _invented_motif(rng: np.random.Generator, size: int) -> tuple[str, np.ndarray]:
    """A landscape, alone or behind a subject, every shape lit from the left and mottled."""
    name, shapes = draw_scene(rng)
    scenery = draw_landscape(rng)
    if rng.random() < 0.35:
        name, shapes = "landscape", []
    motif = np.zeros((size, size, 3), np.float32)
    mottle, ramp = clouds(rng, size, 5, octaves=4), np.linspace(0.5, -0.5, size)
    for shape in scenery + shapes:
        if not shape.closed:
            stroke(motif, shape.points, shape.colour, 2.5)
            continue
        mask = mask_of(shape.points, size)[:, :, None]
        middle, extent = shape.points.mean(axis=0), np.ptp(shape.points, axis=0) + 0.05
        lit = np.clip(
            (ramp + middle[0] - 0.5)[None, :] / extent[0] + (ramp + middle[1] - 0.5)[:, None] / extent[1], -1, 1
        )
        tone = np.array(shape.colour, np.float32) * (1 + 0.35 * lit + 0.22 * mottle)[:, :, None]
        motif += mask * (tone - motif)
    return name, as_pixels(motif)


def _palette(motif: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Pull the colours towards a few paints: warm lights and cool shadows, an old brown varnish, or as they are."""
    values = motif.astype(np.float32)
    light = values.mean(axis=2, keepdims=True) / 255
    kind = rng.choice(["plain", "plain", "split", "varnish", "vivid"])
    if kind == "split":
        values += 35 * (light - 0.5) * np.array([1, 0.3, -1.2]) * rng.choice([-1, 1])
    elif kind == "varnish":
        values = values * np.array([0.92, 0.8, 0.55]) + np.array([18, 10, 2])
    elif kind == "vivid":
        values = 255 * light + (values - 255 * light) * rng.uniform(1.3, 2)
    return as_pixels(values)


def _kuwahara(image: np.ndarray, radius: int) -> np.ndarray:
    """Each pixel takes the mean of the calmest of its four neighbouring squares."""
    values, side = image.astype(np.float32), radius + 1
    means = [cv2.blur(values, (side, side), anchor=(x, y)) for x in (0, radius) for y in (0, radius)]
    squares = [cv2.blur(values**2, (side, side), anchor=(x, y)) for x in (0, radius) for y in (0, radius)]
    variances = np.stack([(square - mean**2).sum(axis=2) for mean, square in zip(means, squares, strict=True)])
    calmest = variances.argmin(axis=0)[None, :, :, None]
    return as_pixels(np.take_along_axis(np.stack(means), calmest, axis=0)[0])


def _contour_angles(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The direction along the contours (structure tensor), wandering where there are none: (h, w) radians."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    drift = 300 * clouds(rng, len(image), 4), 300 * clouds(rng, len(image), 4)
    even = cv2.GaussianBlur(across**2 - down**2, (0, 0), 4) + drift[0]
    odd = cv2.GaussianBlur(2 * across * down, (0, 0), 4) + drift[1]
    return 0.5 * np.arctan2(odd, even) + np.pi / 2


def _bristles(angles: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise smeared along directions, like brush hairs (Cabral and Leedom, 1993): (h, w), about -1 to 1."""
    size = len(angles)
    noise = rng.normal(0, 1, (size, size)).astype(np.float32)
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    x, y = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    smeared = [
        cv2.remap(noise, columns + k * x, rows + k * y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        for k in range(-6, 7)
    ]
    return np.mean(smeared, axis=0)


def _weave(rng: np.random.Generator, size: int) -> np.ndarray:
    """The threads of a canvas: (size, size), -1 to 1."""
    rows, columns = np.mgrid[:size, :size]
    pitch = 2 * np.pi / rng.uniform(2.5, 4)
    return (np.sin(pitch * rows) + np.sin(pitch * columns)) / 2


def _relief(paint: np.ndarray, height: np.ndarray, depth: float) -> np.ndarray:
    """Light the surface of the paint from the upper left; on some pictures the canvas shows through."""
    height = height.astype(np.float32)
    slope = cv2.Sobel(height, cv2.CV_32F, 1, 0, scale=1 / 8) + cv2.Sobel(height, cv2.CV_32F, 0, 1, scale=1 / 8)
    return as_pixels(paint + depth * np.clip(slope, -1, 1)[:, :, None])
