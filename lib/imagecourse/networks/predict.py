"""Image files through a trained network: answers as tables, in bounded memory, whatever some of the files hold."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from imagecourse.evaluation.labels import join_labels
from imagecourse.files import in_groups, read_ahead
from imagecourse.images import read_image, squeeze
from imagecourse.networks.answering import BY_NAME, ONE, SEVERAL, Bundle, kind_of
from imagecourse.networks.detection import FaceBox, cut_face, find_faces
from imagecourse.networks.runtime import OnnxNetwork

BATCH_SIZE = 32
EVEN = 0.5
NO_FACE = {"face": 0} | dict.fromkeys(("left", "top", "width", "height"))
NOT_SCORES = ("label", "confidence", "error")


@dataclass
class Timings:
    """Seconds spent in each stage; reading and resizing run in threads beside the network, summed over those."""

    read: float = 0.0
    resize: float = 0.0
    network: float = 0.0
    write: float = 0.0

    def __str__(self) -> str:
        return ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in vars(self).items())


class _Part(NamedTuple):
    """What a network is asked about: a whole picture, or a face in it. where: columns that say which."""

    file: Path
    where: dict[str, float]
    image: np.ndarray | None
    error: str


class _Reading(NamedTuple):
    parts: list[_Part]
    read: float
    resize: float


def predict_files(
    bundle: Bundle,
    files: Sequence[Path],
    threshold: float | None = None,
    batch_size: int = BATCH_SIZE,
    timings: Timings | None = None,
    detect: bool = False,
) -> Iterator[pd.DataFrame]:
    """Ask a network about image files, batch by batch: threads read ahead, memory holds three batches whatever the
    folder's size.

    threshold: a label is left empty where its probability, the confidence, is lower; in [0, 1], None is 0. After a
    sigmoid the label names every class that reaches the threshold, joined by " + ", and the confidence is the lowest
    of their probabilities; where none does, the highest of all. There None takes each class's own threshold from the
    card, or 0.5.
    timings: filled as it goes, when given.
    detect: find the faces of each picture first and ask about each of them. The tables then have a row for each face,
    `face` from 1 on from left to right, and its box in pixels, `left`, `top`, `width`, `height`; a picture without a
    face has one row, with 0 and a reason in `error`.

    Yields: tables in the order of the files, columns `file`, `label`, `confidence`, `error`, then a probability for
    each class. For a network with several outputs the columns are `file`, those outputs, `error`; an output with two
    classes on the card has two columns, its more probable class and, as NAME_probability, how probable that is.
    A file that cannot be read has a reason in `error`, an empty label, and no numbers.
    Raises: ValueError for a threshold out of range, or a network that does not take RGB images of a fixed size.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"threshold: {threshold} is out of range; give a probability from 0 to 1")
    timings = timings or Timings()
    answer = partial(ANSWERS[kind_of(bundle.model)], bundle, threshold)
    read = partial(_read_faces if detect else _read, *input_size(bundle))
    for readings in in_groups(read_ahead(read, files, ahead=2 * batch_size), batch_size):
        batch = [part for reading in readings for part in reading.parts]
        timings.read += sum(reading.read for reading in readings)
        timings.resize += sum(reading.resize for reading in readings)
        before, after = answer(_scores(bundle, batch, batch_size, timings))
        where = pd.DataFrame([part.where for part in batch], dtype="Int64")
        columns = {"file": [str(part.file) for part in batch]} | dict(where.items()) | before
        yield pd.DataFrame(columns | {"error": [part.error for part in batch]} | after)


def input_size(bundle: Bundle) -> tuple[int, int]:
    """Height and width in pixels that the network takes; where it takes any, those on its card."""
    shape = bundle.model.input_shape
    if len(shape) != 4 or shape[3] != 3:
        raise ValueError(f"{bundle.folder}: the network takes {shape}, not RGB images (n, h, w, 3); use another model")
    height, width = [*bundle.card.get("input_size", []), None, None][:2] if None in shape[1:3] else shape[1:3]
    if height is None or width is None:
        raise ValueError(f'{bundle.folder}: no image size is known; write "input_size": [h, w, 3] into card.json')
    return height, width


def scores_of_files(model, files: Sequence[str], view: Callable[[np.ndarray], np.ndarray] | None = None) -> np.ndarray:
    """Probabilities (n, classes) of pictures, changed by view (of (h, w, 3) uint8) before they are squeezed.

    model: Keras' or a `runtime.OnnxNetwork`. Raises: as `read_image`.
    """

    def read(file: str) -> np.ndarray:
        image = read_image(file)
        return squeeze(image if view is None else view(image), *model.input_shape[1:3])

    images = read_ahead(read, files, 2 * BATCH_SIZE)
    batches = ([next(images) for _ in group] for group in in_groups(files, BATCH_SIZE))
    return np.concatenate([forward(model, batch, BATCH_SIZE) for batch in batches])


def forward(model, images: list[np.ndarray], batch_size: int) -> np.ndarray | dict[str, np.ndarray]:
    """The network's answer for at most batch_size images.

    For TensorFlow the batch is filled up with zeros to batch_size, so that it compiles the network for one shape only.
    images: each (h, w, 3) uint8 in the network's own size. Returns: (n, …) float32, for a network with several outputs
    one of them by each name.
    """
    size = len(images) if isinstance(model, OnnxNetwork) else batch_size
    batch = np.zeros((size, *images[0].shape), np.float32)
    batch[: len(images)] = images
    answers = model.predict_on_batch(batch)
    if isinstance(answers, dict):
        return {name: np.asarray(values)[: len(images)] for name, values in answers.items()}
    return np.asarray(answers)[: len(images)]


def images_per_second(
    models: Mapping[str, Any],
    rounds: int = 12,
    batch_size: int = BATCH_SIZE,
    shape: tuple[int, int, int] | None = None,
) -> dict[str, float]:
    """Of networks alone, on images in memory, by name: from the median time of a batch over so many rounds.

    The networks take turns, a batch each in every round: what else the computer does slows all of them alike, and no
    large one looks faster than a small one by chance. shape: of the images; None takes each network's own.
    """
    images = {name: [np.zeros(shape or model.input_shape[1:], np.uint8)] * batch_size for name, model in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            forward(model, images[name], batch_size)
            if number:  # the first batch compiles the network
                seconds[name].append(time.perf_counter() - start)
    return {name: batch_size / median(times) for name, times in seconds.items()}


def best_classes(answers: pd.DataFrame, count: int = 5) -> str:
    """The most probable classes of each readable file in a table of answers, or its named answers, one line a row."""
    lines = []
    for row in answers[answers["error"] == ""].to_dict("records"):
        file, values = row.pop("file"), {name: value for name, value in row.items() if name not in NOT_SCORES}
        if "label" in row:
            best = sorted(values.items(), key=lambda pair: (pair[1], pair[0]), reverse=True)[:count]
            values = dict(best)
        numbers = (
            f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}" for name, value in values.items()
        )
        lines.append(f"{file}: " + ", ".join(numbers))
    return "\n".join(lines)


def _read(height: int, width: int, path: Path) -> _Reading:
    return _cut(path, lambda image: [_Part(path, {}, squeeze(image, height, width), "")])


def _read_faces(height: int, width: int, path: Path) -> _Reading:
    def cut(image: np.ndarray) -> list[_Part]:
        boxes = enumerate(find_faces(image), start=1)
        faces = [
            _Part(path, {"face": number} | _box(box), squeeze(cut_face(image, box), height, width), "")
            for number, box in boxes
        ]
        return faces or [_Part(path, NO_FACE, None, "no face found; without --detect the whole picture is taken")]

    reading = _cut(path, cut)
    return reading._replace(parts=[part._replace(where=part.where or NO_FACE) for part in reading.parts])


def _box(box: FaceBox) -> dict[str, int]:
    return {name: value for name, value in box._asdict().items() if name != "score"}


def _cut(path: Path, cut: Callable[[np.ndarray], list[_Part]]) -> _Reading:
    start = time.perf_counter()
    try:
        image = read_image(path)
    except (ValueError, OSError) as error:
        part = _Part(path, {}, None, str(error).removeprefix(f"{path}: "))
        return _Reading([part], time.perf_counter() - start, 0.0)
    middle = time.perf_counter()
    parts = cut(image)
    return _Reading(parts, middle - start, time.perf_counter() - middle)


def _scores(bundle: Bundle, batch: list[_Part], batch_size: int, timings: Timings) -> np.ndarray:
    """(n, labels) float32, NaN for unreadable files."""
    start = time.perf_counter()
    images = [part.image for part in batch if part.image is not None]
    scores = np.full((len(batch), len(bundle.labels)), np.nan, np.float32)
    if images:
        readable = [
            _columns(bundle, forward(bundle.model, group, batch_size)) for group in in_groups(images, batch_size)
        ]
        scores[[part.image is not None for part in batch]] = np.concatenate(readable)
    timings.network += time.perf_counter() - start
    return scores


def _columns(bundle: Bundle, answers: np.ndarray | dict[str, np.ndarray]) -> np.ndarray:
    if isinstance(answers, dict):
        return np.hstack([answers[name] for name in bundle.labels])
    return np.hstack([1 - answers, answers]) if answers.shape[1] == 1 else answers


Columns = tuple[dict[str, Sequence], dict[str, Sequence]]
"""The columns of a table of answers that stand before the errors, and those behind them."""


def _named_answers(bundle: Bundle, threshold: float | None, scores: np.ndarray) -> Columns:
    columns = {}
    for name, values in zip(bundle.labels, scores.T, strict=True):
        classes = bundle.card.get("answers", {}).get(name)
        if classes is None:
            columns[name] = values
            continue
        sure = np.where(values >= EVEN, values, 1 - values)
        named = [classes[int(value >= EVEN)] for value in np.nan_to_num(values)]
        columns[name] = [
            label if certain else "" for label, certain in zip(named, sure >= (threshold or 0), strict=True)
        ]
        columns[f"{name}_probability"] = sure
    return columns, {}


def _best_label(bundle: Bundle, threshold: float | None, scores: np.ndarray) -> Columns:
    confidence = scores.max(axis=1)
    best = [bundle.labels[index] for index in np.nan_to_num(scores, nan=0.0).argmax(axis=1)]
    sure = confidence >= (threshold or 0.0)
    labels = [label if certain else "" for label, certain in zip(best, sure, strict=True)]
    return {"label": labels, "confidence": confidence}, dict(zip(bundle.labels, scores.T, strict=True))


def _several_labels(bundle: Bundle, threshold: float | None, scores: np.ndarray) -> Columns:
    own = bundle.card.get("thresholds", {})
    thresholds = np.array([own.get(name, EVEN) if threshold is None else threshold for name in bundle.labels])
    named = scores >= thresholds
    lowest_named = np.where(named, scores, np.inf).min(axis=1)
    confidence = np.where(named.any(axis=1), lowest_named, scores.max(axis=1))
    before = {"label": join_labels(scores, bundle.labels, thresholds), "confidence": confidence}
    return before, dict(zip(bundle.labels, scores.T, strict=True))


ANSWERS: dict[str, Callable[[Bundle, float | None, np.ndarray], Columns]] = {
    BY_NAME: _named_answers,
    SEVERAL: _several_labels,
    ONE: _best_label,
}
