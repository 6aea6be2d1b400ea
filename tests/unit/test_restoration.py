import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import scipy.fft
from scipy.ndimage import convolve

from imagecourse.restoration import (
    DENOISERS,
    SHARPEN_4,
    SHARPEN_8,
    SHARPENERS,
    add_gaussian_blur,
    add_gaussian_noise,
    laplacian_variance,
    noise_sigma,
    psnr,
    restore,
    ssim,
    wiener_deconvolution,
)
from imagecourse.restoration.calibrate import (
    _best_shrinkage,
    _blur_threshold,
    _median_edge_width,
    _middle,
    calibrate_inversion,
    calibrate_noise,
)
from imagecourse.restoration.calibration import Calibration
from imagecourse.restoration.measures import edge_width, fit_spectrum, noise_by_plane
from imagecourse.restoration.removal import _block_transform, _dct_matrix, invert_blur, remove_noise_and_blur
from imagecourse.samples import reference_photographs, unseen_photographs


@pytest.fixture(scope="module")
def references() -> dict[str, np.ndarray]:
    return reference_photographs()


@pytest.fixture(scope="module")
def coffee(references) -> np.ndarray:
    return references["coffee"]


def grey(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


# --- filters, damage and measures ---


def test_added_noise_is_seeded_rounded_and_clipped(coffee):
    noise = np.random.default_rng(3).normal(0, 20, coffee.shape)
    expected = np.clip(np.round(coffee + noise), 0, 255).astype(np.uint8)
    assert np.array_equal(add_gaussian_noise(coffee, 20, seed=3), expected)
    assert not np.array_equal(add_gaussian_noise(coffee, 20, seed=4), expected)


def test_added_blur_spreads_a_point_by_its_sigma():
    point = np.zeros((41, 41), np.uint8)
    point[20, :] = 255
    blurred = add_gaussian_blur(point, 2.0)[:, 20].astype(float)
    variance = (blurred * (np.arange(41) - 20) ** 2).sum() / blurred.sum()
    assert variance == pytest.approx(4, rel=0.05)
    assert np.array_equal(add_gaussian_blur(point, 0), point)


@pytest.mark.parametrize(("kernel", "centre", "name"), [(SHARPEN_4, 5, "laplacian_4"), (SHARPEN_8, 9, "laplacian_8")])
def test_sharpening_kernels_keep_the_mean_and_match_a_plain_convolution(kernel, centre, name, coffee):
    assert kernel.dtype == np.float32 and kernel[1, 1] == centre and kernel.sum() == 1
    image = grey(coffee)[:60, :80]
    expected = np.clip(convolve(image.astype(int), kernel.astype(int), mode="mirror"), 0, 255)
    assert np.array_equal(SHARPENERS[name](image), expected)


@pytest.mark.parametrize("name", DENOISERS)
@pytest.mark.parametrize("colour", [True, False])
def test_every_denoiser_gains_on_the_noise_it_is_made_for(name, colour, coffee):
    clean = _middle(coffee if colour else grey(coffee), 128)
    sigma = {"nlm_weak": 5, "nlm_medium": 12 if colour else 7}.get(name, 20)
    noisy = add_gaussian_noise(clean, sigma, seed=1)
    denoised = DENOISERS[name](noisy)
    assert denoised.shape == clean.shape and denoised.dtype == np.uint8
    assert psnr(clean, denoised) > psnr(clean, noisy) + 0.5


@pytest.mark.parametrize("name", SHARPENERS)
@pytest.mark.parametrize("colour", [True, False])
def test_every_sharpener_sharpens_and_keeps_the_shape(name, colour, coffee):
    clean = _middle(coffee if colour else grey(coffee), 128)
    blurred = add_gaussian_blur(clean, 1.5)
    sharpened = SHARPENERS[name](blurred)
    assert sharpened.shape == clean.shape and sharpened.dtype == np.uint8
    assert laplacian_variance(sharpened) > 1.5 * laplacian_variance(blurred)
    assert psnr(clean, sharpened) > psnr(clean, blurred)


def test_sharpening_kernels_subtract_the_laplacian_once_and_three_times():
    rows, columns = np.mgrid[:9, :9].astype(float)
    bowl = rows**2 + columns**2  # its Laplacian is 4
    for kernel, times in ((SHARPEN_4, 1), (SHARPEN_8, 3)):
        assert convolve(bowl, kernel.astype(float))[1:-1, 1:-1] == pytest.approx(bowl[1:-1, 1:-1] - 4 * times)


def test_wiener_gains_most_when_told_the_true_width(coffee):
    clean = _middle(coffee, 128)
    soft = add_gaussian_noise(add_gaussian_blur(clean, 1.5), 2, seed=0)
    gains = {width: psnr(clean, wiener_deconvolution(soft, width)) - psnr(clean, soft) for width in (0.8, 1.5, 2.4)}
    assert gains[1.5] > 1 and gains[1.5] == max(gains.values())
    assert np.array_equal(wiener_deconvolution(soft, 1.5), SHARPENERS["wiener"](soft))


def test_measures_against_their_definitions(coffee):
    image, noisy = grey(coffee), add_gaussian_noise(grey(coffee), 10, seed=0)
    error = np.mean((image.astype(float) - noisy) ** 2)
    assert psnr(image, noisy) == pytest.approx(10 * np.log10(255**2 / error))
    assert psnr(image, image) == float("inf") and ssim(image, image) == pytest.approx(1)
    assert 0.3 < ssim(image, noisy) < 0.95
    point = np.zeros((9, 9), np.uint8)
    point[4, 4] = 10  # its Laplacian: -40 once, 10 four times
    assert laplacian_variance(point) == pytest.approx((40**2 + 4 * 10**2) / 81)
    assert laplacian_variance(add_gaussian_blur(image, 2)) < laplacian_variance(image) < laplacian_variance(noisy)
    flat = np.full((200, 200, 3), 128, np.uint8)
    assert noise_sigma(add_gaussian_noise(flat, 12, seed=0)) == pytest.approx(12, rel=0.03)


# --- measuring and removing ---


@pytest.mark.parametrize("level", [2, 10, 25])
def test_noise_is_found_under_texture_in_every_plane(level, references):
    readings = noise_by_plane(add_gaussian_noise(references["coffee"], level, seed=5))
    assert readings.shape == (3,)
    assert readings == pytest.approx(level, rel=0.25)
    assert noise_by_plane(add_gaussian_noise(references["brick"], level, seed=5)) == pytest.approx(level, rel=0.1)


def test_luminance_noise_stored_in_equal_channels_reads_as_grey_noise(coffee):
    noisy = add_gaussian_noise(grey(coffee), 10, seed=0)
    assert np.array_equal(noise_by_plane(np.repeat(noisy[..., None], 3, axis=2)), noise_by_plane(noisy))


@pytest.mark.parametrize("blur", [1.2, 1.6, 2.4])
def test_blur_is_read_from_the_spectrum(blur, coffee):
    degraded = add_gaussian_noise(add_gaussian_blur(coffee, blur), 2, seed=0)
    assert fit_spectrum(degraded, 2, slope=2.5, slope_deviation=0.5).blur == pytest.approx(blur, abs=0.2)


def test_spectrum_of_made_noise_gives_back_its_power_law():
    generator, size = np.random.default_rng(0), 512
    frequency = 2 * np.pi * np.hypot(scipy.fft.fftfreq(size)[:, None], scipy.fft.rfftfreq(size))
    amplitude = np.maximum(frequency, 0.01) ** -1.5 * np.exp(-(1.4**2) * frequency**2 / 2)
    field = scipy.fft.irfft2(scipy.fft.rfft2(generator.normal(0, 1, (size, size))) * amplitude)
    image = np.clip(128 + field * 30 / field.std(), 0, 255).astype(np.uint8)
    fit = fit_spectrum(image, 0, slope=2.5, slope_deviation=1.0)
    assert fit.blur == pytest.approx(1.4, abs=0.15) and fit.slope == pytest.approx(3.0, abs=0.5)


@pytest.mark.parametrize("turned", [False, True])
def test_edges_are_as_wide_as_their_blur(turned):
    bars = np.repeat(np.where(np.arange(240) // 40 % 2, 200, 50)[None], 240, axis=0).astype(np.uint8)
    bars = bars.T if turned else bars
    widths = [edge_width(add_gaussian_blur(bars, blur), noise=0) for blur in (1.2, 2.0, 3.0)]
    assert widths == pytest.approx([1.2, 2.0, 3.0], abs=0.1)
    assert edge_width(bars, noise=0) < 0.5


def test_faint_edges_and_few_edges_have_no_width():
    steps = np.repeat(np.where(np.arange(240) // 40 % 2, 140, 100)[None], 240, axis=0).astype(np.uint8)
    assert edge_width(steps, noise=5) > 0
    assert edge_width(steps, noise=15) == 0, "a contrast of 40 does not stand out from a noise of 15"
    assert edge_width(steps[:5], noise=0) == 0 and edge_width(steps[:1, :1], noise=0) == 0


def test_spectrum_with_a_given_blur_fits_the_rest_around_it(coffee):
    soft = add_gaussian_blur(coffee, 1.6)
    free = fit_spectrum(soft, 1, slope=2.5, slope_deviation=0.5)
    given = fit_spectrum(soft, 1, slope=2.5, slope_deviation=0.5, blur=free.blur)
    assert given.blur == free.blur and given.amplitude == pytest.approx(free.amplitude, abs=0.05)
    less = fit_spectrum(soft, 1, slope=2.5, slope_deviation=0.5, blur=1.0)
    assert less.blur == 1.0 and less.slope > free.slope, "what the blur does not explain, the fall has to"


def test_blur_in_noise_is_the_mean_of_two_witnesses(coffee):
    calibration = Calibration.load()
    clean = _middle(coffee)
    soft = add_gaussian_blur(clean, 1.6)
    noisy = add_gaussian_noise(soft, 10, seed=0)
    spectrum = fit_spectrum(noisy, 10, calibration.slope, calibration.slope_deviation).blur
    edges = np.interp(edge_width(soft, 10), calibration.edge_widths, calibration.blur_levels)
    assert calibration.measure_blur(noisy, 10, soft).blur == pytest.approx((spectrum + edges) / 2)
    assert calibration.measure_blur(noisy, 10).blur == pytest.approx(spectrum)
    assert calibration.measure_blur(noisy, 10, np.full_like(soft, 128)).blur == 0, "no edge, no blur"


def test_more_noise_removed_widens_edges_more():
    calibration = Calibration(edge_widths=(0, 1, 2), edge_widths_in_noise=(0.5, 1.5, 2.5), blur_levels=(0, 1, 2))
    assert [calibration._edge_blur(1.5, noise) for noise in (5, 10, 17.5, 25, 50)] == [1.5, 1.5, 1.25, 1, 1]


def test_inverting_a_blur_expects_as_much_noise_as_it_is_told(coffee):
    clean = _middle(coffee)
    soft = add_gaussian_blur(clean, 1.2)
    spectrum = fit_spectrum(soft, 0, slope=2.5, slope_deviation=0.5, blur=1.2)
    results = [invert_blur(soft, noise, spectrum, weight=0.3) for noise in (2, 10, 40)]
    assert psnr(clean, results[0]) > psnr(clean, soft) + 3
    sharpness = [laplacian_variance(result) for result in results]
    assert sharpness == sorted(sharpness, reverse=True) and sharpness[-1] > laplacian_variance(soft)


def test_block_transform_is_the_orthonormal_dct():
    plane = np.random.default_rng(0).normal(0, 1, (16, 24)).astype(np.float32)
    blocks = _block_transform(plane, _dct_matrix(8))
    assert np.allclose(blocks[1, :, 2], scipy.fft.dctn(plane[8:16, 16:24], norm="ortho"), atol=1e-5)


def test_tiles_leave_no_seam(references):
    strip = np.tile(references["camera"][:100], (1, 3))[:, :1300]
    noisy = add_gaussian_noise(strip, 15, seed=0)
    whole = remove_noise_and_blur(noisy, np.array([15.0]), 2.7).astype(int)
    right = remove_noise_and_blur(noisy[:, 900:], np.array([15.0]), 2.7).astype(int)
    assert np.abs(whole[:, 960:] - right[:, 60:]).max() <= 3  # 1024, where two tiles meet, lies in between


# --- the compromise ---


def test_clean_photographs_come_back_untouched(references):
    from skimage import data

    pictures = references | {"moon": data.moon(), "retina": data.retina(), "page": data.page(), "text": data.text()}
    for name, image in pictures.items():
        result = restore(image)
        assert result.steps == () and np.array_equal(result.image, image), f"{name}: {result.explanation}"


def test_soft_and_textured_parts_are_neither_blurred_nor_noisy(references):
    ramp = np.linspace(90, 180, 300)[:, None] + np.zeros((300, 400))
    parts = {
        "made sky": np.repeat(ramp.astype(np.uint8)[..., None], 3, axis=2),
        "sky with faint grain": add_gaussian_noise(ramp.astype(np.uint8), 1, seed=0),
        "sky": references["china"][:90, :250],
        "rocket's sky": references["rocket"][:200, :250],
        "fur": references["chelsea"][120:280, 100:300],
        "grass": references["grass"][:200, :300],
        "gravel": references["gravel"][200:, 100:400],
    }
    for name, image in parts.items():
        assert restore(image).steps == (), f"{name}: {restore(image).explanation}"


def test_black_print_on_pure_white_is_not_noise():
    page = np.full((400, 500, 3), 255, np.uint8)
    for line in range(30, 400, 24):
        cv2.putText(page, f"{line} lines of fine print, row by row", (20, line), 0, 0.7, (0, 0, 0), 1, cv2.LINE_AA)
    assert restore(page).steps == (), restore(page).explanation
    noisy = add_gaussian_noise(page, 20, seed=0)
    assert len(restore(noisy).steps) == 1 and psnr(page, restore(noisy).image) > psnr(page, noisy) + 3


@pytest.mark.parametrize(("sigma", "gain"), [(8, 3), (15, 5), (25, 6), (50, 8)])
def test_noise_is_removed_at_its_own_strength(sigma, gain, coffee):
    clean = coffee[100:356, 200:456]
    noisy = add_gaussian_noise(clean, sigma, seed=9)
    result = restore(noisy)
    assert result.noise == pytest.approx(sigma, rel=0.12)
    assert len(result.steps) == 1 and result.steps[0] == f"sliding_dct(noise={result.noise:.1f})"
    assert psnr(clean, result.image) > psnr(clean, noisy) + gain
    best = max(psnr(clean, denoise(noisy)) for denoise in DENOISERS.values())
    assert psnr(clean, result.image) > best + 0.5
    assert f"{result.noise:.1f} grey levels" in result.explanation and "noisy" in result.explanation


@pytest.mark.parametrize("name", ["coffee", "camera", "chelsea"])
def test_blur_is_inverted_before_the_noise_is_removed(name, references):
    clean = references[name]
    degraded = add_gaussian_noise(add_gaussian_blur(clean, 1.6), 2, seed=0)
    result = restore(degraded)
    assert [step.split("(")[0] for step in result.steps] == ["inverse_filter", "sliding_dct"]
    assert result.blur == pytest.approx(1.6, abs=0.3)
    assert psnr(clean, result.image) > psnr(clean, degraded) + 1
    assert f"blur {result.blur:.2f} pixels" in result.explanation
    assert "First pass: the blur is inverted" in result.explanation and "Second pass: the noise" in result.explanation


@pytest.mark.parametrize(("blur", "noise", "gain"), [(1.2, 10, 1.0), (1.2, 20, 0.5), (2.0, 10, 0.8), (2.0, 20, 0.6)])
def test_what_is_noisy_and_blurred_is_denoised_measured_again_and_sharpened(blur, noise, gain):
    gains = []
    for name, picture in unseen_photographs().items():
        clean = _middle(picture)
        result = restore(add_gaussian_noise(add_gaussian_blur(clean, blur), noise, seed=1))
        assert [step.split("(")[0] for step in result.steps] == ["sliding_dct", "inverse_filter"], name
        assert "Second pass, measured again: blur" in result.explanation and "still blurred" in result.explanation
        sharp = replace(Calibration.load(), blur_threshold=np.inf)
        once = restore(add_gaussian_noise(add_gaussian_blur(clean, blur), noise, seed=1), calibration=sharp)
        gains.append(psnr(clean, result.image) - psnr(clean, once.image))
    assert np.mean(gains) > gain and min(gains) > 0, gains


def test_sharp_photographs_stay_unsharpened_in_noise():
    for name, picture in unseen_photographs().items():
        for noise in (5, 10, 20):
            result = restore(add_gaussian_noise(_middle(picture), noise, seed=1))
            assert len(result.steps) == 1 and "nothing is sharpened" in result.explanation, (name, noise, result.blur)


def test_grey_comes_back_grey_in_the_shape_it_had(references):
    noisy = add_gaussian_noise(references["camera"][:200, :200], 20, seed=0)
    flat, stacked = restore(noisy), restore(np.repeat(noisy[..., None], 3, axis=2))
    assert flat.image.shape == (200, 200) and stacked.image.shape == (200, 200, 3)
    assert all(np.array_equal(stacked.image[..., channel], flat.image) for channel in range(3))


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 7), (31, 400, 3), (32, 32), (63, 64, 3), (64, 64)])
@pytest.mark.parametrize("fill", [0, 128, 255])
def test_tiny_and_flat_images_are_left_alone(shape, fill):
    image = np.full(shape, fill, np.uint8)
    result = restore(image)
    assert result.steps == () and np.array_equal(result.image, image) and result.blur == 0


def test_a_named_method_is_applied_and_the_measures_are_told(coffee):
    result = restore(coffee, "median")
    assert np.array_equal(result.image, cv2.medianBlur(coffee, 3)) and result.steps == ("median",)


def test_wrong_input_is_refused_in_one_line(coffee):
    with pytest.raises(ValueError, match="magic: no such method; use one of compromise, nlm_weak"):
        restore(coffee, "magic")
    with pytest.raises(ValueError, match=r"cannot restore .* float64; give"):
        restore(coffee / 255)
    with pytest.raises(ValueError, match=r"\(4, 4, 4\)"):
        restore(np.zeros((4, 4, 4), np.uint8))


# --- calibration ---


def test_stored_noise_readings_are_what_the_references_give(references):
    stored = Calibration.load()
    levels = (0, 5, 10)
    measured = calibrate_noise(list(references.values()), levels)
    assert measured.noise_readings == pytest.approx(
        [stored.noise_readings[stored.noise_levels.index(level)] for level in levels], rel=0.01
    )
    for name in ("noise_threshold", "slope", "slope_deviation"):
        assert getattr(measured, name) == pytest.approx(getattr(stored, name), rel=0.02), name


def test_stored_blur_readings_are_what_the_references_give(references):
    stored, crops = Calibration.load(), [_middle(image) for image in references.values()]
    for blur, noise, widths in ((1.2, 10, stored.edge_widths), (0, 25, stored.edge_widths_in_noise)):
        width = widths[stored.blur_levels.index(blur)]
        assert _median_edge_width(crops, blur, noise, stored) == pytest.approx(width, rel=0.02)
    assert _blur_threshold(crops, stored) == pytest.approx(stored.blur_threshold, rel=0.02)
    measured = calibrate_inversion(crops, stored)
    assert measured.regularisation == stored.regularisation
    assert measured.regularisation_after == stored.regularisation_after


def test_stored_shrinkage_is_the_best_of_the_references(references):
    crops = [_middle(image) for image in references.values()]
    stored = Calibration.load()
    assert _best_shrinkage(crops, 25) == stored.shrinkage[stored.noise_levels.index(25) - 1]


def test_a_picture_smaller_than_the_part_to_measure_is_measured_whole():
    image = np.arange(20 * 300, dtype=np.uint8).reshape(20, 300)
    assert np.array_equal(_middle(image, 256), image[:, 22:278])
    assert np.array_equal(_middle(image[:, :9], 256), image[:, :9])


@pytest.mark.parametrize("count", [0, 1, 2])
def test_one_photograph_or_copies_of_it_are_too_little_to_calibrate_with(references, count):
    with pytest.raises(ValueError, match=f"in {count} photographs; give at least two different ones"):
        calibrate_noise([_middle(references["coffee"], 64)] * count)


def test_calibration_survives_saving(tmp_path):
    calibration = Calibration(noise_threshold=3.25, blur_threshold=np.float64(1.5))
    calibration.save(tmp_path / "calibration.json")
    assert Calibration.load(tmp_path / "calibration.json") == calibration
    assert json.loads((tmp_path / "calibration.json").read_text())["noise_threshold"] == 3.25


def test_noise_readings_are_turned_into_true_levels():
    calibration = Calibration(noise_levels=(0, 10, 20), noise_readings=(1, 9, 17))
    assert [calibration.true_noise(reading) for reading in (0.5, 5, 9, 13)] == [0, 5, 10, 15]
