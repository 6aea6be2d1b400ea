"""Models as other programs wrote them, and model folders that somebody damaged."""

import json
import shutil
import zipfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers

from imagecourse.cli import main
from imagecourse.networks.bundles import is_multi_label, load_bundle
from imagecourse.networks.model_files import ModelError, ModelWarning

LABELS = ["cat", "dog", "hen"]
IMAGES = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)


def network(outputs: int = 3, activation: str | None = "softmax") -> keras.Model:
    keras.utils.set_random_seed(1)
    parts = [
        layers.Input((32, 32, 3), name="image"),
        layers.Rescaling(1 / 255, name="scale"),
        layers.Conv2D(4, 3, activation="relu", name="look"),
        layers.BatchNormalization(name="even"),
        layers.GlobalAveragePooling2D(name="mean"),
        layers.Dense(outputs, activation=activation, name="answer"),
    ]
    return keras.Sequential(parts)


def write(folder: Path, model: keras.Model, labels: list[str] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "architecture.json").write_text(model.to_json())
    model.save_weights(folder / "model.weights.h5")
    (folder / "labels.txt").write_text("\n".join(labels or LABELS) + "\n")
    return folder


def older_layer(kind: str, name: str, **settings) -> dict:
    return {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32"} | settings}


def older_description() -> dict:
    """`network` in the words of Keras 2.4: no module, the input's shape in the first layer, axes as lists."""
    chain = [
        older_layer("Rescaling", "scale", batch_input_shape=[None, 32, 32, 3], scale=1 / 255, offset=0.0),
        older_layer("Conv2D", "look", filters=4, kernel_size=[3, 3], activation="relu", groups=1),
        older_layer("BatchNormalization", "even", axis=[3], momentum=0.99, epsilon=0.001),
        older_layer("GlobalAveragePooling2D", "mean", data_format="channels_last"),
        older_layer("Dense", "answer", units=3, activation="softmax"),
    ]
    config = {"name": "sequential", "layers": chain}
    return {"class_name": "Sequential", "config": config, "keras_version": "2.4.0", "backend": "tensorflow"}


def older_weights(group: h5py.Group, model: keras.Model) -> None:
    """The weights as Keras 2 lays them out: a group for each layer, whose attributes say the order."""
    names = [layer.name for layer in model.layers]
    group.attrs["layer_names"] = [name.encode() for name in names]
    group.attrs["keras_version"], group.attrs["backend"] = b"2.4.0", b"tensorflow"
    for layer in model.layers:
        weights = [*layer.trainable_weights, *layer.non_trainable_weights]
        own = group.create_group(layer.name)
        own.attrs["weight_names"] = [f"{layer.name}/{weight.name}:0".encode() for weight in weights]
        for weight in weights:
            own[f"{layer.name}/{weight.name}:0"] = np.asarray(weight)


@pytest.mark.parametrize("name", ["poids.h5", "weights.h5", "best.hdf5", "model.weights.h5"])
@pytest.mark.parametrize("older", [False, True])
def test_weights_of_older_courses_load_under_any_name(tmp_path, name, older):
    model = network()
    folder = write(tmp_path / "model", model)
    (folder / "model.weights.h5").rename(folder / name)
    if older:
        (folder / "architecture.json").write_text(json.dumps(older_description()))
        with h5py.File(folder / name, "w") as file:
            older_weights(file, model)
    loaded = load_bundle(folder).model.predict_on_batch(IMAGES)
    np.testing.assert_array_equal(loaded, model.predict_on_batch(IMAGES))


def test_a_file_of_teachable_machine_loads_with_its_numbered_labels(tmp_path):
    model = network()
    with h5py.File(tmp_path / "keras_model.h5", "w") as file:
        file.attrs["model_config"] = json.dumps(older_description())
        older_weights(file.create_group("model_weights"), model)
    (tmp_path / "labels.txt").write_bytes(b"0 cat\r\n1 big dog\r\n2 hen\r\n")
    for path in (tmp_path, tmp_path / "keras_model.h5"):
        bundle = load_bundle(path)
        assert bundle.labels == ["cat", "big dog", "hen"]
        np.testing.assert_array_equal(bundle.model.predict_on_batch(IMAGES), model.predict_on_batch(IMAGES))


def test_older_nested_networks_keep_their_wiring(tmp_path):
    """Arithmetic that Keras 2 wrote as calls into TensorFlow, and a nested model, whose calls it counts from one."""
    inputs = older_layer("InputLayer", "image", batch_input_shape=[None, 32, 32, 3], ragged=False, sparse=False)
    inner = [
        older_layer("InputLayer", "inner_image", batch_input_shape=[None, 32, 32, 3])
        | {"name": "inner_image", "inbound_nodes": []},
        older_layer("DepthwiseConv2D", "look", kernel_size=[3, 3], groups=1)
        | {"name": "look", "inbound_nodes": [[["inner_image", 0, 0, {}]]]},
    ]
    ends = {"input_layers": [["inner_image", 0, 0]], "output_layers": [["look", 0, 0]]}
    chain = [
        inputs | {"name": "image", "inbound_nodes": []},
        older_layer("TFOpLambda", "tf.math.truediv", function="math.truediv")
        | {"name": "tf.math.truediv", "inbound_nodes": [["image", 0, 0, {"y": 127.5, "name": None}]]},
        older_layer("TFOpLambda", "tf.math.subtract", function="math.subtract")
        | {"name": "tf.math.subtract", "inbound_nodes": [["tf.math.truediv", 0, 0, {"y": 1.0, "name": None}]]},
        {"class_name": "Functional", "config": {"name": "inner", "layers": inner} | ends}
        | {"name": "inner", "inbound_nodes": [[["tf.math.subtract", 0, 0, {"training": False}]]]},
        older_layer("GlobalAveragePooling2D", "mean") | {"name": "mean", "inbound_nodes": [[["inner", 1, 0, {}]]]},
        older_layer("Activation", "answer", activation="softmax")
        | {"name": "answer", "inbound_nodes": [[["mean", 0, 0, {}]]]},
    ]
    ends = {"input_layers": [["image", 0, 0]], "output_layers": [["answer", 0, 0]]}
    whole = {"class_name": "Model", "config": {"name": "model", "layers": chain} | ends, "keras_version": "2.4.0"}
    kernel, bias = np.random.default_rng(1).normal(size=(3, 3, 3, 1)).astype(np.float32), np.ones(3, np.float32)
    (tmp_path / "architecture.json").write_text(json.dumps(whole))
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    image = keras.Input((32, 32, 3))
    x = layers.DepthwiseConv2D(3)(image / 127.5 - 1)
    model = keras.Model(image, layers.Softmax()(layers.GlobalAveragePooling2D()(x)))
    model.set_weights([kernel, bias])
    with h5py.File(tmp_path / "poids.h5", "w") as file:
        file.attrs["layer_names"] = [b"inner"]
        own = file.create_group("inner")
        own.attrs["weight_names"] = [b"look/depthwise_kernel:0", b"look/bias:0"]
        own["look/depthwise_kernel:0"], own["look/bias:0"] = kernel, bias
    loaded = load_bundle(tmp_path).model.predict_on_batch(IMAGES)
    np.testing.assert_allclose(loaded, model.predict_on_batch(IMAGES), atol=1e-6)


@pytest.mark.parametrize(("outputs", "added"), [(3, "softmax"), (1, "sigmoid")])
def test_logits_become_probabilities_and_a_sentence_says_so(tmp_path, outputs, added):
    folder = write(tmp_path / "model", network(outputs, None), LABELS[: max(outputs, 2)])
    with pytest.warns(ModelWarning, match=f"gives no probabilities but logits; a {added} was added"):
        answers = load_bundle(folder).model.predict_on_batch(IMAGES)
    expected = network(outputs, added).predict_on_batch(IMAGES)
    np.testing.assert_allclose(answers, expected, atol=1e-6)


@pytest.mark.parametrize(
    "ends",
    [
        lambda x: layers.Softmax()(layers.Dense(3)(x)),
        lambda x: layers.Activation("softmax")(layers.Dense(3)(x)),
        lambda x: keras.Sequential([layers.Input((4,)), layers.Dense(3), layers.Softmax()])(x),
        lambda x: layers.Dropout(0.1)(layers.Dense(3, activation="sigmoid")(x)),
        lambda x: keras.ops.softmax(layers.Dense(3)(x)),
    ],
)
def test_what_ends_in_probabilities_stays_as_it_is(tmp_path, recwarn, ends):
    inputs = keras.Input((32, 32, 3))
    model = keras.Model(inputs, ends(layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))))
    bundle = load_bundle(write(tmp_path / "model", model))
    assert not [warning for warning in recwarn if warning.category is ModelWarning]
    np.testing.assert_array_equal(bundle.model.predict_on_batch(IMAGES), model.predict_on_batch(IMAGES))
    assert is_multi_label(bundle.model) == (getattr(model.layers[-2], "activation", None) is keras.activations.sigmoid)


def test_labels_are_read_as_people_write_them(tmp_path):
    folder = write(tmp_path / "model", network())
    (folder / "labels.txt").write_bytes("\ufeffcat \r\ncafe\u0301, au lait\r\nhen\r\n\r\n".encode())
    assert load_bundle(folder).labels == ["cat", "caf\u00e9, au lait", "hen"]


def with_weights(**changes):
    def change(folder: Path) -> None:
        with h5py.File(folder / "model.weights.h5", "a") as file:
            values = file["layers/dense/vars/1"]
            for name, value in changes.items():
                if name == "fill":
                    values[...] = value
                if name == "link":
                    del file["layers/dense/vars/1"]
                    file["layers/dense/vars/1"] = h5py.ExternalLink(value, "/secret")
                if name == "size":
                    del file["layers/dense/vars/1"]
                    file.create_dataset("layers/dense/vars/1", (value,), "f4", chunks=(1024,), fillvalue=0)

    return change


def with_card(**facts):
    return lambda folder: (folder / "card.json").write_text(json.dumps(facts))


def with_architecture(change):
    def write_changed(folder: Path) -> None:
        path = folder / "architecture.json"
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return write_changed


def many_layers(config: dict) -> dict:
    config["config"]["layers"] = config["config"]["layers"][:1] + config["config"]["layers"][1:2] * 5000
    return config


def wide_layer(config: dict) -> dict:
    config["config"]["layers"][-1]["config"]["units"] = 10**9
    return config


def replaced(model) -> None:
    def write_other(folder: Path) -> None:
        shutil.rmtree(folder)
        write(folder, model())

    return write_other


def unpooled() -> keras.Model:
    return keras.Sequential([layers.Input((32, 32, 3)), layers.Conv2D(3, 3, activation="softmax")])


def with_two_inputs() -> keras.Model:
    inputs = [keras.Input((32, 32, 3)), keras.Input((3,))]
    return keras.Model(inputs, layers.Softmax()(layers.GlobalAveragePooling2D()(inputs[0]) + inputs[1]))


DAMAGES = [
    (with_weights(fill=np.nan), "model.weights.h5: holds weights that are no numbers"),
    (with_weights(link="/etc/passwd"), "model.weights.h5: damaged, or of another network .*lies in another file"),
    (with_weights(size=10**12), "model.weights.h5: damaged, or of another network .*1000000000000 values"),
    (with_card(classes=["dog", "cat", "hen"]), "card.json: names in another order than labels.txt"),
    (with_card(classes=["dog", "cat", "cow"]), "card.json: names other classes than labels.txt"),
    (with_card(classes={"dog": 1}), 'card.json: "classes" is no list of names'),
    (with_card(thresholds=[0.5]), 'card.json: "thresholds" are no numbers'),
    (with_card(thresholds={"cat": "half"}), 'card.json: "thresholds" are no numbers'),
    (with_card(thresholds={"cat": None}), 'card.json: "thresholds" are no numbers'),
    (with_card(input_size="large"), 'card.json: "input_size" is no'),
    (with_card(answers="yes"), 'card.json: "answers" are no pairs'),
    (with_architecture(many_layers), "architecture.json: describes more than 2000 layers"),
    (with_architecture(wide_layer), "architecture.json: describes a layer of 1000000000 units"),
    (
        with_architecture(lambda config: {"class_name": "Sequential", "config": 3}),
        "architecture.json: Keras cannot build",
    ),
    (with_architecture(lambda config: {"class_name": "Sequential", "config": []}), "architecture.json: "),
    (with_architecture(lambda config: config | {"config": config["config"] | {"layers": []}}), "architecture.json: "),
    (
        lambda folder: (folder / "architecture.json").write_text('{"a":' * 9000 + "1" + "}" * 9000),
        "architecture.json: ",
    ),
    (
        lambda folder: (folder / "architecture.json").write_text('{"a":' * 300 + "1" + "}" * 300),
        "parts inside 100 others",
    ),
    (replaced(unpooled), "labels.txt: the network answers .* not a number for each class"),
    (replaced(with_two_inputs), "the network takes 2 inputs, not one picture"),
    (replaced(lambda: network(3, "relu")), "its last layer ends in relu, which gives no probabilities"),
    (lambda folder: (folder / "labels.txt").write_bytes(b"cat\n=1+1\nhen\n"), "'=1.1' would be a formula"),
    (lambda folder: (folder / "labels.txt").write_bytes(b"cat\nd\0g\nhen\n"), "holds signs that cannot be shown"),
    (lambda folder: (folder / "labels.txt").write_bytes(b"cat\nd\x1b[31mg\nhen\n"), "holds signs that cannot be shown"),
    (lambda folder: (folder / "labels.txt").write_bytes(b"cat\nT-shirt/top\nhen\n"), "cannot name a folder"),
    (lambda folder: (folder / "labels.txt").write_bytes(b"cat\n"), "1 labels for 3 outputs"),
    (lambda folder: (folder / "labels.txt").write_bytes(b""), "labels for 3 outputs|cannot name a folder"),
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Path:
    return write(tmp_path_factory.mktemp("models") / "sound", network())


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_model_is_one_line_and_status_1(sound, shades, tmp_path, capsys, damage, message):
    folder = shutil.copytree(sound, tmp_path / "model")
    damage(folder)
    with pytest.raises(ModelError, match=message):
        load_bundle(folder)
    assert main(["predict", "-i", str(shades / "dark"), "-m", str(folder), "--output", str(tmp_path / "out.csv")]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"imagecourse: {folder}") and not (tmp_path / "out.csv").exists()


def test_one_label_for_one_output_asks_for_the_other(tmp_path):
    with pytest.raises(ModelError, match="one label for one output, which tells two classes apart"):
        load_bundle(write(tmp_path / "model", network(1, "sigmoid"), ["cat"]))


def test_a_keras_file_without_weights_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", network().to_json())
    (tmp_path / "labels.txt").write_text("\n".join(LABELS))
    with pytest.raises(ModelError, match=r"net\.keras: damaged"):
        load_bundle(tmp_path / "net.keras")


def test_older_descriptions_that_call_tensorflow_are_refused(tmp_path):
    folder = write(tmp_path / "model", network())
    chain = older_description()
    call = older_layer("TFOpLambda", "tf.io.read_file", function="io.read_file")
    chain["config"]["layers"].insert(
        1, call | {"name": "tf.io.read_file", "inbound_nodes": [["scale", 0, 0, {"y": 1}]]}
    )
    (folder / "architecture.json").write_text(json.dumps(chain))
    with pytest.raises(ModelError, match=r"calls TensorFlow.s io\.read_file, which is no layer"):
        load_bundle(folder)
