"""The one recipe for a classifier on a folder, in the order of its steps; each task says what is special about it."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets import Dataset, held_out_split, indicators, label_indices
from imagecourse.evaluation import classification_summary
from imagecourse.files import read_json, write_json
from imagecourse.networks.predict import scores_of_files
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.data import (
    FRACTIONS,
    check_trainable,
    open_dataset,
    origin,
    with_all_splits,
    without_copies_across_splits,
    without_unreadable,
)
from imagecourse.recipes.measuring import over_seeds, predictions_table, rounded


class Training(NamedTuple):
    """What a network is trained with; None leaves a number to the network. See `training.fit`."""

    seed: int
    epochs: int | None = None
    image_size: int | None = None
    checkpoint_dir: Path | None = None
    resume: bool = False


class Trained(NamedTuple):
    """A network, its history, and its probabilities (n, classes) for the held-out rows; None: they are yet to come."""

    model: keras.Model
    history: pd.DataFrame
    scores: np.ndarray | None = None


class Recipe:
    """Open → leave out what cannot be read and copies across splits → split → train → calibrate → measure → save.

    A task is a subclass: it gives `write_sample` and `learn`, and overrides those of the other steps that are special.
    """

    splits: Sequence[str] = tuple(FRACTIONS)
    """Splits that must have pictures."""
    sample_licence = "drawn by the course, under its own licence"
    seeds = 1
    several = False
    """Whether a picture can have several labels."""
    thresholds: np.ndarray | None = None
    """(classes,), from where on each class is named, when there are several."""

    def __init__(self, request: TrainingRequest):
        self.request = request

    # --- what a task says -------------------------------------------------------------------------------------------

    def write_sample(self, folder: Path) -> None:
        """Write the data set that is called "sample"."""
        raise ValueError(f"{self.request.task}: has no sample; give a folder with --data")

    def settings(self) -> dict:
        """What a training that is resumed must have been begun with."""
        return {"image_size": self.request.image_size}

    def choose(self, dataset: Dataset) -> Dataset:
        """The rows to work with, and their splits."""
        return replace(dataset, table=with_all_splits(dataset.table))

    def extend(self, dataset: Dataset) -> Dataset:
        """Further training rows from elsewhere."""
        return dataset

    def study(self, everything: Dataset, dataset: Dataset, training: Training) -> dict:
        """Facts for the card from other trainings than the main one; they are kept until that is done.

        everything: with the copies across splits. dataset: without.
        """
        return {}

    def remember(self, studied: dict, dataset: Dataset) -> None:
        """Take what the main training needs from those facts."""

    def compose(self, dataset: Dataset, folder: Path) -> Dataset:
        """Pictures made from those of the data set, written into the folder."""
        return dataset

    def learn(self, dataset: Dataset, training: Training) -> Trained:
        """Train a network (n, h, w, 3) -> (n, classes) on the split train."""
        raise TypeError(f"{type(self).__name__} does not say how to learn")

    def calibrate(self, model: keras.Model, dataset: Dataset) -> None:
        """Make the probabilities of a trained network mean what they say."""

    def figures(self, truth: np.ndarray, scores: np.ndarray, seed: int) -> dict[str, float]:
        """The metrics of one training on the held-out rows."""
        return classification_summary(truth, scores)

    def facts(self, dataset: Dataset, trained: Trained) -> dict:
        """What else the card says about the network."""
        return {}

    # --- what all tasks share ---------------------------------------------------------------------------------------

    def train(self) -> Path:
        """Train, measure, save; returns the model folder. Raises: ValueError, FileNotFoundError for unusable data."""
        request = self.request
        with (
            open_dataset(request.data, self.write_sample) as found,
            checkpoint_folder(request, **self.settings()) as folder,
        ):
            everything, hashes = self._usable(found)
            dataset = replace(everything, table=without_copies_across_splits(everything.table, hashes))
            training = Training(request.seed, request.epochs, request.image_size, folder, request.resume)
            studied = kept(folder / "study.json", request.resume, lambda: self.study(everything, dataset, training))
            self.remember(studied, dataset)
            composed = self.compose(dataset, folder / "composed")
            trained = [self._train_one(composed, training, seed) for seed in self._seeds()]
            return self._save(composed, trained, studied | self.facts(composed, trained[0]))

    def targets(self, rows: pd.DataFrame, classes: list[str]) -> np.ndarray:
        """(n,) class numbers, or (n, classes) of 0 and 1 where a picture can have several labels."""
        return indicators(rows, classes) if self.several else label_indices(rows["label"], classes)

    def _seeds(self) -> range:
        return range(self.request.seed, self.request.seed + self.seeds)

    def _usable(self, dataset: Dataset) -> tuple[Dataset, np.ndarray]:
        dataset = self.choose(dataset)
        classes = dataset.classes
        dataset, hashes = without_unreadable(self.extend(dataset))
        check_trainable(dataset, classes, self.splits)
        return dataset, hashes

    def _train_one(self, dataset: Dataset, training: Training, seed: int) -> Trained:
        folder = training.checkpoint_dir / f"seed_{seed}"
        trained = self.learn(dataset, training._replace(seed=seed, checkpoint_dir=folder))
        self.calibrate(trained.model, dataset)
        round_to_half(trained.model)
        if trained.scores is not None:
            return trained
        return trained._replace(scores=scores_of_files(trained.model, held_out_rows(dataset)["file"].tolist()))

    def _save(self, dataset: Dataset, trained: list[Trained], facts: dict) -> Path:
        """Measured on the held-out rows; the model is that of the first seed."""
        request, rows, first = self.request, held_out_rows(dataset), trained[0]
        truth = self.targets(rows, dataset.classes)
        figures = [self.figures(truth, each.scores, seed) for each, seed in zip(trained, self._seeds(), strict=True)]
        data, licence = origin(request.data, self.sample_licence)
        card = Card(
            task=request.task,
            data=data,
            data_licence=licence,
            training_command=request.command,
            seed=request.seed,
            metrics={"split": held_out_split(dataset), "images": len(rows)} | rounded(figures[0]),
            more=facts | {"over_seeds": over_seeds(figures, self._seeds())},
        )
        predictions = predictions_table(rows, first.scores, dataset, self.thresholds)
        return save_bundle(request.output, first.model, dataset.classes, card, first.history, predictions)


def held_out_rows(dataset: Dataset) -> pd.DataFrame:
    """The rows to measure on, see `datasets.held_out_split`."""
    return dataset.table[dataset.table["split"] == held_out_split(dataset)]


@contextmanager
def checkpoint_folder(request: TrainingRequest, **settings) -> Iterator[Path]:
    """A hidden folder beside the output to resume from; it goes when the block, which saves the model, succeeds,
    or fails before anything was learned.

    Raises: ValueError when a training with other settings is to be resumed.
    """
    folder = request.output.parent / f".{request.output.name}.training"
    settings |= {"task": request.task, "data": Path(request.data).name, "seed": request.seed}
    before = read_json(folder / "settings.json", {}) if request.resume else {}
    if before and before != json.loads(json.dumps(settings)):
        raise ValueError(f"{folder}: was begun with other settings; repeat those, or start without --resume")
    write_json(folder / "settings.json", settings)
    try:
        yield folder
    except BaseException:
        if not any(path.name != "settings.json" for path in folder.iterdir()):
            shutil.rmtree(folder)
        raise
    shutil.rmtree(folder)


def kept(path: Path, resume: bool, compute: Callable[[], list | dict]) -> list | dict:
    """What was computed and written to a JSON file before a training was interrupted, or else what is computed now."""
    if not (resume and path.exists()):
        write_json(path, compute())
    return read_json(path)
