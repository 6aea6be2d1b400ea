"""From a table of image files to batches for Keras."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from imagecourse.images import read_square_image

if TYPE_CHECKING:
    import tensorflow as tf

Targets = np.ndarray | Mapping[str, np.ndarray]


def label_indices(labels: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Positions of labels in the list of classes: (n,) int32. Raises: ValueError for a label that is no class."""
    positions = {name: index for index, name in enumerate(classes)}
    unknown = sorted({str(label) for label in labels if label not in positions})
    if unknown:
        raise ValueError(f"labels {', '.join(unknown[:5])} are not among the classes {', '.join(classes)}")
    return np.array([positions[label] for label in labels], np.int32)


def label_indicators(label_sets: Sequence[Sequence[str]], classes: Sequence[str]) -> np.ndarray:
    """Several labels per image as 0 and 1: (n, classes) float32. Raises: ValueError for a label that is no class."""
    indicators = np.zeros((len(label_sets), len(classes)), np.float32)
    for row, labels in enumerate(label_sets):
        indicators[row, label_indices(labels, classes)] = 1
    return indicators


def indicators(rows: pd.DataFrame, classes: Sequence[str]) -> np.ndarray:
    """Targets (n, classes) of 0 and 1 for a network that answers independently; rows: column labels, or label."""
    label_sets = rows["labels"] if "labels" in rows else [(label,) for label in rows["label"]]
    return label_indicators(list(label_sets), classes)


def make_pipeline(
    table: pd.DataFrame,
    image_size: int,
    batch_size: int,
    targets: Targets | None = None,
    shuffle_seed: int | None = None,
    augment: Callable[["tf.Tensor"], "tf.Tensor"] | None = None,
) -> "tf.data.Dataset":
    """Batches of images, and of targets when given, read in parallel while the network works.

    table: column `file`; rows of one split, say `table[table.split == "train"]`, without unreadable files
    (`drop_unreadable`): one would end the epoch with an error that names it.
    targets: an array with a row per row of the table (`label_indices`, `label_indicators`, or numbers), or several by
    the name of the network's output.
    shuffle_seed: None keeps the order of the table; a number gives a new order each epoch, the same in every run.
    augment: applied to each batch of images, say `lambda images: flip(images, training=True)` with a Keras layer; for
    the same pixels in every run, call `tf.config.experimental.enable_op_determinism()` first.

    Yields: images (n, image_size, image_size, 3) float32 in [0, 255], or pairs (images, targets).
    Raises: ValueError for an empty table, or targets of another length.
    """
    import tensorflow as tf

    files = table["file"].to_numpy(str)
    if len(files) == 0:
        raise ValueError("the table has no rows; choose a split that it holds")
    columns = {"file": files} | ({"targets": _checked(targets, len(files))} if targets is not None else {})
    pipeline = tf.data.Dataset.from_tensor_slices(columns)
    if shuffle_seed is not None:
        pipeline = pipeline.shuffle(len(files), seed=shuffle_seed)

    def read(row):
        image = tf.numpy_function(
            lambda file: read_square_image(file.decode(), image_size), [row["file"]], tf.float32, stateful=False
        )
        image = tf.ensure_shape(image, (image_size, image_size, 3))
        return (image, row["targets"]) if "targets" in row else image

    pipeline = pipeline.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(batch_size)
    if augment is not None:
        pipeline = pipeline.map(lambda images, *rest: (augment(images), *rest) if rest else augment(images))
    return pipeline.prefetch(tf.data.AUTOTUNE)


def _checked(targets: Targets, size: int) -> Targets:
    for array in targets.values() if isinstance(targets, Mapping) else [targets]:
        if len(array) != size:
            raise ValueError(f"{len(array)} targets for {size} images; take both from the same rows")
    return dict(targets) if isinstance(targets, Mapping) else targets
