import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from imagecourse.datasets import drop_unreadable, read_dataset, split_by_hash
from imagecourse.images import write_image


def put_images(root: Path, *names: str) -> None:
    for index, name in enumerate(names):
        image = np.random.default_rng(index).integers(0, 256, (8, 8, 3), dtype=np.uint8)
        write_image(root / name, image)


def rows(dataset, *columns: str) -> list[tuple]:
    table = dataset.table.assign(
        file=[Path(file).relative_to(dataset.root).as_posix() for file in dataset.table["file"]]
    )
    return list(table[["file", *columns]].itertuples(index=False, name=None))


def reasons(dataset) -> dict[str, str]:
    return {Path(problem.file).name: problem.reason for problem in dataset.problems}


def test_split_folders_have_labels_and_predict_has_none(tmp_path):
    put_images(tmp_path, "train/b c/1.png", "train/a/2.png", "val/a/3.png", "predict/10.png", "predict/9.png")
    (tmp_path / "train/empty").mkdir()
    put_images(tmp_path, "stray.png", "train/loose.png")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "split-folders"
    assert dataset.classes == ["a", "b c"]
    assert rows(dataset, "split")[:2] == [("predict/9.png", "predict"), ("predict/10.png", "predict")]
    assert dataset.table["label"].isna().tolist() == [True, True, False, False, False]
    labelled = {(file, split, label) for file, split, label in rows(dataset, "split", "label") if split != "predict"}
    expected = {
        ("train/b c/1.png", "train", "b c"),
        ("train/a/2.png", "train", "a"),
        ("val/a/3.png", "validation", "a"),
    }
    assert labelled == expected
    assert set(reasons(dataset)) == {"empty", "stray.png", "loose.png"}


def test_class_folders_are_split_by_the_name_alone(tmp_path):
    names = [f"{number}.png" for number in range(60)]
    put_images(tmp_path, *(f"one/{name}" for name in names), *(f"two/deep/{name}" for name in names))
    (tmp_path / "none").mkdir()
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "class-folders"
    assert dataset.classes == ["one", "two"]
    assert reasons(dataset) == {"none": "a class folder without images"}
    splits = {file: split for file, split in rows(dataset, "split")}
    assert all(splits[f"one/{name}"] == splits[f"two/deep/{name}"] == split_by_hash(name) for name in names)
    assert set(splits.values()) == {"train", "test"}
    thirds = read_dataset(tmp_path, fractions={"train": 0.4, "validation": 0.3, "test": 0.3})
    assert set(thirds.table["split"]) == {"train", "validation", "test"}


def test_a_single_class_is_a_data_set(tmp_path):
    put_images(tmp_path, "only/1.png", "only/2.png")
    assert read_dataset(tmp_path).classes == ["only"]


def test_hash_split_is_fixed_and_keeps_its_shares():
    splits = [split_by_hash(f"picture_{number}.jpg") for number in range(5000)]
    assert splits.count("test") == pytest.approx(1000, abs=90)
    assert [split_by_hash(name) for name in ("a.jpg", "b.jpg", "dog_056_0002.jpg")] == ["train", "test", "train"]
    assert split_by_hash("x.jpg", {"all": 1.0}) == "all"
    with pytest.raises(ValueError, match="sum to 1"):
        split_by_hash("x.jpg", {"train": 0.5, "test": 0.2})


def test_utkface_names_are_labels_and_malformed_ones_are_reported(tmp_path):
    good = ["100_0_4_20170112215240346.jpg", "26_1_0_20170116184024662.jpg"]
    bad = ["24_0_1_20170116220224657 .jpg", "39_1_20170116174525125.jpg", "117_0_0_20170116232725357.jpg"]
    put_images(tmp_path / "UTKFace", *good, "1_1_2_20161219140623097.jpg", "3_0_3_20161219140623098.jpg", *bad)
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "utkface"
    assert dataset.classes == []
    faces = {Path(file).name: values for file, *values in rows(dataset, "age", "gender", "race")}
    assert faces[good[0]] == [100, 0, 4]
    assert faces[good[1]] == [26, 1, 0]
    assert len(faces) == 4
    assert set(reasons(dataset)) == set(bad)
    assert "117 is over 116" in reasons(dataset)[bad[2]]


BREEDS = ("n02085782-Japanese_spaniel", "n02086240-Shih-Tzu")


def test_stanford_dogs_with_split_csv(tmp_path):
    files = [f"Images/{BREEDS[0]}/1.jpg", f"Images/{BREEDS[1]}/2.jpg", f"Images/{BREEDS[1]}/3.jpg"]
    put_images(tmp_path, *files)
    lines = [("file", "split"), (files[0], "test"), (files[1], "train"), (f"Images/{BREEDS[1]}/gone.jpg", "train")]
    with open(tmp_path / "split.csv", "w", newline="") as file:
        csv.writer(file).writerows(lines)
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "stanford-dogs"
    assert dataset.classes == ["Japanese spaniel", "Shih-Tzu"]
    assert rows(dataset, "split", "label") == [(files[0], "test", "Japanese spaniel"), (files[1], "train", "Shih-Tzu")]
    assert set(reasons(dataset)) == {"3.jpg", "gone.jpg"}


def test_stanford_dogs_with_the_original_lists(tmp_path):
    put_images(tmp_path, f"Images/{BREEDS[0]}/1.jpg", f"Images/{BREEDS[1]}/2.jpg")
    for split, name in (("train", f"{BREEDS[1]}/2.jpg"), ("test", f"{BREEDS[0]}/1.jpg")):
        savemat(tmp_path / f"{split}_list.mat", {"file_list": np.array([[name]], dtype=object)})
    assert [split for _, split in rows(read_dataset(tmp_path), "split")] == ["test", "train"]


def test_split_csv_without_its_columns_says_so(tmp_path):
    put_images(tmp_path, f"Images/{BREEDS[0]}/1.jpg")
    (tmp_path / "split.csv").write_text("Images/x.jpg,train\n")
    with pytest.raises(ValueError, match=r"split\.csv: has no columns file,split"):
        read_dataset(tmp_path)


def test_flickr8k_captions_and_lists(tmp_path):
    put_images(tmp_path / "Images", "a.jpg", "b.jpg", "c.jpg", "unlisted.jpg")
    captions = (
        'image,caption\na.jpg,"A dog , wet"\na.jpg,Two dogs .\nb.jpg,A cat .\nunlisted.jpg,A cow .\ngone.jpg,No .\n'
    )
    (tmp_path / "captions.txt").write_text(captions)
    (tmp_path / "Flickr_8k.trainImages.txt").write_text("a.jpg\ngone.jpg\n")
    (tmp_path / "Flickr_8k.devImages.txt").write_text("b.jpg\nc.jpg\n")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "flickr8k"
    expected = [("Images/a.jpg", "train", ["A dog , wet", "Two dogs ."]), ("Images/b.jpg", "validation", ["A cat ."])]
    assert rows(dataset, "split", "captions") == expected
    assert set(reasons(dataset)) == {"c.jpg", "unlisted.jpg", "gone.jpg"}


def test_flickr8k_as_it_is_downloaded(tmp_path):
    put_images(tmp_path / "Flicker8k_Dataset", "a.jpg")
    (tmp_path / "Flickr8k.token.txt").write_text("a.jpg#0\tA dog .\na.jpg#1\tA wet dog .\n")
    (tmp_path / "Flickr_8k.testImages.txt").write_text("a.jpg\n")
    dataset = read_dataset(tmp_path)
    assert rows(dataset, "split", "captions") == [("Flicker8k_Dataset/a.jpg", "test", ["A dog .", "A wet dog ."])]


def test_clean_and_noisy_pages_are_paired_by_name(tmp_path):
    put_images(tmp_path, "noisy/1.png", "noisy/2.png", "clean/1.png", "clean/3.png")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "clean-noisy"
    assert dataset.table["file"].tolist() == [str(tmp_path / "noisy/1.png")]
    assert dataset.table["clean"].tolist() == [str(tmp_path / "clean/1.png")]
    assert reasons(dataset).keys() == {"2.png", "3.png"}


def test_a_plain_folder_is_unlabelled(tmp_path):
    put_images(tmp_path, "2.png", "10.png", "1.png")
    dataset = read_dataset(tmp_path)
    assert dataset.layout == "unlabelled"
    assert rows(dataset, "split") == [("1.png", "predict"), ("2.png", "predict"), ("10.png", "predict")]


def test_folders_that_are_no_data_set_say_why(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        read_dataset(tmp_path / "missing")
    with pytest.raises(ValueError, match="holds no images"):
        read_dataset(tmp_path)
    put_images(tmp_path, "cats/train/a/1.png", "dogs/train/b/1.png")
    with pytest.raises(ValueError, match=r"several data sets \(cats, dogs\)"):
        read_dataset(tmp_path)
    with pytest.raises(ValueError, match="no such layout"):
        read_dataset(tmp_path, layout="imagenet")
    with pytest.raises(ValueError, match="no image fits the layout utkface"):
        read_dataset(tmp_path, layout="utkface")


def test_unreadable_rows_are_dropped_with_their_reason(tmp_path):
    put_images(tmp_path, "noisy/1.png", "noisy/2.png", "noisy/3.png", "clean/1.png", "clean/2.png", "clean/3.png")
    (tmp_path / "noisy/1.png").write_bytes(b"")
    (tmp_path / "clean/2.png").write_bytes((tmp_path / "clean/2.png").read_bytes()[:60])
    dataset = drop_unreadable(read_dataset(tmp_path))
    assert [Path(file).name for file in dataset.table["file"]] == ["3.png"]
    assert dataset.table.index.tolist() == [0]
    assert {Path(problem.file).parent.name for problem in dataset.problems} == {"noisy", "clean"}
    assert "empty" in dataset.problems[0].reason
