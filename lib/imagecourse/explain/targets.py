"""What is to be explained: a class, an output, a filter of a layer; and its score for every picture."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from keras import KerasTensor

from imagecourse.explain.network import Head, Network, examine

GRADIENT_BATCH = 16
PIXELS_AT_ONCE, FEWEST_AT_ONCE = 2**20, 16


class Filter(NamedTuple):
    """A channel of a layer as target; its score is the mean over all positions. channel: one, or one per picture."""

    layer: str
    channel: int | Sequence[int] = 0


class Output(NamedTuple):
    """An output of a model with several, by name; which: class index or label, None for the predicted class."""

    name: str
    which: int | str | None = None


Target = int | str | Filter | Output | Sequence[int | str] | np.ndarray | None
"""Class index or label, one for all pictures or a sequence with one for each; the name of an output of a model with
several, which stands for its predicted class; `Output`; `Filter`; None for the predicted class of the only output."""


class Goal(NamedTuple):
    """A target found in a network. scores: (n, columns) or (n, rows, columns, channels), before softmax or sigmoid;
    answers: the same after it; indices: (n,) int32, the column of each picture."""

    scores: KerasTensor
    answers: KerasTensor
    indices: np.ndarray

    def only(self, pictures: slice | np.ndarray) -> "Goal":
        """The goal of some of the pictures."""
        return self._replace(indices=self.indices[pictures])

    def batches(self, images: np.ndarray, size: int = GRADIENT_BATCH) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """The pictures, float32, and the column of each, batch by batch."""
        for start in range(0, len(images), size):
            rows = slice(start, start + size)
            yield tf.constant(images[rows], tf.float32), tf.constant(self.indices[rows])

    def repeated(self, number: int, times: int) -> "Goal":
        """The goal of one picture, for as many versions of it."""
        return self._replace(indices=np.repeat(self.indices[number], times))


def prepare(model: keras.Model | Network, images: np.ndarray, target: Target) -> tuple[Network, np.ndarray, Goal]:
    """The opened network, checked images (float32) and the goal: what every method begins with."""
    network = examine(model)
    images = check_images(network, images)
    return network, images, find_goal(network, images, target)


def find_goal(network: Network, images: np.ndarray, target: Target) -> Goal:
    """What a target means in a network for these pictures; see `Target`.

    images: checked (n, h, w, channels) float32. Only their number counts, unless the predicted class is asked for.
    Raises: ValueError for an unknown label, output, layer, class or channel; it lists what there is.
    """
    if isinstance(target, Filter):
        tensor = network.find_layer(target.layer)
        columns = _per_picture(target.channel, len(images))
        return Goal(tensor, tensor, _checked(columns, tensor.shape[-1], f"channel of the layer {target.layer}"))
    name, which = _output_and_class(network, target)
    head = network.heads[name]
    if which is None:
        indices = values(network, images, head.answers).argmax(axis=1).astype(np.int32)
    else:
        columns = [_column(name, head, choice) for choice in _per_picture(which, len(images))]
        indices = _checked(columns, head.answers.shape[-1], f"class of the output {name}")
    return Goal(head.logits, head.answers, indices)


def predictions(model: keras.Model | Network, images: np.ndarray, output: str | None = None) -> np.ndarray:
    """The answers of one output (None: the only one): (n, classes) float32, in the order of its labels."""
    network = examine(model)
    name, _ = _output_and_class(network, None if output is None else Output(output))
    return values(network, check_images(network, images), network.heads[name].answers)


def values(network: Network, images: np.ndarray, tensor: KerasTensor) -> np.ndarray:
    """What a layer or a head gives for each picture: (n, …) float32."""
    function = network.once(("values", id(tensor)), lambda: _compile(network, tensor))
    size = forward_batch(images.shape[1:3])
    batches = (images[start : start + size] for start in range(0, len(images), size))
    return np.concatenate([function(tf.constant(batch, tf.float32)).numpy() for batch in batches])


def score(network: Network, images: np.ndarray, goal: Goal, probability: bool = False) -> np.ndarray:
    """The score of its goal for each picture: (n,) float32, the logit, or on demand the probability if there is one."""
    tensor = goal.answers if probability else goal.scores
    scores = network.once(("score", id(tensor)), lambda: _compile(network, tensor, choose=True))
    batches = goal.batches(images, forward_batch(images.shape[1:3]))
    return np.concatenate([scores(*batch).numpy() for batch in batches])


def forward_batch(shape: tuple[int, int]) -> int:
    """How many pictures of height and width pass a network forwards at once: about a million pixels, 16 at least."""
    return max(FEWEST_AT_ONCE, PIXELS_AT_ONCE // (shape[0] * shape[1]))


def chosen(columns: tf.Tensor, indices: tf.Tensor) -> tf.Tensor:
    """The column of each row, averaged over all positions in feature maps: (n,) float32."""
    if columns.shape.rank > 2:
        columns = tf.reduce_mean(columns, axis=list(range(1, columns.shape.rank - 1)))
    return tf.gather(tf.cast(columns, tf.float32), indices, axis=1, batch_dims=1)


def compiled(network: Network, function: Callable, indices: bool = True) -> Callable:
    """A function of images, and if wanted of column indices, as one TensorFlow graph for any number of pictures."""
    inputs = [tf.TensorSpec(network.inputs.shape, tf.float32), tf.TensorSpec([None], tf.int32)]
    return tf.function(function, autograph=False).get_concrete_function(*inputs[: 1 + indices])


def _compile(network: Network, tensor: KerasTensor, choose: bool = False):
    model = keras.Model(network.inputs, tensor)
    if choose:
        return compiled(network, lambda images, indices: chosen(model(images, training=False), indices))
    return compiled(network, lambda images: tf.cast(model(images, training=False), tf.float32), indices=False)


def _output_and_class(network: Network, target: Any) -> tuple[str, Any]:
    if isinstance(target, Output):
        if target.name not in network.heads:
            raise ValueError(f"{target.name!r}: no such output; choose one of {', '.join(network.heads)}")
        return target
    if len(network.heads) == 1:
        return next(iter(network.heads)), target
    if isinstance(target, str) and target in network.heads:
        return target, None
    owners = [name for name, head in network.heads.items() if isinstance(target, str) and target in head.labels]
    if len(owners) == 1:
        return owners[0], target
    advice = f"name one of {', '.join(network.heads)}, or give Output(name, class)"
    raise ValueError(f"target {target!r}: {network.name} has several outputs; {advice}")


def _column(name: str, head: Head, choice: Any) -> int:
    if not isinstance(choice, str):
        return choice
    if choice not in head.labels:
        known = ", ".join(head.labels) or f"none is known: give labels to examine, or a class from 0 on for {name}"
        raise ValueError(f"{choice!r}: no such label; choose one of {known}")
    return head.labels.index(choice)


def _per_picture(which: Any, count: int) -> list:
    if isinstance(which, str) or np.ndim(which) == 0:
        return [which] * count
    if len(which) != count:
        raise ValueError(f"target: {len(which)} entries for {count} pictures; give one for all, or one for each")
    return list(which)


def _checked(columns: list, count: int, what: str) -> np.ndarray:
    for column in columns:
        if not (isinstance(column, int | np.integer) and 0 <= column < count):
            raise ValueError(f"target {column!r}: no {what}; give a whole number from 0 to {count - 1}")
    return np.array(columns, np.int32)


def check_images(network: Network, images: np.ndarray) -> np.ndarray:
    """Pictures as a network takes them: (n, h, w, channels) float32. Raises: ValueError for another shape or NaN."""
    images = np.asarray(images)
    height, width = network.image_size
    channels = network.inputs.shape[-1]
    if images.ndim != 4 or len(images) == 0:
        raise ValueError(f"images: shape {images.shape}; give one or more as (n, h, w, {channels})")
    wanted = (height or images.shape[1], width or images.shape[2], channels)
    if images.shape[1:] != wanted:
        have, want = (" × ".join(map(str, shape)) for shape in (images.shape[1:], wanted))
        raise ValueError(f"images: {have}, but {network.name} takes {want}; resize them first (batches.squeeze)")
    images = images.astype(np.float32)
    if not math.isfinite(images.sum(dtype=np.float64)):
        raise ValueError("images: hold numbers that are not finite; give values in [0, 255]")
    return images
