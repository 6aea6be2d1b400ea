"""Every bad picture through every command that reads pictures: all answer alike about it, and do all the others."""

import json
from pathlib import Path

import pandas as pd
import pytest
from bad_inputs import contents
from made_pictures import all_pictures, encoded

from imagecourse.images import read_image
from imagecourse.images.errors import on_one_line


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """All of them in one folder, which no command may change."""
    root = tmp_path_factory.mktemp("in") / "pictures"
    root.mkdir()
    for name, content in all_pictures().items():
        (root / name).write_bytes(content)
    (root / "a_folder.jpg").mkdir()
    (root / "nowhere.png").symlink_to("missing.png")
    (root / "ring.png").symlink_to("ring.png")
    return root


@pytest.fixture(scope="module")
def unreadable(folder) -> set[str]:
    """Names of what `read_image` refuses, which is the truth for all commands."""
    bad = set()
    for path in folder.iterdir():
        try:
            if not path.is_dir():
                read_image(path)
        except ValueError:
            bad.add(path.name)
    return bad


@pytest.fixture(scope="module")
def good(folder, unreadable) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.is_dir()} - unreadable


@pytest.fixture(autouse=True)
def _untouched(folder):
    before = contents(folder)
    yield
    assert contents(folder) == before


def check_lines(answer, unreadable: set[str]) -> None:
    """Each bad file has its line, no other has one."""
    assert answer.status == 1
    missing = [name for name in unreadable if not answer.names(on_one_line(Path(name)))]
    assert missing == [] and len(answer.lines) == len(unreadable)


def test_there_are_enough_of_both(good, unreadable):
    assert len(unreadable) >= 50 and len(good) >= 30
    assert {"bomb.png", "bomb.tif", "empty.jpg", "nowhere.png"} <= unreadable and "exif_as_text.jpg" in good


def test_predict(run, folder, model, good, unreadable, tmp_path):
    out, by_class, notes = tmp_path / "out.jsonl", tmp_path / "sorted", tmp_path / "notes"
    options = ["--runtime", "keras", "--output", out, "--sort", by_class, "--annotate", notes]
    answer = run("predict", "-i", folder, "-m", model, *options)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8", errors="surrogateescape").splitlines()]
    assert {Path(row["file"]).name for row in rows if row["error"]} == unreadable
    assert {Path(row["file"]).name for row in rows if row["label"]} == good
    assert {path.name for path in by_class.glob("*/*")} - {".sorted.jsonl"} == good
    check_lines(answer, unreadable)


def test_restore(run, folder, good, unreadable, tmp_path):
    answer = run("restore", "-i", folder, "-o", tmp_path / "out", "--method", "compromise")
    table = pd.read_csv(tmp_path / "out" / "restoration.csv", keep_default_na=False)
    assert set(table.loc[table["status"] == "failed", "file"]) == unreadable
    assert set(table.loc[table["status"] != "failed", "file"]) == good
    assert all((tmp_path / "out" / name).is_file() for name in table["output"] if name)
    check_lines(answer, unreadable)


def test_caption(run, folder, captioner, good, unreadable, tmp_path):
    answer = run("caption", "-i", folder, "-m", captioner, "--beam", 1, "--output", tmp_path / "out.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {Path(row["file"]).name for row in rows if row["error"]} == unreadable
    assert {Path(row["file"]).name for row in rows if not row["error"]} == good
    check_lines(answer, unreadable)


def test_pipeline(run, folder, model, good, unreadable, tmp_path):
    words = ["pipeline", "-i", folder, "-o", tmp_path / "out", "-m", model, "--method", "compromise", "--jobs", 1]
    answer = run(*words)
    table = pd.read_csv(tmp_path / "out" / "results.csv", keep_default_na=False)
    assert set(table.loc[table["error"] != "", "file"]) == unreadable
    assert set(table.loc[table["error"] == "", "file"]) == good
    check_lines(answer, unreadable)
    again = run(*words, "--resume")
    assert again.status == 1 and contents(tmp_path / "out").keys() == contents(tmp_path / "out").keys()


@pytest.fixture(scope="module")
def as_classes(folder, tmp_path_factory) -> Path:
    """The same pictures as one class of a data set, beside a good class."""
    root = tmp_path_factory.mktemp("set") / "classes"
    (root / "good").mkdir(parents=True)
    (root / "odd").symlink_to(folder)
    for number in range(12):
        (root / "good" / f"{number}.png").write_bytes(encoded("png", 300 + number))
    return root


def test_data_check(run, as_classes, unreadable):
    answer = run("data", "check", as_classes)
    assert answer.status == 1
    assert [name for name in unreadable if on_one_line(Path(name)) not in answer.out] == []


def test_data_build(run, as_classes, good, unreadable, tmp_path):
    answer = run("data", "build", as_classes, tmp_path / "built")
    table = pd.read_csv(tmp_path / "built" / "report.csv", keep_default_na=False)
    odd = table[table["label"] == "odd"]
    assert {Path(file).name for file in odd.loc[odd["outcome"] == "unreadable", "file"]} == unreadable
    assert {Path(file).name for file in odd.loc[odd["outcome"] == "written", "file"]} <= good
    assert answer.status == 1 and all((tmp_path / "built" / name).is_file() for name in table["written"] if name)


def test_train(run, as_classes, unreadable, tmp_path):
    options = ["--network", "photo_cnn", "--image-size", 32, "--epochs", 1, "--output", tmp_path / "trained"]
    answer = run("train", "photo", "--data", as_classes, *options)
    assert answer.status == 0 and (tmp_path / "trained" / "card.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["trained"]


def test_explain(run, folder, model, unreadable, tmp_path):
    """It takes one picture, so that each bad one is asked about by itself."""
    for name in sorted(unreadable):
        answer = run("explain", "-i", folder / name, "-m", model, "-o", tmp_path / "out.png")
        assert answer.status == 1 and len(answer.lines) == 1 and not (tmp_path / "out.png").exists()


def test_a_single_bad_file(run, folder, model, captioner, tmp_path):
    for name in ("empty.jpg", "bomb.png", "text.jpg", "cut_33.png"):
        for words in (
            ["predict", "-m", model, "--runtime", "keras", "--output", tmp_path / "out.csv"],
            ["caption", "-m", captioner, "--output", tmp_path / "out.csv"],
            ["restore", "-o", tmp_path / "restored"],
        ):
            assert run(*words, "-i", folder / name).status == 1
