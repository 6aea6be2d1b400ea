"""Every chapter runs from its first cell to its last, with tiny values, and leaves numbers that make sense."""

import json
import math
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest

from imagecourse.reports.run import run_reports
from imagecourse.reports.verify import small_values

FOLDER = Path(__file__).parents[2] / "notebooks"
CHAPTERS = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
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
    (run,) = run_reports([name], small_values()[name], tmp_path, notebooks=FOLDER)
    assert run.passed, run.failure
    metrics = json.loads((tmp_path / "metrics.json").read_text())[name]
    assert numbers(metrics)
    assert all(math.isfinite(number) for number in numbers(metrics))
    for path, (low, high) in BOUNDS.get(name, {}).items():
        assert low <= reduce(getitem, path.split("/"), metrics) <= high, path
    assert f"{name}.html" in (tmp_path / "index.html").read_text()
