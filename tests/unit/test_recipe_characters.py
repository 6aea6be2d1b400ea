import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.evaluation import mean_with_interval
from imagecourse.images import read_image, write_image
from imagecourse.networks.architectures import character_augmentation, character_cnn
from imagecourse.networks.bundles import is_multi_label, load_bundle
from imagecourse.networks.saving import round_to_half
from imagecourse.networks.scratch import train_character_cnn
from imagecourse.recipes.character_views import varied_view
from imagecourse.recipes.characters import NETWORKS, CharacterRecipe
from imagecourse.recipes.common import Training
from imagecourse.recipes.learning import learn_borrowed, soften
from imagecourse.recipes.measuring import multi_figures, over_seeds, single_figures
from imagecourse.samples.characters import write_characters, write_scenes

SMALL = ["--image-size", "32", "--epochs", "1"]


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGECOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def characters(tmp_path_factory) -> Path:
    """Sample characters without a test split, as scraped sets come, and a copy of a validation picture in train."""
    folder = write_characters(tmp_path_factory.mktemp("data") / "some characters", count=40, image_size=48)
    shutil.rmtree(folder / "test")
    copied = next((folder / "validation").glob("*/*.png"))
    shutil.copy(copied, folder / "train" / copied.parent.name / "copied.png")
    return folder


def run(data, output: Path, *options: str) -> int:
    return main(["train", "characters", "--data", str(data), "--output", str(output), *SMALL, *options])


@pytest.mark.parametrize("mode", ["single", "multi"])
def test_notebook_and_command_line_train_the_same_network(tmp_path, mode):
    """In mode single from the sample itself, else from a smaller one."""
    if mode == "single":
        data, folder = "sample", write_characters(tmp_path / "sample", seed=7)
    else:
        data = folder = write_scenes(tmp_path / "scenes", count=20, image_size=48)
    model, history = train_character_cnn(read_dataset(folder), mode, image_size=32, epochs=1, seed=7)
    assert run(data, tmp_path / "model", "--mode", mode, "--network", "character_cnn", "--seed", "7") == 0
    bundle = load_bundle(tmp_path / "model")
    soften(model, bundle.card["temperature"])
    round_to_half(model)
    for ours, theirs in zip(model.get_weights(), bundle.model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    pd.testing.assert_frame_equal(history, bundle.history)
    metric = "accuracy" if mode == "single" else "binary_accuracy"
    assert {"loss", metric, f"val_{metric}"} <= set(history)
    assert is_multi_label(bundle.model) == (mode == "multi")


def test_a_pretrained_network_learns_above_its_cut(characters):
    training = Training(seed=0, epochs=2, image_size=32)
    model, history, _ = learn_borrowed(NETWORKS["fine_tuned"], read_dataset(characters), True, training, varied_view)
    assert model.input_shape == (None, 32, 32, 3) and is_multi_label(model)
    assert list(history["epoch"]) == [1, 2] and {"loss", "val_binary_accuracy"} <= set(history)


def test_the_card_of_two_seeds(characters, tmp_path):
    assert run(characters, tmp_path / "several words", "--network", "character_cnn", "--seeds", "2") == 0
    bundle = load_bundle(tmp_path / "several words")
    card = bundle.card
    assert str(tmp_path) not in str(card)
    assert card["training_command"].endswith("--mode single --network character_cnn --seeds 2")
    assert card["metrics"]["split"] == "validation" and card["metrics"]["images"] == len(bundle.predictions) == 8
    right = (bundle.predictions["truth"] == bundle.predictions["prediction"]).mean()
    figures = card["over_seeds"]
    assert figures["seeds"] == [42, 43] and len(figures["accuracy"]["each"]) == 2
    assert card["metrics"]["accuracy"] == pytest.approx(right) == pytest.approx(figures["accuracy"]["each"][0])
    assert figures["accuracy"]["low"] <= figures["accuracy"]["value"] <= figures["accuracy"]["high"]
    assert {"expected_calibration_error", "calibration_error_without_temperature"} <= set(figures)
    assert card["temperature"] > 0 and 0 <= card["baseline"]["low"] <= card["baseline"]["value"]
    assert card["copies"]["removed_from_train"] == 1 and "accuracy_with_copies" in card["copies"]
    assert not list(tmp_path.glob(".*"))


def test_pairs_teach_several_labels(characters, tmp_path):
    assert run(characters, tmp_path / "multi", "--mode", "multi", "--network", "character_cnn") == 0
    bundle = load_bundle(tmp_path / "multi")
    assert is_multi_label(bundle.model)
    assert list(bundle.card["thresholds"]) == bundle.labels
    assert all(0 < value < 1 for value in bundle.card["thresholds"].values())
    assert bundle.card["metrics"]["images"] == len(bundle.predictions) == 8 + 80
    assert bundle.predictions["file"].str.startswith("composed/").sum() == 80
    assert {"accuracy", "mean_average_precision", "all_found"} <= set(bundle.card["metrics"])
    assert set(bundle.predictions["truth"].str.split(" + ", regex=False).explode()) == set(bundle.labels)


def test_a_training_goes_on_where_it_was_stopped(shades, tmp_path, monkeypatch):
    kept = []

    def stopped(_recipe, _dataset, trained, _facts):
        kept.extend(trained[0].model.get_weights())
        raise KeyboardInterrupt

    options = ("--network", "character_cnn", "--epochs", "2")
    with monkeypatch.context() as patch:
        patch.setattr(CharacterRecipe, "_save", stopped)
        assert run(shades, tmp_path / "model", *options) != 0
    finished = tmp_path / ".model.training" / "seed_42" / "history.csv"
    assert len(pd.read_csv(finished)) == 2 and not (tmp_path / "model").exists()
    finished.write_text(finished.read_text().replace("0.001", "0.125"))  # a mark that a training anew would wipe out
    assert run(shades, tmp_path / "model", *options, "--resume") == 0
    bundle = load_bundle(tmp_path / "model")
    assert list(bundle.history["learning_rate"].round(3)) == [0.125, 0.001]
    assert all(map(np.array_equal, kept, bundle.model.get_weights()))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "vgg"], "'vgg': no such network"),
        (["--mode", "single", "--data", "scenes"], "train with --mode multi"),
        (["--data", "no split"], "no split validation or test"),
    ],
)
def test_wrong_usage_is_one_line(characters, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    write_scenes(tmp_path / "scenes", count=5, image_size=48)
    shutil.copytree(characters / "train", tmp_path / "no split" / "train")
    assert run(characters, tmp_path / "model", *options) == 2
    printed = capsys.readouterr().err
    assert message in printed and len(printed.splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_character_cnn_is_the_classic_one():
    model = character_cnn(4)
    names = ["conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "flatten", "dense1", "dropout", "output"]
    assert [layer.name for layer in model.layers][2:] == names
    assert [model.get_layer(f"conv{number}").filters for number in (1, 2, 3)] == [32, 32, 64]
    by_hand = [27 * 32 + 32, 288 * 32 + 32, 288 * 64 + 64, 17 * 17 * 64 * 64 + 64, 64 * 4 + 4]
    assert model.count_params() == sum(by_hand)
    images = np.random.default_rng(0).uniform(0, 255, (3, 150, 150, 3)).astype("float32")
    np.testing.assert_allclose(np.array(model(images)).sum(axis=1), 1, atol=1e-5)
    with pytest.raises(ValueError, match="image_size: 16 is too small"):
        character_cnn(4, image_size=16)


def test_augmentation_follows_its_seed_and_rests_outside_of_training():
    images = np.random.default_rng(0).uniform(0, 255, (4, 40, 40, 3)).astype("float32")
    changed, again, other = (np.array(character_augmentation(seed)(images, training=True)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(changed, again)
    assert np.abs(changed - other).max() > 50 and np.abs(changed - images).max() > 50
    assert changed.min() >= 0 and changed.max() <= 255
    np.testing.assert_array_equal(character_augmentation(1)(images, training=False), images)


def test_varied_views_differ_and_keep_the_colour(tmp_path):
    picture = np.full((30, 50, 3), (200, 60, 20), np.uint8)
    generator = np.random.default_rng(0)
    views = [varied_view(picture, generator) for _ in range(20)]
    assert len({view.shape for view in views}) > 10
    for view in views:
        red, green, blue = view.reshape(-1, 3).mean(axis=0)
        assert view.dtype == np.uint8 and red > green > blue
    write_image(tmp_path / "thin.png", picture[:1, :1])
    assert varied_view(read_image(tmp_path / "thin.png"), generator).size == 3


def test_figures_of_known_cases():
    truth, scores = np.array([0, 1, 1, 0]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]])
    assert single_figures(truth, scores, temperature=1.0)["accuracy"] == 0.75
    indicators = np.array([[1, 0], [0, 1], [1, 1], [1, 1]])
    answers = np.array([[0.9, 0.1], [0.6, 0.5], [0.8, 0.7], [0.9, 0.2]])
    figures = multi_figures(indicators, np.array([0.5, 0.5]), answers, temperature=1.0)
    assert (figures["accuracy"], figures["all_found"], figures["exactly_right"]) == (0.5, 0.5, 0.5)
    table = over_seeds([{"accuracy": 0.8}, {"accuracy": 0.9}, {"accuracy": 1.0}], [1, 2, 3])
    assert table["accuracy"]["each"] == [0.8, 0.9, 1.0]
    assert table["accuracy"]["value"] == 0.9
    assert table["accuracy"]["high"] == pytest.approx(0.9 + 4.3027 * 0.1 / 3**0.5, abs=1e-3)
    assert over_seeds([{"accuracy": 0.8}], [1])["accuracy"] == {"value": 0.8, "each": [0.8]}
    assert mean_with_interval([0.5, 0.5]) == (0.5, 0.5, 0.5)
