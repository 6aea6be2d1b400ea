"""`train classifier` on a folder of a user's own, as it comes: an unreadable file, and copies across the splits."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import split_by_hash
from imagecourse.evaluation import Estimate
from imagecourse.images import write_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.recipes.classifier import ClassifierRecipe, _advice
from imagecourse.recipes.data import FRACTIONS, with_all_splits

COLOURS = {"berry": (190, 30, 60), "leaf": (40, 150, 40), "sky": (60, 120, 220)}
SMALL = ["--image-size", "32", "--epochs"]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGECOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def name_in(split: str, label: str, start: int = 100) -> str:
    """A file name that the hash puts into a split."""
    numbers = (f"{label}{number}.png" for number in range(start, start + 1000))
    return next(name for name in numbers if split_by_hash(name, FRACTIONS) == split)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three classes of 20 pictures; one file that is none, and copies of a test and a validation picture in train."""
    folder, generator = tmp_path_factory.mktemp("data") / "my things", np.random.default_rng(0)
    for label, colour in COLOURS.items():
        for number in range(20):
            patches = np.kron(generator.normal(0, 40, (8, 8, 1)), np.ones((6, 6, 1)))
            write_image(folder / label / f"{label}{number}.png", np.clip(colour + patches, 0, 255).astype(np.uint8))
    (folder / "leaf" / "leaf7.png").write_bytes(b"no picture")
    for split in ("test", "validation"):
        original = next(
            path for path in sorted((folder / "sky").iterdir()) if split_by_hash(path.name, FRACTIONS) == split
        )
        shutil.copy(original, folder / "sky" / name_in("train", f"copy of {split} "))
    return folder


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    """The model folder from the command line, and the table that it was trained on."""
    output, tables, learn = tmp_path_factory.mktemp("models") / "mine", [], ClassifierRecipe.learn

    def watch(recipe, dataset, training):
        tables.append(dataset.table)
        return learn(recipe, dataset, training)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClassifierRecipe, "learn", watch)
        assert main(["train", "classifier", "--data", str(folder), "--output", str(output), *SMALL, "30"]) == 0
    return output, tables[0]


def test_what_cannot_be_read_and_copies_of_what_is_measured_are_left_out(folder, trained):
    names = set(trained[1]["file"].map(lambda file: Path(file).name))
    assert "leaf7.png" not in names and not any(name.startswith("copy") for name in names)
    assert len(names) == 59
    splits = {split: sum(split_by_hash(name, FRACTIONS) == split for name in names) for split in FRACTIONS}
    assert trained[1]["split"].value_counts().to_dict() == splits


def test_the_card_of_a_folder_of_ones_own(folder, trained):
    bundle = load_bundle(trained[0])
    card = bundle.card
    assert (card["task"], card["data"], card["network"]) == ("classifier", "my things", "frozen")
    assert bundle.labels == list(COLOURS) and bundle.model.input_shape == (None, 32, 32, 3)
    assert card["training_command"].startswith("imagecourse train classifier --data 'my things' --output models/mine")
    assert "ask whoever made the data set" in card["data_licence"] and str(folder) not in str(card)
    assert card["metrics"]["split"] == "test" and card["metrics"]["images"] == len(bundle.predictions)
    accuracy = card["test"]["accuracy"]
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]
    assert accuracy["value"] == pytest.approx(
        (bundle.predictions["truth"] == bundle.predictions["prediction"]).mean(), abs=1e-4
    )
    assert accuracy["value"] > 0.9 and card["baseline"]["value"] > 0.9
    assert len(bundle.history) == 30 and {"val_loss", "val_accuracy"} <= set(bundle.history)


def test_the_model_names_the_classes_of_the_folder(folder, trained, tmp_path, capsys):
    table = tmp_path / "answers.csv"
    assert main(["predict", "-i", str(folder), "-m", str(trained[0]), "--output", str(table)]) == 1
    assert "leaf7.png" in capsys.readouterr().err
    answers = pd.read_csv(table, keep_default_na=False)
    assert len(answers) == 62 and list(answers)[4:] == list(COLOURS)
    readable = answers[answers["error"] == ""]
    assert len(readable) == 61
    assert np.mean([Path(file).parent.name == label for file, label in readable[["file", "label"]].to_numpy()]) > 0.9


@pytest.mark.parametrize("network", ["scratch", "fine_tuned"])
def test_longer_trainings_of_the_same_folder(folder, tmp_path, capsys, network):
    options = ["--network", network, "--output", str(tmp_path / "model"), *SMALL, "2"]
    assert main(["train", "classifier", "--data", str(folder), *options]) == 0
    printed = capsys.readouterr()
    bundle = load_bundle(tmp_path / "model")
    assert printed.out.strip() == str(tmp_path / "model")
    assert "left out: " in printed.err and "leaf7.png" in printed.err
    assert ("--network frozen" in printed.err) == (network == "scratch")
    assert bundle.card["network"] == network and list(bundle.history["epoch"]) == [1, 2]
    assert bundle.model.name == {"scratch": "photo_cnn", "fine_tuned": "efficientnet_lite1_classifier"}[network]
    assert bundle.card["metrics"]["images"] == len(bundle.predictions) == 10


def test_an_unknown_network_is_refused_before_anything_is_read(tmp_path, capsys):
    options = ["--output", str(tmp_path / "model"), "--network", "alexnet"]
    assert main(["train", "classifier", "--data", str(tmp_path / "away"), *options]) == 2
    printed = capsys.readouterr().err
    assert "'alexnet': no such network; use one of frozen, fine_tuned, scratch" in printed and printed.count("\n") == 1


def test_splits_that_are_missing_are_made():
    names = [f"{number}.png" for number in range(80)]
    table = pd.DataFrame({"file": names, "split": ["train"] * 60 + ["validation"] * 20})
    made = with_all_splits(table)
    assert (made["split"][60:] == "test").all()
    assert 3 <= (made["split"][:60] == "validation").sum() <= 14 and set(made["split"][:60]) == {"train", "validation"}
    with_test = table.assign(split=["train"] * 40 + ["validation"] * 20 + ["test"] * 20)
    pd.testing.assert_frame_equal(with_all_splits(with_test), with_test)
    without = with_all_splits(table.assign(split=["train"] * 60 + ["test"] * 20))
    assert (without["split"][60:] == "test").all() and without["split"].equals(made["split"])


def test_the_word_at_the_end_says_what_a_longer_training_would_be_worth():
    estimate = Estimate(0.9, 0.7, 0.97)
    assert "none of 20 test pictures is wrong" in _advice(0, 20, Estimate(1, 0.84, 1), borrowed=True)
    borrowed, built = (_advice(2, 20, estimate, borrowed=borrowed) for borrowed in (True, False))
    assert (
        "2 of 20" in borrowed and "0.900 (0.700 to 0.970)" in borrowed and "--network fine_tuned is worth" in borrowed
    )
    assert "try --network frozen" in built
