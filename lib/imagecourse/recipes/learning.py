"""Ways to learn that several tasks share: the part of a pretrained network above a cut, or a network from scratch."""

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets import Dataset, indicators, label_indices, make_pipeline, watched_split
from imagecourse.networks.architectures import character_augmentation
from imagecourse.networks.divided import ViewBatches, divide
from imagecourse.networks.features import View, cached_features, mirrored, unchanged
from imagecourse.networks.training import class_weights, cosine_schedule, fit, set_seeds
from imagecourse.recipes.common import Trained, Training

LABEL_SMOOTHING = 0.1


@dataclass(frozen=True)
class Borrowing:
    """How what lies above a cut of a pretrained network learns from what the part below sees.

    cut: see `divided.divide`. views: of each picture, the first two as it is and mirrored, the others varied.
    """

    backbone: str
    cut: str = "avg_pool"
    epochs: int = 40
    learning_rate: float = 1e-3
    batch_size: int = 16
    views: int = 8


def learn_borrowed(
    settings: Borrowing,
    dataset: Dataset,
    several: bool,
    training: Training,
    vary: View,
    weights: dict[int, float] | None = None,
) -> Trained:
    """Train what lies above the cut on several views of each picture; the frozen part looks at each once.

    The rows of the split train are learned; those of `datasets.watched_split` are only looked at, and decide nothing.
    several: independent probabilities, where the rows may have `labels`. vary: what makes the further views. weights:
    of the classes.
    """
    set_seeds(training.seed)
    activation = "sigmoid" if several else "softmax"
    divided = divide(
        settings.backbone,
        settings.cut,
        len(dataset.classes),
        training.image_size,
        seed=training.seed,
        activation=activation,
    )
    compile_top(divided.top, several, settings.learning_rate)

    def seen(split: str, views: dict[str, View]) -> tuple[np.ndarray, np.ndarray]:
        rows = dataset.table[dataset.table["split"] == split]
        return _features(divided.trunk, rows, views), indicators(rows, dataset.classes)

    varied = {f"varied {number}": vary for number in range(1, settings.views - 1)}
    watched = watched_split(dataset)
    validation = seen(watched, {"whole": unchanged}) if watched else None
    epochs = training.epochs or settings.epochs
    history = fit(
        divided.top,
        ViewBatches(
            *seen("train", {"whole": unchanged, "mirrored": mirrored} | varied), settings.batch_size, training.seed
        ),
        validation and (validation[0][0].astype(np.float32), validation[1]),
        epochs=epochs,
        seed=training.seed,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        class_weights=weights,
        learning_rate=cosine_schedule(settings.learning_rate, epochs, warmup=1),
    )
    return Trained(divided.whole, history)


def compile_top(top: keras.Model, several: bool, rate: float) -> None:
    """For labels as indicators: smoothed where one of the classes is right."""
    if several:
        top.compile(keras.optimizers.Adam(rate), "binary_crossentropy", metrics=["binary_accuracy"])
    else:
        loss = keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING)
        top.compile(keras.optimizers.Adam(rate), loss, metrics=["accuracy"])


def _features(trunk: keras.Model, rows: pd.DataFrame, views: dict[str, View]) -> np.ndarray:
    """(views, pictures, d) float16; a composed picture is varied enough, and is the same in all views."""
    composed = rows["composed"].to_numpy(bool) if "composed" in rows else np.zeros(len(rows), bool)
    files = rows["file"].to_numpy()
    maps = np.zeros((len(views), len(rows), trunk.output_shape[-1]), np.float16)
    for number, (name, view) in enumerate(views.items()):
        maps[number, ~composed] = cached_features(trunk, files[~composed], views={name: view})
    if composed.any():
        maps[:, composed] = cached_features(trunk, files[composed], views={"whole": unchanged})
    return maps


@dataclass(frozen=True)
class Scratch:
    """How a network is trained from scratch, with early stopping. build: classes, image_size, seed -> network."""

    build: Callable[..., keras.Model]
    image_size: int = 200
    epochs: int = 30
    learning_rate: float = 1e-3
    batch_size: int = 32
    patience: int = 8
    augment: bool = False


def learn_scratch(settings: Scratch, dataset: Dataset, training: Training) -> Trained:
    """Train a network on the split train until that of validation gets no better; classes count the same."""
    set_seeds(training.seed)
    size, epochs = training.image_size or settings.image_size, training.epochs or settings.epochs
    model = settings.build(len(dataset.classes), size, seed=training.seed)
    optimizer = keras.optimizers.Adam(settings.learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    changes = character_augmentation(training.seed) if settings.augment else None

    def batches(split: str, **options):
        rows = dataset.table[dataset.table["split"] == split]
        targets = label_indices(rows["label"], dataset.classes)
        return make_pipeline(rows, size, settings.batch_size, targets, **options)

    history = fit(
        model,
        batches(
            "train", shuffle_seed=training.seed, augment=changes and (lambda images: changes(images, training=True))
        ),
        batches("validation"),
        epochs=epochs,
        seed=training.seed,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        patience=settings.patience,
        class_weights=balanced(dataset),
        learning_rate=cosine_schedule(settings.learning_rate, epochs, warmup=1),
    )
    return Trained(model, history)


def balanced(dataset: Dataset) -> dict[int, float]:
    """`training.class_weights` of the split train."""
    labels = dataset.table.loc[dataset.table["split"] == "train", "label"]
    return class_weights(labels.tolist(), dataset.classes)


def soften(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a softmax classifier by a temperature, inside its last layer.

    Smoothed labels ask for doubt, and training pictures for too little of it. Source: Guo et al., 2017,
    arXiv:1706.04599.
    """
    last = model.layers[-1]
    last.set_weights([weights / temperature for weights in last.get_weights()])
