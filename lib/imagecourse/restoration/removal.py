"""How noise and blur are removed: what `restore` does to a picture.

A noisy picture is denoised in sliding DCT blocks, and may then pass a regularised inverse filter. One with hardly any
noise passes that filter first, while its noise is still white; then the noise, coloured by the filter, is removed.
"""

from collections.abc import Callable
from itertools import product

import numpy as np
import scipy.fft
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from imagecourse.restoration.measures import LUMA_CHROMA, SpectrumFit, squared_frequency, without_equal_channels


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


def invert_blur(image: np.ndarray, noise: float, spectrum: SpectrumFit, weight: float) -> np.ndarray:
    """Invert a Gaussian blur in a picture whose noise has been removed; same shape, uint8.

    The inverse is Wiener's with the fitted power law as prior. noise: deviation before its removal, in grey levels;
    weight: how much of it the filter still has to expect.
    """
    regularisation = weight * max(noise, 0.5) ** 2 / np.exp(spectrum.amplitude)

    def restore_tile(tile: np.ndarray) -> np.ndarray:
        planes = np.moveaxis(np.atleast_3d(tile), 2, 0)
        restored = np.stack([_invert_blur(plane, spectrum, regularisation) for plane in planes], axis=2)
        return np.clip(np.rint(restored.reshape(tile.shape)), 0, 255).astype(np.uint8)

    return _in_tiles(image, restore_tile)


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
    squared = squared_frequency(*shape)
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
