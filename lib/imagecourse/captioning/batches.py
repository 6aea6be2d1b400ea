"""Pairs of picture and caption in batches for Keras, and the loss that does not look at padding."""

import keras
import numpy as np
from keras import ops

from imagecourse.captioning.text import PAD
from imagecourse.networks.features import MappedFeatures

GROUPED = 20  # batches whose captions are sorted by length together


class CaptionBatches(keras.utils.PyDataset):
    """Batches ([grid, written], next words, mask): in each epoch every caption once, with captions of like length.

    Short captions beside long ones would be padding for the most part; sorted by length within some batches, most of it
    and of the time it takes goes.

    grids: (views, pictures, places, channels), of which only the batch is read; of each caption's picture a view is
    drawn. pictures: (captions,) int, whose caption each is. numbers: (captions, length + 1) int32, see
    `Vocabulary.encode`.
    one_view: (captions,) bool, captions for which only the first view is right: "left" is wrong in a mirror.
    """

    def __init__(
        self,
        grids: MappedFeatures,
        pictures: np.ndarray,
        numbers: np.ndarray,
        batch_size: int,
        seed: int,
        one_view: np.ndarray | None = None,
    ):
        super().__init__()
        self.grids, self.pictures, self.numbers, self.batch_size = grids, pictures, numbers, batch_size
        self.one_view = np.zeros(len(pictures), bool) if one_view is None else one_view
        self.lengths = (numbers != PAD).sum(axis=1)
        self.generator = np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, number: int) -> tuple:
        rows = self.batches[number]
        numbers = self.numbers[rows, : self.lengths[rows].max()]
        grids = self.grids.take(self.views[rows], self.pictures[rows])
        written, following = numbers[:, :-1], numbers[:, 1:]
        return (grids, written), following, (following != PAD).astype(np.float32)

    def on_epoch_end(self) -> None:
        captions = len(self.pictures)
        order = self.generator.permutation(captions)
        together = GROUPED * self.batch_size
        groups = [order[start : start + together] for start in range(0, captions, together)]
        ordered = [group[np.argsort(self.lengths[group], kind="stable")] for group in groups]
        size = self.batch_size
        batches = [group[start : start + size] for group in ordered for start in range(0, len(group), size)]
        batches = [batches[place] for place in self.generator.permutation(len(batches))]
        self.batches = _shortest_and_longest_first(batches, self.lengths)
        views = self.generator.integers(self.grids.shape[0], size=captions)
        self.views = np.where(self.one_view, 0, views)


def _shortest_and_longest_first(batches: list[np.ndarray], lengths: np.ndarray) -> list[np.ndarray]:
    """Keras takes the shapes that it expects off the first two batches, so these must be unlike."""
    longest = [lengths[rows].max() for rows in batches]
    ends = (int(np.argmin(longest)), int(np.argmax(longest)))
    return [batches[place] for place in dict.fromkeys(ends)] + [
        rows for place, rows in enumerate(batches) if place not in ends
    ]


class SmoothedCrossentropy(keras.losses.Loss):
    """Cross-entropy of the next word, with a part of the probability spread over all words; a mean over true words.

    smoothing: that part, 0 to 1. It takes class numbers (n, t) and logits (n, t, words).
    Source: Szegedy et al., 2016, arXiv:1512.00567, section 7.
    """

    def __init__(self, smoothing: float = 0.0, name: str = "smoothed_crossentropy"):
        super().__init__(name=name, reduction="mean_with_sample_weight")
        self.smoothing = smoothing

    def call(self, y_true, y_pred):
        log_probabilities = ops.log_softmax(y_pred)
        true = -ops.take_along_axis(log_probabilities, ops.expand_dims(y_true, -1), axis=-1)[..., 0]
        return (1 - self.smoothing) * true - self.smoothing * ops.mean(log_probabilities, axis=-1)
