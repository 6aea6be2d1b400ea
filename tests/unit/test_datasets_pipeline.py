from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import label_indicators, label_indices, make_pipeline
from imagecourse.images import read_square_image, write_image


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Nine files of different shapes, number n filled with the value 20 n."""
    files = []
    for number in range(9):
        path = tmp_path / f"é {number}.{'png' if number % 2 else 'jpg'}"
        write_image(path, np.full((6 + number, 12, 3), 20 * number, np.uint8))
        files.append(str(path))
    return pd.DataFrame({"file": files, "label": list("abcabcabc")})


def values(pipeline) -> list[int]:
    return [int(image.mean() / 20 + 0.5) for batch in pipeline for image in np.asarray(batch)]


def test_a_picture_is_squeezed_to_a_square_with_antialiasing(tmp_path):
    stripes = np.zeros((16, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    write_image(tmp_path / "stripes.png", stripes)
    image = read_square_image(tmp_path / "stripes.png", 8)
    assert image.shape == (8, 8, 3)
    assert image.dtype == np.float32
    np.testing.assert_allclose(image, 127.5, atol=8)


def test_batches_hold_the_pixels_of_the_files_in_order(table):
    targets = label_indices(table["label"], ["a", "b", "c"])
    batches = list(make_pipeline(table, 10, 4, targets))
    assert [tuple(images.shape) for images, _ in batches] == [(4, 10, 10, 3), (4, 10, 10, 3), (1, 10, 10, 3)]
    images = np.concatenate([images for images, _ in batches])
    assert images.dtype == np.float32
    np.testing.assert_array_equal(images, [read_square_image(file, 10) for file in table["file"]])
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in batches]), [0, 1, 2] * 3)


def test_the_shape_is_known_before_any_file_is_read(table):
    spec = make_pipeline(table, 10, 4).element_spec
    assert spec.shape.as_list() == [None, 10, 10, 3]


def test_a_seed_gives_the_same_new_order_each_epoch(table):
    first, second = make_pipeline(table, 8, 4, shuffle_seed=1), make_pipeline(table, 8, 4, shuffle_seed=1)
    epochs = [values(first), values(first)]
    assert epochs == [values(second), values(second)]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(9))
    assert epochs[0] != epochs[1]
    assert values(make_pipeline(table, 8, 4, shuffle_seed=2)) != epochs[0]
    assert values(make_pipeline(table, 8, 4)) == list(range(9))


def test_several_outputs_and_augmentation(table):
    targets = {"age": np.arange(9, dtype=np.float32), "gender": np.arange(9, dtype=np.float32) % 2}
    (images, answers), *_ = make_pipeline(table, 8, 9, targets, shuffle_seed=3, augment=lambda images: 255 - images)
    np.testing.assert_array_equal(answers["age"] % 2, answers["gender"])
    np.testing.assert_allclose(np.mean(images, axis=(1, 2, 3)), 255 - 20 * np.asarray(answers["age"]), atol=1)
    inverted, *_ = make_pipeline(table, 8, 9, augment=lambda images: 255 - images)
    assert inverted.shape == (9, 8, 8, 3)


def test_labels_become_numbers():
    classes = ["fire", "grass", "water"]
    np.testing.assert_array_equal(label_indices(["water", "fire"], classes), [2, 0])
    indicators = label_indicators([["fire", "water"], [], ["grass"]], classes)
    np.testing.assert_array_equal(indicators, [[1, 0, 1], [0, 0, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="labels ghost are not among the classes fire, grass, water"):
        label_indices(["ghost"], classes)


def test_a_damaged_file_is_named(table):
    Path(table["file"][5]).write_bytes(b"not an image")
    with pytest.raises(Exception, match=r"é 5\.png: not an image"):
        values(make_pipeline(table, 8, 4))


def test_wrong_tables_are_refused(table):
    with pytest.raises(ValueError, match="no rows"):
        make_pipeline(table[:0], 8, 4)
    with pytest.raises(ValueError, match="3 targets for 9 images"):
        make_pipeline(table, 8, 4, np.arange(3))


def test_a_network_trains_on_it(table):
    import keras

    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(3, activation="softmax")(
        keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    )
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy")
    pipeline = make_pipeline(table, 8, 4, label_indices(table["label"], list("abc")), shuffle_seed=0)
    losses = model.fit(pipeline, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
