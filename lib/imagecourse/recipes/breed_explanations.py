"""Where a classifier looked in some test pictures: small maps for its card, which show nothing of the pictures."""

from collections.abc import Sequence

import keras
import numpy as np

from imagecourse import explain
from imagecourse.images import read_squares

COUNT = 20
LEVELS = 99


def explain_some(
    model: keras.Model, classes: Sequence[str], files: Sequence[str], truth: np.ndarray, seed: int, count: int = COUNT
) -> list[dict]:
    """Grad-CAM for the answers to some pictures, drawn at random but evenly over the classes, and what tests say of it.

    truth: (n,) int class numbers of the files. Each entry has truth and prediction (names), map (one text for each row
    of places, numbers from 0 to 99) and areas: below the curves of insertion and deletion in 32 steps
    (`explain.insertion_curve`, hidden by blurring), beside a blob in the centre and noise.
    """
    rows = _evenly(truth, count, seed)
    network = explain.examine(model, list(classes))
    images = read_squares([files[row] for row in rows], model.input_shape[1]).astype(np.float32)
    answers = explain.predictions(network, images).argmax(axis=1).tolist()
    found = explain.grad_cam(network, images, answers)
    maps = {
        "Grad-CAM": found.maps,
        "centre blob": explain.centre_blob(images).maps,
        "random map": explain.random_map(images, seed).maps,
    }
    curves = {"insertion": explain.insertion_curve, "deletion": explain.deletion_curve}
    areas = {
        f"{kind}: {name}": curve(network, images, answers, stack).area.round(4).tolist()
        for kind, curve in curves.items()
        for name, stack in maps.items()
    }
    return [
        {
            "truth": classes[truth[row]],
            "prediction": classes[answers[number]],
            "map": _as_text(found.raw[number]),
            "areas": {name: values[number] for name, values in areas.items()},
        }
        for number, row in enumerate(rows)
    ]


def _evenly(truth: np.ndarray, count: int, seed: int) -> list[int]:
    """Rows in turns from all classes."""
    order = np.random.default_rng(seed).permutation(len(truth))
    turn = [int((truth[order[:place]] == truth[row]).sum()) for place, row in enumerate(order)]
    return sorted(order[np.lexsort((truth[order], turn))][:count].tolist())


def _as_text(raw: np.ndarray) -> list[str]:
    """Positive values as numbers from 0 to LEVELS."""
    positive = np.maximum(raw, 0)
    levels = np.round(positive / max(positive.max(), np.finfo(np.float32).tiny) * LEVELS).astype(int)
    return [" ".join(map(str, line)) for line in levels]
