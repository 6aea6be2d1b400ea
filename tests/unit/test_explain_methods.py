import keras
import numpy as np
import pytest
from keras import layers

from imagecourse import explain


def noise(count: int, size: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def linear_model(size: int = 6) -> tuple[keras.Model, np.ndarray]:
    """Two scores, each a weighted sum of all pixels; the weights as (classes, size, size, 3)."""
    model = keras.Sequential([keras.Input((size, size, 3)), layers.Flatten(), layers.Dense(2)])
    weights = np.random.default_rng(2).normal(size=(2, size, size, 3)).astype(np.float32)
    model.set_weights([weights.reshape(2, -1).T, np.array([1.0, -2.0], np.float32)])
    return model, weights


def detector(size: int = 12, row: int = 3, column: int = 8, activation: str | None = None) -> keras.Model:
    """One score: the brightness of a single pixel."""
    model = keras.Sequential([keras.Input((size, size, 3)), layers.Flatten(), layers.Dense(1, activation=activation)])
    kernel = np.zeros((size, size, 3, 1), np.float32)
    kernel[row, column] = 1 / 3 / 255
    model.set_weights([kernel.reshape(-1, 1), np.zeros(1, np.float32)])
    return model


def bright_pixel(size: int = 12, row: int = 3, column: int = 8) -> np.ndarray:
    image = np.full((1, size, size, 3), 20, np.float32)
    image[0, row, column] = 255
    return image


def test_gradients_of_a_linear_model_are_its_weights():
    model, weights = linear_model()
    images = noise(2, 6)
    result = explain.vanilla_gradient(model, images, [1, 0])
    np.testing.assert_allclose(result.raw, weights[[1, 0]], rtol=1e-5)
    largest = np.abs(weights[1]).max(axis=-1)
    np.testing.assert_allclose(result.maps[0], largest / largest.max(), rtol=1e-5)
    np.testing.assert_allclose(explain.smoothgrad(model, images, 1, samples=3).raw[0], weights[1], rtol=1e-4)
    centred = images - images.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(
        explain.gradient_times_input(model, images, 0).raw, weights[0] * centred, rtol=1e-4, atol=1e-3
    )
    black = explain.integrated_gradients(model, images, 0, steps=4, baseline=0.0).raw
    np.testing.assert_allclose(black, weights[0] * images, rtol=1e-4, atol=1e-3)


def test_integrated_gradients_add_up_to_one_per_cent():
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 64, offset=-2),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    images = noise(4, 16)
    raw = explain.integrated_gradients(model, images, 1, steps=96).raw
    errors = explain.completeness_error(model, images, 1, raw)
    assert errors.max() < 0.01
    assert explain.completeness_error(model, images, 1, 1.5 * raw).min() > 0.4
    one = explain.integrated_gradients(model, images, 1, steps=1).raw
    assert explain.completeness_error(model, images, 1, one).max() > errors.max()


def relu_chain(weights: list[float]) -> keras.Model:
    """A pixel (the red one), times a weight, through a ReLU, and so on: each layer one unit."""
    inputs = keras.Input((1, 1, 3))
    x = layers.Flatten()(inputs)
    first = layers.Dense(2, activation="relu", use_bias=False)
    second = layers.Dense(1, use_bias=False)
    model = keras.Model(inputs, second(layers.ReLU()(first(x))))
    kernel = np.zeros((3, 2), np.float32)
    kernel[0] = weights[:2]
    model.set_weights([kernel, np.array(weights[2:], np.float32).reshape(2, 1)])
    return model


@pytest.mark.parametrize(
    ("weights", "plain", "guided"),
    [
        ([2, 3, 5, 7], 2 * 5 + 3 * 7, 2 * 5 + 3 * 7),  # all positive: the same
        ([2, 3, 5, -7], 2 * 5 - 3 * 7, 2 * 5),  # a negative way back is cut at the rectifier
        ([-2, 3, 5, 7], 3 * 7, 3 * 7),  # a unit that is off passes nothing either way
        ([2, 3, -5, -7], -2 * 5 - 3 * 7, 0),
    ],
)
def test_guided_backpropagation_of_a_net_worked_out_by_hand(weights, plain, guided):
    model, image = relu_chain(weights), np.full((1, 1, 1, 3), 4, np.float32)
    assert explain.vanilla_gradient(model, image, 0).raw[0, 0, 0, 0] == pytest.approx(plain)
    assert explain.guided_backpropagation(model, image, 0).raw[0, 0, 0, 0] == pytest.approx(guided)
    assert explain.vanilla_gradient(model, image, 0).raw[0, 0, 0, 0] == pytest.approx(plain)


def colour_model(weights: tuple[float, float]) -> keras.Model:
    """Two feature maps, red and green, as they are; their means weighted into a score."""
    inputs = keras.Input((8, 8, 3))
    maps = layers.Conv2D(2, 1, use_bias=False, name="colours")(inputs)
    model = keras.Model(inputs, layers.Dense(1)(layers.GlobalAveragePooling2D()(maps)))
    kernel = np.zeros((1, 1, 3, 2), np.float32)
    kernel[0, 0, 0, 0] = kernel[0, 0, 1, 1] = 1
    model.set_weights([kernel, np.array(weights, np.float32).reshape(2, 1), np.zeros(1, np.float32)])
    return model


def red_and_green() -> np.ndarray:
    images = np.zeros((1, 8, 8, 3), np.float32)
    images[0, 1:3, 1:3, 0] = 100
    images[0, 5:7, 4:8, 1] = 100
    return images


def test_grad_cam_of_a_network_built_by_hand():
    images = red_and_green()
    result = explain.grad_cam(colour_model((3, -2)), images, 0)
    np.testing.assert_allclose(result.raw, (3 * images[..., 0] - 2 * images[..., 1]) / 64, rtol=1e-5)
    np.testing.assert_allclose(result.maps[0], images[0, ..., 0] / 100, atol=1e-6)
    blocks = explain.saliency_by_block(colour_model((3, -2)), images, 0)
    np.testing.assert_allclose(blocks["colours"].raw, result.raw, rtol=1e-5)


def uneven_model(slopes: np.ndarray) -> keras.Model:
    """The picture's red and green as two feature maps, and scores with a weight for each of their positions.

    slopes: (classes, rows, columns, 2), so the gradients of the scores with respect to the maps.
    """
    classes, rows, columns, _ = slopes.shape
    inputs = keras.Input((rows, columns, 3))
    maps = layers.Conv2D(2, 1, use_bias=False, name="colours")(inputs)
    model = keras.Model(inputs, layers.Dense(classes, use_bias=False)(layers.Flatten()(maps)))
    model.set_weights([np.eye(3, 2, dtype=np.float32)[None, None], slopes.reshape(classes, -1).T])
    return model


def test_grad_cam_weighs_each_map_by_its_gradient_averaged_over_rows_and_columns():
    slopes = np.random.default_rng(4).normal(size=(2, 3, 5, 2)).astype(np.float32)
    images, classes = np.random.default_rng(5).uniform(0, 255, (2, 3, 5, 3)).astype(np.float32), [1, 0]
    expected = [
        (image[..., :2] * slopes[number].mean(axis=(0, 1))).sum(axis=-1)
        for image, number in zip(images, classes, strict=True)
    ]
    result = explain.grad_cam(uneven_model(slopes), images, classes)
    np.testing.assert_allclose(result.raw, expected, rtol=1e-4, atol=1e-3)


def test_grad_cam_plus_plus_sums_over_rows_and_columns():
    slopes = np.random.default_rng(4).normal(size=(1, 3, 5, 2)).astype(np.float32)
    image = np.random.default_rng(5).uniform(0, 255, (3, 5, 3)).astype(np.float32)
    maps, slope = image[..., :2], slopes[0]
    shares = slope**2 / (2 * slope**2 + maps.sum(axis=(0, 1)) * slope**3)
    weights = (shares * np.maximum(slope, 0)).sum(axis=(0, 1))
    result = explain.grad_cam_plus_plus(uneven_model(slopes), image[None], 0)
    np.testing.assert_allclose(result.raw[0], maps @ weights, rtol=1e-4)


def test_grad_cam_plus_plus_gives_small_and_large_things_the_same_height():
    images = red_and_green()
    result = explain.grad_cam_plus_plus(colour_model((3, 3)), images, 0)
    slope, sums = 3 / 64, images[0].sum(axis=(0, 1))[:2]
    weights = 64 * slope * slope**2 / (2 * slope**2 + sums * slope**3)
    np.testing.assert_allclose(result.raw[0], (images[0, ..., :2] * weights).sum(axis=-1), rtol=1e-4)
    negative = explain.grad_cam_plus_plus(colour_model((3, -2)), images, 0)
    np.testing.assert_allclose(negative.maps[0], images[0, ..., 0] / 100, atol=1e-6)


def test_score_cam_keeps_the_map_that_keeps_the_score():
    result = explain.score_cam(colour_model((3, -2)), red_and_green(), 0)
    assert result.maps[0, 1:3, 1:3].min() > 0.99
    assert result.maps[0, 5:7, 4:8].max() < 0.5
    assert (result.raw >= 0).all()


def test_occlusion_of_a_detector_of_one_pixel():
    model, image = detector(), bright_pixel()
    exact = explain.occlusion(model, image, 0, patch=1, stride=1)
    expected = np.zeros((12, 12))
    expected[3, 8] = 1
    np.testing.assert_allclose(exact.maps[0], expected, atol=1e-6)
    assert exact.raw[0, 3, 8] == pytest.approx((255 - image.mean()) / 255, rel=1e-4)
    coarse = explain.occlusion(model, image, 0, patch=5, stride=2)
    row, column = np.unravel_index(coarse.maps[0].argmax(), (12, 12))
    assert abs(row - 3) <= 4 and abs(column - 8) <= 4
    assert coarse.maps[0, 3, 8] == 1
    assert coarse.maps[0, 8:, :4].max() == 0


def test_rise_finds_the_pixel_and_repeats_with_its_seed():
    model, image = detector(activation="sigmoid"), bright_pixel()
    result = explain.rise(model, image, 1, masks=300, cells=6, seed=5)
    row, column = np.unravel_index(result.maps[0].argmax(), (12, 12))
    assert abs(row - 3) <= 1 and abs(column - 8) <= 1
    assert result.raw.min() > 0.5 and result.raw.max() < 0.74
    again = explain.rise(model, image, 1, masks=300, cells=6, seed=5)
    np.testing.assert_array_equal(result.maps, again.maps)
    assert not np.array_equal(result.maps, explain.rise(model, image, 1, masks=300, cells=6, seed=6).maps)


def test_baselines_know_only_the_picture():
    image = np.zeros((1, 9, 11, 3), np.uint8)
    image[:, :, 6:] = 200
    blob = explain.centre_blob(image).maps[0]
    assert np.unravel_index(blob.argmax(), blob.shape) == (4, 5)
    edges = explain.edge_detector(image)
    assert set(np.flatnonzero(edges.maps[0].min(axis=0))) == {5, 6}
    assert edges.raw.max() == pytest.approx(100)
    np.testing.assert_array_equal(explain.random_map(image, 1).maps, explain.random_map(image, 1).maps)
