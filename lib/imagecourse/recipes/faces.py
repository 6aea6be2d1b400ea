"""How old is a face, and which gender was written down for it: one fine-tuned network with a head for each question."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets import GENDERS, RACES, Dataset
from imagecourse.datasets.looks import looks_of_files
from imagecourse.evaluation.ages import binary_figures, conformal_factors, coverage_of, regression_figures
from imagecourse.evaluation.calibration import fit_temperature
from imagecourse.images import read_squares
from imagecourse.networks.backbones import LITES
from imagecourse.networks.faces import AGE, DISTRIBUTION, GENDER, HIGH, LOW, OLDEST, spreads, with_interval
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.common import Training, checkpoint_folder, held_out_rows
from imagecourse.recipes.data import (
    SAMPLE,
    open_folder,
    origin,
    with_all_splits,
    without_copies_across_splits,
    without_unreadable,
)
from imagecourse.recipes.face_learning import FaceSettings, learn_faces
from imagecourse.recipes.measuring import rounded
from imagecourse.samples.faces import TONES, write_faces

FRACTIONS = {"train": 0.75, "validation": 0.1, "test": 0.15}
TARGETS = {AGE: (AGE,), GENDER: (GENDER,), "both": (AGE, GENDER)}
COVERAGE = 0.8
AGE_BANDS = (0, 10, 20, 30, 40, 50, 60, 70, OLDEST + 1)
USE = {
    "intended_use": "teaching how such models are built, measured and audited, on pictures whose people agreed",
    "limits": "An age is a guess of how old a face looks. A gender is the word that somebody wrote into a file name, "
    "one of two, from looks alone: it says nothing of who a person is, and nobody should be treated by it. Not for "
    "decisions about people, not for pictures of people who were not asked.",
}


class FaceRecipe:
    """target: "age", "gender" or "both". backbone: an EfficientNet-Lite, all of which is trained."""

    sizes = FaceSettings()
    sample_licence = "drawn by the course, under its own licence"

    def __init__(self, request: TrainingRequest, target: str = "both", backbone: str = FaceSettings.backbone):
        if target not in TARGETS:
            raise ValueError(f"target: {target!r} is unknown; use one of {', '.join(TARGETS)}")
        if backbone not in LITES:
            raise ValueError(f"{backbone!r}: no such backbone; use one of {', '.join(LITES)}")
        self.request, self.target, self.targets = request, target, TARGETS[target]
        self.sizes = replace(self.sizes, backbone=backbone)

    def train(self) -> Path:
        """Train, calibrate, measure, save; returns the model folder. Raises: ValueError, FileNotFoundError for unusable
        data."""
        request = self.request
        size = request.image_size or self.sizes.image_size
        epochs = request.epochs or self.sizes.epochs
        settings = {"image_size": size, "epochs": epochs, "target": self.target, "backbone": self.sizes.backbone}
        with (
            open_folder(request.data, self._write_sample, FRACTIONS) as found,
            checkpoint_folder(request, **settings) as folder,
        ):
            dataset = usable_faces(found)
            training = Training(request.seed, epochs, size, folder, request.resume)
            train, validation = (
                (read_squares(rows["file"].tolist(), size), rows)
                for rows in (dataset.table[dataset.table["split"] == split] for split in ("train", "validation"))
            )
            network, history = learn_faces(self.sizes, train, validation, self.targets, training)
            model = calibrated(network, *validation)
            round_to_half(model)
            return self._save(dataset, model, history)

    def _write_sample(self, folder: Path) -> None:
        write_faces(folder, seed=self.request.seed)

    def _save(self, dataset: Dataset, model: keras.Model, history: pd.DataFrame) -> Path:
        request, rows = self.request, held_out_rows(dataset)
        data, licence = origin(request.data, self.sample_licence)
        answers = model.predict(read_squares(rows["file"].tolist(), model.input_shape[1]), verbose=0)
        groups = TONES if request.data == SAMPLE else RACES
        predictions = face_table(rows, {name: values[:, 0] for name, values in answers.items()}, dataset.root, groups)
        figures, facts = face_figures(predictions)
        card = Card(
            task=request.task,
            data=data,
            data_licence=licence,
            training_command=request.command,
            seed=request.seed,
            metrics={"split": "test", "images": len(rows)} | rounded(figures),
            more={"backbone": self.sizes.backbone, "target": self.target, "answers": {GENDER: list(GENDERS)}}
            | facts
            | {"baseline": baseline(dataset, self.targets)}
            | USE,
        )
        outputs = [name for name in (AGE, LOW, HIGH, GENDER) if name in answers]
        return save_bundle(request.output, model, outputs, card, history, predictions)


def usable_faces(dataset: Dataset) -> Dataset:
    """The faces that can be learned from: readable ones with an age and a gender, copies on one side of the splits.

    Raises: ValueError where the data set has no ages and genders, or a split is left empty.
    """
    if not {AGE, GENDER} <= set(dataset.table):
        raise ValueError(f"{dataset.root}: the names hold no age and gender; name files AGE_GENDER_RACE_DATETIME.jpg")
    dataset = replace(dataset, table=with_all_splits(dataset.table))
    dataset, hashes = without_unreadable(dataset)
    dataset = replace(dataset, table=without_copies_across_splits(dataset.table, hashes))
    for split in FRACTIONS:
        genders = dataset.table.loc[dataset.table["split"] == split, GENDER]
        if genders.nunique() < len(GENDERS):
            raise ValueError(f"{dataset.root}: too few faces, the split {split} lacks a gender; add some")
    return dataset


def calibrated(network: keras.Model, images: np.ndarray, rows: pd.DataFrame) -> keras.Model:
    """The network as it is shipped: probabilities softened, and intervals that hold 80 % of the true ages.

    images: (n, size, size, 3) uint8 of the split validation. rows: their ages and genders.
    """
    answers = network.predict(images, verbose=0)
    if GENDER in answers:
        temperature = fit_temperature(rows[[GENDER]].to_numpy(), answers[GENDER])
        head = network.get_layer(GENDER)
        head.set_weights([weights / temperature for weights in head.get_weights()])
    if AGE not in answers:
        return with_interval(network, 0, 0)
    doubt = spreads(answers[DISTRIBUTION])
    return with_interval(network, *conformal_factors(rows[AGE], answers[AGE][:, 0], doubt, COVERAGE))


def face_table(
    rows: pd.DataFrame, answers: dict[str, np.ndarray], root: Path, groups: Sequence[str] = RACES
) -> pd.DataFrame:
    """A row for each face of a test split: what was written down, what the network says, and how the picture was taken.

    rows: columns file, age, gender, race. answers: output name -> (n,). groups: names of the numbers in race.
    """
    columns = {"file": [Path(file).relative_to(root).as_posix() for file in rows["file"]]}
    if AGE in answers:
        columns |= {"true_age": rows[AGE].to_numpy()} | {name: answers[name] for name in (AGE, LOW, HIGH)}
    if GENDER in answers:
        woman = answers[GENDER]
        columns |= {"true_gender": _names(GENDERS, rows[GENDER]), GENDER: _names(GENDERS, woman >= 0.5)}
        columns |= {"gender_probability": np.maximum(woman, 1 - woman)}
    columns["group"] = _names(groups, rows["race"])
    return pd.DataFrame(columns).join(looks_of_files(rows["file"].tolist()))


def face_figures(table: pd.DataFrame) -> tuple[dict[str, float], dict]:
    """The metrics of a `face_table`, and facts for the card: the coverage of the intervals in each band of ages."""
    figures, facts = {}, {}
    if AGE in table:
        figures |= regression_figures(table["true_age"], table[AGE])
        figures["interval_coverage"] = coverage_of(table["true_age"], table[LOW], table[HIGH])
        facts["interval"] = {"asked_for": COVERAGE, "coverage_by_age": coverage_by_age(table)}
    if GENDER in table:
        truth = (table["true_gender"] == GENDERS[1]).to_numpy()
        sure = table["gender_probability"].to_numpy()
        woman = np.where(table[GENDER] == GENDERS[1], sure, 1 - sure)
        figures |= {f"gender_{name}": value for name, value in binary_figures(truth, woman).items()}
    return figures, facts


def coverage_by_age(table: pd.DataFrame) -> list[dict]:
    """For each band of true ages: how many pictures, and the share of intervals that hold the true age."""
    bands = pd.cut(table["true_age"], AGE_BANDS, right=False)
    return [
        {
            "from": int(band.left),
            "below": int(band.right),
            "images": len(rows),
            "coverage": round(coverage_of(rows["true_age"], rows[LOW], rows[HIGH]), 4),
            "mean_width": round(float((rows[HIGH] - rows[LOW]).mean()), 2),
        }
        for band, rows in table.groupby(bands, observed=True)
    ]


def baseline(dataset: Dataset, targets: tuple[str, ...]) -> dict[str, float]:
    """What one gets without looking: the median age of the training faces for all, and their more frequent gender."""
    train, test = (dataset.table[dataset.table["split"] == split] for split in ("train", "test"))
    found = {}
    if AGE in targets:
        always = np.full(len(test), train[AGE].median())
        found |= regression_figures(test[AGE], always)
    if GENDER in targets:
        found["gender_accuracy"] = float((test[GENDER] == train[GENDER].mode()[0]).mean())
    return rounded(found)


def _names(known: Sequence[str], numbers: np.ndarray | pd.Series) -> list[str]:
    return [known[int(number)] for number in numbers]
