"""Does a network end in probabilities? One that ends in logits gets the layer that makes them."""

import keras
from keras import layers

from imagecourse.networks.answering import last_activation


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
