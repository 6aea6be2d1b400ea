from pathlib import Path

import pytest

from imagecourse.datasets import drop_unreadable, read_dataset
from imagecourse.datasets.check import check_dataset

pytestmark = pytest.mark.real_data


def folder(real_data: Path, name: str) -> Path:
    if not (real_data / name).is_dir():
        pytest.skip(f"no {name} in {real_data}")
    return real_data / name


@pytest.mark.parametrize("series", ["pokemon", "dragonball", "fairytail"])
def test_characters_have_four_classes_in_two_splits(real_data, series):
    dataset = read_dataset(folder(real_data, f"characters/{series}"))
    assert dataset.layout == "split-folders"
    assert len(dataset.classes) == 4
    assert dataset.table.groupby("split")["label"].nunique()[["train", "validation"]].tolist() == [4, 4]
    assert len(dataset.table) > 80
    assert not dataset.problems


def test_pokemon_check_finds_the_copies_between_train_and_validation(real_data):
    check = check_dataset(folder(real_data, "characters/pokemon"))
    splits = [set(check.dataset.table["split"].iloc[group]) for group in check.exact]
    assert sum({"train", "validation"} <= group for group in splits) >= 10
    assert len(check.near) >= 5
    assert not check.unreadable
    assert (check.dataset.table["split"] == "predict").sum() >= 5


def test_photos_are_split_into_a_fifth_and_the_rest(real_data):
    dataset = read_dataset(folder(real_data, "photos"))
    assert dataset.layout == "class-folders"
    assert dataset.classes == ["Cartoon", "Painting", "Photo", "Schematics", "Sketch", "Text"]
    shares = dataset.table.groupby("label")["split"].value_counts(normalize=True).unstack()["test"]
    assert len(dataset.table) > 3000
    assert shares.between(0.12, 0.28).all()


def test_documents_are_pairs(real_data):
    dataset = read_dataset(folder(real_data, "documents"))
    assert dataset.layout == "clean-noisy"
    assert len(dataset.table) > 60
    assert not dataset.problems
    assert all(Path(file).name == Path(clean).name for file, clean in dataset.table[["file", "clean"]].to_numpy())


def test_restoration_sets_are_plain_folders(real_data):
    for name, least in (("BSD68", 40), ("LIVE1", 10)):
        dataset = drop_unreadable(read_dataset(folder(real_data, f"restoration/{name}")))
        assert dataset.layout == "unlabelled"
        assert len(dataset.table) >= least


def test_dogs_have_120_breeds_and_their_own_split(real_data):
    dataset = read_dataset(folder(real_data, "dogs"))
    assert dataset.layout == "stanford-dogs"
    assert len(dataset.classes) == 120
    assert {"Shih-Tzu", "Old English sheepdog", "dingo"} <= set(dataset.classes)
    assert (dataset.table["split"] == "train").sum() > 2500
    assert (dataset.table["split"] == "test").sum() > 900
    assert not dataset.problems


def test_faces_report_their_three_malformed_names(real_data):
    dataset = read_dataset(folder(real_data, "faces"))
    assert dataset.layout == "utkface"
    assert len(dataset.table) > 14_000
    assert dataset.table["age"].between(1, 116).all()
    assert set(dataset.table["gender"]) == {0, 1}
    assert set(dataset.table["race"]) == {0, 1, 2, 3, 4}
    assert (dataset.table["split"] == "test").mean() == pytest.approx(0.2, abs=0.02)
    malformed = {
        "24_0_1_20170116220224657 .jpg.chip.jpg",
        "39_1_20170116174525125.jpg.chip.jpg",
        "55_0_0_20170116232725357jpg.chip.jpg",
    }
    assert {Path(problem.file).name for problem in dataset.problems} == malformed


def test_flickr8k_has_five_captions_each(real_data):
    dataset = read_dataset(folder(real_data, "flickr8k"))
    assert dataset.layout == "flickr8k"
    assert len(dataset.table) > 3700
    assert (dataset.table["captions"].map(len) == 5).all()
    assert {"train", "validation"} <= set(dataset.table["split"])
    assert not dataset.problems
