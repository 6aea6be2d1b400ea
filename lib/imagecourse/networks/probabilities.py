"""Does a network end in probabilities? One that ends in logits gets the layer that makes them."""

from typing import Any

import keras
from keras import KerasTensor, layers

ONLY_RESHAPING = (
    layers.Flatten,
    layers.Reshape,
    layers.Dropout,
    layers.Identity,
    layers.GlobalAveragePooling2D,
    layers.GlobalMaxPooling2D,
)
"""What may follow a softmax or sigmoid and leaves probabilities what they are."""


def last_activation(model: keras.Model) -> str:
    """Name of the function that gives a network's answers, "linear" where it is none."""
    return _activation_of(model.outputs[0])


def _activation_of(tensor: KerasTensor) -> str:
    operation, node, _ = tensor._keras_history
    if isinstance(operation, keras.Model):
        return last_activation(operation)
    if isinstance(operation, ONLY_RESHAPING):
        return _activation_of(operation._inbound_nodes[node].input_tensors[0])
    return _name(operation)


def _name(operation: Any) -> str:
    activation = getattr(operation, "activation", None)
    name = getattr(activation, "__name__", "") or type(operation).__name__.lower()
    return name if name in ("softmax", "sigmoid") or activation is not None else "linear"


def with_probabilities(model: keras.Model) -> tuple[keras.Model, str]:
    """A network that ends in a softmax or sigmoid, and the name of what was added to it, empty if nothing.

    A linear end is taken for logits: of classes that exclude each other, or of one class against another.
    Raises: ValueError for another end, whose values are no logits.
    """
    activation = last_activation(model)
    if activation in ("softmax", "sigmoid"):
        return model, ""
    if activation != "linear":
        raise ValueError(f"its last layer ends in {activation}, which gives no probabilities")
    added = "sigmoid" if model.output_shape[-1] == 1 else "softmax"
    return keras.Model(model.inputs[0], layers.Activation(added, name=added)(model.outputs[0])), added
