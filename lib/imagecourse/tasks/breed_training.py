"""Training a breed classifier in two turns: the first keeps an eighth of the pictures back and gives the curves, the
second is the same with all of them and gives the network."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.bundles import round_to_half
from imagecourse.datasets import Dataset, label_indices
from imagecourse.datasets.table import split_by_hash
from imagecourse.features import cached_features
from imagecourse.tasks import TrainingRequest
from imagecourse.transfer import FINETUNED, SCRATCH, borrow, both_views, learn, learn_from_scratch, read_squares

SCRATCH_SIZE = 128
VALIDATION = {"train": 7 / 8, "validation": 1 / 8}


class Trained(NamedTuple):
    """A classifier, its history, and its probabilities (n, classes) for the test pictures."""

    model: keras.Model
    history: pd.DataFrame
    scores: np.ndarray


def train_regime(request: TrainingRequest, dataset: Dataset, backbone: str, regime: str, folder: Path) -> Trained:
    """Both turns of a training, and the answers of the network that comes out, rounded to what its file will hold.

    folder: for what it takes to resume.
    """
    train_network = _from_scratch if regime == SCRATCH else partial(_borrowed, backbone, regime)
    return train_network(request, *_pictures(dataset), len(dataset.classes), folder)


def _pictures(dataset: Dataset) -> tuple[list[str], np.ndarray, np.ndarray, list[str]]:
    """Training files, their class numbers, whether each is held back for the curves, and test files."""
    train, test = (dataset.table[dataset.table["split"] == split] for split in ("train", "test"))
    held = [split_by_hash(f"validation {Path(file).name}", VALIDATION) == "validation" for file in train["file"]]
    targets = label_indices(train["label"], dataset.classes)
    return train["file"].tolist(), targets, np.array(held), test["file"].tolist()


def _borrowed(
    backbone: str,
    regime: str,
    request: TrainingRequest,
    files: list[str],
    targets: np.ndarray,
    held: np.ndarray,
    test_files: list[str],
    classes: int,
    folder: Path,
) -> Trained:
    """Only fine-tuning is long enough to be worth resuming: a head takes seconds."""
    network = borrow(backbone, regime, classes, request.image_size, request.seed)
    first, second = (folder / turn if regime == FINETUNED else None for turn in ("1", "2"))
    views = both_views(network.trunk, files)
    options = {"seed": request.seed, "epochs": request.epochs, "resume": request.resume}
    untrained = network.top.get_weights()
    validation = (views[0, held], targets[held]) if held.any() else None
    curves = learn(
        network, regime, views[:, ~held], targets[~held], validation=validation, checkpoint_dir=first, **options
    )
    network.top.set_weights(untrained)
    learn(network, regime, views, targets, checkpoint_dir=second, **options)
    round_to_half(network.whole)
    scores = network.top.predict(cached_features(network.trunk, test_files), verbose=0)
    return Trained(network.whole, curves, scores)


def _from_scratch(
    request: TrainingRequest,
    files: list[str],
    targets: np.ndarray,
    held: np.ndarray,
    test_files: list[str],
    classes: int,
    folder: Path,
) -> Trained:
    size = request.image_size or SCRATCH_SIZE
    images = read_squares(files, size)
    options = {"seed": request.seed, "epochs": request.epochs, "resume": request.resume, "augment": True}
    validation = (images[held], targets[held]) if held.any() else None
    _, curves = learn_from_scratch(
        images[~held], targets[~held], classes, validation=validation, checkpoint_dir=folder / "1", **options
    )
    model, _ = learn_from_scratch(images, targets, classes, checkpoint_dir=folder / "2", **options)
    round_to_half(model)
    return Trained(model, curves, model.predict(read_squares(test_files, size), verbose=0))
