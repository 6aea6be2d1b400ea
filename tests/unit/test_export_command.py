"""`imagecourse export`: the same answers in other formats, and a certificate that says so."""

import base64
import gzip
import json
import re

import numpy as np
import pytest

from imagecourse.cli import main
from imagecourse.files import read_json
from imagecourse.images import read_square_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.networks.runtime import OnnxNetwork, largest_difference


def export(bundle, kind, path, *more) -> int:
    return main(["export", str(bundle), "--to", kind, "-o", str(path), *map(str, more)])


@pytest.mark.parametrize(("kind", "name"), [("onnx", "m.onnx"), ("litert", "m.tflite"), ("saved_model", "m")])
def test_a_certificate_tells_what_was_measured(tiny_bundle, shades, tmp_path, kind, name, capsys):
    assert export(tiny_bundle, kind, tmp_path / name, "--data", shades) == 0
    facts = read_json(tmp_path / f"{name}.certificate.json")
    assert facts["format"] == kind and facts["largest_difference"] < 1e-4
    assert facts["accuracy"]["before"] == facts["accuracy"]["after"]
    assert facts["accuracy"]["difference"]["value"] == 0
    files = [tmp_path / name, *(tmp_path / name).rglob("*")]
    assert facts["bytes"] == sum(file.stat().st_size for file in files if file.is_file())
    assert "largest difference of an answer" in capsys.readouterr().out


def test_eight_bits_are_smaller_and_measured(tiny_bundle, shades, tmp_path):
    for name, more in (("float.onnx", ()), ("int8.onnx", ("--int8",))):
        assert export(tiny_bundle, "onnx", tmp_path / name, "--data", shades, *more) == 0
    whole, small = (read_json(tmp_path / f"{name}.onnx.certificate.json") for name in ("float", "int8"))
    assert small["int8"] and small["largest_difference"] > whole["largest_difference"]
    assert OnnxNetwork(tmp_path / "int8.onnx").output_shape == OnnxNetwork(tmp_path / "float.onnx").output_shape


def test_the_page_holds_the_network_and_asks_nobody(tiny_bundle, shades, tmp_path):
    assert export(tiny_bundle, "html", tmp_path / "page.html") == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=", page) and "default-src 'none'" in page
    facts = json.loads(re.search(r'id="facts">(.*?)</script>', page)[1])
    packed = re.search(r'id="network">(.*?)</script>', page)[1]
    (tmp_path / "inside.onnx").write_bytes(gzip.decompress(base64.b64decode(packed)))
    bundle, network = load_bundle(tiny_bundle), OnnxNetwork(tmp_path / "inside.onnx")
    assert facts["labels"] == bundle.labels
    picture = read_square_image(next(shades.rglob("*.png")), facts["size"][0])[None].astype(np.float32)
    assert largest_difference(bundle.model.predict_on_batch(picture), network.predict_on_batch(picture)) < 1e-4


@pytest.mark.parametrize(
    ("kind", "name", "more", "fault"),
    [
        ("onnx", "m.tflite", [], "let the name of a onnx file end in .onnx"),
        ("onnx", "m.onnx", ["--int8"], "learnt from pictures; add --data DIR"),
        ("saved_model", "m", ["--int8"], "a SavedModel keeps its numbers"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(tiny_bundle, tmp_path, capsys, kind, name, more, fault):
    assert export(tiny_bundle, kind, tmp_path / name, *more) == 2
    assert fault in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tiny_bundle, tmp_path, capsys):
    (tmp_path / "m.onnx").write_text("mine")
    assert export(tiny_bundle, "onnx", tmp_path / "m.onnx") == 2
    assert (tmp_path / "m.onnx").read_text() == "mine" and "is already there" in capsys.readouterr().err
