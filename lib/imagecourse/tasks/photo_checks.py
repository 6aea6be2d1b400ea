"""How far to trust a photo filter: intervals, a baseline, and whether it looks at what it must not look at."""

from collections.abc import Callable, Sequence
from functools import partial

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from imagecourse.augmentation import grey, random_view, recompress, resize
from imagecourse.batches import forward, in_groups, read_ahead, squeeze
from imagecourse.datasets import Dataset, label_indices
from imagecourse.evaluation import Estimate, accuracy_with_interval, balanced_accuracy, bootstrap_interval
from imagecourse.features import cached_features
from imagecourse.images import read_image

PHOTO = "Photo"
BASELINE = "efficientnet_lite0"
BATCH_SIZE = 32
VARIANTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as they are": lambda image: image,
    "all 160 × 160 pixels, JPEG quality 50": lambda image: recompress(resize(image, 160, 160), 50),
    "all 96 × 96 pixels, JPEG quality 75": lambda image: recompress(resize(image, 96, 96), 75),
    "enlarged to 448 × 448 pixels": lambda image: resize(image, 448, 448),
    "grey": grey,
    "the middle, half of the area": lambda image: _middle(image, 0.5**0.5),
}
"""Changes that leave the kind of a picture as it is: a network that looks at size or compression fails."""


def all_checks(model: keras.Model, dataset: Dataset, seed: int) -> dict[str, dict]:
    """Everything below on the test split of a data set, for the model's card.

    The baseline is a logistic regression on what frozen EfficientNet-Lite0 sees in the same data set.
    """
    table, classes = dataset.table, dataset.classes
    train, test = (table[(table["split"] == split) & ~table["further"]] for split in ("train", "test"))
    truth = label_indices(test["label"], classes)
    scores = predict(model, test["file"].tolist(), VARIANTS["as they are"])
    return {
        "test": figures(truth, scores, classes, seed),
        "baseline": figures(truth, baseline_scores(BASELINE, train, test, classes), classes, seed),
        "robustness": robustness(model, test, classes),
        "shortcut_probe": shortcut_probe(train, test, seed),
    }


def figures(truth: np.ndarray, scores: np.ndarray, classes: Sequence[str], seed: int) -> dict:
    """Accuracy, recall of each class, and photo or not (balanced accuracy), each with its 95 % interval.

    truth: (n,) int. scores: (n, classes). Classes without pictures in truth are left out, and so is photo or not
    where there are only photographs or none.
    """
    predicted = scores.argmax(axis=1)
    found = {"images": len(truth), "accuracy": _rounded(accuracy_with_interval(truth, predicted))}
    found["recall"] = {
        name: _rounded(accuracy_with_interval(truth[truth == number], predicted[truth == number]))
        for number, name in enumerate(classes)
        if (truth == number).any()
    }
    photo = np.array(classes) == PHOTO
    if 0 < photo[truth].sum() < len(truth):
        estimate = bootstrap_interval(_balanced_yes_no, photo[truth], photo[predicted], seed)
        found["photo_balanced_accuracy"] = _rounded(estimate)
    return found


def robustness(model: keras.Model, rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Accuracy, and photo or not, on the same pictures changed in each way of `VARIANTS`; rows: columns file, label."""
    truth = label_indices(rows["label"], classes)
    photo = np.array(classes) == PHOTO
    table = {}
    for name, view in VARIANTS.items():
        predicted = predict(model, rows["file"].tolist(), view).argmax(axis=1)
        table[name] = {
            "accuracy": round(float((predicted == truth).mean()), 4),
            "photo_balanced_accuracy": round(_balanced_yes_no(photo[truth], photo[predicted]), 4),
        }
    return table


def baseline_scores(backbone: str, train: pd.DataFrame, test: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Probabilities (n, classes) for test of a logistic regression on what a frozen backbone sees.

    train, test: columns file, label.
    """
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000, class_weight="balanced"))
    classifier.fit(cached_features(backbone, train["file"].tolist()), label_indices(train["label"], classes))
    return classifier.predict_proba(cached_features(backbone, test["file"].tolist()))


def shortcut_probe(train: pd.DataFrame, test: pd.DataFrame, seed: int) -> dict[str, float]:
    """How well a decision tree tells the classes from width, height and having colour alone: balanced accuracies.

    `files`: of the pictures as they are. `views`: of what the network trains on, `random_view`; where the tree should
    be no better than `guessing`. train, test: columns file, label.
    """
    found = {"guessing": round(1 / test["label"].nunique(), 4)}
    for name, view in (("files", lambda image, _: image), ("views", random_view)):
        tree = DecisionTreeClassifier(max_depth=6, class_weight="balanced", random_state=seed)
        tree.fit(_outward(train["file"], view, seed), train["label"])
        predicted = tree.predict(_outward(test["file"], view, seed + 1))
        found[name] = round(balanced_accuracy(test["label"].to_numpy(), predicted), 4)
    return found


def predict(model: keras.Model, files: Sequence[str], view: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Probabilities (n, classes) of pictures after a change."""
    read = partial(_read, view, *model.input_shape[1:3])
    images = read_ahead(read, files, 2 * BATCH_SIZE)
    return np.concatenate(
        [forward(model, [next(images) for _ in group], BATCH_SIZE) for group in in_groups(files, BATCH_SIZE)]
    )


def _balanced_yes_no(truth: np.ndarray, predicted: np.ndarray) -> float:
    """As `balanced_accuracy` for (n,) bool, fast enough for a thousand resamples."""
    return float(np.mean([(predicted[truth == answer] == answer).mean() for answer in np.unique(truth)]))


def _read(view: Callable[[np.ndarray], np.ndarray], height: int, width: int, file: str) -> np.ndarray:
    return squeeze(view(read_image(file)), height, width)


def _outward(files: Sequence[str], view: Callable, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    images = (view(read_image(file), generator) for file in files)
    return np.array([[*image.shape[:2], np.ptp(image, axis=2).max() > 8] for image in images])


def _middle(image: np.ndarray, share: float) -> np.ndarray:
    height, width = (round(side * share) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.asarray(Image.fromarray(image).crop((left, top, left + width, top + height)))


def _rounded(estimate: Estimate) -> dict[str, float]:
    return {name: round(value, 4) for name, value in estimate._asdict().items()}
