"""What every explanation returns, and how raw values become a map between 0 and 1."""

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True, eq=False)
class Explanation:
    """Where a network looked, for n pictures.

    maps: (n, h, w) float32 in [0, 1], as large as the pictures; 1 is the peak of each map, and a map without anything
    positive is all 0. raw: float32, what the method computes, before signs and scale are lost; its shape and meaning
    are told by the method. method: its name.
    """

    maps: np.ndarray
    raw: np.ndarray
    method: str


def scale_to_peak(values: np.ndarray) -> np.ndarray:
    """Positive parts as shares of the largest in each map: (n, h, w) float32 in [0, 1]; nothing positive gives 0."""
    positive = np.maximum(values, 0)
    peak = positive.max(axis=(1, 2), keepdims=True)
    return np.divide(positive, peak, out=np.zeros(values.shape, np.float32), where=peak > 0)


def resize_maps(maps: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear, (n, rows, columns) -> (n, height, width) float32."""
    return np.stack([cv2.resize(each.astype(np.float32), (width, height)) for each in maps])


def blurred(images: np.ndarray, sigma: float) -> np.ndarray:
    """Pictures through a Gaussian, sigma in pixels: (n, h, w, channels) float32."""
    return np.stack([cv2.GaussianBlur(image, (0, 0), sigma).reshape(image.shape) for image in images])


def mean_colour(images: np.ndarray) -> np.ndarray:
    """Pictures of one colour, the mean of each: what stands for "nothing there". (n, h, w, channels) float32."""
    colours = images.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
    return np.broadcast_to(colours.astype(np.float32), images.shape)
