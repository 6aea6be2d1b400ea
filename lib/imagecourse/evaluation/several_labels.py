"""Several labels for one picture: a threshold for each class, and measures."""

import numpy as np
from sklearn.metrics import average_precision_score

from imagecourse.evaluation.metrics import precision_recall_table

SINGLE, MULTI = MODES = ("single", "multi")
"""One label a picture, or independent probabilities that can name several."""


def choose_thresholds(truth: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """For each class the probability from which a yes counts: the one with the highest F1. Shape (classes,).

    truth: (n, classes) of 0 and 1. scores: (n, classes), of pictures that the network was not trained on (held out in
    turn): those of its training pictures are too sure.
    Raises: ValueError for a class that no picture shows.
    """
    return np.array([_best_f1(truth[:, number], scores[:, number]) for number in range(truth.shape[1])])


def _best_f1(truth: np.ndarray, scores: np.ndarray) -> float:
    """In the middle between the best threshold and the next lower score, which treats all pictures the same."""
    table = precision_recall_table(truth > 0, scores)
    f1 = 2 * table["precision"] * table["recall"] / np.maximum(table["precision"] + table["recall"], 1e-9)
    best = table["threshold"][f1.idxmax()]
    lower = scores[scores < best]
    return float((best + (lower.max() if lower.size else 0.0)) / 2)


def multi_label_figures(truth: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> dict[str, float]:
    """How well several labels are found: `mean_average_precision`, `all_found` (every true label is above its
    threshold) and `exactly_right` (and no other is).

    truth: (n, classes) of 0 and 1. scores: (n, classes). thresholds: (classes,).
    """
    named = scores >= thresholds
    return {
        "mean_average_precision": float(average_precision_score(truth, scores, average="macro")),
        "all_found": float((named | (truth == 0)).all(axis=1).mean()),
        "exactly_right": float((named == (truth > 0)).all(axis=1).mean()),
    }
