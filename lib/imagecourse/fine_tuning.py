"""Fine-tuning the upper part of a pretrained network on what its frozen lower part gives, which is computed once."""

from typing import NamedTuple

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.backbones import backbone


class DividedNetwork(NamedTuple):
    """One classifier in two parts that share its layers: what trains `top` trains `whole`.

    trunk: (n, size, size, 3) RGB in [0, 255] -> (n, d), the feature maps at the cut, flat; frozen.
    top: (n, d) -> (n, classes) probabilities. whole: (n, size, size, 3) -> (n, classes), flat and Functional.
    """

    trunk: keras.Model
    top: keras.Model
    whole: keras.Model


def divide(
    name: str, cut: str, classes: int, image_size: int | None = None, dropout: float = 0.3, seed: int | None = None
) -> DividedNetwork:
    """A classifier on a pretrained backbone, divided after one of its layers.

    name, image_size: as for `backbones.backbone`. cut: name of the last frozen layer, such as "block4c_add".
    Normalisation layers keep the statistics they were pretrained with: small batches would only blur them.
    """
    base = backbone(name, image_size)
    maps = base.get_layer(cut).output
    upper = keras.Model(maps, base.output, name="upper")
    for layer in upper.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    decision = [
        layers.Dropout(dropout, seed=seed, name="dropout"),
        layers.Dense(classes, activation="softmax", name="predictions"),
    ]
    trunk = keras.Model(base.input, layers.Flatten(name="flat")(maps), name=f"{name}_to_{cut}")
    inputs = keras.Input(trunk.output_shape[1:], name="feature_maps")
    top = keras.Model(inputs, _apply(decision, upper(layers.Reshape(maps.shape[1:])(inputs))), name="top")
    whole = keras.Model(base.input, _apply(decision, base.output), name=f"{name}_classifier")
    return DividedNetwork(trunk, top, whole)


def _apply(stack: list[layers.Layer], x: KerasTensor) -> KerasTensor:
    for layer in stack:
        x = layer(x)
    return x


class ViewBatches(keras.utils.PyDataset):
    """Batches for `training.fit`: in each epoch every picture once, in one of its views drawn anew, in a new order.

    features: (views, pictures, d) float, what the trunk gives. targets: (pictures, classes).
    """

    def __init__(self, features: np.ndarray, targets: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.features, self.targets, self.batch_size = features, targets, batch_size
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        pictures = self.order[rows]
        return self.features[self.views[rows], pictures].astype(np.float32), self.targets[pictures]

    def on_epoch_end(self) -> None:
        views, pictures = self.features.shape[:2]
        self.order = self.generator.permutation(pictures)
        self.views = self.generator.integers(views, size=pictures)
