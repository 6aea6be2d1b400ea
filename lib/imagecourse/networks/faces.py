"""Age and gender from one network: a distribution over ages, read as a mean and an interval; a yes or no beside it."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import KerasTensor, layers

from imagecourse.networks.backbones import backbone

AGE, LOW, HIGH, GENDER, DISTRIBUTION = "age", "age_low", "age_high", "gender", "age_distribution"
OLDEST = 116
BINS = OLDEST + 1


def face_network(
    trunk: str = "efficientnet_lite0",
    image_size: int = 128,
    targets: Sequence[str] = (AGE, GENDER),
    dropout: float = 0.3,
    seed: int | None = None,
) -> keras.Model:
    """A pretrained network with a head for each target, for `training.fit`: (n, size, size, 3) RGB -> outputs by name.

    trunk: name of a backbone. targets: "age", "gender" or both.
    `age_distribution` (n, 117): a probability for each year from 0 to 116. `age` (n, 1): its mean, as the sum over all
    years k of P(older than k), which are the answers of an ordinal network. `gender` (n, 1): P(woman).
    Sources: a distribution and its mean: Rothe et al., DEX, 2015; ordinal answers: Niu et al., 2016, CVPR.
    """
    base = backbone(trunk, image_size)
    features = layers.Dropout(dropout, seed=seed, name="dropout")(base.output)
    outputs = {}
    if AGE in targets:
        years = layers.Dense(BINS, activation="softmax", name=DISTRIBUTION)(features)
        outputs |= {DISTRIBUTION: years, AGE: _fixed(_ones(BINS), AGE)(_fixed(_older(), "older")(years))}
    if GENDER in targets:
        outputs[GENDER] = layers.Dense(1, activation="sigmoid", name=GENDER)(features)
    return keras.Model(base.input, outputs, name=f"{trunk}_faces")


def with_interval(network: keras.Model, below: float, above: float) -> keras.Model:
    """The network as it is shipped: the same weights, and `age_low` and `age_high` in place of the distribution.

    below, above: how many spreads the interval reaches to each side of the age, see `spreads`.
    """
    outputs = {name: network.output[name] for name in network.output if name != DISTRIBUTION}
    if AGE in outputs:
        years = network.output[DISTRIBUTION]
        younger = _fixed(1 - _older(), "younger")(years)
        disorder = layers.Multiply(name="disorder")([younger, network.get_layer("older").output])
        spread = _fixed(_ones(BINS), "age_spread")(disorder)
        both = layers.Concatenate(name="age_and_spread")([outputs[AGE], spread])
        outputs[LOW] = _fixed(np.array([[1.0], [-below]]), LOW, "relu")(both)
        outputs[HIGH] = _fixed(np.array([[1.0], [above]]), HIGH)(both)
    return keras.Model(network.input, outputs, name=network.name)


def spreads(distributions: np.ndarray) -> np.ndarray:
    """How far a distribution is spread: half the mean distance of two ages drawn from it, (n, 117) -> (n,) years.

    The sum over k of P(at most k) · P(older than k); for a normal distribution 0.56 standard deviations.
    Source: Gini's mean difference, 1912.
    """
    younger = np.cumsum(distributions, axis=1)
    return (younger * (1 - younger)).sum(axis=1)


def soft_ages(ages: np.ndarray, deviation: float) -> np.ndarray:
    """Targets for the distribution: a normal curve around each age in place of a single year, (n,) -> (n, 117).

    deviation: in years. Source: label distributions: Gao et al., Deep Label Distribution Learning, 2017.
    """
    distance = (np.arange(BINS) - np.asarray(ages, float)[:, None]) / deviation
    weights = np.exp(-0.5 * distance**2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _older() -> np.ndarray:
    """(117, 117): column k adds up the years above k."""
    return np.tril(_ones(BINS, BINS), -1)


def _ones(rows: int, columns: int = 1) -> np.ndarray:
    return np.ones((rows, columns), np.float32)


def _fixed(kernel: np.ndarray, name: str, activation: str | None = None):
    """A linear layer that keeps the weights it is given."""

    def apply(x: KerasTensor) -> KerasTensor:
        layer = layers.Dense(kernel.shape[1], activation, use_bias=False, trainable=False, name=name)
        outputs = layer(x)
        layer.set_weights([kernel])
        return outputs

    return apply
