"""What the automatic compromise is to reach on photographs that no part of it was tuned on."""

from pathlib import Path

import numpy as np
import pytest

from imagecourse.images import read_image
from imagecourse.restoration import DENOISERS, add_gaussian_blur, add_gaussian_noise, psnr, restore
from imagecourse.restoration.calibrate import _middle

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module", params=["LIVE1", "BSD68"])
def photographs(request, real_data) -> dict[str, np.ndarray]:
    """LIVE1 in colour; of BSD68, grey and much alike, every fourth picture."""
    folder = real_data / "restoration" / request.param
    paths: list[Path] = sorted(folder.glob("*.png"))[:: 1 if request.param == "LIVE1" else 4]
    if not paths:
        pytest.skip(f"{folder}: no pictures there")
    return {path.name: read_image(path) for path in paths}


def test_clean_photographs_stay_untouched(photographs):
    touched = {name: steps for name, image in photographs.items() if (steps := restore(image).steps)}
    assert not touched


@pytest.mark.parametrize("sigma", [15, 25, 50])
def test_noise_is_removed_better_than_by_any_single_classic_filter(photographs, sigma):
    pairs = [(clean, add_gaussian_noise(clean, sigma, seed=0)) for clean in photographs.values()]
    classic = {
        name: np.mean([psnr(clean, denoise(noisy)) for clean, noisy in pairs]) for name, denoise in DENOISERS.items()
    }
    restored = [restore(noisy) for _, noisy in pairs]
    automatic = np.mean([psnr(clean, result.image) for (clean, _), result in zip(pairs, restored, strict=True)])
    assert automatic >= max(classic.values()) + 1, classic
    assert np.mean([result.noise for result in restored]) == pytest.approx(sigma, rel=0.05)


def test_deblurring_gains_at_least_a_decibel(photographs):
    gains, blurs = [], []
    for clean in photographs.values():
        degraded = add_gaussian_noise(add_gaussian_blur(clean, 1.6), 2, seed=0)
        result = restore(degraded)
        gains.append(psnr(clean, result.image) - psnr(clean, degraded))
        blurs.append(result.blur)
    assert np.mean(gains) >= 1.5 and min(gains) > -0.5
    assert np.mean(blurs) == pytest.approx(1.6, abs=0.15)


@pytest.fixture(scope="module")
def live1_centres(real_data) -> list[np.ndarray]:
    """The middle 256 × 256 pixels of the first eight pictures of LIVE1."""
    paths = sorted((real_data / "restoration" / "LIVE1").glob("*.png"))[:8]
    if not paths:
        pytest.skip("LIVE1: no pictures there")
    return [_middle(read_image(path)) for path in paths]


@pytest.mark.parametrize(
    ("blur", "noise", "least"),
    [
        (1.2, 10, 26.3),
        (1.2, 20, 25.3),
        (2.0, 10, 23.6),
        (2.0, 20, 23.2),
        (0, 5, 39.1),
        (0, 10, 35.0),
        (0, 20, 31.0),
        (1.2, 0, 32.8),
        (2.0, 0, 27.0),
    ],
)
def test_the_compromise_comes_close_in_noise_in_blur_and_in_both(live1_centres, blur, noise, least):
    quality = []
    for number, clean in enumerate(live1_centres):
        degraded = add_gaussian_noise(add_gaussian_blur(clean, blur), noise, seed=number)
        quality.append(psnr(clean, restore(degraded).image))
    assert np.mean(quality) >= least


def test_clean_centres_stay_untouched(live1_centres):
    assert all(restore(clean).steps == () for clean in live1_centres)
