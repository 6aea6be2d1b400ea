"""A trained model from disk: a folder of plain files that runs no code when it is loaded; `saving` writes it.

architecture.json   the layers, as Keras' to_json writes them
model.weights.h5    the weights, kernels in half precision
labels.txt          the classes, or the names of the outputs where there are several, one per line; none where the
                    answer is a picture (`load_restorer`) or a sentence (a captioner has vocabulary.txt instead)
card.json           what it is, how it was trained, how good it is
history.csv         a row per epoch
predictions.csv     a row per image of the test split: file, truth, prediction, a score per class; or what it gained
"""

import os
import warnings
from pathlib import Path

import keras

from imagecourse.evaluation.labels import LABEL_SEPARATOR, label_fault
from imagecourse.networks.answering import Bundle, answers_by_name, is_multi_label
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
from imagecourse.networks.probabilities import with_probabilities


def load_bundle(name: str | os.PathLike) -> Bundle:
    """Load a model by name or path, see `find_model`: a folder as above, one without card, or a single file.

    Models of other people are read as well: weights in any one `.h5` file beside architecture.json, by Keras 3 or 2;
    a `.keras` file, or an `.h5` file that has the layers in it, as Teachable Machine writes it, with a `labels.txt`
    beside it or one named like the file (`cats.labels.txt`). A network that ends in logits gets a softmax or sigmoid,
    and a `ModelWarning` says so. Weights become float32. Nothing in the files is run.

    Raises: FileNotFoundError; ValueError for a model of another kind; ModelError: which file, what is wrong, and what
    to do.
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

    Raises: FileNotFoundError; ValueError for a model of another kind; ModelError: which file, what is wrong, and what
    to do.
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
