"""Photograph or not: a fine-tuned backbone, one of our own networks, or a new last layer on a frozen backbone."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from imagecourse import networks
from imagecourse.backbones import backbone
from imagecourse.bundles import round_to_half
from imagecourse.datasets import Dataset, label_indices
from imagecourse.datasets.sample.archive import write_archive
from imagecourse.features import cached_features
from imagecourse.tasks import TrainingRequest, photo_checks, photo_filter
from imagecourse.tasks.classification import checkpoint_folder, open_dataset, save_classifier, split_pipeline
from imagecourse.training import class_weights, cosine_schedule, fit, set_seeds

FINE_TUNED = "fine_tuned"
NETWORKS = {"photo_cnn": networks.photo_cnn, "separable_resnet": networks.separable_resnet}
EPOCHS = 30
PATIENCE = 8
LEARNING_RATE = 1e-3


def train(
    request: TrainingRequest,
    network: str = FINE_TUNED,
    photographs: Sequence[Path] = (),
    leave_out: Sequence[str] = (),
) -> Path:
    """Train on folders of classes and save the model.

    network: `FINE_TUNED` (`photo_filter`); a name of `NETWORKS`, trained from scratch; or a backbone
    (`backbones.backbone`), which is frozen.
    Checks of the result go onto the card (`photo_checks`).
    photographs: data sets whose pictures are further photographs to train on.
    leave_out: contents; `FINE_TUNED` is also trained without the files whose names begin with one of
    them and an underscore, and measured on those.
    Raises: as `open_dataset`; ValueError for an unknown network or content.
    """
    settings = {
        "network": network,
        "image_size": request.image_size,
        "photographs": [path.name for path in photographs],
    }
    with (
        open_dataset(request.data, partial(write_archive, seed=request.seed)) as dataset,
        checkpoint_folder(request, **settings) as folder,
    ):
        dataset = photo_filter.add_photographs(dataset, photographs)
        dataset = replace(dataset, table=photo_filter.without_copies_across_splits(dataset.table))
        if network == FINE_TUNED:
            return _train_filter(request, dataset, leave_out, folder)
        return _train_other(request, network, dataset, folder)


def _train_filter(request: TrainingRequest, dataset: Dataset, leave_out: Sequence[str], folder: Path) -> Path:
    training = photo_filter.Training(
        request.epochs or photo_filter.EPOCHS, request.seed, request.image_size, folder, request.resume
    )
    left_out = photo_filter.leave_content_out(dataset, leave_out, training) if leave_out else {}
    model, history = photo_filter.fine_tune(dataset.table, dataset.classes, training)
    round_to_half(model)
    checks = photo_checks.all_checks(model, dataset, request.seed)
    return save_classifier(request, model, dataset, history, **checks, **left_out)


def _train_other(request: TrainingRequest, network: str, dataset: Dataset, folder: Path) -> Path:
    """Classes count the same, however many images each has."""
    train_network = _train_own_network if network in NETWORKS else _train_head
    set_seeds(request.seed)
    epochs = request.epochs or EPOCHS
    labels = dataset.table.loc[dataset.table["split"] == "train", "label"].tolist()
    options = {
        "epochs": epochs,
        "seed": request.seed,
        "checkpoint_dir": folder,
        "resume": request.resume,
        "patience": PATIENCE,
        "class_weights": class_weights(labels, dataset.classes),
        "learning_rate": cosine_schedule(LEARNING_RATE, epochs, warmup=1),
    }
    model, history = train_network(network, dataset, request.image_size, options)
    round_to_half(model)
    return save_classifier(request, model, dataset, history, **photo_checks.all_checks(model, dataset, request.seed))


def _train_own_network(
    name: str, dataset: Dataset, image_size: int | None, options: dict
) -> tuple[keras.Model, pd.DataFrame]:
    size = image_size or 200
    model = NETWORKS[name](len(dataset.classes), size, seed=options["seed"])
    _compile(model)
    train_batches = split_pipeline(dataset, "train", size, shuffle_seed=options["seed"])
    return model, fit(model, train_batches, split_pipeline(dataset, "validation", size), **options)


def _train_head(name: str, dataset: Dataset, image_size: int | None, options: dict) -> tuple[keras.Model, pd.DataFrame]:
    """The backbone looks at every picture once; only the last layer goes through the epochs."""
    frozen = backbone(name, image_size)
    head = keras.Sequential(
        [
            keras.Input(frozen.output_shape[1:]),
            layers.Dropout(0.2, seed=options["seed"], name="dropout"),
            layers.Dense(len(dataset.classes), activation="softmax", name="predictions"),
        ]
    )
    _compile(head)
    train_split, validation = (_features(frozen, dataset, split) for split in ("train", "validation"))
    history = fit(head, train_split, validation, **options)
    outputs = frozen.output
    for layer in head.layers:
        outputs = layer(outputs)
    return keras.Model(frozen.input, outputs, name=f"{name}_classifier"), history


def _features(frozen: keras.Model, dataset: Dataset, split: str) -> tuple[np.ndarray, np.ndarray]:
    rows = dataset.table[dataset.table["split"] == split]
    return cached_features(frozen, rows["file"].tolist()), label_indices(rows["label"], dataset.classes)


def _compile(model: keras.Model) -> None:
    model.compile(keras.optimizers.Adam(LEARNING_RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
