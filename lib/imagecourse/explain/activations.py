"""Class-activation maps: which of the last feature maps speak for the target, and where."""

import keras
import numpy as np
from keras import KerasTensor

from imagecourse.explain.gradients import layer_gradients
from imagecourse.explain.network import CONVOLUTIONS, Network
from imagecourse.explain.results import Explanation, mean_colour, resize_maps, scale_to_peak
from imagecourse.explain.targets import Goal, Target, forward_batch, prepare, score, values


def grad_cam(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    layer: str | None = None,
) -> Explanation:
    """Feature maps added up, each with the mean of its gradient as weight.

    layer: name of the one whose feature maps are used; None takes the last convolution before the target, with the
    normalisation, activation and shortcut that follow it.
    raw: (n, rows, columns) in the layer's own size, with sign, in units of the score. maps: where positive, enlarged.
    Raises: ValueError also for a network without convolution, and a layer that is unknown or has no feature maps.
    Source: Selvaraju et al., Grad-CAM, 2017, arXiv:1610.02391.
    """
    network, images, goal = prepare(model, images, target)
    raw = _weighted_maps(network, images, goal, layer, _mean_gradients)
    return Explanation(scale_to_peak(resize_maps(np.maximum(raw, 0), *images.shape[1:3])), raw, "gradcam")


def grad_cam_plus_plus(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    layer: str | None = None,
) -> Explanation:
    """Grad-CAM with weights from positive gradients alone, which finds several instances of a class more evenly.

    Everything else as `grad_cam`; the score counts as the exponent of a smooth answer, as in the paper, whose higher
    derivatives are then powers of the first. raw is known up to a positive factor for each picture.
    Source: Chattopadhay et al., Grad-CAM++, 2018, arXiv:1710.11063, equations 17 to 19.
    """
    network, images, goal = prepare(model, images, target)
    raw = _weighted_maps(network, images, goal, layer, _plus_plus_weights)
    return Explanation(scale_to_peak(resize_maps(np.maximum(raw, 0), *images.shape[1:3])), raw, "gradcam_plus_plus")


def score_cam(
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    layer: str | None = None,
    channels: int | None = 32,
) -> Explanation:
    """Feature maps added up, each with the score as weight that remains where the picture is seen through it alone.

    No gradient is used. What a feature map hides fades to the picture's mean colour.
    layer: as `grad_cam`. channels: only so many, those that vary most over the picture; None for all, as in the paper,
    one look at the picture for each. raw: (n, rows, columns), not negative; weights add up to 1. maps: enlarged.
    Source: Wang et al., Score-CAM, 2020, arXiv:1910.01279.
    """
    network, images, goal = prepare(model, images, target)
    activations = values(network, images, cam_layer(network, goal, layer))
    blank = mean_colour(images)
    raw = []
    for number, maps in enumerate(activations):
        maps = maps[:, :, np.argsort(maps.std(axis=(0, 1)))[::-1][:channels]].transpose(2, 0, 1)
        gains = _gains(network, images[number], blank[number], maps, goal.only(slice(number, number + 1)))
        weights = np.exp(gains - gains.max())
        raw.append(np.tensordot(weights / weights.sum(), maps, 1))
    raw = np.maximum(np.stack(raw), 0)
    return Explanation(scale_to_peak(resize_maps(raw, *images.shape[1:3])), raw, "scorecam")


def cam_layer(network: Network, goal: Goal, name: str | None = None) -> KerasTensor:
    """The feature maps (n, rows, columns, channels) that a class-activation map is made of; see `grad_cam`."""
    if name is not None:
        tensor = network.find_layer(name)
        if len(tensor.shape) != 4:
            raise ValueError(f"{name!r}: gives {tensor.shape}, not feature maps; choose a layer before them")
        return tensor
    return network.once(("last maps", id(goal.scores)), lambda: _last_convolution(network, goal))


def feature_layers(network: Network, goal: Goal | None = None, convolutions: bool = False) -> dict[str, KerasTensor]:
    """Name -> feature maps of more than one position, in the order of the forward pass.

    goal: only layers that lead to it. convolutions: only those of convolutions.
    """
    model = network.model if goal is None else keras.Model(network.inputs, goal.scores)
    types = {operation.name: operation for operation in model.operations}
    found = {}
    for name, tensor in network.layers.items():
        operation = types.get(name)
        if operation is None or len(tensor.shape) != 4 or tuple(tensor.shape[1:3]) == (1, 1):
            continue
        if not convolutions or isinstance(operation, CONVOLUTIONS):
            found[name] = tensor
    return found


def _last_convolution(network: Network, goal: Goal) -> KerasTensor:
    convolutions = feature_layers(network, goal, convolutions=True)
    if not convolutions:
        raise ValueError(f"{network.name}: has no convolution before the target; use another method than Grad-CAM")
    last = next(reversed(convolutions.values()))
    return [tensor for tensor in feature_layers(network, goal).values() if tensor.shape == last.shape][-1]


def _weighted_maps(network: Network, images: np.ndarray, goal: Goal, layer: str | None, weigh):
    function = layer_gradients(network, goal, [cam_layer(network, goal, layer)])
    parts = []
    for batch in goal.batches(images):
        [activations], [gradients] = function(*batch)
        activations, gradients = activations.numpy(), gradients.numpy()
        parts.append(np.einsum("nrck,nk->nrc", activations, weigh(activations, gradients)))
    return np.concatenate(parts)


def _mean_gradients(_activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return gradients.mean(axis=(1, 2))


def _plus_plus_weights(activations: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    total = activations.sum(axis=(1, 2), keepdims=True)
    squares = gradients**2
    below = 2 * squares + total * gradients**3
    shares = np.divide(squares, below, out=np.zeros_like(squares), where=below != 0)
    return (shares * np.maximum(gradients, 0)).sum(axis=(1, 2))


def _gains(network: Network, image: np.ndarray, blank: np.ndarray, maps: np.ndarray, goal: Goal) -> np.ndarray:
    """What each of the maps (channels, rows, columns) as a veil leaves of the score, above that of the blank."""
    lowest = maps.min(axis=(1, 2), keepdims=True)
    span = maps.max(axis=(1, 2), keepdims=True) - lowest
    veils = np.divide(maps - lowest, span, out=np.zeros_like(maps), where=span > 0)
    gains = []
    size = forward_batch(image.shape[:2])
    for start in range(0, len(veils), size):
        part = resize_maps(veils[start : start + size], *image.shape[:2])[..., None]
        gains.append(score(network, blank + part * (image - blank), goal.repeated(0, len(part))))
    return np.concatenate(gains) - score(network, blank[None], goal)
