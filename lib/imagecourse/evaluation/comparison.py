"""What is it worth? Comparisons over repeated splits: heads on features, pictures per class, confused pairs.

All figures come from pictures held out of the training rows, again and again (`repeated_splits`) or each just once
(`folds`), so that the test rows stay untouched until everything is chosen; each has an interval (`mean_over_splits`,
`paired_comparison`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from imagecourse.evaluation.metrics import CONFIDENCE, Estimate, accuracy_with_interval

HELD_OUT = 0.2


class Split(NamedTuple):
    """Rows to train on and rows to measure on, (n,) int each."""

    train: np.ndarray
    held_out: np.ndarray


def repeated_splits(targets: np.ndarray, repeats: int, seed: int, held_out: float = HELD_OUT) -> list[Split]:
    """Random splits of the same rows, each with every class in its share; targets: (n,) int, two or more of each."""
    splitter = StratifiedShuffleSplit(repeats, test_size=max(held_out, _one_of_each(targets)), random_state=seed)
    return [Split(*rows) for rows in splitter.split(targets, targets)]


def _one_of_each(targets: np.ndarray) -> float:
    return len(np.unique(targets)) / len(targets)


def folds(targets: np.ndarray, count: int, seed: int) -> list[Split]:
    """Splits in which every row is held out exactly once, each with every class in its share; targets: (n,) int."""
    splitter = StratifiedKFold(count, shuffle=True, random_state=seed)
    return [Split(*rows) for rows in splitter.split(targets, targets)]


class Paired(NamedTuple):
    """Two ways to answer the same pictures. only_first, only_second: pictures that only one of them got right.

    difference: accuracy of the second minus that of the first, with its interval. chance: how often coins would fall at
    least so unevenly if both were equally good (the exact sign test of McNemar), in (0, 1].
    """

    only_first: int
    only_second: int
    difference: Estimate
    chance: float


def paired_comparison(first: np.ndarray, second: np.ndarray) -> Paired:
    """Compare two answers to the same pictures, each picture once: (n,) bool each, whether it was right.

    Only pictures where the two differ count. The interval is that of the share of them that the second wins (Clopper
    and Pearson, 1934), so it leaves out 0 just where the test says less than 0.05. It speaks of chance in the choice of
    pictures, not of training pictures.
    Source: McNemar, Note on the sampling error of the difference between correlated proportions, 1947.
    """
    first, second = np.asarray(first, bool), np.asarray(second, bool)
    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    unlike = only_first + only_second
    if unlike == 0:
        most = accuracy_with_interval(np.ones(len(first)), np.zeros(len(first))).high
        return Paired(0, 0, Estimate(0.0, -most, most), 1.0)
    test = stats.binomtest(only_second, unlike)
    low, high = test.proportion_ci(CONFIDENCE, method="exact")
    parts = ((2 * share - 1) * unlike / len(first) for share in (only_second / unlike, low, high))
    return Paired(only_first, only_second, Estimate(*parts), float(test.pvalue))


def mean_over_splits(values: Sequence[float], splits: Sequence[Split]) -> Estimate:
    """The mean of a share of right answers over repeated splits and its interval.

    Splits share pictures, so it is wider than for independent ones; and never narrower than chance in the choice of the
    held-out pictures makes it, even where all values happen to be the same.
    Source: Nadeau and Bengio, Inference for the Generalization Error, 2003: the variance times 1/n + held out / train.
    """
    mean, count, pictures = float(np.mean(values)), len(values), len(splits[0].held_out)
    shared = np.sqrt(1 / count + pictures / len(splits[0].train))
    margin = stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(mean * (1 - mean) / pictures)
    if count > 1:
        margin = max(margin, stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) * np.std(values, ddof=1))
    return Estimate(mean, max(0.0, mean - margin * shared), min(1.0, mean + margin * shared))


def top_k_right(targets: np.ndarray, scores: np.ndarray, k: int) -> np.ndarray:
    """Whether the true class is among the k highest scores: (n,) bool. targets: (n,) int. scores: (n, classes)."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return (best == targets[:, np.newaxis]).any(axis=1)


def top_figures(targets: np.ndarray, scores: np.ndarray) -> dict[str, dict[str, float]]:
    """Top-1 and top-5 accuracy, each with value, low and high (95 %), to four places; arguments as above."""
    figures = {}
    for k in (1, 5):
        right = top_k_right(targets, scores, k)
        estimate = accuracy_with_interval(np.ones(len(right), bool), right)
        figures[f"top{k}"] = {part: round(value, 4) for part, value in estimate._asdict().items()}
    return figures


def linear_probe():
    """The head that all comparisons share: logistic regression on standardised features, exact and quick."""
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))


def probe_scores(features: np.ndarray, targets: np.ndarray, split: Split) -> np.ndarray:
    """Probabilities (held out, classes) of a `linear_probe` trained on the training rows; features: (n, d)."""
    with threadpool_limits(1):  # for matrices this small more threads only wait for each other
        probe = linear_probe().fit(features[split.train], targets[split.train])
        return probe.predict_proba(features[split.held_out])


def with_bounds(name: str, values: Sequence[float], splits: Sequence[Split]) -> dict[str, float]:
    """`mean_over_splits` as three columns of a table: name, name_low, name_high."""
    estimate = mean_over_splits(values, splits)
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def learning_curve(
    features: np.ndarray, targets: np.ndarray, splits: Sequence[Split], counts: Sequence[int] = (1, 2, 5, 10, 20)
) -> pd.DataFrame:
    """Accuracy of a linear layer on frozen features against the number of training pictures of each class.

    features: (n, d). Each count draws its pictures from the training rows of each split and is measured on the same
    held-out rows; the last row takes all. A count that some class does not have is left out.
    Columns: images_per_class (of the last row: the mean), all (bool), accuracy, accuracy_low, accuracy_high.
    """
    smallest = min(np.bincount(targets[split.train]).min() for split in splits)
    rows = []
    for count in [*(count for count in counts if count <= smallest), None]:
        accuracies = []
        for number, split in enumerate(splits):
            chosen = split.train if count is None else draw_per_class(targets, split.train, count, number)
            scores = probe_scores(features, targets, Split(chosen, split.held_out))
            accuracies.append(top_k_right(targets[split.held_out], scores, 1).mean())
        per_class = count or len(splits[0].train) / len(np.unique(targets))
        rows.append({"images_per_class": per_class, "all": count is None} | with_bounds("accuracy", accuracies, splits))
    return pd.DataFrame(rows)


def draw_per_class(targets: np.ndarray, rows: np.ndarray, count: int, seed: int) -> np.ndarray:
    """At most `count` of the rows of each class, drawn at random, in ascending order."""
    shuffled = np.random.default_rng(seed).permutation(rows)
    place = pd.Series(targets[shuffled]).groupby(targets[shuffled]).cumcount().to_numpy()
    return np.sort(shuffled[place < count])


def confused_pairs(truth: Sequence[str], predictions: Sequence[str], count: int = 10) -> pd.DataFrame:
    """The mistakes that happen most, in one table: columns truth, prediction, images, share (of the true class).

    truth, predictions: (n,) class names. At most `count` rows, the most frequent first, then by name.
    """
    table = pd.DataFrame({"truth": list(truth), "prediction": list(predictions)})
    sizes = table["truth"].value_counts()
    wrong = table[table["truth"] != table["prediction"]]
    pairs = wrong.value_counts().rename("images").reset_index()
    pairs["share"] = pairs["images"] / pairs["truth"].map(sizes)
    order = {"by": ["images", "truth", "prediction"], "ascending": [False, True, True]}
    return pairs.sort_values(**order, ignore_index=True).head(count)
