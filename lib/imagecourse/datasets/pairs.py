"""Pictures of two characters, composed of pictures of one: what several labels can be learned from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from imagecourse.datasets.table import Dataset
from imagecourse.images import read_image, write_image

PAIR_SIZE = 256
MIDDLE = 0.7


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
