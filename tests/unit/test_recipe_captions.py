"""From a folder with captions to a captioner, and the captioner at work; small networks on few drawn scenes."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from imagecourse.captioning.captioner import Encoder, caption_files, load_captioner
from imagecourse.captioning.decoders import Sizes
from imagecourse.captioning.learning import Learning
from imagecourse.captioning.writing import write
from imagecourse.cli import main
from imagecourse.images import read_image, write_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.recipes import captions
from imagecourse.samples.captioned import write_captioned

SMALL = captions.Settings(
    encoder=Encoder("efficientnet_lite0", 48, "block5c_add"),
    sizes=Sizes(words=16, units=32, places=16, dropout=0.0, layers=1, heads=2),
    learning=Learning(epochs=3, learning_rate=1e-2, batch_size=32),
    min_count=1,
    watched=5,
    beam=2,
)


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAGECOURSE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(captions, "STANDARD", SMALL)
        yield


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """Forty drawn scenes with French captions."""
    return write_captioned(tmp_path_factory.mktemp("data") / "scenes", "fr", count=40, image_size=48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, scenes):
    """A captioner trained on them; read only."""
    output = tmp_path_factory.mktemp("models") / "writer"
    options = ["--data", str(scenes), "--language", "fr", "--compare", "--output", str(output)]
    assert main(["train", "captions", *options]) == 0
    return output


def test_the_folder_is_plain_and_says_what_was_done(folder):
    names = {"architecture.json", "model.weights.h5", "vocabulary.txt", "card.json", "history.csv", "predictions.csv"}
    assert {path.name for path in folder.iterdir()} == names
    card = json.loads((folder / "card.json").read_text())
    command = "imagecourse train captions --data scenes --output models/writer --seed 42"
    assert card["training_command"] == f"{command} --decoder attention --language fr --compare"
    assert card["encoder"] == {"backbone": "efficientnet_lite0", "image_size": 48, "layer": "block5c_add"}
    assert card["pictures"] == {"train": 28, "validation": 6, "test": 6}
    assert set(card["table"]) >= {"attention", "pooled", "transformer", "nearest picture"}
    assert card["metrics"]["images"] == 6
    assert set(card["against_one_reference_less"]) == {"people", *card["table"]}
    assert card["test"]["cider"]["low"] <= card["test"]["cider"]["value"] <= card["test"]["cider"]["high"]
    history = pd.read_csv(folder / "history.csv")
    assert list(history["epoch"]) == [1, 2, 3] and history["loss"].iloc[2] < history["loss"].iloc[0]
    assert {"val_cider", "val_bleu_4", "seconds", "memory_mb"} <= set(history)


def test_what_was_measured_is_what_is_loaded(folder, scenes):
    captioner = load_captioner(folder)
    images = [read_image(scenes / file) for file in captioner.predictions["file"]]
    written, log_probability = captioner.describe(images, beam=2)
    assert written == captioner.predictions["caption"].fillna("").tolist()
    np.testing.assert_allclose(log_probability, captioner.predictions["log_probability"], atol=1e-3)
    assert captioner.vocabulary.language == "fr" and captioner.decoder.teacher.name == "attention"


def test_a_row_for_every_file_whatever_it_holds(folder, scenes, tmp_path, capsys):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(1, 36):
        shutil.copy(scenes / "Images" / f"{number:05d}.png", pictures)
    (pictures / "00000.png").write_bytes(b"no picture")
    (pictures / "99999.jpg").write_bytes(b"")
    output = tmp_path / "captions.csv"
    assert main(["caption", "-i", str(pictures), "-m", str(folder), "--output", str(output)]) == 1
    table = pd.read_csv(output, keep_default_na=False)
    assert list(table.columns) == ["file", "caption", "log_probability", "error"]
    assert [name.split("/")[-1] for name in table["file"]] == sorted(path.name for path in pictures.iterdir())
    bad = table["error"] != ""
    assert bad.tolist() == [True, *[False] * 35, True]
    assert (table.loc[bad, ["caption", "log_probability"]] == "").all(axis=None)
    assert table.loc[~bad, "log_probability"].astype(float).lt(0).all()
    assert capsys.readouterr().err.splitlines() == [f"{row.file}: {row.error}" for row in table[bad].itertuples()]
    alone = next(caption_files(load_captioner(folder), [pictures / "00003.png"]))
    assert alone["caption"].tolist() == table["caption"][3:4].tolist()


def test_the_beam_is_that_of_the_option(folder, scenes, capsys):
    picture = scenes / "Images" / "00001.png"
    assert main(["caption", "-i", str(picture), "-m", str(folder), "--beam", "1"]) == 0
    row = capsys.readouterr().out.splitlines()[1].split(",")
    captioner = load_captioner(folder)
    greedy = write(captioner.decoder, captioner.grids([read_image(picture)]), beam=1)
    assert float(row[2]) == pytest.approx(greedy.log_probability[0], abs=1e-3)
    with pytest.raises(SystemExit):
        main(["caption", "-i", str(picture), "--beam", "0"])
    assert "0 is out of range" in capsys.readouterr().err


def test_a_captioner_is_no_classifier_nor_the_other_way_round(folder, tiny_bundle, scenes, capsys):
    with pytest.raises(ValueError, match="use it with imagecourse caption"):
        load_bundle(folder)
    assert main(["caption", "-i", str(scenes / "Images"), "-m", str(tiny_bundle)]) == 2
    assert "has no vocabulary.txt, so it is no captioner" in capsys.readouterr().err


def change_card(folder):
    card = json.loads((folder / "card.json").read_text())
    del card["encoder"]
    (folder / "card.json").write_text(json.dumps(card))


def shorten_vocabulary(folder):
    lines = (folder / "vocabulary.txt").read_text().splitlines()
    (folder / "vocabulary.txt").write_text("\n".join(lines[:-1]) + "\n")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_card, "does not say which encoder"),
        (shorten_vocabulary, "copy the whole folder again"),
        (lambda folder: (folder / "model.weights.h5").write_bytes(b"x"), "model.weights.h5: damaged"),
        (lambda folder: (folder / "architecture.json").unlink(), "architecture.json: no such file"),
    ],
)
def test_a_damaged_folder_is_one_line(folder, scenes, tmp_path, capsys, damage, message):
    copy = shutil.copytree(folder, tmp_path / "copy")
    damage(copy)
    assert main(["caption", "-i", str(scenes / "Images"), "-m", str(copy)]) == 1
    printed = capsys.readouterr()
    assert message in printed.err and len(printed.err.splitlines()) == 1 and printed.out == ""


def test_copies_do_not_cross_the_splits(scenes, tmp_path):
    folder = shutil.copytree(scenes, tmp_path / "copies")
    shutil.copy(folder / "Images" / "00040.png", folder / "Images" / "00001.png")  # a test picture among those of train
    table = captions.captioned_dataset(folder).table
    assert "00001.png" not in {file.split("/")[-1] for file in table["file"]}
    assert table["split"].value_counts().to_dict() == {"train": 27, "validation": 6, "test": 6}


def test_an_interrupted_training_goes_on(scenes, tmp_path, monkeypatch):
    output = tmp_path / "resumed"
    arguments = ["train", "captions", "--data", str(scenes), "--output", str(output), "--epochs", "3"]
    save = keras.Model.save_weights

    def stop_after_two_epochs(model, path, *options, **more):
        if (path.parent / "2.weights.h5").exists():
            raise KeyboardInterrupt
        save(model, path, *options, **more)

    monkeypatch.setattr(keras.Model, "save_weights", stop_after_two_epochs)
    assert main(arguments) == 130
    assert not output.exists()
    kept = pd.read_csv(tmp_path / ".resumed.training" / "attention" / "history.csv")
    monkeypatch.undo()
    monkeypatch.setattr(captions, "STANDARD", SMALL)
    assert main([*arguments, "--resume"]) == 0
    history = load_captioner(output).history
    assert history["epoch"].tolist() == [1, 2, 3]
    pd.testing.assert_frame_equal(history.iloc[: len(kept)], kept)
    assert not (tmp_path / ".resumed.training").exists()


def test_data_without_captions_is_one_line(shades, tmp_path, capsys):
    assert main(["train", "captions", "--data", str(shades), "--output", str(tmp_path / "model")]) == 2
    assert "holds no captions; write captions.txt" in capsys.readouterr().err
    scenes = write_captioned(tmp_path / "few", count=12, image_size=48)
    for split in ("dev", "test"):
        (scenes / f"Flickr_8k.{split}Images.txt").write_text("")
    assert main(["train", "captions", "--data", str(scenes), "--output", str(tmp_path / "model")]) == 2
    assert "none is left for the split" in capsys.readouterr().err


def test_the_encoder_takes_any_picture(folder):
    captioner = load_captioner(folder)
    wide = np.random.default_rng(0).integers(0, 256, (30, 200, 3)).astype(np.uint8)
    grids = captioner.grids([wide, wide[:, ::-1]])
    assert grids.shape == (2, 9, 112)
    with pytest.raises(ValueError, match="no such backbone"):
        Encoder("resnet18", 48, "top").network()


def test_sample_is_drawn_in_the_language(tmp_path, monkeypatch):
    monkeypatch.setattr(captions, "write_captioned", lambda root, language: write_captioned(root, language, 20, 48))
    output = tmp_path / "spanish"
    options = ["--data", "sample", "--language", "es", "--decoder", "pooled", "--epochs", "1", "--output", str(output)]
    assert main(["train", "captions", *options]) == 0
    captioner = load_captioner(output)
    assert "gato" in captioner.vocabulary.words or "gatito" in captioner.vocabulary.words
    assert captioner.card["data_licence"] == "drawn by the course, under its own licence"
    write_image(tmp_path / "one.png", np.zeros((50, 50, 3), np.uint8))
    assert main(["caption", "-i", str(tmp_path / "one.png"), "-m", str(output)]) == 0
