"""Folders that are empty, unreadable, read-only, of another kind, or vanish in mid-run, through every command."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from bad_inputs import contents
from made_pictures import encoded

import imagecourse

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2


def filled(folder: Path, count: int = 3) -> Path:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded("png", number))
    return folder


def readers(source: Path, out: Path, model: Path, captioner: Path) -> dict[str, list]:
    """Each command that reads a folder of pictures."""
    return {
        "predict": ["predict", "-i", source, "-m", model, "--runtime", "keras", "--output", out / "a.csv"],
        "restore": ["restore", "-i", source, "-o", out / "restored"],
        "caption": ["caption", "-i", source, "-m", captioner, "--output", out / "c.csv"],
        "pipeline": ["pipeline", "-i", source, "-o", out / "piped", "-m", model, "--jobs", "1"],
        "check": ["data", "check", source],
        "build": ["data", "build", source, out / "built"],
        "audit": ["data", "audit", source, "-o", out / "audited"],
        "features": ["data", "features", source, "-o", out / "f.npz"],
        "train": ["train", "photo", "--network", "photo_cnn", "--data", source, "--output", out / "trained"],
        "classifier": ["train", "classifier", "--data", source, "--output", out / "classifier"],
        "faces": ["train", "faces", "--data", source, "--output", out / "faces"],
        "denoiser": ["train", "denoiser", "--data", source, "--output", out / "denoiser"],
        "documents": ["train", "documents", "--data", source, "--output", out / "cleaner"],
        "breeds": ["train", "breeds", "--data", source, "--output", out / "dogs"],
        "characters": ["train", "characters", "--data", source, "--output", out / "characters"],
        "captions": ["train", "captions", "--data", source, "--output", out / "captioner"],
        "explain": ["explain", "-i", source, "-m", model, "-o", out / "e.png"],
        "calibrate": ["restore", "--calibrate", source, "-o", out / "calibration.json"],
    }


COMMANDS = list(readers(Path(), Path(), Path(), Path()))


def empty(place: Path) -> Path:
    place.mkdir()
    return place


def of_texts(place: Path) -> Path:
    place.mkdir()
    (place / "notes.txt").write_text("none here")
    (place / ".hidden.png").write_bytes(encoded("png"))
    return place


def of_empty_folders(place: Path) -> Path:
    for name in ("cats", "dogs"):
        (place / name).mkdir(parents=True)
    return place


def missing(place: Path) -> Path:
    return place


def ring(place: Path) -> Path:
    place.symlink_to(place.name)
    return place


def ring_inside(place: Path) -> Path:
    (place / "cats").mkdir(parents=True)
    (place / "cats" / "again").symlink_to(place)
    return place


def plain_file(place: Path) -> Path:
    place.write_text("not a folder")
    return place


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("make", [empty, of_texts, of_empty_folders, missing, ring, ring_inside, plain_file])
def test_folders_without_pictures_are_one_line(make, command, run, model, captioner, tmp_path):
    out = tmp_path / "out"
    source = make(tmp_path / "source")
    answer = run(*readers(source, out, model, captioner)[command])
    assert answer.status in (1, 2)
    assert command == "check" or (len(answer.lines) == 1 and "source" in answer.lines[0])
    assert make is plain_file or not out.exists() or contents(out) == {}


@pytest.mark.parametrize(
    "command", ["predict", "restore", "build", "audit", "pipeline", "explain", "features", "caption"]
)
def test_outputs_that_are_no_place_to_write(command, run, model, captioner, tmp_path):
    """Below a file, nothing can be written; and the file stays what it is."""
    source, out = filled(tmp_path / "source"), tmp_path / "out"
    out.write_text("a letter")
    if command in ("build", "audit", "features"):
        source = filled(tmp_path / "set" / "a", 8).parent
        filled(tmp_path / "set" / "b", 8)
    if command == "explain":
        source = source / "0.png"
    answer = run(*readers(source, out, model, captioner)[command])
    assert answer.status == 2 and str(out) in answer.lines[-1]
    assert out.read_text() == "a letter" and sorted(p.name for p in tmp_path.iterdir() if p.name[0] == ".") == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["restore", "-i", "in", "-o", "in"], "would mix results with the inputs"),
        (["restore", "-i", "in", "-o", "in/out"], "would mix results with the inputs"),
        (["restore", "-i", "in/0.png", "-o", "in"], "would mix results with the inputs"),
        (["restore", "-i", "a.gif", "-o", "."], "would mix results with the inputs"),
        (["predict", "-i", "in", "--sort", "in"], "overlaps with the input"),
        (["predict", "-i", "in", "--annotate", "in/notes"], "overlaps with the input"),
        (["predict", "-i", "in/0.png", "--sort", "in"], "overlaps with the input"),
        (["pipeline", "-i", "in", "-o", "in/out"], "in"),
        (["data", "build", "in", "in/built"], "lies inside the source"),
        (["explain", "-i", "in/0.png", "-o", "in/0.png"], "is the input"),
        (["explain", "-i", "in/0.png", "-o", "link.png"], "is the input"),
    ],
)
def test_inputs_are_never_written(words, message, run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    filled(tmp_path / "in")
    (tmp_path / "a.gif").write_bytes(encoded("gif"))
    (tmp_path / "link.png").symlink_to("in/0.png")
    before = contents(tmp_path)
    answer = run(*words, *(["-m", model] if words[0] in ("predict", "pipeline", "explain") else []))
    assert answer.status == 2 and message in answer.lines[-1] and contents(tmp_path) == before


def test_pictures_that_vanish_in_mid_run_are_named_and_the_others_done(run, model, tmp_path, monkeypatch):
    source = filled(tmp_path / "source", 5)
    for command, module in (("predict", "networks.predict"), ("restore", "restoration.folders")):
        (source / "3.png").write_bytes(encoded("png", 3))
        vanish_before_reading(monkeypatch, f"imagecourse.{module}.read_image", source / "3.png")
        answer = run(*readers(source, tmp_path / "out", model, model)[command])
        assert answer.status == 1 and len(answer.lines) == 1 and answer.names("3.png: no such file")
    assert len(pd.read_csv(tmp_path / "out" / "a.csv")) == 5
    assert sum(name.endswith(".png") for name in contents(tmp_path / "out" / "restored")) == 4


def vanish_before_reading(monkeypatch, name: str, victim: Path) -> None:
    from imagecourse.images import read_image

    def read(path, *more):
        victim.unlink(missing_ok=True)
        return read_image(path, *more)

    monkeypatch.setattr(name, read)


def without_privileges() -> None:
    """The administrator may read and write everything; not so after this."""
    if os.geteuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def as_user(*words: object) -> subprocess.CompletedProcess:
    """A command by an ordinary user, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(Path(imagecourse.__file__).parents[1])}
    command = [sys.executable, "-m", "imagecourse", *map(str, words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, preexec_fn=without_privileges)
    assert "Traceback" not in done.stderr
    return done


def test_what_an_ordinary_user_may_not_read_is_named(tmp_path):
    source = filled(tmp_path / "source")
    (source / "1.png").chmod(0)
    filled(source / "locked").chmod(0)
    output = tmp_path / "out"
    done = as_user("restore", "-i", source, "-o", output, "--method", "gaussian")
    assert done.returncode == 1 and "1.png: you may not read it" in done.stderr
    assert "locked" in done.stderr and len(list(output.glob("*.png"))) == 2
    (source / "locked").chmod(0o755)
    source.chmod(0)
    done = as_user("data", "check", source)
    source.chmod(0o755)
    assert done.returncode == 2 and done.stderr.strip().endswith(
        "you may not read this folder; ask its owner for read permission"
    )


def test_a_read_only_output_is_one_line(tmp_path):
    source, output = filled(tmp_path / "source"), tmp_path / "out"
    output.mkdir(mode=0o555)
    for words in (["restore", "-i", source, "-o", output], ["data", "build", source.parent, output / "built"]):
        done = as_user(*words)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and str(output) in done.stderr
    assert list(output.iterdir()) == []
