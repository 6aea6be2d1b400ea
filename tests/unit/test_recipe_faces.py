"""The recipe for faces, in small: from a folder of drawn faces to a model folder."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.evaluation.ages import coverage_of
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.faces import face_network
from imagecourse.recipes import faces
from imagecourse.recipes.face_learning import FaceBatches, FaceSettings
from imagecourse.recipes.face_views import face_view
from imagecourse.samples.faces import write_faces


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(faces.FaceRecipe, "sizes", replace(FaceSettings(), image_size=32, epochs=1, batch_size=16))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = write_faces(tmp_path_factory.mktemp("data") / "people", 160, seed=1)
    first = min(folder.glob("*_0001.png"), default=next(folder.glob("*.png")))
    (folder / f"1_{first.name.split('_', 1)[1]}").write_bytes(first.read_bytes())
    (folder / "33_0_1_20170101000000000.jpg").write_bytes(b"no picture")
    return folder


def test_both_targets_from_a_folder_with_a_bad_file(folder, tmp_path, capsys):
    output = tmp_path / "models" / "own"
    assert main(["train", "faces", "--data", str(folder), "--output", str(output)]) == 0
    assert "left out" in capsys.readouterr().err
    bundle = load_bundle(output)
    assert bundle.labels == ["age", "age_low", "age_high", "gender"]
    card, answers = bundle.card, bundle.predictions
    assert card["training_command"].startswith("imagecourse train faces --data people --output models/own")
    assert card["metrics"]["images"] == len(answers) > 10
    assert card["metrics"]["interval_coverage"] == pytest.approx(
        coverage_of(answers["true_age"], answers["age_low"], answers["age_high"]), abs=1e-4
    )
    assert sum(band["images"] for band in card["interval"]["coverage_by_age"]) == len(answers)
    assert {"true_age", "true_gender", "gender_probability", "group", "brightness", "sharpness", "size"} <= set(answers)
    assert card["baseline"]["mae"] > 0 and "looks" in card["limits"]
    assert list(bundle.history["epoch"]) == [1] and "val_gender_accuracy" in bundle.history
    assert not (output.parent / ".own.training").exists()


def test_one_target_and_a_training_that_goes_on(folder, tmp_path, monkeypatch, small_backbones):
    output = tmp_path / "gender"
    command = ["train", "faces", "--data", str(folder), "--output", str(output), "--target", "gender", "--epochs", "2"]
    with monkeypatch.context() as patch:
        patch.setattr(faces, "calibrated", _interrupted)
        assert main(command) == 130
    kept = json.loads((tmp_path / ".gender.training" / "settings.json").read_text())
    assert kept["target"] == "gender" and kept["epochs"] == 2
    assert main([*command, "--resume"]) == 0
    bundle = load_bundle(output)
    assert bundle.labels == ["gender"] and len(bundle.history) == 2
    assert "age" not in bundle.predictions and "gender_accuracy" in bundle.card["metrics"]


def _interrupted(*_):
    raise KeyboardInterrupt


def test_other_data_is_refused(shades, tmp_path, capsys):
    assert main(["train", "faces", "--data", str(shades), "--output", str(tmp_path / "m")]) == 2
    assert "name files AGE_GENDER_RACE_DATETIME.jpg" in capsys.readouterr().err
    few = write_faces(tmp_path / "few", 4)
    assert main(["train", "faces", "--data", str(few), "--output", str(tmp_path / "m")]) == 2
    assert "too few faces" in capsys.readouterr().err
    assert main(["train", "faces", "--data", str(few), "--backbone", "vgg16"]) == 2


def test_views_keep_shape_and_are_drawn_anew():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    kept = image.copy()
    views = [face_view(image, np.random.default_rng(seed)) for seed in range(20)]
    assert all(view.shape == image.shape and view.dtype == np.uint8 for view in views)
    assert (image == kept).all() and len({view.tobytes() for view in views}) == 20


def test_batches_are_whole_and_every_picture_comes_at_most_once_an_epoch():
    images = np.zeros((10, 8, 8, 3), np.uint8)
    batches = FaceBatches(images, {"age": np.arange(10.0)[:, None]}, 4, seed=1)
    seen = [batches[number][1]["age"][:, 0].tolist() for number in range(len(batches))]
    assert len(batches) == 2 and len({age for part in seen for age in part}) == 8
    batches.on_epoch_end()
    assert [batches[number][1]["age"][:, 0].tolist() for number in range(2)] != seen


def test_calibration_reaches_the_coverage_on_its_own_pictures():
    images, rows = _pictures(200, 3)
    answers = faces.calibrated(face_network(image_size=32, seed=1), images, rows).predict(images, verbose=0)
    covered = coverage_of(rows["age"], answers["age_low"][:, 0], answers["age_high"][:, 0])
    assert 0.78 <= covered <= 0.84


def _pictures(count, seed):
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame({"age": rng.integers(0, 90, count), "gender": rng.integers(0, 2, count)})
    return rng.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8), rows
