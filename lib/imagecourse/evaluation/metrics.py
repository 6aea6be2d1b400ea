"""Metrics and tables: how good a classifier is, how sure that figure is, and how far to trust its probabilities."""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn import metrics

from imagecourse.files import write_json

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A figure and the interval that holds the true one with 95 % confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return format(self, ".3f")

    def __format__(self, spec: str) -> str:
        """All three in one format: f"{change:+.2f}" gives +0.10 (+0.02 to +0.18)."""
        value, low, high = (format(number, spec or ".3f") for number in self)
        return f"{value} ({low} to {high})"


def classification_summary(truth: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """The figures that a model's card holds: accuracy, balanced accuracy, macro F1 and expected calibration error.

    truth: (n,) int class numbers. scores: (n, classes) probabilities.
    """
    predicted = scores.argmax(axis=1)
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": balanced_accuracy(truth, predicted),
        "macro_f1": float(metrics.f1_score(truth, predicted, average="macro", zero_division=0)),
        "expected_calibration_error": expected_calibration_error(truth, scores),
    }


def confusion_matrix_table(truth: np.ndarray, scores: np.ndarray, labels: Sequence[str]) -> pd.DataFrame:
    """Counts of images: a row per true class, a column per predicted class.

    truth: (n,) int, positions in labels. scores: (n, len(labels)), the highest one wins.
    """
    counts = metrics.confusion_matrix(truth, scores.argmax(axis=1), labels=range(len(labels)))
    return pd.DataFrame(counts, index=pd.Index(labels, name="truth"), columns=pd.Index(labels, name="prediction"))


def balanced_accuracy(truth: np.ndarray, predicted: np.ndarray) -> float:
    """The mean of the recalls of all classes in truth, so that each class counts the same; both (n,)."""
    return float(metrics.balanced_accuracy_score(truth, predicted))


def accuracy_with_interval(truth: np.ndarray, predicted: np.ndarray) -> Estimate:
    """The share of right answers and its Wilson score interval; truth, predicted: (n,).

    Source: Wilson, Probable Inference, the Law of Succession, and Statistical Inference, 1927.
    """
    right = np.asarray(truth) == np.asarray(predicted)
    if len(right) == 0:
        raise ValueError("no predictions to measure; give at least one")
    test = stats.binomtest(int(right.sum()), len(right))
    low, high = test.proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(float(right.mean()), float(low), float(high))


def mean_with_interval(values: Sequence[float], lowest: float = -math.inf, highest: float = math.inf) -> Estimate:
    """The mean of a figure over several trainings and its Student t interval; one value alone has none (NaN).

    lowest, highest: what the figure can be, 0 and 1 for a share; the interval ends there.
    Source: Student, The Probable Error of a Mean, 1908.
    """
    values = np.asarray(values, float)
    if len(values) < 2:
        return Estimate(float(values.mean()), math.nan, math.nan)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values)
    return Estimate(
        float(values.mean()), max(lowest, float(values.mean() - half)), min(highest, float(values.mean() + half))
    )


def verdict(difference: Estimate, more: str, less: str, open_question: str = "this cannot tell") -> str:
    """What the interval of a difference says: `more` or `less` where it lies on one side of zero, else the third."""
    if difference.low > 0:
        return more
    return less if difference.high < 0 else open_question


def bootstrap_interval(
    metric: Callable[[np.ndarray, np.ndarray], float],
    truth: np.ndarray,
    scores: np.ndarray,
    seed: int,
    resamples: int = 1000,
    sources: Sequence | None = None,
) -> Estimate:
    """Any figure with the interval of its values on test sets drawn again from this one (percentile bootstrap).

    metric: called with rows of truth and scores. truth: (n, …). scores: (n, …), predictions or probabilities.
    sources: (n,) where each picture comes from; then whole sources are drawn, with all their pictures, since pictures
    of one source tell the same thing again and again. None: each picture is a source of its own.
    Source: Efron, Bootstrap Methods: Another Look at the Jackknife, 1979, by SciPy; for sources, Davison and Hinkley,
    Bootstrap Methods and their Application, 1997, section 3.8.
    """
    truth, scores = np.asarray(truth), np.asarray(scores)
    rows_of = _rows_of_sources(np.arange(len(truth)) if sources is None else np.asarray(sources))

    def figure(drawn: np.ndarray) -> float:
        rows = np.concatenate([rows_of[number] for number in drawn])
        return metric(truth[rows], scores[rows])

    result = stats.bootstrap(
        [np.arange(len(rows_of))],
        figure,
        n_resamples=resamples,
        confidence_level=CONFIDENCE,
        method="percentile",
        vectorized=False,
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Estimate(float(metric(truth, scores)), float(interval.low), float(interval.high))


def _rows_of_sources(sources: np.ndarray) -> list[np.ndarray]:
    _, number = np.unique(sources, return_inverse=True)
    return np.split(np.argsort(number, kind="stable"), np.cumsum(np.bincount(number))[:-1])


def precision_recall_table(truth: np.ndarray, scores: np.ndarray) -> pd.DataFrame:
    """Precision and recall at every threshold worth trying, from the lowest: columns threshold, precision, recall.

    A score at or above the threshold counts as a yes. truth: (n,) bool. scores: (n,) probabilities of yes.
    Raises: ValueError when nothing is true.
    """
    if not np.any(truth):
        raise ValueError("no positive examples: recall has no meaning; give a test set that holds some")
    precision, recall, threshold = metrics.precision_recall_curve(truth, scores)
    return pd.DataFrame({"threshold": threshold, "precision": precision[:-1], "recall": recall[:-1]})


def choose_threshold(truth: np.ndarray, scores: np.ndarray, minimum_precision: float) -> float:
    """The lowest threshold, so the one with the highest recall, whose precision is at least the one asked for.

    Arguments as above. Choose on validation data and report on test data.
    Raises: ValueError when no threshold is precise enough.
    """
    table = precision_recall_table(truth, scores)
    precise = table[table["precision"] >= minimum_precision]
    if precise.empty:
        best = table["precision"].max()
        raise ValueError(f"no threshold reaches a precision of {minimum_precision}; the highest is {best:.3f}")
    return float(precise["threshold"].iloc[0])


def expected_calibration_error(truth: np.ndarray, scores: np.ndarray, bins: int = 15) -> float:
    """How far confidence is from accuracy: the mean gap over bins of equal width, weighted by their images; 0 is best.

    truth: (n,) int. scores: (n, classes) probabilities.
    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, arXiv:1706.04599, equation 3.
    """
    confidence = scores.max(axis=1)
    right = scores.argmax(axis=1) == truth
    numbers = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(numbers, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def save_metrics(metrics: dict, folder: str | os.PathLike) -> Path:
    """Write a chapter's metrics to `metrics.json` in a folder, the same bytes for the same numbers.

    metrics: nested dict of numbers and strings; NumPy scalars are taken as the numbers they hold.
    Raises: TypeError for a value that JSON does not know, ValueError for NaN and infinity.
    """
    path = Path(folder) / "metrics.json"
    write_json(path, metrics, default=_plain_number)
    return path


def _plain_number(value):
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"metrics hold {value!r}, a {type(value).__name__}; store numbers, strings, lists or dicts")
