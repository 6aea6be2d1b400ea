import shutil

import pandas as pd
import pytest

from imagecourse.cli import main


@pytest.fixture
def scans(shades, tmp_path):
    folder = tmp_path / "scans"
    for label in ("dark", "light"):
        shutil.copytree(shades / label, folder, dirs_exist_ok=True)
    return folder


def test_a_folder_to_a_table_and_sorted_and_annotated_copies(scans, tiny_bundle, tmp_path, capsys):
    out, sorted_folder, notes = tmp_path / "out.csv", tmp_path / "sorted", tmp_path / "notes"
    options = ["--output", str(out), "--sort", str(sorted_folder), "--annotate", str(notes), "--debug"]
    assert main(["predict", "-i", str(scans), "-m", str(tiny_bundle), *options]) == 0
    table = pd.read_csv(out)
    assert len(table) == 40
    assert list(table) == ["file", "label", "confidence", "error", "dark", "light"]
    assert table["error"].isna().all()
    for label in ("dark", "light"):
        assert len(list((sorted_folder / label).iterdir())) == (table["label"] == label).sum()
    assert len(list(notes.iterdir())) == 40
    printed = capsys.readouterr()
    assert printed.out == ""
    for word in ("network input (None, 32, 32, 3)", "read ", "resize ", "network ", "write ", "dark0.png: dark"):
        assert word in printed.err


def test_bad_files_are_named_and_the_status_is_1(scans, tiny_bundle, capsys):
    (scans / "dark3.png").write_bytes(b"")
    assert main(["predict", "-i", str(scans), "-m", str(tiny_bundle), "--threshold", "0.99"]) == 1
    printed = capsys.readouterr()
    assert printed.err.splitlines() == [f"{scans}/dark3.png: the file is empty; copy it again from its source"]
    lines = printed.out.splitlines()
    assert len(lines) == 41
    assert lines[0] == "file,label,confidence,error,dark,light"
    assert lines[4] == f"{scans}/dark3.png,,,the file is empty; copy it again from its source,,"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--output", "out.txt"], "let the name end in .csv or .jsonl"),
        (["--sort", "scans/sorted"], "overlaps with the input"),
        (["--annotate", "."], "overlaps with the input"),
        (["-i", "empty"], "holds no images"),
        (["-i", "missing"], "no such folder"),
        (["-m", "no-such-model"], "no-such-model: no such model folder"),
        (["--sort", "copies", "--annotate", "copies"], "copies: holds the copies of --sort or of --annotate"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(scans, tiny_bundle, tmp_path, monkeypatch, capsys, options, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["predict", "-i", "scans", "-m", str(tiny_bundle), *options]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out.txt").exists()
