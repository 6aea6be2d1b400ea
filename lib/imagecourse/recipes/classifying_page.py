"""One HTML file with a network inside, which classifies pictures in a browser, without a server or a network."""

import base64
import gzip
import lzma
from importlib import resources

import jinja2

from imagecourse.networks.bundles import Bundle, is_multi_label

WEB = resources.files("imagecourse.recipes") / "web"
"""ONNX Runtime Web 1.30.0, by Microsoft, MIT licence: the package onnxruntime-web of npm, its processor only."""


def classifying_page(bundle: Bundle, network: bytes, size: tuple[int, int]) -> str:
    """The page. network: an ONNX file. size: height and width that it takes."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("imagecourse.recipes", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    thresholds = bundle.card.get("thresholds", {})
    facts = {
        "labels": bundle.labels,
        "size": size,
        "several": is_multi_label(bundle.model),
        "thresholds": [thresholds.get(label, 0.5) for label in bundle.labels],
    }
    return environment.get_template("classifying_page.html").render(
        name=bundle.folder.name,
        limits=bundle.card.get("limits", ""),
        facts=facts,
        network=_packed(network),
        runtime=_packed(lzma.decompress((WEB / "ort-wasm-simd-threaded.wasm.xz").read_bytes())),
        script=_packed((WEB / "ort.wasm.bundle.min.mjs").read_bytes()),
    )


def _packed(content: bytes) -> str:
    """What the page unpacks: gzip, as base64."""
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()
