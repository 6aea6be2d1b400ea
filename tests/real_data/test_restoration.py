"""What the automatic compromise is to reach on photographs that no part of it was tuned on."""

from pathlib import Path

import numpy as np
import pytest

from imagecourse.images import read_image
from imagecourse.restoration import DENOISERS, add_gaussian_blur, add_gaussian_noise, psnr, restore

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
