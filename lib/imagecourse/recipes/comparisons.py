"""What single choices are worth, all else being equal: backbone, regime, preparation of pictures, kind of data.

As in `evaluation.comparison`, all figures come from repeated splits of training rows and have intervals.
"""

import tempfile
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
    probe_scores,
    repeated_splits,
    top_k_right,
    with_bounds,
)
from imagecourse.images import read_squares
from imagecourse.networks.backbones import BackboneUnavailableError, backbone
from imagecourse.networks.features import cached_features
from imagecourse.networks.predict import images_per_second
from imagecourse.networks.scratch import learn_from_scratch
from imagecourse.networks.transfer import BORROWING, borrow, both_views, learn

PATCH_SIDE = 7
TIMED_FILES = 128
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

    Columns: regime; accuracy on held-out pictures, and averaged, with the probabilities of each picture and its mirror
    image averaged, both with _low and _high; trained_parameters; seconds_train, once the features are there.
    targets: (n,) int, 0 to classes - 1. The other arguments as for `transfer.borrow` and `transfer.learn`.
    """
    rows = []
    for regime in regimes:
        plain, averaged, seconds = [], [], []
        for number, split in enumerate(splits):
            network = borrow(backbone_name, regime, int(targets.max()) + 1, image_size, seed + number)
            views = both_views(network.trunk, files)
            start = time.perf_counter()
            learn(network, regime, views[:, split.train], targets[split.train], seed + number, epochs=epochs)
            seconds.append(time.perf_counter() - start)
            scores = [network.top.predict(view[split.held_out], verbose=0) for view in views]
            plain.append(_accuracy(targets, scores[0], split))
            averaged.append(_accuracy(targets, scores[0] + scores[1], split))
        weights = sum(int(np.prod(weight.shape)) for weight in network.top.trainable_weights)
        figures = with_bounds("accuracy", plain, splits) | with_bounds("averaged", averaged, splits)
        rows.append({"regime": regime} | figures | {"trained_parameters": weights, "seconds_train": np.mean(seconds)})
    return pd.DataFrame(rows)


def _accuracy(targets: np.ndarray, scores: np.ndarray, split: Split) -> float:
    return float(top_k_right(targets[split.held_out], scores, 1).mean())


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

    image_sizes: sides in pixels; the unprepared pictures are measured at each, the first one is for all else.
    Columns: preparation, image_size, accuracy, accuracy_low, accuracy_high.
    """
    models = {size: backbone(backbone_name, size) for size in image_sizes}
    model = models[image_sizes[0]]
    rows = []
    for name, prepare in steps.items():
        for size, sized in models.items() if name == AS_IT_IS else [(image_sizes[0], model)]:
            features = _prepared_features(sized, files, name, prepare)
            accuracies = [_accuracy(targets, probe_scores(features, targets, split), split) for split in splits]
            rows.append({"preparation": name, "image_size": size} | with_bounds("accuracy", accuracies, splits))
    turned = cached_features(model, files, views={"turned": turned_view})
    twice = np.concatenate([cached_features(model, files), turned]), np.concatenate([targets, targets])
    doubled = [Split(np.concatenate([split.train, split.train + len(files)]), split.held_out) for split in splits]
    accuracies = [_accuracy(targets, probe_scores(*twice, split), split) for split in doubled]
    rows.append({"preparation": TURNED, "image_size": image_sizes[0]} | with_bounds("accuracy", accuracies, splits))
    return pd.DataFrame(rows)


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
    """What each preparation is worth to a network trained from scratch (`transfer.learn_from_scratch`).

    Columns: preparation, image_size, accuracy, accuracy_low, accuracy_high.
    """
    rows = []
    for name, prepare in (*steps.items(), (TURNED, None)):
        images = read_squares(files, image_size, prepare)
        accuracies = []
        for number, split in enumerate(splits):
            train = images[split.train], targets[split.train], int(targets.max()) + 1
            model, _ = learn_from_scratch(*train, seed + number, epochs=epochs, augment=prepare is None)
            scores = model.predict(images[split.held_out], verbose=0)
            accuracies.append(_accuracy(targets, scores, split))
        rows.append({"preparation": name, "image_size": image_size} | with_bounds("accuracy", accuracies, splits))
    return pd.DataFrame(rows)


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
        accuracies.append(_accuracy(numbers, probe_scores(features[rows], numbers, splits[-1]), splits[-1]))
    return accuracies, splits


def compare_backbones(
    names: Sequence[str], files: Sequence[str], targets: np.ndarray, splits: Sequence[Split]
) -> tuple[pd.DataFrame, list[str]]:
    """A row per pretrained network: how well a linear layer on it does, how large and how fast it is.

    Columns: backbone, image_size (pixels), top1 and top5 with _low and _high, parameters, megabytes (float32),
    seconds_features (for all files with nothing kept before, from the time for the first 128), seconds_train (of one
    linear layer), images_per_second (the network alone, from memory). Timings are of this computer, now.
    Returns the table and a note for each network that cannot be had.
    """
    rows, notes = [], []
    for name in names:
        try:
            rows.append(_backbone_row(name, files, targets, splits))
        except BackboneUnavailableError as error:
            notes.append(f"left out: {error}")
    return pd.DataFrame(rows), notes


def _backbone_row(name: str, files: Sequence[str], targets: np.ndarray, splits: Sequence[Split]) -> dict:
    model = backbone(name)
    speed = images_per_second(model)
    sample = files[:TIMED_FILES]
    with tempfile.TemporaryDirectory() as empty:
        start = time.perf_counter()
        cached_features(model, sample, cache_dir=empty)
        seconds_features = (time.perf_counter() - start) * len(files) / len(sample)
    features = cached_features(model, files)
    start = time.perf_counter()
    scores = [probe_scores(features, targets, split) for split in splits]
    seconds_train = (time.perf_counter() - start) / len(splits)
    right = {
        k: [top_k_right(targets[s.held_out], p, k).mean() for s, p in zip(splits, scores, strict=True)] for k in (1, 5)
    }
    return (
        {"backbone": name, "image_size": model.input_shape[1]}
        | with_bounds("top1", right[1], splits)
        | with_bounds("top5", right[5], splits)
        | {"parameters": model.count_params(), "megabytes": model.count_params() * 4 / 1e6}
        | {"seconds_features": seconds_features, "seconds_train": seconds_train, "images_per_second": speed}
    )
