"""Learn from clean, sharp reference photographs how much noise and blur is too much, and how strongly to act."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import cv2
import numpy as np

from imagecourse.restoration.calibration import EDGE_NOISE, Calibration
from imagecourse.restoration.filters import add_gaussian_blur, add_gaussian_noise
from imagecourse.restoration.measures import SpectrumFit, edge_width, fit_spectrum, noise_by_plane
from imagecourse.restoration.removal import invert_blur, remove_noise_and_blur

FAINT_NOISE, CLEAR_BLUR = 5.0, 1.2
"""Noise (grey levels) and blur (pixels) that are to be found; what is weaker may stay."""

BLUR_NOISE = (0.0, 10.0, 25.0)
"""Noise in which blurred and sharp pictures are to be told apart."""

LITTLE_NOISE, MUCH_NOISE = 2.0, 15.0
"""Noise in which both ways to invert a blur are tried: before and after the noise is removed."""


def calibrate(images: Mapping[str, np.ndarray]) -> Calibration:
    """Measure clean, sharp reference pictures with known noise and blur added; about a minute for eleven pictures.

    images: (h, w, 3) or (h, w) uint8 by name, two or more. Seeds are fixed: same pictures, same calibration.
    Raises: ValueError for fewer, or copies of one.
    """
    references = list(images.values())
    crops = [_middle(image) for image in references]
    calibration = calibrate_noise(references)
    noisy_levels = calibration.noise_levels[1:]
    calibration = replace(calibration, shrinkage=tuple(_best_shrinkage(crops, level) for level in noisy_levels))
    return calibrate_inversion(crops, calibrate_blur(crops, calibration))


# --- noise ------------------------------------------------------------------------------------------------------


def calibrate_noise(references: list[np.ndarray], levels: Iterable[float] = Calibration.noise_levels) -> Calibration:
    """The part of `calibrate` that reads noise and the fall of spectra; all else stays at its default."""
    levels = tuple(levels)
    slopes = [fit_spectrum(image, 0, Calibration.slope, 1e3).slope for image in references]
    if len(slopes) < 2 or np.std(slopes) == 0:
        raise ValueError(f"too little to measure in {len(slopes)} photographs; give at least two different ones")
    readings = np.array([[_noise_reading(image, level) for level in levels] for image in references])
    noise_threshold = (readings[:, 0].max() + readings[:, levels.index(FAINT_NOISE)].min()) / 2
    return Calibration(
        noise_levels=levels,
        noise_readings=tuple(np.median(readings, axis=0)),
        noise_threshold=float(noise_threshold),
        slope=float(np.mean(slopes)),
        slope_deviation=float(np.std(slopes)),
    )


def _noise_reading(image: np.ndarray, level: float) -> float:
    return float(np.sqrt(np.mean(noise_by_plane(add_gaussian_noise(image, level, seed=0)) ** 2)))


def _best_shrinkage(crops: list[np.ndarray], level: float) -> float:
    def remove_noise(image: np.ndarray, shrinkage: float) -> np.ndarray:
        return remove_noise_and_blur(image, _planes(image, level), shrinkage)

    return _best((2.1, 2.4, 2.7, 3.0, 3.3), crops, [_damage(crop, 0, level) for crop in crops], remove_noise)


# --- blur -------------------------------------------------------------------------------------------------------


def calibrate_blur(crops: list[np.ndarray], calibration: Calibration) -> Calibration:
    """The part that reads blur: the width of edges, then the threshold. calibration: with the parts before it."""
    less, more = (
        tuple(_median_edge_width(crops, blur, noise, calibration) for blur in calibration.blur_levels)
        for noise in EDGE_NOISE
    )
    calibration = replace(calibration, edge_widths=less, edge_widths_in_noise=more)
    return replace(calibration, blur_threshold=_blur_threshold(crops, calibration))


def _median_edge_width(crops: list[np.ndarray], blur: float, noise: float, calibration: Calibration) -> float:
    widths = [edge_width(_denoise(_damage(crop, blur, noise), noise, calibration), noise) for crop in crops]
    return float(np.median([width for width in widths if width] or [0]))


def _blur_threshold(crops: list[np.ndarray], calibration: Calibration) -> float:
    sharp, blurred = (_blur_readings(crops, blur, calibration) for blur in (0, CLEAR_BLUR))
    return float(np.quantile(sharp, 0.95) + np.quantile(blurred, 0.05)) / 2


def _blur_readings(crops: list[np.ndarray], blur: float, calibration: Calibration) -> np.ndarray:
    cases = [(_damage(crop, blur, noise), noise) for noise in BLUR_NOISE for crop in crops]
    return np.array([_measure_blur(image, noise, calibration).blur for image, noise in cases])


def _measure_blur(image: np.ndarray, noise: float, calibration: Calibration) -> SpectrumFit:
    denoised = _denoise(image, noise, calibration) if noise > calibration.noise_threshold else None
    return calibration.measure_blur(image, noise, denoised)


def calibrate_inversion(crops: list[np.ndarray], calibration: Calibration) -> Calibration:
    """The part that tries how strongly to invert a blur, before and after noise is removed."""

    def invert_first(image: np.ndarray, weight: float) -> np.ndarray:
        spectrum, shrinkage = _measure_blur(image, LITTLE_NOISE, calibration), calibration.shrinkage_for(LITTLE_NOISE)
        return remove_noise_and_blur(image, _planes(image, LITTLE_NOISE), shrinkage, spectrum, weight)

    def invert_after(image: np.ndarray, weight: float) -> np.ndarray:
        spectrum = _measure_blur(image, MUCH_NOISE, calibration)
        return invert_blur(_denoise(image, MUCH_NOISE, calibration), MUCH_NOISE, spectrum, weight)

    little, much = ([_damage(crop, CLEAR_BLUR, noise) for crop in crops] for noise in (LITTLE_NOISE, MUCH_NOISE))
    return replace(
        calibration,
        regularisation=_best((0.1, 0.3, 1.0), crops, little, invert_first),
        regularisation_after=_best((0.1, 0.3, 1.0), crops, much, invert_after),
    )


# --- what all parts share ----------------------------------------------------------------------------------------


def _middle(image: np.ndarray, size: int = 256) -> np.ndarray:
    top, left = (max(0, length - size) // 2 for length in image.shape[:2])
    return np.ascontiguousarray(image[top : top + size, left : left + size])


def _damage(image: np.ndarray, blur: float, noise: float) -> np.ndarray:
    return add_gaussian_noise(add_gaussian_blur(image, blur), noise, seed=0)


def _denoise(image: np.ndarray, noise: float, calibration: Calibration) -> np.ndarray:
    return remove_noise_and_blur(image, _planes(image, noise), calibration.shrinkage_for(noise)) if noise else image


def _planes(image: np.ndarray, noise: float) -> np.ndarray:
    return np.full(3 if image.ndim == 3 else 1, noise)


def _best(candidates: Iterable[float], clean: list[np.ndarray], damaged: list[np.ndarray], restore: Callable) -> float:
    """The candidate with which `restore(damaged image, candidate)` has the highest mean PSNR."""

    def mean_psnr(candidate: float) -> float:
        pairs = zip(clean, damaged, strict=True)
        return float(np.mean([cv2.PSNR(original, restore(image, candidate)) for original, image in pairs]))

    return max(candidates, key=mean_psnr)
