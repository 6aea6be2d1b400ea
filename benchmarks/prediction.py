"""Pictures a second from files to a table: `predict` beside ONNX Runtime, LiteRT, OpenVINO and Keras, in one run.

    pip install openvino ai-edge-litert      # optional; a peer that is missing is left out
    python benchmarks/prediction.py [--model photo-filter] [-i DIR] [--images 512] [--rounds 5]

All get the same network in 32-bit numbers, the same files, decoded by the same threads, and take turns. A peer is what
one would write by hand: batches of 32 into the runtime with a thread for each core, and a table of the answers. At the
end, seconds and memory of the command for one picture.
"""

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd
from turns import report, take_turns

from imagecourse.files import in_groups, read_ahead
from imagecourse.images import input_files, read_image, squeeze, write_image
from imagecourse.networks import runtime
from imagecourse.networks.answers import open_table
from imagecourse.networks.bundles import Bundle, load_bundle
from imagecourse.networks.predict import BATCH_SIZE, input_size, predict_files

Network = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="photo-filter", help="a model folder or its name (default: photo-filter)")
    parser.add_argument("-i", dest="input", help="a folder of images (default: generated JPEG files)")
    parser.add_argument("--images", type=int, default=512, help="how many (default: 512)")
    parser.add_argument("--rounds", type=int, default=5, help="that count (default: 5)")
    options = parser.parse_args()
    bundle = load_bundle(options.model)
    size = input_size(bundle)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(options.input) if options.input else write_pictures(Path(work, "pictures"), options.images)
        files = input_files(folder)[: options.images]
        contestants = {"imagecourse": partial(ours, options.model, files, Path(work, "ours.csv"))}
        networks = all_peers(bundle, Path(work))
        check(bundle, networks, np.stack([squeeze(read_image(file), *size) for file in files[:BATCH_SIZE]]))
        for name, network in networks.items():
            contestants[name] = partial(by_hand, network, files, size, bundle.labels, Path(work, "peer.csv"))
        report(f"predict, {options.model}", take_turns(contestants, options.rounds), "pictures/s")
        print("one picture, by the command:", alone(options.model, files[0]))


def ours(model: str, files: list[Path], table: Path) -> float:
    start = time.perf_counter()
    with open_table(table) as append:
        for answers in predict_files(runtime.load_for(model), files):
            append(answers)
    return len(files) / (time.perf_counter() - start)


def by_hand(network: Network, files: list[Path], size: tuple[int, int], labels: list[str], table: Path) -> float:
    start = time.perf_counter()
    images = read_ahead(lambda file: squeeze(read_image(file), *size), files, 2 * BATCH_SIZE)
    answers = [network(np.stack(batch).astype(np.float32)) for batch in in_groups(images, BATCH_SIZE)]
    pd.DataFrame(np.concatenate(answers), [str(file) for file in files], labels).to_csv(table)
    return len(files) / (time.perf_counter() - start)


def all_peers(bundle: Bundle, work: Path) -> dict[str, Network]:
    onnx = work / "network.onnx"
    bundle.model.predict_on_batch(np.zeros((1, *input_size(bundle), 3), np.float32))
    runtime.write_onnx(bundle.model, onnx)
    peers = {"ONNX Runtime": onnx_runtime(onnx), "Keras": lambda batch: np.asarray(bundle.model(batch))}
    if importlib.util.find_spec("openvino"):
        peers["OpenVINO"] = openvino(onnx)
    if importlib.util.find_spec("ai_edge_litert"):
        bundle.model.export(work / "network.tflite", format="litert", verbose=False)
        peers["LiteRT"] = litert(work / "network.tflite")
    return peers


def onnx_runtime(path: Path) -> Network:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch})[0]


def openvino(path: Path) -> Network:
    import openvino

    core = openvino.Core()
    compiled = core.compile_model(core.read_model(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda batch: compiled(batch)[0]


def litert(path: Path) -> Network:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=os.cpu_count())
    entry, output = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def answer(batch: np.ndarray) -> np.ndarray:
        if interpreter.get_input_details()[0]["shape"][0] != len(batch):
            interpreter.resize_tensor_input(entry, batch.shape)
            interpreter.allocate_tensors()
        interpreter.set_tensor(entry, batch)
        interpreter.invoke()
        return interpreter.get_tensor(output)

    interpreter.allocate_tensors()
    return answer


def check(bundle: Bundle, networks: dict[str, Network], images: np.ndarray) -> None:
    """A peer that gives other answers is no peer."""
    expected = np.asarray(bundle.model(images.astype(np.float32)))
    for name, network in networks.items():
        difference = np.abs(network(images.astype(np.float32)) - expected).max()
        print(f"{name}: answers differ from Keras' by {difference:.1e} at most")
        assert difference < 1e-4, name


def alone(model: str, file: Path) -> str:
    """Seconds and memory of the command for one picture, once its model is exported; the least of three."""
    code = (
        "import sys; from imagecourse.cli import main; main(sys.argv[1:]);"
        "peak = [line for line in open('/proc/self/status') if line.startswith('VmHWM')][0].split()[1];"
        "print(int(peak) // 1024, file=sys.stderr)"
    )
    found = []
    for _ in range(3):
        start = time.perf_counter()
        command = [sys.executable, "-c", code, "predict", "-i", str(file), "-m", model]
        run = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append((time.perf_counter() - start, run.stderr.split()[-1]))
    return "{:.2f} s, {} MB".format(*min(found))


def write_pictures(folder: Path, count: int) -> Path:
    """Soft random shapes of 320 by 240 pixels, as large as JPEG files of photographs that size."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
        noise = rng.integers(-12, 12, (240, 320, 3))
        image = np.clip(squeeze(coarse, 240, 320) + noise, 0, 255).astype(np.uint8)
        write_image(folder / f"{number}.jpg", image)
    return folder


if __name__ == "__main__":
    main()
