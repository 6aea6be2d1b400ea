"""One reader per folder layout, one uniform result. Nothing else in the course knows how a set lies on the disk."""

import csv
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from scipy.io import loadmat

from imagecourse.datasets.table import TRAIN_AND_TEST, Dataset, Problem, split_by_hash
from imagecourse.images import list_images

GENDERS = ("man", "woman")
RACES = ("White", "Black", "Asian", "Indian", "other")

_SPLITS = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "predict": "predict",
}
_UTKFACE_NAME = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{8,}(\.jpg)?(\.chip)?\.(jpg|jpeg|png)", re.IGNORECASE)
_OLDEST = 116
_BREED_FOLDER = re.compile(r"n\d{8}-(.+)")

Rows = list[dict]
Problems = list[Problem]


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
    return Dataset(root, layout, pd.DataFrame(rows), problems)


def detect_layout(root: Path, files: list[Path]) -> str:
    """The layout of a folder from its sub-folders, list files and file names; files: all images below it."""
    folders = {path.name.lower() for path in root.iterdir() if path.is_dir()}
    if _label_columns(root / "labels.csv"):
        return "multi-label"
    if _is_list(root / "labels.csv"):
        return "list"
    if any((root / name).is_file() for name in ("captions.txt", "Flickr8k.token.txt")):
        return "flickr8k"
    if {"noisy", "clean"} <= folders:
        return "clean-noisy"
    if _most(_BREED_FOLDER.fullmatch(file.parent.name) for file in files):
        return "stanford-dogs"
    if "train" in folders:
        return "split-folders"
    if _most(_UTKFACE_NAME.fullmatch(file.name) for file in files):
        return "utkface"
    if _most(file.parent == root for file in files):
        return "unlabelled"
    return "class-folders"


def _most(answers: Iterable[object]) -> bool:
    answers = [bool(answer) for answer in answers]
    return 2 * sum(answers) > len(answers)


def _read_split_folders(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    rows, problems = [], []
    for file in files:
        top, *middle, _ = file.relative_to(root).parts if file.parent != root else ("", "")
        split = _SPLITS.get(top.lower())
        if split is None:
            problems.append(Problem(str(file), "lies outside of train, validation, test and predict"))
        elif split == "predict":
            rows.append({"file": str(file), "split": split, "label": None})
        elif not middle:
            problems.append(Problem(str(file), f"lies in {top} itself; put it into a class folder"))
        else:
            rows.append({"file": str(file), "split": split, "label": middle[0]})
    for folder in sorted(root.iterdir()):
        if _SPLITS.get(folder.name.lower(), "predict") != "predict":
            problems += _empty_folders(folder, files)
    return rows, problems


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
    return rows, problems


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
        return dict(zip(names, table["split"].replace(_SPLITS), strict=True))
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
            splits |= dict.fromkeys(path.read_text(encoding="utf-8").split(), _SPLITS[split])
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


def _read_multi_label(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    classes = _label_columns(root / "labels.csv")
    known = {path.relative_to(root).as_posix(): path for path in files}
    rows, problems = [], []
    for row in pd.read_csv(root / "labels.csv", dtype=str, keep_default_na=False).to_dict("records"):
        if row["file"] in known:
            labels = tuple(name for name in classes if row[name] == "1")
            rows.append({"file": str(known[row["file"]]), "split": row["split"], "labels": labels})
        else:
            problems.append(Problem(row["file"], "is listed in labels.csv but missing"))
    return rows, problems


def _label_columns(path: Path) -> list[str]:
    """The classes that labels.csv has columns for; none where it is no such list."""
    if not path.is_file():
        return []
    names = list(pd.read_csv(path, nrows=0).columns)
    return names[2:] if names[:2] == ["file", "split"] else []


def _read_list(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    known = {path.relative_to(root).as_posix(): path for path in files}
    rows, problems = [], []
    for row in pd.read_csv(root / "labels.csv", dtype=str, keep_default_na=False).to_dict("records"):
        if row["file"] in known:
            split = split_by_hash(Path(row["file"]).name, fractions)
            rows.append({"file": str(known[row["file"]]), "split": split, "label": row["label"]})
        else:
            problems.append(Problem(row["file"], "is listed in labels.csv but missing"))
    return rows, problems


def _is_list(path: Path) -> bool:
    return path.is_file() and {"file", "label"} <= set(pd.read_csv(path, nrows=0).columns)


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
    "list": "images, and labels.csv: file, label; split by a hash of the file name",
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
    "multi-label": _read_multi_label,
    "list": _read_list,
    "unlabelled": _read_unlabelled,
}
