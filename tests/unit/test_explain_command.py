from pathlib import Path

import keras
import matplotlib.image
import numpy as np
import pandas as pd
import pytest

from imagecourse.cli import main
from imagecourse.commands.explain import _wanted
from imagecourse.images import write_image
from imagecourse.networks.architectures import photo_cnn
from imagecourse.networks.saving import Card, save_bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    """The folder of a small network that was never trained."""
    keras.utils.set_random_seed(0)
    model, labels = photo_cnn(2, image_size=32), ["dark", "light"]
    card = Card("photo", "none", "none", "none", 0, {})
    folder = tmp_path_factory.mktemp("models") / "untrained"
    return save_bundle(folder, model, labels, card, pd.DataFrame({"epoch": [1]}), pd.DataFrame({"file": ["a"]}))


@pytest.fixture
def picture(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "picture.png"
    write_image(path, np.random.default_rng(0).integers(0, 256, (60, 90, 3)).astype(np.uint8))
    return path


def test_a_figure_for_the_most_probable_label(picture, bundle, tmp_path, capsys):
    figure = tmp_path / "out" / "figure.png"
    assert main(["explain", "-i", str(picture), "-m", str(bundle), "-o", str(figure)]) == 0
    assert capsys.readouterr().out.strip() == str(figure)
    height, width, _ = matplotlib.image.imread(figure).shape
    assert width > 1.5 * height
    assert [path.name for path in figure.parent.iterdir()] == ["figure.png"]


@pytest.mark.parametrize("labels", [["--label", "dark,light"], ["--label", "light", "--label", "dark"]])
def test_a_sheet_of_several_labels_has_more_panels(picture, bundle, tmp_path, labels):
    common = ["explain", "-i", str(picture), "-m", str(bundle), "--method", "gradient"]
    assert main([*common, "-o", "one.png"]) == 0
    assert main([*common, *labels, "-o", "two.png"]) == 0
    one, two = (matplotlib.image.imread(tmp_path / name) for name in ("one.png", "two.png"))
    assert two.shape[1] > 1.3 * one.shape[1]


def test_all_methods_on_one_sheet(picture, bundle, tmp_path):
    assert main(["explain", "-i", str(picture), "-m", str(bundle), "--all", "-o", "all.png"]) == 0
    assert matplotlib.image.imread(tmp_path / "all.png").shape[0] > 300


def test_a_damaged_picture_is_named_and_the_status_is_1(picture, bundle, capsys):
    picture.write_bytes(b"")
    assert main(["explain", "-i", str(picture), "-m", str(bundle), "-o", "out.png"]) == 1
    assert capsys.readouterr().err == f"{picture}: the file is empty; copy it again from its source\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "magic"], "--method magic: no such method; choose one of gradient, "),
        (["--label", "dark,blue"], "--label 'blue': no such label; choose from dark, light"),
        (["-o", "out.jpg"], "out.jpg: no such format for a figure; let the name end in .png"),
        (["-o", "picture.png"], "picture.png: is the input"),
        (["-i", "missing.png"], "missing.png: no such file"),
        (["-i", "."], ".: is a folder; name one image in it"),
        (["-m", "no-such-model"], "no-such-model: no such model folder"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(picture, bundle, tmp_path, capsys, options, message):
    before = picture.read_bytes()
    common = ["explain", "-i", "picture.png", "-m", str(bundle), "-o", "out.png"]
    assert main([*common, *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert picture.read_bytes() == before
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "labels", [["tench, Tinca tinca"], ["tench, Tinca tinca,dark"], ["dark", "tench, Tinca tinca"]]
)
def test_a_label_with_a_comma_is_one_label(labels):
    wanted = ["dark", "tench, Tinca tinca"]
    assert sorted(_wanted(labels, wanted)) == sorted({*wanted} if len(labels) > 1 or "dark" in labels[0] else labels)


def test_a_label_that_is_none_is_told_with_those_that_there_are():
    with pytest.raises(ValueError, match="--label 'Tinca': no such label; choose from tench, Tinca tinca, dark"):
        _wanted(["dark,Tinca"], ["tench, Tinca tinca", "dark"])
