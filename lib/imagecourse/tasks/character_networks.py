"""Networks for characters: the classic one from scratch, and the upper part of a pretrained one, fine-tuned."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.backbones import LITES
from imagecourse.datasets import Dataset, label_indices, make_pipeline
from imagecourse.features import View, cached_features
from imagecourse.fine_tuning import ViewBatches, divide
from imagecourse.multi_label import indicators
from imagecourse.networks import character_augmentation, character_cnn
from imagecourse.tasks.photo_checks import predict
from imagecourse.training import cosine_schedule, fit, set_seeds

CHARACTER_CNN, FINE_TUNED = "character_cnn", "fine_tuned"
MODES = ("single", "multi")
BACKBONE, CUT = "efficientnet_lite1", "block6b_add"
CNN_EPOCHS, TUNED_EPOCHS, HEAD_EPOCHS = 20, 20, 40
BATCH_SIZE = 32
TUNED_BATCH_SIZE = 16
VIEWS = 8
CNN_RATE, TUNED_RATE, HEAD_RATE = 1e-3, 3e-4, 1e-3
LABEL_SMOOTHING = 0.1


class Training(NamedTuple):
    """What every network of this module is trained with; None leaves a number to the network. See `training.fit`."""

    seed: int
    epochs: int | None = None
    image_size: int | None = None
    checkpoint_dir: Path | None = None
    resume: bool = False


def train_network(network: str, dataset: Dataset, mode: str, training: Training) -> tuple[keras.Model, pd.DataFrame]:
    """Train `CHARACTER_CNN`, `FINE_TUNED`, or the last layer on a frozen EfficientNet-Lite given by its name.

    The rows of the split train are learned; those of `watched_split` are only looked at, and decide nothing.
    mode: "single", one label a picture; "multi", independent probabilities, where the data set may have `labels`.

    Returns: the network, (n, size, size, 3) RGB in [0, 255] -> (n, classes), and its history.
    Raises: ValueError for another network or mode.
    """
    if network == CHARACTER_CNN:
        size, epochs = training.image_size or 150, training.epochs or CNN_EPOCHS
        return train_character_cnn(dataset, mode, **training._replace(image_size=size, epochs=epochs)._asdict())
    return _fine_tune(network, dataset, _checked(mode), training)


def check_network(network: str) -> None:
    """Refuse a name that `train_network` does not know, with ValueError."""
    known = (FINE_TUNED, CHARACTER_CNN, *LITES)
    if network not in known:
        raise ValueError(f"{network!r}: no such network; use one of {', '.join(known)}")


def watched_split(dataset: Dataset) -> str | None:
    """The split that is watched while training: validation, where there is none the test, else none."""
    present = set(dataset.table["split"])
    return next((split for split in ("validation", "test") if split in present), None)


def train_character_cnn(
    dataset: Dataset,
    mode: str = "single",
    image_size: int = 150,
    epochs: int = CNN_EPOCHS,
    augment: bool = True,
    seed: int = 42,
    batch_size: int = BATCH_SIZE,
    checkpoint_dir: str | os.PathLike | None = None,
    resume: bool = False,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train the classic network from scratch on the split train, and keep its last epoch.

    dataset: with a column `label` (mode "single"), or `labels` or `label` (mode "multi", independent probabilities).
    augment: shear, zoom and flip the training pictures (`networks.character_augmentation`).
    checkpoint_dir, resume: as for `training.fit`. Same arguments, same data, same network, bit for bit.

    Returns: the network, and its history with a row per epoch: `loss`, `accuracy` (in mode "multi"
    `binary_accuracy`, of all yes-or-no answers), and the same with `val_` of `watched_split`.
    Raises: ValueError for an unknown mode, and as `networks.character_cnn`.
    """
    set_seeds(seed)
    multi = _checked(mode) == "multi"
    model = character_cnn(len(dataset.classes), image_size, activation="sigmoid" if multi else "softmax", seed=seed)
    if multi:
        model.compile("adam", "binary_crossentropy", metrics=["binary_accuracy"])
    else:
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    changes = character_augmentation(seed) if augment else None

    def batches(split: str, **options):
        rows = dataset.table[dataset.table["split"] == split]
        targets = indicators(rows, dataset.classes) if multi else label_indices(rows["label"], dataset.classes)
        return make_pipeline(rows, image_size, batch_size, targets, **options)

    watched = watched_split(dataset)
    history = fit(
        model,
        batches("train", shuffle_seed=seed, augment=changes and (lambda images: changes(images, training=True))),
        batches(watched) if watched else None,
        epochs=epochs,
        seed=seed,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        learning_rate=cosine_schedule(CNN_RATE, epochs),
    )
    return model, history


def varied_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """A picture mirrored or not, cut to 40 to 100 % of its area, a little paler or stronger, darker or brighter.

    Milder than `augmentation.random_view`: colours tell many characters apart. (h, w, 3) uint8 both.
    """
    if generator.random() < 0.5:
        image = image[:, ::-1]
    share, stretch = math.sqrt(generator.uniform(0.4, 1)), math.exp(generator.uniform(-0.2, 0.2))
    height = max(1, round(image.shape[0] * min(1, share * stretch)))
    width = max(1, round(image.shape[1] * min(1, share / stretch)))
    top, left = (generator.integers(room + 1) for room in (image.shape[0] - height, image.shape[1] - width))
    values = image[top : top + height, left : left + width].astype(np.float32)
    grey = values.mean(axis=2, keepdims=True)
    values = grey + generator.uniform(0.7, 1.3) * (values - grey)
    values = values.mean() + generator.uniform(0.75, 1.25) * (values - values.mean()) + generator.normal(0, 12)
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def predict_files(model: keras.Model, files: list[str]) -> np.ndarray:
    """Probabilities (n, classes) of pictures as they are."""
    return predict(model, files, lambda image: image)


def _fine_tune(network: str, dataset: Dataset, mode: str, training: Training) -> tuple[keras.Model, pd.DataFrame]:
    """Train what lies above the cut on several views of each picture; the frozen part looks at each once."""
    check_network(network)
    tuned = network == FINE_TUNED
    set_seeds(training.seed)
    divided = divide(
        BACKBONE if tuned else network,
        CUT if tuned else "avg_pool",
        len(dataset.classes),
        training.image_size,
        seed=training.seed,
        activation="sigmoid" if mode == "multi" else "softmax",
    )
    rate, epochs = (TUNED_RATE, TUNED_EPOCHS) if tuned else (HEAD_RATE, HEAD_EPOCHS)
    epochs = training.epochs or epochs
    _compile(divided.top, mode, rate)

    def seen(split: str, views: dict[str, View]) -> tuple[np.ndarray, np.ndarray]:
        rows = dataset.table[dataset.table["split"] == split]
        return _views(divided.trunk, rows, views), indicators(rows, dataset.classes)

    watched = watched_split(dataset)
    validation = seen(watched, {"whole": _whole}) if watched else None
    history = fit(
        divided.top,
        ViewBatches(*seen("train", _training_views()), TUNED_BATCH_SIZE, training.seed),
        validation and (validation[0][0].astype(np.float32), validation[1]),
        epochs=epochs,
        seed=training.seed,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        learning_rate=cosine_schedule(rate, epochs, warmup=1),
    )
    return divided.whole, history


def _compile(top: keras.Model, mode: str, rate: float) -> None:
    if mode == "multi":
        top.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["binary_accuracy"])
    else:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING)
        top.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])


def _training_views() -> dict[str, View]:
    varied = {f"varied {number}": varied_view for number in range(1, VIEWS - 1)}
    return {"whole": _whole, "mirrored": _mirrored} | varied


def _views(trunk: keras.Model, rows: pd.DataFrame, views: dict[str, Callable]) -> np.ndarray:
    """(views, pictures, d) float16; a composed picture is varied enough, and is the same in all views."""
    composed = rows["composed"].to_numpy(bool) if "composed" in rows else np.zeros(len(rows), bool)
    files = rows["file"].to_numpy()
    maps = np.zeros((len(views), len(rows), trunk.output_shape[-1]), np.float16)
    for number, (name, view) in enumerate(views.items()):
        maps[number, ~composed] = cached_features(trunk, files[~composed], views={name: view})
    if composed.any():
        maps[:, composed] = cached_features(trunk, files[composed], views={"whole": _whole})
    return maps


def _whole(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    return image


def _mirrored(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    return image[:, ::-1]


def _checked(mode: str) -> str:
    if mode not in MODES:
        raise ValueError(f"mode: {mode!r} is unknown; use 'single' or 'multi'")
    return mode
