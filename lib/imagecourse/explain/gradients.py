"""Maps from gradients of the score with respect to the pixels."""

from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf
from keras import KerasTensor

from imagecourse.explain.network import Network
from imagecourse.explain.results import Explanation, mean_colour, scale_to_peak
from imagecourse.explain.targets import Goal, Target, chosen, compiled, prepare, score

GREY_LEVELS = 255.0


def vanilla_gradient(model: keras.Model | Network, images: np.ndarray, target: Target = None) -> Explanation:
    """How much the score changes with each pixel.

    model: see `examine`. images: (n, h, w, channels) in [0, 255], in the network's size. target: see `Target`.
    raw: (n, h, w, channels), score per grey level. maps: the largest channel, without sign.
    Raises: ValueError for a target or images that do not fit; so do all methods.
    Source: Simonyan et al., Deep Inside Convolutional Networks, 2014, arXiv:1312.6034.
    """
    network, images, goal = prepare(model, images, target)
    raw = pixel_gradients(network, images, goal)
    return Explanation(scale_to_peak(np.abs(raw).max(axis=-1)), raw, "gradient")


def gradient_times_input(model: keras.Model | Network, images: np.ndarray, target: Target = None) -> Explanation:
    """How much each pixel adds to the score, if the network were linear.

    The input is counted from the picture's mean colour, as in `integrated_gradients`, so that black can matter too.
    raw: (n, h, w, channels), in units of the score. maps: the sum over channels where positive.
    Source: Shrikumar et al., Not Just a Black Box, 2016, arXiv:1605.01713.
    """
    network, images, goal = prepare(model, images, target)
    raw = pixel_gradients(network, images, goal) * (images - mean_colour(images))
    return Explanation(scale_to_peak(raw.sum(axis=-1)), raw, "gradient_times_input")


def smoothgrad(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    samples: int = 24,
    noise: float = 0.1,
    seed: int = 0,
) -> Explanation:
    """The mean gradient over noisy versions of each picture.

    noise: standard deviation as a share of 255. Every picture gets the same noise, so its map stands for itself.
    raw and maps: as `vanilla_gradient`.
    Source: Smilkov et al., SmoothGrad, 2017, arXiv:1706.03825.
    """
    network, images, goal = prepare(model, images, target)
    shape = (samples, *images.shape[1:])
    disturbances = np.random.default_rng(seed).standard_normal(shape, np.float32) * (noise * GREY_LEVELS)
    raw = np.stack(
        [
            pixel_gradients(network, image + disturbances, goal.repeated(number, samples)).mean(axis=0)
            for number, image in enumerate(images)
        ]
    )
    return Explanation(scale_to_peak(np.abs(raw).max(axis=-1)), raw, "smoothgrad")


def integrated_gradients(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    steps: int = 48,
    baseline: np.ndarray | float | None = None,
) -> Explanation:
    """Each pixel's share in the difference between the scores of a picture and of a blank one.

    Gradients are averaged at so many steps on the straight way from the blank picture, which get longer along the way:
    networks make up their mind while the picture is still faint.
    baseline: the blank pictures, same shape as images, or anything that fits such as 0.0 for black; None: the mean
    colour of each. raw: (n, h, w, channels), in units of the score; see `completeness_error`.
    maps: the sum over channels where positive.
    Source: Sundararajan et al., Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365.
    """
    network, images, goal = prepare(model, images, target)
    parts = ((np.arange(steps, dtype=np.float32) + 0.5) / steps)[:, None, None, None]
    raw = np.zeros_like(images)
    for number, (image, blank) in enumerate(zip(images, _blank(images, baseline), strict=True)):
        slopes = pixel_gradients(network, blank + parts**2 * (image - blank), goal.repeated(number, steps))
        raw[number] = (2 * parts * slopes).mean(axis=0) * (image - blank)
    return Explanation(scale_to_peak(raw.sum(axis=-1)), raw, "integrated_gradients")


def completeness_error(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target,
    raw: np.ndarray,
    baseline: np.ndarray | float | None = None,
) -> np.ndarray:
    """How far attributions are from adding up to the difference that they share out, relative to it: (n,) float32.

    raw, baseline: of `integrated_gradients`. More steps bring it down; below 0.01 is good.
    """
    network, images, goal = prepare(model, images, target)
    blank = np.ascontiguousarray(_blank(images, baseline))
    difference = score(network, images, goal) - score(network, blank, goal)
    gap = np.abs(raw.sum(axis=(1, 2, 3), dtype=np.float64) - difference)
    return (gap / np.maximum(np.abs(difference), np.finfo(np.float32).tiny)).astype(np.float32)


def guided_backpropagation(model: keras.Model | Network, images: np.ndarray, target: Target = None) -> Explanation:
    """The gradient, where on the way back every rectifier lets only positive values through.

    It applies to ReLU and its relatives (ReLU6, SiLU, GELU, …); a network without any gives its plain gradient.
    raw: (n, h, w, channels). maps: the largest channel where positive. Beware: it shows edges, whatever the weights
    (Adebayo et al., 2018, arXiv:1810.03292).
    Source: Springenberg et al., Striving for Simplicity, 2015, arXiv:1412.6806.
    """
    network, images, goal = prepare(model, images, target)
    raw = pixel_gradients(network, images, goal, guided=True)
    return Explanation(scale_to_peak(raw.max(axis=-1)), raw, "guided_backpropagation")


def pixel_gradients(network: Network, images: np.ndarray, goal: Goal, guided: bool = False) -> np.ndarray:
    """Gradients of the scores with respect to the pixels, in the shape of the images, float32."""
    key = ("pixel gradients", id(goal.scores), guided)
    scores = network.guided_outputs[id(goal.scores)] if guided else goal.scores
    function = network.once(key, lambda: _compile_gradients(network, scores, []))
    return np.concatenate([function(*batch)[1][0].numpy() for batch in goal.batches(images)])


def layer_gradients(network: Network, goal: Goal, layers: Sequence[KerasTensor]):
    """A compiled function (images, indices) -> (values of the layers, gradients of the scores with respect to them)."""
    key = ("layer gradients", id(goal.scores), *map(id, layers))
    return network.once(key, lambda: _compile_gradients(network, goal.scores, list(layers)))


def _compile_gradients(network: Network, scores: KerasTensor, layers: list[KerasTensor]):
    """With respect to layers, or with none given to the images."""
    model = keras.Model(network.inputs, [*layers, scores])

    def gradients(images, indices):
        with tf.GradientTape() as tape:
            tape.watch(images)
            *values, last = keras.tree.flatten(model(images, training=False))
            values = values or [images]
            total = chosen(last, indices)
        slopes = tape.gradient(total, values)
        if any(slope is None for slope in slopes):
            raise ValueError("the layer does not lead to the target; choose one that lies before it")
        return [tf.cast(value, tf.float32) for value in values], [tf.cast(slope, tf.float32) for slope in slopes]

    return compiled(network, gradients)


def _blank(images: np.ndarray, baseline: np.ndarray | float | None) -> np.ndarray:
    if baseline is None:
        return mean_colour(images)
    return np.broadcast_to(np.asarray(baseline, np.float32), images.shape)
