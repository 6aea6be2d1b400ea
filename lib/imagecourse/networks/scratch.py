"""Networks that borrow nothing, trained on pictures alone."""

import os
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets.pipeline import indicators, label_indices, make_pipeline
from imagecourse.datasets.preparation import turned_view
from imagecourse.datasets.table import Dataset, watched_split
from imagecourse.evaluation.several_labels import MODES, MULTI, SINGLE
from imagecourse.networks.architectures import breed_cnn, character_augmentation, character_cnn
from imagecourse.networks.training import cosine_schedule, fit, set_seeds

BATCH_SIZE = 32
BREED_EPOCHS, CHARACTER_EPOCHS = 30, 20
LEARNING_RATE = 1e-3


class TurnedBatches(keras.utils.PyDataset):
    """Batches for `training.fit`: in each epoch every picture once, turned, zoomed and mirrored anew.

    images: (n, size, size, 3) uint8. targets: (n,) int.
    """

    def __init__(self, images: np.ndarray, targets: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.images, self.targets, self.batch_size = images, targets, batch_size
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.images) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        return np.stack([turned_view(image, self.generator) for image in self.images[rows]]), self.targets[rows]

    def on_epoch_end(self) -> None:
        self.order = self.generator.permutation(len(self.images))


def learn_from_scratch(
    images: np.ndarray,
    targets: np.ndarray,
    classes: int,
    seed: int,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    epochs: int | None = None,
    augment: bool = False,
    checkpoint_dir: Path | None = None,
    resume: bool = False,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train `architectures.breed_cnn` on pictures alone: the network and its history.

    images: (n, size, size, 3) uint8. targets: (n,) int. validation: the same. augment: turn, zoom and mirror them.
    """
    set_seeds(seed)
    model = breed_cnn(classes, images.shape[1], seed=seed)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = fit(
        model,
        TurnedBatches(images, targets, BATCH_SIZE, seed) if augment else (images, targets),
        validation,
        epochs=epochs or BREED_EPOCHS,
        seed=seed,
        batch_size=BATCH_SIZE,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
    )
    return model, history


def train_character_cnn(
    dataset: Dataset,
    mode: str = SINGLE,
    image_size: int = 150,
    epochs: int = CHARACTER_EPOCHS,
    augment: bool = True,
    seed: int = 42,
    batch_size: int = BATCH_SIZE,
    checkpoint_dir: str | os.PathLike | None = None,
    resume: bool = False,
) -> tuple[keras.Model, pd.DataFrame]:
    """Train the classic network from scratch on the split train, and keep its last epoch.

    dataset: with a column `label` (mode "single"), or `labels` or `label` (mode "multi", independent probabilities).
    augment: shear, zoom and flip the training pictures (`architectures.character_augmentation`).
    checkpoint_dir, resume: as for `training.fit`. Same arguments, same data, same network, bit for bit.

    Returns: the network, and its history with a row per epoch: `loss`, `accuracy` (in mode "multi"
    `binary_accuracy`, of all yes-or-no answers), and the same with `val_` of `watched_split`.
    Raises: ValueError for an unknown mode, and as `architectures.character_cnn`.
    """
    if mode not in MODES:
        raise ValueError(f"mode: {mode!r} is unknown; use one of {', '.join(MODES)}")
    set_seeds(seed)
    multi = mode == MULTI
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
        learning_rate=cosine_schedule(LEARNING_RATE, epochs),
    )
    return model, history
