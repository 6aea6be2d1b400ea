"""What the recipes of all classifiers share: data that can be trained on, a place to resume from, an honest record."""

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from imagecourse.bundles import make_card, round_to_half, save_bundle
from imagecourse.datasets import Dataset, drop_unreadable, label_indices, load_catalogue, make_pipeline, read_dataset
from imagecourse.datasets.table import split_by_hash
from imagecourse.evaluation import classification_summary
from imagecourse.images import atomic_path
from imagecourse.tasks import TrainingRequest
from imagecourse.training import check_labels

FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}
BATCH_SIZE = 32


@contextmanager
def open_dataset(data: str, write_sample: Callable[[Path], object]) -> Iterator[Dataset]:
    """A data set that can be trained on: from a folder, or for "sample" from what write_sample puts into one.

    Every image can be read, every class has images, and there are the splits train, validation and test: where a set
    has no test split of its own, its validation split is kept for the test and an eighth of train validates.
    Raises: ValueError, FileNotFoundError: what is wrong with the data.
    """
    if data != "sample":
        yield _usable(read_dataset(data, fractions=FRACTIONS))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_sample(Path(folder, "sample"))
        yield _usable(read_dataset(Path(folder, "sample"), fractions=FRACTIONS))


def _usable(dataset: Dataset) -> Dataset:
    if not dataset.classes:
        raise ValueError(f"{dataset.root}: holds no classes; put the images of each into a folder of its own")
    empty = [Path(problem.file).name for problem in dataset.problems if Path(problem.file).is_dir()]
    if empty:
        raise ValueError(f"{dataset.root}: no images in the class {', '.join(empty)}; add some or remove the folder")
    classes = dataset.classes
    dataset = drop_unreadable(dataset)
    for problem in dataset.problems:
        print(f"left out: {problem.file}: {problem.reason.removeprefix(problem.file + ': ')}", file=sys.stderr)
    dataset = replace(dataset, table=_with_all_splits(dataset.table))
    table = dataset.table
    try:
        check_labels(table.loc[table["split"] == "train", "label"].tolist(), classes)
    except ValueError as error:
        raise ValueError(f"{dataset.root}: {error}") from error
    for split in FRACTIONS:
        if not (table["split"] == split).any():
            raise ValueError(f"{dataset.root}: too few images, none is left for the split {split}; add some")
    return dataset


def _with_all_splits(table: pd.DataFrame) -> pd.DataFrame:
    splits = table["split"].copy()
    if not (splits == "test").any():
        splits = splits.replace("validation", "test")
    if not (splits == "validation").any():
        shares = {"train": 7 / 8, "validation": 1 / 8}
        again = [split_by_hash(f"validation {Path(file).name}", shares) for file in table["file"]]
        splits = splits.where(splits != "train", again)
    return table.assign(split=splits)


def split_pipeline(dataset: Dataset, split: str, image_size: int, shuffle_seed: int | None = None):
    """Batches of the images and class numbers of one split, see `datasets.make_pipeline`."""
    rows = dataset.table[dataset.table["split"] == split]
    targets = label_indices(rows["label"], dataset.classes)
    return make_pipeline(rows, image_size, BATCH_SIZE, targets, shuffle_seed)


@contextmanager
def checkpoint_folder(request: TrainingRequest, **settings) -> Iterator[Path]:
    """A hidden folder beside the output to resume from; it goes when the block, which saves the model, succeeds.

    Raises: ValueError when a training with other settings is to be resumed.
    """
    folder = request.output.parent / f".{request.output.name}.training"
    path = folder / "settings.json"
    settings |= {"task": request.task, "data": Path(request.data).name, "seed": request.seed}
    if request.resume and path.exists():
        if json.loads(path.read_text()) != settings:
            raise ValueError(f"{folder}: was begun with other settings; repeat those, or start without --resume")
    else:
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(settings))
    yield folder
    shutil.rmtree(folder)


def save_classifier(
    request: TrainingRequest, model: keras.Model, dataset: Dataset, history: pd.DataFrame, **more: object
) -> Path:
    """Measure a trained classifier on the test split, as it will be loaded, and save its folder.

    model: (n, h, w, 3) -> (n, classes) probabilities in the order of dataset.classes. more: further facts for the card.
    """
    round_to_half(model)
    rows = dataset.table[dataset.table["split"] == "test"]
    classes = dataset.classes
    scores = model.predict(split_pipeline(dataset, "test", model.input_shape[1]), verbose=0)
    truth = label_indices(rows["label"], classes)
    columns = {
        "file": [Path(file).relative_to(dataset.root).as_posix() for file in rows["file"]],
        "truth": rows["label"].to_numpy(),
        "prediction": np.array(classes)[scores.argmax(axis=1)],
    }
    predictions = pd.DataFrame(columns | dict(zip(classes, scores.T, strict=True)))
    figures = {name: round(value, 4) for name, value in classification_summary(truth, scores).items()}
    metrics = {"split": "test", "images": len(rows)} | figures
    name = Path(request.data).resolve().name
    entry = load_catalogue().get(name)
    licence = entry.licence if entry else "not known; ask whoever made the data set"
    card = make_card(request.task, model, classes, name, licence, request.command, request.seed, metrics, **more)
    return save_bundle(request.output, model, classes, card, history, predictions)
