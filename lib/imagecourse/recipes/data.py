"""Data that can be trained on: opened, freed of what cannot be read and of copies, with the splits that are wanted."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse.datasets.catalogue import load_catalogue
from imagecourse.datasets.duplicates import both_hashes, fingerprints, near_duplicate_groups
from imagecourse.datasets.readers import read_dataset
from imagecourse.datasets.table import Dataset, check_names, split_by_hash
from imagecourse.images.errors import on_one_line
from imagecourse.networks.training import check_labels

SAMPLE = "sample"
FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}
VALIDATION_SHARES = {"train": 7 / 8, "validation": 1 / 8}


@contextmanager
def sample_or_folder(data: str, write_sample: Callable[[Path], object]) -> Iterator[Path]:
    """The folder of a data set, or for "sample" a temporary one into which write_sample has written."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, SAMPLE) if data == SAMPLE else Path(data)
        if data == SAMPLE:
            write_sample(root)
        yield root


@contextmanager
def open_folder(
    data: str, write_sample: Callable[[Path], object], fractions: Mapping[str, float] = FRACTIONS
) -> Iterator[Dataset]:
    """The data set in a folder, or for "sample" what write_sample puts into one, without rows of the split predict.

    fractions: of the splits, where the data set has none of its own. Raises: as `read_dataset`.
    """
    with sample_or_folder(data, write_sample) as root:
        dataset = read_dataset(root, fractions=fractions)
        check_names(dataset)
        for problem in (each for each in dataset.problems if not Path(each.file).is_dir()):
            print(on_one_line(f"left out: {problem.file}: {problem.reason}"), file=sys.stderr)
        yield replace(dataset, table=dataset.table[dataset.table["split"] != "predict"])


@contextmanager
def open_dataset(data: str, write_sample: Callable[[Path], object]) -> Iterator[Dataset]:
    """`open_folder` for a data set with classes, each with pictures.

    Raises: ValueError, FileNotFoundError: what is wrong with the data.
    """
    with open_folder(data, write_sample) as dataset:
        if not dataset.classes:
            raise ValueError(f"{dataset.root}: holds no classes; put the images of each into a folder of its own")
        empty = [Path(problem.file).name for problem in dataset.problems if Path(problem.file).is_dir()]
        if empty:
            raise ValueError(
                f"{dataset.root}: no images in the class {', '.join(empty)}; add some or remove the folder"
            )
        yield dataset


def without_unreadable(dataset: Dataset) -> tuple[Dataset, np.ndarray]:
    """The data set without files that give no image, each named on stderr; the others' hashes, (n, 2, 4) uint64."""
    outcomes = fingerprints(dataset.table["file"])
    for outcome in outcomes:
        if outcome.error:
            reason = outcome.error.removeprefix(f"{on_one_line(outcome.path)}: ")
            print(on_one_line(f"left out: {outcome.path}: {reason}"), file=sys.stderr)
    readable = np.array([not outcome.error for outcome in outcomes])
    table = dataset.table[readable].reset_index(drop=True)
    return replace(dataset, table=table), both_hashes(outcome.result for outcome in outcomes if not outcome.error)


def without_copies_across_splits(table: pd.DataFrame, hashes: np.ndarray) -> pd.DataFrame:
    """The table without near-copies of test rows elsewhere, and without near-copies of validation rows in train.

    hashes: (n, 2, 4) uint64 of the rows, see `datasets.duplicates.perceptual_hashes`.
    """
    dropped = []
    for group in near_duplicate_groups(hashes):
        splits = table["split"].iloc[group]
        strictest = next(split for split in ("test", "validation", "train") if (splits == split).any())
        dropped += splits.index[splits != strictest].tolist()
    return table.drop(index=dropped).reset_index(drop=True)


def with_all_splits(table: pd.DataFrame) -> pd.DataFrame:
    """A table with train, validation and test: where there is no test, what validates is kept for it, and where nothing
    validates, an eighth of train does."""
    splits = table["split"].copy()
    if not (splits == "test").any():
        splits = splits.replace("validation", "test")
    if not (splits == "validation").any():
        splits = splits.where(splits != "train", held_back(table["file"]))
    return table.assign(split=splits)


def held_back(files: Iterable[str]) -> list[str]:
    """The split of training files when an eighth of them, by a hash of the name, is kept back for validation."""
    return [split_by_hash(f"validation {Path(file).name}", VALIDATION_SHARES) for file in files]


def check_trainable(dataset: Dataset, classes: list[str], splits: Iterable[str]) -> None:
    """Refuse data in which a class has no training picture, or a split no picture at all, with ValueError."""
    train = dataset.table[dataset.table["split"] == "train"]
    labels = train["labels"].explode() if "labels" in train else train["label"]
    try:
        check_labels(labels.tolist(), classes)
    except ValueError as error:
        raise ValueError(f"{dataset.root}: {error}") from error
    for split in splits:
        if not (dataset.table["split"] == split).any():
            raise ValueError(f"{dataset.root}: too few images, none is left for the split {split}; add some")


def origin(data: str, sample_licence: str) -> tuple[str, str]:
    """Name and licence of a data set; a set inside a folder of the catalogue has the licence of that."""
    if data == SAMPLE:
        return data, sample_licence
    folder, catalogue = Path(os.path.realpath(data)), load_catalogue()
    entry = next((catalogue[name] for name in (folder.name, folder.parent.name) if name in catalogue), None)
    return folder.name, entry.licence if entry else "not known; ask whoever made the data set"
