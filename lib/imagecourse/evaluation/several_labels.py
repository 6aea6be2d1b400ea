"""Several labels for one picture: their names as text, a threshold for each class, and measures."""

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import average_precision_score

from imagecourse.evaluation.metrics import precision_recall_table

LABEL_SEPARATOR = " + "
SINGLE, MULTI = MODES = ("single", "multi")
"""One label a picture, or independent probabilities that can name several."""


def join_labels(scores: np.ndarray, classes: Sequence[str], thresholds: np.ndarray) -> list[str]:
    """The classes of each picture whose score reaches its threshold, as text such as "goku + vegeta", or "".

    scores: (n, classes). thresholds: (classes,).
    """
    named = scores >= thresholds
    return [LABEL_SEPARATOR.join(name for name, yes in zip(classes, row, strict=True) if yes) for row in named]


def split_labels(label: str, classes: Sequence[str]) -> list[str]:
    """The classes that a text of `join_labels` names; a class whose own name holds the separator is one."""
    if label == "" or label in classes:
        return [label] if label else []
    return label.split(LABEL_SEPARATOR)


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
