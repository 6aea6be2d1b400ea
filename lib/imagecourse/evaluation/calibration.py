"""Probabilities that mean what they say: one temperature for all answers of a network, found on held-out pictures.

Where truth is (n,) int, scores are (n, classes) probabilities that sum to 1; where truth is (n, classes) of 0 and 1,
each score is a yes or no of its own. Source: Guo et al., On Calibration of Modern Neural Networks, 2017,
arXiv:1706.04599.
"""

import math

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from sklearn.model_selection import KFold

from imagecourse.evaluation.metrics import expected_calibration_error

LOWEST, HIGHEST = 0.05, 20.0
SMALLEST = 1e-7


def fit_temperature(truth: np.ndarray, scores: np.ndarray, cautious: bool = False) -> float:
    """The temperature under which the true answers are most likely; above 1 the network was too sure of itself.

    Between 0.05 and 20. cautious: with n answers, a share of 1 / (n + 2) of each goes evenly to all classes, so that
    a few right answers do not make a network certain; source: Platt, Probabilistic Outputs for Support Vector Machines,
    1999, section 2.2. Raises: ValueError for truth and scores of different lengths, or none at all.
    """
    truth, scores = np.asarray(truth), np.asarray(scores, float)
    if len(truth) != len(scores) or len(truth) == 0:
        raise ValueError(f"{len(truth)} answers for {len(scores)} rows of scores; give as many, and one at least")

    doubt = 1 / (len(truth) + 2) if cautious else 0.0

    def mean_loss(log_temperature: float) -> float:
        return _loss(truth, scores, math.exp(log_temperature), doubt)

    bounds = (math.log(LOWEST), math.log(HIGHEST))
    return float(math.exp(minimize_scalar(mean_loss, bounds=bounds, method="bounded").x))


def apply_temperature(scores: np.ndarray, temperature: float, independent: bool = False) -> np.ndarray:
    """The probabilities after the logits are divided by a temperature: flatter above 1, steeper below; same shape.

    independent: whether each score is a yes or no of its own. The order of the classes stays as it is.
    Raises: ValueError for a temperature that is not positive.
    """
    if not temperature > 0:
        raise ValueError(f"temperature: {temperature} is out of range; give a positive number")
    logits = _logits(np.asarray(scores, float), independent) / temperature
    return expit(logits) if independent else softmax(logits, axis=1)


def cross_fitted(truth: np.ndarray, scores: np.ndarray, seed: int, folds: int = 5) -> np.ndarray:
    """Scores with a temperature that was not fitted on them: on each fold, the one found on all others; same shape.

    What calibration brings can so be measured on the very pictures that are at hand. folds: at most one a picture.
    """
    calibrated = np.empty(np.shape(scores))
    for others, held_out in KFold(min(folds, len(truth)), shuffle=True, random_state=seed).split(scores):
        temperature = fit_temperature(truth[others], scores[others])
        calibrated[held_out] = apply_temperature(scores[held_out], temperature, independent=np.ndim(truth) == 2)
    return calibrated


def independent_error(truth: np.ndarray, scores: np.ndarray, bins: int = 15) -> float:
    """The expected calibration error of yes-or-no answers, every class of every picture counting as one.

    truth: (n, classes) of 0 and 1. scores: (n, classes) probabilities of yes.
    """
    yes = np.ravel(scores)
    return expected_calibration_error(np.ravel(truth).astype(int), np.stack([1 - yes, yes], axis=1), bins)


def _loss(truth: np.ndarray, scores: np.ndarray, temperature: float, doubt: float) -> float:
    independent = truth.ndim == 2
    logits = _logits(scores, independent) / temperature
    if independent:
        yes = (1 - doubt) * (truth > 0) + doubt / 2
        return float(np.mean(yes * np.logaddexp(0, -logits) + (1 - yes) * np.logaddexp(0, logits)))
    logarithms = log_softmax(logits, axis=1)
    right = logarithms[np.arange(len(truth)), truth]
    return float(-np.mean((1 - doubt) * right + doubt * logarithms.mean(axis=1)))


def _logits(scores: np.ndarray, independent: bool) -> np.ndarray:
    """Of softmax up to a constant in each row, which does not matter."""
    scores = np.clip(scores, SMALLEST, 1 - SMALLEST if independent else 1)
    return np.log(scores) - np.log1p(-scores) if independent else np.log(scores)
