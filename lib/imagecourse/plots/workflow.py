"""A workflow as a row of boxes with arrows, and the ways that it parts into at its end."""

from collections.abc import Mapping
from textwrap import fill

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

WIDTH, GAP, HEIGHT = 1.5, 0.5, 1.0
LETTERS = 15
STEPS = {
    "read": "any image file, upright, in RGB",
    "measure": "noise and blur of each page",
    "restore": "the filter that suits it",
    "sort": "photograph or not, from a threshold on",
    "caption": "a sentence for each photograph",
}
ENDS = {
    "photos/": "restored copies with captions",
    "other/CLASS/": "text, sketches, paintings …",
    "results.csv": "a row for every page",
}


def draw_workflow(steps: Mapping[str, str] = STEPS, ends: Mapping[str, str] = ENDS, ax: Axes | None = None) -> Axes:
    """Draw steps from left to right, and behind the last one its ends, one above the other.

    steps, ends: name of a box -> a few words on what happens there.
    """
    width = (len(steps) + 1) * (WIDTH + GAP)
    ax = ax or plt.subplots(figsize=(width, 1.15 * max(2, len(ends))))[1]
    for number, (name, words) in enumerate(steps.items()):
        _draw_box(ax, number * (WIDTH + GAP), 0, name, words, "#dcebf5")
        if number:
            _draw_arrow(ax, (number * (WIDTH + GAP) - GAP, 0), (number * (WIDTH + GAP), 0))
    left, middle = len(steps) * (WIDTH + GAP), (len(ends) - 1) / 2
    for number, (name, words) in enumerate(ends.items()):
        y = (middle - number) * 1.2 * HEIGHT
        _draw_box(ax, left, y, name, words, "#f3ead7")
        _draw_arrow(ax, (left - GAP, 0), (left, y))
    ax.set(xlim=(-0.1, width - GAP + 0.1), ylim=(-(middle + 0.6) * 1.2 * HEIGHT, (middle + 0.6) * 1.2 * HEIGHT))
    ax.set_axis_off()
    return ax


def _draw_box(ax: Axes, left: float, y: float, name: str, words: str, colour: str) -> None:
    style = "round,pad=0,rounding_size=0.08"
    ax.add_patch(FancyBboxPatch((left, y - HEIGHT / 2), WIDTH, HEIGHT, style, facecolor=colour, edgecolor="#33414d"))
    ax.text(left + WIDTH / 2, y + 0.27 * HEIGHT, name, ha="center", va="center", fontsize=10, fontweight="bold")
    ax.text(left + WIDTH / 2, y - 0.13 * HEIGHT, fill(words, LETTERS), ha="center", va="center", fontsize=8)


def _draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "#33414d", "shrinkA": 0, "shrinkB": 0})
