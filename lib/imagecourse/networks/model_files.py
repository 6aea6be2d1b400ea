"""The plain files of a model folder, and where model folders lie; nothing here needs Keras."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from imagecourse.evaluation.labels import normal_label

ARCHITECTURE_NAME = "architecture.json"
WEIGHTS_NAME = "model.weights.h5"
LABELS_NAME = "labels.txt"
VOCABULARY_NAME = "vocabulary.txt"
CARD_NAME = "card.json"
HISTORY_NAME = "history.csv"
PREDICTIONS_NAME = "predictions.csv"
DEFAULT_NAME = "photo-filter"
PICTURES = "pictures"
"""What the card of a model without labels says under `answers`."""
SINGLE_FILES = (".keras", ".h5", ".hdf5")
"""Ends of the names of files that hold layers and weights in one."""
PARTS = (".json", ".txt", *SINGLE_FILES)
NUMBERED = re.compile(r"(\d+) +(.+)")


class ModelError(ValueError):
    """A file of a model that cannot be used: which one, what is wrong with it, what to do."""

    exit_status = 1


class ModelWarning(UserWarning):
    """Something about a model had to be guessed."""


def find_model(name: str | os.PathLike) -> Path:
    """Where a model lies: `name` below ./models, below the models of the project, or as a path.

    Raises: FileNotFoundError that lists the models there are.
    """
    for path in [*(folder / name for folder in _model_folders()), Path(name)]:
        if path.is_dir() or (path.suffix in SINGLE_FILES and path.is_file()):
            return path
    known = ", ".join(available_models()) or "none yet, see imagecourse train"
    raise FileNotFoundError(f"{name}: no such model folder or file; models here: {known}")


def is_there(name: str | os.PathLike) -> bool:
    """Whether `find_model` finds a model of this name."""
    try:
        return bool(find_model(name))
    except FileNotFoundError:
        return False


def model_digest(path: Path) -> str:
    """16 hexadecimal digits of the files that say what a model answers."""
    files = [file for file in sorted(path.iterdir()) if file.suffix in PARTS] if path.is_dir() else [path]
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


def available_models(marker: str = LABELS_NAME) -> list[str]:
    """Names of the models below ./models and the models of the project that hold a file of this name.

    marker: labels.txt of those that name classes, vocabulary.txt of those that write captions.
    """
    return sorted({path.parent.name for folder in _model_folders() for path in folder.glob(f"*/{marker}")})


def default_model() -> str:
    """`photo-filter` if it is there, else the only model. Raises: FileNotFoundError; ValueError for several."""
    names = available_models()
    if DEFAULT_NAME in names or not names:
        return find_model(DEFAULT_NAME).name
    if len(names) > 1:
        raise ValueError(f"several models are here ({', '.join(names)}); choose one with -m")
    return names[0]


def _model_folders() -> list[Path]:
    return [Path("models"), Path(__file__).parents[3] / "models"]


def labels_file(path: Path) -> Path:
    """Where the labels of a model folder or file stand: beside the file, under its name or as labels.txt."""
    if path.is_dir():
        return path / LABELS_NAME
    own = path.with_suffix(".labels.txt")
    return own if own.exists() else path.with_name(LABELS_NAME)


def read_labels(path: Path) -> list[str]:
    """The lines of a file of labels, in composed form, without outer spaces and empty last lines.

    Raises: ModelError where there is none, or it is no text.
    """
    advice = "write the names of the classes into it, one per line"
    if not path.is_file():
        raise ModelError(f"{path}: no such file; {advice}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 text; {advice}") from error
    return [normal_label(line.strip(" \t\r")) for line in text.rstrip().split("\n")]


def without_numbers(labels: list[str]) -> list[str]:
    """Labels without the number that Teachable Machine puts before each, where each has its own: "0 cat", "1 dog"."""
    parts = [NUMBERED.fullmatch(label) for label in labels]
    if not all(part and int(part[1]) == number for number, part in enumerate(parts)):
        return labels
    return [part[2] for part in parts if part]


def read_records(folder: Path) -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Card, history and predictions of a model folder, empty where it has none. Raises: ModelError for damaged ones."""
    tables = (_read_table(folder / name) for name in (HISTORY_NAME, PREDICTIONS_NAME))
    return read_card(folder), *tables


def read_card(folder: Path) -> dict:
    """The card of a model folder, empty where it has none. Raises: ModelError for a damaged one."""
    path = folder / CARD_NAME
    return parse_json(path, path.read_bytes()) if path.exists() else {}


def check_card(path: Path, card: dict, labels: list[str]) -> None:
    """Refuse a card that is of another model than the labels, or holds what nobody can compute with; ModelError."""
    classes = card.get("classes", labels)
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ModelError(f'{path}: "classes" is no list of names; copy the whole model folder again')
    if [normal_label(name) for name in classes] != labels:
        problem = "in another order than" if sorted(classes) == sorted(labels) else "other classes than"
        raise ModelError(f"{path}: names {problem} {LABELS_NAME} beside it; copy the whole model folder again")
    size = card.get("input_size", [])
    if not isinstance(size, list) or not all(side is None or (isinstance(side, int) and side > 0) for side in size):
        raise ModelError(f'{path}: "input_size" is no [height, width, channels]; copy the whole model folder again')
    thresholds = card.get("thresholds", {})
    if not isinstance(thresholds, dict) or not _in_range(thresholds.values()):
        raise ModelError(f'{path}: "thresholds" are no numbers from 0 to 1 by class; copy the whole model folder again')
    _check_answers(path, card.get("answers", {}))


def _check_answers(path: Path, answers: Any) -> None:
    pairs = answers.values() if isinstance(answers, dict) else [answers]
    for pair in pairs:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise ModelError(f'{path}: "answers" are no pairs of classes by output; copy the whole model folder again')


def _in_range(values: Iterable) -> bool:
    return all(_is_number(value) and 0 <= value <= 1 for value in values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _read_table(path: Path) -> pd.DataFrame:
    if not path.exists() or path.stat().st_size <= 1:
        return pd.DataFrame()
    try:
        names = dict.fromkeys(("file", "truth", "prediction", "caption"), str)
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)
    except ValueError as error:
        raise ModelError(f"{path}: not a table ({first_line(error)}); copy it again") from error


def parse_json(path: Path, content: bytes | str) -> dict:
    """A JSON object. Raises: ModelError for anything else."""
    try:
        config = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON ({first_line(error)}); copy it again from its source") from error
    if not isinstance(config, dict):
        raise ModelError(f"{path}: holds no JSON object; copy it again from its source")
    return config


def first_line(error: Exception) -> str:
    """What an error says, short enough for a line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:160]
