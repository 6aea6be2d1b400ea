"""Every chapter runs from its first cell to its last, with tiny values, and leaves numbers that make sense."""

import json
import math
from pathlib import Path

import pytest

from imagecourse.reports.run import run_reports

FOLDER = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
TINY = {
    "01_preprocessing": {"image_size": 64},
    "02_photo_classifier": {"image_size": 64, "backbone_size": 64, "epochs": 1, "pictures": 36},
    "03_character_cnn": {"image_size": 24, "pictures": 60, "scenes": 30, "epochs": 1, "seeds": 1},
    "04_transfer_learning": {"image_size": 48, "scratch_size": 16, "per_breed": 8, "epochs": 1, "repeats": 2},
    "05_saliency_and_feature_maps": {
        "image_size": 64,
        "scenes": 60,
        "epochs": 2,
        "trials": 3,
        "rise_masks": 8,
        "shown_pictures": 1,
        "timed_methods": 2,
        "trained_models": ["photo-filter"],
    },
    "07_captioning": {
        "image_size": 48,
        "scenes": 40,
        "held_out": 24,
        "epochs": 1,
        "toy_epochs": 1,
        "blind_seeds": 2,
        "pretend_pictures": 200,
    },
}
DEFAULT = {"image_size": 64}


def numbers(value) -> list[float]:
    """All numbers in nested metrics."""
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [value] if isinstance(value, int | float) else []


def test_there_are_chapters():
    assert CHAPTERS, "no notebooks in notebooks/"


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_runs_and_writes_finite_metrics(name, tmp_path):
    (run,) = run_reports([name], TINY.get(name, DEFAULT), tmp_path, notebooks=FOLDER)
    assert run.passed, run.failure
    metrics = json.loads((tmp_path / "metrics.json").read_text())[name]
    assert numbers(metrics)
    assert all(math.isfinite(number) for number in numbers(metrics))
    assert f"{name}.html" in (tmp_path / "index.html").read_text()
