"""How a network answers, and a model with what is known about it; nothing here needs Keras."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    import keras
    from keras import KerasTensor

BY_NAME, SEVERAL, ONE = "by name", "several", "one"
ONLY_RESHAPING = ("Flatten", "Reshape", "Dropout", "Identity", "GlobalAveragePooling2D", "GlobalMaxPooling2D")
"""Layers that may follow a softmax or sigmoid and leave probabilities what they are."""


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


def kind_of(model: keras.Model) -> str:
    """How a network answers: "by name", "several" (`is_multi_label`) or "one" label; an exported one knows it."""
    if known := getattr(model, "kind", None):
        return known
    return BY_NAME if answers_by_name(model) else SEVERAL if is_multi_label(model) else ONE


def answers_by_name(model: keras.Model) -> bool:
    """Whether a network gives several answers, each under a name, such as an age and a gender."""
    return isinstance(model.output, dict)


def is_multi_label(model: keras.Model) -> bool:
    """Whether a network answers yes or no for each of several classes: its last layer ends in a sigmoid."""
    return not answers_by_name(model) and model.output_shape[-1] > 1 and last_activation(model) == "sigmoid"


def last_activation(model: keras.Model) -> str:
    """Name of the function that gives a network's answers, "linear" where it is none."""
    return _activation_of(model.outputs[0])


def _activation_of(tensor: KerasTensor) -> str:
    operation, node, _ = tensor._keras_history
    if hasattr(operation, "layers"):  # a network inside the network
        return last_activation(operation)
    if type(operation).__name__ in ONLY_RESHAPING:
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    return _name(operation)


def _name(operation: Any) -> str:
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "") or type(operation).__name__.lower()
    return name if name in ("softmax", "sigmoid") or activation is not None else "linear"
