"""How far to trust a photo filter: intervals, a baseline, and whether it looks at what it must not look at."""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.tree import DecisionTreeClassifier

from imagecourse.datasets import Dataset, label_indices
from imagecourse.evaluation import accuracy_with_interval, balanced_accuracy, bootstrap_interval
from imagecourse.images import read_image
from imagecourse.networks.predict import scores_of_files
from imagecourse.recipes.measuring import BASELINE, baseline_scores, rounded
from imagecourse.recipes.photo_views import grey, random_view, recompress, resize

PHOTO = "Photo"
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

    The baseline is a logistic regression on what frozen EfficientNet-Lite0 sees in the same data set, alone and with
    the further photographs.
    """
    table, classes = dataset.table, dataset.classes
    all_train, test = (table[table["split"] == split] for split in ("train", "test"))
    train = all_train[~all_train["further"]]
    truth = label_indices(test["label"], classes)
    scores = scores_of_files(model, test["file"].tolist())
    return {
        "test": figures(truth, scores, classes, seed),
        "baseline": figures(truth, baseline_scores(BASELINE, train, test, classes), classes, seed),
        "baseline_with_photographs": figures(truth, baseline_scores(BASELINE, all_train, test, classes), classes, seed),
        "robustness": robustness(model, test, classes),
        "shortcut_probe": shortcut_probe(train, test, seed),
    }


def figures(truth: np.ndarray, scores: np.ndarray, classes: Sequence[str], seed: int) -> dict:
    """Accuracy, recall of each class, and photo or not (balanced accuracy), each with its 95 % interval.

    truth: (n,) int. scores: (n, classes). Classes without pictures in truth are left out, and so is photo or not
    where there are only photographs or none.
    """
    predicted = scores.argmax(axis=1)
    found = {"images": len(truth), "accuracy": rounded(accuracy_with_interval(truth, predicted)._asdict())}
    found["recall"] = {
        name: rounded(accuracy_with_interval(truth[truth == number], predicted[truth == number])._asdict())
        for number, name in enumerate(classes)
        if (truth == number).any()
    }
    photo = np.array(classes) == PHOTO
    if 0 < photo[truth].sum() < len(truth):
        estimate = bootstrap_interval(_balanced_yes_no, photo[truth], photo[predicted], seed)
        found["photo_balanced_accuracy"] = rounded(estimate._asdict())
    return found


def robustness(model: keras.Model, rows: pd.DataFrame, classes: Sequence[str]) -> dict[str, dict[str, float]]:
    """Accuracy, and photo or not, on the same pictures changed in each way of `VARIANTS`; rows: columns file, label."""
    truth = label_indices(rows["label"], classes)
    photo = np.array(classes) == PHOTO
    table = {}
    for name, view in VARIANTS.items():
        predicted = scores_of_files(model, rows["file"].tolist(), view).argmax(axis=1)
        table[name] = {
            "accuracy": round(float((predicted == truth).mean()), 4),
            "photo_balanced_accuracy": round(_balanced_yes_no(photo[truth], photo[predicted]), 4),
        }
    return table


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


def _balanced_yes_no(truth: np.ndarray, predicted: np.ndarray) -> float:
    """As `balanced_accuracy` for (n,) bool, fast enough for a thousand resamples."""
    return float(np.mean([(predicted[truth == answer] == answer).mean() for answer in np.unique(truth)]))


def _outward(files: Sequence[str], view: Callable, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    images = (view(read_image(file), generator) for file in files)
    return np.array([[*image.shape[:2], np.ptp(image, axis=2).max() > 8] for image in images])


def _middle(image: np.ndarray, share: float) -> np.ndarray:
    height, width = (round(side * share) for side in image.shape[:2])
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return np.asarray(Image.fromarray(image).crop((left, top, left + width, top + height)))
