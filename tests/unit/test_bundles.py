import shutil

import h5py
import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.networks import model_files
from imagecourse.networks.architectures import photo_cnn
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.saving import Card, round_to_half, save_bundle

CARD = Card("test", "none", "free", "by hand", 0, {})
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)


@pytest.fixture
def copy(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "copy")


def nested_model() -> keras.Model:
    layers = [
        keras.layers.RandomFlip(seed=1),
        keras.layers.Conv2D(64, 3),
        keras.layers.Conv2D(64, 3),
        keras.layers.BatchNormalization(),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dropout(0.5, seed=1),
        keras.layers.Dense(2, activation="softmax"),
    ]
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, keras.Sequential([keras.Input((32, 32, 3)), *layers])(inputs))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def test_a_nested_trained_model_comes_back_in_half_the_space(tmp_path):
    model = nested_model()
    round_to_half(model)
    tables = pd.DataFrame({"epoch": [1], "loss": [0.5]}), pd.DataFrame({"file": ["1"], "truth": ["1"], "1": [0.25]})
    save_bundle(tmp_path / "half", model, ["1", "None"], CARD, *tables)
    save_bundle(tmp_path / "full", model, ["1", "None"], CARD, *tables, half_precision=False)
    bundle = load_bundle(tmp_path / "half")
    np.testing.assert_array_equal(bundle.model.predict_on_batch(IMAGES), model.predict_on_batch(IMAGES))
    assert {weights.dtype for weights in bundle.model.weights} == {"float32"}
    assert bundle.labels == bundle.card["classes"] == ["1", "None"] and bundle.card["task"] == "test"
    pd.testing.assert_frame_equal(bundle.history, tables[0])
    pd.testing.assert_frame_equal(bundle.predictions, tables[1])
    sizes = [(tmp_path / name / "model.weights.h5").stat().st_size for name in ("half", "full")]
    assert sizes[0] < 0.6 * sizes[1]
    with h5py.File(tmp_path / "full/model.weights.h5") as file:
        assert "optimizer" not in file
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "half"]


def test_values_that_half_precision_cannot_hold_stay_whole(tmp_path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(inputs))
    model.set_weights([np.array([[1e6, 0.1], [0, 1]], np.float32), np.array([1e-9, 7e4], np.float32)])
    save_bundle(tmp_path / "big", model, ["a", "b"], CARD, pd.DataFrame(), pd.DataFrame())
    for loaded, saved in zip(load_bundle(tmp_path / "big").model.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(loaded, saved)


def test_the_card_says_how_it_was_made(tiny_bundle):
    bundle = load_bundle(tiny_bundle)
    card = bundle.card
    assert (card["task"], card["input_size"], card["classes"]) == ("photo", [32, 32, 3], ["dark", "light"])
    assert card["training_command"] == "imagecourse train photo --data shades --output models/tiny"
    assert card["metrics"]["split"] == "test"
    assert card["metrics"]["images"] == len(bundle.predictions)
    right = bundle.predictions["truth"] == bundle.predictions["prediction"]
    assert card["metrics"]["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert list(bundle.predictions) == ["file", "truth", "prediction", "dark", "light"]


def test_names_are_looked_up_in_models(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(model_files, "_model_folders", lambda: [tmp_path / "models"])
    with pytest.raises(FileNotFoundError, match=r"photo-filter: no such model .* none yet"):
        model_files.default_model()
    shutil.copytree(tiny_bundle, tmp_path / "models/one")
    assert load_bundle("one").labels == ["dark", "light"]
    assert model_files.default_model() == "one"
    shutil.copytree(tiny_bundle, tmp_path / "models/two")
    with pytest.raises(ValueError, match="one, two"):
        model_files.default_model()
    shutil.copytree(tiny_bundle, tmp_path / "models/photo-filter")
    assert model_files.default_model() == "photo-filter"
    with pytest.raises(FileNotFoundError, match=r"three: .*models here: one, photo-filter, two"):
        load_bundle("three")


def test_a_keras_file_and_the_older_trio_load(tiny_bundle, tmp_path):
    bundle = load_bundle(tiny_bundle)
    expected = bundle.model.predict_on_batch(IMAGES)
    bundle.model.save(tmp_path / "net.keras")
    shutil.copy(tiny_bundle / "labels.txt", tmp_path)
    trio = tmp_path / "trio"
    trio.mkdir()
    (trio / "architecture.json").write_text(bundle.model.to_json())
    bundle.model.save_weights(trio / "best_epoch.weights.h5")
    shutil.copy(tiny_bundle / "labels.txt", trio)
    for path in (tmp_path / "net.keras", trio):
        loaded = load_bundle(path)
        assert (loaded.labels, loaded.card) == (["dark", "light"], {})
        np.testing.assert_allclose(loaded.model.predict_on_batch(IMAGES), expected, rtol=1e-5)


def test_models_that_carry_code_are_refused(tmp_path):
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Lambda(lambda x: x + 1)(inputs))
    with pytest.raises(ValueError, match="holds a Lambda, which runs code"):
        save_bundle(tmp_path / "new", model, ["a", "b"], CARD, pd.DataFrame(), pd.DataFrame())
    model.save(tmp_path / "net.keras")
    (tmp_path / "labels.txt").write_text("a\nb\n")
    (tmp_path / "architecture.json").write_text(model.to_json())
    for path in (tmp_path, tmp_path / "net.keras"):
        with pytest.raises(ValueError, match="holds a Lambda, which runs code"):
            load_bundle(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("labels.txt", None, "labels.txt: no such file"),
        ("labels.txt", b"dark\n", "1 labels for 2 outputs"),
        ("labels.txt", b"dark\nlight\nthird\n", "3 labels for 2 outputs"),
        ("labels.txt", b"dark\ndark\n", "'dark' stands there twice"),
        ("labels.txt", b"dark\n\n", "for 2 outputs"),
        ("labels.txt", b"dark\nerror\n", "'error' is the name of another column"),
        ("labels.txt", b"dark\n../light\n", "'../light' cannot name a folder"),
        ("labels.txt", b"\xff\xfe\x00", "not UTF-8 text"),
        ("model.weights.h5", None, "model.weights.h5: no such file"),
        ("model.weights.h5", b"nothing", "model.weights.h5: damaged"),
        ("architecture.json", None, "architecture.json: no such file"),
        ("architecture.json", b"{", "architecture.json: not JSON"),
        ("architecture.json", b"[]", "architecture.json: holds no JSON object"),
        ("architecture.json", b'{"class_name": "os.system"}', "architecture.json: describes no Keras model"),
        ("card.json", b"{", "card.json: not JSON"),
    ],
)
def test_a_damaged_folder_is_told_in_one_line(copy, name, content, message):
    if content is None:
        (copy / name).unlink()
    else:
        (copy / name).write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_bundle(copy)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(copy):
    photo_cnn(3, 32).save_weights(copy / "model.weights.h5")
    with pytest.raises(ValueError, match="of another network") as caught:
        load_bundle(copy)
    assert "\n" not in str(caught.value)


def test_a_folder_of_something_else_is_not_replaced(tiny_bundle, tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    model = load_bundle(tiny_bundle).model
    with pytest.raises(ValueError, match="is no model folder"):
        save_bundle(tmp_path, model, ["a", "b"], CARD, pd.DataFrame(), pd.DataFrame())
    assert (tmp_path / "thesis.txt").exists()
