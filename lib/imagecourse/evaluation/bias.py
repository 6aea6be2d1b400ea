"""Whom is a model wrong about? Its answers measured group by group, with intervals, and only gaps that can be told.

All functions take tables: a row per picture, the truth beside the answer. Pictures count as independent; where many
show the same person, or come from one photograph, intervals are too narrow.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from imagecourse.evaluation.metrics import CONFIDENCE, accuracy_with_interval

FEWEST = 20
"""Groups of fewer pictures are shown, and not compared."""
RESAMPLES = 1000
WITHIN = 10
YEARS = (0, 10, 20, 30, 40, 50, 60, 70, 117)
BANDS = ("low", "middle", "high")


class Measure(NamedTuple):
    """A figure that is a mean over pictures. title: as pages show it. better: "high", "low" or "zero".

    of: a function of a table that gives a number for each picture.
    """

    name: str
    title: str
    better: str
    of: Callable[[pd.DataFrame], pd.Series]


def number_measures(name: str, unit: str = "") -> list[Measure]:
    """Measures of an answer that is a number: columns NAME and true_NAME, and for the last of them NAME_low, NAME_high.

    How far off (mean absolute error), to which side (mean error), how often at most ten off, how often inside the
    interval.
    """

    def error(table: pd.DataFrame) -> pd.Series:
        return table[name] - table[f"true_{name}"]

    def inside(table: pd.DataFrame) -> pd.Series:
        return table[f"true_{name}"].between(table[f"{name}_low"], table[f"{name}_high"])

    unit = f", {unit}" if unit else ""
    return [
        Measure(f"{name}_mae", f"mean absolute error of {name}{unit}", "low", lambda table: error(table).abs()),
        Measure(f"{name}_error", f"mean error of {name}{unit} (above 0: too high)", "zero", error),
        Measure(f"{name}_within_10", f"{name}: share at most {WITHIN} off", "high", lambda t: error(t).abs() <= WITHIN),
        Measure(f"{name}_coverage", f"{name}: share inside the interval", "none", inside),
    ]


def label_measures(name: str) -> list[Measure]:
    """The measure of an answer that is a word, columns NAME and true_NAME: the share of right ones."""
    right = Measure(
        f"{name}_accuracy", f"accuracy of {name}", "high", lambda table: table[name] == table[f"true_{name}"]
    )
    return [right]


def measures_for(table: pd.DataFrame) -> list[Measure]:
    """All measures that a table has the columns for: each pair NAME and true_NAME, numbers or words.

    Raises: ValueError where there is no pair.
    """
    found = []
    for name in (column for column in table if f"true_{column}" in table):
        if not pd.api.types.is_numeric_dtype(table[name]):
            found += label_measures(name)
            continue
        has_interval = {f"{name}_low", f"{name}_high"} <= set(table)
        found += number_measures(name, "years" if name == "age" else "")[: 4 if has_interval else 3]
    if not found:
        raise ValueError(
            "no answer stands beside its truth; columns NAME and true_NAME are wanted, say age and true_age"
        )
    return found


def with_bands(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """The table with a column for each name that ends in `_band` and is not there yet, made from the one without.

    `age_band` is made of `true_age`, by decades up to 70; others cut their numbers into three parts of equal size, and
    say where. Where all numbers are the same there is one band.
    Raises: ValueError for a name without a column.
    """
    table = table.copy()
    for name in names:
        if name in table:
            continue
        source = next((each for each in _sources(name) if each in table), None)
        if source is None:
            raise ValueError(
                f"{name}: no such column; choose from {', '.join(table.columns)}, or one with _band behind it"
            )
        table[name] = age_bands(table[source]) if name == "age_band" else thirds(table[source])
    return table


def _sources(name: str) -> list[str]:
    base = name.removesuffix("_band")
    return [f"true_{base}", base] if name.endswith("_band") else [f"true_{name}"]


def age_bands(ages: pd.Series) -> pd.Categorical:
    """Decades: "0 to 9", "10 to 19" … "70 and over"."""
    names = [f"{low} to {high - 1}" for low, high in itertools.pairwise(YEARS[:-1])] + [f"{YEARS[-2]} and over"]
    return pd.cut(ages, YEARS, right=False, labels=names)


def thirds(values: pd.Series) -> pd.Categorical:
    """Three bands with as many pictures each; fewer where many values are the same."""
    edges = np.unique(np.quantile(values.dropna(), [0, 1 / 3, 2 / 3, 1]))
    if len(edges) < 3:
        return pd.Categorical([f"all {edges[0]:.3g}"] * len(values))
    names = [f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges)]
    return pd.cut(values, edges, labels=names, include_lowest=True)


def bias_table(table: pd.DataFrame, by: Sequence[str], measures: Sequence[Measure], seed: int = 42) -> pd.DataFrame:
    """Each measure in each group, with the percentile interval of a bootstrap within the group.

    by: columns that say to which group a picture belongs; see `with_bands`. Columns of the result: `attribute`,
    `group`, `measure`, `images`, `value`, `low`, `high` (95 %), `deviation` (the bootstrap's standard error).
    Source: Efron, 1979; by group: Buolamwini and Gebru, Gender Shades, 2018, and Mitchell et al., Model Cards, 2019.
    """
    generator, rows = np.random.default_rng(seed), []
    for attribute in by:
        for group, members in table.groupby(attribute, observed=True):
            chosen = generator.integers(len(members), size=(RESAMPLES, len(members)))
            names = {"attribute": attribute, "group": str(group)}
            for measure in measures:
                values = measure.of(members).to_numpy()
                found = _with_interval(values, values.astype(float)[chosen].mean(axis=1))
                rows.append(names | {"measure": measure.name, "images": len(members)} | found)
    return pd.DataFrame(rows)


def _with_interval(values: np.ndarray, drawn: np.ndarray) -> dict[str, float]:
    """A share of none or all has no spread to draw from; it takes Wilson's interval."""
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    deviation = drawn.std(ddof=1)
    if values.dtype == bool and values.all() == values.any():
        _, low, high = accuracy_with_interval(np.ones(len(values), bool), values)
        deviation = (high - low) / (2 * stats.norm.ppf((1 + CONFIDENCE) / 2))
    return {"value": float(values.mean()), "low": low, "high": high, "deviation": deviation}


class Gap(NamedTuple):
    """The largest difference of a measure between two groups of an attribute, the higher one first.

    difference, low, high: with an interval that allows for all pairs that were looked at. certain: whether it leaves
    out 0. groups: how many were compared.
    """

    attribute: str
    measure: str
    higher: str
    lower: str
    difference: float
    low: float
    high: float
    certain: bool
    groups: int


def largest_gaps(table: pd.DataFrame) -> list[Gap]:
    """The largest gap of each attribute and measure in a `bias_table`; none where fewer than two groups are large.

    Of all pairs of groups the one with the largest difference is chosen, which makes chance look like a finding; so
    the interval has 95 % for all pairs together: Bonferroni's correction, with the bootstrap's standard errors.
    """
    gaps = []
    for (attribute, measure), groups in table.groupby(["attribute", "measure"], sort=False):
        groups = groups[groups["images"] >= FEWEST].sort_values("value")
        if len(groups) < 2:
            continue
        lower, higher = groups.iloc[0], groups.iloc[-1]
        pairs = len(groups) * (len(groups) - 1) / 2
        reach = stats.norm.ppf(1 - (1 - CONFIDENCE) / (2 * pairs)) * np.hypot(lower["deviation"], higher["deviation"])
        difference = higher["value"] - lower["value"]
        low, high = difference - reach, difference + reach
        gaps.append(
            Gap(attribute, measure, higher["group"], lower["group"], difference, low, high, bool(low > 0), len(groups))
        )
    return gaps
