"""Every chapter runs from its first cell to its last, with tiny values, and leaves numbers that make sense."""

import json
import math
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest

from imagecourse.reports.run import run_reports

FOLDER = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
TINY = {
    "01_preprocessing": {"image_size": 64},
    "02_photo_classifier": {"image_size": 32, "backbone_size": 64, "epochs": 1, "runs": 2, "pictures": 72},
    "03_character_cnn": {
        "image_size": 24,
        "pictures": 80,
        "scenes": 60,
        "epochs": 1,
        "few": 3,
        "few_epochs": 1,
        "scene_epochs": 1,
        "seeds": 2,
        "trained_models": ["characters-pokemon"],
    },
    "04_transfer_learning": {
        "image_size": 48,
        "scratch_size": 16,
        "per_breed": 8,
        "scratch_epochs": 1,
        "epochs": 1,
        "page_epochs": 1,
        "plantings": 2,
        "timed_rounds": 1,
    },
    "05_saliency_and_feature_maps": {
        "image_size": 64,
        "scenes": 60,
        "epochs": 2,
        "seeds": 2,
        "trials": 3,
        "rise_masks": 24,
        "samples": 9,
        "kennel": 10,
        "trained_models": ["photo-filter"],
    },
    "06_age_and_gender": {
        "faces": 100,
        "test_faces": 60,
        "image_size": 32,
        "feature_size": 32,
        "epochs": 1,
        "head_epochs": 1,
        "seeds": 2,
        "head_seeds": 2,
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
    "08_digitisation_demo": {"scans": 12, "image_size": 96, "patches": 24, "epochs": 1, "seeds": 2, "texts": 2},
}
DEFAULT = {"image_size": 64}


# chapter: a figure that it keeps: between which values it lies, even in a run as small as these
BOUNDS = {
    "02_photo_classifier": {
        "photographs found, any picture held out": (0.3, 1),
        "frozen features by real pictures of each kind/19": (0.9, 0.97),
        "frozen features by real pictures of each kind/300": (0.95, 0.99),
        "shipped model, accuracy": (0.95, 1),
        "shipped minus frozen on test": (-0.03, 0.03),
        "right above 0.9 at home": (0.95, 1),
    },
    "03_character_cnn": {
        "accuracy on test": (0.1, 0.6),
        "scenes, macro F1/always yes": (0.55, 0.75),
        "shipped models/characters-pokemon/model": (0.94, 1),
        "shipped models/characters-pokemon/baseline": (0.88, 0.99),
    },
}


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
    for path, (low, high) in BOUNDS.get(name, {}).items():
        assert low <= reduce(getitem, path.split("/"), metrics) <= high, path
    assert f"{name}.html" in (tmp_path / "index.html").read_text()
