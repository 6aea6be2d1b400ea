"""Which labels of a data set are probably wrong, and which pictures are odd, from features of a frozen network."""

import numpy as np
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

NEIGHBOURS = 5
_SPREAD = 1.4826  # turns the median absolute deviation of a normal distribution into its standard deviation


def out_of_fold_scores(features: np.ndarray, labels: np.ndarray, groups: np.ndarray, folds: int = 5) -> np.ndarray:
    """What a linear classifier says of each picture that was trained on the others: (n, classes), 1 for a clear yes.

    It is ridge regression on -1 and 1 of standardised features: the penalty is as strong as the data, so a few wrong
    labels do not bend it. features: (n, d). labels: (n,) int from 0. groups: (n,) int; pictures of one group, such as
    copies, are in one fold together, so that none of them speaks for another.
    Raises: ValueError for a class with fewer pictures than folds.
    """
    counts = np.bincount(labels)
    if counts.min() < folds:
        raise ValueError(f"a class has {counts.min()} pictures; {folds} or more of each are wanted")
    scores = np.zeros((len(labels), len(counts)), np.float32)
    splits = StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(features, labels, groups)
    for train, held_out in splits:
        scale = StandardScaler().fit(features[train])
        model = RidgeClassifier(alpha=len(train)).fit(scale.transform(features[train]), labels[train])
        found = model.decision_function(scale.transform(features[held_out]))
        found = np.stack([-found, found], axis=1) if found.ndim == 1 else found
        scores[np.ix_(held_out, model.classes_)] = found
    return scores


def label_margins(scores: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the score of a picture's own label is above the best other one, (n,), and which that is, (n,) int.

    The lower, the more probably the label is wrong: the normalised margin of C. Northcutt, L. Jiang and I. Chuang,
    Confident Learning, Journal of Artificial Intelligence Research 70, 2021.
    """
    rows = np.arange(len(labels))
    others = scores.copy()
    others[rows, labels] = -np.inf
    return scores[rows, labels] - others.max(axis=1), others.argmax(axis=1)


def oddness(features: np.ndarray) -> np.ndarray:
    """How far each picture is from its five nearest neighbours, in standard deviations above the usual: (n,) float.

    Distances are cosine; the usual is the median of all, the deviation the median absolute one, so that the odd
    pictures themselves move neither.
    """
    count = min(NEIGHBOURS, len(features) - 1)
    distances, _ = NearestNeighbors(n_neighbors=count + 1, metric="cosine").fit(features).kneighbors()
    mean = distances[:, :count].mean(axis=1)
    median = np.median(mean)
    spread = _SPREAD * np.median(np.abs(mean - median))
    return (mean - median) / max(spread, np.finfo(np.float32).eps)
