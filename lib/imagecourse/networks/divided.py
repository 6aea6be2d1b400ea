"""Fine-tuning the upper part of a pretrained network on what its frozen lower part gives, which is computed once."""

from typing import NamedTuple

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.networks.backbones import backbone


class DividedNetwork(NamedTuple):
    """One classifier in two parts that share its layers: what trains `top` trains `whole`.

    trunk: (n, size, size, 3) RGB in [0, 255] -> (n, d), the feature maps at the cut, flat; frozen.
    top: (n, d) -> (n, classes) probabilities. whole: (n, size, size, 3) -> (n, classes), flat and Functional.
    """

    trunk: keras.Model
    top: keras.Model
    whole: keras.Model


def divide(
    name: str,
    cut: str,
    classes: int,
    image_size: int | None = None,
    dropout: float = 0.3,
    seed: int | None = None,
    activation: str = "softmax",
) -> DividedNetwork:
    """A classifier on a pretrained backbone, divided after one of its layers.

    name, image_size: as for `backbones.backbone`. cut: name of the last frozen layer, such as "block4c_add", or
    "avg_pool", which leaves only the decision to train.
    activation: "softmax", one of several classes; "sigmoid", every output a yes or no of its own.
    Normalisation layers keep the statistics they were pretrained with: small batches would only blur them.
    """
    base = backbone(name, image_size)
    maps = base.get_layer(cut).output
    upper = keras.Model(maps, base.output, name="upper") if maps is not base.output else layers.Identity(name="upper")
    for layer in getattr(upper, "layers", []):
        layer.trainable = not isinstance(layer, layers.BatchNormalization)
    decision = [
        layers.Dropout(dropout, seed=seed, name="dropout"),
        layers.Dense(classes, activation=activation, name="predictions"),
    ]
    trunk = keras.Model(base.input, layers.Flatten(name="flat")(maps), name=f"{name}_to_{cut}")
    inputs = keras.Input(trunk.output_shape[1:], name="feature_maps")
    top = keras.Model(inputs, _apply(decision, upper(layers.Reshape(maps.shape[1:])(inputs))), name="top")
    whole = keras.Model(base.input, _apply(decision, base.output), name=f"{name}_classifier")
    return DividedNetwork(trunk, top, whole)


def top_for_any_size(network: DividedNetwork) -> keras.Model:
    """The top of a network for maps of any height and width: (n, h, w, channels) -> (n, classes) probabilities.

    It shares all layers with `top`, so that it can be trained on cuts of the maps, see `CutViewBatches`.
    Source: train on smaller cuts than one predicts on: Touvron et al., 2019, arXiv:1906.06423.
    """
    _, _, upper, *decision = network.top.layers
    maps = keras.Input((None, None, upper.input_shape[-1]), name="maps")
    shared = keras.models.clone_model(upper, input_tensors=maps, clone_function=lambda layer: layer)
    return keras.Model(maps, _apply(decision, shared.output), name="top_for_any_size")


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


class CutViewBatches(ViewBatches):
    """As `ViewBatches`, with a square cut of the maps at a place drawn anew: (n, side, side, channels).

    features: (views, pictures, h × w × channels). shape: (h, w, channels). side: of the cut, in positions of the map.
    """

    def __init__(
        self,
        features: np.ndarray,
        targets: np.ndarray,
        batch_size: int,
        seed: int,
        shape: tuple[int, int, int],
        side: int,
    ):
        self.shape, self.side = shape, side
        super().__init__(features, targets, batch_size, seed)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        maps, targets = super().__getitem__(number)
        rows = slice(number * self.batch_size, (number + 1) * self.batch_size)
        places = zip(maps.reshape(-1, *self.shape), self.places[rows], strict=True)
        return np.stack([one[y : y + self.side, x : x + self.side] for one, (y, x) in places]), targets

    def on_epoch_end(self) -> None:
        super().on_epoch_end()
        height, width, _ = self.shape
        highest = (height - self.side + 1, width - self.side + 1)
        self.places = self.generator.integers(highest, size=(len(self.order), 2))
