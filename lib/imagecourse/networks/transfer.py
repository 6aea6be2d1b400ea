"""Three ways to borrow a network: a new last layer on it, a small network on it, or its last blocks trained further.

Each is one `DividedNetwork` each, cut at another place: the trunk looks at every picture once and its
features are kept (`features.cached_features`), the top is trained on those.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from keras import layers

from imagecourse.networks.backbones import LITES, backbone
from imagecourse.networks.divided import DividedNetwork, divide
from imagecourse.networks.features import cached_features, mirrored, unchanged
from imagecourse.networks.training import cosine_schedule, fit, set_seeds

FROZEN, MLP, FINETUNED, SCRATCH = REGIMES = ("frozen", "mlp", "finetuned", "scratch")
BORROWING = (FROZEN, MLP, FINETUNED)
FINETUNED_CUT = "block6b_add"
MOST_EPOCHS = 80
STEPS_PER_CALL = 16  # of training: a step of a head is quicker than the call that asks for it


class Settings(NamedTuple):
    """How the top is trained. decay: strength of the penalty on large weights of new layers (L2)."""

    epochs: int
    learning_rate: float
    batch_size: int = 64
    decay: float = 0.0
    dropout: float = 0.0


SETTINGS = {
    FROZEN: Settings(epochs=12, learning_rate=1e-2, decay=5e-4),
    MLP: Settings(epochs=12, learning_rate=1e-3, dropout=0.5),
    FINETUNED: Settings(epochs=5, learning_rate=1e-4, batch_size=32, dropout=0.3),
}


def borrow(
    name: str, regime: str, classes: int, image_size: int | None = None, seed: int | None = None
) -> DividedNetwork:
    """A classifier on a pretrained backbone as a `DividedNetwork`.

    name, image_size: as for `backbones.backbone`. regime: "frozen", a linear layer; "mlp", a hidden layer of 256
    before it; "finetuned", the blocks after the middle of the sixth stage learn too (EfficientNet-Lite only), while
    normalisation keeps the statistics it was pretrained with.
    Raises: ValueError for another regime, or a backbone that has no such stage.
    """
    if seed is not None:
        set_seeds(seed)
    if regime == FINETUNED:
        if name not in LITES:
            raise ValueError(f"{name}: only {', '.join(LITES)} can be fine-tuned here; choose one, or regime frozen")
        return divide(name, FINETUNED_CUT, classes, image_size, SETTINGS[FINETUNED].dropout, seed)
    if regime not in BORROWING:
        raise ValueError(f"regime: {regime!r} borrows nothing; use one of {', '.join(BORROWING)}")
    return _with_head(backbone(name, image_size), _head(regime, classes, seed))


def _head(regime: str, classes: int, seed: int | None) -> list[layers.Layer]:
    decay = keras.regularizers.L2(SETTINGS[regime].decay) if SETTINGS[regime].decay else None
    decision = layers.Dense(classes, activation="softmax", kernel_regularizer=decay, name="predictions")
    if regime == FROZEN:
        return [decision]
    hidden = layers.Dense(256, activation="relu", name="hidden")
    return [hidden, layers.Dropout(SETTINGS[MLP].dropout, seed=seed, name="dropout"), decision]


def _with_head(trunk: keras.Model, head: list[layers.Layer]) -> DividedNetwork:
    inputs = keras.Input(trunk.output_shape[1:], name="features")
    top, whole = inputs, trunk.output
    for layer in head:
        top, whole = layer(top), layer(whole)
    return DividedNetwork(trunk, keras.Model(inputs, top, name="top"), keras.Model(trunk.input, whole, name=trunk.name))


def both_views(trunk: keras.Model, files: Sequence[str]) -> np.ndarray:
    """Features of pictures as they are and mirrored: (2, n, d) float32."""
    features = cached_features(trunk, files, views={"whole": unchanged, "mirrored": mirrored})
    return features.reshape(2, len(files), *features.shape[1:])


def learn(
    network: DividedNetwork,
    regime: str,
    features: np.ndarray,
    targets: np.ndarray,
    seed: int,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    epochs: int | None = None,
    patience: int | None = None,
    checkpoint_dir: Path | None = None,
    resume: bool = False,
) -> pd.DataFrame:
    """Train the top of a borrowed network; returns the history, see `training.fit`.

    features: (views, n, d) from the trunk; each view counts as a picture. targets: (n,) int class numbers.
    validation: the same without views: (m, d) and (m,). epochs: None takes those of the settings.
    patience: None lets the learning rate fall to 0 over the epochs. A number keeps it constant until the accuracy on
    the validation pictures has not risen for so many epochs, and goes back to the best; epochs is then the most there
    may be, None for `MOST_EPOCHS`.
    """
    settings = SETTINGS[regime]
    epochs = epochs or (settings.epochs if patience is None else MOST_EPOCHS)
    _start_afresh(network.top, settings.learning_rate)
    pictures = features.reshape(-1, features.shape[-1]), np.tile(targets, len(features))
    return fit(
        network.top,
        pictures,
        validation,
        epochs=epochs,
        seed=seed,
        batch_size=settings.batch_size,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        patience=patience,
        monitor="val_accuracy",
        best=max,
        learning_rate=cosine_schedule(settings.learning_rate, epochs, warmup=1) if patience is None else None,
    )


def _start_afresh(top: keras.Model, rate: float) -> None:
    """Compile, or where that is done, which takes longer than many a training, forget the steps taken so far."""
    if top.compiled:
        for variable in top.optimizer.variables:
            variable.assign(keras.ops.zeros_like(variable))
        top.optimizer.learning_rate = rate
        return
    loss = "sparse_categorical_crossentropy"
    top.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"], steps_per_execution=STEPS_PER_CALL)
