"""How a picture was taken, in three numbers that have nothing to do with what it shows: light, focus and size."""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from imagecourse.files import map_files
from imagecourse.images import read_image

MEASURED_SIDE = 128


def looks(image: np.ndarray) -> dict[str, float]:
    """Brightness, sharpness and size of a picture (h, w, 3) uint8.

    `brightness`: the mean luminance, in [0, 255]. `sharpness`: the standard deviation of the Laplacian of the luminance
    at 128 pixels a side, in grey levels; low where a picture is out of focus or was enlarged. `size`: the shorter side
    in pixels. Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, 2000.
    """
    luminance = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luminance, (MEASURED_SIDE, MEASURED_SIDE), interpolation=cv2.INTER_AREA)
    return {
        "brightness": float(luminance.mean()),
        "sharpness": float(cv2.Laplacian(small.astype(np.float32), cv2.CV_32F).std()),
        "size": float(min(image.shape[:2])),
    }


def looks_of_files(files: Sequence[str | os.PathLike]) -> pd.DataFrame:
    """`looks` of image files, a row each, on all cores; empty for one that cannot be read."""
    outcomes = map_files(_looks_of_file, map(Path, files), "measuring")
    return pd.DataFrame([outcome.result or {} for outcome in outcomes], columns=["brightness", "sharpness", "size"])


def _looks_of_file(path: Path) -> dict[str, float]:
    return looks(read_image(path))
