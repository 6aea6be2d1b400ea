import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from imagecourse.datasets import read_dataset, split_by_hash
from imagecourse.datasets.build import build_dataset
from imagecourse.datasets.check import check_dataset
from imagecourse.images import read_image, write_image
from imagecourse.samples import sample_photographs


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Noise in two classes, with a bad file, a copy, a file in both classes, and look-alikes of one photograph."""
    root = tmp_path / "mine"
    rng = np.random.default_rng(0)
    for number in range(20):
        noise = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
        write_image(root / ("one" if number % 2 else "two") / f"{number}.png", noise)
    photograph = read_image(sample_photographs()["coffee"])
    for step in range(1, 6):
        write_image(root / f"one/coffee {10 + step}.jpg", np.ascontiguousarray(photograph[::step, ::step]))
    shutil.copyfile(root / "one/1.png", root / "one/copy of 1.png")
    shutil.copyfile(root / "one/3.png", root / "two/3 again.png")
    (root / "two/bad.jpg").write_bytes(b"nothing")
    shutil.copyfile(root / "one/1.png", root / "stray.png")
    return root


def test_the_built_set_is_clean(source, tmp_path):
    before = snapshot(source)
    build = build_dataset(source, tmp_path / "new", image_size=100)
    assert snapshot(source) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "new"]
    outcomes = build.table.set_index("file")["outcome"]
    assert set(build.left_out["file"]) == {
        *("one/copy of 1.png", "one/3.png", "two/3 again.png", "two/bad.jpg", "stray.png")
    }
    assert outcomes["one/copy of 1.png"] == "copy"
    assert outcomes["one/3.png"] == outcomes["two/3 again.png"] == "conflict"
    assert outcomes["two/bad.jpg"] == "unreadable"
    check = check_dataset(tmp_path / "new")
    assert check.dataset.layout == "split-folders"
    assert (len(check.dataset.table), check.unreadable, check.exact) == (24, [], [])
    assert check.sizes.max() == 100
    assert all((tmp_path / "new" / name).is_file() for name in build.table["written"] if name)


def test_look_alikes_stay_in_one_split(source, tmp_path):
    names = [path.name for path in source.glob("one/coffee*")]
    assert len({split_by_hash(name, {"train": 0.8, "validation": 0.2}) for name in names}) == 2
    table = build_dataset(source, tmp_path / "new").table
    written = table[table["file"].str.contains("coffee")]["written"]
    assert len({name.split("/")[0] for name in written}) == 1


def test_report_lists_every_file_with_its_reason(source, tmp_path):
    build = build_dataset(source, tmp_path / "new")
    report = pd.read_csv(tmp_path / "new/report.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(report, build.table.astype(report.dtypes))
    reasons = report.set_index("file")["reason"]
    assert reasons["one/copy of 1.png"] == "a copy of one/1.png"
    assert reasons["one/3.png"] == "the same file lies in one and two; keep it in the right one"
    assert reasons["two/bad.jpg"].startswith("not an image in a known format")


def test_small_pictures_keep_size_and_pixels(source, tmp_path):
    build = build_dataset(source, tmp_path / "new")
    written = build.table.set_index("file")["written"]["two/4.png"]
    np.testing.assert_array_equal(read_image(tmp_path / "new" / written), read_image(source / "two/4.png"))


def test_two_builds_are_the_same_and_an_interrupted_one_starts_again(source, tmp_path):
    (tmp_path / ".second.build").mkdir()
    (tmp_path / ".second.build/leftover.png").write_bytes(b"half")
    (tmp_path / "second").mkdir()
    first, second = (build_dataset(source, tmp_path / name) for name in ("first", "second"))
    pd.testing.assert_frame_equal(first.table, second.table)
    assert list(snapshot(first.destination).values()) == list(snapshot(second.destination).values())


def test_a_class_without_validation_images_is_pointed_out(tmp_path):
    write_image(tmp_path / "mine/cats/a.png", np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    build = build_dataset(tmp_path / "mine", tmp_path / "new")
    assert build.warnings == ["class cats has no validation image; add pictures to it"]
    assert read_dataset(tmp_path / "new").table["split"].tolist() == ["train"]


def test_wrong_folders_are_refused(source, tmp_path):
    with pytest.raises(FileExistsError, match="exists already"):
        build_dataset(source, source)
    with pytest.raises(ValueError, match="lies inside the source"):
        build_dataset(source, source / "clean")
    with pytest.raises(FileNotFoundError, match="missing"):
        build_dataset(tmp_path / "missing", tmp_path / "new")
    with pytest.raises(ValueError, match="is laid out as unlabelled"):
        build_dataset(source / "one", tmp_path / "new")
    assert not (tmp_path / "new").exists()
