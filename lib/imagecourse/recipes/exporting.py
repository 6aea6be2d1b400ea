"""A model for other programs, with a certificate: what it costs, and whether it still gives the same answers."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, Protocol

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from imagecourse.datasets.readers import read_dataset
from imagecourse.datasets.table import drop_unreadable, held_out_split
from imagecourse.evaluation.metrics import Estimate, accuracy_with_interval, bootstrap_interval
from imagecourse.files import atomic_path, in_groups, new_folder, read_ahead, temporary_folder, write_json
from imagecourse.images import read_image, squeeze
from imagecourse.networks.bundles import Bundle
from imagecourse.networks.predict import BATCH_SIZE, EVEN, forward, images_per_second, input_size
from imagecourse.networks.runtime import OnnxNetwork, quantise, write_onnx
from imagecourse.recipes.classifying_page import classifying_page
from imagecourse.samples import reference_photographs

KINDS = {"onnx": ".onnx", "litert": ".tflite", "saved_model": "", "html": ".html"}
"""What a model can become, and how its file ends; saved_model is a folder."""
CALIBRATION_PICTURES = 64
OWN = "the course's photographs"


class Network(Protocol):
    """What answers for a batch of images, as a Keras model does."""

    def predict_on_batch(self, images: np.ndarray) -> object:
        """Answers for (n, h, w, 3)."""


@dataclass(frozen=True)
class Certificate:
    """What was measured on an exported model.

    bytes: of the file or folder. speed: pictures/s of the Keras model and of the exported one, in turns on this
    machine. largest_difference: of any two answers. pictures: how many were asked about, and from where. accuracy:
    before, after and the difference, each with an interval; None without labelled pictures.
    """

    model: str
    format: str
    int8: bool
    bytes: int
    speed: dict[str, float]
    largest_difference: float
    pictures: dict[str, object]
    accuracy: dict[str, dict[str, float]] | None
    date: str
    versions: dict[str, str]

    def __str__(self) -> str:
        lines = [
            f"{self.model} as {self.format}{', 8 bits' if self.int8 else ''}: {self.bytes / 1e6:.1f} MB",
            "{exported:.0f} pictures/s against {keras:.0f} of Keras on this machine".format(**self.speed),
            f"largest difference of an answer: {self.largest_difference:.2g}, on {self.pictures['count']} pictures "
            f"of {self.pictures['source']}",
        ]
        if self.accuracy:
            before, after, change = (Estimate(**self.accuracy[name]) for name in ("before", "after", "difference"))
            lines.append(
                f"accuracy {before.value:.3f} before, {after.value:.3f} after; "
                f"difference {change.value:+.3f} ({change.low:+.3f} to {change.high:+.3f})"
            )
        return "\n".join(lines)


class _Pictures(NamedTuple):
    """Files or images to measure on, with class numbers where they are known, and others to learn ranges from."""

    measured: Sequence[str | np.ndarray]
    truth: np.ndarray | None
    calibration: Sequence[str]
    source: str


class _Measured(NamedTuple):
    """Answers of the Keras model and of the exported one, (n, …) each, and pictures/s of both, who took turns."""

    before: np.ndarray
    after: np.ndarray
    speed: dict[str, float]


def export_model(
    bundle: Bundle, kind: str, destination: Path, int8: bool = False, data: Path | None = None
) -> Certificate:
    """Write a model in one of the formats of `KINDS`, and a certificate beside it (NAME.certificate.json).

    int8: weights and activations of 8 bits; their ranges are learnt from training pictures of `data`.
    data: a folder of labelled pictures in any layout, to measure on (its test split, else validation, else all);
    None takes the course's photographs, which tell whether answers are the same but not whether they are right.
    Raises: FileExistsError for a destination that is there; ValueError for int8 without data or as saved_model, for
    data without the model's classes, and for a name that does not fit the format.
    """
    _check(kind, destination, int8, data)
    size = input_size(bundle)
    pictures = _pictures_of(data, bundle) if data else _Pictures(list(reference_photographs().values()), None, [], OWN)
    calibration = [_seen(size, picture) for picture in pictures.calibration] if int8 else None
    bundle.model(np.zeros((1, *size, 3), np.float32))  # Keras exports what has been called
    network = WRITERS[kind](bundle, destination, calibration)
    measured = _ask_both(bundle, network, [*pictures.measured], size)
    certificate = Certificate(
        model=bundle.folder.name,
        format=kind,
        int8=int8,
        bytes=sum(file.stat().st_size for file in [destination, *destination.rglob("*")] if file.is_file()),
        speed=measured.speed,
        largest_difference=float(np.abs(measured.before - measured.after).max()),
        pictures={"count": len(pictures.measured), "source": pictures.source},
        accuracy=_accuracy(pictures.truth, measured) if pictures.truth is not None else None,
        date=date.today().isoformat(),
        versions={name: metadata.version(name) for name in ("keras", "tensorflow", "onnxruntime")},
    )
    write_json(destination.with_name(f"{destination.name}.certificate.json"), asdict(certificate))
    return certificate


def _check(kind: str, destination: Path, int8: bool, data: Path | None) -> None:
    if destination.exists():
        raise FileExistsError(f"{destination}: is already there; name another one or remove it first")
    if not destination.name.endswith(KINDS[kind]):
        raise ValueError(f"{destination}: let the name of a {kind} file end in {KINDS[kind]}")
    if int8 and kind == "saved_model":
        raise ValueError("--int8: a SavedModel keeps its numbers; choose onnx, litert or html")
    if int8 and data is None:
        raise ValueError("--int8: the ranges of 8 bits are learnt from pictures; add --data DIR")


def _pictures_of(data: Path, bundle: Bundle) -> _Pictures:
    dataset = drop_unreadable(read_dataset(data))
    labels = dataset.table.get("label", pd.Series(dtype=str))
    table = dataset.table[labels.isin(bundle.labels)]
    if table.empty:
        raise ValueError(f"{data}: no picture of a class of {bundle.folder.name}; give some with its labels")
    split = held_out_split(dataset)
    measured = table[table["split"] == split] if split else table
    others = table.drop(measured.index).sample(frac=1, random_state=0)
    ranges = (others if len(others) else measured)["file"][:CALIBRATION_PICTURES]
    truth = np.array([bundle.labels.index(label) for label in measured["label"]])
    return _Pictures(measured["file"].tolist(), truth, ranges.tolist(), data.resolve().name)


def _seen(size: tuple[int, int], picture: str | np.ndarray) -> np.ndarray:
    image = read_image(picture) if isinstance(picture, str) else np.atleast_3d(picture)
    return squeeze(np.broadcast_to(image, (*image.shape[:2], 3)), *size)


def _write_onnx(bundle: Bundle, destination: Path, calibration: list[np.ndarray] | None) -> OnnxNetwork:
    if calibration is None:
        write_onnx(bundle.model, destination)
    else:
        with temporary_folder(destination.parent) as work:
            write_onnx(bundle.model, work / "float.onnx")
            quantise(work / "float.onnx", destination, np.stack(calibration).astype(np.float32))
    return OnnxNetwork(destination)


def _write_html(bundle: Bundle, destination: Path, calibration: list[np.ndarray] | None) -> OnnxNetwork:
    with temporary_folder(destination.parent) as work:
        network = _write_onnx(bundle, work / "network.onnx", calibration)
        page = classifying_page(bundle, (work / "network.onnx").read_bytes(), input_size(bundle))
    with atomic_path(destination) as temporary:
        temporary.write_text(page, encoding="utf-8")
    return network


def _write_litert(bundle: Bundle, destination: Path, calibration: list[np.ndarray] | None) -> "_LiteRT":
    options = {}
    if calibration is not None:
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
        options["representative_dataset"] = lambda: ([picture[None].astype(np.float32)] for picture in calibration)
    with temporary_folder(destination.parent) as work:
        bundle.model.export(work / destination.name, format="litert", verbose=False, **options)
        (work / destination.name).replace(destination)
    return _LiteRT(destination)


def _write_saved_model(bundle: Bundle, destination: Path, calibration: None) -> "_SavedModel":
    with new_folder(destination) as work:
        bundle.model.export(work, format="tf_saved_model", verbose=False)
    return _SavedModel(destination)


class _LiteRT:
    """A LiteRT file, asked as a Keras model is."""

    def __init__(self, path: Path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it will move to a package of its own
            self._interpreter = tf.lite.Interpreter(str(path), num_threads=os.cpu_count())

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray | list[np.ndarray]:
        entry, outputs = self._interpreter.get_input_details()[0], self._interpreter.get_output_details()
        self._interpreter.resize_tensor_input(entry["index"], images.shape)
        self._interpreter.allocate_tensors()
        self._interpreter.set_tensor(entry["index"], images)
        self._interpreter.invoke()
        answers = [self._interpreter.get_tensor(output["index"]) for output in outputs]
        return answers[0] if len(answers) == 1 else answers


class _SavedModel:
    """A SavedModel folder, asked as a Keras model is."""

    def __init__(self, path: Path):
        self._loaded = tf.saved_model.load(str(path))

    def predict_on_batch(self, images: np.ndarray) -> dict | tf.Tensor:
        return self._loaded.serve(tf.constant(images))


WRITERS = {"onnx": _write_onnx, "litert": _write_litert, "saved_model": _write_saved_model, "html": _write_html}


def _ask_both(bundle: Bundle, network: Network, pictures: list, size: tuple[int, int]) -> _Measured:
    """Both about every picture, batch by batch."""
    networks = {"keras": bundle.model, "exported": network}
    answers = {name: [] for name in networks}
    for batch in in_groups(read_ahead(partial(_seen, size), pictures, 2 * BATCH_SIZE), BATCH_SIZE):
        for name, each in networks.items():
            answers[name].append(_flat(forward(each, batch, BATCH_SIZE)))
    speed = images_per_second(networks, shape=(*size, 3))
    speed = {name: round(value, 1) for name, value in speed.items()}
    return _Measured(np.concatenate(answers["keras"]), np.concatenate(answers["exported"]), speed)


def _flat(answers: object) -> np.ndarray:
    """Answers of one or several outputs as (n, …) in one array; by name, in the order of the names."""
    parts = [np.asarray(part) for part in keras.tree.flatten(answers)]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def _accuracy(truth: np.ndarray, measured: _Measured) -> dict[str, dict[str, float]]:
    right = np.stack([_best(answers) == truth for answers in (measured.before, measured.after)], axis=1)
    change = bootstrap_interval(lambda _, both: float(both[:, 1].mean() - both[:, 0].mean()), truth, right, seed=0)
    found = {
        "before": accuracy_with_interval(truth, _best(measured.before)),
        "after": accuracy_with_interval(truth, _best(measured.after)),
        "difference": change,
    }
    return {name: estimate._asdict() for name, estimate in found.items()}


def _best(answers: np.ndarray) -> np.ndarray:
    return answers.argmax(axis=1) if answers.shape[1] > 1 else (answers[:, 0] >= EVEN).astype(int)
