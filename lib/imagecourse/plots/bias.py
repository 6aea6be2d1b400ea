"""Figures by group: how a measure differs between groups of pictures, with intervals."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from imagecourse.evaluation.bias import FEWEST, Measure


def group_dots(figures: pd.DataFrame, overall: float, ax: Axes | None = None) -> Axes:
    """One measure by group: dots with intervals, a dashed line for all pictures; groups too small to compare are pale.

    figures: rows of `evaluation.bias.bias_table` of one attribute and measure.
    """
    ax = ax or plt.subplots(figsize=(5, 0.4 * len(figures) + 1))[1]
    for place, row in enumerate(figures.itertuples()):
        colour = "C0" if row.images >= FEWEST else "0.7"
        ax.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
        ax.plot(row.value, place, "o", color=colour)
    ax.axvline(overall, color="0.4", linestyle="--", linewidth=1)
    ax.set_yticks(range(len(figures)), [f"{row.group} ({row.images})" for row in figures.itertuples()])
    ax.set_ylim(len(figures) - 0.5, -0.5)
    ax.locator_params(axis="x", nbins=5)
    return ax


def group_figure(
    figures: pd.DataFrame, measures: Sequence[Measure], overall: Mapping[str, float], columns: int = 2
) -> Figure:
    """All measures of one attribute, a panel each; the number of pictures stands behind each group.

    overall: name of a measure -> its value over all pictures.
    """
    groups = figures["group"].nunique()
    columns = min(columns, len(measures))
    rows = -(-len(measures) // columns)
    size = (5 * columns, rows * (0.32 * groups + 1.1))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat[len(measures) :]:
        ax.set_axis_off()
    for ax, measure in zip(axes.flat, measures, strict=False):
        group_dots(figures[figures["measure"] == measure.name], overall[measure.name], ax)
        ax.set_title(measure.title, fontsize=10, loc="left")
    return figure
