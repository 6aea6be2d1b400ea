"""What the layers of a network see: feature maps, filters, the pictures that excite them, saliency block by block."""

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.explain.activations import cam_layer, feature_layers
from imagecourse.explain.gradients import layer_gradients, pixel_gradients
from imagecourse.explain.network import LINEAR, Network, examine
from imagecourse.explain.results import Explanation, blurred, resize_maps, scale_to_peak
from imagecourse.explain.targets import (
    Filter,
    Goal,
    Output,
    Target,
    check_images,
    find_goal,
    prepare,
    values,
)

GREY = 127.5
ANY_SIZE = 128


def feature_maps(model: keras.Model | Network, images: np.ndarray, layer: str) -> np.ndarray:
    """What a layer answers to pictures: (n, rows, columns, channels) float32.

    layer: its name, for one of a nested model with or without the nested model's name in front.
    Raises: ValueError for an unknown layer, with the names there are, or one that gives no maps.
    """
    network = examine(model)
    tensor = network.find_layer(layer)
    if len(tensor.shape) != 4:
        raise ValueError(f"{layer!r}: gives {tensor.shape}, not feature maps; choose a layer before them")
    return values(network, check_images(network, images), tensor)


def channels_by_activation(maps: np.ndarray) -> np.ndarray:
    """Channel numbers of feature maps (n, rows, columns, channels), the one with the highest mean first."""
    return np.argsort(-maps.mean(axis=(0, 1, 2)), kind="stable")


def block_layers(model: keras.Model | Network) -> list[str]:
    """Names of the layers at which a convolution block ends: the last one of each size of feature maps."""
    return list(_block_ends(examine(model), None))


def saliency_by_block(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    blocks: list[str] | None = None,
) -> dict[str, Explanation]:
    """Where each convolution block holds what speaks for the target, from the first to the last, in one backward pass.

    blocks: names of layers; None takes the end of every block that leads to the target, as `block_layers`.
    raw: (n, rows, columns), activation × gradient at each position, summed over channels; with its sign, in units of
    the score. maps: where positive, enlarged.
    Source: Draelos and Carin, HiResCAM, 2020, arXiv:2011.08891, here for every block instead of the last.
    """
    network, images, goal = prepare(model, images, target)
    ends = _block_ends(network, goal) if blocks is None else {name: cam_layer(network, goal, name) for name in blocks}
    function = layer_gradients(network, goal, list(ends.values()))
    parts = []
    for batch in goal.batches(images):
        maps, slopes = function(*batch)
        parts.append([(a * g).numpy().sum(axis=-1) for a, g in zip(maps, slopes, strict=True)])
    raws = [np.concatenate(raw) for raw in zip(*parts, strict=True)]
    size = images.shape[1:3]
    return {
        name: Explanation(scale_to_peak(resize_maps(np.maximum(raw, 0), *size)), raw, "saliency_by_block")
        for name, raw in zip(ends, raws, strict=True)
    }


def first_filters(model: keras.Model | Network) -> np.ndarray:
    """Kernels of the first convolution as small pictures: (filters, h, w, channels) float32 in [0, 1].

    Weight 0 is 0.5, and the largest weight of each filter, whatever its sign, lies at 0 or 1.
    Raises: ValueError for a network without convolution.
    """
    network = examine(model)
    first = next((layer for layer in network.model.layers if isinstance(layer, layers.Conv2D)), None)
    if first is None:
        raise ValueError(f"{network.name}: has no convolution, so there are no filters to show")
    filters = np.asarray(first.kernel).transpose(3, 0, 1, 2)
    largest = np.abs(filters).max(axis=(1, 2, 3), keepdims=True)
    return (0.5 + 0.5 * filters / np.maximum(largest, np.finfo(np.float32).tiny)).astype(np.float32)


def activation_maximisation(
    model: keras.Model | Network,
    target: Target,
    steps: int = 128,
    rate: float = 6.0,
    decay: float = 0.01,
    blur: float = 0.6,
    jitter: int = 4,
    seed: int = 0,
) -> np.ndarray:
    """Pictures that excite a target most, by gradient ascent from grey noise: (n, h, w, channels) uint8.

    target: as everywhere but None; with a channel per picture, `Filter("conv3", [0, 5, 7])`, or a list of classes, one
    picture for each. rate: mean step in grey levels. Regularisation: decay, the share of contrast lost in each step;
    blur, sigma in pixels of a Gaussian after every fourth step; jitter, pixels by which the picture is shifted at
    random in each step. For a layer of rectifiers the ascent is on what enters them, which has a slope everywhere.
    Source: Yosinski et al., Understanding Neural Networks Through Deep Visualization, 2015, arXiv:1506.06579.
    """
    network = examine(model)
    if target is None or (isinstance(target, Output) and target.which is None):
        raise ValueError("target: None; name a class or a Filter, since there is no picture to predict one for")
    height, width = (side or ANY_SIZE for side in network.image_size)
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((_count(target), height, width, network.inputs.shape[-1]), np.float32)
    pictures = GREY + 8 * noise
    goal = find_goal(network, pictures, target)
    goal = goal._replace(scores=network.before_rectifier(goal.scores))
    for step in range(steps):
        shift = generator.integers(-jitter, jitter + 1, 2)
        slopes = pixel_gradients(network, np.roll(pictures, shift, axis=(1, 2)), goal)
        slopes = np.roll(slopes, -shift, axis=(1, 2))
        size = np.sqrt((slopes**2).mean(axis=(1, 2, 3), keepdims=True))
        pictures += rate * np.divide(slopes, size, out=np.zeros_like(slopes), where=size > 0)
        pictures = np.clip(GREY + (1 - decay) * (pictures - GREY), 0, 255)
        if blur and step % 4 == 3:
            pictures = blurred(pictures, blur)
    return np.round(pictures).astype(np.uint8)


def _block_ends(network: Network, goal: Goal | None) -> dict[str, KerasTensor]:
    known = feature_layers(network, goal)
    convolutions = feature_layers(network, goal, convolutions=True)
    if not convolutions:
        raise ValueError(f"{network.name}: has no convolution before the target, so there are no blocks")
    names = list(known)
    names = [name for name in names[names.index(next(iter(convolutions))) :] if "pad" not in name.split(".")[-1]]
    last_of_size = {known[name].shape[1:3]: name for name in names if not name.endswith(LINEAR)}
    return {name: known[name] for name in names if name in last_of_size.values()}


def _count(target: Target) -> int:
    many = target.channel if isinstance(target, Filter) else target.which if isinstance(target, Output) else target
    return 1 if isinstance(many, str) or np.ndim(many) == 0 else len(many)
