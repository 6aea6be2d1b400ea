"""Lists of pictures in labels.csv, as people and their programs write them."""

import csv
import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pandas as pd

from imagecourse.datasets.split_names import split_of
from imagecourse.datasets.table import Problem, Problems, Rows, split_by_hash
from imagecourse.evaluation.labels import normal_label

LIST_NAME = "labels.csv"
YES = ("1", "true", "yes", "x", "oui", "vrai", "si", "sí", "verdadero")
NO = ("", "0", "false", "no", "non", "faux", "falso")
_SEPARATORS = ",;\t"


def read_list(path: Path) -> pd.DataFrame:
    """A table of text, without outer spaces: UTF-8 with or without a mark, or else Windows' Western European signs;
    separated by commas, semicolons or tabs; slashes in `file` whichever way they lean.

    Raises: ValueError for a row with more or fewer values than the first line has names.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=first.count)
    header, *rows = [
        [value.strip() for value in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    ]
    names = [name.lower() if name.lower() in ("file", "split", "label") else normal_label(name) for name in header]
    if len(set(names)) < len(names):
        raise ValueError(f"{path}: a name stands twice in its first line; rename one of the columns")
    for line, row in enumerate(rows, 2):
        if row and len(row) != len(names):
            raise ValueError(f"{path}: line {line} has {len(row)} values for {len(names)} columns; mend it")
    table = pd.DataFrame([row for row in rows if row], columns=names, dtype=str)
    return table.assign(file=table["file"].str.replace("\\", "/")) if "file" in table else table


def list_columns(path: Path) -> list[str]:
    """The names in the first line of a list; none where there is no such file or nothing in it."""
    return list(read_list(path).columns) if path.is_file() and path.stat().st_size else []


def read_multi_label(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    """The pictures of a list with a column of yes and no for each class; a reader of `readers.LAYOUTS`."""
    path = root / LIST_NAME
    classes = list_columns(path)[2:]

    def named(row: dict[str, str]) -> dict:
        labels = tuple(name for name in classes if read_yes(path, name, row[name]))
        return {"split": read_split(path, row["split"]), "labels": labels}

    return _read_rows(root, files, named)


def read_listed(root: Path, files: list[Path], fractions: Mapping[str, float]) -> tuple[Rows, Problems]:
    """The pictures of a list of file and label, with their split where a column gives it; a reader as above."""
    path = root / LIST_NAME

    def named(row: dict[str, str]) -> dict:
        split = read_split(path, row["split"]) if "split" in row else split_by_hash(Path(row["file"]).name, fractions)
        return {"split": split, "label": normal_label(row["label"])}

    return _read_rows(root, files, named)


def _read_rows(root: Path, files: list[Path], named: Callable[[dict[str, str]], dict]) -> tuple[Rows, Problems]:
    known = {file.relative_to(root).as_posix(): file for file in files}
    table, rows, problems = read_list(root / LIST_NAME), [], []
    for row in table.to_dict("records"):
        if row["file"] in known:
            rows.append({"file": str(known[row["file"]])} | named(row))
        else:
            problems.append(Problem(row["file"], "is listed in labels.csv but missing"))
    listed = set(table["file"])
    folders = {Path(name).parent for name in listed}  # others hold masks, say
    problems += [
        Problem(str(file), "is not in labels.csv")
        for name, file in known.items()
        if name not in listed and Path(name).parent in folders
    ]
    return rows, problems


def read_yes(path: Path, column: str, value: str) -> bool:
    """Whether a cell says yes, as 1, 1.0, True or x. Raises: ValueError for what says neither yes nor no."""
    word = value.lower().removesuffix(".0")
    if word not in YES + NO:
        raise ValueError(f"{path}: {column} is {value!r} in a row; write 1 or 0")
    return word in YES


def read_split(path: Path, value: str) -> str:
    """The split that a cell names. Raises: ValueError for another word."""
    split = split_of(value)
    if split is None:
        raise ValueError(f"{path}: the split is {value!r} in a row; write train, validation, test or predict")
    return split
