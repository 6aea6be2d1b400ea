import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.datasets import choose_classes, read_dataset
from imagecourse.evaluation.comparison import (
    Split,
    confused_pairs,
    draw_per_class,
    folds,
    learning_curve,
    mean_over_splits,
    paired_comparison,
    repeated_splits,
    top_figures,
    top_k_right,
)
from imagecourse.images import read_image, write_image
from imagecourse.networks import transfer
from imagecourse.networks.architectures import breed_cnn
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.imagenet import DOG_CLASSES, imagenet_columns, imagenet_head
from imagecourse.networks.predict import predict_files
from imagecourse.recipes import COMPARISONS, EXPLANATIONS, TrainingRequest
from imagecourse.recipes.backbone_tables import compare_backbones
from imagecourse.recipes.breed_explanations import explain_some
from imagecourse.recipes.breed_tables import TableSettings
from imagecourse.recipes.breeds import BreedRecipe
from imagecourse.recipes.comparisons import PATIENCE, compare_regimes
from imagecourse.samples.breeds import write_breeds
from imagecourse.samples.characters import BREEDS

LITE = "efficientnet_lite0"


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGECOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def train(folder, output, *options) -> int:
    given = ["--data", str(folder), "--output", str(output), "--backbone", LITE, "--image-size", "32"]
    return main(["train", "breeds", *given, *options])


def test_the_sample_holds_ten_breeds_in_equal_numbers(tmp_path):
    table = read_dataset(write_breeds(tmp_path / "kennel", per_breed=2, image_size=48)).table
    assert table["label"].value_counts().to_dict() == dict.fromkeys(BREEDS, 2)
    assert all(read_image(file).shape == (48, 48, 3) for file in table["file"])
    again = write_breeds(tmp_path / "again", per_breed=1, image_size=48) / "Bell Tikkara" / "0001.png"
    assert again.read_bytes() == (tmp_path / "kennel" / "Bell Tikkara" / "0001.png").read_bytes()
    with pytest.raises(FileExistsError, match="another folder"):
        write_breeds(tmp_path / "kennel")


@pytest.fixture(scope="module")
def frozen_model(shades, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "frozen"
    assert train(shades, folder, "--epochs", "2") == 0
    return load_bundle(folder)


def check_answers(bundle, shades):
    assert list(bundle.history["epoch"]) == [1, 2] and "val_accuracy" in bundle.history
    assert bundle.card["test"]["top5"]["value"] == 1 and bundle.model.input_shape == (None, 32, 32, 3)
    answers = next(predict_files(bundle, [shades / file for file in bundle.predictions["file"]]))
    np.testing.assert_allclose(answers[["dark", "light"]], bundle.predictions[["dark", "light"]], atol=2e-3)


def test_a_saved_model_answers_as_its_file_says(shades, frozen_model):
    check_answers(frozen_model, shades)
    assert [path.name for path in frozen_model.folder.parent.iterdir()] == ["frozen"]


@pytest.mark.parametrize("regime", ["mlp", "finetuned", "scratch"])
def test_so_does_every_other_regime(shades, tmp_path, regime):
    assert train(shades, tmp_path / "model", "--regime", regime, "--epochs", "2") == 0
    bundle = load_bundle(tmp_path / "model")
    assert bundle.card["regime"] == regime
    check_answers(bundle, shades)


def test_fine_tuning_moves_the_last_blocks_and_no_statistics(shades):
    files = sorted(map(str, shades.rglob("*.png")))
    targets = np.array(["light" in file for file in files], int)
    network = transfer.borrow(LITE, "finetuned", 2, 32, seed=1)
    before = {layer.name: layer.get_weights() for layer in network.whole.layers}
    transfer.learn(network, "finetuned", transfer.both_views(network.trunk, files), targets, seed=1, epochs=1)
    moved = {
        layer.name
        for layer in network.whole.layers
        if any(not np.array_equal(*pair) for pair in zip(before[layer.name], layer.get_weights(), strict=True))
    }
    assert "block7a_project_conv" in moved and "predictions" in moved
    assert not any(name.startswith(("stem", "block1", "block5", "block6a")) or name.endswith("_bn") for name in moved)


def test_the_network_from_scratch_is_nearly_all_dense_layer():
    model = breed_cnn(10, image_size=32, seed=3)
    by_layer = {layer.name: layer.count_params() for layer in model.layers}
    assert (by_layer["conv1"], by_layer["conv2"], by_layer["dense"]) == (896, 18496, 8 * 8 * 64 * 256 + 256)
    assert [layer.name for layer in model.layers][2:7] == ["conv1", "pool1", "conv2", "pool2", "flatten"]
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3))
    answers = model.predict_on_batch(images)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(answers, breed_cnn(10, image_size=32, seed=3).predict_on_batch(images))
    with pytest.raises(ValueError, match="classes: 1 is too few"):
        breed_cnn(1)


def test_a_linear_head_has_one_weight_per_feature_and_class():
    network = transfer.borrow(LITE, "frozen", 7, 32, seed=1)
    assert network.top.count_params() == (1280 + 1) * 7
    with pytest.raises(ValueError, match="borrows nothing"):
        transfer.borrow(LITE, "scratch", 7)


def test_a_second_training_looks_at_no_picture_again(shades, frozen_model, tmp_path, monkeypatch):
    def fail(*_):
        raise AssertionError("the network ran again")

    monkeypatch.setattr("imagecourse.networks.features.forward", fail)
    assert train(shades, tmp_path / "second", "--epochs", "2") == 0
    pd.testing.assert_frame_equal(load_bundle(tmp_path / "second").predictions, frozen_model.predictions)


def test_classes_are_chosen_by_their_training_pictures(tmp_path):
    dataset = read_dataset(write_breeds(tmp_path / "kennel", per_breed=12, image_size=48))
    rows = dataset.table[~((dataset.table["label"] == "Bell Tikkara") & (dataset.table.index % 3 > 0))]
    dataset = type(dataset)(dataset.root, dataset.layout, rows, [])
    chosen = choose_classes(dataset, min_images=6, max_images=5)
    assert len(chosen.classes) == 9 and "Bell Tikkara" not in chosen.classes
    counts = chosen.table.groupby(["split", "label"]).size()
    assert set(counts["train"]) == {5}
    test_rows = (rows["split"] == "test") & (rows["label"] != "Bell Tikkara")
    assert counts["test"].sum() == test_rows.sum()
    with pytest.raises(ValueError, match="at least two classes"):
        choose_classes(dataset, min_images=100)


def test_all_tables_on_the_card(shades, tmp_path, small_backbones):
    """Small networks and few pictures: that every table is there and complete, not what it says."""
    other = shutil.copytree(shades, tmp_path / "others")
    request = TrainingRequest("breeds", str(shades), tmp_path / "model", epochs=1, image_size=32)
    recipe = BreedRecipe(request, LITE, max_images=12, compare=[*COMPARISONS, EXPLANATIONS], other_data=[other])
    recipe.tables = TableSettings(
        backbones=[LITE],
        regimes=["frozen"],
        regime_epochs=1,
        repeats=2,
        frozen_sizes=(32, 64),
        scratch_size=16,
        scratch_epochs=1,
        pool=10,
        own_scratch_size=32,
        own_scratch_epochs=1,
    )
    recipe.train()
    card = load_bundle(tmp_path / "model").card
    tables = card["comparisons"]
    assert list(tables) == list(COMPARISONS)
    assert card["explanations"]
    assert [row["backbone"] for row in tables["backbones"]["rows"]] == [LITE]
    assert len(tables["backbones"]["notes"]) == 9 and "vgg16" in str(tables["backbones"]["notes"])
    assert [(row["regime"], row["epochs"], row["most_epochs"]) for row in tables["regimes"]] == [("frozen", 1, 1)]
    assert all("change_low" in row for row in tables["preparations"]["scratch"])
    assert [len(tables["preparations"][name]) for name in ("frozen", "scratch")] == [7, 6]
    assert [row["images_per_class"] for row in tables["learning-curve"]][:3] == [1, 2, 5]
    assert tables["learning-curve"][-1]["all"]
    assert np.sum(tables["from-scratch"]["confusion_matrix"]) > 0
    assert tables["kinds-of-data"][0]["data"] == "others"
    json.dumps(tables, allow_nan=False)


def test_stored_explanations_say_where_and_how_well(frozen_model, shades):
    """Twice as many pictures as classes: two of each, with numbers that can be drawn."""
    bundle, files = frozen_model, sorted(map(str, shades.rglob("*.png")))
    truth = np.array(["light" in file for file in files], int)
    entries = explain_some(bundle.model, bundle.labels, files, truth, seed=1, count=4)
    assert sorted(entry["truth"] for entry in entries) == ["dark", "dark", "light", "light"]
    maps = [np.array([line.split() for line in entry["map"]], int) for entry in entries]
    assert all(each.min() >= 0 and each.max() in (0, 99) for each in maps)
    names = {f"{kind}: {name}" for kind in ("insertion", "deletion")
             for name in ("Grad-CAM", "centre blob", "random map")}  # fmt: skip
    assert all(set(entry["areas"]) == names for entry in entries)
    assert all(0 <= area <= 1 for entry in entries for area in entry["areas"].values())
    assert entries == explain_some(bundle.model, bundle.labels, files, truth, seed=1, count=4)
    json.dumps(entries, allow_nan=False)


def test_top_k_counts_the_k_highest():
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.4, 0.35, 0.25]])
    truth = np.array([0, 0, 1])
    assert top_k_right(truth, scores, 1).tolist() == [True, False, False]
    assert top_k_right(truth, scores, 2).tolist() == [True, False, True]
    found = top_figures(truth, scores)
    assert found["top1"]["value"] == 0.3333 and found["top5"]["value"] == 1
    assert found["top1"]["low"] < 0.3333 < found["top1"]["high"]


def test_repeated_splits_hold_every_class_and_do_not_overlap():
    targets = np.repeat([0, 1, 2], [10, 20, 70])
    for split in repeated_splits(targets, 4, seed=1):
        assert not set(split.train) & set(split.held_out)
        assert np.bincount(targets[split.held_out]).tolist() == [2, 4, 14]


def test_folds_hold_every_row_out_once():
    targets = np.repeat([0, 1, 2], [10, 20, 70])
    splits = folds(targets, 5, seed=1)
    assert sorted(np.concatenate([split.held_out for split in splits])) == list(range(100))
    assert all(np.bincount(targets[split.held_out]).tolist() == [2, 4, 14] for split in splits)


def test_the_paired_test_counts_where_two_differ():
    """Ten pictures that only the second gets right, two that only the first does, ninety that say nothing."""
    first = np.repeat([False, True, True, False], [10, 2, 50, 40])
    second = np.repeat([True, False, True, False], [10, 2, 50, 40])
    paired = paired_comparison(first, second)
    assert (paired.only_first, paired.only_second) == (2, 10)
    assert paired.chance == pytest.approx(2 * (1 + 12 + 66) / 2**12)
    assert paired.difference.value == pytest.approx(8 / 102)
    assert paired.difference.low > 0
    back = paired_comparison(second, first).difference
    assert (back.value, back.low) == pytest.approx((-paired.difference.value, -paired.difference.high))
    unclear = paired_comparison(np.repeat([True, False], [2, 9]), np.repeat([False, True], [2, 9]))
    assert unclear.chance > 0.05 and unclear.difference.low < 0 < unclear.difference.high
    same = paired_comparison(first, first)
    assert same.chance == 1 and same.difference.low < 0 < same.difference.high


def test_two_equal_classifiers_are_told_apart_as_often_as_the_test_says():
    rng = np.random.default_rng(0)
    answers = rng.random((400, 2, 200)) < 0.7
    apart = sum(paired_comparison(*pair).chance < 0.05 for pair in answers)
    assert apart <= 0.06 * 400


def test_the_interval_of_repeated_splits_is_that_of_nadeau_and_bengio():
    splits = [Split(np.arange(400), np.arange(400, 500))] * 3
    margin = 4.3027 * np.sqrt(0.01 * (1 / 3 + 0.25))  # Student's t at 97.5 %, two degrees of freedom
    assert mean_over_splits([0.4, 0.5, 0.6], splits) == pytest.approx((0.5, 0.5 - margin, 0.5 + margin), abs=1e-4)


@pytest.mark.parametrize("values", [[0.9], [0.9, 0.9, 0.9]])
def test_equal_values_still_have_an_interval(values):
    splits = [Split(np.arange(400), np.arange(400, 500))] * len(values)
    margin = 1.96 * np.sqrt(0.09 / 100 * (1 / len(values) + 0.25))
    assert mean_over_splits(values, splits) == pytest.approx((0.9, 0.9 - margin, 0.9 + margin), abs=1e-4)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    """Against simulation: the accuracy of guessing is known."""
    rng = np.random.default_rng(0)
    covered = 0
    for repeat in range(200):
        targets = rng.integers(0, 2, 100)
        splits = repeated_splits(targets, 5, seed=repeat)
        right = rng.integers(0, 2, 100) == targets
        estimate = mean_over_splits([right[split.held_out].mean() for split in splits], splits)
        covered += estimate.low <= 0.5 <= estimate.high
    assert covered >= 180


def blobs(classes: int, per_class: int, spread: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    targets = np.repeat(np.arange(classes), per_class)
    return rng.normal(0, 1, (classes, 8))[targets] + rng.normal(0, spread, (len(targets), 8)), targets


def test_more_pictures_a_class_help_on_the_learning_curve():
    features, targets = blobs(4, 30, 1.0)
    curve = learning_curve(features, targets, repeated_splits(targets, 6, seed=0))
    assert curve["images_per_class"].tolist() == [1, 2, 5, 10, 20, 24] and curve["all"].tolist() == [False] * 5 + [True]
    assert curve["accuracy"].iloc[0] + 0.1 < curve["accuracy"].iloc[-1]
    assert (curve["accuracy_low"] <= curve["accuracy"]).all() and (curve["accuracy"] <= curve["accuracy_high"]).all()


def test_rows_are_drawn_per_class():
    targets = np.array([0] * 10 + [1] * 3)
    drawn = draw_per_class(targets, np.arange(2, 13), 4, seed=1)
    assert np.bincount(targets[drawn]).tolist() == [4, 3] and drawn.min() >= 2


def test_confused_pairs_count_mistakes_by_direction():
    table = confused_pairs(list("aaaabbc"), list("abbcbac"), count=2)
    assert table.values.tolist() == [["a", "b", 2, 0.5], ["a", "c", 1, 0.25]]


def test_a_backbone_without_weights_is_a_note(monkeypatch, shades):
    monkeypatch.setattr("imagecourse.networks.backbones._installed_weights", lambda name: None)
    files = list(map(str, shades.rglob("*.png")))
    table, notes = compare_backbones([LITE], files, np.zeros(len(files), int), [])
    assert table.empty and notes[0].startswith(f"left out: {LITE}: its weights are not installed")


def test_every_regime_is_trained_until_it_gets_no_better(shades):
    """Patience counts from the best epoch, so a training that ends before the last one allowed was long enough."""
    files = sorted(map(str, shades.rglob("*.png")))
    targets = np.array(["light" in file for file in files], int)
    splits = folds(targets, 2, seed=1)
    table = compare_regimes(LITE, files, targets, splits, seed=1, image_size=32, epochs=60, regimes=["frozen", "mlp"])
    assert (table["epochs"] < 60).all() and (table["most_epochs"] == 60).all()
    assert (table["epochs"] > PATIENCE).all() and table["accuracy"].between(0, 1).all()
    assert table["change"].tolist()[0] == 0 and (table["change_low"] <= table["change"]).all()


def test_the_imagenet_class_of_a_breed_is_its_place_among_wordnet_numbers():
    files = ["Images/n02085620-Chihuahua/1.jpg", "Images/n02110627-affenpinscher/2.jpg", "Images/n02115641-dingo/3.jpg"]
    assert imagenet_columns(files, np.arange(3)).tolist() == [151, 252, 273]
    assert len(DOG_CLASSES) == 121 and sorted(DOG_CLASSES.values()) == [*range(151, 269), 273, 274, 275]
    assert imagenet_columns(["kennel/Bell Tikkara/1.png"], np.zeros(1, int)) is None


def red_or_blue_classifier() -> keras.Model:
    """Chihuahua for red, affenpinscher for blue, and always most sure of a class that is no breed."""
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Dense(1000)(keras.layers.GlobalAveragePooling2D()(inputs))
    kernel, bias = np.zeros((3, 1000), np.float32), np.zeros(1000, np.float32)
    kernel[0, 151] = kernel[2, 252] = 1
    bias[5] = 1e4
    model = keras.Model(inputs, outputs, name="red_or_blue")
    model.set_weights([kernel, bias])
    return model


def test_the_backbones_own_classifier_chooses_among_the_breeds_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("imagecourse.networks.imagenet.imagenet_classifier", lambda name: red_or_blue_classifier())
    files = []
    for folder, colours in (("n02085620-Chihuahua", "rrb"), ("n02110627-affenpinscher", "bbb")):
        (tmp_path / folder).mkdir()
        for number, colour in enumerate(colours):
            files.append(str(tmp_path / folder / f"{number}.png"))
            pixel = (200 + number, 0, 0) if colour == "r" else (0, 0, 200 + number)
            write_image(files[-1], np.full((8, 8, 3), pixel, np.uint8))
    found = imagenet_head("any", files, np.repeat([0, 1], 3))
    assert found["top1"]["value"] == pytest.approx(5 / 6, abs=1e-4) and found["top5"]["value"] == 1
    renamed = [file.replace("n02110627-", "") for file in files]
    assert imagenet_head("any", renamed, np.repeat([0, 1], 3)) is None
