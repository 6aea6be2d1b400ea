"""What a frozen network saw in a data set that cannot be shipped: features, labels and splits in one small file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse.files import atomic_path

LEVELS = 255
COLUMNS = ("file", "label", "split")
FACTS = {"data": str, "licence": str, "backbone": str, "image_size": int, "min_images": int}


@dataclass(frozen=True, eq=False)
class StoredFeatures:
    """Features of real pictures without the pictures.

    values: (n, d) float32. table: a row each, columns `file` (relative to the set's folder), `label`, `split`.
    data, licence: name of the data set, and on what terms. backbone, image_size: what looked at them, and the side in
    pixels that it saw. min_images: only classes with so many training pictures are here.
    """

    values: np.ndarray
    table: pd.DataFrame
    data: str
    licence: str
    backbone: str
    image_size: int
    min_images: int = 1

    @property
    def classes(self) -> list[str]:
        """The labels there are, sorted."""
        return sorted(self.table["label"].unique())

    def rows(self, *splits: str) -> np.ndarray:
        """Positions of the rows of these splits, (m,) int; all without a name."""
        return np.flatnonzero(self.table["split"].isin(splits)) if splits else np.arange(len(self.table))


def save_features(path: str | os.PathLike, stored: StoredFeatures) -> None:
    """Write a compressed .npz file with one byte a feature: the largest value of each column is 255 steps.

    Raises: ValueError for negative features, which no average after a rectifier has.
    """
    if stored.values.min() < 0:
        raise ValueError(f"{path}: only features that are not negative fit; take a backbone that ends in a rectifier")
    largest = np.maximum(stored.values.max(axis=0), np.finfo(np.float32).tiny)
    steps = np.round(stored.values / largest * LEVELS).astype(np.uint8)
    columns = {f"{name}s": stored.table[name].to_numpy(str) for name in COLUMNS}
    facts = {name: getattr(stored, name) for name in FACTS}
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, steps=steps, largest=largest.astype(np.float32), **columns, **facts)


def load_features(name: str | os.PathLike) -> StoredFeatures:
    """Read a file of `save_features` by its path, or by its name below ./data/features or the project's.

    Raises: FileNotFoundError that lists those there are; ValueError for another file.
    """
    path = next(
        (path for path in [*(folder / f"{name}.npz" for folder in _folders()), Path(name)] if path.is_file()), None
    )
    if path is None:
        known = ", ".join(available_features()) or "none"
        raise FileNotFoundError(f"{name}: no such file of features; there are {known}")
    try:
        with np.load(path, allow_pickle=False) as content:
            values = content["steps"] * (content["largest"] / LEVELS)
            table = pd.DataFrame({name: content[f"{name}s"].astype(str) for name in COLUMNS})
            facts = {name: kind(content[name]) for name, kind in FACTS.items()}
            return StoredFeatures(values.astype(np.float32), table, **facts)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{path}: no file of features ({error}); make it with imagecourse data features") from error


def available_features() -> list[str]:
    """Names of the files below ./data/features and the project's."""
    return sorted({path.stem for folder in _folders() for path in folder.glob("*.npz")})


def _folders() -> Sequence[Path]:
    return Path("data", "features"), Path(__file__).parents[3] / "data" / "features"
