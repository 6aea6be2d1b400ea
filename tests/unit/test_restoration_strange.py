"""Pictures that fool measures and filters: drawings, nearly black and tiny ones, and noise beside flat parts."""

import cv2
import numpy as np
import pytest

from imagecourse.restoration import (
    DENOISERS,
    SHARPENERS,
    add_gaussian_blur,
    add_gaussian_noise,
    noise_sigma,
    psnr,
    restore,
)
from imagecourse.restoration.automatic import METHODS
from imagecourse.restoration.measures import fit_spectrum, noise_by_plane
from imagecourse.samples import reference_photographs
from imagecourse.samples.archive import canvas, text


def chart() -> np.ndarray:
    image = np.full((96, 128, 3), 255, np.uint8)
    for number, height in enumerate((30, 60, 50, 80)):
        image[90 - height : 90, 10 + 28 * number : 30 + 28 * number] = (40, 90, 200)
    return image


def ruled_page() -> np.ndarray:
    image = np.full((96, 128, 3), 255, np.uint8)
    image[40:44, 16:112] = 0
    return image


def nearly_black(brightest: int) -> np.ndarray:
    image = np.zeros((64, 64, 3), np.uint8)
    image[20:24, 30:40] = brightest
    return image


def stripes() -> np.ndarray:
    return np.repeat(np.where(np.arange(64) % 2, 255, 0).astype(np.uint8)[:, None], 64, axis=1)


def one_plane_flat() -> np.ndarray:
    image = np.ascontiguousarray(reference_photographs()["coffee"][100:180, 200:300])
    image[..., 2] = 7
    return image


def tiny(*shape: int) -> np.ndarray:
    return (np.arange(np.prod(shape)) * 15 % 256).reshape(shape).astype(np.uint8)


PICTURES = {
    "chart": chart(),
    "ruled page": ruled_page(),
    "ruled page in grey": ruled_page()[..., 0],
    "stripes": stripes(),
    "chequers": stripes() ^ stripes().T,
    "one plane flat": one_plane_flat(),
    "faint speck": nearly_black(1),
    "dark block": nearly_black(6),
    "one white pixel": np.pad(np.full((1, 1), 255, np.uint8), 20),
} | {f"tiny {shape}": tiny(*shape) for shape in [(1, 2), (2, 1, 3), (1, 9), (3, 3, 3), (7, 5), (1, 60, 3), (16, 16)]}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", PICTURES)
def test_no_filter_turns_a_picture_into_one_tone(name, method):
    image = PICTURES[name]
    restored = restore(image, method).image
    assert restored.shape == image.shape and restored.dtype == np.uint8
    assert (restored != restored[:1, :1]).any(), f"all of it is {restored[0, 0]}"
    if min(image.shape[:2]) > 7:
        assert np.abs(restored.mean((0, 1)) - image.mean((0, 1))).max() < 25


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", [*DENOISERS, *SHARPENERS])
@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (2, 3), (40, 30, 3)])
@pytest.mark.parametrize("tone", [0, 1, 128, 255])
def test_one_tone_stays_this_tone(name, shape, tone):
    image = np.full(shape, tone, np.uint8)
    assert np.abs((DENOISERS | SHARPENERS)[name](image).astype(int) - image).max() <= 2


@pytest.mark.parametrize("name", ["chart", "ruled page", "stripes"])
def test_a_drawing_along_the_axes_has_no_wavelet_noise(name):
    assert noise_sigma(PICTURES[name]) == pytest.approx(0, abs=1e-6)


# --- noise beside flat parts ---


def flat_in_part(image: np.ndarray, share: float, kind: str) -> np.ndarray:
    image, rows = image.copy(), round(share * len(image))
    image[:rows] = {"grey": 128, "white": 255, "black": 0}[kind]
    return image


@pytest.mark.parametrize("kind", ["grey", "white", "black"])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.75, 0.9])
@pytest.mark.parametrize("noise", [10, 25])
def test_noise_is_found_beside_flat_parts(noise, share, kind):
    for name in ("coffee", "china"):
        picture = flat_in_part(add_gaussian_noise(reference_photographs()[name][:300, :300], noise, 0), share, kind)
        least = 0.8 if share <= 0.75 else 0.65
        assert least * noise < np.sqrt(np.mean(noise_by_plane(picture) ** 2)) < 1.1 * noise, name
        assert np.sqrt(np.mean(noise_by_plane(picture[..., 0]) ** 2)) > least * noise, f"{name}, grey"


@pytest.mark.parametrize("where", ["left", "frame", "four squares"])
def test_flat_parts_may_lie_anywhere(where):
    noisy = add_gaussian_noise(reference_photographs()["coffee"][:320, :320], 15, seed=0)
    if where == "left":
        noisy[:, :160] = 128
    elif where == "frame":
        inner = noisy[60:260, 60:260].copy()
        noisy[:] = 240
        noisy[60:260, 60:260] = inner
    else:
        for top, left in ((0, 0), (0, 200), (200, 0), (200, 200)):
            noisy[top : top + 100, left : left + 100] = 90
    assert np.sqrt(np.mean(noise_by_plane(noisy) ** 2)) == pytest.approx(15, rel=0.15)


def test_a_clipped_sky_hides_no_noise():
    picture = reference_photographs()["coffee"][:300, :300].astype(int)
    picture[:150] += 400
    noisy = np.clip(picture + np.rint(np.random.default_rng(0).normal(0, 15, picture.shape)), 0, 255).astype(np.uint8)
    assert np.sqrt(np.mean(noise_by_plane(noisy) ** 2)) == pytest.approx(15, rel=0.1)


def test_noise_beside_a_flat_part_is_removed():
    clean = flat_in_part(reference_photographs()["coffee"][:256, :256], 0.5, "grey")
    noisy = flat_in_part(add_gaussian_noise(clean, 15, seed=0), 0.5, "grey")
    result = restore(noisy)
    assert len(result.steps) == 1 and psnr(clean, result.image) > psnr(clean, noisy) + 4
    assert restore(clean).steps == ()


# --- marks of compression ---


def test_marks_of_compression_are_not_sharpened_into_dirt():
    gains = []
    for seed in ([42, 1], [7, 1], [7, 2]):
        generator = np.random.default_rng(seed)
        page = text.draw_text(generator, 512, {})[1]
        scan = canvas.capture(page, generator)
        result = restore(scan)
        assert len(result.steps) == 2, "a page under a blur"
        light = cv2.GaussianBlur(scan.astype(float), (0, 0), 16) / np.maximum(cv2.GaussianBlur(page, (0, 0), 16), 1)
        lit = np.clip(page * light, 0, 255).astype(np.uint8)
        gains.append(psnr(lit, result.image) - psnr(lit, scan))
    assert min(gains) > 0.5, gains


def test_what_lies_beyond_a_blur_is_counted_as_noise():
    soft = add_gaussian_blur(reference_photographs()["coffee"], 1.6)
    stored = cv2.imdecode(cv2.imencode(".jpg", soft, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], cv2.IMREAD_UNCHANGED)
    rests = [fit_spectrum(image, 0, slope=2.5, slope_deviation=0.5).rest for image in (soft, stored)]
    assert rests[0] < 0.4 < 0.6 < rests[1]
