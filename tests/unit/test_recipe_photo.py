from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.datasets.duplicates import perceptual_hashes
from imagecourse.images import read_image, write_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.recipes.data import without_copies_across_splits
from imagecourse.recipes.learning import soften
from imagecourse.recipes.photo import FilterSettings, PhotoRecipe, add_photographs
from imagecourse.recipes.photo_checks import VARIANTS, figures, robustness, shortcut_probe
from imagecourse.recipes.photo_views import resize
from imagecourse.samples import sample_photographs


def test_figures_of_a_known_case():
    classes = ["Cartoon", "Painting", "Photo"]
    truth = np.array([0, 0, 1, 1, 2, 2, 2, 2])
    scores = np.eye(3)[[0, 1, 1, 2, 2, 2, 2, 0]]
    found = figures(truth, scores, classes, seed=0)
    assert found["images"] == 8 and found["accuracy"]["value"] == 0.625
    assert {name: recall["value"] for name, recall in found["recall"].items()} == dict(
        zip(classes, (0.5, 0.5, 0.75), strict=True)
    )
    assert found["photo_balanced_accuracy"]["value"] == 0.75
    assert "photo_balanced_accuracy" not in figures(truth[:4], scores[:4], classes, seed=0)


def test_the_probe_finds_a_shortcut_and_sees_it_gone_in_the_views(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for label, width in (("small", 40), ("wide", 120)):
        for number in range(40):
            path = tmp_path / f"{label}{number}.png"
            write_image(path, rng.integers(0, 256, (40, width, 3), dtype=np.uint8))
            rows.append({"file": str(path), "label": label})
    table = pd.DataFrame(rows)
    found = shortcut_probe(table[::2], table[1::2], seed=0)
    assert found["files"] == 1 and found["guessing"] == 0.5
    assert found["views"] < 0.8


def test_every_variant_changes_what_its_name_says():
    picture = read_image(sample_photographs()["coffee"])[:200, :300]
    found = {name: change(picture) for name, change in VARIANTS.items()}
    sizes = [(200, 300), (160, 160), (96, 96), (448, 448), (200, 300), (141, 212)]
    assert [image.shape[:2] for image in found.values()] == sizes
    assert np.array_equal(found["as they are"], picture)
    assert not np.ptp(found["grey"], axis=2).any()
    assert np.array_equal(found["the middle, half of the area"], picture[29:170, 44:256])
    for name, change in VARIANTS.items():
        if "quality" in name:
            height, width = change(picture).shape[:2]
            assert 2 < np.abs(change(picture) - resize(picture, height, width).astype(float)).mean() < 30


def test_variants_reach_the_network(tmp_path):
    """One that knows a photograph by its colours is lost where there are none."""
    inputs = keras.Input((8, 8, 3))
    mean = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(mean))
    model.set_weights([np.array([[-1, 1], [0, 0], [1, -1]]), np.array([50, -50])])  # Photo: red is over blue by far
    colours = {"Cartoon": (90, 90, 90), "Photo": (200, 90, 20)}
    for name, colour in colours.items():
        write_image(tmp_path / f"{name}.png", np.full((40, 40, 3), colour, np.uint8))
    rows = pd.DataFrame({"file": [str(tmp_path / f"{name}.png") for name in colours], "label": list(colours)})
    table = robustness(model, rows, list(colours))
    assert list(table) == list(VARIANTS)
    right = {name: (row["accuracy"], row["photo_balanced_accuracy"]) for name, row in table.items()}
    assert right == {name: (0.5, 0.5) if name == "grey" else (1, 1) for name in VARIANTS}


@pytest.fixture
def photographs(tmp_path):
    """A folder with pictures from the wheels, without labels."""
    for name in ("cat", "coffee", "flower"):
        write_image(tmp_path / "further" / f"{name}.jpg", read_image(sample_photographs()[name])[:200, :200])
    return tmp_path / "further"


def test_near_copies_leave_the_split_that_is_less_strict(tmp_path):
    picture = read_image(sample_photographs()["cat"])
    for name, quality in (
        ("a.png", picture),
        ("b.png", np.clip(picture + 3.0, 0, 255).astype(np.uint8)),
        ("c.png", picture.T),
    ):
        write_image(tmp_path / name, np.ascontiguousarray(quality.transpose(1, 2, 0) if name == "c.png" else quality))
    table = pd.DataFrame({"file": [str(tmp_path / name) for name in ("a.png", "b.png", "c.png")]})
    table = table.assign(split=["train", "test", "train"])
    kept = without_copies_across_splits(table, perceptual_hashes(table["file"]))
    assert [file[-5:] for file in kept["file"]] == ["b.png", "c.png"]


def test_further_photographs_train_and_nothing_else(shades, photographs):
    dataset = read_dataset(shades)
    with pytest.raises(ValueError, match="no class Photo"):
        add_photographs(dataset, [photographs], 300)
    named = dataset.table.replace({"label": {"dark": "Photo"}})
    more = add_photographs(replace(dataset, table=named), [photographs], 300).table
    further = more[more["further"]]
    assert len(further) == 3 and len(more) == len(named) + 3
    assert set(further["split"]) == {"train"} and set(further["label"]) == {"Photo"}


def test_the_recipe_of_the_shipped_model_end_to_end(tmp_path, photographs, monkeypatch):
    """With less of the network to train, and fewer views."""
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(PhotoRecipe, "sizes", FilterSettings(last_frozen="block6b_add", views=3))
    rng = np.random.default_rng(0)
    for label, levels in (("Photo", (0, 256)), ("Painting", (120, 136))):
        for number in range(24):
            content = "cube" if number % 3 == 0 else "ball"
            picture = rng.integers(*levels, (40, 40, 3), dtype=np.uint8)
            write_image(tmp_path / "set" / label / f"{content}_{label}{number}.png", picture)
    output = tmp_path / "filter"
    options = ["--photographs", str(photographs), "--leave-out", "cube", "--image-size", "32", "--epochs", "2"]
    assert main(["train", "photo", "--data", str(tmp_path / "set"), "--output", str(output), *options]) == 0
    bundle = load_bundle(output)
    card = bundle.card
    assert "--photographs further --leave-out cube" in card["training_command"]
    assert str(tmp_path) not in str(card)
    assert list(bundle.history["epoch"]) == [1, 2] and {"val_loss", "val_accuracy"} <= set(bundle.history)
    assert card["left_out"]["contents"] == ["cube"] and card["left_out"]["images"] == 16
    assert card["test"]["images"] == card["metrics"]["images"] == len(bundle.predictions)
    assert card["test"]["accuracy"]["value"] == pytest.approx(card["metrics"]["accuracy"], abs=1e-3)
    assert card["robustness"]["as they are"]["accuracy"] == card["test"]["accuracy"]["value"]
    assert 0 <= card["baseline"]["photo_balanced_accuracy"]["low"] <= 1
    assert main(["train", "photo", "--data", str(tmp_path / "set"), "--output", str(output), "--leave-out", "sky"]) == 2


def test_softening_divides_the_logits():
    logits = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, activation="softmax", name="predictions")])
    model.layers[-1].set_weights([np.eye(4), np.full(4, 0.3)])
    soften(model, 2.5)
    expected = np.exp((logits + 0.3) / 2.5)
    assert np.allclose(model.predict_on_batch(logits), expected / expected.sum(axis=1, keepdims=True), atol=1e-5)
