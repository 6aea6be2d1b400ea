"""A folder of images through a trained network: a table of answers, annotated copies, copies sorted by class."""

import json
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import matplotlib
import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from imagecourse.batches import forward, in_groups, read_ahead, squeeze
from imagecourse.bundles import Bundle
from imagecourse.images import atomic_path, list_images, read_image, write_image
from imagecourse.multi_label import is_multi_label, join_labels, split_labels

UNSURE = "unsure"
DECIMALS = 6
EVEN = 0.5


@dataclass
class Timings:
    """Seconds spent in each stage; reading and resizing run in threads beside the network, summed over those."""

    read: float = 0.0
    resize: float = 0.0
    network: float = 0.0
    write: float = 0.0

    def __str__(self) -> str:
        return ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in vars(self).items())


class _Reading(NamedTuple):
    image: np.ndarray | None
    error: str
    read: float = 0.0
    resize: float = 0.0


def input_files(path: str | os.PathLike) -> list[Path]:
    """The image files of a folder in natural order, or the one file. Raises: FileNotFoundError, ValueError if empty."""
    path = Path(path)
    if path.is_file():
        return [path]
    files = list_images(path)
    if not files:
        raise ValueError(f"{path}: holds no images; name a folder with image files")
    return files


def predict_files(
    bundle: Bundle,
    files: Sequence[Path],
    threshold: float | None = None,
    batch_size: int = 32,
    timings: Timings | None = None,
) -> Iterator[pd.DataFrame]:
    """Classify image files, batch by batch: threads read ahead, memory holds three batches whatever the folder's size.

    threshold: a label is left empty where its probability, the confidence, is lower; in [0, 1], None is 0. After a
    sigmoid the label names every class that reaches the threshold, joined by " + ", and the confidence is the lowest
    of their probabilities; where none does, the highest of all. There None takes each class's own threshold from the
    card, or 0.5.
    timings: filled as it goes, when given.

    Yields: tables in the order of the files, columns `file`, `label`, `confidence`, `error`, then a probability for
    each class. A file that cannot be read has an empty label, a reason in `error`, and no numbers.
    Raises: ValueError for a threshold out of range, or a network that does not take RGB images of a fixed size.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"threshold: {threshold} is out of range; give a probability from 0 to 1")
    timings = timings or Timings()
    answer = partial(_several_labels if is_multi_label(bundle.model) else _best_label, bundle, threshold)
    readings = read_ahead(partial(_read, *input_size(bundle)), files, ahead=2 * batch_size)
    for group in in_groups(files, batch_size):
        batch = [next(readings) for _ in group]
        scores = _scores(bundle.model, batch, batch_size, timings)
        labels, confidence = answer(scores)
        columns = {"file": [str(path) for path in group], "label": labels, "confidence": confidence}
        columns["error"] = [reading.error for reading in batch]
        yield pd.DataFrame(columns | dict(zip(bundle.labels, scores.T, strict=True)))


def input_size(bundle: Bundle) -> tuple[int, int]:
    """Height and width in pixels that the network takes; where it takes any, those on its card."""
    shape = bundle.model.input_shape
    if len(shape) != 4 or shape[3] != 3:
        raise ValueError(f"{bundle.folder}: the network takes {shape}, not RGB images (n, h, w, 3); use another model")
    height, width = bundle.card.get("input_size", shape[1:])[:2] if None in shape[1:3] else shape[1:3]
    if height is None or width is None:
        raise ValueError(f'{bundle.folder}: no image size is known; write "input_size": [h, w, 3] into card.json')
    return height, width


def _read(height: int, width: int, path: Path) -> _Reading:
    start = time.perf_counter()
    try:
        image = read_image(path)
    except (ValueError, OSError) as error:
        return _Reading(None, str(error).removeprefix(f"{path}: "), time.perf_counter() - start)
    middle = time.perf_counter()
    image = squeeze(image, height, width)
    return _Reading(image, "", middle - start, time.perf_counter() - middle)


def _scores(model: keras.Model, batch: list[_Reading], batch_size: int, timings: Timings) -> np.ndarray:
    """(n, classes) float32, NaN for unreadable files."""
    start = time.perf_counter()
    images = [reading.image for reading in batch if reading.image is not None]
    readable = forward(model, images, batch_size) if images else np.zeros((0, model.output_shape[-1]))
    if readable.shape[1] == 1:
        readable = np.hstack([1 - readable, readable])
    scores = np.full((len(batch), readable.shape[1]), np.nan, np.float32)
    scores[[reading.image is not None for reading in batch]] = readable
    timings.network += time.perf_counter() - start
    timings.read += sum(reading.read for reading in batch)
    timings.resize += sum(reading.resize for reading in batch)
    return scores


def _best_label(bundle: Bundle, threshold: float | None, scores: np.ndarray) -> tuple[list[str], np.ndarray]:
    confidence = scores.max(axis=1)
    best = [bundle.labels[index] for index in np.nan_to_num(scores, nan=0.0).argmax(axis=1)]
    sure = confidence >= (threshold or 0.0)
    return [label if certain else "" for label, certain in zip(best, sure, strict=True)], confidence


def _several_labels(bundle: Bundle, threshold: float | None, scores: np.ndarray) -> tuple[list[str], np.ndarray]:
    own = bundle.card.get("thresholds", {})
    thresholds = np.array([own.get(name, EVEN) if threshold is None else threshold for name in bundle.labels])
    named = scores >= thresholds
    lowest_named = np.where(named, scores, np.inf).min(axis=1)
    confidence = np.where(named.any(axis=1), lowest_named, scores.max(axis=1))
    return join_labels(scores, bundle.labels, thresholds), confidence


def best_classes(answers: pd.DataFrame, count: int = 5) -> str:
    """The most probable classes of each readable file in a table of answers, one line per file."""
    lines = []
    scores = answers.drop(columns=["file", "label", "confidence", "error"])
    for file, row in zip(answers["file"], scores.itertuples(index=False, name=None), strict=True):
        best = sorted(zip(row, scores.columns, strict=True), reverse=True)[:count]
        lines.append(f"{file}: " + ", ".join(f"{label} {score:.3f}" for score, label in best))
    return "\n".join(line for line, error in zip(lines, answers["error"], strict=True) if not error)


def write_table(tables: Iterable[pd.DataFrame], path: str | os.PathLike) -> None:
    """Write tables of answers as one .csv or .jsonl file, row by row as they come; it appears when all are there.

    Numbers have six decimals; a missing one is empty in CSV, null in JSONL.
    """
    path = Path(path)
    check_table_name(path)
    with atomic_path(path) as temporary, open(temporary, "w", encoding="utf-8", errors="backslashreplace") as file:
        for number, table in enumerate(tables):
            file.write(as_jsonl(table) if path.suffix == ".jsonl" else as_csv(table, header=number == 0))


def check_table_name(path: str | os.PathLike) -> None:
    """Refuse a name of a table that ends in neither .csv nor .jsonl, with ValueError."""
    if Path(path).suffix not in (".csv", ".jsonl"):
        raise ValueError(f"{path}: no such format for a table; let the name end in .csv or .jsonl")


def as_csv(table: pd.DataFrame, header: bool) -> str:
    """A table of answers as CSV text, one line per row and, if wanted, one with the names."""
    return table.to_csv(index=False, header=header, float_format=f"%.{DECIMALS}f", lineterminator="\n")


def as_jsonl(table: pd.DataFrame) -> str:
    """A table of answers as JSON, one object per row and line."""
    lines = []
    for row in table.to_dict("records"):
        plain = {name: _plain_number(value) if isinstance(value, float) else value for name, value in row.items()}
        lines.append(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
    return "".join(lines)


def _plain_number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, DECIMALS)


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


def with_copies(
    tables: Iterable[pd.DataFrame],
    source: str | os.PathLike,
    sorted_folder: str | os.PathLike | None,
    annotated_folder: str | os.PathLike | None,
    timings: Timings,
    failures: list[str],
) -> Iterator[pd.DataFrame]:
    """Pass tables of answers on while sorted and annotated copies are made, into those folders that are not None.

    failures: gets a line for each file that could not be read or copied.
    """
    for table in tables:
        start = time.perf_counter()
        failures += [f"{row.file}: {row.error}" for row in table[table["error"] != ""].itertuples()]
        if sorted_folder:
            failures += sort_copies(table, source, sorted_folder)
        if annotated_folder:
            failures += annotate_copies(table, source, annotated_folder)
        timings.write += time.perf_counter() - start
        yield table


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
