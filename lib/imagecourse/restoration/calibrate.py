"""Learn from clean, sharp reference photographs how much noise and blur is too much, and how strongly to act."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np

from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.filters import add_gaussian_blur, add_gaussian_noise
from imagecourse.restoration.measures import SpectrumFit, fit_spectrum, noise_by_plane
from imagecourse.restoration.removal import remove_noise_and_blur

FAINT_NOISE, CLEAR_BLUR = 5.0, 1.6
"""Noise (grey levels) and blur (pixels) that are to be found; what is weaker may stay."""


def calibrate(images: Mapping[str, np.ndarray]) -> Calibration:
    """Measure clean, sharp reference pictures with known noise and blur added; about a minute for eleven pictures.

    images: (h, w, 3) or (h, w) uint8 by name, two or more. Seeds are fixed: same pictures, same calibration.
    Raises: ValueError for fewer, or copies of one.
    """
    references = list(images.values())
    calibration = calibrate_measures(references)
    crops = [_middle(image) for image in references]
    noisy_levels = calibration.noise_levels[1:]
    calibration = replace(calibration, shrinkage=tuple(_best_shrinkage(crops, level) for level in noisy_levels))
    return replace(calibration, regularisation=_best_regularisation(crops, calibration))


def calibrate_measures(references: list[np.ndarray], levels: Iterable[float] = Calibration.noise_levels) -> Calibration:
    """The part of `calibrate` that reads noise and blur; the strengths stay at their defaults."""
    levels = tuple(levels)
    slopes = [fit_spectrum(image, 0, Calibration.slope, 1e3).slope for image in references]
    if len(slopes) < 2 or np.std(slopes) == 0:
        raise ValueError(f"too little to measure in {len(slopes)} photographs; give at least two different ones")
    readings = np.array([[_noise_reading(image, level) for level in levels] for image in references])
    noise_threshold = (readings[:, 0].max() + readings[:, levels.index(FAINT_NOISE)].min()) / 2
    calibration = Calibration(
        noise_levels=levels,
        noise_readings=tuple(np.median(readings, axis=0)),
        noise_threshold=float(noise_threshold),
        slope=float(np.mean(slopes)),
        slope_deviation=float(np.std(slopes)),
    )
    return _calibrate_blur(references, calibration)


def _noise_reading(image: np.ndarray, level: float) -> float:
    return float(np.sqrt(np.mean(noise_by_plane(add_gaussian_noise(image, level, seed=0)) ** 2)))


def _calibrate_blur(references: list[np.ndarray], calibration: Calibration) -> Calibration:
    sharp, blurred, levels = 0.0, np.inf, calibration.noise_levels
    for level, next_level in pairwise(levels):
        sharp = max(sharp, *(_blur_reading(image, level, 0, calibration) for image in references))
        blurred = min(blurred, *(_blur_reading(image, level, CLEAR_BLUR, calibration) for image in references))
        if sharp >= blurred:
            break
        limit = (level + next_level) / 2
        calibration = replace(calibration, blur_threshold=(sharp + blurred) / 2, deblurring_noise_limit=limit)
    return calibration


def _blur_reading(image: np.ndarray, noise: float, blur: float, calibration: Calibration) -> float:
    return measured_spectrum(add_gaussian_noise(add_gaussian_blur(image, blur), noise, seed=0), calibration).blur


def measured_spectrum(image: np.ndarray, calibration: Calibration) -> SpectrumFit:
    """The picture's own spectrum fit, with its own noise and the references' slope."""
    return fit_spectrum(image, noise_by_plane(image)[0], calibration.slope, calibration.slope_deviation)


def _best_shrinkage(crops: list[np.ndarray], level: float) -> float:
    pairs = [(crop, add_gaussian_noise(crop, level, seed=0)) for crop in crops]

    def restore(noisy: np.ndarray, shrinkage: float) -> np.ndarray:
        return remove_noise_and_blur(noisy, np.full(3 if noisy.ndim == 3 else 1, level), shrinkage)

    return _best((2.1, 2.4, 2.7, 3.0, 3.3), pairs, restore)


def _best_regularisation(crops: list[np.ndarray], calibration: Calibration) -> float:
    pairs = [
        (crop, add_gaussian_noise(add_gaussian_blur(crop, CLEAR_BLUR), level, seed=0))
        for crop in crops
        for level in calibration.noise_levels
        if 0 < level <= calibration.deblurring_noise_limit
    ]

    def restore(degraded: np.ndarray, weight: float) -> np.ndarray:
        noise, spectrum = noise_by_plane(degraded), measured_spectrum(degraded, calibration)
        shrinkage = calibration.shrinkage_for(float(np.sqrt(np.mean(noise**2))))
        return remove_noise_and_blur(degraded, noise, shrinkage, spectrum, weight)

    return _best((0.03, 0.1, 0.3, 1.0), pairs, restore)


def _best(candidates: Iterable[float], pairs: list[tuple[np.ndarray, np.ndarray]], restore: Callable) -> float:
    """The candidate whose restoration of (clean, degraded) pairs has the highest mean PSNR."""

    def mean_psnr(candidate: float) -> float:
        return float(np.mean([cv2.PSNR(clean, restore(degraded, candidate)) for clean, degraded in pairs]))

    return max(candidates, key=mean_psnr)


def _middle(image: np.ndarray, size: int = 256) -> np.ndarray:
    top, left = (max(0, length - size) // 2 for length in image.shape[:2])
    return np.ascontiguousarray(image[top : top + size, left : left + size])
