"""Maps that know nothing of the network: what an explanation must beat before anyone believes it."""

import cv2
import numpy as np

from imagecourse.explain.results import Explanation, scale_to_peak


def centre_blob(images: np.ndarray) -> Explanation:
    """A round blob in the middle, a fourth of the side in sigma: photographers put things there.

    images: (n, h, w, channels). raw: as maps.
    """
    _, height, width, _ = images.shape
    down, across = ((np.arange(side) + 0.5) / side - 0.5 for side in (height, width))
    blob = np.exp(-8 * (down[:, None] ** 2 + across**2)).astype(np.float32)
    maps = scale_to_peak(np.repeat(blob[None], len(images), axis=0))
    return Explanation(maps, maps, "centre_blob")


def edge_detector(images: np.ndarray) -> Explanation:
    """The size of the brightness gradient, from Sobel kernels: what looks like an explanation and is none.

    images: (n, h, w, channels) in [0, 255]. raw: in grey levels per pixel.
    """
    grey = np.asarray(images, np.float32).mean(axis=-1)
    slopes = [[cv2.Sobel(each, cv2.CV_32F, *step, scale=1 / 8) for step in ((1, 0), (0, 1))] for each in grey]
    raw = np.stack([np.hypot(*pair) for pair in slopes])
    return Explanation(scale_to_peak(raw), raw, "edge_detector")


def random_map(images: np.ndarray, seed: int = 0) -> Explanation:
    """Uniform noise, anew for each picture. images: (n, h, w, channels). raw: as maps."""
    maps = np.random.default_rng(seed).random(images.shape[:3], np.float32)
    return Explanation(scale_to_peak(maps), maps, "random_map")
