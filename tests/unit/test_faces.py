"""Networks with an age and a gender: their outputs, their training, their folders, and what predict makes of them."""

import json
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.images import read_image, write_image
from imagecourse.networks import predict
from imagecourse.networks.answers import annotate_copies, answer_text, as_csv, as_jsonl
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.detection import FaceBox, cut_face, find_faces
from imagecourse.networks.faces import face_network, soft_ages, spreads, with_interval
from imagecourse.networks.quick import quick_copy
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.samples import sample_photographs

OUTPUTS = ["age", "age_low", "age_high", "gender"]
ANSWERS = {"answers": {"gender": ["man", "woman"]}}


@pytest.fixture(scope="module")
def network():
    return face_network(image_size=32, seed=1)


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def folder(network, tmp_path_factory):
    model = with_interval(network, 1.5, 1.25)
    round_to_half(model)
    card = Card("faces", "drawn", "own", "imagecourse train faces", 1, {}, ANSWERS)
    empty = pd.DataFrame({"file": []})
    return save_bundle(tmp_path_factory.mktemp("models") / "faces", model, OUTPUTS, card, empty, empty)


def test_the_age_is_the_mean_of_the_distribution_and_the_interval_is_made_of_its_spread(network, pictures):
    inner, outer = network.predict(pictures, verbose=0), with_interval(network, 1.5, 1.25).predict(pictures, verbose=0)
    years = inner["age_distribution"]
    np.testing.assert_allclose(years.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(inner["age"][:, 0], years @ np.arange(117), rtol=1e-4)
    assert set(outer) == set(OUTPUTS)
    np.testing.assert_allclose(outer["age_high"], inner["age"] + 1.25 * spreads(years)[:, None], rtol=1e-4)
    np.testing.assert_allclose(outer["age_low"], np.maximum(inner["age"] - 1.5 * spreads(years)[:, None], 0), rtol=1e-3)


def test_the_spread_is_half_the_mean_distance_of_two_draws():
    even = np.zeros((1, 117))
    even[0, [20, 30]] = 0.5
    assert spreads(even)[0] == pytest.approx(2.5)  # half of: 0 or 10, each with one half
    bell = soft_ages(np.array([50]), 5.0)
    assert spreads(bell)[0] == pytest.approx(5 / np.sqrt(np.pi), rel=3e-3)


def test_soft_ages_are_bells_around_the_age_also_at_the_ends():
    targets = soft_ages(np.array([0, 40, 116]), 2.0)
    np.testing.assert_allclose(targets.sum(axis=1), 1, rtol=1e-6)
    assert targets.argmax(axis=1).tolist() == [0, 40, 116]
    assert targets[1, 39] == pytest.approx(targets[1, 41])


def test_one_target_has_its_own_outputs_only():
    assert set(with_interval(face_network(image_size=32, targets=("age",)), 1, 1).output) == {
        "age",
        "age_low",
        "age_high",
    }
    assert set(with_interval(face_network(image_size=32, targets=("gender",)), 0, 0).output) == {"gender"}


def test_the_quick_copy_computes_the_same_in_training_and_keeps_the_same_statistics():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.BatchNormalization(momentum=0.9, name="bn")(keras.layers.Conv2D(4, 3)(inputs))
    plain = keras.Model(inputs, x)
    quick = quick_copy(plain)
    images = np.random.default_rng(0).normal(3, 2, (6, 8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(quick(images, training=True), plain(images, training=True), atol=1e-4)
    for own, other in zip(quick.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(own, other, rtol=0.01)  # the variance of a sample, n - 1
    np.testing.assert_allclose(quick(images), plain(images), rtol=0.02, atol=0.02)


def test_a_folder_with_several_outputs_gives_the_same_answers_again(folder, network, pictures):
    bundle = load_bundle(folder)
    assert bundle.labels == OUTPUTS == bundle.card["outputs"]
    saved, before = (
        bundle.model.predict(pictures, verbose=0),
        with_interval(network, 1.5, 1.25).predict(pictures, verbose=0),
    )
    for name in OUTPUTS:
        np.testing.assert_allclose(saved[name], before[name], rtol=1e-3, atol=1e-2)


def test_labels_that_name_other_outputs_are_refused(folder, tmp_path):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "labels.txt").write_text("man\nwoman\n")
    with pytest.raises(ValueError, match="does not name the network's outputs; write age"):
        load_bundle(copy)


@pytest.fixture
def faces(tmp_path, pictures):
    for number, picture in enumerate(pictures[:2]):
        write_image(tmp_path / "faces" / f"{number}.png", picture)
    (tmp_path / "faces" / "9.jpg").write_bytes(b"no picture")
    return tmp_path / "faces"


def test_the_columns_are_the_outputs(folder, faces):
    bundle = load_bundle(folder)
    files = sorted(faces.iterdir())
    [table] = predict.predict_files(bundle, files)
    assert list(table) == ["file", "age", "age_low", "age_high", "gender", "gender_probability", "error"]
    assert (table["gender_probability"][:2] >= 0.5).all() and set(table["gender"][:2]) <= {"man", "woman"}
    assert table["gender"][2] == "" and np.isnan(table["age"][2]) and "not an image" in table["error"][2]
    inner = bundle.model.predict(np.stack([read_image(file) for file in files[:2]]), verbose=0)
    woman = np.where(table["gender"] == "woman", table["gender_probability"], 1 - table["gender_probability"])[:2]
    np.testing.assert_allclose(woman, inner["gender"][:, 0], rtol=1e-4)
    [unsure] = predict.predict_files(bundle, files, threshold=0.999)
    assert unsure["gender"].tolist() == ["", "", ""]
    assert "age" in predict.best_classes(table) and len(predict.best_classes(table).splitlines()) == 2


def test_each_face_found_has_a_row_with_its_box(folder, tmp_path, monkeypatch):
    boxes = {40: [FaceBox(2, 3, 10, 12, 0.99), FaceBox(25, 3, 9, 12, 0.95)], 20: []}
    monkeypatch.setattr(predict, "find_faces", lambda image: boxes[image.shape[1]])
    for name, width in (("a.png", 40), ("b.png", 20), ("c.png", 40)):
        write_image(tmp_path / "in" / name, np.random.default_rng(1).integers(0, 256, (30, width, 3)).astype(np.uint8))
    (tmp_path / "in" / "d.png").write_bytes(b"no picture")
    tables = list(
        predict.predict_files(load_bundle(folder), sorted((tmp_path / "in").iterdir()), batch_size=2, detect=True)
    )
    table = pd.concat(tables, ignore_index=True)
    assert [Path(file).name for file in table["file"]] == ["a.png", "a.png", "b.png", "c.png", "c.png", "d.png"]
    assert table["face"].tolist() == [1, 2, 0, 1, 2, 0]
    assert table["left"].tolist()[:2] == [2, 25] and table["left"].isna().tolist() == [
        False,
        False,
        True,
        False,
        False,
        True,
    ]
    assert table["error"][2].startswith("no face found") and not np.isnan(table["age"][0])
    assert json.loads(as_jsonl(table).splitlines()[2])["left"] is None and ",2,3,10,12," in as_csv(table, True)
    assert annotate_copies(table, tmp_path / "in", tmp_path / "out") == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "c.png"]
    drawn = read_image(tmp_path / "out" / "a.png")
    assert drawn[3, 2:12].tolist() == drawn[3, 25:34].tolist()[:1] * 10  # both frames, one colour


def test_what_is_written_on_a_copy_is_short():
    row = {
        "file": "a",
        "age": 31.4,
        "age_low": 23.6,
        "age_high": 39.1,
        "gender": "woman",
        "gender_probability": 0.97,
        "error": "",
    }
    assert answer_text(row) == "age 31 (24 to 39), woman"
    assert answer_text({"label": "", "confidence": 0.4}) == "unsure 40%"


def test_sorting_people_into_folders_is_refused(folder, faces, tmp_path, capsys):
    assert main(["predict", "-i", str(faces), "-m", str(folder), "--sort", str(tmp_path / "sorted")]) == 2
    assert "no classes to sort into" in capsys.readouterr().err and not (tmp_path / "sorted").exists()


def test_explain_draws_both_answers(folder, faces, tmp_path, capsys):
    figure = tmp_path / "figure.png"
    assert main(["explain", "-i", str(faces / "0.png"), "-m", str(folder), "-o", str(figure)]) == 0
    assert read_image(figure).shape[1] > 300
    assert main(["explain", "-i", str(faces / "0.png"), "-m", str(folder), "--label", "boy", "-o", str(figure)]) == 2
    assert "choose from man, woman, age" in capsys.readouterr().err.replace(
        "age, age_high, age_low, man, woman", "man, woman, age"
    )


def test_a_real_face_is_found_and_cut_as_a_square():
    photograph = read_image(sample_photographs()["astronaut"])
    [box] = find_faces(photograph)
    assert box.score > 0.9 and 150 < box.left + box.width / 2 < 300 and 60 < box.top + box.height / 2 < 180
    [doubled] = find_faces(np.repeat(np.repeat(photograph, 4, axis=0), 4, axis=1))
    assert abs(doubled.left / 4 - box.left) < 12 and abs(doubled.height / 4 - box.height) < 12
    assert find_faces(np.full((80, 80, 3), 127, np.uint8)) == []


def test_a_cut_over_the_edge_repeats_the_edge():
    image = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    cut = cut_face(image, FaceBox(-4, 12, 10, 14, 1.0))
    assert cut.shape == (14, 14, 3)
    assert (cut[0, 0] == image[12, 0]).all() and (cut[-1, -1] == image[19, 7]).all()
