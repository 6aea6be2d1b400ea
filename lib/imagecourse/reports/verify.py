"""Does this computer reproduce the course? The chapters with small values, beside the figures that were stored."""

import math
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from imagecourse.files import read_json, write_json
from imagecourse.reports.chapters import find_notebooks
from imagecourse.reports.run import Run, run_reports

SMALL, EXPECTED = (Path(__file__).with_name(name) for name in ("small.toml", "expected.json"))
SEED, OTHER_SEEDS = 42, (43, 44)
LEAST_TOLERANCE = 0.01
"""Of a figure, relative to its size: sums of floating-point numbers differ a little from processor to processor."""


class Difference(NamedTuple):
    """A figure that is not as stored; found: None for one that the chapter no longer gives."""

    name: str
    found: float | None
    expected: float
    tolerance: float

    def __str__(self) -> str:
        found = "missing" if self.found is None else f"{self.found:.4g}"
        return f"{self.name}: {found}, expected {self.expected:.4g} ± {self.tolerance:.2g}"


class Verdict(NamedTuple):
    """How a chapter went. figures: how many were compared."""

    run: Run
    figures: int
    differences: list[Difference]


def small_values() -> dict[str, dict]:
    """The smallest values that each chapter's parameters may sensibly have, by the chapter's name."""
    return tomllib.loads(SMALL.read_text(encoding="utf-8"))


def verify(names: Iterable[str] = (), output: Path | None = None) -> list[Verdict]:
    """Run chapters (all without names) with small values and compare their metrics with the stored ones.

    output: keeps the reports; None leaves nothing behind. Raises: ValueError, FileNotFoundError as `run_reports`.
    """
    expected = read_json(EXPECTED)
    with tempfile.TemporaryDirectory() as work:
        folder = Path(output or work)
        verdicts = []
        for path in find_notebooks(names):
            run, figures = _figures_of(path.stem, SEED, folder)
            stored = expected.get(path.stem, {})
            verdicts.append(Verdict(run, len(stored), differences(figures, stored)))
        return verdicts


def differences(figures: dict[str, float], stored: dict[str, list[float]]) -> list[Difference]:
    """The stored figures, [value, tolerance] by name, that others do not meet."""
    compared = (Difference(name, figures.get(name), *pair) for name, pair in stored.items())
    return [each for each in compared if each.found is None or not abs(each.found - each.expected) <= each.tolerance]


def renew_expected(names: Iterable[str] = ()) -> Path:
    """Store what the chapters give now. The tolerance of a figure is how far apart three seeds lie: a computer whose
    figures differ by more than chance makes them differ does not reproduce the course.

    Raises: ValueError for a chapter that fails.
    """
    expected = read_json(EXPECTED, {})
    for notebook in find_notebooks(names):
        with tempfile.TemporaryDirectory() as work:
            runs = [_figures_of(notebook.stem, seed, Path(work)) for seed in (SEED, *OTHER_SEEDS)]
        for run, _ in runs:
            if not run.passed:
                raise ValueError(str(run))
        expected[notebook.stem] = with_tolerances([figures for _, figures in runs])
    write_json(EXPECTED, dict(sorted(expected.items())))
    return EXPECTED


def with_tolerances(runs: list[dict[str, float]]) -> dict[str, list[float]]:
    """[value of the first run, tolerance] of each figure that all runs give."""
    found = {}
    for name, value in runs[0].items():
        values = [figures[name] for figures in runs if name in figures]
        if len(values) == len(runs):
            tolerance = max(max(values) - min(values), LEAST_TOLERANCE * abs(value), LEAST_TOLERANCE / 100)
            found[name] = [float(f"{number:.6g}") for number in (value, tolerance)]
    return found


def _figures_of(name: str, seed: int, output: Path) -> tuple[Run, dict[str, float]]:
    (run,) = run_reports([name], small_values().get(name, {}) | {"seed": seed}, output)
    return run, flat(read_json(output / "metrics.json").get(name, {}))


def flat(metrics: dict, above: str = "") -> dict[str, float]:
    """The finite numbers in nested metrics, by their path; what is measured in seconds differs everywhere."""
    found = {}
    for key, value in metrics.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            found |= flat(value, f"{name}/")
        elif isinstance(value, (int, float)) and math.isfinite(value) and not _is_time(name):
            found[name] = float(value)
    return found


def _is_time(name: str) -> bool:
    return any(word in name.lower() for word in ("second", "time", "/s", "per s", "memory"))
