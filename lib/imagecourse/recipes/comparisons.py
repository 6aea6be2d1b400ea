"""What single choices are worth, all else being equal: regime, preparation of pictures, kind of data.

As in `evaluation.comparison`, all figures come from splits of training rows and have intervals.
"""

import time
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets.preparation import (
    AS_IT_IS,
    Preparation,
    draw_patches,
    fit_whitening,
    preparations,
    turned_view,
)
from imagecourse.evaluation.comparison import (
    Split,
    draw_per_class,
    paired_comparison,
    probe_scores,
    repeated_splits,
    top_k_right,
    with_bounds,
)
from imagecourse.images import read_squares
from imagecourse.networks.backbones import backbone
from imagecourse.networks.features import cached_features
from imagecourse.networks.scratch import learn_from_scratch
from imagecourse.networks.transfer import BORROWING, MOST_EPOCHS, borrow, both_views, learn

PATCH_SIDE = 7
PATIENCE = 8
WATCHED = 0.2
TURNED = "turned, zoomed, mirrored"


def compare_regimes(
    backbone_name: str,
    files: Sequence[str],
    targets: np.ndarray,
    splits: Sequence[Split],
    seed: int,
    image_size: int | None = None,
    epochs: int | None = None,
    regimes: Sequence[str] = BORROWING,
) -> pd.DataFrame:
    """A row per way of borrowing: a linear head, a small network as head, the last blocks trained further.

    Each is trained until the accuracy on a fifth of its training pictures, kept aside, has not risen for `PATIENCE`
    epochs, and is then measured on the held-out ones. splits: `comparison.folds`, every picture held out once.
    Columns: regime; accuracy, and averaged, with the probabilities of each picture and its mirror image averaged, both
    with _low and _high; change (of accuracy, from the first regime, paired picture by picture) with _low, _high and
    _chance; better_in (number of splits); epochs (mean) and most_epochs, trained and allowed; trained_parameters;
    seconds_train, once the features are there.
    targets: (n,) int, 0 to classes - 1. The other arguments as for `transfer.borrow` and `transfer.learn`.
    """
    rows, first = [], None
    for regime in regimes:
        trainings = [
            _train_until_flat(backbone_name, regime, files, targets, split, seed + number, image_size, epochs)
            for number, split in enumerate(splits)
        ]
        right, averaged = (_each_once([part[view] for part in trainings], splits) for view in (0, 1))
        first = right if first is None else first
        figures = _figures("accuracy", right, splits) | _figures("averaged", averaged, splits)
        lengths = {"epochs": np.mean([part[2] for part in trainings]), "most_epochs": epochs or MOST_EPOCHS}
        work = {"trained_parameters": trainings[0][3], "seconds_train": np.mean([part[4] for part in trainings])}
        rows.append({"regime": regime} | figures | _change(first, right, splits) | lengths | work)
    return pd.DataFrame(rows)


def _train_until_flat(
    backbone_name: str,
    regime: str,
    files: Sequence[str],
    targets: np.ndarray,
    split: Split,
    seed: int,
    image_size: int | None,
    epochs: int | None,
) -> tuple[np.ndarray, np.ndarray, int, int, float]:
    """Which held-out pictures are right, plain and averaged; number of epochs, of weights that learn, and seconds."""
    network = borrow(backbone_name, regime, int(targets.max()) + 1, image_size, seed)
    views = both_views(network.trunk, files)
    [inner] = repeated_splits(targets[split.train], 1, seed, held_out=WATCHED)
    taught, watched = split.train[inner.train], split.train[inner.held_out]
    start = time.perf_counter()
    history = learn(
        network,
        regime,
        views[:, taught],
        targets[taught],
        seed,
        validation=(views[0, watched], targets[watched]),
        epochs=epochs,
        patience=PATIENCE,
    )
    seconds = time.perf_counter() - start
    scores = [network.top.predict(view[split.held_out], verbose=0) for view in views]
    plain, averaged = (top_k_right(targets[split.held_out], part, 1) for part in (scores[0], scores[0] + scores[1]))
    weights = sum(int(np.prod(weight.shape)) for weight in network.top.trainable_weights)
    return plain, averaged, len(history), weights, seconds


def _each_once(parts: Sequence[np.ndarray], splits: Sequence[Split]) -> np.ndarray:
    """(n,) bool for all pictures, from those held out in each of the folds."""
    right = np.zeros(sum(map(len, parts)), bool)
    for part, split in zip(parts, splits, strict=True):
        right[split.held_out] = part
    return right


def _figures(name: str, right: np.ndarray, splits: Sequence[Split]) -> dict[str, float]:
    return with_bounds(name, [right[split.held_out].mean() for split in splits], splits)


def _change(first: np.ndarray, second: np.ndarray, splits: Sequence[Split]) -> dict[str, float]:
    """From one to the other way to answer the same pictures, each held out once, as columns of a table."""
    paired = paired_comparison(first, second)
    better = sum(second[split.held_out].mean() > first[split.held_out].mean() for split in splits)
    change, low, high = paired.difference
    bounds = {"change": change, "change_low": low, "change_high": high, "change_chance": paired.chance}
    return bounds | {"better_in": int(better)}


def choose_preparations(files: Sequence[str], seed: int) -> dict[str, Preparation]:
    """All `preparation.preparations`, the whitening fitted on patches of these (training) pictures."""
    images = read_squares(files, 64)
    return preparations(fit_whitening(draw_patches(images, PATCH_SIDE, 100, seed), epsilon=0.01))


def prepare_for_backbone(
    backbone_name: str,
    files: Sequence[str],
    targets: np.ndarray,
    splits: Sequence[Split],
    steps: Mapping[str, Preparation],
    image_sizes: Sequence[int],
) -> pd.DataFrame:
    """What each preparation is worth to a linear layer on a frozen backbone, and what more views for training are.

    splits: `comparison.folds`, every picture held out once. image_sizes: sides in pixels; the unprepared pictures are
    measured at each, the first one is for all else.
    Columns: preparation, image_size, accuracy, accuracy_low, accuracy_high, and the change from the first row as in
    `compare_regimes`.
    """
    models = {size: backbone(backbone_name, size) for size in image_sizes}
    model = models[image_sizes[0]]
    rights = {}
    for name, prepare in steps.items():
        for size, sized in models.items() if name == AS_IT_IS else [(image_sizes[0], model)]:
            features = _prepared_features(sized, files, name, prepare)
            rights[name, size] = _probed(features, targets, splits, splits)
    turned = cached_features(model, files, views={"turned": turned_view})
    twice = np.concatenate([cached_features(model, files), turned]), np.concatenate([targets, targets])
    doubled = [Split(np.concatenate([split.train, split.train + len(files)]), split.held_out) for split in splits]
    rights[TURNED, image_sizes[0]] = _probed(*twice, doubled, splits)
    return _preparation_rows(rights, splits)


def _probed(features: np.ndarray, targets: np.ndarray, trained: Sequence[Split], splits: Sequence[Split]) -> np.ndarray:
    """Which pictures a linear layer gets right, each by the one that was trained without it."""
    scores = [probe_scores(features, targets, split) for split in trained]
    parts = [top_k_right(targets[s.held_out], part, 1) for s, part in zip(splits, scores, strict=True)]
    return _each_once(parts, splits)


def _preparation_rows(rights: Mapping[tuple[str, int], np.ndarray], splits: Sequence[Split]) -> pd.DataFrame:
    first = next(iter(rights.values()))
    return pd.DataFrame(
        [
            {"preparation": name, "image_size": size}
            | _figures("accuracy", right, splits)
            | _change(first, right, splits)
            for (name, size), right in rights.items()
        ]
    )


def _prepared_features(model: keras.Model, files: Sequence[str], name: str, prepare: Preparation) -> np.ndarray:
    if name == AS_IT_IS:
        return cached_features(model, files)
    return cached_features(model, files, views={f"prepared: {name}": lambda image, _: prepare(image)})


def prepare_for_scratch(
    files: Sequence[str],
    targets: np.ndarray,
    splits: Sequence[Split],
    steps: Mapping[str, Preparation],
    image_size: int,
    seed: int,
    epochs: int | None = None,
) -> pd.DataFrame:
    """What each preparation is worth to a network trained from scratch (`scratch.learn_from_scratch`).

    splits: `comparison.folds`. Columns as in `prepare_for_backbone`.
    """
    rights = {}
    for name, prepare in (*steps.items(), (TURNED, None)):
        images = read_squares(files, image_size, prepare)
        parts = []
        for number, split in enumerate(splits):
            train = images[split.train], targets[split.train], int(targets.max()) + 1
            model, _ = learn_from_scratch(*train, seed + number, epochs=epochs, augment=prepare is None)
            parts.append(top_k_right(targets[split.held_out], model.predict(images[split.held_out], verbose=0), 1))
        rights[name, image_size] = _each_once(parts, splits)
    return _preparation_rows(rights, splits)


def compare_kinds_of_data(
    tables: Mapping[str, pd.DataFrame],
    reference: str,
    backbone_name: str,
    seed: int,
    repeats: int = 10,
    pool: int = 40,
) -> pd.DataFrame:
    """One recipe on several sets of pictures, at equal numbers of classes and of pictures of each class.

    A linear layer on frozen features learns half of `pool` pictures a class and is measured on the other half. Beside
    each set stands the reference, with as many of its classes drawn at random each time: so the rows differ in the kind
    of data alone. Where the reference comes from the backbone's own training set, this shows what that is worth.

    tables: by name, columns file and label. Columns of the result: data, classes, chance, accuracy and
    reference_accuracy, both with _low and _high.
    Raises: ValueError for a set with fewer pictures of some class.
    """
    pools = {name: _pool(name, table, backbone_name, seed, pool) for name, table in tables.items()}
    rows = []
    for name in [name for name in tables if name != reference]:
        classes = len(np.unique(pools[name][1]))
        figures = {
            column: with_bounds(column, *_repeated_accuracies(*pools[source], classes, seed, repeats))
            for column, source in (("accuracy", name), ("reference_accuracy", reference))
        }
        row = {"data": name, "classes": classes, "chance": 1 / classes}
        rows.append(row | figures["accuracy"] | figures["reference_accuracy"])
    return pd.DataFrame(rows)


def _pool(name: str, table: pd.DataFrame, backbone_name: str, seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and class numbers of so many pictures of each class."""
    labels, targets = np.unique(table["label"].astype(str), return_inverse=True)
    counts = np.bincount(targets)
    if counts.min() < size:
        few = labels[counts.argmin()]
        raise ValueError(f"{name}: {counts.min()} pictures of {few} are too few to compare; {size} of each are wanted")
    rows = draw_per_class(targets, np.arange(len(targets)), size, seed)
    return cached_features(backbone_name, table["file"].iloc[rows].tolist()), targets[rows]


def _repeated_accuracies(
    features: np.ndarray, targets: np.ndarray, classes: int, seed: int, repeats: int
) -> tuple[list[float], list[Split]]:
    generator = np.random.default_rng(seed)
    accuracies, splits = [], []
    for number in range(repeats):
        chosen = generator.choice(np.unique(targets), classes, replace=False)
        rows = np.flatnonzero(np.isin(targets, chosen))
        numbers = np.searchsorted(np.sort(chosen), targets[rows])
        splits += repeated_splits(numbers, 1, seed + number, held_out=0.5)
        scores = probe_scores(features[rows], numbers, splits[-1])
        accuracies.append(top_k_right(numbers[splits[-1].held_out], scores, 1).mean())
    return accuracies, splits
