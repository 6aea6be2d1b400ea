"""Figures for explanations: overlays, sheets, feature maps, saliency by block, and the curves of the trials.

Every map is shown on the same scale, from 0 to 1, of one colour bar; the colours (inferno) rise evenly in brightness.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from imagecourse.explain.results import resize_maps
from imagecourse.explain.trials import Curve
from imagecourse.plots import show_image

COLOURS = "inferno"
FAINTEST, STRONGEST = 0.35, 0.85
TOP_PERCENTILE = 99.5
PANEL, SMALL_PANEL = 2.3, 1.6


def overlay(image: np.ndarray, heat_map: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """A map in colour over its picture in grey, which shines through most where the map is low.

    image: (h, w, 3) in [0, 255]. heat_map: (rows, columns) in [0, 1] over the whole picture, of any size.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    grey = np.asarray(image, np.float32).mean(axis=-1) / 255
    [values] = resize_maps(display_map(heat_map)[None], *grey.shape)
    colours = plt.get_cmap(COLOURS)(values)[..., :3]
    opacity = (FAINTEST + (STRONGEST - FAINTEST) * values)[..., None]
    return show_image(opacity * colours + (1 - opacity) * grey[..., None], title, ax=ax)


def display_map(heat_map: np.ndarray) -> np.ndarray:
    """A map for the eye: its brightest two hundredth is cut off, so that single pixels do not hide all the others.

    heat_map: (h, w), not negative. Returns: (h, w) in [0, 1], shares of the 99.5th percentile.
    """
    top = np.percentile(heat_map, TOP_PERCENTILE) or heat_map.max()
    return np.clip(heat_map / top, 0, 1) if top > 0 else np.zeros(heat_map.shape)


def explanation_row(image: np.ndarray, maps: Mapping[str, np.ndarray], columns: int = 6) -> Figure:
    """A picture, and beside it one overlay for each map under its name; further rows where they do not fit into one.

    image: (h, w, 3) in [0, 255]. maps: title -> (h, w) in [0, 1].
    """
    columns = min(columns, len(maps) + 1)
    figure, axes = _panels(-(-(len(maps) + 1) // columns), columns, image.shape[0] / image.shape[1])
    show_image(_as_bytes(image), "picture", ax=axes.flat[0])
    for ax, (title, heat_map) in zip(axes.flat[1:], maps.items(), strict=False):
        overlay(image, heat_map, title, ax)
    _colour_bar(figure, axes)
    return figure


def comparison_sheet(
    images: Sequence[np.ndarray], maps: Mapping[str, Sequence[np.ndarray]], names: Sequence[str] = ()
) -> Figure:
    """A row for each picture and a column for each method, the picture itself first.

    images: each (h, w, 3) in [0, 255]. maps: title of the method -> n maps in [0, 1]. names: of the rows.
    """
    panel = PANEL if len(maps) < 7 else SMALL_PANEL
    figure, axes = _panels(len(images), len(maps) + 1, images[0].shape[0] / images[0].shape[1], panel)
    for number, (image, row) in enumerate(zip(images, axes, strict=True)):
        show_image(_as_bytes(image), "picture" if number == 0 else "", ax=row[0])
        for ax, (title, stack) in zip(row[1:], maps.items(), strict=True):
            overlay(image, stack[number], title if number == 0 else "", ax)
            ax.title.set_fontsize(10 if panel == PANEL else 7)
    _name_rows(axes, names)
    _colour_bar(figure, axes)
    return figure


def block_row(images: Sequence[np.ndarray], blocks: Mapping[str, np.ndarray], names: Sequence[str] = ()) -> Figure:
    """How attention moves through a network: the picture, then the saliency of every convolution block.

    images: each (h, w, 3). blocks: name of a block's layer -> (n, h, w), the maps of `explain.saliency_by_block`.
    """
    titles = [f"{number}: {name}" for number, name in enumerate(blocks, start=1)]
    return comparison_sheet(images, dict(zip(titles, blocks.values(), strict=True)), names)


def label_sheet(image: np.ndarray, maps: Mapping[str, Mapping[str, np.ndarray]], names: Mapping[str, str]) -> Figure:
    """One picture explained for several labels, by several methods, or both: then a row for each label.

    image: (h, w, 3) in [0, 255]. maps: label -> title of the method -> map in [0, 1]. names: label -> as it is shown.
    """
    methods = list(next(iter(maps.values())))
    if len(maps) > 1 and len(methods) > 1:
        columns = {title: [of_label[title] for of_label in maps.values()] for title in methods}
        return comparison_sheet([image] * len(maps), columns, [names[label] for label in maps])
    if len(maps) == 1:
        [(label, row)] = maps.items()
        title = names[label]
    else:
        title, row = methods[0], {names[label]: of_label[methods[0]] for label, of_label in maps.items()}
    figure = explanation_row(image, row, columns=4)
    figure.suptitle(title, fontsize=12)
    return figure


def feature_map_tiles(
    maps: np.ndarray, channels: Sequence[int], columns: int = 8, title: str = "", ax: Axes | None = None
) -> Axes:
    """Feature maps side by side in one picture with their channel numbers; the scale is the same for all tiles.

    maps: (rows, columns, channels) of one picture. channels: which, in this order (`explain.channels_by_activation`).
    """
    rows = -(-len(channels) // columns)
    ax = ax or plt.subplots(figsize=(1.25 * columns, 1.25 * rows + 0.5))[1]
    height, width = maps.shape[:2]
    gap = max(1, height // 24)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place, channel in enumerate(channels):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = maps[:, :, channel]
        ax.text(left + 0.04 * width, top + 0.04 * height, channel, va="top", fontsize=7, color="white")
    picture = ax.imshow(sheet, cmap=COLOURS, interpolation="nearest")
    ax.figure.colorbar(picture, ax=ax, label="activation", fraction=0.03, pad=0.01)
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
    return ax


def network_row(image: np.ndarray, layers: Mapping[str, np.ndarray], strongest: int = 4) -> Figure:
    """One picture on its way: a column for each layer with its most active feature maps, below each other.

    image: (h, w, 3). layers: name -> (rows, columns, channels) of this picture.
    Each layer has its own scale, from 0 to its highest activation.
    """
    figure, axes = _panels(strongest, len(layers) + 1, image.shape[0] / image.shape[1])
    show_image(_as_bytes(image), "picture", ax=axes[0, 0])
    for column, (name, maps) in enumerate(layers.items(), start=1):
        order = np.argsort(-maps.mean(axis=(0, 1)))[:strongest]
        for ax, channel in zip(axes[:, column], order, strict=False):
            ax.imshow(maps[:, :, channel], cmap=COLOURS, vmin=min(0, maps.min()), vmax=maps.max())
        height, width, channels = maps.shape
        axes[0, column].set_title(f"{name}\n{height} × {width} × {channels}", fontsize=8)
    return figure


def filter_tiles(filters: np.ndarray, columns: int = 8, titles: Sequence[str] = ()) -> Figure:
    """Small pictures side by side, enlarged without smoothing: kernels, or what excites a filter.

    filters: (n, h, w, 3) or (n, h, w, 1), float in [0, 1] or uint8.
    """
    rows = -(-len(filters) // columns)
    figure, axes = _panels(rows, columns, 1.0, panel=1.3, bar=0.0)
    for number, (ax, picture) in enumerate(zip(axes.flat, filters, strict=False)):
        show_image(picture[..., 0] if picture.shape[-1] == 1 else picture, titles[number] if titles else "", ax=ax)
        ax.title.set_fontsize(8)
    return figure


def truth_curves(curves: Mapping[str, Curve], ylabel: str = "answer", ax: Axes | None = None) -> Axes:
    """Insertion or deletion curves, the mean over the pictures for each method, with the mean area in the legend."""
    ax = ax or plt.subplots(figsize=(6, 4))[1]
    for title, curve in curves.items():
        ax.plot(curve.shares, curve.answers.mean(axis=0), label=f"{title} ({curve.area.mean():.2f})")
    ax.set(xlabel="share of pixels changed, most salient first", ylabel=ylabel, xlim=(0, 1))
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 2}  # curves may be anywhere
    ax.legend(fontsize=8, title="mean area", title_fontsize=8, **below)
    return ax


def randomisation_curves(tables: Mapping[str, pd.DataFrame], ax: Axes | None = None) -> Axes:
    """Rank correlation with the trained network's map against the number of shuffled layers, a line for each method.

    tables: title -> `explain.parameter_randomisation`. The band holds the middle two thirds of the pictures.
    """
    ax = ax or plt.subplots(figsize=(6, 4))[1]
    table = pd.concat(tables, names=["method"]).reset_index(level="method")
    sns.lineplot(table, x="layers", y="correlation", hue="method", marker="o", errorbar=("pi", 67), ax=ax)
    ax.axhline(0, color="grey", linewidth=1)
    ax.set(xlabel="layers shuffled, from the top down", ylabel="rank correlation with the first map", ylim=(-0.6, 1.05))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(fontsize=8)
    return ax


def _panels(rows: int, columns: int, shape: float, panel: float = PANEL, bar: float = 0.7) -> tuple[Figure, np.ndarray]:
    size = (panel * columns + bar, (panel * shape + 0.3) * rows + 0.1)
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.set_axis_off()
    return figure, axes


def _name_rows(axes: np.ndarray, names: Sequence[str]) -> None:
    for ax, name in zip(axes[:, 0], names, strict=False):
        style = {"rotation": 90, "ha": "right", "va": "center", "fontsize": 10}
        ax.text(-0.04, 0.5, name, transform=ax.transAxes, **style)


def _colour_bar(figure: Figure, axes: np.ndarray) -> None:
    scale = ScalarMappable(Normalize(0, 1), COLOURS)
    bar = figure.colorbar(scale, ax=axes, fraction=0.03, pad=0.01, aspect=12 * len(axes))
    bar.set_label("saliency (1: map's peak)", fontsize=8)
    bar.ax.tick_params(labelsize=8)


def _as_bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
