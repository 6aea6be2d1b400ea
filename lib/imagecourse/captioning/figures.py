"""Figures for captions: where a decoder looked before each word."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from imagecourse.explain.figures import overlay
from imagecourse.plots import show_image

PANEL = 1.9


def attention_words(image: np.ndarray, words: Sequence[str], maps: np.ndarray, columns: int = 6) -> Figure:
    """A picture, and beside it one overlay for each word of its caption: bright where the decoder looked.

    image: (h, w, 3) uint8. maps: (words or more, places), see `writing.attention_maps`; places of a square grid. Each
    map is shown as a share of its own brightest place, so that faint ones are seen, too.
    """
    side = round(maps.shape[1] ** 0.5)
    rows = -(-(len(words) + 1) // columns)
    height = PANEL * image.shape[0] / image.shape[1] + 0.35
    figure, axes = plt.subplots(rows, columns, figsize=(PANEL * columns, height * rows), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    show_image(image, "picture", ax=axes.flat[0])
    for ax, word, each in zip(axes.flat[1:], words, maps, strict=False):
        overlay(image, (each / each.max()).reshape(side, side), word, ax)
    return figure
