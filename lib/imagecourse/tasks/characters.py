"""Which character is it, or which are: the classic network from scratch, or a pretrained one fine-tuned."""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.bundles import make_card, round_to_half, save_bundle
from imagecourse.calibration import fit_temperature
from imagecourse.datasets import Dataset, drop_unreadable, label_indices, load_catalogue, read_dataset
from imagecourse.datasets.sample.characters import write_characters, write_scenes
from imagecourse.images import atomic_path
from imagecourse.multi_label import (
    LABEL_SEPARATOR,
    add_pairs,
    choose_thresholds,
    composed_pairs,
    indicators,
    join_labels,
    multi_label_figures,
)
from imagecourse.tasks import TrainingRequest, character_checks
from imagecourse.tasks.character_checks import multi_figures, over_seeds, rounded, single_figures
from imagecourse.tasks.character_networks import (
    FINE_TUNED,
    Training,
    check_network,
    predict_files,
    train_character_cnn,
    train_network,
)
from imagecourse.tasks.classification import FRACTIONS, checkpoint_folder
from imagecourse.tasks.photo_filter import without_copies_across_splits
from imagecourse.training import check_labels

__all__ = [
    "choose_thresholds",
    "composed_pairs",
    "held_out_split",
    "multi_label_figures",
    "open_characters",
    "train",
    "train_character_cnn",
]

HELD_OUT_PAIRS = 80


class _Trained(NamedTuple):
    """The network of the first seed and its history; scores: (n, classes) for the held-out rows, for each seed."""

    model: keras.Model
    history: pd.DataFrame
    scores: list[np.ndarray]


def train(request: TrainingRequest, mode: str = "single", network: str = FINE_TUNED, seeds: int = 1) -> Path:
    """Train on characters, measure on the split that is kept for it, and save the model of the first seed.

    mode: "single", one label a picture; "multi", independent probabilities, from pictures with several labels or
    else with composed pairs of them. network: see `character_networks.train_network`. seeds: how many trainings, with
    the seeds that follow the first; their mean and interval stand on the card.
    Near-copies of held-out pictures are kept out of training; what they would have changed stands on the card, and for
    data other than the sample what a logistic regression on a frozen backbone reaches.
    Raises: as `open_characters` and `character_networks.train_network`.
    """
    check_network(network)
    settings = {"network": network, "mode": mode, "image_size": request.image_size}
    with (
        open_characters(request.data, mode, request.seed) as everything,
        checkpoint_folder(request, **settings) as folder,
    ):
        dataset = replace(everything, table=without_copies_across_splits(everything.table))
        training = Training(request.seed, request.epochs, request.image_size, folder, request.resume)
        compute = partial(_checks, request, network, mode, everything, dataset, training)
        checks = _kept(folder / "checks.json", request.resume, compute)
        if mode == "multi":
            dataset = add_pairs(dataset, folder / "pairs", _pair_counts(dataset), request.seed)
        trained = _train_seeds(network, dataset, mode, training, seeds)
        return _save(request, trained, dataset, {"mode": mode, "network": network} | checks)


def _checks(
    request: TrainingRequest, network: str, mode: str, everything: Dataset, dataset: Dataset, training: Training
) -> dict:
    """What else the card holds: a baseline, what copies change, and thresholds where several classes can be named."""
    held_out, checks = held_out_split(dataset), {}
    if request.data != "sample" and "label" in dataset.table:
        checks |= character_checks.baseline(everything, dataset, held_out)
    if mode == "multi":
        thresholds = character_checks.thresholds(network, dataset, training)
        return checks | {"thresholds": rounded(dict(zip(dataset.classes, thresholds, strict=True)))}
    own = training._replace(checkpoint_dir=training.checkpoint_dir / "with_copies")
    return checks | character_checks.with_copies(network, everything, dataset, held_out, own)


def _kept(path: Path, resume: bool, compute: Callable[[], dict]) -> dict:
    """What was computed before the training was interrupted, if it is to be resumed, else what is computed now."""
    if resume and path.exists():
        return json.loads(path.read_text())
    found = compute()
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(found))
    return found


@contextmanager
def open_characters(data: str, mode: str, seed: int) -> Iterator[Dataset]:
    """A data set of characters that can be trained on, with the splits it has: a folder, or for "sample" drawn ones.

    Every image can be read, every class is in train, and one split is held out (`held_out_split`).
    Raises: ValueError, FileNotFoundError: what is wrong with the data.
    """
    if data != "sample":
        yield _usable(read_dataset(data, fractions=FRACTIONS), mode)
        return
    with tempfile.TemporaryDirectory() as folder:
        write = write_scenes if mode == "multi" else write_characters
        yield _usable(read_dataset(write(Path(folder, "sample"), seed=seed)), mode)


def held_out_split(dataset: Dataset) -> str | None:
    """The split to measure on: test, where there is none validation, else none."""
    present = set(dataset.table["split"])
    return next((split for split in ("test", "validation") if split in present), None)


def _usable(dataset: Dataset, mode: str) -> Dataset:
    if mode == "single" and "labels" in dataset.table:
        raise ValueError(f"{dataset.root}: its pictures have several labels; train with --mode multi")
    if not dataset.classes:
        raise ValueError(f"{dataset.root}: holds no classes; put the images of each into a folder of its own")
    classes = dataset.classes
    dataset = drop_unreadable(replace(dataset, table=dataset.table[dataset.table["split"] != "predict"]))
    for problem in dataset.problems:
        print(f"left out: {problem.file}: {problem.reason.removeprefix(problem.file + ': ')}", file=sys.stderr)
    trained = dataset.table[dataset.table["split"] == "train"]
    column = "labels" if "labels" in trained else "label"
    try:
        check_labels(trained[column].explode().tolist(), classes)
    except ValueError as error:
        raise ValueError(f"{dataset.root}: {error}") from error
    if held_out_split(dataset) is None:
        raise ValueError(f"{dataset.root}: has no split validation or test to measure on; add one of these folders")
    return dataset


def _held_out_rows(dataset: Dataset) -> pd.DataFrame:
    return dataset.table[dataset.table["split"] == held_out_split(dataset)]


def _pair_counts(dataset: Dataset) -> dict[str, int]:
    """As many pairs to train on as there are pictures, and some more of held-out pictures to measure on."""
    train_rows = dataset.table["split"] == "train"
    return {"train": int(train_rows.sum()), held_out_split(dataset): HELD_OUT_PAIRS}


def _train_seeds(network: str, dataset: Dataset, mode: str, training: Training, seeds: int) -> _Trained:
    files = _held_out_rows(dataset)["file"].tolist()
    first, scores = None, []
    for seed in range(training.seed, training.seed + seeds):
        own = training._replace(seed=seed, checkpoint_dir=training.checkpoint_dir / f"seed_{seed}")
        model, history = train_network(network, dataset, mode, own)
        round_to_half(model)
        scores.append(predict_files(model, files))
        first = first or (model, history)
    return _Trained(*first, scores)


def _save(request: TrainingRequest, trained: _Trained, dataset: Dataset, more: dict) -> Path:
    rows, classes = _held_out_rows(dataset), dataset.classes
    seeds = range(request.seed, request.seed + len(trained.scores))
    thresholds = np.array(list(more["thresholds"].values())) if "thresholds" in more else None
    if thresholds is None:
        truth = label_indices(rows["label"], classes)
        figures = [single_figures(truth, *scored) for scored in zip(trained.scores, seeds, strict=True)]
    else:
        truth = indicators(rows, classes)
        figures = [multi_figures(truth, thresholds, *scored) for scored in zip(trained.scores, seeds, strict=True)]
    metrics = {"split": held_out_split(dataset), "images": len(rows)} | rounded(figures[0])
    temperature = round(fit_temperature(truth, trained.scores[0]), 4)
    more = more | {"temperature": temperature, "over_seeds": over_seeds(figures, seeds)}
    origin = _origin(request.data)
    card = make_card(request.task, trained.model, classes, *origin, request.command, request.seed, metrics, **more)
    predictions = _predictions(rows, trained.scores[0], dataset, thresholds)
    return save_bundle(request.output, trained.model, classes, card, trained.history, predictions)


def _origin(data: str) -> tuple[str, str]:
    """Name and licence of a data set; a set inside a folder of the catalogue has the licence of that."""
    if data == "sample":
        return data, "drawn by the course, under its own licence"
    folder, catalogue = Path(data).resolve(), load_catalogue()
    entry = next((catalogue[name] for name in (folder.name, folder.parent.name) if name in catalogue), None)
    return folder.name, entry.licence if entry else "not known; ask whoever made the data set"


def _predictions(
    rows: pd.DataFrame, scores: np.ndarray, dataset: Dataset, thresholds: np.ndarray | None
) -> pd.DataFrame:
    """A row for each held-out picture of the data set, not for the pairs composed of them."""
    own = rows["file"].map(lambda file: Path(file).is_relative_to(dataset.root)).to_numpy()
    rows, scores, classes = rows[own], scores[own], dataset.classes
    columns = {
        "file": [Path(file).relative_to(dataset.root).as_posix() for file in rows["file"]],
        "truth": [LABEL_SEPARATOR.join(labels) for labels in rows["labels"]] if "labels" in rows else rows["label"],
        "prediction": [classes[best] for best in scores.argmax(axis=1)],
    }
    if thresholds is not None:
        columns["prediction"] = join_labels(scores, classes, thresholds)
    return pd.DataFrame(columns | dict(zip(classes, scores.T, strict=True))).reset_index(drop=True)
