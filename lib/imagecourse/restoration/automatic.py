"""The automatic compromise between denoising and sharpening for one image.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout; noise is the deviation in grey levels, blur that of a Gaussian
in pixels.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.filters import DENOISERS, SHARPENERS
from imagecourse.restoration.measures import SpectrumFit, noise_by_plane
from imagecourse.restoration.removal import invert_blur, remove_noise_and_blur

COMPROMISE = "compromise"
METHODS = (COMPROMISE, *DENOISERS, *SHARPENERS)


@dataclass(frozen=True)
class Restoration:
    """A restored image, what was measured in the original, and what was done in which order, with the reason.

    noise: deviation in grey levels. blur: deviation of a Gaussian in pixels. steps: empty for an untouched image.
    """

    image: np.ndarray
    noise: float
    blur: float
    steps: tuple[str, ...]
    explanation: str


@dataclass(frozen=True)
class Noise:
    """What was measured: deviation over all planes and in each of them, grey levels; and whether that is too much."""

    level: float
    planes: np.ndarray
    too_much: bool


@cache
def stored_calibration() -> Calibration:
    """The calibration of the course, read once."""
    return Calibration.load()


def restore(image: np.ndarray, method: str = COMPROMISE, calibration: Calibration | None = None) -> Restoration:
    """Restore an image as far as its own noise and blur ask for it, or by one named method.

    "compromise" leaves clean, sharp images alone. Else it makes at most two passes: it removes noise, measures what is
    left, and inverts a blur; without noise it inverts the blur first, then removes the noise that this raises.
    The thresholds and strengths come from `calibration`; `removal` holds the methods and their sources.

    image: (h, w, 3) RGB or (h, w) uint8. method: "compromise" or a key of DENOISERS or SHARPENERS. calibration: None
    takes that of the course.
    Raises: ValueError for another method, shape or dtype.
    """
    check_method(method)
    check_image(image)
    calibration = calibration or stored_calibration()
    noise = measure_noise(image, calibration)
    denoised = denoise(image, noise, calibration) if noise.too_much else None
    spectrum = calibration.measure_blur(image, noise.planes[0], denoised)
    if method != COMPROMISE:
        restored = (DENOISERS | SHARPENERS)[method](image)
        return Restoration(restored, noise.level, spectrum.blur, (method,), f"{method}, as asked for.")
    restored, steps = _passes(image, denoised, noise, spectrum, calibration)
    explanation = _explain(noise, spectrum.blur, steps, calibration)
    return Restoration(restored, noise.level, spectrum.blur, steps, explanation)


def check_method(method: str) -> None:
    """Refuse what is none of `METHODS`, with ValueError."""
    if method not in METHODS:
        raise ValueError(f"{method}: no such method; use one of {', '.join(METHODS)}")


def check_image(image: np.ndarray) -> None:
    """Refuse what is no image as above, with ValueError."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"cannot restore {image.shape} {image.dtype}; give (h, w, 3) or (h, w) uint8")


def denoise(image: np.ndarray, noise: Noise, calibration: Calibration) -> np.ndarray:
    """The denoiser of the first pass; any other that takes the measured noise can stand in its place."""
    return remove_noise_and_blur(image, noise.planes, calibration.shrinkage_for(noise.level))


def measure_noise(image: np.ndarray, calibration: Calibration) -> Noise:
    """How strong the noise of an image is, all told and in each plane."""
    readings = noise_by_plane(image)
    reading = float(np.sqrt(np.mean(readings**2)))
    planes = np.array([calibration.true_noise(value) for value in readings])
    return Noise(calibration.true_noise(reading), planes, reading > calibration.noise_threshold)


def _passes(
    image: np.ndarray, denoised: np.ndarray | None, noise: Noise, spectrum: SpectrumFit, calibration: Calibration
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The restored image, and the steps to it in their order."""
    removal, inversion = f"sliding_dct(noise={noise.level:.1f})", f"inverse_filter(blur={spectrum.blur:.2f})"
    blurred = spectrum.blur > calibration.blur_threshold
    if denoised is None and blurred:
        planes = np.maximum(noise.planes, spectrum.rest)  # marks of compression count too: the filter raises them
        level = float(np.sqrt(np.mean(planes**2)))
        shrinkage = calibration.shrinkage_for(level)
        restored = remove_noise_and_blur(image, planes, shrinkage, spectrum, calibration.regularisation)
        return restored, (inversion, f"sliding_dct(noise={level:.1f})")
    if denoised is None:
        return image.copy(), ()
    if blurred:
        restored = invert_blur(denoised, noise.planes[0], spectrum, calibration.regularisation_after)
        return restored, (removal, inversion)
    return denoised, (removal,)


def _explain(noise: Noise, blur: float, steps: tuple[str, ...], calibration: Calibration) -> str:
    noise_found = f"Noise {noise.level:.1f} grey levels (limit {calibration.noise_threshold:.1f})"
    blur_found = f"blur {blur:.2f} pixels (limit {calibration.blur_threshold:.2f})"
    if not steps:
        return f"{noise_found}, {blur_found}: neither noisy nor blurred, so it stays untouched."
    if not noise.too_much:
        return (
            f"{noise_found}, {blur_found}: blurred, but hardly noisy. First pass: the blur is inverted, while the "
            "little noise is still white. Second pass: the noise that this has raised is removed."
        )
    first = f"{noise_found}: noisy. First pass: the noise is removed. Second pass, measured again: {blur_found}"
    if len(steps) == 2:
        return f"{first}: still blurred, so the blur is inverted as far as the removed noise allows."
    if blur == 0:
        return f"{first}: no blur can be seen through the noise, so nothing is sharpened."
    return f"{first}: not blurred, so nothing is sharpened."
