import keras
import numpy as np
import pytest

from imagecourse.networks.divided import CutViewBatches, ViewBatches, divide, top_for_any_size

CUT = "block5c_add"


@pytest.fixture(scope="module")
def network():
    return divide("efficientnet_lite0", CUT, 3, image_size=32, seed=0)


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (6, 32, 32, 3)).astype(np.float32)


def test_the_two_parts_together_are_the_whole(network, images):
    parts = network.top.predict_on_batch(np.asarray(network.trunk.predict_on_batch(images)))
    assert np.allclose(parts, network.whole.predict_on_batch(images), atol=1e-5)


def test_training_the_top_changes_the_whole_and_leaves_the_trunk(network, images):
    before = np.asarray(network.whole.predict_on_batch(images))
    features = np.asarray(network.trunk.predict_on_batch(images))
    statistics = network.whole.get_layer("top_bn").get_weights()
    network.top.compile("adam", "categorical_crossentropy")
    network.top.fit(features, np.eye(3)[[0, 1, 2, 0, 1, 2]], epochs=2, verbose=0)
    assert not np.allclose(before, network.whole.predict_on_batch(images), atol=1e-3)
    assert np.array_equal(features, network.trunk.predict_on_batch(images))
    assert all(map(np.array_equal, statistics, network.whole.get_layer("top_bn").get_weights()))


def test_the_whole_survives_json_and_is_flat(network, images):
    again = keras.models.model_from_json(network.whole.to_json())
    again.set_weights(network.whole.get_weights())
    assert np.allclose(again.predict_on_batch(images), network.whole.predict_on_batch(images), atol=1e-5)
    assert not any(isinstance(layer, keras.Model) for layer in again.layers)


def test_an_epoch_shows_each_picture_once_in_one_of_its_views():
    features = np.array([[[10 * view + picture] for picture in range(7)] for view in range(2)])
    batches = ViewBatches(features, np.eye(7), batch_size=3, seed=0)
    epochs = []
    for _ in range(8):
        inputs, targets = (np.concatenate(part) for part in zip(*(batches[k] for k in range(3)), strict=True))
        assert np.array_equal(inputs[:, 0] % 10, targets.argmax(axis=1))
        assert sorted(targets.argmax(axis=1)) == list(range(7))
        epochs.append(tuple(inputs[:, 0]))
        batches.on_epoch_end()
    assert len(batches) == 3 and len(set(epochs)) > 1
    assert {value // 10 for value in epochs[0]} | {value // 10 for value in epochs[1]} == {0, 1}


def test_the_top_for_any_size_shares_its_layers_with_the_whole():
    network = divide("efficientnet_lite0", "block3b_add", 3, image_size=64, seed=0)
    top = top_for_any_size(network)
    maps = np.random.default_rng(0).uniform(0, 6, (4, 8, 8, 40)).astype(np.float32)
    assert np.allclose(top.predict_on_batch(maps), network.top.predict_on_batch(maps.reshape(4, -1)), atol=1e-5)
    before = [weights.copy() for weights in network.whole.get_weights()]
    top.compile("adam", "categorical_crossentropy")
    top.fit(maps[:, :5, :5], np.eye(3)[[0, 1, 2, 0]], verbose=0)
    changed = [not np.array_equal(*pair) for pair in zip(before, network.whole.get_weights(), strict=True)]
    assert any(changed) and not all(changed)


def test_cuts_are_squares_of_the_maps_at_changing_places():
    maps = np.arange(36, dtype=np.float32).reshape(1, 1, 36)
    batches = CutViewBatches(maps, np.eye(1), batch_size=1, seed=0, shape=(6, 6, 1), side=4)
    corners = set()
    for _ in range(60):
        cut, _ = batches[0]
        corner = int(cut[0, 0, 0, 0])
        assert cut.shape == (1, 4, 4, 1) and corner % 6 < 3
        assert np.array_equal(cut[0, :, :, 0], corner + np.arange(4)[:, None] * 6 + np.arange(4))
        corners.add(corner)
        batches.on_epoch_end()
    assert corners == {0, 1, 2, 6, 7, 8, 12, 13, 14}
