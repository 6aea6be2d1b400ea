"""Image files through a trained network: answers as tables, in bounded memory, whatever some of the files hold."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.evaluation.several_labels import join_labels
from imagecourse.files import in_groups, read_ahead
from imagecourse.images import read_image, squeeze
from imagecourse.networks.bundles import Bundle, is_multi_label

BATCH_SIZE = 32
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


def predict_files(
    bundle: Bundle,
    files: Sequence[Path],
    threshold: float | None = None,
    batch_size: int = BATCH_SIZE,
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


def scores_of_files(
    model: keras.Model, files: Sequence[str], view: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Probabilities (n, classes) of pictures, changed by view (of (h, w, 3) uint8) before they are squeezed.

    Raises: as `read_image`.
    """

    def read(file: str) -> np.ndarray:
        image = read_image(file)
        return squeeze(image if view is None else view(image), *model.input_shape[1:3])

    images = read_ahead(read, files, 2 * BATCH_SIZE)
    batches = ([next(images) for _ in group] for group in in_groups(files, BATCH_SIZE))
    return np.concatenate([forward(model, batch, BATCH_SIZE) for batch in batches])


def forward(model, images: list[np.ndarray], batch_size: int) -> np.ndarray:
    """The network's answer for at most batch_size images.

    The batch is filled up with zeros to batch_size, so that TensorFlow compiles the network for one shape only.
    images: each (h, w, 3) uint8 in the network's own size. Returns: (n, …) float32.
    """
    batch = np.zeros((batch_size, *images[0].shape), np.float32)
    batch[: len(images)] = images
    return np.asarray(model.predict_on_batch(batch))[: len(images)]


def images_per_second(
    models: Mapping[str, keras.Model], rounds: int = 12, batch_size: int = BATCH_SIZE
) -> dict[str, float]:
    """Of networks alone, on images in memory, by name: from the median time of a batch over so many rounds.

    The networks take turns, a batch each in every round: what else the computer does slows all of them alike, and no
    large one looks faster than a small one by chance.
    """
    images = {name: [np.zeros(model.input_shape[1:], np.uint8)] * batch_size for name, model in models.items()}
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for number in range(rounds + 1):
        for name, model in models.items():
            start = time.perf_counter()
            forward(model, images[name], batch_size)
            if number:  # the first batch compiles the network
                seconds[name].append(time.perf_counter() - start)
    return {name: batch_size / median(times) for name, times in seconds.items()}


def best_classes(answers: pd.DataFrame, count: int = 5) -> str:
    """The most probable classes of each readable file in a table of answers, one line per file."""
    lines = []
    scores = answers.drop(columns=["file", "label", "confidence", "error"])
    for file, row in zip(answers["file"], scores.itertuples(index=False, name=None), strict=True):
        best = sorted(zip(row, scores.columns, strict=True), reverse=True)[:count]
        lines.append(f"{file}: " + ", ".join(f"{label} {score:.3f}" for score, label in best))
    return "\n".join(line for line, error in zip(lines, answers["error"], strict=True) if not error)


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
