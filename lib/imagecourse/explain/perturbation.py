"""Maps from what happens to the score when parts of the picture are hidden; the network stays a black box."""

from collections.abc import Iterator

import cv2
import keras
import numpy as np

from imagecourse.explain.network import Network
from imagecourse.explain.results import Explanation, mean_colour, scale_to_peak
from imagecourse.explain.targets import Target, forward_batch, prepare, score


def occlusion(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    patch: int | None = None,
    stride: int | None = None,
) -> Explanation:
    """How far the score falls when a square of the picture's mean colour hides a place.

    patch, stride: pixels, of the square and between two of them; None: a sixth of the shorter side, half a patch.
    raw: (n, h, w), the mean fall over the squares that hide a pixel. maps: where positive.
    Raises: ValueError also for a patch that does not fit into the picture, or a stride that leaves gaps.
    Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, 2014, arXiv:1311.2901.
    """
    network, images, goal = prepare(model, images, target)
    height, width = images.shape[1:3]
    patch = max(1, min(height, width) // 6) if patch is None else patch
    stride = max(1, patch // 2) if stride is None else stride
    if not 1 <= stride <= patch <= min(height, width):
        raise ValueError(f"patch {patch}, stride {stride}: give 1 ≤ stride ≤ patch ≤ {min(height, width)} pixels")
    places = [(top, left) for top in _starts(height, patch, stride) for left in _starts(width, patch, stride)]
    blank, before, size = mean_colour(images), score(network, images, goal), forward_batch((height, width))
    falls, looks = np.zeros((len(images), height, width), np.float32), np.zeros((height, width), np.float32)
    for top, left in places:
        looks[top : top + patch, left : left + patch] += 1
    for number, image in enumerate(images):
        for start in range(0, len(places), size):
            part = places[start : start + size]
            hidden = np.repeat(image[None], len(part), axis=0)
            for version, (top, left) in zip(hidden, part, strict=True):
                version[top : top + patch, left : left + patch] = blank[number, 0, 0]
            after = score(network, hidden, goal.repeated(number, len(part)))
            for fall, (top, left) in zip(before[number] - after, part, strict=True):
                falls[number, top : top + patch, left : left + patch] += fall
    raw = falls / looks
    return Explanation(scale_to_peak(raw), raw, "occlusion")


def rise(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    masks: int = 400,
    cells: int = 7,
    visible: float = 0.5,
    seed: int = 0,
) -> Explanation:
    """The mean of random soft masks, each weighted with the answer that is left when the picture is seen through it.

    masks: how many, the same for all pictures; the paper takes thousands. cells: of the coarse random grid along each
    side. visible: share of its cells that are open. What a mask hides fades to the picture's mean colour.
    raw: (n, h, w), the mean answer (a probability where the network gives one) while the pixel is seen.
    maps: raw from its lowest to its highest value.
    Source: Petsiuk et al., RISE, 2018, arXiv:1806.07421.
    """
    network, images, goal = prepare(model, images, target)
    blank = mean_colour(images)
    weighted, seen = np.zeros(images.shape[:3], np.float64), np.zeros(images.shape[1:3], np.float64)
    for part in _random_masks(masks, cells, visible, images.shape[1:3], seed):
        seen += part.sum(axis=0)
        for number, image in enumerate(images):
            veiled = blank[number] + part[..., None] * (image - blank[number])
            answers = score(network, veiled, goal.repeated(number, len(part)), probability=True)
            weighted[number] += np.tensordot(answers, part, 1)
    raw = (weighted / np.maximum(seen, np.finfo(np.float32).tiny)).astype(np.float32)
    return Explanation(scale_to_peak(raw - raw.min(axis=(1, 2), keepdims=True)), raw, "rise")


def _starts(side: int, patch: int, stride: int) -> list[int]:
    """Along one side, with one last patch at the far edge."""
    return sorted({*range(0, side - patch + 1, stride), side - patch})


def _random_masks(count: int, cells: int, visible: float, shape: tuple[int, int], seed: int) -> Iterator[np.ndarray]:
    """Batches (b, h, w) float32 in [0, 1]: coarse random grids, enlarged smoothly, shifted by less than a cell."""
    generator = np.random.default_rng(seed)
    height, width = shape
    cell = (-(-height // cells), -(-width // cells))
    size = forward_batch(shape)
    for start in range(0, count, size):
        part = np.empty((min(size, count - start), height, width), np.float32)
        for mask in part:
            grid = (generator.random((cells + 1, cells + 1)) < visible).astype(np.float32)
            large = cv2.resize(grid, ((cells + 1) * cell[1], (cells + 1) * cell[0]))
            top, left = generator.integers(0, cell[0]), generator.integers(0, cell[1])
            mask[:] = large[top : top + height, left : left + width]
        yield part
