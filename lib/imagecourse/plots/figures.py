"""One style for all figures; functions draw on `ax` (a new one when None) and return it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Image, Markdown, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from imagecourse.evaluation import Estimate
from imagecourse.files import atomic_path


def set_style() -> None:
    """The course's look: white grid, colour-blind safe palette, text that a projector can show."""
    sns.set_theme(style="whitegrid", palette="colorblind", font_scale=0.95)
    plt.rcParams.update({"figure.dpi": 100, "savefig.dpi": 100, "figure.constrained_layout.use": True})


def publish(figure: Figure, path: str | os.PathLike, caption: str) -> None:
    """Save a figure as PNG, show it in the notebook with its caption below, and close it."""
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Software": None})
    display(Image(path.read_bytes(), format="png"), metadata={"image/png": {"alt": caption}})
    display(Markdown(f"*{caption}*"))
    plt.close(figure)


def show_image(
    image: np.ndarray, title: str = "", zoom: tuple[int, int, int] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw an image without axes, and a magnified detail in its lower right corner.

    image: (h, w, 3) or (h, w) uint8, or float in [0, 1]. zoom: (row, column, size) of the detail in pixels.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    ax.imshow(image, cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    if zoom:
        row, column, size = zoom
        ax.add_patch(Rectangle((column, row), size, size, fill=False, edgecolor="yellow", linewidth=1.2))
        inset = ax.inset_axes((0.52, 0.0, 0.48, 0.48))
        detail = image[row : row + size, column : column + size]
        inset.imshow(detail, cmap="gray", vmin=0, vmax=255 if image.dtype == np.uint8 else 1, interpolation="nearest")
        inset.set(xticks=[], yticks=[])
        for spine in inset.spines.values():
            spine.set(visible=True, edgecolor="yellow", linewidth=1.2)
    return ax


def image_grid(
    images: Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int = 4,
    zoom: tuple[int, int, int] | None = None,
    width: float = 12.0,
) -> Figure:
    """Images side by side, row after row; all show the same zoomed detail."""
    titles = titles or [""] * len(images)
    rows = -(-len(images) // columns)
    height = width / columns * max(image.shape[0] / image.shape[1] for image in images) + 0.3
    figure, axes = plt.subplots(rows, columns, figsize=(width, height * rows), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for image, title, ax in zip(images, titles, axes.flat, strict=False):
        show_image(image, title, zoom, ax)
    return figure


def answer_bars(
    images: Sequence[np.ndarray],
    scores: np.ndarray,
    classes: Sequence[str],
    titles: Sequence[str] | None = None,
    expected: Sequence[Sequence[str]] | None = None,
    thresholds: Sequence[float] | None = None,
    columns: int = 2,
) -> Figure:
    """Pictures, each with the probability of every class as a bar beside it.

    images: as for `show_image`. scores: (n, classes) probabilities. expected: the classes of each picture whose bars
    get a colour of their own. thresholds: (classes,), a stroke across each bar, from where on it counts as a yes.
    """
    rows = -(-len(images) // columns)
    size = {"figsize": (4.4 * columns, 1.7 * rows + 0.2), "width_ratios": [1, 1.2] * columns, "squeeze": False}
    figure, axes = plt.subplots(rows, 2 * columns, **size)
    for ax in axes.flat[2 * len(images) :]:
        ax.set_axis_off()
    for number, (image, row) in enumerate(zip(images, scores, strict=True)):
        picture, bars = axes.flat[2 * number : 2 * number + 2]
        show_image(image, ax=picture)
        true = expected[number] if expected is not None else ()
        bars.barh(list(classes), row, color=["C2" if name in true else "C0" for name in classes])
        if thresholds is not None:
            bars.plot(thresholds, list(classes), "k|", markersize=12)
        bars.set(xlim=(0, 1.02), xticks=(0, 0.5, 1))
        bars.set_title(titles[number] if titles is not None else "", fontsize=9, loc="left")
        bars.tick_params(labelsize=8, pad=0)
        bars.invert_yaxis()
    return figure


def grid_of_numbers(values: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """A small matrix as shaded squares with its numbers written in: (h, w), at most about 10 × 10."""
    ax = ax or plt.subplots(figsize=(3, 3))[1]
    values = np.asarray(values)
    style = {"annot": True, "fmt": "d" if values.dtype.kind in "iu" else ".2g", "cbar": False, "square": True}
    sns.heatmap(values, ax=ax, cmap="gray", linewidths=0.5, xticklabels=False, yticklabels=False, **style)
    ax.set_title(title, fontsize=10)
    return ax


def heat_table(table: pd.DataFrame, unit: str, decimals: int = 1, mark: str = "row", ax: Axes | None = None) -> Axes:
    """A table of numbers as a heat map with values; the best (largest) value of each row or column is framed.

    table: index and column names become the axes' labels. mark: "row" or "column".
    """
    ax = ax or plt.subplots(figsize=(1.0 * len(table.columns) + 3, 0.45 * len(table) + 1.5))[1]
    sns.heatmap(table, ax=ax, annot=True, fmt=f".{decimals}f", cmap="viridis", cbar_kws={"label": unit})
    values = table.to_numpy()
    for position in range(values.shape[0] if mark == "row" else values.shape[1]):
        row, column = (
            (position, int(values[position].argmax()))
            if mark == "row"
            else (int(values[:, position].argmax()), position)
        )
        ax.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor="red", linewidth=2))
    return ax


def learning_curves(history: pd.DataFrame, metric: str = "loss", ax: Axes | None = None) -> Axes:
    """A figure of training and of validation against the epochs, as `training.fit` returns them; a ring at the best.

    history: columns epoch, the metric, and `val_` with the metric. The best is the lowest validation loss.
    """
    ax = ax or plt.subplots(figsize=(5, 3.5))[1]
    marker = "o" if len(history) == 1 else None
    ax.plot(history["epoch"], history[metric], marker=marker, label="training")
    ax.plot(history["epoch"], history[f"val_{metric}"], marker=marker, label="validation")
    best = history.loc[history["val_loss"].idxmin()]
    ring = {"marker": "o", "s": 90, "facecolor": "none", "edgecolor": "black", "zorder": 3}
    ax.scatter(best["epoch"], best[f"val_{metric}"], label="lowest validation loss", **ring)
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=9)
    return ax


def overlaid_curves(trainings: Mapping[str, Sequence[pd.DataFrame]], metric: str, ax: Axes | None = None) -> Axes:
    """A figure against the epochs for several ways of training in one panel, a colour each, all runs.

    trainings: by name, the histories of the runs, columns epoch, the metric and `val_` with it. Validation is drawn
    solid, thin for each run and thick for their mean, as far as all runs go; the mean of training is dashed.
    """
    ax = ax or plt.subplots(figsize=(6, 4))[1]
    for number, (name, runs) in enumerate(trainings.items()):
        colour, together = f"C{number}", pd.concat(runs).groupby("epoch")
        for run in runs:
            ax.plot(run["epoch"], run[f"val_{metric}"], color=colour, linewidth=0.7, alpha=0.5)
        means = together[[metric, f"val_{metric}"]].mean()[together.size() == len(runs)]
        ax.plot(means[f"val_{metric}"], color=colour, linewidth=2.2, label=name)
        ax.plot(means[metric], color=colour, linewidth=1.4, linestyle="--")
    ax.set(xlabel="epoch", ylabel=metric)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=9)
    return ax


def estimates(
    rows: Mapping[str, Estimate],
    each: Mapping[str, Sequence[float]] | None = None,
    reference: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Figures with their intervals, one below the other, and every single run as a stroke beneath.

    each: by the same names, the values of the runs. reference: a dotted line, such as zero or guessing.
    """
    ax = ax or plt.subplots(figsize=(7, 0.45 * len(rows) + 1.2))[1]
    places = np.arange(len(rows))
    middle, low, high = np.array(list(rows.values()), float).T
    ax.errorbar(middle, places, xerr=np.nan_to_num([middle - low, high - middle]).clip(min=0), fmt="o", capsize=4)
    for place, name in enumerate(rows):
        values = (each or {}).get(name, ())
        ax.plot(values, np.full(len(values), place + 0.27), "|", color="black", markersize=8)
    if reference is not None:
        ax.axvline(reference, color="grey", linestyle=":")
    ax.set(yticks=places, yticklabels=list(rows), ylim=(len(rows) - 0.5, -0.5))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.grid(axis="y", visible=False)
    return ax


def confusion_matrix(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Counts of images, coloured by their share of the true class: `evaluation.confusion_matrix_table`."""
    ax = ax or plt.subplots(figsize=(0.8 * len(table) + 2, 0.6 * len(table) + 1.5))[1]
    shares = table.div(table.sum(axis=1).clip(lower=1), axis=0)
    style = {"fmt": "d", "cmap": "Blues", "vmin": 0, "vmax": 1, "linewidths": 0.5, "cbar": False}
    sns.heatmap(shares, ax=ax, annot=table.to_numpy(), **style)
    ax.tick_params(axis="y", rotation=0)
    ax.set(xlabel="predicted", ylabel="true")
    return ax


def precision_recall(
    table: pd.DataFrame, label: str = "", threshold: float | None = None, ax: Axes | None = None
) -> Axes:
    """Precision against recall, with a dot at the chosen threshold. table: `evaluation.precision_recall_table`."""
    ax = ax or plt.subplots(figsize=(5, 4))[1]
    (line,) = ax.plot(table["recall"], table["precision"], drawstyle="steps-post", label=label)
    if threshold is not None:
        chosen = table.loc[(table["threshold"] - threshold).abs().idxmin()]
        ax.scatter(chosen["recall"], chosen["precision"], s=70, color=line.get_color(), edgecolor="black", zorder=3)
    ax.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02), ylim=(0, 1.04))
    if label:
        ax.legend(fontsize=9, loc="lower left")
    return ax


def reliability(truth: np.ndarray, scores: np.ndarray, bins: int = 10, ax: Axes | None = None) -> Axes:
    """How often the answer is right against how sure the model was; dots grow with the number of images.

    truth: (n,) int class numbers. scores: (n, classes) probabilities.
    Source: Guo et al., On Calibration of Modern Neural Networks, 2017, arXiv:1706.04599, figure 4.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    confidence, right = scores.max(axis=1), scores.argmax(axis=1) == truth
    group = np.clip((confidence * bins).astype(int), 0, bins - 1)
    points = pd.DataFrame({"confidence": confidence, "right": right}).groupby(group).agg(["mean", "size"])
    ax.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1, label="as sure as it is right")
    sizes = 20 + 300 * points["right", "size"] / len(truth)
    ax.scatter(points["confidence", "mean"], points["right", "mean"], s=sizes, label="images of like confidence")
    ax.set(xlabel="mean confidence", ylabel="share of right answers", xlim=(-0.04, 1.06), ylim=(-0.04, 1.08))
    ax.set(xticks=np.linspace(0, 1, 5), yticks=np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.legend(fontsize=9, loc="upper left")
    return ax
