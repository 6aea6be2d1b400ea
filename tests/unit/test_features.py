import shutil

import keras
import numpy as np
import pytest

from imagecourse.cache import cache_folder
from imagecourse.images import ImageReadError, list_images, read_square_image, write_image
from imagecourse.networks import features
from imagecourse.networks.features import cached_features


def mean_network(scale: float = 1.0, weight: float = 1.0, size: int = 8) -> keras.Model:
    inputs = keras.Input((size, size, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(scale)(inputs))
    weighted = keras.layers.Dense(3, use_bias=False)
    model = keras.Model(inputs, weighted(x), name="mean")
    weighted.set_weights([weight * np.eye(3)])
    return model


@pytest.fixture
def files(shades, tmp_path):
    shutil.copytree(shades / "dark", tmp_path / "files")
    return list_images(tmp_path / "files")[:5]


@pytest.fixture
def count_runs(monkeypatch):
    """The number of images that went through a network so far."""
    seen, forward = [], features.forward

    def counting(model, images, batch_size):
        seen.extend(images)
        return forward(model, images, batch_size)

    monkeypatch.setattr(features, "forward", counting)
    return lambda: len(seen)


def test_features_are_those_of_the_network_and_computed_once(files, tmp_path, count_runs):
    computed = cached_features(mean_network(), files, cache_dir=tmp_path / "cache")
    expected = np.stack([read_square_image(file, 8).mean(axis=(0, 1)) for file in files])
    assert computed.dtype == np.float32
    np.testing.assert_allclose(computed, expected, rtol=1e-5)
    again = cached_features(mean_network(), files[::-1], cache_dir=tmp_path / "cache")
    np.testing.assert_array_equal(again, computed[::-1])
    assert count_runs() == 5


def test_a_changed_picture_or_network_is_noticed_and_a_renamed_file_is_not_new(files, tmp_path, count_runs):
    cached_features(mean_network(), files, cache_dir=tmp_path / "cache")
    files[0].rename(files[0].with_name("renamed.png"))
    write_image(files[1], np.full((9, 9, 3), 7, np.uint8))
    changed = [files[0].with_name("renamed.png"), *files[1:]]
    computed = cached_features(mean_network(), changed, cache_dir=tmp_path / "cache")
    assert count_runs() == 6
    np.testing.assert_allclose(computed[1], 7, rtol=1e-5)
    others = (mean_network(0.5), mean_network(weight=0.5))
    for runs, other in enumerate(others, start=1):
        halved = cached_features(other, changed, cache_dir=tmp_path / "cache")
        assert count_runs() == 6 + 5 * runs
        np.testing.assert_allclose(halved, computed / 2, rtol=1e-5)
    cached_features(mean_network(size=9), changed, cache_dir=tmp_path / "cache")
    assert count_runs() == 21


def test_an_edited_view_of_the_same_name_is_a_new_one(files, tmp_path, count_runs):
    def features_of(view) -> np.ndarray:
        return cached_features(mean_network(), files, cache_dir=tmp_path / "cache", views={"changed": view})

    plain, dark = (features_of(view) for view in (lambda image, _: image, lambda image, _: image // 2))
    assert count_runs() == 10 and (dark < 0.6 * plain).all()
    np.testing.assert_array_equal(features_of(lambda image, _: image), plain)
    assert count_runs() == 10


def test_feature_maps_keep_their_shape_in_the_cache(files, tmp_path):
    inputs = keras.Input((8, 8, 3))
    network = keras.Model(inputs, keras.layers.AveragePooling2D(4)(inputs), name="maps")
    computed, cached = (cached_features(network, files, cache_dir=tmp_path / "cache") for _ in range(2))
    assert computed.shape == (5, 2, 2, 3)
    np.testing.assert_array_equal(cached, computed)


def test_views_are_kept_apart_and_repeat_without_the_cache(files, tmp_path):
    views = {
        "plain": lambda image, _: image,
        "noisy": lambda image, generator: generator.integers(0, 255, image.shape, np.uint8),
    }
    first, second = (
        cached_features(mean_network(), files, cache_dir=tmp_path / name, views=views) for name in ("one", "two")
    )
    np.testing.assert_array_equal(first, second)
    plain = cached_features(mean_network(), files, cache_dir=tmp_path / "three")
    np.testing.assert_array_equal(first[:5], plain)
    assert (np.abs(first[5:] - plain).max(axis=1) > 5).all()


def test_what_was_computed_before_an_interruption_stays(files, tmp_path, monkeypatch, count_runs):
    monkeypatch.setattr(features, "BATCH_SIZE", 2)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageReadError):
        cached_features(mean_network(), [*files, tmp_path / "broken.png"], cache_dir=tmp_path / "cache")
    assert count_runs() == 4
    cached_features(mean_network(), files, cache_dir=tmp_path / "cache")
    assert count_runs() == 5


def test_without_a_folder_to_write_in_there_is_a_warning_and_an_answer(files, tmp_path):
    (tmp_path / "cache").write_text("a file in the way")
    with pytest.warns(UserWarning, match="nothing is kept"):
        computed = cached_features(mean_network(), files, cache_dir=tmp_path / "cache")
    assert computed.shape == (5, 3)


def test_the_default_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
