import keras
import numpy as np
import pytest
from keras import layers

from imagecourse import explain
from imagecourse.explain import Filter, Output


def small_cnn(activation: str | None = "softmax", classes: int = 3, size: int = 16) -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x)
    x = layers.MaxPooling2D(name="pool1")(x)
    x = layers.Conv2D(6, 3, padding="same", activation="relu", name="conv2")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, layers.Dense(classes, activation=activation, name="head")(x), name="small")


def pictures(count: int = 3, size: int = 16) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (count, size, size, 3)).astype(np.float32)


def as_sequential() -> keras.Model:
    return keras.Sequential([keras.Input((16, 16, 3)), *small_cnn().layers[1:]])


def nested() -> keras.Model:
    cnn = small_cnn()
    base = keras.Model(cnn.input, cnn.get_layer("conv2").output, name="backbone")
    inputs = keras.Input((16, 16, 3))
    x = base(inputs[..., ::-1] + 0.0, training=False)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(3)(x)), name="outer")


def nested_sequential() -> keras.Model:
    return keras.Sequential([keras.Input((16, 16, 3)), nested(), layers.Dense(1, activation="sigmoid")])


def two_outputs() -> keras.Model:
    cnn = small_cnn()
    x = cnn.get_layer("average").output
    age = layers.Dense(1, name="age")(x)
    gender = layers.Dense(2, activation="softmax", name="gender")(x)
    return keras.Model(cnn.input, {"gender": gender, "age": age}, name="faces")


BUILDERS = [small_cnn, as_sequential, nested, nested_sequential, two_outputs]


@pytest.mark.parametrize("build", BUILDERS)
def test_the_flat_copy_answers_as_the_model_does_and_leaves_it_alone(build):
    model, images = build(), pictures()
    config, weights = model.get_config(), model.get_weights()
    nodes = [len(layer._inbound_nodes) for layer in model._flatten_layers()]
    network = explain.examine(model)
    target = "gender" if build is two_outputs else 0
    explain.guided_backpropagation(network, images, target)
    explain.smoothgrad(network, images, target, samples=2)
    explain.randomised(network)
    truth = keras.tree.flatten(model(images))
    for answer, expected in zip(keras.tree.flatten(network.model(images)), truth, strict=True):
        np.testing.assert_allclose(answer, expected, rtol=1e-5, atol=1e-6)
    assert model.get_config() == config
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)
    assert [len(layer._inbound_nodes) for layer in model._flatten_layers()] == nodes


@pytest.mark.parametrize("activation", ["softmax", "sigmoid", None, "layer", "operation"])
def test_the_logits_lie_under_every_kind_of_head(activation):
    model = small_cnn(None)
    logits = model(pictures()).numpy()
    if activation == "layer":
        model = keras.Model(model.input, layers.Activation("softmax")(model.output))
    elif activation == "operation":
        model = keras.Model(model.input, keras.ops.softmax(model.output))
    elif activation:
        model.get_layer("head").activation = keras.activations.get(activation)
        model = keras.models.model_from_json(model.to_json())
        model.set_weights(small_cnn().get_weights())
    network = explain.examine(model)
    head = next(iter(network.heads.values()))
    found = keras.Model(network.inputs, head.logits)(pictures())
    np.testing.assert_allclose(found, logits, rtol=1e-5, atol=1e-5)


def test_one_sigmoid_unit_has_a_column_against_and_one_for():
    model = small_cnn("sigmoid", classes=1)
    network = explain.examine(model, ["no", "yes"])
    yes = np.asarray(model(pictures()))[:, 0]
    np.testing.assert_allclose(explain.predictions(network, pictures()), np.stack([1 - yes, yes], 1), atol=1e-6)
    against = explain.vanilla_gradient(network, pictures(), "no").raw
    np.testing.assert_allclose(against, -explain.vanilla_gradient(network, pictures(), 1).raw, atol=1e-8)


def test_targets_by_index_label_output_and_for_each_picture():
    network = explain.examine(two_outputs(), {"gender": ["man", "woman"]})
    images = pictures(2)
    by_label = explain.vanilla_gradient(network, images, "woman").raw
    np.testing.assert_array_equal(by_label, explain.vanilla_gradient(network, images, Output("gender", 1)).raw)
    mixed = explain.vanilla_gradient(network, images, Output("gender", ["woman", "man"])).raw
    np.testing.assert_array_equal(mixed[0], by_label[0])
    assert not np.allclose(mixed[1], by_label[1])
    best = explain.predictions(network, images, "gender").argmax(axis=1)
    np.testing.assert_array_equal(
        explain.vanilla_gradient(network, images, "gender").raw,
        explain.vanilla_gradient(network, images, Output("gender", best)).raw,
    )
    assert explain.vanilla_gradient(network, images, "age").raw.any()


def test_a_filter_of_a_nested_layer_scores_its_mean():
    network = explain.examine(nested())
    assert "backbone.conv2" in network.layers
    maps = explain.feature_maps(network, pictures(), "conv2")
    assert maps.shape == (3, 8, 8, 6)
    np.testing.assert_array_equal(maps, explain.feature_maps(network, pictures(), "backbone.conv2"))
    goal = explain.targets.find_goal(network, pictures(), Filter("conv2", 4))
    np.testing.assert_allclose(
        explain.targets.score(network, pictures(), goal), maps[..., 4].mean(axis=(1, 2)), rtol=1e-5
    )


def test_a_map_does_not_depend_on_batches_or_neighbours():
    network, images = explain.examine(small_cnn()), pictures(3)
    for name in explain.METHODS:
        together = explain.explain(name, network, images, 1, seed=3)
        alone = explain.explain(name, network, images[2:], 1, seed=3)
        assert together.maps.shape == (3, 16, 16)
        assert together.maps.dtype == np.float32
        assert together.raw.dtype == np.float32
        assert together.maps.min() >= 0 and together.maps.max() <= 1
        np.testing.assert_allclose(together.maps[2], alone.maps[0], atol=2e-3)
    small = np.concatenate(
        [explain.vanilla_gradient(network, images[row : row + 1], 1).raw for row in range(len(images))]
    )
    np.testing.assert_allclose(small, explain.vanilla_gradient(network, images, 1).raw, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: explain.grad_cam(n, pictures(), "dog"), "'dog': no such label; choose one of a, b, c"),
        (lambda n: explain.grad_cam(n, pictures(), 3), "target 3: no class of the output head; .* from 0 to 2"),
        (lambda n: explain.grad_cam(n, pictures(), [0, 1]), "2 entries for 3 pictures"),
        (lambda n: explain.grad_cam(n, pictures(), Output("age")), "'age': no such output; choose one of head"),
        (lambda n: explain.grad_cam(n, pictures(), Filter("conv9")), "'conv9': no such layer; .*conv1, .*pool1"),
        (lambda n: explain.grad_cam(n, pictures(), Filter("conv1", 4)), "target 4: no channel of the layer conv1"),
        (lambda n: explain.grad_cam(n, pictures(), 0, layer="conv9"), "'conv9': no such layer"),
        (lambda n: explain.grad_cam(n, pictures(), 0, layer="average"), "not feature maps"),
        (lambda n: explain.grad_cam(n, pictures(), Filter("conv1"), layer="conv2"), "does not lead to the target"),
        (lambda n: explain.grad_cam(n, pictures(size=20), 0), "20 × 20 × 3, but small takes 16 × 16 × 3; resize"),
        (lambda n: explain.rise(n, pictures()[0], 0), r"shape \(16, 16, 3\); give one or more as \(n, h, w, 3\)"),
        (lambda n: explain.rise(n, pictures() * np.nan, 0), "not finite"),
        (lambda n: explain.occlusion(n, pictures(), 0, patch=4, stride=5), "1 ≤ stride ≤ patch ≤ 16"),
        (lambda n: explain.explain("magic", n, pictures()), "'magic': no such method; choose one of gradient, "),
        (lambda n: explain.activation_maximisation(n, None), "name a class or a Filter"),
        (lambda n: explain.feature_maps(n, pictures(), "head"), "not feature maps"),
    ],
)
def test_bad_input_is_one_clear_line(call, message):
    network = explain.examine(small_cnn(), ["a", "b", "c"])
    with pytest.raises(ValueError, match=message) as error:
        call(network)
    assert "\n" not in str(error.value)


def test_models_that_cannot_be_explained_are_refused():
    dense = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(), layers.Dense(2)], name="dense")
    with pytest.raises(ValueError, match="dense: has no convolution before the target"):
        explain.grad_cam(dense, pictures(size=4), 0)
    with pytest.raises(ValueError, match="has no convolution"):
        explain.first_filters(dense)
    with pytest.raises(ValueError, match="2 labels for 3 outputs"):
        explain.examine(small_cnn(), ["a", "b"])
    with pytest.raises(ValueError, match="several outputs; give labels as a dictionary"):
        explain.examine(two_outputs(), ["a", "b"])
    with pytest.raises(ValueError, match="faces has several outputs; name one of age, gender"):
        explain.grad_cam(two_outputs(), pictures())
    with pytest.raises(ValueError, match="not a built Functional or Sequential model"):
        explain.examine(keras.Sequential([layers.Dense(2)]))
    with pytest.raises(ValueError, match="explanations need one input of images"):
        explain.examine(keras.Sequential([keras.Input((4,)), layers.Dense(2)]))
