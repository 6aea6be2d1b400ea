"""What stands on a card: figures with intervals, over seeds, beside a baseline, for one label a picture or several."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from imagecourse.datasets import Dataset, label_indices
from imagecourse.evaluation import (
    accuracy_with_interval,
    calibration,
    classification_summary,
    expected_calibration_error,
    mean_with_interval,
)
from imagecourse.evaluation.labels import LABEL_SEPARATOR, join_labels
from imagecourse.evaluation.several_labels import multi_label_figures
from imagecourse.networks.features import cached_features

BASELINE = "efficientnet_lite0"
COMPOSED = "composed"


def single_figures(truth: np.ndarray, scores: np.ndarray, temperature: float) -> dict[str, float]:
    """`classification_summary`, and the calibration error before the temperature was built in.

    truth: (n,) int. scores: (n, classes), with the temperature.
    """
    before = calibration.apply_temperature(scores, 1 / temperature)
    error = expected_calibration_error(truth, before)
    return classification_summary(truth, scores) | {"calibration_error_without_temperature": error}


def multi_figures(
    truth: np.ndarray, thresholds: np.ndarray, scores: np.ndarray, temperature: float
) -> dict[str, float]:
    """The same for independent probabilities, truth (n, classes) of 0 and 1.

    `accuracy`: how often the most probable class of a picture with one label is that one; `multi_label_figures` are
    those of pictures with two labels and more.
    """
    several = truth.sum(axis=1) > 1
    found = {}
    if not several.all():
        found["accuracy"] = float((scores.argmax(axis=1) == truth.argmax(axis=1))[~several].mean())
    if several.any():
        found |= multi_label_figures(truth[several], scores[several], thresholds)
    before = calibration.apply_temperature(scores, 1 / temperature, independent=True)
    return found | {
        "expected_calibration_error": calibration.independent_error(truth, scores),
        "calibration_error_without_temperature": calibration.independent_error(truth, before),
    }


def over_seeds(figures: Sequence[dict[str, float]], seeds: Sequence[int]) -> dict:
    """The mean of each figure over several trainings, its 95 % interval, and each value, in the order of the seeds."""
    table = pd.DataFrame(list(figures))
    found: dict = {"seeds": list(seeds)}
    for name in table:
        estimate = mean_with_interval(table[name])._asdict() if len(table) > 1 else {"value": table[name][0]}
        found[name] = rounded(estimate) | {"each": table[name].round(4).tolist()}
    return found


def baseline_scores(
    backbone: str | keras.Model, train: pd.DataFrame, test: pd.DataFrame, classes: Sequence[str]
) -> np.ndarray:
    """Probabilities (n, classes) for test of a logistic regression on what a frozen backbone sees.

    backbone: its name, or itself, which need not be built then. train, test: columns file, label.
    """
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000, class_weight="balanced"))
    features = cached_features(backbone, [*train["file"], *test["file"]])
    classifier.fit(features[: len(train)], label_indices(train["label"], classes))
    return classifier.predict_proba(features[len(train) :])


def baseline_accuracy(dataset: Dataset, held_out: str) -> dict[str, float]:
    """Accuracy of `baseline_scores` with `BASELINE` on a split of a data set, with Wilson's interval."""
    train, rows = (dataset.table[dataset.table["split"] == split] for split in ("train", held_out))
    predicted = baseline_scores(BASELINE, train, rows, dataset.classes).argmax(axis=1)
    return rounded(accuracy_with_interval(label_indices(rows["label"], dataset.classes), predicted)._asdict())


def predictions_table(
    rows: pd.DataFrame, scores: np.ndarray, dataset: Dataset, thresholds: np.ndarray | None = None
) -> pd.DataFrame:
    """A row for each picture: file (below the data set's folder, or composed/NAME), truth, prediction, and a score for
    each class.

    thresholds: (classes,), from where on each class is named; None where a picture has one label.
    """
    classes = dataset.classes
    best = np.array(classes)[scores.argmax(axis=1)]
    columns = {
        "file": [_name(Path(file), dataset.root) for file in rows["file"]],
        "truth": [LABEL_SEPARATOR.join(labels) for labels in rows["labels"]] if "labels" in rows else rows["label"],
        "prediction": best if thresholds is None else join_labels(scores, classes, thresholds),
    }
    return pd.DataFrame(columns | dict(zip(classes, scores.T, strict=True))).reset_index(drop=True)


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix() if file.is_relative_to(root) else f"{COMPOSED}/{file.name}"


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Four decimals."""
    return {name: round(float(value), 4) for name, value in figures.items()}
