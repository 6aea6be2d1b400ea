import numpy as np
import pytest

from imagecourse.images import read_image
from imagecourse.recipes.photo_views import grey, painted_view, random_view, recompress, resize
from imagecourse.samples import sample_photographs


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return resize(read_image(sample_photographs()["cat"]), 150, 226)


@pytest.mark.parametrize("view", [random_view, painted_view])
def test_a_view_is_another_picture_and_the_same_for_the_same_seed(photograph, view):
    before = photograph.copy()
    first, again, other = (view(photograph, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.uint8 and first.ndim == 3 and first.shape[2] == 3
    assert np.array_equal(first, again)
    assert first.shape != other.shape or not np.array_equal(first, other)
    assert np.array_equal(photograph, before)


def test_views_differ_in_what_gives_a_source_away(photograph):
    views = [random_view(photograph, np.random.default_rng(seed)) for seed in range(80)]
    longest = np.array([max(view.shape) for view in views])
    colourless = np.array([np.ptp(view.astype(int), axis=2).mean() < 25 for view in views])
    assert longest.min() < 140 and longest.max() > 270
    assert {view.shape[0] > view.shape[1] for view in views} == {True, False}
    assert 10 < colourless.sum() < 70


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 200, 3), (200, 2, 3)])
def test_tiny_pictures_have_views_too(shape):
    picture = np.full(shape, 90, np.uint8)
    for seed in range(10):
        assert random_view(picture, np.random.default_rng(seed)).size > 0


def test_a_painting_shows_the_same_scene_in_other_pixels(photograph):
    """Some views are cut or mirrored; of twelve the best must show the whole."""
    coarse = resize(photograph, 8, 8).mean(axis=2).ravel()
    views = [painted_view(photograph, np.random.default_rng(seed)) for seed in range(12)]
    likeness = [np.corrcoef(resize(view, 8, 8).mean(axis=2).ravel(), coarse)[0, 1] for view in views]
    assert 0.8 < max(likeness) < 1


def test_grey_and_recompressed(photograph):
    assert np.ptp(grey(photograph), axis=2).max() == 0
    worse, better = (np.abs(recompress(photograph, q).astype(int) - photograph).mean() for q in (10, 95))
    assert better < 3 < worse


def test_a_flat_picture_stays_flat_in_another_size():
    assert np.array_equal(resize(np.full((9, 7, 3), 80, np.uint8), 20, 3), np.full((20, 3, 3), 80, np.uint8))
