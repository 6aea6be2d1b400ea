import shutil
from pathlib import Path

import numpy as np
import pytest

from imagecourse.datasets.check import check_dataset, check_report
from imagecourse.images import read_image, write_image
from imagecourse.samples import sample_photographs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Copies inside a class, across splits and across classes, a smaller copy across splits, and a bad file."""
    photographs = sample_photographs()
    root = tmp_path / "set"
    for name, target in {
        "coffee": "train/things/coffee.png",
        "rocket": "train/things/rocket.jpg",
        "cat": "train/beings/cat.png",
        "flower": "validation/beings/flower.jpg",
    }.items():
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photographs[name], root / target)
    shutil.copyfile(root / "train/things/coffee.png", root / "train/things/coffee copy.png")
    (root / "validation/things").mkdir()
    shutil.copyfile(root / "train/things/rocket.jpg", root / "validation/things/rocket again.jpg")
    shutil.copyfile(root / "train/beings/cat.png", root / "train/things/cat.png")
    write_image(root / "train/beings/flower small.jpg", read_image(photographs["flower"])[::3, ::3])
    (root / "train/beings/bad.png").write_bytes(b"x" * 100)
    return root


def names(check, groups) -> list[list[str]]:
    return [[Path(check.dataset.table["file"][row]).name for row in group] for group in groups]


def test_check_finds_what_is_wrong(folder):
    check = check_dataset(folder)
    assert [Path(problem.file).name for problem in check.unreadable] == ["bad.png"]
    assert names(check, check.exact) == [
        ["cat.png", "cat.png"],
        ["coffee.png", "coffee copy.png"],
        ["rocket.jpg", "rocket again.jpg"],
    ]
    assert names(check, check.near) == [["flower small.jpg", "flower.jpg"]]
    assert sorted(map(tuple, check.sizes.tolist())) == [
        (214, 143), (451, 300), (451, 300), (600, 400), (600, 400), (640, 427), (640, 427), (640, 427),
    ]  # fmt: skip


def test_report_says_it_in_words(folder):
    text = check_report(check_dataset(folder))
    lines = [line.strip() for line in text.splitlines()]
    assert "images      9: train 7, validation 2" in lines
    assert "classes     2" in lines
    assert "beings      3           1" in lines
    assert "width       214 to 640, median 600 pixels" in lines
    assert any(line.startswith("train/beings/bad.png: not an image in a known format") for line in lines)
    assert "the same file 6 images; groups: 3, across splits: 1, across labels: 1" in lines
    assert "across labels: train/beings/cat.png (train) = train/things/cat.png (train)" in lines
    rocket = "across splits: train/things/rocket.jpg (train) = validation/things/rocket again.jpg (validation)"
    assert rocket in lines
    assert "across splits: train/beings/flower small.jpg (train) = validation/beings/flower.jpg (validation)" in lines
    assert not any("coffee" in line for line in lines)


def test_a_copy_without_label_does_not_count_as_another_label(folder):
    (folder / "predict").mkdir()
    shutil.copyfile(folder / "train/things/rocket.jpg", folder / "predict/rocket.jpg")
    assert "groups: 3, across splits: 1, across labels: 1" in check_report(check_dataset(folder))


def test_faces_and_captions_are_summed_up(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("9_0_1_20170112215240346.jpg", "21_1_1_20170112215240347.jpg"):
        write_image(tmp_path / "faces" / name, rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    text = check_report(check_dataset(tmp_path / "faces"))
    assert "age         9 to 21, median 15 years" in text
    assert "gender      0: 1, 1: 1" in text
    assert "race        1: 2" in text
    write_image(tmp_path / "flickr/Images/a.jpg", rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    (tmp_path / "flickr/captions.txt").write_text("image,caption\na.jpg,One .\na.jpg,Two .\n")
    assert "captions    2 to 2, median 2 per image" in check_report(check_dataset(tmp_path / "flickr"))


def test_unreadable_clean_partners_are_found_and_common_ones_are_fine(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("noisy/1.png", "noisy/2.png", "noisy/3.png", "clean/1.png"):
        write_image(tmp_path / name, rng.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    shutil.copyfile(tmp_path / "clean/1.png", tmp_path / "clean/2.png")
    (tmp_path / "clean/3.png").write_bytes(b"")
    check = check_dataset(tmp_path)
    assert [Path(problem.file).relative_to(tmp_path).as_posix() for problem in check.unreadable] == ["clean/3.png"]
    assert check.exact == check.near == []


def test_one_class_is_pointed_out(tmp_path):
    write_image(tmp_path / "cats/1.png", np.zeros((4, 4, 3), np.uint8))
    assert "classes     1 (one class: nothing to tell apart)" in check_report(check_dataset(tmp_path))
