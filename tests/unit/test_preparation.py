import cv2
import numpy as np
import pytest
import tensorflow as tf
from skimage import exposure

from imagecourse.datasets.preparation import (
    as_picture,
    clahe,
    covariance,
    draw_patches,
    equalise,
    fit_whitening,
    preparations,
    standardise,
    turned_view,
)
from imagecourse.images import read_image
from imagecourse.samples import sample_photographs


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return read_image(sample_photographs()["cat"])[:240, :320]


@pytest.fixture(scope="module")
def patches(photograph) -> np.ndarray:
    return draw_patches([photograph, photograph[::-1]], side=5, per_image=3000, seed=1)


def test_standardise_is_that_of_tensorflow(photograph):
    np.testing.assert_allclose(standardise(photograph), tf.image.per_image_standardization(photograph), atol=1e-4)
    assert not standardise(np.full((4, 4, 3), 7, np.uint8)).any()


def test_numbers_around_zero_become_pixels():
    assert as_picture(np.array([-9.0, -2.5, 0.0, 2.5, 9.0])).tolist() == [0, 0, 128, 255, 255]


def luminance(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[:, :, 0]


def distance_from_a_straight_cdf(image: np.ndarray) -> float:
    shares, levels = exposure.cumulative_distribution(luminance(image))
    return float(np.abs(shares - levels / 255).max())


def test_an_equalised_picture_has_a_straight_cdf(photograph):
    dark = (photograph // 3).astype(np.uint8)
    assert distance_from_a_straight_cdf(dark) > 0.5
    assert distance_from_a_straight_cdf(equalise(dark)) < 0.04
    grey = np.repeat(luminance(dark)[:, :, np.newaxis], 3, axis=2)
    reference = exposure.equalize_hist(grey[:, :, 0]) * 255
    assert np.abs(equalise(grey)[:, :, 0] - reference).max() < 4


def test_clahe_lifts_local_contrast_and_less_than_the_limit_allows(photograph):
    flat = (photograph // 4 + 90).astype(np.uint8)
    contrast = [luminance(image).std() for image in (flat, clahe(flat, 1), clahe(flat, 4))]
    assert contrast[0] < contrast[1] < contrast[2]
    assert clahe(flat).shape == flat.shape and clahe(flat).dtype == np.uint8


def test_equalising_keeps_the_colour(photograph):
    before, after = (cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)[:, :, 1:] for image in (photograph, clahe(photograph)))
    assert np.abs(before.astype(int) - after).mean() < 3


def test_patches_are_cuts_of_the_picture(photograph):
    coarse = draw_patches([photograph], side=240, per_image=1, seed=0)
    assert coarse.shape == (1, 240 * 240 * 3)
    cut = (coarse.reshape(240, 240, 3) * 255).round().astype(np.uint8)
    assert any(np.array_equal(cut, photograph[:, left : left + 240]) for left in range(81))
    with pytest.raises(ValueError, match="320 × 240"):
        draw_patches([photograph], side=241, per_image=1, seed=0)


def test_whitened_patches_have_the_identity_as_covariance(patches):
    before = covariance(patches)
    assert before[0, 3] / np.sqrt(before[0, 0] * before[3, 3]) > 0.8  # neighbours are nearly the same
    whitening = fit_whitening(patches)
    np.testing.assert_allclose(covariance(whitening.of_patches(patches)), np.eye(75), atol=0.02)
    np.testing.assert_allclose(whitening.matrix, whitening.matrix.T, atol=1e-3)


def test_zca_stays_nearer_to_the_patches_than_pca_whitening(patches):
    whitening = fit_whitening(patches)
    centred = patches - patches.mean(axis=0)
    variances, directions = np.linalg.eigh(covariance(patches))
    by_principal_components = centred @ (directions / np.sqrt(variances))
    zca_distance = np.square(whitening.of_patches(patches) - centred).sum()
    assert zca_distance < np.square(by_principal_components - centred).sum()


def test_a_whitened_image_is_the_middle_of_its_whitened_patches(photograph, patches):
    whitening = fit_whitening(patches, epsilon=0.01)
    whitened = whitening.of_image(photograph)
    around = photograph[98:103, 48:53].reshape(1, -1) / 255
    middle = whitening.of_patches(around).reshape(5, 5, 3)[2, 2]
    np.testing.assert_allclose(whitened[100, 50], middle, atol=1e-3)


def test_patches_without_variance_are_refused():
    with pytest.raises(ValueError, match="give more, or epsilon"):
        fit_whitening(np.ones((10, 12), np.float32))


def test_all_preparations_give_pictures(photograph, patches):
    for name, prepare in preparations(fit_whitening(patches, 0.01)).items():
        prepared = prepare(photograph)
        assert prepared.shape == photograph.shape and prepared.dtype == np.uint8, name
        assert np.array_equal(prepared, photograph) == (name == "as it is")


def test_a_turned_view_shows_the_same_thing_elsewhere():
    image = np.zeros((101, 101, 3), np.uint8)
    image[45:56, 70:81] = 255  # a white square, 25 pixels right of the middle
    places = set()
    for number in range(40):
        view = turned_view(image, np.random.default_rng(number))
        assert view.shape == image.shape and view.dtype == np.uint8
        y, x = np.argwhere(view[:, :, 0] > 127).mean(axis=0) - 50
        assert 0.85 * 25 - 1 < np.hypot(x, y) < 1.15 * 25 + 1  # zoomed
        assert abs(np.degrees(np.arctan2(y, abs(x)))) < 16  # turned
        places.add(x > 0)  # mirrored or not
    assert places == {True, False}
    first, again = (turned_view(image, np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, again)
