"""What a frozen network sees in a data set, for chapters that train on real pictures without having them."""

from dataclasses import replace
from pathlib import Path

from imagecourse.datasets.stored import StoredFeatures
from imagecourse.networks.backbones import image_size_of
from imagecourse.networks.features import cached_features
from imagecourse.recipes.data import open_dataset, origin, without_copies_across_splits, without_unreadable


def keep_features(folder: Path, backbone: str, min_images: int = 1) -> StoredFeatures:
    """Features of all pictures with a label, without unreadable ones and copies across splits.

    Splits are those of the folder, else by a hash of the name as in every recipe. min_images: only classes with so many
    training pictures. Raises: ValueError, FileNotFoundError: what is wrong with the data; pictures with several labels.
    """
    with open_dataset(str(folder), write_sample=_refuse) as found:
        if "label" not in found.table:
            raise ValueError(f"{folder}: its pictures have several labels; give a set with one label a picture")
        counts = found.table.loc[found.table["split"] == "train", "label"].value_counts()
        kept = found.table["label"].isin(counts.index[counts >= min_images])
        dataset, hashes = without_unreadable(replace(found, table=found.table[kept]))
        table = without_copies_across_splits(dataset.table, hashes)
        values = cached_features(backbone, table["file"].tolist())
        files = [Path(file).relative_to(found.root).as_posix() for file in table["file"]]
        data, licence = origin(str(folder), "")
        return StoredFeatures(
            values,
            table[["label", "split"]].assign(file=files),
            data,
            licence,
            backbone,
            image_size_of(backbone),
            min_images,
        )


def _refuse(_folder: Path) -> None:
    raise ValueError("sample: its pictures are there at any time; give a folder")
