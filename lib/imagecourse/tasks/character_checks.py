"""How far to trust a network for characters: several seeds, calibration, a baseline, copies, pairs."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from imagecourse import calibration
from imagecourse.datasets import Dataset, label_indices
from imagecourse.evaluation import accuracy_with_interval, classification_summary, mean_with_interval
from imagecourse.multi_label import add_pairs, choose_thresholds, indicators, multi_label_figures
from imagecourse.tasks.character_networks import Training, predict_files, train_network
from imagecourse.tasks.photo_checks import baseline_scores

BASELINE = "efficientnet_lite0"
FOLDS = 3


def single_figures(truth: np.ndarray, scores: np.ndarray, seed: int) -> dict[str, float]:
    """`classification_summary`, and its calibration error with a temperature from other pictures.

    truth: (n,) int. scores: (n, classes).
    """
    calibrated = calibration.cross_fitted(truth, scores, seed)
    after = calibration.expected_calibration_error(truth, calibrated)
    return classification_summary(truth, scores) | {"calibration_error_with_temperature": after}


def multi_figures(truth: np.ndarray, thresholds: np.ndarray, scores: np.ndarray, seed: int) -> dict[str, float]:
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
    calibrated = calibration.cross_fitted(truth, scores, seed)
    return found | {
        "expected_calibration_error": calibration.independent_error(truth, scores),
        "calibration_error_with_temperature": calibration.independent_error(truth, calibrated),
    }


def over_seeds(figures: Sequence[dict[str, float]], seeds: Sequence[int]) -> dict:
    """The mean of each figure over several trainings, its 95 % interval, and each value, in the order of the seeds."""
    table = pd.DataFrame(list(figures))
    found: dict = {"seeds": list(seeds)}
    for name in table:
        estimate = mean_with_interval(table[name])._asdict() if len(table) > 1 else {"value": table[name][0]}
        found[name] = rounded(estimate) | {"each": table[name].round(4).tolist()}
    return found


def baseline(everything: Dataset, clean: Dataset, held_out: str) -> dict[str, dict]:
    """Accuracy on a split of a logistic regression on what frozen EfficientNet-Lite0 sees, with Wilson's interval.

    everything: the data set as it came. clean: without the training pictures that are copies of held-out ones.
    Returns: `baseline` and `baseline_with_copies`, for the card.
    """
    return {"baseline": _baseline(clean, held_out), "baseline_with_copies": _baseline(everything, held_out)}


def with_copies(network: str, everything: Dataset, clean: Dataset, held_out: str, training: Training) -> dict:
    """How many copies of held-out pictures were in train, and the accuracy of a network that learned them too."""
    copied = len(everything.table) - len(clean.table)
    if not copied:
        return {"copies": {"removed_from_train": 0}}
    model, _ = train_network(network, everything, "single", training)
    rows = everything.table[everything.table["split"] == held_out]
    right = predict_files(model, rows["file"].tolist()).argmax(axis=1) == label_indices(
        rows["label"], everything.classes
    )
    return {"copies": {"removed_from_train": copied, "accuracy_with_copies": round(float(right.mean()), 4)}}


def thresholds(network: str, dataset: Dataset, training: Training) -> np.ndarray:
    """Thresholds (classes,) chosen on training pictures: on each third, scored by a network trained on the others.

    Pairs are composed within the parts, so that no picture is on both sides.
    """
    rows = dataset.table[dataset.table["split"] == "train"]
    strata = [labels[0] if labels else "" for labels in rows["labels"]] if "labels" in rows else rows["label"]
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=training.seed).split(rows, strata)
    truth, scores = [], []
    for number, (_, held) in enumerate(folds):
        splits = np.full(len(rows), "train", object)
        splits[held] = "held"
        folder = training.checkpoint_dir / f"fold_{number}"
        fold = replace(dataset, table=rows.assign(split=splits))
        fold = add_pairs(fold, folder, {"train": len(rows) - len(held), "held": len(held)}, training.seed)
        model, _ = train_network(network, fold, "multi", training._replace(checkpoint_dir=folder))
        left_out = fold.table[fold.table["split"] == "held"]
        truth.append(indicators(left_out, dataset.classes))
        scores.append(predict_files(model, left_out["file"].tolist()))
    return choose_thresholds(np.concatenate(truth), np.concatenate(scores))


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Four decimals."""
    return {name: round(float(value), 4) for name, value in figures.items()}


def _baseline(dataset: Dataset, held_out: str) -> dict[str, float]:
    train, rows = (dataset.table[dataset.table["split"] == split] for split in ("train", held_out))
    predicted = baseline_scores(BASELINE, train, rows, dataset.classes).argmax(axis=1)
    return rounded(accuracy_with_interval(label_indices(rows["label"], dataset.classes), predicted)._asdict())
