"""A network drawn as a column of boxes as wide as the image is there, with shapes, parameters and shortcuts."""

import re
from typing import Any, NamedTuple

import keras
import matplotlib.pyplot as plt
from keras import layers
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

GREY = "#d9d9d9"
COLOURS = {  # by a word in the name of a layer's type; the first that fits
    "Functional": "#b4a7d6",
    "Conv": "#8fb8de",
    "Dense": "#a9d18e",
    "Pool": "#f4b183",
    "Input": GREY,
    "Resc": GREY,
    "Random": GREY,
    "Flip": GREY,
}
OTHER_COLOUR = "#efe3c2"
FOLDED = (layers.BatchNormalization, layers.Activation, layers.ReLU)
MERGES = (layers.Add, layers.Concatenate, layers.Multiply, layers.Average)
NARROWEST, WIDEST, GAP = 0.5, 3.6, 0.6
TEXT_RIGHT, SHAPE_RIGHT, PARAMETERS_RIGHT = -2.2, 5.6, 7.6
INK, FAINT = "#222222", "#666666"
PLUS = {"boxstyle": "circle,pad=0.05", "facecolor": "white", "edgecolor": INK, "linewidth": 0.8}


class _Row(NamedTuple):
    """One box: a layer with the norms and activations after it, or a block of layers whose names share a prefix."""

    name: str
    layers: list[layers.Layer]
    details: list[str]
    shortcut: str | None

    @property
    def height(self) -> float:
        return 1.3 + 0.62 * len(self.details)


def draw_architecture(model: keras.Model, ax: Axes | None = None) -> Axes:
    """Draw a Functional model from top to bottom, one box for each layer or block.

    A box is as wide as the square root of its image side; beside it stand output shape and number of parameters.
    Batch normalisation and activation share the box of the layer before; layers with a common prefix such as `block2_`
    share one; a nested model is one box. Arrows around boxes are shortcuts and branches.
    Raises: ValueError for a model that is not Functional.
    """
    sources = _sources(model)
    rows = _rows(model, sources)
    centres, depth = _centres(rows)
    if ax is None:
        _, ax = plt.subplots(figsize=(9, 0.6 + 0.27 * depth), layout="constrained")
    ax.set(xlim=(-7.6, 7.7), ylim=(depth, -1.6))
    ax.set_axis_off()
    _draw_header(ax, model)
    largest = max(_side(row) for row in rows)
    widths = [NARROWEST + (WIDEST - NARROWEST) * (_side(row) / largest) ** 0.5 for row in rows]
    for row, centre, width in zip(rows, centres, widths, strict=True):
        _draw_row(ax, row, centre, width)
    _draw_arrows(ax, rows, centres, widths, sources)
    return ax


def _sources(model: keras.Model) -> dict[str, list[str]]:
    """Layer name -> names of the layers that feed it, within this model."""
    described = model.get_config().get("layers", [])
    if not described or not all("inbound_nodes" in layer for layer in described):
        advice = "build it with keras.Model(inputs, outputs)"
        raise ValueError(f"{model.name}: only Functional models can be drawn; {advice}")
    return {layer["name"]: _histories(layer["inbound_nodes"]) for layer in described}


def _histories(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["keras_history"][0]] if "keras_history" in node else []
        return own + [name for value in node.values() for name in _histories(value)]
    if isinstance(node, list | tuple):
        return [name for value in node for name in _histories(value)]
    return []


def _rows(model: keras.Model, sources: dict[str, list[str]]) -> list[_Row]:
    row_of: dict[str, str] = {}
    members: dict[str, list[layers.Layer]] = {}
    for layer in model.operations:
        feeding = sources[layer.name]
        block = re.match(r"(\w*block_?\d+[a-z]?)_", layer.name)
        if block:
            name = block[1]
        elif isinstance(layer, FOLDED) and len(feeding) == 1:
            name = row_of[feeding[0]]
        else:
            name = layer.name
        row_of[layer.name] = name
        members.setdefault(name, []).append(layer)
    return [_row(name, group, sources) for name, group in members.items()]


def _row(name: str, group: list[layers.Layer], sources: dict[str, list[str]]) -> _Row:
    merge = next((layer for layer in group if isinstance(layer, MERGES)), None)
    if merge is None or len(group) == 1:
        details = [] if isinstance(group[0], layers.InputLayer) else _details(group)
        return _Row(name, group, [text for text in details if text != name.replace("_", " ")], None)
    by_name = {layer.name: layer for layer in group}
    branches = []
    for source in sources[merge.name]:
        branch = []
        while source in by_name:
            branch.append(by_name[source])
            source = next(iter(sources[source]), None)
        branches.append(branch)
    shortcut = min(branches, key=len)
    main = [layer for layer in group if layer not in shortcut and layer is not merge]
    return _Row(name, group, _details(main), ", ".join(_details(shortcut)))


def _details(group: list[layers.Layer]) -> list[str]:
    """One line for a layer with its norms and activations; for many layers a line each, equal ones counted."""
    main = [layer for layer in group if not isinstance(layer, FOLDED)]
    if len(main) <= 1:
        return [", ".join(_describe(layer) for layer in group)] if group else []
    texts = [_describe(layer) for layer in main]
    return [f"{texts.count(text)} × {text}" if texts.count(text) > 1 else text for text in dict.fromkeys(texts)]


def _describe(layer: layers.Layer) -> str:
    if isinstance(layer, keras.Model):
        return f"{len(layer.layers)} layers"
    config = layer.get_config() if isinstance(layer, layers.Layer) else {}
    if isinstance(layer, layers.Activation):
        return config["activation"]
    if isinstance(layer, layers.ReLU):
        return "relu6" if config["max_value"] == 6 else "relu"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub(r"\d?D$", "", type(layer).__name__)).lower()
    words = words.replace("pooling", "pool").replace("normalization", "norm")
    size = config.get("kernel_size") or config.get("pool_size")
    if size:
        words += f" {size[0]}×{size[1]}"
    amount = config.get("filters") or config.get("units") or config.get("rate")
    if amount:
        words += f" → {amount}" if "rate" not in config else f" {amount:.0%}"
    if config.get("strides", (1, 1)) not in ((1, 1), config.get("pool_size")):
        words += f", stride {config['strides'][0]}"
    activation = config.get("activation")
    return words + (f", {activation}" if isinstance(activation, str) and activation != "linear" else "")


def _centres(rows: list[_Row]) -> tuple[list[float], float]:
    depth, centres = 0.0, []
    for row in rows:
        centres.append(depth + row.height / 2)
        depth += row.height + (GAP if row.shortcut is None else 2 * GAP)
    return centres, depth


def _shape(row: _Row) -> tuple[int, ...]:
    return tuple(keras.tree.flatten(row.layers[-1].output)[0].shape[1:])


def _side(row: _Row) -> int:
    shape = _shape(row)
    return shape[0] or 1 if len(shape) == 3 else 1


def _colour(row: _Row) -> str:
    types = " ".join(type(layer).__name__ for layer in row.layers)
    return next((colour for word, colour in COLOURS.items() if word in types), OTHER_COLOUR)


def _draw_header(ax: Axes, model: keras.Model) -> None:
    style = {"va": "center", "fontsize": 9, "color": FAINT, "style": "italic"}
    ax.text(TEXT_RIGHT, -0.9, "layer", ha="right", **style)
    ax.text(0, -0.9, "image side", ha="center", **style)
    ax.text(SHAPE_RIGHT, -0.9, "output", ha="right", **style)
    ax.text(PARAMETERS_RIGHT, -0.9, "parameters", ha="right", **style)
    ax.set_title(f"{model.name}: {model.count_params():,} parameters".replace(",", " "), fontsize=11, color=INK)


def _draw_row(ax: Axes, row: _Row, centre: float, width: float) -> None:
    box = FancyBboxPatch(
        (-width / 2, centre - row.height / 2),
        width,
        row.height,
        boxstyle="round,pad=0,rounding_size=0.15",
        facecolor=_colour(row),
        edgecolor=INK,
        linewidth=0.8,
    )
    ax.add_patch(box)
    first = centre - 0.4 * len(row.details)
    ax.text(TEXT_RIGHT, first, row.name, ha="right", va="center", fontsize=9.5, weight="bold", color=INK)
    for line, text in enumerate(row.details, start=1):
        ax.text(TEXT_RIGHT, first + 0.8 * line, text, ha="right", va="center", fontsize=8.5, color=FAINT)
    shape = " × ".join("?" if side is None else str(side) for side in _shape(row))
    parameters = sum(layer.count_params() for layer in row.layers if isinstance(layer, layers.Layer))
    figures = {"ha": "right", "va": "center", "fontsize": 9, "color": INK}
    ax.text(SHAPE_RIGHT, centre, shape, **figures)
    if parameters:
        ax.text(PARAMETERS_RIGHT, centre, f"{parameters:,}".replace(",", " "), **figures)


def _draw_arrows(
    ax: Axes, rows: list[_Row], centres: list[float], widths: list[float], sources: dict[str, list[str]]
) -> None:
    number_of = {layer.name: number for number, row in enumerate(rows) for layer in row.layers}
    links = {(number_of[source], number_of[layer]) for layer, feeding in sources.items() for source in feeding}
    tops = [centre - row.height / 2 for centre, row in zip(centres, rows, strict=True)]
    bottoms = [centre + row.height / 2 for centre, row in zip(centres, rows, strict=True)]
    for start, end in sorted(links):
        if end == start + 1:
            _arrow(ax, [(0, bottoms[start]), (0, tops[end])])
        elif end > start:
            aside = max(widths[start : end + 1]) / 2 + 0.3 + 0.1 * (end - start)
            points = [(widths[start] / 2, centres[start]), (aside, centres[start]), (aside, centres[end])]
            _arrow(ax, [*points, (widths[end] / 2, centres[end])])
    for row, top, bottom, width in zip(rows, tops, bottoms, widths, strict=True):
        if row.shortcut is not None:
            aside, fork, join = width / 2 + 0.3, top - 0.6 * GAP, bottom + 0.6 * GAP
            _arrow(ax, [(0, fork), (aside, fork), (aside, join), (0.12, join)])
            ax.text(0, join, "+", ha="center", va="center", fontsize=9, color=INK, bbox=PLUS, zorder=5)
            ax.text(aside + 0.1, join, row.shortcut, va="center", fontsize=8, color=FAINT)  # no figures in this gap


def _arrow(ax: Axes, points: list[tuple[float, float]]) -> None:
    ax.plot(*zip(*points[:-1], strict=True), color=INK, linewidth=0.9, solid_capstyle="round")
    head = {"arrowstyle": "-|>", "mutation_scale": 7, "shrinkA": 0, "shrinkB": 0}
    ax.add_patch(FancyArrowPatch(points[-2], points[-1], color=INK, linewidth=0.9, **head))
