"""What becomes of answers: a table as a file, copies of the pictures with their label on them."""

import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from imagecourse.files import atomic_path
from imagecourse.images import copy_name, read_image, write_image
from imagecourse.images.errors import on_one_line
from imagecourse.networks.sorting import UNSURE

DECIMALS = 6
NOT_ANSWERS = ("file", "face", "left", "top", "width", "height", "error")


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
        plain = {name: _plain(value) for name, value in row.items()}
        lines.append(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def _plain(value: Any) -> Any:
    if value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return round(value, DECIMALS) if isinstance(value, float) else value


def unreadable(answers: pd.DataFrame) -> list[str]:
    """One line for each file of a table that could not be read."""
    return [f"{on_one_line(row.file)}: {row.error}" for row in answers[answers["error"] != ""].itertuples()]


def check_apart(source: str | os.PathLike, destination: str | os.PathLike) -> None:
    """Refuse a folder for copies that the next run would read as input, or in which a copy could meet an original.

    Raises: ValueError where the destination lies inside the input folder or holds the input.
    """
    source, destination = Path(source), Path(destination)
    inner, outer = Path(os.path.realpath(source)), Path(os.path.realpath(destination))
    if inner.is_relative_to(outer) or (source.is_dir() and outer.is_relative_to(inner)):
        raise ValueError(f"{destination}: overlaps with the input {source}; name a folder outside of it")


def annotate_copies(answers: pd.DataFrame, source: str | os.PathLike, destination: str | os.PathLike) -> list[str]:
    """Write a copy of each readable file with its answer on it, in the same sub-folders and formats; `.png` is appended
    to the name where a copy would lose colours (GIF) or cannot be written (HEIF, JPEG 2000).

    Where faces were looked for, each has its box and its answer. Returns: one line for each file whose copy could not
    be written.
    """

    def annotate(rows: pd.DataFrame, relative: Path) -> None:
        image = read_image(rows["file"].iloc[0])
        for row in rows.to_dict("records"):
            image = draw_box(image, row, answer_text(row)) if "face" in row else draw_label(image, answer_text(row))
        write_image(Path(destination, copy_name(relative.as_posix())), image)

    return _for_each_readable(annotate, answers, source)


def _for_each_readable(action, answers: pd.DataFrame, source: str | os.PathLike) -> list[str]:
    """action: a function of a file's rows and its path below the source."""
    failures = []
    root = Path(source) if Path(source).is_dir() else Path(source).parent
    for file, rows in answers[answers["error"] == ""].groupby("file", sort=False):
        try:
            action(rows, Path(file).relative_to(root))
        except (ValueError, OSError) as error:
            failures.append(f"{on_one_line(file)}: no copy written ({on_one_line(error)})")
    return failures


def answer_text(row: Mapping[str, Any]) -> str:
    """What a row of a table of answers says, short: "cat 97%", or "age 31 (24 to 39), woman" for several answers."""
    if "label" in row:
        return f"{row['label'] or UNSURE} {row['confidence']:.0%}"
    parts = []
    for name, value in row.items():
        if name in NOT_ANSWERS or name.endswith(("_low", "_high", "_probability")):
            continue
        if isinstance(value, str):
            parts.append(value or UNSURE)
        elif f"{name}_low" in row:
            parts.append(f"{name} {value:.0f} ({row[f'{name}_low']:.0f} to {row[f'{name}_high']:.0f})")
        else:
            parts.append(f"{name} {value:.0f}")
    return ", ".join(parts)


def draw_box(image: np.ndarray, box: Mapping[str, Any], text: str) -> np.ndarray:
    """A copy of an image with a frame around a face and a line of text below it; (h, w, 3) uint8 both.

    box: left, top, width, height in pixels.
    """
    left, top, width, height = (int(box[name]) for name in ("left", "top", "width", "height"))
    annotated = np.ascontiguousarray(image).copy()
    line = max(1, min(image.shape[:2]) // 150)
    cv2.rectangle(annotated, (left, top), (left + width, top + height), (255, 220, 0), line)
    picture = Image.fromarray(annotated)
    font = _font(max(9, min(image.shape[:2]) / 26))
    x = left + width / 2
    place = {"anchor": "ma", "stroke_width": 2, "stroke_fill": "black"}
    ImageDraw.Draw(picture).text(
        (x, top + height + line), text.replace(", ", "\n"), "white", font, align="center", **place
    )
    return np.asarray(picture)


def _font(size: float) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size)


def draw_label(image: np.ndarray, text: str) -> np.ndarray:
    """A copy of an image with a line of text on a dark band at its upper edge; (h, w, 3) uint8 both."""
    height, width = image.shape[:2]
    size = max(height / 16, 8)
    size = max(1, min(size, 0.94 * width * size / _font(size).getlength(text)))
    annotated = image.copy()
    annotated[: round(1.4 * size)] //= 4
    picture = Image.fromarray(annotated)
    ImageDraw.Draw(picture).text((0.03 * width, 0.7 * size), text, "white", _font(size), anchor="lm")
    return np.asarray(picture)
