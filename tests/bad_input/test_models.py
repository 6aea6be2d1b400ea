"""Model folders with each file missing, cut short, emptied, of another model, or hostile, through every command."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from bad_inputs import contents, write_model
from made_pictures import encoded

Damage = Callable[[Path], object]


def without(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def holding(name: str, content: bytes) -> Damage:
    return lambda folder: (folder / name).write_bytes(content)


def cut(name: str, share: float) -> Damage:
    return lambda folder: (folder / name).write_bytes(_start(folder / name, share))


def _start(path: Path, share: float) -> bytes:
    content = path.read_bytes()
    return content[: int(len(content) * share)]


def as_folder(name: str) -> Damage:
    def change(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return change


def of_another(name: str) -> Damage:
    def change(folder: Path) -> None:
        other = write_model(folder.parent / "other", ["a", "b", "c", "d", "e"], side=20)
        shutil.copy(other / name, folder / name)

    return change


def with_layer(**layer) -> Damage:
    """A layer of this description at the end of the network."""

    def change(folder: Path) -> None:
        path = folder / "architecture.json"
        config = json.loads(path.read_text())
        config["config"]["layers"].append({"registered_name": None, "name": "last", "module": "keras.layers"} | layer)
        path.write_text(json.dumps(config))

    return change


LAMBDA = {"class_name": "__lambda__", "config": {"value": "4wEAAAAA", "defaults": None, "closure": None}}
PARTS = ("architecture.json", "labels.txt", "model.weights.h5")
CAPTIONER_PARTS = ("architecture.json", "vocabulary.txt", "model.weights.h5", "card.json")
STRINGS = b'{"class_name": "Sequential", "config": {"layers": ["x"]}}'
DAMAGES = {
    **{f"{name} missing": without(name) for name in PARTS},
    **{f"{name} empty": holding(name, b"") for name in (*PARTS, "card.json")},
    **{f"{name} a folder": as_folder(name) for name in PARTS},
    **{f"{name} of another model": of_another(name) for name in PARTS},
    **{f"weights cut to {share:.0%}": cut("model.weights.h5", share) for share in (0.01, 0.1, 0.5, 0.9, 0.99)},
    **{f"architecture cut to {share:.0%}": cut("architecture.json", share) for share in (0.1, 0.5, 0.99)},
    "architecture a list": holding("architecture.json", b"[1, 2]"),
    "architecture null": holding("architecture.json", b"null"),
    "architecture a number": holding("architecture.json", b"1e999"),
    "architecture without config": holding("architecture.json", b'{"class_name": "Functional", "module": "keras"}'),
    "architecture of strings": holding("architecture.json", STRINGS),
    "architecture of another module": with_layer(module="os", class_name="system", config={"command": "touch gone"}),
    "architecture calling a function": with_layer(module="builtins", class_name="function", config="eval"),
    "architecture with a lambda": with_layer(class_name="Lambda", config={"name": "last", "function": LAMBDA}),
    "architecture with a saved model": with_layer(class_name="TFSMLayer", config={"filepath": "https://example.org/m"}),
    "architecture with a hidden lambda": with_layer(class_name="Dense", config={"units": 3, "activation": LAMBDA}),
    "architecture with a negative size": with_layer(class_name="Dense", config={"units": -3}),
    "architecture with a text as size": with_layer(class_name="Dense", config={"units": "three"}),
    "labels in UTF-16": holding("labels.txt", "Photo\nText\nSketch\n".encode("utf-16")),
    "labels twice": holding("labels.txt", b"Photo\nPhoto\nText\n"),
    "labels that climb": holding("labels.txt", b"Photo\n..\nText\n"),
    "labels with a path": holding("labels.txt", b"Photo\n/etc\nText\n"),
    "labels with NUL": holding("labels.txt", b"Photo\nT\0xt\nText\n"),
    "labels with a formula": holding("labels.txt", b"Photo\n@SUM(A1)\nText\n"),
    "labels with an empty line": holding("labels.txt", b"Photo\n\nText\n"),
    "labels of one line": holding("labels.txt", b"Photo, Text, Sketch\n"),
    "card cut": holding("card.json", b'{"task": "photo", "classes": ['),
    "card a list": holding("card.json", b"[]"),
    "card of other classes": holding("card.json", b'{"classes": ["a", "b", "c"]}'),
    "card in another order": holding("card.json", b'{"classes": ["Text", "Photo", "<b>Sketch"]}'),
    "card of other types": holding("card.json", b'{"classes": 7, "thresholds": "x", "input_size": {}}'),
    "card with infinite thresholds": holding("card.json", b'{"thresholds": {"Photo": Infinity}}'),
    "history no table": holding("history.csv", b'"never ends\n1,2\n' + bytes(range(256))),
    "predictions no table": holding("predictions.csv", b'a,b\n"never ends'),
    "a captioner": holding("vocabulary.txt", b"<pad>\n"),
    "two files of weights": lambda folder: (
        (folder / "model.weights.h5").rename(folder / "a.weights.h5"),
        shutil.copy(folder / "a.weights.h5", folder / "b.weights.h5"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", DAMAGES)
def test_a_damaged_model_is_one_line_in_every_command(what, run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, out = shutil.copytree(model, tmp_path / "model"), tmp_path / "out"
    (tmp_path / "a.png").write_bytes(encoded("png"))
    DAMAGES[what](folder)
    before = contents(folder)
    for words in (
        [
            "predict",
            "-i",
            "a.png",
            "-m",
            folder,
            "--runtime",
            "keras",
            "--output",
            out / "a.csv",
            "--sort",
            out / "sorted",
        ],
        ["explain", "-i", "a.png", "-m", folder, "-o", out / "a.png"],
        ["pipeline", "-i", "a.png", "-o", out / "piped", "-m", folder, "--jobs", "1"],
        ["export", folder, "--to", "onnx", "-o", out / "exported"],
    ):
        answer = run(*words)
        assert answer.status in (1, 2) and len(answer.lines) == 1, (words[0], answer)
        assert "model" in answer.lines[0]
    assert contents(folder) == before and not (tmp_path / "gone").exists()
    assert not out.exists() or not [path for path in out.rglob("*") if path.is_file() and ".pipeline" not in path.parts]


CAPTIONER_DAMAGES = {
    **{f"{name} missing": without(name) for name in CAPTIONER_PARTS},
    **{f"{name} empty": holding(name, b"") for name in CAPTIONER_PARTS},
    "another vocabulary": holding("vocabulary.txt", b"<pad>\n<start>\n<end>\n<unknown>\na\n"),
    "binary vocabulary": holding("vocabulary.txt", bytes(range(256))),
    "unknown encoder": holding("card.json", b'{"encoder": {"backbone": "../x", "image_size": 32, "layer": "y"}}'),
    "encoder of other types": holding("card.json", b'{"encoder": {"backbone": 3, "image_size": "big", "layer": null}}'),
    "encoder without size": holding("card.json", b'{"encoder": {"backbone": "efficientnet_lite0"}}'),
    "encoder a list": holding("card.json", b'{"encoder": []}'),
    "encoder of no pixels": holding(
        "card.json", b'{"encoder": {"backbone": "efficientnet_lite0", "image_size": -1, "layer": "block5c_add"}}'
    ),
    "weights cut": cut("model.weights.h5", 0.5),
}  # fmt: skip


@pytest.mark.parametrize("what", CAPTIONER_DAMAGES)
def test_a_damaged_captioner_is_one_line(what, run, captioner, tmp_path):
    folder = shutil.copytree(captioner, tmp_path / "captioner")
    (tmp_path / "a.png").write_bytes(encoded("png"))
    CAPTIONER_DAMAGES[what](folder)
    answer = run("caption", "-i", tmp_path / "a.png", "-m", folder, "--output", tmp_path / "a.csv")
    assert answer.status in (1, 2) and len(answer.lines) == 1 and "captioner" in answer.lines[0], answer
    assert not (tmp_path / "a.csv").exists()


def test_models_in_each_others_place(run, model, captioner, tmp_path):
    (tmp_path / "a.png").write_bytes(encoded("png"))
    for words in (
        ["predict", "-m", captioner],
        ["caption", "-m", model],
        ["explain", "-m", captioner, "-o", tmp_path / "out.png"],
        ["restore", "-o", tmp_path / "out", "--method", str(model)],
        ["predict", "-m", tmp_path],
        ["predict", "-m", tmp_path / "a.png"],
        ["predict", "-m", "../../etc"],
    ):
        answer = run(words[0], "-i", tmp_path / "a.png", *words[1:])
        assert answer.status in (1, 2) and len(answer.lines) == 1, (words, answer)
