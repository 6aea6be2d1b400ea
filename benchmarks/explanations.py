"""How long each explanation takes for one picture, and how many forward passes of the network that is, in one run.

    python benchmarks/explanations.py [--model MODEL] [--rounds 5]

Forward pass and methods take turns, so that other work on the machine slows all of them; medians are compared. Wanted:
Grad-CAM within 3 forward passes. Without a model, an EfficientNet-Lite0 at 224 pixels with random weights stands in.
"""

import argparse
import os
import time
from collections.abc import Callable
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from imagecourse.explain import METHODS, examine, predictions
from imagecourse.networks.backbones import backbone
from imagecourse.networks.bundles import load_bundle

SLOW = ("smoothgrad", "integrated_gradients", "scorecam", "occlusion", "rise")
WANTED = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or its name (default: EfficientNet-Lite0, random weights)")
    parser.add_argument("--rounds", type=int, default=5, help="of the quick methods; the slow ones run once")
    options = parser.parse_args()
    network = examine(load_bundle(options.model).model if options.model else stand_in())
    image = np.random.default_rng(0).uniform(0, 255, (1, *network.image_size, 3)).astype(np.float32)
    seconds: dict[str, list[float]] = {name: [] for name in ("forward", *METHODS)}
    run = {name: lambda name=name: METHODS[name].run(network, image, 0, 0) for name in METHODS}
    run["forward"] = lambda: predictions(network, image)
    for number in range(options.rounds + 1):
        for name in seconds:
            if name not in SLOW or number == 1:
                taken = timed(run[name])
                seconds[name] += [taken] if number or name in SLOW else []
    forward = median(seconds["forward"])
    for name, taken in seconds.items():
        print(f"{name:24}{1000 * median(taken):9.0f} ms{median(taken) / forward:9.1f} forward passes")
    ratio = median(seconds["gradcam"]) / forward
    print(f"Grad-CAM takes {ratio:.2f} forward passes; wanted {WANTED:.0f} at most")


def stand_in() -> keras.Model:
    frozen = backbone("efficientnet_lite0", weights=None)
    return keras.Model(frozen.input, keras.layers.Dense(6, activation="softmax")(frozen.output))


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
