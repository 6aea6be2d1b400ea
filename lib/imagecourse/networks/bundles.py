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

import os
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from imagecourse.evaluation.labels import LABEL_SEPARATOR, label_fault
from imagecourse.networks.loading import (
    holds_architecture,
    load_architecture,
    load_single_file,
    load_weights,
    weights_file,
)
from imagecourse.networks.model_files import (
    CARD_NAME,
    PICTURES,
    VOCABULARY_NAME,
    ModelError,
    ModelWarning,
    check_card,
    find_model,
    labels_file,
    read_card,
    read_labels,
    read_records,
    without_numbers,
)
from imagecourse.networks.model_files import is_there as is_there

if TYPE_CHECKING:  # Keras takes seconds to import, and a network that was exported does without
    import keras

BY_NAME, SEVERAL, ONE = "by name", "several", "one"


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
    from imagecourse.networks.probabilities import last_activation

    return model.output_shape[-1] > 1 and last_activation(model) == "sigmoid"


def kind_of(model: keras.Model) -> str:
    """How a network answers: "by name", "several" (`is_multi_label`) or "one" label; an exported one knows it."""
    if known := getattr(model, "kind", None):
        return known
    return BY_NAME if answers_by_name(model) else SEVERAL if is_multi_label(model) else ONE


def load_bundle(name: str | os.PathLike) -> Bundle:
    """Load a model by name or path, see `find_model`: a folder as above, one without card, or a single file.

    Models of other people are read as well: weights in any one `.h5` file beside architecture.json, by Keras 3 or 2;
    a `.keras` file, or an `.h5` file that has the layers in it, as Teachable Machine writes it, with a `labels.txt`
    beside it or one named like the file (`cats.labels.txt`). A network that ends in logits gets a softmax or sigmoid,
    and a `ModelWarning` says so. Weights become float32. Nothing in the files is run.

    Raises: FileNotFoundError; ValueError for a model of another kind; ModelError for a file that cannot be used.
    """
    path = find_model(name)
    return _from_folder(path) if path.is_dir() else _from_file(path)


def _from_file(path: Path) -> Bundle:
    labels = read_labels(labels_file(path))
    model, labels = _checked(labels_file(path), labels, load_single_file(path), path)
    return Bundle(model, labels, path.parent)


def _from_folder(folder: Path) -> Bundle:
    if read_card(folder).get("answers") == PICTURES:
        raise ValueError(f"{folder}: answers with pictures, not with classes; use it with imagecourse restore")
    if (folder / VOCABULARY_NAME).is_file():
        raise ValueError(f"{folder}: writes captions, and names no classes; use it with imagecourse caption")
    labels, network = read_labels(labels_file(folder)), load_architecture(folder)
    model, labels = _checked(labels_file(folder), labels, network, weights_file(folder))
    card, history, predictions = read_records(folder)
    check_card(folder / CARD_NAME, card, labels)
    load_weights(network, folder)
    return Bundle(model, labels, folder, card, history, predictions)


def _checked(path: Path, labels: list[str], model: keras.Model, weights: Path) -> tuple[keras.Model, list[str]]:
    """A network that answers with probabilities, and labels that fit it; path: of the labels."""
    if len(model.inputs) != 1:
        raise ModelError(f"{weights}: the network takes {len(model.inputs)} inputs, not one picture; use another model")
    if holds_architecture(weights):
        labels = without_numbers(labels)
    check_labels(path, labels, model)
    if answers_by_name(model):
        return model, labels
    from imagecourse.networks.probabilities import with_probabilities

    try:
        complete, added = with_probabilities(model)
    except ValueError as error:
        raise ModelError(f"{weights}: {error}; use a network that ends in a softmax or sigmoid") from error
    if added:
        note = f"{weights}: the network gives no probabilities but logits; a {added} was added that makes them"
        warnings.warn(note, ModelWarning, stacklevel=5)
    return complete, labels


def load_restorer(name: str | os.PathLike) -> Bundle:
    """Load a model folder whose network answers with a picture (see `restorers`): no labels, otherwise as above.

    Raises: FileNotFoundError; ValueError for a model of another kind; ModelError for a file that cannot be used.
    """
    path = find_model(name)
    if path.is_file() or read_card(path).get("answers") != PICTURES:
        raise ValueError(f"{path}: answers with classes, not with pictures; use it with imagecourse predict")
    model = load_architecture(path)
    load_weights(model, path)
    return Bundle(model, [], path, *read_records(path))


def check_labels(path: Path, labels: list[str], model: keras.Model) -> None:
    """Refuse labels that do not fit the network, or that no folder or column could have as a name, with ModelError."""
    if isinstance(model.output, list):
        raise ModelError(f"{path}: the network has several outputs without names; give them as a dictionary")
    shapes = [tuple(output.shape) for output in model.outputs]
    if not all(len(shape) == 2 and shape[1] for shape in shapes):
        raise ModelError(f"{path}: the network answers {shapes[0]}, not a number for each class; use another model")
    if answers_by_name(model) and sorted(labels) != sorted(model.output):
        raise ModelError(f"{path}: does not name the network's outputs; write {', '.join(model.output)} into it")
    _check_names(path, labels, model)
    if answers_by_name(model):
        return
    outputs = shapes[0][1]
    if outputs == 1 and len(labels) == 1:
        raise ModelError(f"{path}: one label for one output, which tells two classes apart; write the other one above")
    if len(labels) != outputs and (len(labels), outputs) != (2, 1):
        raise ModelError(f"{path}: {len(labels)} labels for {outputs} outputs; give one per line, in their order")


def _check_names(path: Path, labels: list[str], model: keras.Model) -> None:
    several = not answers_by_name(model) and is_multi_label(model)
    for label in labels:
        fault = "stands there twice; rename the class" if labels.count(label) > 1 else label_fault(label)
        if fault:
            raise ModelError(f"{path}: the label {label!r} {fault}")
        if LABEL_SEPARATOR in label and several:
            raise ModelError(f"{path}: the label {label!r} reads as two labels; rename the class")
