"""Which character is it, or which are: the classic network from scratch, or a pretrained one fine-tuned."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from imagecourse.datasets import Dataset, held_out_split
from imagecourse.datasets.pairs import add_pairs
from imagecourse.evaluation.calibration import apply_temperature, fit_temperature
from imagecourse.evaluation.several_labels import MULTI, SINGLE, choose_thresholds
from imagecourse.networks.backbones import LITES
from imagecourse.networks.predict import scores_of_files
from imagecourse.networks.scratch import CHARACTER_EPOCHS, train_character_cnn
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.character_views import varied_view
from imagecourse.recipes.common import Recipe, Trained, Training, held_out_rows
from imagecourse.recipes.learning import Borrowing, learn_borrowed, soften
from imagecourse.recipes.measuring import baseline_accuracy, multi_figures, rounded, single_figures
from imagecourse.samples.characters import write_characters, write_scenes

CHARACTER_CNN, FINE_TUNED, BEST = "character_cnn", "fine_tuned", "best"
NETWORKS = {FINE_TUNED: Borrowing("efficientnet_lite1", "block6b_add", epochs=20, learning_rate=3e-4)}
NETWORKS |= {name: Borrowing(name) for name in LITES}
CANDIDATES = (FINE_TUNED, "efficientnet_lite1")
CNN_SIZE = 150
FOLDS = 3
HELD_OUT_PAIRS = 80


class _Folds(NamedTuple):
    """What networks answered to training pictures that they had not learned: truth and scores, and how often the best
    class of a picture with one label was right."""

    truth: np.ndarray
    scores: np.ndarray
    accuracy: float


class CharacterRecipe(Recipe):
    """mode: "single", one label a picture; "multi", independent probabilities, from pictures with several labels, or
    else with composed pairs of them. network: `CHARACTER_CNN`; `FINE_TUNED`; the last layer on a frozen
    EfficientNet-Lite given by its name; `BEST`, that of `CANDIDATES` which is best on training pictures held out in
    turn. seeds: how many trainings, with the seeds that follow the first.
    """

    splits = ("train",)

    def __init__(self, request: TrainingRequest, mode: str = SINGLE, network: str = FINE_TUNED, seeds: int = 1):
        super().__init__(request)
        known = (*NETWORKS, CHARACTER_CNN, BEST)
        if network not in known:
            raise ValueError(f"{network!r}: no such network; use one of {', '.join(known)}")
        self.mode, self.network, self.seeds, self.several = mode, network, seeds, mode == MULTI

    def write_sample(self, folder: Path) -> None:
        write = write_scenes if self.several else write_characters
        write(folder, seed=self.request.seed)

    def settings(self) -> dict:
        return super().settings() | {"network": self.network, "mode": self.mode}

    def choose(self, dataset: Dataset) -> Dataset:
        """With the splits it has: all that is for training trains."""
        if not self.several and "labels" in dataset.table:
            raise ValueError(f"{dataset.root}: its pictures have several labels; train with --mode multi")
        if held_out_split(dataset) is None:
            raise ValueError(f"{dataset.root}: has no split validation or test to measure on; add one of these folders")
        return dataset

    def study(self, everything: Dataset, dataset: Dataset, training: Training) -> dict:
        """A baseline; network, temperature and thresholds by training pictures alone; what copies would change."""
        held_out, facts = held_out_split(dataset), {"mode": self.mode}
        if self.request.data != "sample" and "label" in dataset.table:
            facts |= {"baseline": baseline_accuracy(dataset, held_out)}
            facts |= {"baseline_with_copies": baseline_accuracy(everything, held_out)}
        candidates = CANDIDATES if self.network == BEST else (self.network,)
        folds = {name: self._folds(name, dataset, training) for name in candidates}
        self.network = max(folds, key=lambda name: folds[name].accuracy)
        truth, scores, _ = folds[self.network]
        temperature = round(fit_temperature(truth, scores, cautious=True), 4)
        facts |= {"network": self.network, "temperature": temperature}
        facts["cross_validation"] = {name: {"accuracy": round(each.accuracy, 4)} for name, each in folds.items()}
        if self.several:
            thresholds = choose_thresholds(truth, apply_temperature(scores, temperature, independent=True))
            return facts | {"thresholds": rounded(dict(zip(dataset.classes, thresholds, strict=True)))}
        own = training._replace(checkpoint_dir=training.checkpoint_dir / "with_copies")
        return facts | {"copies": self._copies(everything, dataset, own)}

    def remember(self, studied: dict, dataset: Dataset) -> None:
        self.network, self.temperature = studied["network"], studied["temperature"]
        if self.several:
            self.thresholds = np.array([studied["thresholds"][name] for name in dataset.classes])

    def compose(self, dataset: Dataset, folder: Path) -> Dataset:
        """As many pairs to train on as there are pictures, and some more of held-out pictures to measure on."""
        if not self.several:
            return dataset
        trained = int((dataset.table["split"] == "train").sum())
        counts = {"train": trained, held_out_split(dataset): HELD_OUT_PAIRS}
        return add_pairs(dataset, folder, counts, self.request.seed)

    def learn(self, dataset: Dataset, training: Training) -> Trained:
        return self._learn(self.network, dataset, training)

    def calibrate(self, model: keras.Model, dataset: Dataset) -> None:
        """With the temperature from the training pictures."""
        soften(model, self.temperature)

    def figures(self, truth: np.ndarray, scores: np.ndarray, seed: int) -> dict[str, float]:
        if self.several:
            return multi_figures(truth, self.thresholds, scores, self.temperature)
        return single_figures(truth, scores, self.temperature)

    def _learn(self, network: str, dataset: Dataset, training: Training) -> Trained:
        if network != CHARACTER_CNN:
            return learn_borrowed(NETWORKS[network], dataset, self.several, training, varied_view)
        size, epochs = training.image_size or CNN_SIZE, training.epochs or CHARACTER_EPOCHS
        options = training._replace(image_size=size, epochs=epochs)._asdict()
        return Trained(*train_character_cnn(dataset, self.mode, **options))

    def _copies(self, everything: Dataset, clean: Dataset, training: Training) -> dict:
        """How many copies of held-out pictures were in train, and the accuracy of a network that learned them too."""
        copied = len(everything.table) - len(clean.table)
        if not copied:
            return {"removed_from_train": 0}
        rows = held_out_rows(everything)
        scores = scores_of_files(self.learn(everything, training).model, rows["file"].tolist())
        right = scores.argmax(axis=1) == self.targets(rows, everything.classes)
        return {"removed_from_train": copied, "accuracy_with_copies": round(float(right.mean()), 4)}

    def _folds(self, network: str, dataset: Dataset, training: Training) -> _Folds:
        """On each third of the training pictures, what a network trained on the others says.

        Pairs are composed within the parts, so that no picture is on both sides.
        """
        rows = dataset.table[dataset.table["split"] == "train"]
        strata = [labels[0] if labels else "" for labels in rows["labels"]] if "labels" in rows else rows["label"]
        folds = StratifiedKFold(FOLDS, shuffle=True, random_state=training.seed).split(rows, strata)
        tables, scores = [], []
        for number, (_, held) in enumerate(folds):
            folder = training.checkpoint_dir / f"{network}_fold_{number}"
            fold = self._fold(dataset, rows, held, folder, training.seed)
            model = self._learn(network, fold, training._replace(checkpoint_dir=folder)).model
            tables.append(fold.table[fold.table["split"] == "held"])
            scores.append(scores_of_files(model, tables[-1]["file"].tolist()))
        truth, found = self.targets(pd.concat(tables), dataset.classes), np.concatenate(scores)
        alone = truth.sum(axis=1) == 1 if self.several else np.ones(len(truth), bool)
        best = truth.argmax(axis=1) if self.several else truth
        return _Folds(truth, found, float((found.argmax(axis=1) == best)[alone].mean()))

    def _fold(self, dataset: Dataset, rows: pd.DataFrame, held: np.ndarray, folder: Path, seed: int) -> Dataset:
        splits = np.full(len(rows), "train", object)
        splits[held] = "held"
        fold = replace(dataset, table=rows.assign(split=splits))
        return (
            add_pairs(fold, folder, {"train": len(rows) - len(held), "held": len(held)}, seed) if self.several else fold
        )
