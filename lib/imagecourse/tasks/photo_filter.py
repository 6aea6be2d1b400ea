"""The fine-tuned photo filter: many views of every picture, paintings made of further photographs, and the
upper part of EfficientNet-Lite0 fine-tuned on what its frozen lower part sees in them."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.augmentation import painted_view, random_view
from imagecourse.calibration import fit_temperature
from imagecourse.datasets import (
    Dataset,
    drop_unreadable,
    label_indices,
    near_duplicate_groups,
    perceptual_hashes,
    read_dataset,
)
from imagecourse.features import cached_features
from imagecourse.fine_tuning import CutViewBatches, DividedNetwork, divide, top_for_any_size
from imagecourse.tasks.photo_checks import figures, predict
from imagecourse.training import class_weights, cosine_schedule, fit, set_seeds

BACKBONE, LAST_FROZEN = "efficientnet_lite0", "block3b_add"
PHOTO, PAINTING = "Photo", "Painting"
EPOCHS = 8
VIEWS = 5
CUT_SIDE = 5 / 7
BATCH_SIZE = 32
LEARNING_RATE = 3e-4
LABEL_SMOOTHING = 0.1
WEIGHT_AVERAGING = 0.99
PHOTOGRAPHS_PER_FOLDER = 300
PAINTED_SHARE = 1 / 3


class Training(NamedTuple):
    """What `fine_tune` needs of the request, see `training.fit`."""

    epochs: int
    seed: int
    image_size: int | None = None
    checkpoint_dir: Path | None = None
    resume: bool = False


def add_photographs(dataset: Dataset, folders: Sequence[Path]) -> Dataset:
    """Further photographs as training rows of the class Photo: up to 300 from each folder, none that is kept for
    its own validation or test.

    Always the same ones, so that what the trunk sees in them comes out of the cache. Column `further`: whether a row is
    one of them. Raises: as `read_dataset`; ValueError when the set has no class Photo.
    """
    parts = [dataset.table.assign(further=False)]
    if folders and PHOTO not in dataset.classes:
        raise ValueError(f"{dataset.root}: has no class {PHOTO}; leave out --photographs")
    generator = np.random.default_rng(0)
    for folder in folders:
        source = read_dataset(folder)
        rows = source.table[~source.table["split"].isin(["validation", "test"])]
        chosen = np.sort(generator.permutation(len(rows))[:PHOTOGRAPHS_PER_FOLDER])
        readable = drop_unreadable(replace(source, table=rows.iloc[chosen][["file", "split"]])).table
        parts.append(readable.assign(split="train", label=PHOTO, further=True))
    return replace(dataset, table=pd.concat(parts, ignore_index=True))


def without_copies_across_splits(table: pd.DataFrame) -> pd.DataFrame:
    """The table without near-copies of test rows elsewhere, and without near-copies of validation rows in train."""
    dropped = []
    for group in near_duplicate_groups(perceptual_hashes(table["file"])):
        splits = table["split"].iloc[group]
        strictest = next(split for split in ("test", "validation", "train") if (splits == split).any())
        dropped += splits.index[splits != strictest].tolist()
    return table.drop(index=dropped).reset_index(drop=True)


def fine_tune(table: pd.DataFrame, classes: Sequence[str], training: Training) -> tuple[keras.Model, pd.DataFrame]:
    """Train on the rows of the split train, watch those of validation; returns the whole network and its history.

    The validation pictures also give the temperature of its probabilities.

    table: columns file, split, label, further. A third of the further photographs are also shown as paintings, so
    that what is known from photographs only, people above all, does not give a photograph away.
    """
    set_seeds(training.seed)
    network = divide(BACKBONE, LAST_FROZEN, len(classes), training.image_size, seed=training.seed)
    shape = network.top.get_layer("upper").input_shape[1:]
    rows = {split: table[table["split"] == split] for split in ("train", "validation")}
    features, labels = _training_views(network, rows["train"], classes)
    targets = keras.utils.to_categorical(label_indices(labels, classes), len(classes))
    validation = rows["validation"]
    truth = keras.utils.to_categorical(label_indices(validation["label"], classes), len(classes))
    maps = _views(network, validation["file"].tolist(), {"whole": _whole})[0].reshape(-1, *shape)
    top = top_for_any_size(network)
    top.compile(
        keras.optimizers.Adam(LEARNING_RATE, use_ema=True, ema_momentum=WEIGHT_AVERAGING),
        keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    history = fit(
        top,
        CutViewBatches(features, targets, BATCH_SIZE, training.seed, shape, round(CUT_SIDE * shape[0])),
        (maps, truth),
        epochs=training.epochs,
        seed=training.seed,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        class_weights={number: weight**0.5 for number, weight in class_weights(labels, classes).items()},
        learning_rate=cosine_schedule(LEARNING_RATE, training.epochs, warmup=1),
    )
    soften(network.whole, fit_temperature(truth.argmax(axis=1), top.predict(maps, verbose=0)))
    return network.whole, history


def soften(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a softmax classifier by a temperature, inside its last layer.

    Cuts have more border than whole pictures, and smoothed labels ask for doubt: without it the network would be far
    more often right than it says. Source: Guo et al., 2017, arXiv:1706.04599.
    """
    last = model.get_layer("predictions")
    last.set_weights([weights / temperature for weights in last.get_weights()])


def leave_content_out(dataset: Dataset, contents: Sequence[str], training: Training) -> dict[str, dict]:
    """Train without all files whose names begin with a content and an underscore, and measure on those files.

    Returns: `left_out`, with the contents and what `photo_checks.figures` gives.
    Raises: ValueError for a content that no file shows.
    """
    shown = dataset.table["file"].map(lambda file: Path(file).name.split("_")[0])
    missing = sorted(set(contents) - set(shown))
    if missing:
        raise ValueError(f"{dataset.root}: no file name begins with {missing[0]}_; choose another content to leave out")
    held = shown.isin(contents) & ~dataset.table["further"]
    model, _ = fine_tune(dataset.table[~held], dataset.classes, training._replace(checkpoint_dir=None))
    rows = dataset.table[held]
    scores = predict(model, rows["file"].tolist(), lambda image: image)
    truth = label_indices(rows["label"], dataset.classes)
    found = figures(truth, scores, dataset.classes, training.seed)
    print(f"without {', '.join(contents)} in training: accuracy on them {found['accuracy']['value']}", file=sys.stderr)
    return {"left_out": {"contents": list(contents)} | found}


def _training_views(
    network: DividedNetwork, rows: pd.DataFrame, classes: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Feature maps (views, pictures, d) float16 of all training pictures, painted ones last, and their labels."""
    pictures = rows["file"].tolist()
    labels = rows["label"].tolist()
    features = _views(
        network, pictures, {"whole": _whole, "mirrored": _mirrored} | _numbered("another", random_view, VIEWS - 2)
    )
    further = rows.loc[rows["further"], "file"]
    if further.empty or PAINTING not in classes:
        return features, labels
    to_paint = further.iloc[:: round(1 / PAINTED_SHARE)].tolist()
    painted = _views(network, to_paint, _numbered("painted over", painted_view, VIEWS))
    return np.concatenate([features, painted], axis=1), labels + [PAINTING] * len(to_paint)


def _views(network: DividedNetwork, files: list[str], views: dict[str, Callable]) -> np.ndarray:
    maps = [
        cached_features(network.trunk, files, views={name: view}).astype(np.float16) for name, view in views.items()
    ]
    return np.stack(maps)


def _numbered(name: str, view: Callable, count: int) -> dict[str, Callable]:
    return {f"{name} {number}": view for number in range(1, count + 1)}


def _whole(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    return image


def _mirrored(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    return image[:, ::-1]
