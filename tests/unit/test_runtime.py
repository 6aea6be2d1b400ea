"""Networks in ONNX Runtime: the same answers, exported once, and Keras where that fails."""

import subprocess
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from keras import layers

from imagecourse.cli import main
from imagecourse.networks import features, runtime
from imagecourse.networks.answering import BY_NAME, ONE, SEVERAL
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.predict import predict_files
from imagecourse.networks.saving import Card, save_bundle

CARD = Card("test", "sample", "none", "none", 0, {})


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))


def network(kind: str, seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(4, 3, strides=2, activation="relu")(layers.Rescaling(1 / 255)(inputs))
    x = layers.GlobalAveragePooling2D()(layers.BatchNormalization()(x))
    outputs = {
        ONE: lambda: layers.Dense(3, activation="softmax")(x),
        SEVERAL: lambda: layers.Dense(3, activation="sigmoid")(x),
        BY_NAME: lambda: {"size": layers.Dense(1, name="size")(x), "age": layers.Dense(1, name="age")(x)},
        "one of two": lambda: layers.Dense(1, activation="sigmoid")(x),
    }[kind]()
    return keras.Model(inputs, outputs, name="small")


LABELS = {ONE: ["a", "b", "c"], SEVERAL: ["a", "b", "c"], BY_NAME: ["size", "age"], "one of two": ["a", "b"]}


def saved(folder, kind: str, seed: int = 1):
    empty = pd.DataFrame({"epoch": [1]})
    return save_bundle(folder, network(kind, seed), LABELS[kind], CARD, empty, empty)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(5):
        picture = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        keras.utils.save_img(folder / f"{number}.png", picture, scale=False)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("kind", LABELS)
def test_both_runtimes_give_the_same_table(tmp_path, pictures, kind):
    folder = saved(tmp_path / "model", kind)
    tables = []
    for name in ("keras", "onnx", "onnx"):  # exported, then read from the cache
        bundle = runtime.load_for(folder, name)
        assert isinstance(bundle.model, runtime.OnnxNetwork) == (name == "onnx")
        tables.append(pd.concat(predict_files(bundle, pictures)))
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0], atol=1e-5)


def test_an_exported_model_needs_neither_keras_nor_tensorflow(tmp_path, pictures):
    folder = saved(tmp_path / "model", ONE)
    runtime.load_for(folder)
    code = (
        "import sys; from imagecourse.cli import main\n"
        f"assert main(['predict', '-i', {str(pictures[0])!r}, '-m', {str(folder)!r}]) == 0\n"
        "print({'keras', 'tensorflow', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


def test_changed_weights_are_exported_again(tmp_path, pictures):
    folder = saved(tmp_path / "model", ONE)
    first = runtime.exported_path(folder)
    old = pd.concat(predict_files(runtime.load_for(folder), pictures))
    saved(folder, ONE, seed=2)
    new = pd.concat(predict_files(runtime.load_for(folder), pictures))
    assert runtime.exported_path(folder) != first
    assert not np.allclose(old["a"], new["a"], atol=1e-3)
    np.testing.assert_allclose(new["a"], pd.concat(predict_files(load_bundle(folder), pictures))["a"], atol=1e-5)


def test_other_answers_are_not_used(tmp_path, pictures, monkeypatch, capsys):
    """An export that went wrong is noticed: Keras answers, and a line says so; it is an error where ONNX is wanted."""
    folder, other, write = saved(tmp_path / "model", ONE), network(ONE, seed=3), runtime.write_onnx
    other.predict_on_batch(np.zeros((1, 16, 16, 3)))  # Keras exports what has been called
    monkeypatch.setattr(runtime, "write_onnx", lambda model, path: write(other, path))
    bundle = runtime.load_for(folder, "auto")
    assert isinstance(bundle.model, keras.Model)
    assert "model runs in Keras, not in ONNX Runtime (exported, small answers otherwise, by" in capsys.readouterr().err
    assert main(["predict", "-i", str(pictures[0]), "-m", str(folder), "--runtime", "onnx"]) == 2
    assert not list((tmp_path / "cache" / "exported").iterdir())


def test_a_damaged_export_is_made_again(tmp_path):
    folder = saved(tmp_path / "model", ONE)
    runtime.load_for(folder)
    exported = runtime.exported_path(folder)
    exported.write_bytes(b"no network")
    runtime.load_for(folder, "onnx")
    assert runtime.OnnxNetwork(exported).output_shape == (None, 3)


def test_many_features_come_from_the_exported_network(tmp_path, pictures, monkeypatch):
    model = network(ONE)
    slow = features.cached_features(model, pictures, cache_dir=tmp_path / "slow")
    monkeypatch.setattr(features, "MANY", 2)
    asked = []
    monkeypatch.setattr(model, "predict_on_batch", lambda batch: asked.append(len(batch)) or model(batch))
    quick = features.cached_features(model, pictures, cache_dir=tmp_path / "quick")
    assert asked == [8]  # for the comparison alone
    np.testing.assert_allclose(quick, slow, atol=1e-5)
