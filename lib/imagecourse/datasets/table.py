"""What every reader gives: a table with a row per image, and a list of what was left out and why."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from natsort import natsorted

from imagecourse.evaluation.labels import label_fault
from imagecourse.files import map_files
from imagecourse.images import read_image

TRAIN_AND_TEST = {"train": 0.8, "test": 0.2}


class Problem(NamedTuple):
    """A file or folder that gave no row, and the reason in one line."""

    file: str
    reason: str


Rows = list[dict]
Problems = list[Problem]


@dataclass(frozen=True, eq=False)
class Dataset:
    """A folder of images as a table.

    root: the folder that was read. layout: one of `LAYOUTS`.
    table: a row per image in natural order, columns `file` (absolute path, str), `split` (`train`, `validation`, `test`
    or `predict`) and what the layout knows: `label` (class name, missing in `predict`), or `labels` (tuple of class
    names, perhaps none); `age` (years), `gender` and `race` (numbers of `GENDERS` and `RACES`); `captions` (list of
    str); `clean` (absolute path of the clean partner).
    problems: files and folders that are left out.
    """

    root: Path
    layout: str
    table: pd.DataFrame
    problems: list[Problem]

    @property
    def classes(self) -> list[str]:
        """Class names in natural order; empty for layouts without classes."""
        if "labels" in self.table:
            return natsorted(set(chain.from_iterable(self.table["labels"])))
        return natsorted(self.table["label"].dropna().unique()) if "label" in self.table else []


def split_by_hash(name: str, fractions: Mapping[str, float] = TRAIN_AND_TEST) -> str:
    """The split of a file, drawn from its name: the same on every machine, whatever other files there are.

    The first 32 bits of the SHA-1 of "split/" and the name, as a number in [0, 1), fall into one of the fractions, in
    their order. The prefix keeps the split independent of a collection that was itself cut down by a hash of the names.

    name: file name without folder. fractions: share of each split, together 1.
    """
    if abs(sum(fractions.values()) - 1) > 1e-6 or min(fractions.values()) < 0:
        raise ValueError(f"split fractions {dict(fractions)} must be positive and sum to 1")
    position = int(hashlib.sha1(os.fsencode(f"split/{name}")).hexdigest()[:8], 16) / 2**32
    upper = 0.0
    for split, fraction in fractions.items():
        upper += fraction
        if position < upper:
            return split
    return split


def name_faults(dataset: Dataset) -> list[Problem]:
    """The classes whose names cannot be used, and why."""
    return [Problem(name, f"the class {name!r} {fault}") for name in dataset.classes if (fault := label_fault(name))]


def check_names(dataset: Dataset) -> None:
    """Refuse names of classes that no folder, column or line could have, with ValueError, before work starts."""
    for problem in name_faults(dataset):
        raise ValueError(f"{dataset.root}: {problem.reason}")


def drop_unreadable(dataset: Dataset) -> Dataset:
    """The data set without rows whose image, or clean partner, cannot be read; each becomes a problem.

    Reads every file once on all cores. Do this before training: a damaged file in a pipeline ends an epoch.
    """
    columns = [column for column in ("file", "clean") if column in dataset.table]
    errors: dict[str, str] = {}
    for column in columns:
        files = map(Path, dataset.table[column])
        errors |= {str(o.path): o.error for o in map_files(_try_to_read, files, "reading") if o.error}
    unreadable = dataset.table[columns].isin(list(errors)).any(axis=1)
    table = dataset.table[~unreadable].reset_index(drop=True)
    problems = dataset.problems + [Problem(file, error) for file, error in errors.items()]
    return replace(dataset, table=table, problems=problems)


def _try_to_read(path: Path) -> None:
    read_image(path)


def held_out_split(dataset: Dataset) -> str | None:
    """The split to measure on: test, where there is none validation, else none."""
    present = set(dataset.table["split"])
    return next((split for split in ("test", "validation") if split in present), None)


def watched_split(dataset: Dataset) -> str | None:
    """The split that is watched while training: validation, where there is none the test, else none."""
    present = set(dataset.table["split"])
    return next((split for split in ("validation", "test") if split in present), None)


def choose_classes(dataset: Dataset, min_images: int = 1, max_images: int | None = None, seed: int = 0) -> Dataset:
    """The classes with at least min_images training pictures, and at most max_images of each, drawn at random.

    Validation pictures are for training too, or for the test where there is no other; test pictures all stay.
    Raises: ValueError when fewer than two classes are left, or nothing to train on or to test with.
    """
    if "label" not in dataset.table:
        raise ValueError(f"{dataset.root}: holds no classes; put the images of each into a folder of its own")
    table = _train_and_test(dataset.table.dropna(subset=["label"]))
    training = table[table["split"] == "train"].sample(frac=1, random_state=seed)
    counts = training["label"].value_counts()
    few = set(table["label"]) - set(counts.index[counts >= min_images])
    if max_images is not None:
        training = training.groupby("label").head(max_images)
    kept = pd.concat([training, table[table["split"] == "test"]]).sort_index()
    chosen = replace(dataset, table=kept[~kept["label"].isin(few)].reset_index(drop=True))
    splits = set(chosen.table["split"])
    if len(chosen.classes) < 2 or splits != {"train", "test"}:
        raise ValueError(
            f"{dataset.root}: {len(chosen.classes)} classes with {min_images} or more training pictures and splits "
            f"{', '.join(sorted(splits)) or 'none'}; at least two classes, with pictures to train and test, are wanted"
        )
    return chosen


def _train_and_test(table: pd.DataFrame) -> pd.DataFrame:
    splits = table["split"]
    if not (splits == "test").any():
        splits = splits.replace("validation", "test")
    return table.assign(split=splits.replace("validation", "train"))
