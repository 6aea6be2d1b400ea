"""What becomes of answers: a table as a file, copies of the pictures sorted by class or with their label on them."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from imagecourse.evaluation.several_labels import split_labels
from imagecourse.files import atomic_path
from imagecourse.images import read_image, write_image

UNSURE = "unsure"
DECIMALS = 6


@contextmanager
def open_table(path: str | os.PathLike | None) -> Iterator[Callable[[pd.DataFrame], None]]:
    """A function that appends tables of answers to one .csv or .jsonl file, which appears when the block succeeds.

    path: None prints CSV on stdout. Numbers have six decimals; a missing one is empty in CSV, null in JSONL.
    """
    if path is None:
        yield _appender(lambda text: print(text.encode(errors="backslashreplace").decode(), end=""), as_csv)
        return
    check_table_name(path)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        yield _appender(file.write, as_jsonl if Path(path).suffix == ".jsonl" else as_csv)


def _appender(write: Callable[[str], object], to_text: Callable[[pd.DataFrame, bool], str]) -> Callable:
    header = True

    def append(table: pd.DataFrame) -> None:
        nonlocal header
        write(to_text(table, header))
        header = False

    return append


def check_table_name(path: str | os.PathLike) -> None:
    """Refuse a name of a table that ends in neither .csv nor .jsonl, with ValueError."""
    if Path(path).suffix not in (".csv", ".jsonl"):
        raise ValueError(f"{path}: no such format for a table; let the name end in .csv or .jsonl")


def as_csv(table: pd.DataFrame, header: bool) -> str:
    """A table of answers as CSV text, one line per row and, if wanted, one with the names."""
    return table.to_csv(index=False, header=header, float_format=f"%.{DECIMALS}f", lineterminator="\n")


def as_jsonl(table: pd.DataFrame, header: bool = False) -> str:
    """A table of answers as JSON, one object per row and line; header: nothing, since each row has the names."""
    lines = []
    for row in table.to_dict("records"):
        plain = {name: _plain_number(value) if isinstance(value, float) else value for name, value in row.items()}
        lines.append(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def _plain_number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DECIMALS)


def unreadable(answers: pd.DataFrame) -> list[str]:
    """One line for each file of a table that could not be read."""
    return [f"{row.file}: {row.error}" for row in answers[answers["error"] != ""].itertuples()]


def check_apart(source: str | os.PathLike, destination: str | os.PathLike) -> None:
    """Refuse a folder for copies that the next run would read as input, or in which a copy could meet an original.

    Raises: ValueError where the destination lies inside the input folder or holds the input.
    """
    source, destination = Path(source), Path(destination)
    inner, outer = source.resolve(), destination.resolve()
    if inner.is_relative_to(outer) or (source.is_dir() and outer.is_relative_to(inner)):
        raise ValueError(f"{destination}: overlaps with the input {source}; name a folder outside of it")


def sort_copies(answers: pd.DataFrame, source: str | os.PathLike, destination: str | os.PathLike) -> list[str]:
    """Copy the readable files of a table into one folder per class, `unsure` for those without a label.

    A file with several labels is copied into the folder of each. Copies are byte for byte, with the time stamp, in the
    same sub-folders as below `source`; originals are only read.
    Returns: one line for each file that could not be copied.
    """

    classes = list(answers.columns[4:])

    def copy(row, relative: Path) -> None:
        for name in split_labels(row.label, classes) or [UNSURE]:
            with atomic_path(Path(destination, name, relative)) as temporary:
                shutil.copy2(row.file, temporary)

    return _for_each_readable(copy, answers, source)


def annotate_copies(answers: pd.DataFrame, source: str | os.PathLike, destination: str | os.PathLike) -> list[str]:
    """Write a copy of each readable file with its label and confidence on it, in the same sub-folders and formats.

    Returns: one line for each file whose copy could not be written.
    """

    def annotate(row, relative: Path) -> None:
        image = draw_label(read_image(row.file), f"{row.label or UNSURE} {row.confidence:.0%}")
        write_image(Path(destination, relative), image)

    return _for_each_readable(annotate, answers, source)


def _for_each_readable(action, answers: pd.DataFrame, source: str | os.PathLike) -> list[str]:
    failures = []
    root = Path(source) if Path(source).is_dir() else Path(source).parent
    for row in answers[answers["error"] == ""][["file", "label", "confidence"]].itertuples():
        try:
            action(row, Path(row.file).relative_to(root))
        except (ValueError, OSError) as error:
            failures.append(f"{row.file}: no copy written ({error})")
    return failures


def draw_label(image: np.ndarray, text: str) -> np.ndarray:
    """A copy of an image with a line of text on a dark band at its upper edge; (h, w, 3) uint8 both."""
    height, width = image.shape[:2]
    font_file = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    size = max(height / 16, 8)
    size = max(1, min(size, 0.94 * width * size / ImageFont.truetype(font_file, size).getlength(text)))
    annotated = image.copy()
    annotated[: round(1.4 * size)] //= 4
    picture = Image.fromarray(annotated)
    font = ImageFont.truetype(font_file, size)
    ImageDraw.Draw(picture).text((0.03 * width, 0.7 * size), text, "white", font, anchor="lm")
    return np.asarray(picture)
