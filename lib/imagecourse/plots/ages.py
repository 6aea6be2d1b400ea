"""Figures about numbers that were predicted, such as ages, and about runs of an experiment over seeds."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from imagecourse.evaluation import mean_with_interval


def true_against_predicted(
    truth: np.ndarray, predicted: np.ndarray, unit: str = "years", ax: Axes | None = None
) -> Axes:
    """Predicted against true numbers as a density of hexagons, with the line on which all would lie; both (n,)."""
    ax = ax or plt.subplots(figsize=(5, 4.4))[1]
    top = float(max(np.max(truth), np.max(predicted)))
    hexagons = ax.hexbin(truth, predicted, gridsize=28, bins="log", mincnt=1, cmap="viridis", extent=(0, top, 0, top))
    ax.figure.colorbar(hexagons, ax=ax, label="pictures")
    ax.plot([0, top], [0, top], color="red", linewidth=1)
    ax.set(xlabel=f"true, {unit}", ylabel=f"predicted, {unit}")
    return ax


def error_histogram(errors: np.ndarray, unit: str = "years", within: float = 10, ax: Axes | None = None) -> Axes:
    """How errors are spread, predicted minus true (n,); the band within which an answer counts as near is shaded."""
    ax = ax or plt.subplots(figsize=(5, 3.5))[1]
    ax.axvspan(-within, within, color="C2", alpha=0.15, label=f"within {within:g} {unit}")
    ax.hist(errors, bins=40, color="C0")
    ax.axvline(np.mean(errors), color="black", linewidth=1, linestyle="--", label=f"mean {np.mean(errors):.1f}")
    ax.set(xlabel=f"predicted minus true, {unit}", ylabel="pictures")
    ax.legend(fontsize=9)
    return ax


def runs(values: Mapping[str, Sequence[float]], label: str, ax: Axes | None = None) -> Axes:
    """Every run of each condition as a dot, with the mean and its Student interval beside; condition -> values."""
    ax = ax or plt.subplots(figsize=(6, 0.5 * len(values) + 1.2))[1]
    for place, each in enumerate(values.values()):
        estimate = mean_with_interval(each)
        ax.plot(each, [place - 0.12] * len(each), "o", color="C0", alpha=0.6)
        ax.plot([estimate.low, estimate.high], [place + 0.12] * 2, color="black", linewidth=1.5)
        ax.plot(estimate.value, place + 0.12, "D", color="black", markersize=5)
    ax.set_yticks(range(len(values)), list(values))
    ax.set(xlabel=label, ylim=(len(values) - 0.5, -0.5))
    return ax


def difference_text(first: Sequence[float], second: Sequence[float], names: tuple[str, str], unit: str) -> str:
    """What paired runs say of two conditions, lower is better, or that they cannot tell. first, second: by seed."""
    estimate = mean_with_interval(np.asarray(first) - np.asarray(second))
    found = f"{estimate.value:+.2f} {unit} ({estimate.low:+.2f} to {estimate.high:+.2f})"
    if np.isnan(estimate.low) or estimate.low <= 0 <= estimate.high:
        return f"{names[0]} against {names[1]}: {found}; {len(first)} runs cannot tell which is better"
    better, worse = names if estimate.value < 0 else names[::-1]
    return f"{names[0]} against {names[1]}: {found}; **{better}** has the lower error, and {worse} the higher"


def coverage_bars(table: pd.DataFrame, wanted: float, ax: Axes | None = None) -> Axes:
    """The share of intervals that hold the truth, by group, with Wilson's interval, and the share that was asked for.

    table: index of groups, columns value, low, high and images.
    """
    ax = ax or plt.subplots(figsize=(6, 3.5))[1]
    reach = [table["value"] - table["low"], table["high"] - table["value"]]
    ax.errorbar(range(len(table)), table["value"], yerr=reach, fmt="o", capsize=3)
    ax.axhline(wanted, color="0.4", linestyle="--", linewidth=1, label=f"asked for: {wanted:.0%}")
    ax.set_xticks(range(len(table)), [f"{name}\n({count:.0f})" for name, count in table["images"].items()], fontsize=8)
    ax.set(ylabel="share inside the interval", ylim=(0, 1.02))
    ax.legend(fontsize=9, loc="lower right")
    return ax
