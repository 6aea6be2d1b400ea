"""The automatic compromise between denoising and sharpening for one image.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout; noise is the deviation in grey levels, blur that of a Gaussian
in pixels.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.filters import DENOISERS, SHARPENERS
from imagecourse.restoration.measures import fit_spectrum, noise_by_plane
from imagecourse.restoration.removal import remove_noise_and_blur

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


@cache
def stored_calibration() -> Calibration:
    """The calibration of the course, read once."""
    return Calibration.load()


def restore(image: np.ndarray, method: str = COMPROMISE, calibration: Calibration | None = None) -> Restoration:
    """Restore an image as far as its own noise and blur ask for it, or by one named method.

    "compromise" leaves clean, sharp images alone; removes noise; or inverts a blur and removes the noise that this
    raises.
    The thresholds and strengths come from `calibration`; `removal` holds the methods and their sources.

    image: (h, w, 3) RGB or (h, w) uint8. method: "compromise" or a key of DENOISERS or SHARPENERS. calibration: None
    takes that of the course.
    Raises: ValueError for another method, shape or dtype.
    """
    check_method(method)
    check_image(image)
    calibration = calibration or stored_calibration()
    readings = noise_by_plane(image)
    reading = float(np.sqrt(np.mean(readings**2)))
    noise = calibration.true_noise(reading)
    spectrum = fit_spectrum(image, readings[0], calibration.slope, calibration.slope_deviation)
    if method != COMPROMISE:
        restored = (DENOISERS | SHARPENERS)[method](image)
        return Restoration(restored, noise, spectrum.blur, (method,), f"{method}, as asked for.")

    noisy = reading > calibration.noise_threshold
    blurred = spectrum.blur > calibration.blur_threshold and noise <= calibration.deblurring_noise_limit
    explanation = _explain(noise, spectrum.blur, noisy, blurred, calibration)
    if not noisy and not blurred:
        return Restoration(image.copy(), noise, spectrum.blur, (), explanation)
    restored = remove_noise_and_blur(
        image,
        np.array([calibration.true_noise(value) for value in readings]),
        calibration.shrinkage_for(noise),
        spectrum if blurred else None,
        calibration.regularisation,
    )
    steps = (f"inverse_filter(blur={spectrum.blur:.2f})",) if blurred else ()
    return Restoration(restored, noise, spectrum.blur, (*steps, f"sliding_dct(noise={noise:.1f})"), explanation)


def check_method(method: str) -> None:
    """Refuse what is none of `METHODS`, with ValueError."""
    if method not in METHODS:
        raise ValueError(f"{method}: no such method; use one of {', '.join(METHODS)}")


def check_image(image: np.ndarray) -> None:
    """Refuse what is no image as above, with ValueError."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"cannot restore {image.shape} {image.dtype}; give (h, w, 3) or (h, w) uint8")


def _explain(noise: float, blur: float, noisy: bool, blurred: bool, calibration: Calibration) -> str:
    limits = (calibration.noise_threshold, calibration.blur_threshold)
    measured = f"Noise {noise:.1f} grey levels (limit {limits[0]:.1f}), blur {blur:.2f} pixels (limit {limits[1]:.2f})"
    if blurred:
        return (
            f"{measured}: blurred, so the blur is inverted first, while the noise is still white, "
            "and the noise raised by that is removed after."
        )
    if noisy and blur > calibration.blur_threshold:
        return f"{measured}: noisy, so the noise is removed; it hides too much of the blur to sharpen safely."
    if noisy:
        return f"{measured}: noisy but not blurred, so only the noise is removed."
    return f"{measured}: neither noisy nor blurred, so it stays untouched."
