"""Networks that forget what they learnt, layer by layer: a map that stays the same never showed it.

Source: Adebayo et al., Sanity Checks for Saliency Maps, 2018, arXiv:1810.03292.
"""

from collections.abc import Iterator

import keras
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from imagecourse.explain.methods import Method
from imagecourse.explain.network import LINEAR, Network, examine
from imagecourse.explain.targets import Filter, Output, Target, prepare


def parameter_randomisation(
    method: Method,
    model: keras.Model | Network,
    images: np.ndarray,
    target: Target = None,
    stages: int | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """How a method's maps change while the weights are shuffled from the top layer down.

    target: None means what the trained network predicts. stages: how often to look, evenly spread over the layers with
    kernels; None: after each. The model itself is not touched.
    Returns: a row per stage and picture: `layer` (shuffled last), `layers` (number of those with shuffled kernels),
    `image` (number), `correlation` (Spearman's, with the map of the trained network, in [-1, 1]).
    """
    network = examine(model)
    target = fixed_target(network, images, target)
    before = method.run(network, images, target, seed).maps
    tables = []
    for count, layer, forgetful in randomised_networks(network, stages, seed):
        after = method.run(forgetful, images, target, seed).maps
        columns = {"layer": layer, "layers": count, "image": range(len(images))}
        tables.append(pd.DataFrame(columns | {"correlation": rank_correlation(before, after)}))
    return pd.concat(tables, ignore_index=True)


def randomised_networks(
    model: keras.Model | Network, stages: int | None = None, seed: int = 0
) -> Iterator[tuple[int, str, Network]]:
    """Copies with more and more layers shuffled, from the top down: number of layers with kernels, last one, network.

    Each array of weights keeps its values, in a random order. It is one and the same network that is shuffled on: use
    it before you ask for the next. stages: as `parameter_randomisation`.
    """
    network = examine(model).copy()
    generator = np.random.default_rng(seed)
    weighted = [layer for layer in reversed(network.model.layers) if layer.weights]
    kernels = [layer for layer in weighted if any(array.ndim > 1 for array in layer.get_weights())]
    if not kernels:
        raise ValueError(f"{network.name}: has no layer with a kernel, so there is nothing to shuffle")
    count = len(kernels) if stages is None else min(stages, len(kernels))
    stops = set(np.linspace(len(kernels) / count, len(kernels), count).round().astype(int))
    done = 0
    for layer in weighted:
        if layer in kernels and done in stops:
            yield done, kernels[done - 1].name.removesuffix(LINEAR), network
        layer.set_weights([generator.permutation(array.ravel()).reshape(array.shape) for array in layer.get_weights()])
        done += layer in kernels
    yield done, kernels[-1].name.removesuffix(LINEAR), network


def randomised(model: keras.Model | Network, seed: int = 0) -> Network:
    """A copy with the weights of all layers shuffled."""
    *_, (_, _, network) = randomised_networks(model, stages=1, seed=seed)
    return network


def fixed_target(network: Network, images: np.ndarray, target: Target) -> Filter | Output:
    """A target that stays the same when the network changes: predicted classes are replaced by their numbers."""
    _, _, goal = prepare(network, images, target)
    if isinstance(target, Filter):
        return target._replace(channel=goal.indices)
    name = next(name for name, head in network.heads.items() if head.logits is goal.scores)
    return Output(name, goal.indices)


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation between the maps of each pair: (n,) float32 in [-1, 1]; 0 where a map is all the same.

    first, second: (n, h, w).
    """
    pairs = zip(first.reshape(len(first), -1), second.reshape(len(second), -1), strict=True)
    return np.array([_spearman(a, b) for a, b in pairs], np.float32)


def _spearman(first: np.ndarray, second: np.ndarray) -> float:
    return float(spearmanr(first, second).statistic) if np.ptp(first) > 0 and np.ptp(second) > 0 else 0.0
