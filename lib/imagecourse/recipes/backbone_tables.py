"""What each pretrained network is worth on some pictures, how large it is and how fast."""

import tempfile
import time
from collections.abc import Sequence

import keras
import numpy as np
import pandas as pd

from imagecourse.evaluation.comparison import Split, probe_scores, top_k_right, with_bounds
from imagecourse.networks.backbones import BackboneUnavailableError, backbone
from imagecourse.networks.features import cached_features
from imagecourse.networks.predict import images_per_second

TIMED_FILES = 128


def compare_backbones(
    names: Sequence[str], files: Sequence[str], targets: np.ndarray, splits: Sequence[Split]
) -> tuple[pd.DataFrame, list[str]]:
    """A row per pretrained network: how well a linear layer on it does, how large and how fast it is.

    Columns: backbone, image_size (pixels), top1 and top5 with _low and _high, parameters, megabytes (float32),
    seconds_features (for all files with nothing kept before, from the time for the first 128), seconds_train (of one
    linear layer), images_per_second (the networks alone and in turns, from memory). Timings are of this computer, now.
    Returns the table and a note for each network that cannot be had.
    """
    models, notes = {}, []
    for name in names:
        try:
            models[name] = backbone(name)
        except BackboneUnavailableError as error:
            notes.append(f"left out: {error}")
    speeds = images_per_second(models)
    rows = [_backbone_row(model, files, targets, splits) for model in models.values()]
    return pd.DataFrame([row | {"images_per_second": speeds[row["backbone"]]} for row in rows]), notes


def _backbone_row(model: keras.Model, files: Sequence[str], targets: np.ndarray, splits: Sequence[Split]) -> dict:
    sample = files[:TIMED_FILES]
    with tempfile.TemporaryDirectory() as empty:
        start = time.perf_counter()
        cached_features(model, sample, cache_dir=empty)
        seconds_features = (time.perf_counter() - start) * len(files) / len(sample)
    features = cached_features(model, files)
    start = time.perf_counter()
    scores = [probe_scores(features, targets, split) for split in splits]
    seconds_train = (time.perf_counter() - start) / len(splits)
    right = {
        k: [top_k_right(targets[s.held_out], p, k).mean() for s, p in zip(splits, scores, strict=True)] for k in (1, 5)
    }
    return (
        {"backbone": model.name, "image_size": model.input_shape[1]}
        | with_bounds("top1", right[1], splits)
        | with_bounds("top5", right[5], splits)
        | {"parameters": model.count_params(), "megabytes": model.count_params() * 4 / 1e6}
        | {"seconds_features": seconds_features, "seconds_train": seconds_train}
    )
