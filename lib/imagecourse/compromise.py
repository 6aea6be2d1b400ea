"""What `restore` is made of: how noisy and how blurred a picture is, and how both are removed.

Noise is measured on the patches with least texture, blur on the fall of the spectrum against that of sharp
photographs. A blurred picture first passes a regularised inverse filter, while its noise is still white; then
the noise, coloured by that filter, is removed in sliding DCT blocks.
"""

from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
import scipy.fft
from scipy.stats import norm
from threadpoolctl import threadpool_limits

LUMA_CHROMA = np.array([[1, 1, 1], [1, 0, -1], [0.5, -1, 0.5]], np.float32)
LUMA_CHROMA /= np.linalg.norm(LUMA_CHROMA, axis=1, keepdims=True)
"""Orthonormal colour axes, so that white noise is equally strong in each: one luminance, two chrominance planes."""

PATCH, SPECTRUM_WINDOW = 7, 64


# --- measuring --------------------------------------------------------------------------------------------------


@threadpool_limits.wrap(limits=1)  # the matrices are small: threads would wait for each other
def noise_by_plane(image: np.ndarray) -> np.ndarray:
    """Noise deviation of a picture's luminance and two chrominance planes (of its only plane when grey), grey levels.

    The smallest eigenvalues of the covariance of 7 × 7 patches carry noise alone (Chen, Zhu and Heng 2015); they are
    taken from the patches without texture, found again with every better estimate (Liu, Tanaka and Okutomi 2013).
    Patches in clipped regions, where noise is cut off, are left out as far as possible.

    image: (h, w, 3) or (h, w) uint8. Returns: (3,) or (1,) float64, zero for pictures under 32 pixels.
    """
    image = without_equal_channels(image)
    if min(image.shape[:2]) < 32:
        return np.zeros(3 if image.ndim == 3 else 1)
    patches, stride = _windows(image, PATCH, count=20_000)
    extremes = (image == 0) | (image == 255)
    clipped = extremes.mean(2, dtype=np.float32) if image.ndim == 3 else extremes.astype(np.float32)
    share = cv2.blur(clipped, (21, 21))[PATCH // 2 : -(PATCH // 2), PATCH // 2 : -(PATCH // 2)]
    share = share[::stride, ::stride].ravel()
    if np.mean(share > 0.999) > np.mean(share <= 0.1):  # a blank page, which noise would leave nowhere blank
        return np.zeros(len(patches))
    usable = share <= max(0.1, np.percentile(share, 10))
    return np.array([_patch_noise(plane[usable]) for plane in patches])


def _patch_noise(patches: np.ndarray) -> float:
    vectors = patches.reshape(len(patches), -1).astype(np.float64)
    texture = sum((np.diff(patches, axis=axis) ** 2).sum((1, 2)) for axis in (1, 2))
    differences = 2 * PATCH * (PATCH - 1)
    margin = 1 + 2.3 * np.sqrt(3 / differences)  # noise alone exceeds this in one patch of a hundred
    fewest = np.sort(texture)[min(len(texture), 4 * PATCH**2) - 1]
    variance = np.linalg.eigvalsh(np.cov(vectors.T))[0]
    for _ in range(5):
        flat = vectors[texture <= max(2 * variance * differences * margin, fewest)]
        variance = _noise_eigenvalue(np.linalg.eigvalsh(np.cov(flat.T)))
    return float(np.sqrt(variance))


def _noise_eigenvalue(eigenvalues: np.ndarray) -> float:
    """The mean of the smallest eigenvalues, as many as are distributed like noise: mean not above median."""
    eigenvalues = np.maximum(eigenvalues, 1e-4)
    means = np.cumsum(eigenvalues) / np.arange(1, len(eigenvalues) + 1)
    medians = np.array([np.median(eigenvalues[:count]) for count in range(1, len(eigenvalues) + 1)])
    return float(means[np.flatnonzero(means <= medians * (1 + 1e-9))[-1]])


class SpectrumFit(NamedTuple):
    """Power of a picture's luminance at frequency f (radians a pixel): exp(amplitude) f^-slope exp(-(blur f)^2)."""

    blur: float
    slope: float
    amplitude: float


def fit_spectrum(image: np.ndarray, noise: float, slope: float, slope_deviation: float) -> SpectrumFit:
    """Fit blur (Gaussian deviation in pixels) and power law to the mean spectrum above the noise.

    Photographs of sharp things fall like a power of the frequency (Field 1987); a blur falls faster than any power.
    slope, slope_deviation: what sharp photographs show, which the fit departs from only with reason.
    Blur is zero where too little of the spectrum rises above the noise, and for pictures under 64 pixels.
    """
    image = without_equal_channels(image)
    if min(image.shape[:2]) < SPECTRUM_WINDOW:
        return SpectrumFit(0.0, slope, 0.0)
    frequencies, power, floor = _radial_spectrum(image)
    floor = max(noise**2, floor, 0.05)
    below = np.flatnonzero(power <= 2 * floor)
    count = below[0] if len(below) else len(power)
    if count < 5:
        return SpectrumFit(0.0, slope, 0.0)
    frequencies, logarithm = frequencies[:count], np.log(power[:count] - floor)
    prior = 0.15 / slope_deviation  # 0.15: usual deviation of log power from the fit
    equations = np.stack([np.ones(count), -np.log(frequencies), -(frequencies**2)], axis=1)
    equations, logarithm = np.vstack([equations, [0, prior, 0]]), np.append(logarithm, slope * prior)
    amplitude, slope, squared_blur = np.linalg.lstsq(equations, logarithm, rcond=None)[0]
    return SpectrumFit(float(np.sqrt(max(squared_blur, 0))), float(slope), float(amplitude))


def _radial_spectrum(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Welch's mean spectrum of the luminance: frequencies, power, and the power in the highest frequencies."""
    windows, _ = _windows(image, SPECTRUM_WINDOW, count=1000)
    taper = np.outer(np.hanning(SPECTRUM_WINDOW), np.hanning(SPECTRUM_WINDOW)).astype(np.float32)
    centred = (windows[0] - windows[0].mean((1, 2), keepdims=True)) * taper
    power = (np.abs(scipy.fft.rfft2(centred)) ** 2).mean(0) / (taper**2).sum()
    frequency = np.sqrt(_squared_frequency(SPECTRUM_WINDOW, SPECTRUM_WINDOW))
    ring = np.digitize(frequency, np.arange(0.25, 2.5, 0.1))
    rings = [ring == number for number in range(1, ring.max())]
    floor = power[frequency > 3.3].mean()
    return np.array([frequency[r].mean() for r in rings]), np.array([power[r].mean() for r in rings]), float(floor)


def _squared_frequency(height: int, width: int) -> np.ndarray:
    rows, columns = 2 * np.pi * scipy.fft.fftfreq(height), 2 * np.pi * scipy.fft.rfftfreq(width)
    return rows[:, None] ** 2 + columns**2


def _windows(image: np.ndarray, size: int, count: int) -> tuple[np.ndarray, int]:
    """About `count` square windows on a regular grid, (planes, n, size, size) float32, and the grid's stride."""
    view = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    stride = max(1, int(np.sqrt(view.shape[0] * view.shape[1] / count)))
    windows = view[::stride, ::stride]
    if image.ndim == 2:
        return windows.reshape(1, -1, size, size).astype(np.float32), stride
    windows = windows.reshape(-1, 3, size, size).astype(np.float32)
    return np.einsum("pc,ncij->pnij", LUMA_CHROMA, windows), stride


def without_equal_channels(image: np.ndarray) -> np.ndarray:
    """(h, w) for a grey picture stored as colour, else the image itself."""
    grey = image.ndim == 3 and all(np.array_equal(image[..., 0], image[..., channel]) for channel in (1, 2))
    return image[..., 0] if grey else image


# --- removing ---------------------------------------------------------------------------------------------------


@threadpool_limits.wrap(limits=1)
def remove_noise_and_blur(
    image: np.ndarray, noise: np.ndarray, shrinkage: float, spectrum: SpectrumFit | None = None, weight: float = 0
) -> np.ndarray:
    """Invert a Gaussian blur (when a spectrum is given), then remove noise in sliding DCT blocks.

    The inverse is Wiener's with the fitted power law as prior, its regularisation times `weight`; what noise that
    leaves goes in the second step, as in Neelamani, Choi and Baraniuk (ForWaRD, 2004). Large pictures are worked on
    in tiles, so that memory stays bounded.

    image: (h, w, 3) or (h, w) uint8. noise: deviation of each plane. shrinkage: threshold in noise deviations.
    """
    grey = without_equal_channels(image)
    noise = np.maximum(noise, 0.5)
    level = float(np.sqrt(np.mean(noise**2)))

    def restore_tile(tile: np.ndarray) -> np.ndarray:
        planes = np.moveaxis(tile @ LUMA_CHROMA.T, 2, 0) if tile.ndim == 3 else tile[None]
        restored = [_restore_plane(*pair, shrinkage, spectrum, weight) for pair in zip(planes, noise, strict=True)]
        result = np.stack(restored, axis=2) @ LUMA_CHROMA if tile.ndim == 3 else restored[0]
        result = result if spectrum else _undo_clipping(result, level)
        return np.clip(np.rint(result), 0, 255).astype(np.uint8)

    restored = _in_tiles(grey, restore_tile)
    return restored if restored.ndim == image.ndim else np.repeat(restored[..., None], 3, axis=2)


def _in_tiles(image: np.ndarray, work: Callable, size: int = 1024, margin: int = 64) -> np.ndarray:
    result = np.empty_like(image)
    for top, left in product(range(0, image.shape[0], size), range(0, image.shape[1], size)):
        y, x = max(0, top - margin), max(0, left - margin)
        tile = image[y : top + size + margin, x : left + size + margin].astype(np.float32)
        result[top : top + size, left : left + size] = work(tile)[top - y :, left - x :][:size, :size]
    return result


def _restore_plane(
    plane: np.ndarray, noise: float, shrinkage: float, spectrum: SpectrumFit | None, weight: float
) -> np.ndarray:
    if spectrum is None:
        return sliding_dct(plane, lambda size: noise, shrinkage)
    regularisation = weight * noise**2 / np.exp(spectrum.amplitude)
    white = np.random.default_rng(0).normal(0, noise, (240, 240)).astype(np.float32)
    coloured = _invert_blur(white, spectrum, regularisation)

    def spread(size: int) -> np.ndarray:
        return np.sqrt((_block_transform(coloured, _dct_matrix(size)) ** 2).mean((0, 2)))[:, None, :]

    return sliding_dct(_invert_blur(plane, spectrum, regularisation), spread, shrinkage)


def _invert_blur(plane: np.ndarray, spectrum: SpectrumFit, regularisation: float) -> np.ndarray:
    """Wiener (1949): H / (H² + noise power / signal power), on a mirrored border of 32 pixels."""
    margin, (height, width) = 32, plane.shape
    shape = [scipy.fft.next_fast_len(length + 2 * margin, real=True) for length in plane.shape]
    padding = [(margin, whole - length - margin) for whole, length in zip(shape, plane.shape, strict=True)]
    squared = _squared_frequency(*shape)
    blurring = np.exp(-(spectrum.blur**2) * squared / 2)
    inverse = blurring / (blurring**2 + regularisation * np.maximum(squared, 1e-6) ** (spectrum.slope / 2))
    transformed = scipy.fft.rfft2(np.pad(plane, padding, mode="symmetric")) * inverse.astype(np.float32)
    restored = scipy.fft.irfft2(transformed, s=shape)
    return restored[margin : margin + height, margin : margin + width].astype(np.float32)


def sliding_dct(plane: np.ndarray, spread: Callable[[int], np.ndarray | float], shrinkage: float) -> np.ndarray:
    """Denoise by shrinking the DCT coefficients of overlapping blocks (Yu and Sapiro 2011) in two passes.

    First, coefficients under `shrinkage` noise deviations are set to zero, in blocks of 8 and of 16; their mean is
    the guide of an empirical Wiener filter in blocks of 12 (Ghael, Sayeed and Baraniuk 1997).

    plane: (h, w) float32. spread: for a block size, the noise deviation of its coefficients. Returns (h, w) float32.
    """

    def keep_large(coefficients: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
        gain = (np.abs(coefficients) > shrinkage * deviation).astype(np.float32)
        gain[:, 0, :, 0] = 1
        return gain

    def wiener(coefficients: np.ndarray, deviation: np.ndarray | float) -> np.ndarray:
        power = coefficients**2
        return power / (power + np.float32(deviation) ** 2)

    guide = sum(_gain_blocks(plane, None, size, spread(size), keep_large) for size in (8, 16)) / 2
    return _gain_blocks(plane, guide, 12, spread(12), wiener)


def _gain_blocks(
    plane: np.ndarray, guide: np.ndarray | None, size: int, deviation: np.ndarray | float, gain: Callable
) -> np.ndarray:
    """Gain from the guide's DCT blocks (else its own) on the plane's; mean over shifted grids, sparse blocks first."""
    height, width = plane.shape
    padding = [(size, size + -length % size) for length in plane.shape]
    plane = np.pad(plane, padding, mode="symmetric")
    guide = None if guide is None else np.pad(guide, padding, mode="symmetric")
    total, weights, dct = np.zeros_like(plane), np.zeros_like(plane), _dct_matrix(size)
    for top, left in product(range(0, size, size // 4), repeat=2):
        inside = tuple(
            slice(start, start + (length - start) // size * size)
            for start, length in zip((top, left), plane.shape, strict=True)
        )
        coefficients = _block_transform(plane[inside], dct)
        gains = gain(coefficients if guide is None else _block_transform(guide[inside], dct), deviation)
        weight = 1 / (1 + (gains**2).sum((1, 3), keepdims=True))
        kept = coefficients * gains * weight
        total[inside] += _block_transform(kept.reshape(total[inside].shape), dct.T).reshape(total[inside].shape)
        weights[inside] += np.broadcast_to(weight, kept.shape).reshape(total[inside].shape)
    return (total / np.maximum(weights, 1e-9))[size : size + height, size : size + width]


def _dct_matrix(size: int) -> np.ndarray:
    return scipy.fft.dct(np.eye(size, dtype=np.float32), axis=0, norm="ortho")


def _block_transform(plane: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """matrix · block · matrixᵀ for every block of a (h, w) plane: (h / size, size, w / size, size)."""
    (height, width), size = plane.shape, len(matrix)
    blocks = plane.reshape(height // size, size, width // size, size) @ matrix.T
    return (matrix @ blocks.reshape(height // size, size, width)).reshape(blocks.shape)


def _undo_clipping(image: np.ndarray, noise: float) -> np.ndarray:
    """Noise cut off at 0 and 255 lightens black and darkens white; put them back (Foi 2009)."""
    true = np.arange(-128.0, 384.0)
    low, high = -true / noise, (255 - true) / noise
    mean = true * (norm.cdf(high) - norm.cdf(low)) + noise * (norm.pdf(low) - norm.pdf(high)) + 255 * norm.sf(high)
    return np.interp(image, mean, true)
