from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.datasets.pairs import add_pairs, composed_pairs
from imagecourse.evaluation.labels import join_labels, split_labels
from imagecourse.evaluation.several_labels import choose_thresholds, multi_label_figures
from imagecourse.images import read_image, write_image
from imagecourse.networks.bundles import Bundle, is_multi_label
from imagecourse.networks.predict import predict_files
from imagecourse.networks.saving import Card, save_bundle
from imagecourse.samples.characters import write_scenes

COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue, or so & <co>": (0, 0, 250)}


@pytest.fixture
def colours(tmp_path) -> Path:
    """A data set of plain pictures of three colours, 4 in train and 2 in validation of each."""
    for name, colour in COLOURS.items():
        for split, count in (("train", 4), ("validation", 2)):
            for number in range(count):
                write_image(tmp_path / "set" / split / name / f"{number}.png", np.full((20, 30, 3), colour, np.uint8))
    return tmp_path / "set"


def test_pairs_show_both_characters_and_nothing_else(colours):
    table = read_dataset(colours).table
    images, pairs = composed_pairs(table["file"].tolist(), table["label"].tolist(), 40, seed=1, size=64)
    assert images.shape == (40, 64, 64, 3) and images.dtype == np.uint8
    for image, pair in zip(images, pairs, strict=True):
        found = {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0).tolist()}
        assert found == {COLOURS[name] for name in pair}
        shares = [(image == COLOURS[name]).all(axis=2).mean() for name in pair]
        assert min(shares) > 0.35
    assert len(set(pairs)) == 6
    again, _ = composed_pairs(table["file"].tolist(), table["label"].tolist(), 40, seed=1, size=64)
    assert np.array_equal(images, again)
    with pytest.raises(ValueError, match="two classes at least"):
        composed_pairs(table["file"].tolist()[:1], ["red"], 1, seed=0)


def test_pairs_are_made_within_a_split(colours, tmp_path):
    dataset = read_dataset(colours)
    more = add_pairs(dataset, tmp_path / "pairs", {"train": 7, "validation": 3}, seed=0)
    added = more.table.iloc[len(dataset.table) :]
    assert added["split"].value_counts().to_dict() == {"train": 7, "validation": 3}
    assert (added["labels"].map(len) == 2).all()
    assert list(more.table["labels"][:1]) == [(dataset.table["label"][0],)]
    assert more.classes == dataset.classes
    assert read_image(Path(added["file"].iloc[0])).shape == (256, 256, 3)
    assert add_pairs(more, tmp_path / "other", {"train": 5}, seed=0) is more


def test_thresholds_of_a_known_case():
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]])
    scores = np.array([[0.9, 0.4], [0.6, 0.2], [0.2, 0.5], [0.1, 0.45], [0.3, 0.1]])
    thresholds = choose_thresholds(truth, scores)
    np.testing.assert_allclose(thresholds, [0.45, 0.425])
    figures = multi_label_figures(truth, scores, thresholds)
    assert figures == {"mean_average_precision": 1, "all_found": 1, "exactly_right": 1}
    half = multi_label_figures(truth, scores, np.array([0.7, 0.15]))
    assert half["all_found"] == 0.8 and half["exactly_right"] == 0.6
    with pytest.raises(ValueError, match="no positive examples"):
        choose_thresholds(truth * [1, 0], scores)


def test_a_score_that_reaches_its_threshold_is_a_yes():
    truth, scores = np.array([[1, 0], [0, 1]]), np.array([[0.75, 0.25], [0.5, 0.25]])
    assert join_labels(scores, ["goku", "vegeta"], np.array([0.75, 0.25])) == ["goku + vegeta", "vegeta"]
    figures = multi_label_figures(truth, scores, np.array([0.75, 0.25]))
    assert (figures["all_found"], figures["exactly_right"]) == (1, 0.5)


def test_labels_join_and_split():
    scores = np.array([[0.9, 0.5], [0.1, 0.1], [0.2, 0.8]])
    joined = join_labels(scores, ["goku", "vegeta"], np.array([0.5, 0.5]))
    assert joined == ["goku + vegeta", "", "vegeta"]
    assert [split_labels(text, ["goku", "vegeta"]) for text in joined] == [["goku", "vegeta"], [], ["vegeta"]]
    assert split_labels("Salt + Pepper", ["Salt + Pepper", "Salt"]) == ["Salt + Pepper"]


def test_scenes_are_read_with_all_their_labels(tmp_path):
    dataset = read_dataset(write_scenes(tmp_path / "scenes", count=10, image_size=48))
    assert dataset.layout == "multi-label" and dataset.problems == []
    assert dataset.table["split"].value_counts().to_dict() == {"train": 6, "validation": 2, "test": 2}
    assert list(dataset.table["labels"].map(len)) == [2, 1, 2, 3, 2, 1, 2, 1, 2, 1]
    masks = tmp_path / "scenes" / "masks"
    for row in dataset.table.itertuples():
        assert all((masks / f"{Path(row.file).stem}_{name}.png").exists() for name in row.labels)
    (tmp_path / "scenes/images/test_0001.png").unlink()
    problems = read_dataset(tmp_path / "scenes").problems
    assert [(problem.file, "missing" in problem.reason) for problem in problems] == [("images/test_0001.png", True)]


def colour_model(activation: str = "sigmoid") -> keras.Model:
    """Each answer is sure where the mean of its colour channel, in [0, 1], is over 0.3."""
    inputs = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(inputs))
    dense = keras.layers.Dense(3, activation=activation)
    model = keras.Model(inputs, dense(mean))
    dense.set_weights([np.eye(3) * 20, np.full(3, -6.0)])
    return model


def save_colours(folder: Path, labels: list[str], activation: str = "sigmoid", **card) -> Path:
    model = colour_model(activation)
    card = Card("characters", "set", "free", "none", 0, {}, card)
    return save_bundle(folder, model, labels, card, pd.DataFrame(), pd.DataFrame())


@pytest.fixture
def mixtures(tmp_path) -> Path:
    pictures = {"both.png": (200, 200, 0), "green.png": (0, 200, 0), "none.png": (9, 9, 9), "weak.png": (110, 0, 90)}
    for name, colour in pictures.items():
        write_image(tmp_path / "in put" / name, np.full((8, 8, 3), colour, np.uint8))
    return tmp_path / "in put"


def test_several_labels_from_the_thresholds_of_the_card(mixtures):
    labels = list(COLOURS)
    bundle = Bundle(colour_model(), labels, Path("colours"), card={"thresholds": {"red": 0.99, labels[2]: 0.2}})
    assert is_multi_label(bundle.model) and not is_multi_label(colour_model("softmax"))
    files = sorted(mixtures.iterdir())
    table = next(predict_files(bundle, files)).set_index("file")
    assert list(table["label"]) == ["red + green", "green", "", labels[2]]
    both, _, none, weak = (table.loc[str(file)] for file in files)
    assert both["confidence"] == min(both["red"], both["green"])
    assert none["confidence"] == max(none[labels])
    assert weak["red"] > weak["confidence"] == weak[labels[2]]
    exact = next(predict_files(bundle, files[3:], threshold=float(weak[labels[2]])))
    assert exact.loc[0, ["label", "confidence"]].tolist() == [f"red + {labels[2]}", weak[labels[2]]]
    lower = next(predict_files(bundle, files, threshold=0.5))
    assert list(lower["label"]) == ["red + green", "green", "", f"red + {labels[2]}"]


def test_each_of_several_labels_gets_its_copy(mixtures, tmp_path):
    model = save_colours(tmp_path / "models" / "colours", list(COLOURS))
    sorted_folder, notes = tmp_path / "sorted", tmp_path / "notes"
    options = ["--output", str(tmp_path / "out.csv"), "--sort", str(sorted_folder), "--annotate", str(notes)]
    assert main(["predict", "-i", str(mixtures), "-m", str(model), *options]) == 0
    copies = {path.relative_to(sorted_folder).as_posix() for path in sorted_folder.rglob("*.png")}
    odd = list(COLOURS)[2]
    assert copies == {"red/both.png", "green/both.png", "green/green.png", "unsure/none.png"} | {
        "red/weak.png",
        f"{odd}/weak.png",
    }
    assert (sorted_folder / "red/both.png").read_bytes() == (mixtures / "both.png").read_bytes()
    assert len(list(notes.iterdir())) == 4


def test_a_class_that_reads_as_two_is_refused_only_where_it_matters(mixtures, tmp_path):
    labels = ["Salt + Pepper", "Salt", "Pepper"]
    with pytest.raises(ValueError, match="reads as two labels"):
        save_colours(tmp_path / "several", labels)
    model = save_colours(tmp_path / "single", labels, activation="softmax")
    assert main(["predict", "-i", str(mixtures), "-m", str(model), "--sort", str(tmp_path / "sorted")]) == 0
    assert {path.name for path in (tmp_path / "sorted").iterdir() if path.is_dir()} <= set(labels)
    assert (tmp_path / "sorted" / "Salt" / "green.png").exists()
