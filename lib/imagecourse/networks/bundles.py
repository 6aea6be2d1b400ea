"""A trained model from disk: a folder of plain files that runs no code when it is loaded; `saving` writes it.

architecture.json   the layers, as Keras' to_json writes them
model.weights.h5    the weights, kernels in half precision
labels.txt          the classes, or the names of the outputs where there are several, one per line; none where the
                    answer is a picture (`load_restorer`) or a sentence (a captioner has vocabulary.txt instead)
card.json           what it is, how it was trained, how good it is
history.csv         a row per epoch
predictions.csv     a row per image of the test split: file, truth, prediction, a score per class; or what it gained
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from imagecourse.evaluation.labels import LABEL_SEPARATOR, label_fault

if TYPE_CHECKING:  # Keras takes seconds to import, and a network that was exported does without
    import keras

ARCHITECTURE_NAME = "architecture.json"
WEIGHTS_NAME = "model.weights.h5"
LABELS_NAME = "labels.txt"
VOCABULARY_NAME = "vocabulary.txt"
CARD_NAME = "card.json"
HISTORY_NAME = "history.csv"
PREDICTIONS_NAME = "predictions.csv"
DEFAULT_NAME = "photo-filter"
PARTS = (".json", ".h5", ".keras", ".txt")
BY_NAME, SEVERAL, ONE = "by name", "several", "one"
PICTURES = "pictures"
"""What the card of a model without labels says under `answers`."""


@dataclass(frozen=True, eq=False)
class Bundle:
    """A model with what is known about it.

    model: (n, h, w, 3) float RGB in [0, 255] -> (n, classes) probabilities; (n, 1) is that of the second of two.
    After a sigmoid each class is a yes or no of its own (`is_multi_label`), from a probability that the
    card gives for each under `thresholds`. Or a dictionary of outputs (n, 1) by name (`answers_by_name`); then `labels`
    are these names, and the card has the two classes of each that is a probability under `answers`.
    card: empty for a model that came without one, as are history and predictions.
    """

    model: keras.Model
    labels: list[str]
    folder: Path
    card: dict = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)


def answers_by_name(model: keras.Model) -> bool:
    """Whether a network gives several answers, each under a name, such as an age and a gender."""
    return isinstance(model.output, dict)


def is_multi_label(model: keras.Model) -> bool:
    """Whether a network answers yes or no for each of several classes: its last layer ends in a sigmoid."""
    if answers_by_name(model):
        return False
    activation = getattr(model.layers[-1], "activation", None)
    return getattr(activation, "__name__", "") == "sigmoid" and model.output_shape[-1] > 1


def kind_of(model: keras.Model) -> str:
    """How a network answers: "by name", "several" (`is_multi_label`) or "one" label; an exported one knows it."""
    if known := getattr(model, "kind", None):
        return known
    return BY_NAME if answers_by_name(model) else SEVERAL if is_multi_label(model) else ONE


def model_digest(path: Path) -> str:
    """16 hexadecimal digits of the files that say what a model answers."""
    files = [file for file in sorted(path.iterdir()) if file.suffix in PARTS] if path.is_dir() else [path]
    digests = [hashlib.sha256(file.read_bytes()).digest() for file in files]
    return hashlib.sha256(b"".join(digests)).hexdigest()[:16]


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
        check_labels(path, labels, model)
        return Bundle(model, labels, path.parent)
    if _read_card(path / CARD_NAME).get("answers") == PICTURES:
        raise ValueError(f"{path}: answers with pictures, not with classes; use it with imagecourse restore")
    if (path / VOCABULARY_NAME).is_file():
        raise ValueError(f"{path}: writes captions, and names no classes; use it with imagecourse caption")
    labels = _read_labels(path / LABELS_NAME)
    model = load_architecture(path)
    check_labels(path / LABELS_NAME, labels, model)
    return _with_weights(model, labels, path)


def load_restorer(name: str | os.PathLike) -> Bundle:
    """Load a model folder whose network answers with a picture (see `restorers`): no labels, otherwise as above.

    Raises: FileNotFoundError, ValueError: which file, what is wrong, what to do.
    """
    path = find_model(name)
    if path.is_file() or _read_card(path / CARD_NAME).get("answers") != PICTURES:
        raise ValueError(f"{path}: answers with classes, not with pictures; use it with imagecourse predict")
    return _with_weights(load_architecture(path), [], path)


def _with_weights(model: keras.Model, labels: list[str], path: Path) -> Bundle:
    load_weights(model, path)
    return Bundle(model, labels, path, *read_records(path))


def read_records(folder: Path) -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Card, history and predictions of a model folder, empty where it has none. Raises: ValueError for damaged ones."""
    tables = (_read_table(folder / name) for name in (HISTORY_NAME, PREDICTIONS_NAME))
    return _read_card(folder / CARD_NAME), *tables


def find_model(name: str | os.PathLike) -> Path:
    """Where a model lies: `name` below ./models, below the models of the project, or as a path.

    Raises: FileNotFoundError that lists the models there are.
    """
    for path in [*(folder / name for folder in _model_folders()), Path(name)]:
        if path.is_dir() or (path.suffix == ".keras" and path.is_file()):
            return path
    known = ", ".join(available_models()) or "none yet, see imagecourse train"
    raise FileNotFoundError(f"{name}: no such model folder or .keras file; models here: {known}")


def is_there(name: str | os.PathLike) -> bool:
    """Whether `find_model` finds a model of this name."""
    try:
        return bool(find_model(name))
    except FileNotFoundError:
        return False


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


def _read_labels(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; write the names of the classes into it, one per line")
    try:
        return path.read_text(encoding="utf-8-sig").rstrip("\n").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text; write the names of the classes into it, one per line") from error


def check_labels(path: Path, labels: list[str], model: keras.Model) -> None:
    """Refuse labels that do not fit the network, or that no folder or column could have as a name, with ValueError."""
    if isinstance(model.output, list):
        raise ValueError(f"{path}: the network has several outputs without names; give them as a dictionary")
    if answers_by_name(model) and sorted(labels) != sorted(model.output):
        raise ValueError(f"{path}: does not name the network's outputs; write {', '.join(model.output)} into it")
    _check_names(path, labels, model)
    if answers_by_name(model):
        return
    outputs = model.output_shape[-1]
    if len(labels) != outputs and (len(labels), outputs) != (2, 1):
        raise ValueError(f"{path}: {len(labels)} labels for {outputs} outputs; give one per line, in their order")


def _check_names(path: Path, labels: list[str], model: keras.Model) -> None:
    for label in labels:
        fault = "stands there twice; rename the class" if labels.count(label) > 1 else label_fault(label)
        if fault:
            raise ValueError(f"{path}: the label {label!r} {fault}")
        if LABEL_SEPARATOR in label and is_multi_label(model):
            raise ValueError(f"{path}: the label {label!r} reads as two labels; rename the class")


def load_architecture(folder: Path) -> keras.Model:
    """The network of a model folder without its weights; nothing in the file is run.

    Raises: FileNotFoundError, ValueError: which file, what is wrong, what to do.
    """
    path = folder / ARCHITECTURE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; a model folder needs it, copy the whole folder again")
    config = without_compilation(_parse_json(path, path.read_bytes()))
    check_architecture(path, config)
    import keras

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
    check_architecture(path, without_compilation(_parse_json(path, content)))
    import keras

    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # as above
        raise ValueError(f"{path}: Keras cannot load it ({_first_line(error)}); save the model again") from error


def without_compilation(config: dict) -> dict:
    """The layers alone: loss and metrics are for training, a model to predict with needs none."""
    return {name: part for name, part in config.items() if name != "compile_config"}


def check_architecture(path: Path, config: Any) -> None:
    """Refuse what carries code, anywhere in the description; other classes than its own Keras refuses by itself."""
    if isinstance(config, dict):
        if config.get("class_name") in ("Lambda", "TFSMLayer", "__lambda__"):
            what = f"holds a {config['class_name']}, which runs code of its own"
            raise ValueError(f"{path}: {what}; build the model from Keras' ordinary layers")
        config = list(config.values())
    for part in config if isinstance(config, list) else []:
        check_architecture(path, part)


def _weights_file(folder: Path) -> Path:
    files = sorted(folder.glob("*.weights.h5"))
    if len(files) == 1 or folder / WEIGHTS_NAME in files:
        return folder / WEIGHTS_NAME if folder / WEIGHTS_NAME in files else files[0]
    if not files:
        raise FileNotFoundError(f"{folder / WEIGHTS_NAME}: no such file; copy the whole model folder again")
    raise ValueError(f"{folder}: holds {len(files)} files *.weights.h5; leave the right one")


def load_weights(model: keras.Model, folder: Path) -> None:
    """The weights of a model folder into its network. Raises: as `load_architecture`."""
    path = _weights_file(folder)
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
        names = dict.fromkeys(("file", "truth", "prediction", "caption"), str)
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
