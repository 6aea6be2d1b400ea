"""Many drawn faces: as arrays in memory, or as files in the layout of UTKFace."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.faces.portrait import draw_face
from imagecourse.samples.faces.traits import FaceTraits, draw_traits

TABLE = "faces.csv"
AT_ONCE = 64


def draw_faces(
    count: int, image_size: int = 64, seed: int = 42, imbalance: float = 0.0
) -> tuple[np.ndarray, pd.DataFrame]:
    """Pictures (count, image_size, image_size, 3) uint8 and a table of their traits, a row for each.

    Columns: those of `FaceTraits`. imbalance: see `traits.draw_traits`. The same seed gives the same faces, and a face
    does not depend on how many others there are. About 5 ms a face on each core.
    Raises: ValueError for an imbalance outside [0, 1], or no face at all.
    """
    traits = _traits(count, seed, imbalance)
    groups = [range(start, min(start + AT_ONCE, count)) for start in range(0, count, AT_ONCE)]
    draw = joblib.delayed(_draw_some)
    parts = joblib.Parallel(n_jobs=min(os.cpu_count() or 1, len(groups)))(
        draw([traits[number] for number in group], image_size, seed, group.start) for group in groups
    )
    return np.concatenate(parts), pd.DataFrame([asdict(each) for each in traits])


def write_faces(folder: str | os.PathLike, count: int = 1200, seed: int = 42, imbalance: float = 0.0) -> Path:
    """Write faces as files `AGE_GENDER_TONE_NUMBER.png`, each of its own size, and `faces.csv`; returns the folder.

    The names are those of UTKFace, the skin tone in place of the group, so that `datasets.read_dataset` reads them.
    faces.csv: `file`, then the columns of `FaceTraits`. Arguments and errors as `draw_faces`; FileExistsError when the
    folder is there and not empty.
    """
    traits = _traits(count, seed, imbalance)
    rows = []
    with new_folder(folder) as temporary:
        for number, each in enumerate(traits):
            file = f"{round(each.age)}_{each.woman}_{each.tone}_{number + 1:08d}.png"
            write_image(temporary / file, draw_face(each, each.size, seed + number))
            rows.append({"file": file} | asdict(each))
        pd.DataFrame(rows).to_csv(temporary / TABLE, index=False, float_format="%.4g", lineterminator="\n")
    return Path(folder)


def _traits(count: int, seed: int, imbalance: float) -> list[FaceTraits]:
    if count < 1 or not 0 <= imbalance <= 1:
        raise ValueError(f"count {count}, imbalance {imbalance}: give at least one face, and an imbalance from 0 to 1")
    return [draw_traits(np.random.default_rng([seed, number]), imbalance) for number in range(count)]


def _draw_some(traits: Sequence[FaceTraits], image_size: int, seed: int, first: int) -> np.ndarray:
    return np.stack([draw_face(each, image_size, seed + first + place) for place, each in enumerate(traits)])
