"""How close `imagecourse predict` comes to the bare network, and how much memory it takes, in one run.

    python benchmarks/prediction.py [--model MODEL] [-i DIR] [--images 500]

The network alone gets the same batches from memory; the folder run reads, resizes, predicts, writes a table and sorts
copies. The two take turns, so that other work on the machine slows both. Without a model, an EfficientNet-Lite0 with
random weights stands in; without a folder, generated JPEG files.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from imagecourse.images import input_files, read_image, squeeze, write_image
from imagecourse.networks.answers import open_table, sort_copies
from imagecourse.networks.backbones import backbone
from imagecourse.networks.bundles import Bundle, load_bundle
from imagecourse.networks.predict import Timings, forward, input_size, predict_files

BATCH_SIZE = 32
ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or its name (default: EfficientNet-Lite0, random weights)")
    parser.add_argument("-i", dest="input", help="a folder of images (default: generated JPEG files)")
    parser.add_argument("--images", type=int, default=500, help="how many (default: 500)")
    options = parser.parse_args()
    bundle = load_bundle(options.model) if options.model else stand_in()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(options.input) if options.input else write_pictures(Path(work, "pictures"), options.images)
        files = input_files(folder)[: options.images]
        images = [squeeze(read_image(file), *input_size(bundle)) for file in files[: 2 * BATCH_SIZE]]
        bare_rate(bundle, images, BATCH_SIZE)
        rounds = []
        for number in range(ROUNDS):
            bare = bare_rate(bundle, images, len(files))
            whole, timings = folder_rate(bundle, folder, files, Path(work, f"run{number}"))
            rounds.append((whole / bare, bare, whole, timings))
    ratio, bare, whole, timings = sorted(rounds, key=lambda measured: measured[0])[ROUNDS // 2]
    print(f"network alone     {bare:7.1f} images/s")
    print(f"folder run        {whole:7.1f} images/s  ({timings})")
    print(
        f"ratio             {ratio:7.2f}  (median of {ROUNDS}: {', '.join(f'{r[0]:.2f}' for r in rounds)}; wanted 0.80)"
    )
    print(
        f"peak memory       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:7.2f} GiB  (wanted below 1.4)"
    )


def stand_in() -> Bundle:
    frozen = backbone("efficientnet_lite0", weights=None)
    outputs = keras.layers.Dense(6, activation="softmax")(frozen.output)
    return Bundle(keras.Model(frozen.input, outputs), [f"class {number}" for number in range(6)], Path("stand-in"))


def write_pictures(folder: Path, count: int) -> Path:
    """Soft random shapes of 320 by 240 pixels, as large as JPEG files of photographs that size."""
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 255, (24, 32, 3)).astype(np.uint8)
        noise = rng.integers(-12, 12, (240, 320, 3))
        image = np.clip(squeeze(coarse, 240, 320) + noise, 0, 255).astype(np.uint8)
        write_image(folder / f"{number}.jpg", image)
    return folder


def bare_rate(bundle: Bundle, images: list[np.ndarray], count: int) -> float:
    """Images per second through the network alone, from memory, in full batches."""
    batches = max(1, count // BATCH_SIZE)
    pool = (images * BATCH_SIZE)[:BATCH_SIZE]
    start = time.perf_counter()
    for _ in range(batches):
        forward(bundle.model, pool, BATCH_SIZE)
    return batches * BATCH_SIZE / (time.perf_counter() - start)


def folder_rate(bundle: Bundle, folder: Path, files: list[Path], work: Path) -> tuple[float, Timings]:
    """Images per second from files to a table and, where there are classes, sorted copies."""
    timings = Timings()
    start = time.perf_counter()
    tables = predict_files(bundle, files, threshold=0.9, batch_size=BATCH_SIZE, timings=timings)
    with open_table(work / "answers.csv") as append:
        for table in tables:
            append(table)
            if "label" in table:
                sort_copies(table, folder, work / "sorted")
    return len(files) / (time.perf_counter() - start), timings


if __name__ == "__main__":
    main()
