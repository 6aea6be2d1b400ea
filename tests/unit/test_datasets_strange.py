"""Data sets as strangers have them: names, layouts and lists that other systems and languages write."""

import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from PIL import Image

from imagecourse.cli import main
from imagecourse.datasets import read_dataset
from imagecourse.datasets.split_names import split_of

RNG = np.random.default_rng(0)


def put(path, side=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    small = Image.fromarray(RNG.integers(0, 255, (4, 4, 3), dtype=np.uint8))
    small.resize((side, side), Image.Resampling.BICUBIC).save(path)


def put_folders(root, *names, count=3):
    for name in names:
        for number in range(count):
            put(root / name / f"{number}.png")


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training", "train"), ("train_set", "train"), ("trainset", "train"), ("Entraînement", "train"),
        ("entrainement", "train"), ("apprentissage", "train"), ("Entrenamiento", "train"), ("training data", "train"),
        ("valid", "validation"), ("Validación", "validation"), ("dev", "validation"), ("TESTING", "test"),
        ("test_images", "test"), ("pruebas", "test"), ("essai", "test"), ("unlabelled", "predict"),
        ("trainer", None), ("contest", None), ("cats", None), ("train and test", None), ("", None), ("images", None),
    ],
)  # fmt: skip
def test_words_for_splits(name, split):
    assert split_of(name) == split
    assert split_of(unicodedata.normalize("NFD", name)) == split


@pytest.mark.parametrize(
    ("folders", "splits", "classes"),
    [
        (("training/cats", "training/dogs", "testing/cats", "testing/dogs"), {"train", "test"}, ["cats", "dogs"]),
        (("Entraînement/chat", "Entraînement/chien", "validation/chat"), {"train", "validation"}, ["chat", "chien"]),
        (("train", "plane", "car"), None, ["car", "plane", "train"]),
        (("test", "contest"), None, ["contest", "test"]),
    ],
)
def test_splits_are_told_from_classes(tmp_path, folders, splits, classes):
    put_folders(tmp_path, *folders)
    dataset = read_dataset(tmp_path)
    assert dataset.classes == classes
    assert dataset.layout == ("split-folders" if splits else "class-folders")
    assert not splits or set(dataset.table["split"]) == splits
    assert len(dataset.table) == 3 * len(folders) and not dataset.problems


def test_what_may_be_a_split_is_asked_about(tmp_path):
    put_folders(tmp_path / "known", "train/cats", "train/dogs", "holdout/cats", "holdout/dogs")
    (problem,) = read_dataset(tmp_path / "known").problems
    assert problem.file.endswith("holdout") and "6 images" in problem.reason and "is it a split?" in problem.reason
    put_folders(tmp_path / "unknown", "fit/cats", "fit/dogs", "check/cats", "check/dogs")
    dataset = read_dataset(tmp_path / "unknown")
    assert len(dataset.table) == 12 and "check and fit" in dataset.problems[0].reason
    put_folders(tmp_path / "years", "cats/2019", "cats/2020", "dogs/2019", "dogs/2020")
    assert read_dataset(tmp_path / "years").problems == []


def test_a_name_in_two_unicode_forms_is_one_class(tmp_path):
    put_folders(tmp_path, unicodedata.normalize("NFD", "train/café"), "train/dog", "test/café", "test/dog")
    assert read_dataset(tmp_path).classes == ["café", "dog"]


@pytest.mark.parametrize("name", ["cat ", "error", "unsure", "label", "file", "=1+1", "a\tb", "x" * 220])
def test_a_class_that_cannot_be_saved_is_refused_before_work_starts(tmp_path, name, capsys):
    put_folders(tmp_path / "set", name, "ok", count=12)
    assert main(["data", "check", str(tmp_path / "set")]) == 1
    assert "names       1" in capsys.readouterr().out
    assert main(["data", "build", str(tmp_path / "set"), str(tmp_path / "built")]) == 2
    assert main(["train", "classifier", "--data", str(tmp_path / "set"), "--output", str(tmp_path / "model")]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("imagecourse: ")]
    assert len(lines) == 2 and all(f"the class {name!r}" in line and ";" in line for line in lines)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set"]


LISTS = {
    "floats": ("file,split,cat,dog", "pics/{i}.png,{split},{a}.0,{b}.0", "utf-8"),
    "booleans": ("file,split,cat,dog", "pics/{i}.png,{split},{yes_a},{yes_b}", "utf-8"),
    "words": ("File,Split,cat,dog", "pics/{i}.png,{split},{word_a},{word_b}", "utf-8"),
    "spaces": ("file, split, cat, dog", "pics/{i}.png, {split}, {a}, {b}", "utf-8"),
    "semicolons": ("file;split;cat;dog", "pics/{i}.png;{split};{a};{b}", "utf-8"),
    "tabs": ("file\tsplit\tcat\tdog", "pics/{i}.png\t{split}\t{a}\t{b}", "utf-8"),
    "backslashes": ("file,split,cat,dog", "pics\\{i}.png,{split},{a},{b}", "utf-8"),
    "mark": ("file,split,cat,dog", "pics/{i}.png,{split},{a},{b}", "utf-8-sig"),
    "windows": ("file,split,café,dog", "pics/{i}.png,{split},{a},{b}", "cp1252"),
    "quotes": ('"file","split","cat","dog"', '"pics/{i}.png","{split}","{a}","{b}"', "utf-8"),
}


@pytest.mark.parametrize("kind", LISTS)
def test_lists_are_read_as_people_write_them(tmp_path, kind):
    header, line, encoding = LISTS[kind]
    rows = []
    for i in range(6):
        put(tmp_path / "pics" / f"{i}.png")
        a, b = i % 2, i // 2 % 2
        words = {"word_a": "oui" if a else "non", "word_b": "x" if b else "", "yes_a": bool(a), "yes_b": bool(b)}
        rows.append(line.format(i=i, split="Training" if i < 4 else "val", a=a, b=b, **words))
    (tmp_path / "labels.csv").write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    dataset = read_dataset(tmp_path)
    first = "café" if kind == "windows" else "cat"
    wanted = [(first,) * (i % 2) + ("dog",) * (i // 2 % 2) for i in range(6)]
    assert list(dataset.table["labels"]) == wanted and dataset.problems == []
    assert list(dataset.table["split"]) == ["train"] * 4 + ["validation"] * 2


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("file,split,cat,dog\npics/0.png,train,maybe,1\n", "cat is 'maybe' in a row; write 1 or 0"),
        ("file,split,cat,dog\npics/0.png,monday,0,1\n", "the split is 'monday' in a row"),
        ("file,split,cat,dog\npics/0.png,train,0\n", "line 2 has 3 values for 4 columns"),
        ("file,split,cat,cat\npics/0.png,train,0,1\n", "a name stands twice in its first line"),
    ],
)
def test_a_list_that_says_nothing_clear_is_refused(tmp_path, text, complaint):
    put(tmp_path / "pics/0.png")
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read_dataset(tmp_path)


def test_names_that_are_no_text_and_names_that_are_long(tmp_path, capfd):
    put_folders(tmp_path / "set", "cats", "dogs", count=5)
    strange = os.fsdecode(b"\xe9t\xe9.png")
    for name in (strange, f"{'x' * 240}.png", f"{'é' * 120}.png", "new\nline.png", "=1+1.png"):
        put(tmp_path / "set/cats" / name)
    assert main(["data", "check", str(tmp_path / "set")]) == 0
    assert main(["data", "build", str(tmp_path / "set"), str(tmp_path / "built")]) == 0
    assert "15 images written" in capfd.readouterr().out
    built = read_dataset(tmp_path / "built")
    assert len(built.table) == 15 and built.classes == ["cats", "dogs"]


def test_links_are_followed_and_a_ring_ends(tmp_path, capfd):
    store, root = tmp_path / "store", tmp_path / "set"
    put_folders(store, "cats", "dogs", "birds", count=4)
    (root / "dogs").mkdir(parents=True)
    (root / "birds").mkdir()
    (root / "cats").symlink_to(store / "cats")
    for path in (store / "dogs").iterdir():
        (root / "dogs" / path.name).symlink_to(path)
    for number, path in enumerate((store / "birds").iterdir()):
        path.rename(root / "birds" / f"{number}.png")
    (root / "birds/loop1.png").symlink_to("loop2.png")
    (root / "birds/loop2.png").symlink_to("loop1.png")
    (root / "birds/again").symlink_to("..")
    assert main(["data", "check", str(root)]) == 1
    report = capfd.readouterr().out
    assert "images      14" in report and "unreadable  2" in report and "loop1.png: a link that leads nowhere" in report
    assert read_dataset(root).table["label"].value_counts().to_dict() == {"birds": 6, "cats": 4, "dogs": 4}


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_name_can_be_printed_on_any_terminal(tmp_path, encoding):
    put_folders(tmp_path, "cats", "dogs")
    (tmp_path / "cats" / os.fsdecode(b"\xe9t\xe9.png")).write_bytes(b"broken")
    (tmp_path / "cats" / "漢\n字.png").write_bytes(b"broken")
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "imagecourse", "data", "check", str(tmp_path)]
    answer = subprocess.run(command, env=environment, capture_output=True, timeout=120)
    assert answer.returncode == 1 and b"Traceback" not in answer.stderr
    lines = answer.stdout.decode(encoding, errors="surrogateescape").splitlines()
    assert sum("not an image in a known format" in line for line in lines) == 2
