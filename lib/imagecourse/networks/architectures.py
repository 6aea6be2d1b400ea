"""The course's own architectures, Functional Keras, one function each, and a network as a table.

Every network takes (n, image_size, image_size, 3) float RGB in [0, 255] and gives (n, classes) probabilities.
"""

import keras
import pandas as pd
from keras import KerasTensor, layers


def photo_cnn(
    classes: int,
    image_size: int = 200,
    dropout: float = 0.2,
    l2: float = 0.0,
    activation: str = "softmax",
    seed: int | None = None,
) -> keras.Model:
    """The classic small network: three rounds of convolution and pooling, then a decision.

    The dense layer looks at each position alone; the average over all positions follows, so that the number of
    weights does not depend on the image size.
    dropout: share of the features switched off at each training step, in [0, 1); 0 leaves the layer out.
    l2: strength of the penalty on large weights in the convolutions and the dense layer; 0 for none.
    activation: "softmax", one of several classes; "sigmoid", every output a yes or no of its own (classes=1: binary).
    seed: of the dropout.
    Raises: ValueError for a number out of range or an unknown activation.
    """
    _check(classes, image_size, dropout, activation, smallest_image=8)
    penalty = keras.regularizers.L2(l2) if l2 else None
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for number, filters in enumerate((16, 32, 64), start=1):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_regularizer=penalty, name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Dense(128, activation="relu", kernel_regularizer=penalty, name="dense")(x)
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, _decision(x, classes, dropout, activation, seed), name="photo_cnn")


def separable_resnet(
    classes: int,
    image_size: int = 200,
    dropout: float = 0.5,
    activation: str = "softmax",
    seed: int | None = None,
) -> keras.Model:
    """A small residual network of separable convolutions, with random flips and rotations inside.

    Two entry convolutions, four blocks that halve the image while they widen it, each with a projected shortcut, one
    last convolution. Flips and rotations (up to a tenth of a turn) act during training only.
    dropout, activation, seed: as for `photo_cnn`; the seed also drives the flips and rotations.
    Raises: ValueError for a number out of range or an unknown activation.
    Source: a small version of Chollet, Xception, 2017, arXiv:1610.02357, after He et al., 2015, arXiv:1512.03385.
    """
    _check(classes, image_size, dropout, activation, smallest_image=32)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.RandomFlip("horizontal", seed=seed, name="random_flip")(inputs)
    x = layers.RandomRotation(0.1, seed=seed, name="random_rotation")(x)
    x = layers.Rescaling(1 / 255, name="rescale")(x)
    x = _normalised(layers.Conv2D(32, 3, 2, "same", name="entry1_conv")(x), "entry1")
    x = _normalised(layers.Conv2D(64, 3, padding="same", name="entry2_conv")(x), "entry2")
    for number, filters in enumerate((128, 256, 512, 728), start=1):
        x = _residual_block(x, filters, f"block{number}")
    x = _normalised(layers.SeparableConv2D(1024, 3, padding="same", name="exit_conv")(x), "exit")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    return keras.Model(inputs, _decision(x, classes, dropout, activation, seed), name="separable_resnet")


def character_cnn(
    classes: int,
    image_size: int = 150,
    dropout: float = 0.5,
    activation: str = "softmax",
    seed: int | None = None,
) -> keras.Model:
    """The classic network of the characters: three rounds of convolution and pooling, then a dense layer on all of it.

    The dense layer has a weight for every value at every position, so most of the parameters, and an image size that
    cannot change.
    dropout, activation, seed: as for `photo_cnn`.
    Raises: ValueError for a number out of range or an unknown activation.
    Source: F. Chollet, Building powerful image classification models using very little data, 2016,
    https://blog.keras.io/building-powerful-image-classification-models-using-very-little-data.html
    """
    _check(classes, image_size, dropout, activation, smallest_image=24)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for number, filters in enumerate((32, 32, 64), start=1):
        x = layers.Conv2D(filters, 3, activation="relu", name=f"conv{number}")(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, activation="relu", name="dense1")(x)
    outputs = _decision(x, classes, dropout, activation, seed, name="output")
    return keras.Model(inputs, outputs, name="character_cnn")


def character_augmentation(seed: int) -> keras.Sequential:
    """The classic changes of a training picture: shear and zoom by up to a fifth, and a horizontal flip.

    Call it on (n, h, w, 3) images in [0, 255]; with `training=False` it changes nothing. What comes into view at the
    edges is mirrored from the picture. The same seed gives the same changes, call after call.
    """
    return keras.Sequential(
        [
            layers.RandomShear(0.2, 0.2, seed=seed, name="shear"),
            layers.RandomZoom(0.2, seed=seed + 1, name="zoom"),
            layers.RandomFlip("horizontal", seed=seed + 2, name="flip"),
        ],
        name="augmentation",
    )


def breed_cnn(classes: int, image_size: int = 128, activation: str = "softmax", seed: int | None = None) -> keras.Model:
    """What one builds first: two rounds of convolution and pooling, then a dense layer of 256 on all positions.

    Nearly all of its weights sit in that dense layer, 16.8 million at 128 pixels: it can learn a small training set by
    heart and know little of other pictures.
    activation: as for `photo_cnn`. seed: of the first weights.
    Raises: ValueError for a number out of range or an unknown activation.
    """
    _check(classes, image_size, 0, activation, smallest_image=8)
    first_weights = keras.initializers.GlorotUniform(seed)
    inputs = keras.Input((image_size, image_size, 3), name="image")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for number, filters in enumerate((32, 64), start=1):
        x = layers.Conv2D(
            filters, 3, padding="same", activation="relu", kernel_initializer=first_weights, name=f"conv{number}"
        )(x)
        x = layers.MaxPooling2D(name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(256, activation="relu", kernel_initializer=first_weights, name="dense")(x)
    outputs = layers.Dense(classes, activation=activation, kernel_initializer=first_weights, name="predictions")(x)
    return keras.Model(inputs, outputs, name="breed_cnn")


def summary_table(model: keras.Model) -> pd.DataFrame:
    """One row per layer: layer, type, output_shape (without the batch), parameters; a nested model is one row.

    Shapes are text such as "200 × 200 × 16", several outputs separated by commas.
    """
    rows = [
        {
            "layer": layer.name,
            "type": type(layer).__name__,
            "output_shape": _shape_text(layer.output),
            "parameters": layer.count_params(),
        }
        for layer in model.layers
    ]
    return pd.DataFrame(rows, columns=["layer", "type", "output_shape", "parameters"])


def _residual_block(inputs: KerasTensor, filters: int, block: str) -> KerasTensor:
    x = inputs
    for number in (1, 2):
        x = layers.Activation("relu", name=f"{block}_relu{number}")(x)
        x = layers.SeparableConv2D(filters, 3, padding="same", name=f"{block}_conv{number}")(x)
        x = layers.BatchNormalization(name=f"{block}_norm{number}")(x)
    x = layers.MaxPooling2D(3, 2, "same", name=f"{block}_pool")(x)
    shortcut = layers.Conv2D(filters, 1, 2, "same", name=f"{block}_shortcut")(inputs)
    return layers.Add(name=f"{block}_add")([x, shortcut])


def _normalised(x: KerasTensor, part: str) -> KerasTensor:
    x = layers.BatchNormalization(name=f"{part}_norm")(x)
    return layers.Activation("relu", name=f"{part}_relu")(x)


def _decision(
    x: KerasTensor, classes: int, dropout: float, activation: str, seed: int | None, name: str = "predictions"
) -> KerasTensor:
    if dropout:
        x = layers.Dropout(dropout, seed=seed, name="dropout")(x)
    return layers.Dense(classes, activation=activation, name=name)(x)


def _check(classes: int, image_size: int, dropout: float, activation: str, smallest_image: int) -> None:
    if activation not in ("softmax", "sigmoid"):
        raise ValueError(f"activation: {activation!r} is unknown; use 'softmax' or 'sigmoid'")
    fewest = 2 if activation == "softmax" else 1
    if classes < fewest:
        raise ValueError(f"classes: {classes} is too few for {activation}; give at least {fewest}")
    if image_size < smallest_image:
        raise ValueError(f"image_size: {image_size} is too small; give at least {smallest_image} pixels")
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout: {dropout} is out of range; give a share from 0 to below 1")


def _shape_text(output: KerasTensor | list[KerasTensor]) -> str:
    tensors = keras.tree.flatten(output)
    return ", ".join(" × ".join("?" if side is None else str(side) for side in tensor.shape[1:]) for tensor in tensors)
