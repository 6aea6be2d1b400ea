"""What stands for "nothing there" when a part of a picture is hidden: no picture is empty, so it must be chosen."""

import cv2
import numpy as np

from imagecourse.explain.results import blurred, mean_colour

FLAT, BLURRED, INPAINTED = REFERENCES = ("flat", "blurred", "inpainted")
REACH = 3
"""Pixels around a hidden one that in-painting looks at."""


def hide(images: np.ndarray, hidden: np.ndarray, reference: str = BLURRED) -> np.ndarray:
    """Pictures in which some pixels are replaced: (n, h, w, 3) float32.

    images: (n, h, w, 3) in [0, 255]. hidden: (n, h, w) bool. reference: "flat", the mean colour of the picture, whose
    edges the network sees; "blurred", the picture through a Gaussian of a tenth of the shorter side, in which large
    shapes stay; "inpainted", what the pixels around make likely, which can invent something, and is flat where nothing
    is left to go by.
    Raises: ValueError for another reference.
    Source of in-painting: Telea, An Image Inpainting Technique Based on the Fast Marching Method, 2004, by OpenCV.
    """
    images = np.asarray(images, np.float32)
    if reference == FLAT:
        return np.where(hidden[..., None], mean_colour(images), images)
    if reference == BLURRED:
        return np.where(hidden[..., None], blurred(images, min(images.shape[1:3]) / 10), images)
    if reference != INPAINTED:
        raise ValueError(f"reference: {reference!r} is unknown; use one of {', '.join(REFERENCES)}")
    return np.stack([_inpainted(*pair) for pair in zip(images, hidden, strict=True)])


def _inpainted(image: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    if hidden.all():
        return mean_colour(image[None])[0]
    levels = np.clip(np.round(image), 0, 255).astype(np.uint8)
    filled = cv2.inpaint(levels, hidden.astype(np.uint8), REACH, cv2.INPAINT_TELEA).astype(np.float32)
    return np.where(hidden[..., None], filled, image)
