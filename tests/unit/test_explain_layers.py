import keras
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from keras import layers

from imagecourse import explain
from imagecourse.explain import Filter, figures
from imagecourse.networks.architectures import photo_cnn


@pytest.fixture(scope="module")
def network() -> explain.Network:
    keras.utils.set_random_seed(0)
    return explain.examine(photo_cnn(3, image_size=32), ["a", "b", "c"])


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_a_block_ends_where_the_maps_shrink(network, images):
    assert explain.block_layers(network) == ["conv1", "conv2", "conv3", "dense"]
    along = {name: explain.feature_maps(network, images, name) for name in explain.block_layers(network)}
    assert [maps.shape[1:] for maps in along.values()] == [(32, 32, 16), (16, 16, 32), (8, 8, 64), (4, 4, 128)]
    blocks = explain.saliency_by_block(network, images, "b")
    assert list(blocks) == list(along)
    assert all(result.maps.shape == (2, 32, 32) for result in blocks.values())
    assert list(explain.saliency_by_block(network, images, "b", blocks=["pool2"])) == ["pool2"]
    assert list(explain.saliency_by_block(network, images, Filter("conv2", 1))) == ["conv1", "conv2"]


def test_each_block_shares_out_the_whole_score_of_a_network_without_biases():
    """Euler: activation × gradient of a piecewise linear function adds up to its value, wherever one cuts."""
    keras.utils.set_random_seed(1)
    convolution = {"padding": "same", "activation": "relu", "use_bias": False}
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, **convolution),
            layers.MaxPooling2D(),
            layers.Conv2D(4, 3, **convolution),
            layers.Flatten(),
            layers.Dense(1, use_bias=False),
        ]
    )
    images = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    for result in explain.saliency_by_block(model, images, 0).values():
        np.testing.assert_allclose(result.raw.sum(axis=(1, 2)), np.asarray(model(images))[:, 0], rtol=1e-4)


def test_channels_in_the_order_of_their_means():
    maps = np.zeros((1, 2, 2, 3))
    maps[0, 0, 0] = [1, 5, 3]
    assert explain.channels_by_activation(maps).tolist() == [1, 2, 0]


def test_first_filters_have_zero_in_the_middle(network):
    filters = explain.first_filters(network)
    kernel = np.asarray(network.model.get_layer("conv1.linear").kernel)
    assert filters.shape == (16, 3, 3, 3)
    assert np.abs(filters - 0.5).max(axis=(1, 2, 3)) == pytest.approx(0.5)
    np.testing.assert_array_equal(filters > 0.5, kernel.transpose(3, 0, 1, 2) > 0)


def test_activation_maximisation_finds_the_colour_that_a_filter_wants():
    inputs = keras.Input((12, 12, 3))
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(layers.Conv2D(2, 1, name="c")(inputs))))
    kernel = np.array([[1, 0], [-1, 0], [-1, 1]], np.float32).reshape(1, 1, 3, 2)
    model.get_layer("c").set_weights([kernel, np.zeros(2, np.float32)])
    found = explain.activation_maximisation(model, Filter("c", [0, 1]), steps=40)
    assert found.shape == (2, 12, 12, 3)
    assert found.dtype == np.uint8
    red, green, blue = found[0].mean(axis=(0, 1))
    assert red > 200 > 50 > max(green, blue)
    assert found[1, ..., 2].mean() > 200
    np.testing.assert_array_equal(found, explain.activation_maximisation(model, Filter("c", [0, 1]), steps=40))


def test_activation_maximisation_wakes_a_filter_that_is_off_on_grey():
    inputs = keras.Input((8, 8, 3))
    x = layers.ReLU(name="rectified")(layers.Conv2D(1, 1, name="c")(inputs))
    model = keras.Model(inputs, layers.Dense(1)(layers.Flatten()(x)))
    kernel = np.array([1, 0, 0], np.float32).reshape(1, 1, 3, 1)
    model.get_layer("c").set_weights([kernel, np.array([-200], np.float32)])
    found = explain.activation_maximisation(model, Filter("rectified"), steps=40)
    assert found[0, ..., 0].mean() > 200


def test_sheets_show_every_map_and_one_colour_bar(images):
    maps = np.random.default_rng(0).random((2, 32, 32))
    row = figures.explanation_row(images[0], {"one": maps[0], "two": maps[1]})
    assert [ax.get_title() for ax in row.axes] == ["picture", "one", "two", ""]
    sheet = figures.comparison_sheet(images, {"one": maps, "two": maps}, ["first", "second"])
    assert sum(len(ax.images) for ax in sheet.axes[:6]) == 6
    assert len(sheet.axes) == 7
    blocks = figures.block_row(images, {"conv1": maps, "conv2": maps})
    assert blocks.axes[2].get_title() == "2: conv2"
    by_label = {"a": {"m": maps[0], "k": maps[1]}, "b": {"m": maps[0], "k": maps[1]}}
    labels = figures.label_sheet(images[0], by_label, {"a": "a 10%", "b": "b 90%"})
    assert labels.axes[0].texts[0].get_text() == "a 10%"
    one = figures.label_sheet(images[0], {"a": {"m": maps[0]}, "b": {"m": maps[0]}}, {"a": "a 10%", "b": "b 90%"})
    assert [ax.get_title() for ax in one.axes[:3]] == ["picture", "a 10%", "b 90%"]


def test_an_overlay_is_brightest_where_the_map_is():
    heat_map = np.zeros((4, 4))
    heat_map[1:3, 1:3] = 0.5
    ax = figures.overlay(np.full((40, 60, 3), 100, np.uint8), heat_map)
    shown = ax.images[0].get_array()
    assert shown.shape == (40, 60, 3)
    assert shown[20, 30].sum() > 2 * shown[0, 0].sum()
    assert not figures.display_map(np.zeros((3, 3))).any()


def test_tiles_and_curves_hold_what_they_are_given(network, images):
    maps = explain.feature_maps(network, images, "conv2")[0]
    tiles = figures.feature_map_tiles(maps, [3, 1, 2], columns=2)
    assert [text.get_text() for text in tiles.texts] == ["3", "1", "2"]
    np.testing.assert_allclose(tiles.images[0].get_array()[:16, :16], maps[:, :, 3])
    figure = figures.network_row(images[0], {"conv2": maps}, strongest=2)
    assert figure.axes[1].get_title() == "conv2\n16 × 16 × 32"
    assert len(figures.filter_tiles(explain.first_filters(network), columns=8).axes) == 16
    curve = explain.Curve(np.linspace(0, 1, 3), np.array([[1.0, 0.5, 0.0]]), np.array([0.5]))
    ax = figures.truth_curves({"gradient": curve})
    assert ax.get_legend().texts[0].get_text() == "gradient (0.50)"
    table = pd.DataFrame({"layer": "a", "layers": [1, 2], "image": 0, "correlation": [0.5, 0.1]})
    ax = figures.randomisation_curves({"gradient": table, "RISE": table})
    assert [text.get_text() for text in ax.get_legend().texts] == ["gradient", "RISE"]
