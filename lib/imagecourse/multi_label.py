"""Several labels for one picture: composed pictures to learn them from, a threshold for each class, and measures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

from imagecourse.datasets import Dataset, label_indicators
from imagecourse.evaluation import precision_recall_table
from imagecourse.images import read_image, write_image

LABEL_SEPARATOR = " + "
PAIR_SIZE = 256
MIDDLE = 0.7


def is_multi_label(model: keras.Model) -> bool:
    """Whether a network answers yes or no for each of several classes: its last layer ends in a sigmoid."""
    activation = getattr(model.layers[-1], "activation", None)
    return activation is keras.activations.sigmoid and model.output_shape[-1] > 1


def join_labels(scores: np.ndarray, classes: Sequence[str], thresholds: np.ndarray) -> list[str]:
    """The classes of each picture whose score reaches its threshold, as text such as "goku + vegeta", or "".

    scores: (n, classes). thresholds: (classes,).
    """
    named = scores >= thresholds
    return [LABEL_SEPARATOR.join(name for name, yes in zip(classes, row, strict=True) if yes) for row in named]


def split_labels(label: str, classes: Sequence[str]) -> list[str]:
    """The classes that a text of `join_labels` names; a class whose own name holds the separator is one."""
    if label == "" or label in classes:
        return [label] if label else []
    return label.split(LABEL_SEPARATOR)


def composed_pairs(
    files: Sequence[str | Path], labels: Sequence[str], count: int, seed: int, size: int = PAIR_SIZE
) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """Pictures of two characters made from pictures of one: of different classes, side by side or one above the other.

    Each half shows the whole picture squeezed, or its middle cut out, and is mirrored by chance. Each pair of classes
    is as likely as any other.
    files, labels: as many of both, of two classes at least. size: pixels a side.

    Returns: images (count, size, size, 3) uint8 RGB, and the two labels of each.
    Raises: ValueError for fewer than two classes; as `read_image`.
    """
    classes = sorted(set(labels))
    if len(classes) < 2:
        raise ValueError(f"pairs want pictures of two classes at least; there are {len(classes)}")
    generator = np.random.default_rng(seed)
    by_class = {name: [file for file, label in zip(files, labels, strict=True) if label == name] for name in classes}
    images, pairs = np.zeros((count, size, size, 3), np.uint8), []
    for number in range(count):
        pair = tuple(classes[index] for index in generator.permutation(len(classes))[:2])
        chosen = [by_class[name][generator.integers(len(by_class[name]))] for name in pair]
        images[number] = _compose([read_image(file) for file in chosen], size, generator)
        pairs.append(pair)
    return images, pairs


def _compose(pictures: list[np.ndarray], size: int, generator: np.random.Generator) -> np.ndarray:
    upright = generator.random() < 0.75
    share = round(size * generator.uniform(0.4, 0.6))
    parts = []
    for picture, length in zip(pictures, (share, size - share), strict=True):
        if generator.random() < 0.5:
            picture = picture[:, ::-1]
        if generator.random() < 0.5:
            picture = _middle(picture, along_width=upright)
        shape = (length, size) if upright else (size, length)
        parts.append(cv2.resize(np.ascontiguousarray(picture), shape, interpolation=cv2.INTER_AREA))
    return np.concatenate(parts, axis=1 if upright else 0)


def _middle(picture: np.ndarray, along_width: bool) -> np.ndarray:
    side = picture.shape[1 if along_width else 0]
    margin = round(side * (1 - MIDDLE) / 2)
    return picture[:, margin : side - margin] if along_width else picture[margin : side - margin]


def add_pairs(dataset: Dataset, folder: Path, counts: Mapping[str, int], seed: int) -> Dataset:
    """A data set with one label a picture, and so many pairs composed of the pictures of each split, as files.

    counts: by split; the pairs are rows of the same split. Columns `labels`, a tuple of names, and `composed`. A data
    set whose pictures have several labels already stays as it is.
    """
    if "labels" in dataset.table:
        return dataset
    rows = []
    for number, (split, count) in enumerate(sorted(counts.items())):
        single = dataset.table[dataset.table["split"] == split]
        images, pairs = composed_pairs(single["file"].tolist(), single["label"].tolist(), count, seed + number)
        for index, (image, pair) in enumerate(zip(images, pairs, strict=True)):
            path = folder / f"{split}_{index:04d}.png"
            write_image(path, image)
            rows.append({"file": str(path), "split": split, "labels": pair, "composed": True})
    labels = dataset.table["label"].map(lambda label: (label,))
    table = pd.concat([dataset.table.assign(labels=labels, composed=False), pd.DataFrame(rows)], ignore_index=True)
    return replace(dataset, table=table)


def choose_thresholds(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """For each class the probability from which a yes counts: the one with the highest F1. Shape (classes,).

    truth: (n, classes) of 0 and 1. scores: (n, classes), of pictures that the network was not trained on (held out in
    turn): those of its training pictures are too sure.
    Raises: ValueError for a class that no picture shows.
    """
    return np.array([_best_f1(truth[:, number], scores[:, number]) for number in range(truth.shape[1])])


def _best_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    """In the middle between the best threshold and the next lower score, which treats all pictures the same."""
    table = precision_recall_table(truth > 0, scores)
    f1 = 2 * table["precision"] * table["recall"] / np.maximum(table["precision"] + table["recall"], 1e-9)
    best = table["threshold"][f1.idxmax()]
    lower = scores[scores < best]
    return float((best + (lower.max() if lower.size else 0.0)) / 2)


def multi_label_figures(truth: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> dict[str, float]:
    """How well several labels are found: `mean_average_precision`, `all_found` (every true label is above its
    threshold) and `exactly_right` (and no other is).

    truth: (n, classes) of 0 and 1. scores: (n, classes). thresholds: (classes,).
    """
    named = scores >= thresholds
    return {
        "mean_average_precision": float(average_precision_score(truth, scores, average="macro")),
        "all_found": float((named | (truth == 0)).all(axis=1).mean()),
        "exactly_right": float((named == (truth > 0)).all(axis=1).mean()),
    }


def indicators(rows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Targets (n, classes) of 0 and 1 for a network that answers independently; rows: column labels, or label."""
    label_sets = rows["labels"] if "labels" in rows else [(label,) for label in rows["label"]]
    return label_indicators(list(label_sets), classes)
