"""Networks as ONNX files, run by ONNX Runtime: the same answers in about half the time, without TensorFlow.

A model that is asked often is exported once into the cache folder (`cache.cache_folder`), under a key of its files and
of the versions that wrote it; what gives other answers than Keras there is not used.
"""

import contextlib
import io
import logging
import os
import sys
import warnings
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import numpy as np

from imagecourse.cache import cache_folder
from imagecourse.files import atomic_path, read_json, temporary_folder, write_json
from imagecourse.networks.answering import Bundle, kind_of
from imagecourse.networks.model_files import find_model, model_digest, read_records

AUTO, KERAS, ONNX = RUNTIMES = ("auto", "keras", "onnx")
LARGEST_DIFFERENCE = 1e-4
"""Of an answer of the exported network, a probability or relative to its size, from that of Keras."""
FAILURES = (OSError, ValueError, ModuleNotFoundError)
"""Of an export: a full disk, other answers, a package that is missing."""
FREE_SIZE = 128  # of pictures for a network that takes any size


class OnnxNetwork:
    """A network in an ONNX file that is asked as a Keras model is.

    kind: how it answers, see `answering.kind_of`. input_shape: (None, h, w, 3). output_names: in the file's order.
    """

    def __init__(self, path: str | os.PathLike, kind: str | None = None, output_names: list[str] | None = None):
        """Raises: ValueError for a file that is no ONNX network."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(os.fspath(path), options, ["CPUExecutionProvider"])
        except Exception as error:  # the runtime has one kind for each way in which a file can be wrong
            reason = str(error).splitlines()[0]
            raise ValueError(f"{path}: no ONNX network ({reason}); export the model again") from error
        (entry, *_), outputs = self._session.get_inputs(), self._session.get_outputs()
        self.input_name, self.kind = entry.name, kind
        self.input_shape, *shapes = [_shape(each.shape) for each in (entry, *outputs)]
        self.output_names = output_names or [output.name for output in outputs]
        self.output_shape = shapes[0] if len(shapes) == 1 else dict(zip(self.output_names, shapes, strict=True))

    def predict_on_batch(self, images: np.ndarray) -> np.ndarray | dict[str, np.ndarray]:
        """Answers for (n, h, w, 3) RGB in [0, 255]: (n, …) float32, one by each name for several outputs."""
        answers = self._session.run(None, {self.input_name: np.asarray(images, np.float32)})
        return answers[0] if len(answers) == 1 else dict(zip(self.output_names, answers, strict=True))


def _shape(sizes: list) -> tuple[int | None, ...]:
    return (None, *(size if isinstance(size, int) else None for size in sizes[1:]))


def exported_path(name: str | os.PathLike) -> Path:
    """Where the exported network of a model lies, or will lie. Raises: as `model_files.find_model`."""
    path = find_model(name)
    return _place(path.stem, model_digest(path))


def _place(name: str, digest: str) -> Path:
    versions = "-".join(metadata.version(package) for package in ("imagecourse", "onnxruntime"))
    return cache_folder() / "exported" / f"{name}-{digest}-{versions}.onnx"


def load_for(name: str | os.PathLike, runtime: str = AUTO) -> Bundle:
    """A model ready to be asked, as `bundles.load_bundle`; its network is Keras' or an `OnnxNetwork`.

    runtime: "keras"; "onnx", which exports the model at its first use; "auto", the same, but goes on with Keras, and
    says so, where that fails. Raises: as `load_bundle`; ValueError for "onnx" where the answers would differ.
    """
    path, exported = find_model(name), exported_path(name)
    if runtime != KERAS and exported.is_file():
        with contextlib.suppress(*FAILURES):  # it is made again
            return _served(path, exported)
    from imagecourse.networks.bundles import load_bundle  # and Keras with it, which takes seconds

    bundle = load_bundle(name)
    if runtime == KERAS:
        return bundle
    try:
        return _exported(bundle, exported)
    except FAILURES as error:
        if runtime == ONNX:
            raise
        _say_slower(path.name, error)
        return bundle


def quick_network(model, digest: str):
    """A Keras model as an `OnnxNetwork`, exported once, or the model itself, with a word, where that fails.

    digest: of its layers and weights, see `identity.of_network`.
    """
    exported = _place(model.name, digest)
    try:
        return OnnxNetwork(exported) if exported.is_file() else export_network(model, exported)
    except FAILURES as error:
        _say_slower(model.name, error)
        return model


def _say_slower(name: str, error: Exception) -> None:
    print(f"imagecourse: {name} runs in Keras, not in ONNX Runtime ({error})", file=sys.stderr)


def _served(path: Path, exported: Path) -> Bundle:
    facts = read_json(exported.with_suffix(".json"))
    network = OnnxNetwork(exported, facts["kind"], facts["output_names"])
    return Bundle(network, facts["labels"], path if path.is_dir() else path.parent, *read_records(path))


def _exported(bundle: Bundle, exported: Path) -> Bundle:
    network = export_network(bundle.model, exported)
    facts = {"kind": network.kind, "output_names": network.output_names, "labels": bundle.labels}
    write_json(exported.with_suffix(".json"), facts)
    return replace(bundle, model=network)


def export_network(model, path: Path) -> OnnxNetwork:
    """A Keras model as an ONNX file that answers alike, at once and whole or not at all.

    Raises: ValueError where an answer to one of eight pictures differs by more than `LARGEST_DIFFERENCE`.
    """
    pictures = np.random.default_rng(0).integers(0, 256, (8, *_picture_shape(model)), np.uint8).astype(np.float32)
    expected = model.predict_on_batch(pictures)
    with temporary_folder(path.parent) as work:
        write_onnx(model, work / path.name)
        names = sorted(expected) if isinstance(expected, dict) else None  # the order in which Keras exports
        network = OnnxNetwork(work / path.name, kind_of(model), names)
        difference = largest_difference(expected, network.predict_on_batch(pictures))
        if not difference <= LARGEST_DIFFERENCE:
            raise ValueError(f"exported, {model.name} answers otherwise, by {difference:.2g}; use it with Keras")
        (work / path.name).replace(path)
    return network


def _picture_shape(model) -> tuple[int, ...]:
    return tuple(size or FREE_SIZE for size in model.input_shape[1:])


def largest_difference(expected, answers) -> float:
    """Of two answers for the same pictures, (n, …) or one by each name: absolute, of large values relative to them."""
    if isinstance(expected, dict):
        return max(largest_difference(expected[name], answers[name]) for name in expected)
    return float(np.max(np.abs(expected - answers) / np.maximum(1, np.abs(expected))))


def write_onnx(model, path: str | os.PathLike) -> None:
    """Write a Keras model that has been called before as an ONNX file, whole or not at all."""
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    with atomic_path(path) as temporary, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of NumPy, about what tf2onnx asks it for
        model.export(temporary, format="onnx", verbose=False)


def quantise(source: Path, destination: Path, pictures: np.ndarray) -> None:
    """Write an ONNX network with weights and activations of 8 bits.

    pictures: (n, h, w, 3) float32 RGB in [0, 255]; the ranges of all activations are learnt from them (the 0.1 % at
    either end cut off), so that they should be of the kind that the network will see.
    """
    from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def __init__(self, name: str):
            self._batches = iter([{name: picture[None]} for picture in pictures])

        def get_next(self) -> dict | None:
            return next(self._batches, None)

    with temporary_folder(destination.parent) as work, atomic_path(destination) as temporary:
        prepared = work / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        with contextlib.redirect_stdout(io.StringIO()):  # it prints how it counts
            quantize_static(
                prepared,
                temporary,
                Reader(OnnxNetwork(source).input_name),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                calibrate_method=CalibrationMethod.Percentile,
                extra_options={"CalibPercentile": 99.9},
            )
