"""Which filter for which picture: the learned ones where they are better, the classic compromise elsewhere.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout. Networks are loaded when a picture first needs one.
"""

from typing import NamedTuple

import cv2
import numpy as np

from imagecourse.restoration import automatic
from imagecourse.restoration.automatic import Restoration, measure_noise, stored_calibration
from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.measures import SpectrumFit, fit_spectrum

AUTOMATIC, LEARNED, DOCUMENT = "auto", "learned", "document"
METHODS = (AUTOMATIC, LEARNED, DOCUMENT, *automatic.METHODS)
MOST_NOISE = 55.0
"""Grey levels up to which the denoiser was trained."""
CLEAR_BLUR, FAINT_BLUR_NOISE = 0.8, 20.0
"""Blur in pixels that the denoiser is told of, and the noise up to which the measure can be trusted."""


DARKEST_PAPER, WHITE, PAPER_SHARE = 120, 248, 0.35
"""Grey levels that the most frequent tone of dirty paper lies between, and the least share of it in a page."""


class Measures(NamedTuple):
    """What a picture says of itself: noise in grey levels, whether that is too much, and the fit to its spectrum."""

    noise: float
    noisy: bool
    spectrum: SpectrumFit


def measure(image: np.ndarray, calibration: Calibration | None = None) -> Measures:
    """Measure noise and blur without restoring. calibration: None takes that of the course."""
    calibration = calibration or stored_calibration()
    noise = measure_noise(image, calibration)
    if noise.too_much:
        spectrum = fit_spectrum(image, noise.planes[0], calibration.slope, calibration.slope_deviation)
    else:
        spectrum = calibration.measure_blur(image, noise.planes[0])
    return Measures(noise.level, noise.too_much, spectrum)


def restore_by(image: np.ndarray, method: str = AUTOMATIC, calibration: Calibration | None = None) -> Restoration:
    """Restore an image by a method of `METHODS`.

    "auto" looks what kind of picture it is and how noisy: a dirty page of text goes to the document cleaner, a noisy or
    blurred picture to the denoiser, both where their models are there; what is neither stays untouched. Noise that the
    denoiser has not learned is left to the compromise. "learned" and "document" take their network for every picture.

    image: (h, w, 3) RGB or (h, w) uint8. Raises: ValueError for another method, shape or dtype; FileNotFoundError where
    a method asked for has no model.
    """
    check_method(method)
    if method in automatic.METHODS:
        return automatic.restore(image, method, calibration)
    automatic.check_image(image)
    calibration = calibration or stored_calibration()
    measures = measure(image, calibration)
    if method == LEARNED:
        return _denoised(image, measures, "by the network, as asked for.")
    if method == DOCUMENT:
        return _cleaned(image, measures, "cleaned as a page of text, as asked for.")
    return _by_choice(image, measures, calibration)


def check_method(method: str) -> None:
    """Refuse what is none of `METHODS`, with ValueError."""
    if method not in METHODS:
        raise ValueError(f"{method}: no such method; use one of {', '.join(METHODS)}")


def _by_choice(image: np.ndarray, measures: Measures, calibration: Calibration) -> Restoration:
    from imagecourse.restoration import learned

    if _looks_like_paper(image) and learned.is_there(learned.DOCUMENT_CLEANER) and learned.is_text(image):
        return _cleaned(image, measures, "a page of text on paper that is not clean, so it is cleaned as one.")
    blurred = measures.spectrum.blur > calibration.blur_threshold and told_blur(measures) > 0
    if not measures.noisy and not blurred:
        explanation = f"{_in_words(measures)}: neither noisy nor blurred, so it stays untouched."
        return Restoration(image.copy(), measures.noise, measures.spectrum.blur, (), explanation)
    if measures.noise > MOST_NOISE or not learned.is_there(learned.DENOISER):
        return automatic.restore(image, automatic.COMPROMISE, calibration)
    found = " and ".join(word for word, there in (("noisy", measures.noisy), ("blurred", blurred)) if there)
    return _denoised(image, measures, f"{found}, so the learned denoiser works on it.")


def _denoised(image: np.ndarray, measures: Measures, reason: str) -> Restoration:
    from imagecourse.restoration.learned import remove_noise

    blur = told_blur(measures)
    restored = remove_noise(image, measures.noise, blur)
    step = f"learned_denoiser(noise={measures.noise:.1f}, blur={blur:.2f})"
    return Restoration(restored, measures.noise, measures.spectrum.blur, (step,), f"{_in_words(measures)}: {reason}")


def _cleaned(image: np.ndarray, measures: Measures, reason: str) -> Restoration:
    from imagecourse.restoration.learned import clean_document

    restored, steps = clean_document(image), ("document_cleaner",)
    return Restoration(restored, measures.noise, measures.spectrum.blur, steps, f"{_in_words(measures)}: {reason}")


def told_blur(measures: Measures) -> float:
    """The blur in pixels that the denoiser is told of: what was measured where that can be trusted, else 0."""
    clear = measures.spectrum.blur > CLEAR_BLUR and measures.noise <= FAINT_BLUR_NOISE
    return measures.spectrum.blur if clear else 0.0


def _in_words(measures: Measures) -> str:
    return f"Noise {measures.noise:.1f} grey levels, blur {measures.spectrum.blur:.2f} pixels"


def _looks_like_paper(image: np.ndarray) -> bool:
    """Whether a picture is mostly of one light tone that is not white, so that it is worth asking the photo filter."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel() // 8, minlength=32)
    tone = int(counts.argmax())
    share = counts[max(0, tone - 3) : tone + 4].sum() / grey.size
    return DARKEST_PAPER <= 8 * tone < WHITE and share >= PAPER_SHARE
