"""The shipped character models on the official validation folders: the figures of their cards, from the images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import indicators, label_indices, read_dataset
from imagecourse.datasets.pairs import composed_pairs
from imagecourse.evaluation.several_labels import multi_label_figures
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.predict import scores_of_files

pytestmark = pytest.mark.real_data

MODELS = Path(__file__).parents[2] / "models"
OPEN = pytest.mark.xfail(strict=True, raises=AssertionError, reason="a goal that the model does not reach")


def validation_rows(real_data, name: str) -> pd.DataFrame:
    table = read_dataset(real_data / "characters" / name).table
    return table[table["split"] == "validation"]


@pytest.mark.parametrize("name", ["pokemon", "pokemon-cnn", "dragonball", "fairytail"])
def test_the_predictions_on_file_are_those_of_the_model(real_data, name):
    bundle = load_bundle(MODELS / f"characters-{name}")
    rows = validation_rows(real_data, name.split("-")[0])
    stored = bundle.predictions.set_index("file")
    stored = stored[~stored.index.str.startswith("composed/")]  # pairs, which come from these pictures
    names = ["/".join(Path(file).parts[-3:]) for file in rows["file"]]
    assert sorted(stored.index) == sorted(names)
    scores = scores_of_files(bundle.model, rows["file"].tolist())
    assert np.allclose(stored.loc[names, bundle.labels], scores, atol=0.02)
    right = (scores.argmax(axis=1) == label_indices(rows["label"], bundle.labels)).mean()
    assert right == pytest.approx(bundle.card["metrics"]["accuracy"], abs=0.021)


@OPEN
def test_both_characters_of_a_new_pair_are_found(real_data, tmp_path):
    bundle = load_bundle(MODELS / "characters-dragonball")
    rows = validation_rows(real_data, "dragonball")
    images, pairs = composed_pairs(rows["file"].tolist(), rows["label"].tolist(), 100, seed=2024, size=240)
    scores = np.asarray(bundle.model.predict(images.astype(np.float32), verbose=0))
    thresholds = np.array([bundle.card["thresholds"][label] for label in bundle.labels])
    truth = indicators(pd.DataFrame({"labels": pairs}), bundle.labels)
    figures = multi_label_figures(truth, scores, thresholds)
    assert figures["all_found"] >= 0.7
    assert figures["mean_average_precision"] >= 0.85


def test_a_folder_without_labels_is_annotated_and_sorted(real_data, tmp_path):
    pictures = real_data / "characters" / "pokemon" / "predict"
    notes, folders = tmp_path / "notes", tmp_path / "sorted"
    options = ["--annotate", str(notes), "--sort", str(folders), "--threshold", "0.75"]
    table = tmp_path / "answers.csv"
    arguments = ["predict", "-i", str(pictures), "-m", "characters-pokemon", "--output", str(table), *options]
    assert main(arguments) == 0
    answers = pd.read_csv(table, keep_default_na=False)
    assert sorted(path.name for path in notes.iterdir()) == sorted(path.name for path in pictures.iterdir())
    for row in answers.itertuples():
        assert (row.confidence >= 0.75) == (row.label != "")
        assert (folders / (row.label or "unsure") / Path(row.file).name).read_bytes() == Path(row.file).read_bytes()
    assert sum(1 for _ in folders.rglob("*.jpg")) == len(answers)
