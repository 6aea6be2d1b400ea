"""Data sets: one reader for every layout, batches for Keras; checks, building and downloads in modules of their own."""

from imagecourse.datasets.pipeline import indicators, label_indicators, label_indices, make_pipeline
from imagecourse.datasets.readers import GENDERS, LAYOUTS, RACES, read_dataset
from imagecourse.datasets.table import (
    Dataset,
    Problem,
    choose_classes,
    drop_unreadable,
    held_out_split,
    split_by_hash,
    watched_split,
)
