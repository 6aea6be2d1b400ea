"""One reader per folder layout, one uniform result. Nothing else in the course knows how a set lies on the disk."""

import csv
import os
import re
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import pandas as pd
from scipy.io import loadmat

from imagecourse.datasets.listed import LIST_NAME, list_columns, read_listed, read_multi_label, read_split
from imagecourse.datasets.split_names import split_of
from imagecourse.datasets.table import TRAIN_AND_TEST, Dataset, Problem, Problems, Rows, split_by_hash
from imagecourse.evaluation.labels import normal_label
from imagecourse.images import list_images

GENDERS = ("man", "woman")
RACES = ("White", "Black", "Asian", "Indian", "other")

_UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{8,}(\.jpg)?(\.chip)?\.(jpg|jpeg|png)", re.IGNORECASE)
_OLDEST = 116
_BREED_FOLDER = re.compile(r"n\d{8}-(.+)")


def read_dataset(
    folder: str | os.PathLike, layout: str | None = None, fractions: Mapping[str, float] = TRAIN_AND_TEST
) -> Dataset:
    """Read a folder of images in any of the layouts of `LAYOUTS` as one table.

    layout: None finds it out (`detect_layout`). fractions: shares of the splits, for layouts that bring none of their
    own: each file is put into one by a hash of its name (`split_by_hash`), so 80 % `train` and 20 % `test`.

    Raises: FileNotFoundError, NotADirectoryError; ValueError for a folder without images, with several data sets in
    it, or an unknown layout.
    """
    root = Path(folder).absolute()
    files = list_images(root)
    if not files:
        raise ValueError(f"{folder}: holds no images; name the folder of a data set")
    layout = layout or detect_layout(root, files)
    if layout not in LAYOUTS:
        raise ValueError(f"{layout}: no such layout; choose one of {', '.join(LAYOUTS)}")
    rows, problems = _READERS[layout](root, files, fractions)
    if not rows:
        raise ValueError(f"{folder}: no image fits the layout {layout}; it wants {LAYOUTS[layout]}")
    table = pd.DataFrame(rows)
    if "label" in table:
        table["label"] = table["label"].map(normal_label, na_action="ignore")
    return Dataset(root, layout, table, problems)


def detect_layout(root: Path, files: list[Path]) -> str:
    """The layout of a folder from its sub-folders, list files and file names; files: all images below it."""
    folders = {path.name.lower() for path in root.iterdir() if path.is_dir()}
    columns = list_columns(root / LIST_NAME)
    if {"file", "label"} <= set(columns):
        return "list"
    if columns[:2] == ["file", "split"]:
        return "multi-label"
    if any((root / name).is_file() for name in ("captions.txt", "Flickr8k.token.txt")):
        return "flickr8k"
    if {"noisy", "clean"} <= folders:
        return "clean-noisy"
    if _most(_BREED_FOLDER.fullmatch(file.parent.name) for file in files):
        return "stanford-dogs"
    if _has_splits(root, files):
        return "split-folders"
    if _most(_UTKFACE_NAME.fullmatch(file.name) for file in files):
        return "utkface"
    if _most(file.parent == root for file in files):
        return "unlabelled"
    return "class-folders"


def _has_splits(root: Path, files: list[Path]) -> bool:
    """Whether folders of classes lie in one for training, or all folders are splits (and not classes named so)."""
    parts = [file.relative_to(root).parts for file in files if file.parent != root]
    splits = {split_of(top) for top, *_ in parts}
    return any(split_of(top) == "train" and len(rest) > 1 for top, *rest in parts) or (
        len(splits) > 1 and None not in splits
    )


def _most(answers: Iterable[object]) -> bool:
    answers = [bool(answer) for answer in answers]
    return 2 * sum(answers) > len(answers)


def _read_split_folders(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    rows, problems, outside = [], [], {}
    for file in files:
        top, *middle, _ = file.relative_to(root).parts if file.parent != root else ("", "")
        split = split_of(top)
        if split is None:
            outside.setdefault(top, []).append(file)
        elif split == "predict":
            rows.append({"file": str(file), "split": split, "label": None})
        elif not middle:
            problems.append(Problem(str(file), f"lies in {top} itself; put it into a class folder"))
        else:
            rows.append({"file": str(file), "split": split, "label": middle[0]})
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and split_of(folder.name) not in (None, "predict"):
            problems += _empty_folders(folder, files)
    classes = {row["label"] for row in rows}
    for top, left_out in outside.items():
        problems += _outside_of_splits(root / top, left_out, classes)
    return rows, problems


def _outside_of_splits(folder: Path, files: list[Path], classes: set[str | None]) -> Problems:
    """One line for a folder that may be a split under an unknown name, else one for each file."""
    same = sorted({file.relative_to(folder).parts[0] for file in files} & classes)
    if same:
        known = f"holds {len(files)} images in {' and '.join(same[:3])}, as the splits do, and is left out"
        return [Problem(str(folder), f"{known}: is it a split? name it train, validation or test")]
    return [Problem(str(file), "lies outside of train, validation, test and predict") for file in files]


def _read_class_folders(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    several = [path.parent.name for path in sorted(root.glob("*/train")) if path.is_dir()]
    if several:
        raise ValueError(f"{root}: holds several data sets ({', '.join(several)}); name one of them")
    rows, problems = [], _empty_folders(root, files)
    for file in files:
        if file.parent == root:
            problems.append(Problem(str(file), "lies beside the class folders; put it into one"))
        else:
            label = file.relative_to(root).parts[0]
            rows.append({"file": str(file), "split": split_by_hash(file.name, fractions), "label": label})
    return rows, problems + _classes_like_splits(root, files)


def _classes_like_splits(root: Path, files: list[Path]) -> Problems:
    """A question where all folders hold folders of the same names, as splits do."""
    inner: dict[str, set[str]] = {}
    for file in files:
        top, *middle, _ = file.relative_to(root).parts if file.parent != root else ("", "")
        inner.setdefault(top, set()).update(name for name in middle[:1] if not name.isdecimal())
    inner.pop("", None)
    first, *others = inner.items()
    if len(first[1]) < 2 or not others or any(names != first[1] for _, names in others):
        return []
    tops, same = " and ".join(sorted(inner)[:3]), " and ".join(sorted(first[1])[:3])
    question = f"{tops} were read as classes, but each holds {same}: are they splits?"
    return [Problem(str(root), f"{question} then name them train, validation and test")]


def _empty_folders(parent: Path, files: list[Path]) -> Problems:
    used = {file.relative_to(parent).parts[0] for file in files if file.is_relative_to(parent)}
    folders = [path for path in sorted(parent.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    return [Problem(str(path), "a class folder without images") for path in folders if path.name not in used]


def _read_utkface(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    rows, problems = [], []
    for file in files:
        name = _UTKFACE_NAME.fullmatch(file.name)
        if name is None:
            problems.append(Problem(str(file), "the name is not AGE_GENDER_RACE_DATETIME.jpg.chip.jpg"))
            continue
        age, gender, race = (int(name[group]) for group in (1, 2, 3))
        if age > _OLDEST:
            problems.append(Problem(str(file), f"age {age} is over {_OLDEST}, the oldest of the set"))
            continue
        split = split_by_hash(file.name, fractions)
        rows.append({"file": str(file), "split": split, "age": age, "gender": gender, "race": race})
    return rows, problems


def _read_stanford_dogs(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    splits = _dog_splits(root)
    rows, problems = [], []
    found = set()
    for file in files:
        breed = _BREED_FOLDER.fullmatch(file.parent.name)
        name = f"{file.parent.name}/{file.name}"
        found.add(name)
        if breed is None:
            problems.append(Problem(str(file), "does not lie in a breed folder such as n02085620-Chihuahua"))
        elif splits and name not in splits:
            problems.append(Problem(str(file), "is in no list of a split"))
        else:
            split = splits[name] if splits else split_by_hash(file.name, fractions)
            rows.append({"file": str(file), "split": split, "label": breed[1].replace("_", " ")})
    problems += [Problem(name, "is listed in a split but missing") for name in splits if name not in found]
    return rows, problems


def _dog_splits(root: Path) -> dict[str, str]:
    """Split by BREED_FOLDER/FILE, from split.csv or the two Matlab lists of the original; empty without either."""
    if (root / "split.csv").is_file():
        table = pd.read_csv(root / "split.csv", dtype=str)
        if not {"file", "split"} <= set(table.columns):
            raise ValueError(f"{root / 'split.csv'}: has no columns file,split; add them as its first line")
        names = ["/".join(Path(file).parts[-2:]) for file in table["file"]]
        return dict(zip(names, table["split"].map(partial(read_split, root / "split.csv")), strict=True))
    splits = {}
    for split in ("train", "test"):
        path = root / f"{split}_list.mat"
        if path.is_file():
            splits |= {str(cell[0]): split for cell in loadmat(path)["file_list"][:, 0]}
    return splits


def _read_flickr8k(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    captions, splits = _flickr_captions(root), _flickr_splits(root)
    rows, problems = [], []
    for file in files:
        if file.name not in captions:
            problems.append(Problem(str(file), "has no caption"))
        elif splits and file.name not in splits:
            problems.append(Problem(str(file), "is in no list of a split"))
        else:
            split = splits[file.name] if splits else split_by_hash(file.name, fractions)
            rows.append({"file": str(file), "split": split, "captions": captions[file.name]})
    found = {file.name for file in files}
    problems += [Problem(name, "has captions but no image") for name in captions if name not in found]
    return rows, problems


def _flickr_captions(root: Path) -> dict[str, list[str]]:
    """Captions by image name, from captions.txt (image,caption) or Flickr8k.token.txt (image#number, tab, caption)."""
    captions: dict[str, list[str]] = {}
    path = root / "captions.txt"
    if path.is_file():
        with open(path, newline="", encoding="utf-8") as file:
            lines = [(row[0], ",".join(row[1:])) for row in csv.reader(file) if len(row) > 1][1:]
    else:
        text = (root / "Flickr8k.token.txt").read_text(encoding="utf-8")
        pairs = [line.split("\t", 1) for line in text.splitlines() if "\t" in line]
        lines = [(name.rsplit("#", 1)[0], caption) for name, caption in pairs]
    for name, caption in lines:
        captions.setdefault(name.strip(), []).append(caption.strip())
    return captions


def _flickr_splits(root: Path) -> dict[str, str]:
    splits = {}
    for split in ("train", "dev", "test"):
        path = root / f"Flickr_8k.{split}Images.txt"
        if path.is_file():
            splits |= dict.fromkeys(path.read_text(encoding="utf-8").split(), split_of(split))
    return splits


def _read_clean_noisy(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    noisy, clean = ({file.name: file for file in files if file.parent == root / part} for part in ("noisy", "clean"))
    rows, problems = [], []
    for name, file in noisy.items():
        if name in clean:
            rows.append({"file": str(file), "split": split_by_hash(name, fractions), "clean": str(clean[name])})
        else:
            problems.append(Problem(str(file), "has no clean partner of the same name"))
    lonely = [file for name, file in clean.items() if name not in noisy]
    return rows, problems + [Problem(str(file), "has no noisy partner of the same name") for file in lonely]


def _read_unlabelled(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    return [{"file": str(file), "split": "predict"} for file in files], []


LAYOUTS = {
    "split-folders": "train/CLASS/*, validation/CLASS/*, test/CLASS/*, and predict/* without labels",
    "class-folders": "CLASS/*, split by a hash of the file name",
    "utkface": "AGE_GENDER_RACE_DATETIME.jpg.chip.jpg, split by a hash of the file name",
    "stanford-dogs": "Images/nXXXXXXXX-Breed_name/*, split from split.csv or the original .mat lists",
    "flickr8k": "images, captions.txt or Flickr8k.token.txt, and lists of the train, dev and test images",
    "clean-noisy": "noisy/NAME with clean/NAME, split by a hash of the file name",
    "multi-label": "images, and labels.csv: file, split, and a column of 0 and 1 for each class",
    "list": "images, and labels.csv: file, label, and split or else split by a hash of the file name",
    "unlabelled": "images without labels, all in the split predict",
}
"""The layouts that `read_dataset` knows, and how each lies on the disk."""

_READERS = {
    "split-folders": _read_split_folders,
    "class-folders": _read_class_folders,
    "utkface": _read_utkface,
    "stanford-dogs": _read_stanford_dogs,
    "flickr8k": _read_flickr8k,
    "clean-noisy": _read_clean_noisy,
    "list": read_listed,
    "multi-label": read_multi_label,
    "unlabelled": _read_unlabelled,
}
