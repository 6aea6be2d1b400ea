"""How noisy and how blurred a picture is.

Noise is measured on the patches with least texture; blur on the fall of the spectrum against that of sharp
photographs, and on the width of the sharpest edges.
"""

from typing import NamedTuple

import cv2
import numpy as np
import scipy.fft
from scipy.optimize import least_squares
from threadpoolctl import threadpool_limits

LUMA_CHROMA = np.array([[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]], np.float32)
LUMA_CHROMA /= np.linalg.norm(LUMA_CHROMA, axis=1, keepdims=True)
"""Orthonormal colour axes, so that white noise is equally strong in each: one luminance, two chrominance planes."""

PATCH, SPECTRUM_WINDOW = 7, 64
MOST_FLAT, FEWEST_LIVELY = 0.01, 0.05
"""Share of flat pixels around a patch up to which it may be noisy, and the least share of such patches in a picture."""
SPECTRUM_DEVIATION = 0.15
"""Usual deviation of a photograph's log power from a power law with a blur."""
EDGE_CONTRAST, FEWEST_EDGES = 30.0, 30
"""An edge counts from this contrast on, in grey levels, and a picture with fewer such edges has no width of edges."""


@threadpool_limits.wrap(limits=1)  # the matrices are small: threads would wait for each other
def noise_by_plane(image: np.ndarray) -> np.ndarray:
    """Noise deviation of a picture's luminance and two chrominance planes (of its only plane when grey), grey levels.

    The smallest eigenvalues of the covariance of 7 × 7 patches carry noise alone (Chen, Zhu and Heng 2015); they are
    taken from the patches without texture, found again with every better estimate (Liu, Tanaka and Okutomi 2013).
    Patches in flat and in clipped regions, where there is no noise or where it is cut off, are left out as far as
    possible.

    image: (h, w, 3) or (h, w) uint8. Returns: (3,) or (1,) float64, zero for pictures under 32 pixels.
    """
    image = without_equal_channels(image)
    if min(image.shape[:2]) < 32:
        return np.zeros(3 if image.ndim == 3 else 1)
    patches, stride = _windows(image, PATCH, count=20_000)
    usable = _noisy_places(image, stride)
    return np.array([_patch_noise(plane[usable]) if usable.any() else 0.0 for plane in patches])


def _noisy_places(image: np.ndarray, stride: int) -> np.ndarray:
    """Which patches of the grid can tell of noise: (n,) bool.

    Noise leaves nothing flat. What is flat all the same was drawn, pasted or clipped, and is left out with its
    surroundings where enough is left that is nowhere flat; else the picture is a drawing, and all of it counts.
    """
    clipped, flat = (_share_around(mask, stride) for mask in ((image == 0) | (image == 255), _flat(image)))
    lively = flat <= MOST_FLAT
    if lively.sum() >= max(4 * PATCH**2, FEWEST_LIVELY * lively.size):
        return lively & (clipped <= max(0.1, np.percentile(clipped[lively], 10)))
    if np.mean(clipped > 0.999) > np.mean(clipped <= 0.1):  # a blank page, which noise would leave nowhere blank
        return np.zeros(lively.shape, bool)
    return clipped <= max(0.1, np.percentile(clipped, 10))


def _flat(image: np.ndarray) -> np.ndarray:
    """Pixels that are like all their eight neighbours."""
    square = np.ones((3, 3), np.uint8)
    return cv2.dilate(image, square) == cv2.erode(image, square)


def _share_around(mask: np.ndarray, stride: int) -> np.ndarray:
    """The share of a mask in 21 × 21 pixels around each patch of the grid, (n,) float32; all channels count alike."""
    share = mask.mean(2, dtype=np.float32) if mask.ndim == 3 else mask.astype(np.float32)
    return cv2.blur(share, (21, 21))[PATCH // 2 : -(PATCH // 2), PATCH // 2 : -(PATCH // 2)][::stride, ::stride].ravel()


def _patch_noise(patches: np.ndarray) -> float:
    texture = sum((np.diff(patches, axis=axis) ** 2).sum((1, 2)) for axis in (1, 2))
    order = np.argsort(texture, kind="stable")
    texture, smoothest = texture[order], _SmoothestPatches(patches[order])
    differences = 2 * PATCH * (PATCH - 1)
    margin = 1 + 2.3 * np.sqrt(3 / differences)  # noise alone exceeds this in one patch of a hundred
    fewest = texture[min(len(texture), 4 * PATCH**2) - 1]
    variance = np.linalg.eigvalsh(smoothest.covariance(len(texture)))[0]
    for _ in range(5):
        most = max(2 * variance * differences * margin, fewest)
        count = int(np.searchsorted(texture, most, side="right"))
        variance = _noise_eigenvalue(np.linalg.eigvalsh(smoothest.covariance(count)))
    return float(np.sqrt(variance))


class _SmoothestPatches:
    """Patches in order of their texture: sums over the first of them come from sums over whole steps."""

    step = 512

    def __init__(self, patches: np.ndarray):
        self.vectors = patches.reshape(len(patches), -1).astype(np.float64)
        whole = self.vectors[: len(patches) // self.step * self.step].reshape(-1, self.step, self.vectors.shape[1])
        self.sums = np.cumsum(whole.sum(axis=1), axis=0)
        self.products = np.cumsum(whole.transpose(0, 2, 1) @ whole, axis=0)

    def covariance(self, count: int) -> np.ndarray:
        """Of the first `count` patches, as `np.cov`."""
        steps = count // self.step
        rest = self.vectors[steps * self.step : count]
        total, products = rest.sum(axis=0), rest.T @ rest
        if steps:
            total, products = total + self.sums[steps - 1], products + self.products[steps - 1]
        return (products - np.outer(total, total) / count) / (count - 1)


def _noise_eigenvalue(eigenvalues: np.ndarray) -> float:
    """The mean of the smallest eigenvalues, as many as are distributed like noise: mean not above median.

    eigenvalues: in ascending order.
    """
    eigenvalues = np.maximum(eigenvalues, 1e-4)
    counts = np.arange(1, len(eigenvalues) + 1)
    means = np.cumsum(eigenvalues) / counts
    medians = (eigenvalues[(counts - 1) // 2] + eigenvalues[counts // 2]) / 2
    return float(means[np.flatnonzero(means <= medians * (1 + 1e-9))[-1]])


class SpectrumFit(NamedTuple):
    """Power of a picture's luminance at frequency f (radians a pixel): exp(amplitude) f^-slope exp(-(blur f)^2).

    rest: deviation in grey levels of what lies at the highest frequencies, where a blur leaves nothing of the picture.
    """

    blur: float
    slope: float
    amplitude: float
    rest: float = 0.0


def fit_spectrum(
    image: np.ndarray, noise: float, slope: float, slope_deviation: float, blur: float | None = None
) -> SpectrumFit:
    """Fit blur (Gaussian deviation in pixels) and power law to the mean spectrum, with white noise on top.

    Photographs of sharp things fall like a power of the frequency (Field 1987); a blur falls faster than any power.
    slope, slope_deviation: what sharp photographs show, which the fit departs from only with reason. blur: where it is
    known, only the power law is fitted.
    The blur is zero where the spectrum hardly rises above the noise, and for pictures under 64 pixels.
    """
    image = without_equal_channels(image)
    if min(image.shape[:2]) < SPECTRUM_WINDOW:
        return SpectrumFit(blur or 0.0, slope, 0.0)
    frequencies, power, highest = _radial_spectrum(image)
    floor, rest = max(noise**2, highest, 0.05), float(np.sqrt(highest))
    if np.sum(power > 2 * floor) < 3:
        return SpectrumFit(blur or 0.0, slope, 0.0, rest)
    logarithm = np.log(frequencies)

    def misfit(parameters: np.ndarray) -> np.ndarray:
        amplitude, fall, squared_blur = (*parameters, (blur or 0) ** 2)[:3]
        model = np.exp(amplitude - fall * logarithm - squared_blur * frequencies**2) + floor
        return np.append(np.log(power / model) / SPECTRUM_DEVIATION, (fall - slope) / slope_deviation)

    start = [np.log(power[0]) + slope * logarithm[0], slope, 0.5][: 3 if blur is None else 2]
    fitted = least_squares(misfit, start, bounds=([-np.inf, 0, 0][: len(start)], np.inf)).x
    found = blur if len(fitted) == 2 else float(np.sqrt(fitted[2]))
    return SpectrumFit(found, float(fitted[1]), float(fitted[0]), rest)


def _radial_spectrum(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Welch's mean spectrum of the luminance: frequencies, power, and the power in the highest frequencies."""
    windows, _ = _windows(image, SPECTRUM_WINDOW, count=1000, axes=LUMA_CHROMA[:1])
    taper = np.outer(np.hanning(SPECTRUM_WINDOW), np.hanning(SPECTRUM_WINDOW)).astype(np.float32)
    centred = (windows[0] - windows[0].mean((1, 2), keepdims=True)) * taper
    power = (np.abs(scipy.fft.rfft2(centred)) ** 2).mean(0) / (taper**2).sum()
    frequency = np.sqrt(squared_frequency(SPECTRUM_WINDOW, SPECTRUM_WINDOW))
    ring = np.digitize(frequency, np.arange(0.25, 2.5, 0.1))
    rings = [ring == number for number in range(1, ring.max())]
    floor = power[frequency > 3.3].mean()
    return np.array([frequency[r].mean() for r in rings]), np.array([power[r].mean() for r in rings]), float(floor)


def edge_width(image: np.ndarray, noise: float) -> float:
    """How wide the sharpest edges of a picture are, as the deviation in pixels of a Gaussian that would blur them so.

    An edge is a run of pixels in a row or column whose luminance only rises or only falls (after Marziliano et al.
    2002); it is as wide as its contrast over its steepest step. Of the strong edges, the sharpest quarter decides:
    every photograph has soft edges, but a blurred one has no others.

    image: (h, w, 3) or (h, w) uint8 without noise. noise: deviation of what has been removed, in grey levels; edges of
    less than four times as much contrast are left out. Returns: zero where there are too few strong edges.
    """
    luminance = image.astype(np.float32) if image.ndim == 2 else image.mean(axis=2, dtype=np.float32)
    contrast, steepest = np.concatenate([_monotone_runs(plane) for plane in (luminance, luminance.T)], axis=1)
    strong = contrast > max(EDGE_CONTRAST, 4 * noise)
    if strong.sum() < FEWEST_EDGES:
        return 0.0
    return float(np.quantile(contrast[strong] / steepest[strong], 0.25) / np.sqrt(2 * np.pi))


def _monotone_runs(luminance: np.ndarray) -> np.ndarray:
    """Contrast and steepest step of every run along the rows: (2, n)."""
    steps = np.diff(luminance, axis=1)
    if steps.size == 0:
        return np.zeros((2, 0), np.float32)
    begins = np.ones(steps.shape, bool)
    begins[:, 1:] = (steps[:, 1:] > 0) != (steps[:, :-1] > 0)
    starts, steps = np.flatnonzero(begins), np.abs(steps).ravel()
    return np.stack([np.add.reduceat(steps, starts), np.maximum.reduceat(steps, starts)])


def squared_frequency(height: int, width: int) -> np.ndarray:
    """Of the real FFT of a (height, width) picture: (height, width // 2 + 1), in squared radians a pixel."""
    rows, columns = 2 * np.pi * scipy.fft.fftfreq(height), 2 * np.pi * scipy.fft.rfftfreq(width)
    return rows[:, None] ** 2 + columns**2


def _windows(image: np.ndarray, size: int, count: int, axes: np.ndarray = LUMA_CHROMA) -> tuple[np.ndarray, int]:
    """About `count` square windows on a regular grid, (planes, n, size, size) float32, and the grid's stride.

    axes: (planes, 3), the planes of a colour picture.
    """
    view = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    places = view.shape[0] * view.shape[1]
    stride = max(size // 8, int(np.sqrt(places / count)), 1)
    stride += places > 2 * count * stride**2
    windows = view[::stride, ::stride]
    if image.ndim == 2:
        return windows.reshape(1, -1, size, size).astype(np.float32), stride
    windows = windows.transpose(2, 0, 1, 3, 4).reshape(3, -1, size, size)
    planes = [sum(weight * channel for weight, channel in zip(axis, windows, strict=True)) for axis in axes]
    return np.stack(planes), stride


def without_equal_channels(image: np.ndarray) -> np.ndarray:
    """(h, w) for a grey picture stored as colour, else the image itself."""
    grey = image.ndim == 3 and all(np.array_equal(image[..., 0], image[..., channel]) for channel in (1, 2))
    return image[..., 0] if grey else image
