import keras
import numpy as np
import pytest

from imagecourse.networks.architectures import photo_cnn, separable_resnet, summary_table

BUILDERS = [photo_cnn, separable_resnet]


def random_images(count: int, side: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, side, side, 3)).astype("float32")


def test_photo_cnn_has_the_layers_of_the_lesson_in_order():
    table = summary_table(photo_cnn(6))
    convolutions = [("Conv2D", "200 × 200 × 16"), ("MaxPooling2D", "100 × 100 × 16")]
    convolutions += [("Conv2D", "100 × 100 × 32"), ("MaxPooling2D", "50 × 50 × 32")]
    convolutions += [("Conv2D", "50 × 50 × 64"), ("MaxPooling2D", "25 × 25 × 64")]
    decision = [("Dense", "25 × 25 × 128"), ("GlobalAveragePooling2D", "128"), ("Dropout", "128"), ("Dense", "6")]
    found = list(zip(table["type"], table["output_shape"], strict=True))
    assert found[2:] == convolutions + decision
    by_hand = [3 * 9 * 16 + 16, 16 * 9 * 32 + 32, 32 * 9 * 64 + 64, 64 * 128 + 128, 128 * 6 + 6]
    assert [count for count in table["parameters"] if count] == by_hand


def test_separable_resnet_halves_and_widens_with_projected_shortcuts():
    table = summary_table(separable_resnet(3, image_size=64)).set_index("layer")
    sums = table[table["type"] == "Add"]["output_shape"]
    assert list(sums) == ["16 × 16 × 128", "8 × 8 × 256", "4 × 4 × 512", "2 × 2 × 728"]
    assert table.loc["block2_shortcut", "parameters"] == 128 * 256 + 256
    assert table.loc["exit_conv", "output_shape"] == "2 × 2 × 1024"


def test_summary_counts_every_parameter_of_a_nested_model_once():
    inner = photo_cnn(2, image_size=32)
    inputs = keras.Input((32, 32, 3), name="image")
    outer = keras.Model(inputs, keras.layers.Dense(4, name="head")(inner(inputs)))
    table = summary_table(outer)
    assert list(table["layer"]) == ["image", "photo_cnn", "head"]
    assert table["parameters"].sum() == outer.count_params() == inner.count_params() + 2 * 4 + 4


@pytest.mark.parametrize("build", BUILDERS)
def test_survives_json_and_weights_file(build, tmp_path):
    model = build(3, image_size=32, seed=1)
    images = random_images(2, 32)
    model.save_weights(tmp_path / "model.weights.h5")
    again = keras.models.model_from_json(model.to_json())
    again.load_weights(tmp_path / "model.weights.h5")
    assert "Lambda" not in model.to_json()
    np.testing.assert_array_equal(again(images), model(images))


@pytest.mark.parametrize("build", BUILDERS)
def test_gives_probabilities_for_bytes_of_any_brightness(build):
    softmax = np.array(build(3, image_size=32)(random_images(4, 32)))
    assert softmax.shape == (4, 3)
    np.testing.assert_allclose(softmax.sum(axis=1), 1, atol=1e-5)
    sigmoid = np.array(build(1, image_size=32, activation="sigmoid")(random_images(4, 32)))
    assert sigmoid.shape == (4, 1)
    assert ((sigmoid > 0) & (sigmoid < 1)).all()


@pytest.mark.parametrize("build", BUILDERS)
def test_randomness_in_training_follows_the_seed(build):
    images = random_images(4, 32)

    def answers(seed: int, training: bool) -> np.ndarray:
        keras.utils.set_random_seed(0)  # the same first weights each time
        return keras.ops.convert_to_numpy(build(3, image_size=32, dropout=0.5, seed=seed)(images, training=training))

    np.testing.assert_array_equal(answers(7, training=False), answers(8, training=False))
    np.testing.assert_array_equal(answers(7, training=True), answers(7, training=True))
    assert not np.array_equal(answers(7, training=True), answers(8, training=True))


def test_photo_cnn_learns_to_tell_red_from_blue():
    keras.utils.set_random_seed(3)
    images = random_images(32, 16) * 0.3
    labels = np.arange(32) % 2
    images[labels == 0, :, :, 0] += 150
    images[labels == 1, :, :, 2] += 150
    model = photo_cnn(2, image_size=16, dropout=0.1, seed=3)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, epochs=12, batch_size=16, verbose=0)
    assert model.evaluate(images, labels, verbose=0)[1] == 1


def test_l2_adds_a_penalty_and_zero_dropout_no_layer():
    assert photo_cnn(2, image_size=16).losses == []
    assert len(photo_cnn(2, image_size=16, l2=0.01).losses) == 4
    assert "Dropout" not in set(summary_table(photo_cnn(2, dropout=0))["type"])


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"classes": 1}, "classes: 1 is too few for softmax"),
        ({"classes": 0, "activation": "sigmoid"}, "classes: 0 is too few for sigmoid"),
        ({"classes": 3, "image_size": 4}, "image_size: 4 is too small"),
        ({"classes": 3, "dropout": 1.0}, "dropout: 1.0 is out of range"),
        ({"classes": 3, "activation": "tanh"}, "use 'softmax' or 'sigmoid'"),
    ],
)
def test_refuses_what_makes_no_network(build, options, message):
    with pytest.raises(ValueError, match=message):
        build(**options)
