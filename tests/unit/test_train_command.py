import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.predict import predict_files

SMALL = ["--network", "scratch", "--image-size", "32"]


def test_a_killed_training_resumes_to_its_full_length(shades, tmp_path, capsys):
    output = tmp_path / "models" / "killed"
    history = tmp_path / "models" / ".killed.training" / "seed_42" / "history.csv"
    arguments = ["train", "classifier", "--data", str(shades), "--output", str(output), *SMALL, "--epochs"]
    process = subprocess.Popen([sys.executable, "-m", "imagecourse", *arguments, "500"], stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not (history.exists() and len(history.read_text().splitlines()) > 2):
        assert process.poll() is None, process.stderr.read().decode()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists()
    finished = len(pd.read_csv(history))
    assert main([*arguments, str(finished + 2), "--resume"]) == 0
    assert capsys.readouterr().out.strip() == str(output)
    bundle = load_bundle(output)
    assert list(bundle.history["epoch"]) == list(range(1, finished + 3))
    assert np.isfinite(bundle.model.predict_on_batch(np.zeros((1, 32, 32, 3)))).all()
    assert [path.name for path in output.parent.iterdir()] == ["killed"]


def test_a_head_on_a_frozen_backbone(shades, tmp_path, monkeypatch):
    monkeypatch.setenv("IMAGECOURSE_CACHE", str(tmp_path / "cache"))
    output = tmp_path / "head"
    options = ["--network", "efficientnet_lite0", "--image-size", "32", "--epochs", "4", "--output", str(output)]
    assert main(["train", "photo", "--data", str(shades), *options]) == 0
    bundle = load_bundle(output)
    assert bundle.card["training_command"].endswith("--network efficientnet_lite0")
    assert (len(bundle.history), bundle.model.input_shape) == (4, (None, 32, 32, 3))
    files = [shades / file for file in bundle.predictions["file"]]
    answers = next(predict_files(bundle, files))
    np.testing.assert_allclose(answers[["dark", "light"]], bundle.predictions[["dark", "light"]], atol=1e-4)
    caches = list((tmp_path / "cache").glob("features_efficientnet_lite0_*.sqlite"))
    assert len(caches) == 2  # the model's features at 32 pixels, the baseline's at 224


def train_on(folder, tmp_path) -> int:
    return main(
        ["train", "classifier", "--data", str(folder), "--output", str(tmp_path / "model"), *SMALL, "--epochs", "1"]
    )


@pytest.mark.parametrize(
    ("remove", "add", "message"),
    [
        ("light", None, "only the class dark"),
        (None, "middle", "no images in the class middle"),
    ],
)
def test_sets_that_teach_nothing_are_one_line(shades, tmp_path, capsys, remove, add, message):
    folder = shutil.copytree(shades, tmp_path / "set")
    if remove:
        shutil.rmtree(folder / remove)
    if add:
        (folder / add).mkdir()
    assert train_on(folder, tmp_path) == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert len(printed.splitlines()) == 1
    assert not (tmp_path / "model").exists()


def test_a_damaged_picture_is_named_and_left_out(shades, tmp_path, capsys):
    folder = shutil.copytree(shades, tmp_path / "set")
    (folder / "dark" / "dark5.png").write_bytes(b"no picture")
    assert train_on(folder, tmp_path) == 0
    assert f"left out: {folder}/dark/dark5.png: not an image" in capsys.readouterr().err


def test_other_settings_do_not_resume(shades, tmp_path, capsys):
    (tmp_path / ".model.training").mkdir()
    (tmp_path / ".model.training/settings.json").write_text('{"seed": 1}')
    options = ["--data", str(shades), "--output", str(tmp_path / "model"), "--resume", *SMALL]
    assert main(["train", "classifier", *options]) == 2
    assert "begun with other settings" in capsys.readouterr().err


def test_an_unknown_network_is_refused_before_training(shades, tmp_path, capsys):
    options = ["--data", str(shades), "--output", str(tmp_path / "model"), "--network", "alexnet"]
    assert main(["train", "classifier", *options]) == 2
    assert "'alexnet'" in capsys.readouterr().err
