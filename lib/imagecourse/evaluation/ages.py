"""How good numbers and yes-or-no answers are, and intervals around numbers that hold what they promise."""

import math

import numpy as np
from sklearn import metrics

WITHIN = 10


def regression_figures(truth: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Mean absolute error, mean squared error and its root, and the share of answers at most ten years off.

    truth, predicted: (n,) years.
    """
    errors = np.abs(np.asarray(truth, float) - predicted)
    squared = float((errors**2).mean())
    return {
        "mae": float(errors.mean()),
        "mse": squared,
        "rmse": math.sqrt(squared),
        "within_10": float((errors <= WITHIN).mean()),
    }


def binary_figures(truth: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Accuracy, area under the ROC curve, F1, precision and recall of yes, with a yes from one half on.

    truth: (n,) 0 or 1, both there. probabilities: (n,) of 1.
    """
    predicted = np.asarray(probabilities) >= 0.5
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "auc": float(metrics.roc_auc_score(truth, probabilities)),
        "f1": float(metrics.f1_score(truth, predicted, zero_division=0)),
        "precision": float(metrics.precision_score(truth, predicted, zero_division=0)),
        "recall": float(metrics.recall_score(truth, predicted, zero_division=0)),
    }


def conformal_factors(
    truth: np.ndarray, predicted: np.ndarray, spreads: np.ndarray, coverage: float
) -> tuple[float, float]:
    """How many spreads an interval must reach below and above a prediction to hold the truth with a probability.

    truth, predicted, spreads: (n,) of pictures that were not trained on; a spread is what the network itself says of
    its doubt. On each side a truth lies outside with at most half of the rest, if new pictures are drawn as these were.
    Raises: ValueError where n is too small for that.
    Source: split conformal prediction with normalised scores: Lei et al., 2018, arXiv:1604.04173.
    """
    tail = (1 - coverage) / 2
    rank = math.ceil((len(truth) + 1) * (1 - tail))
    if rank > len(truth):
        raise ValueError(f"{len(truth)} pictures are too few for an interval of {coverage:.0%}; give more")
    scores = (np.asarray(truth, float) - predicted) / np.maximum(spreads, 1e-6)
    below, above = (float(np.sort(side)[rank - 1]) for side in (-scores, scores))
    return max(0.0, below), max(0.0, above)


def coverage_of(truth: np.ndarray, low: np.ndarray, high: np.ndarray) -> float:
    """The share of true values that lie in their intervals; all (n,)."""
    return float(((low <= np.asarray(truth)) & (np.asarray(truth) <= high)).mean())
