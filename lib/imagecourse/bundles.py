"""A trained model on disk and back: a folder of plain files that runs no code when it is loaded.

architecture.json   the layers, as Keras' to_json writes them
model.weights.h5    the weights, kernels in half precision
labels.txt          the classes, one per line
card.json           what it is, how it was trained, how good it is
history.csv         a row per epoch
predictions.csv     a row per image of the test split: file, truth, prediction, a score per class
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd

from imagecourse.multi_label import LABEL_SEPARATOR, is_multi_label

ARCHITECTURE_NAME = "architecture.json"
WEIGHTS_NAME = "model.weights.h5"
LABELS_NAME = "labels.txt"
CARD_NAME = "card.json"
HISTORY_NAME = "history.csv"
PREDICTIONS_NAME = "predictions.csv"
DEFAULT_NAME = "photo-filter"
RESERVED_LABELS = ("file", "label", "confidence", "error", "truth", "prediction", "unsure")
HALF_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model with what is known about it.

    model: (n, h, w, 3) float RGB in [0, 255] -> (n, classes) probabilities; (n, 1) is that of the second of two.
    After a sigmoid each class is a yes or no of its own (`multi_label.is_multi_label`), from a probability that the
    card gives for each under `thresholds`.
    card: empty for a model that came without one, as are history and predictions.
    """

    model: keras.Model
    labels: list[str]
    folder: Path
    card: dict = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)


def make_card(
    task: str,
    model: keras.Model,
    labels: Sequence[str],
    data: str,
    licence: str,
    command: str,
    seed: int,
    metrics: dict,
    **more: Any,
) -> dict:
    """What a reader must know of a model, for `save_bundle`.

    data, licence: name of the data set, and on what terms. command: what trains it again.
    metrics: name -> number, with `split`, the name of the split they were measured on, and `images`, its size.
    more: anything else that JSON knows.
    """
    libraries = ("tensorflow", "keras", "numpy", "imagecourse")
    return {
        "task": task,
        "input_size": list(model.input_shape[1:]),
        "classes": list(labels),
        "data": data,
        "data_licence": licence,
        "training_command": command,
        "seed": seed,
        "date": date.today().isoformat(),
        "versions": {name: metadata.version(name) for name in libraries},
        "parameters": model.count_params(),
        "metrics": metrics,
    } | more


def save_bundle(
    folder: str | os.PathLike,
    model: keras.Model,
    labels: Sequence[str],
    card: dict,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    half_precision: bool = True,
) -> Path:
    """Write a model folder; it appears complete or not at all, and takes the place of an older one.

    half_precision: store kernels as float16, which halves the file; vectors (biases, normalisation) stay float32.
    Raises: ValueError for labels that do not fit the model, a Lambda layer, or a folder that holds something else.
    """
    folder = Path(folder)
    labels = list(labels)
    _check_labels(folder, labels, model)
    architecture = _without_compilation(json.loads(model.to_json()))
    _check_architecture(folder, architecture)
    if folder.exists() and not (folder.is_dir() and (not any(folder.iterdir()) or (folder / LABELS_NAME).exists())):
        raise ValueError(f"{folder}: exists and is no model folder; name another one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder.parent) as work:
        new = Path(work, "new")
        new.mkdir()
        (new / ARCHITECTURE_NAME).write_text(json.dumps(architecture) + "\n", encoding="utf-8")
        (new / LABELS_NAME).write_text("".join(f"{label}\n" for label in labels), encoding="utf-8")
        text = json.dumps(card, indent=2, ensure_ascii=False, allow_nan=False)
        (new / CARD_NAME).write_text(text + "\n", encoding="utf-8")
        history.to_csv(new / HISTORY_NAME, index=False)
        predictions.to_csv(new / PREDICTIONS_NAME, index=False, float_format="%.6g")
        model.save_weights(Path(work, WEIGHTS_NAME))
        _copy_weights(Path(work, WEIGHTS_NAME), new / WEIGHTS_NAME, half_precision)
        if folder.exists():
            folder.rename(Path(work, "old"))
        new.rename(folder)
    return folder


def _copy_weights(source: Path, target: Path, half_precision: bool) -> None:
    """Without the optimiser's state, and smaller. Values that float16 cannot hold keep their array in float32."""

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name.split("/")[0] == "optimizer":
            return
        if isinstance(item, h5py.Group):
            new.require_group(name).attrs.update(item.attrs)
            return
        values = item[()]
        new.create_dataset(name, data=values.astype(np.float16) if half_precision and _fits_half(values) else values)

    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)
        old.visititems(copy)


def round_to_half(model: keras.Model) -> None:
    """Round the kernels of a model as `save_bundle` stores them: what is measured is what will be loaded."""
    for weights in model.weights:
        values = np.asarray(weights)
        if _fits_half(values):
            weights.assign(values.astype(np.float16).astype(np.float32))


def _fits_half(values: np.ndarray) -> bool:
    return values.dtype == np.float32 and values.ndim > 1 and bool(np.abs(values).max(initial=0) <= HALF_LARGEST)


def load_bundle(name: str | os.PathLike) -> Bundle:
    """Load a model by name or path, see `find_model`: a folder as above, one without card, or a `.keras` file.

    The weights file of a folder may have any name that ends in `.weights.h5`. A `.keras` file needs a `labels.txt`
    beside it, or one named like the file (`cats.labels.txt`). Weights become float32. Nothing in the files is run.

    Raises: FileNotFoundError, ValueError: which file, what is wrong, what to do.
    """
    path = find_model(name)
    if path.is_file():
        own = path.with_suffix(".labels.txt")
        labels = _read_labels(own if own.exists() else path.with_name(LABELS_NAME))
        model = _load_keras_file(path)
        _check_labels(path, labels, model)
        return Bundle(model, labels, path.parent)
    labels = _read_labels(path / LABELS_NAME)
    model = _load_architecture(path / ARCHITECTURE_NAME)
    _check_labels(path / LABELS_NAME, labels, model)
    _load_weights(model, _weights_file(path))
    tables = [_read_table(path / name) for name in (HISTORY_NAME, PREDICTIONS_NAME)]
    return Bundle(model, labels, path, _read_card(path / CARD_NAME), *tables)


def find_model(name: str | os.PathLike) -> Path:
    """Where a model lies: `name` below ./models, below the models of the project, or as a path.

    Raises: FileNotFoundError that lists the models there are.
    """
    for path in [*(folder / name for folder in _model_folders()), Path(name)]:
        if path.is_dir() or (path.suffix == ".keras" and path.is_file()):
            return path
    known = ", ".join(available_models()) or "none yet, see imagecourse train"
    raise FileNotFoundError(f"{name}: no such model folder or .keras file; models here: {known}")


def available_models() -> list[str]:
    """Names of the models below ./models and the models of the project."""
    found = {path.parent.name for folder in _model_folders() for path in folder.glob(f"*/{LABELS_NAME}")}
    return sorted(found)


def default_model() -> str:
    """`photo-filter` if it is there, else the only model. Raises: FileNotFoundError; ValueError for several."""
    names = available_models()
    if DEFAULT_NAME in names or not names:
        return find_model(DEFAULT_NAME).name
    if len(names) > 1:
        raise ValueError(f"several models are here ({', '.join(names)}); choose one with -m")
    return names[0]


def _model_folders() -> list[Path]:
    return [Path("models"), Path(__file__).parents[2] / "models"]


def _read_labels(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; write the names of the classes into it, one per line")
    try:
        return path.read_text(encoding="utf-8-sig").rstrip("\n").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text; write the names of the classes into it, one per line") from error


def _check_labels(path: Path, labels: list[str], model: keras.Model) -> None:
    if isinstance(model.output_shape, (list, dict)):
        raise ValueError(f"{path}: the network has several outputs; labels name the classes of one")
    outputs = model.output_shape[-1]
    if len(labels) != outputs and (len(labels), outputs) != (2, 1):
        raise ValueError(f"{path}: {len(labels)} labels for {outputs} outputs; give one per line, in their order")
    for label in labels:
        if label.strip() != label or label in ("", ".", "..") or "/" in label or "\\" in label:
            raise ValueError(f"{path}: the label {label!r} cannot name a folder; leave out slashes and outer spaces")
        if labels.count(label) > 1 or label in RESERVED_LABELS:
            taken = "stands there twice" if labels.count(label) > 1 else "is the name of another column"
            raise ValueError(f"{path}: the label {label!r} {taken}; rename the class")
        if LABEL_SEPARATOR in label and is_multi_label(model):
            raise ValueError(f"{path}: the label {label!r} reads as two labels; rename the class")


def _load_architecture(path: Path) -> keras.Model:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a model folder needs it, copy the whole folder again")
    config = _without_compilation(_parse_json(path, path.read_bytes()))
    _check_architecture(path, config)
    try:
        model = keras.models.model_from_json(json.dumps(config))
    except Exception as error:  # a damaged description can fail in any layer
        raise ValueError(f"{path}: Keras cannot build it ({_first_line(error)}); save the model again") from error
    if not isinstance(model, keras.Model):
        raise ValueError(f"{path}: describes no Keras model; copy it again from its source")
    return model


def _load_keras_file(path: Path) -> keras.Model:
    try:
        with zipfile.ZipFile(path) as archive:
            content = archive.read("config.json")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"{path}: not a Keras model file; save it again with model.save") from error
    _check_architecture(path, _without_compilation(_parse_json(path, content)))
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # as above
        raise ValueError(f"{path}: Keras cannot load it ({_first_line(error)}); save the model again") from error


def _without_compilation(config: dict) -> dict:
    """Loss and metrics are for training; a model to predict with needs none."""
    return {name: part for name, part in config.items() if name != "compile_config"}


def _check_architecture(path: Path, config: Any) -> None:
    """Refuse what carries code, anywhere in the description; other classes than its own Keras refuses by itself."""
    if isinstance(config, dict):
        if config.get("class_name") in ("Lambda", "TFSMLayer", "__lambda__"):
            what = f"holds a {config['class_name']}, which runs code of its own"
            raise ValueError(f"{path}: {what}; build the model from Keras' ordinary layers")
        config = list(config.values())
    for part in config if isinstance(config, list) else []:
        _check_architecture(path, part)


def _weights_file(folder: Path) -> Path:
    files = sorted(folder.glob("*.weights.h5"))
    if len(files) == 1 or folder / WEIGHTS_NAME in files:
        return folder / WEIGHTS_NAME if folder / WEIGHTS_NAME in files else files[0]
    if not files:
        raise FileNotFoundError(f"{folder / WEIGHTS_NAME}: no such file; copy the whole model folder again")
    raise ValueError(f"{folder}: holds {len(files)} files *.weights.h5; leave the right one")


def _load_weights(model: keras.Model, path: Path) -> None:
    try:
        model.load_weights(path)
    except Exception as error:  # a damaged HDF5 file can fail anywhere
        raise ValueError(f"{path}: damaged, or of another network ({_first_line(error)}); copy it again") from error


def _read_card(path: Path) -> dict:
    return _parse_json(path, path.read_bytes()) if path.exists() else {}


def _read_table(path: Path) -> pd.DataFrame:
    if not path.exists() or path.stat().st_size <= 1:
        return pd.DataFrame()
    try:
        names = dict.fromkeys(("file", "truth", "prediction"), str)
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype=names)
    except ValueError as error:
        raise ValueError(f"{path}: not a table ({_first_line(error)}); copy it again") from error


def _parse_json(path: Path, content: bytes) -> dict:
    try:
        config = json.loads(content)
    except ValueError as error:
        raise ValueError(f"{path}: not JSON ({error}); copy it again from its source") from error
    if not isinstance(config, dict):
        raise ValueError(f"{path}: holds no JSON object; copy it again from its source")
    return config


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:160]
