"""Data sets as people hand them in: tables that are damaged, classes that cannot be named, splits without pictures."""

from collections.abc import Callable
from pathlib import Path

import pytest
from bad_inputs import contents
from made_pictures import encoded


def pictures(folder: Path, count: int, seed: int = 0) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded("png", seed + number))
    return folder


def classes(root: Path, *names: str, count: int = 8) -> Path:
    for number, name in enumerate(names):
        pictures(root / name, count, 1000 * number)
    return root


def with_table(content: bytes, name: str = "labels.csv") -> Callable[[Path], Path]:
    def make(root: Path) -> Path:
        pictures(root / "pics", 8)
        (root / name).write_bytes(content)
        return root

    return make


def captions(content: bytes) -> Callable[[Path], Path]:
    return with_table(content, "captions.txt")


HEAD = b"file,split,cat,dog\n"
ROWS = b"".join(b"pics/%d.png,train,%d,%d\n" % (number, number % 2, number % 3 == 0) for number in range(8))
UNNAMED = {
    "error": "a column of the answers",
    "label": "a column of the answers",
    "unsure": "a folder of --sort",
    "=1+1": "a formula",
    "-cat": "a formula",
    "x" * 220: "too long",
    "red\x1b[31m": "a sign of the terminal",
    "two\nlines": "a line end",
}
SETS = {
    **{f"class called {what} {number}": lambda root, name=name: classes(root, name, "cats")
       for number, (name, what) in enumerate(UNNAMED.items())},
    "one class": lambda root: classes(root, "cats"),
    "one picture in a class": lambda root: classes(root, "cats", "dogs") and pictures(root / "birds", 1, 9000).parent,
    "same picture everywhere": lambda root: _copies(root),
    "train without test": lambda root: classes(root, "train/cats", "train/dogs"),
    "test without train": lambda root: classes(root, "test/cats", "test/dogs"),
    "class missing in train": lambda root: classes(root, "train/cats", "test/cats", "test/dogs"),
    "train and another word": lambda root: classes(root, "train/cats", "train/dogs", "holdout/cats", "holdout/dogs"),
    "empty table": with_table(b""),
    "header alone": with_table(HEAD),
    "binary table": with_table(bytes(range(256))),
    "table in UTF-16": with_table((HEAD + ROWS).decode().encode("utf-16")),
    "table cut short": with_table(HEAD + ROWS[:40]),
    "table with quotes that never end": with_table(HEAD + b'"pics/0.png,train,1,0\n' + ROWS),
    "rows of several lengths": with_table(HEAD + ROWS + b"pics/0.png,train,1,0,1,1\n"),
    "names of no files": with_table(HEAD + ROWS.replace(b"pics/", b"gone/")),
    "names outside of the folder": with_table(HEAD + ROWS.replace(b"pics/", b"../../pics/")),
    "absolute names": with_table(HEAD + ROWS.replace(b"pics/0.png", b"/etc/passwd")),
    "marks that are words": with_table(HEAD + ROWS.replace(b",1,", b",maybe,")),
    "unknown split": with_table(HEAD + ROWS.replace(b"train", b"later")),
    "a column twice": with_table(HEAD.replace(b"dog", b"cat") + ROWS),
    "columns called error": with_table(HEAD.replace(b"dog", b"error") + ROWS),
    "no file column": with_table(HEAD.replace(b"file", b"picture") + ROWS),
    "nothing is marked": with_table(HEAD + b"".join(b"pics/%d.png,train,0,0\n" % n for n in range(8))),
    "NUL in the table": with_table(HEAD + ROWS.replace(b"pics/3.png", b"pics/\x00.png")),
    "captions without pictures": captions(b"image,caption\ngone.png,a cat\n"),
    "captions that are empty": captions(b"image,caption\n" + b"".join(b"pics/%d.png,\n" % n for n in range(8))),
    "captions of HTML": captions(b"image,caption\n" + b"".join(b"pics/%d.png,<b>a cat\n" % n for n in range(8))),
    "captions in Latin-1": captions(b"image,caption\n" + b"".join(b"pics/%d.png,un caf\xe9\n" % n for n in range(8))),
}  # fmt: skip


def _copies(root: Path) -> Path:
    for label in ("cats", "dogs"):
        (root / label).mkdir(parents=True)
        for number in range(8):
            (root / label / f"{number}.png").write_bytes(encoded("png"))
    return root


@pytest.fixture(params=SETS)
def dataset(request, tmp_path) -> Path:
    return SETS[request.param](tmp_path / "set")


def test_each_command_says_what_is_wrong_and_changes_nothing(dataset, run, tmp_path):
    before, out = contents(dataset), tmp_path / "out"
    train = ["--image-size", 24, "--epochs", 1, "--data", dataset, "--output"]
    for words in (
        ["data", "check", dataset],
        ["data", "build", dataset, out / "built"],
        ["train", "photo", "--network", "photo_cnn", *train, out / "photo"],
        ["train", "characters", "--mode", "multi", "--network", "character_cnn", *train, out / "multi"],
        ["train", "captions", *train, out / "captioner"],
        ["train", "faces", *train, out / "faces"],
        ["data", "features", dataset, "-o", out / "f.npz"],
    ):
        answer = run(*words)
        told = [line for line in answer.lines if not line.startswith("left out: ")]
        assert answer.status != 2 or len(told) == 1, (words, answer)
    assert contents(dataset) == before
    assert [path.name for path in out.rglob(".*")] == [] if out.exists() else True


def test_what_cannot_be_named_is_told_before_a_training(run, tmp_path):
    for number, name in enumerate(UNNAMED):
        root = classes(tmp_path / str(number), name, "cats")
        check = run("data", "check", root)
        train = run("train", "photo", "--network", "photo_cnn", "--data", root, "--output", tmp_path / "out")
        assert (check.status, train.status) == (1, 2) and not (tmp_path / "out").exists()


def test_a_truth_that_is_no_table_or_of_other_files(run, tmp_path, monkeypatch):
    """Tables of answers and of the truth, for the command that compares them."""
    monkeypatch.chdir(tmp_path)
    answers, truth = tmp_path / "answers.csv", tmp_path / "truth.csv"
    good = "file,label,confidence,error,cat,dog\n" + "".join(f"{n}.png,cat,0.9,,0.9,0.1\n" for n in range(20))
    right = "file,label,group\n" + "".join(f"{n}.png,{'cat' if n % 2 else 'dog'},{n % 3}\n" for n in range(20))
    pairs = [
        ("", right),
        (good, ""),
        (good, "\0\1\2"),
        (good, right.replace("png", "jpg")),
        (good, right.replace("label", "x")),
        (good.replace("file", "x"), right),
        (good, right.replace("group", "<script>")),
        (good[:30], right),
        (good, right + "0.png,cat,1\n"),
    ]
    for first, second in pairs:
        answers.write_text(first)
        truth.write_text(second)
        answer = run("bias", answers, "--truth", truth, "--by", "group")
        assert answer.status in (1, 2) and len(answer.lines) == 1 and not (tmp_path / "bias.html").exists(), answer
    answers.write_text(good)
    for output in ("answers.html", "truth.html", "page.txt"):
        assert run("bias", answers, "--truth", truth, "--by", "group", "--output", output).status == 2
    assert (answers.read_text(), truth.read_text()) == (good, pairs[-1][1])
