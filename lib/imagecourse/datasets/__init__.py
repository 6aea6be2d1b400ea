"""Data sets: a catalogue, one reader for every layout, checks, and batches for Keras."""

from imagecourse.datasets.build import Build, build_dataset
from imagecourse.datasets.catalogue import CatalogueEntry, catalogue_markdown, describe, find_entry, load_catalogue
from imagecourse.datasets.check import Check, check_dataset, check_report
from imagecourse.datasets.download import download_dataset
from imagecourse.datasets.duplicates import near_duplicate_groups, perceptual_hash, perceptual_hashes
from imagecourse.datasets.pipeline import label_indicators, label_indices, make_pipeline, read_square_image
from imagecourse.datasets.readers import GENDERS, LAYOUTS, RACES, detect_layout, read_dataset
from imagecourse.datasets.sample import sample_photographs
from imagecourse.datasets.table import Dataset, Problem, drop_unreadable, split_by_hash

__all__ = [
    "GENDERS",
    "LAYOUTS",
    "RACES",
    "Build",
    "CatalogueEntry",
    "Check",
    "Dataset",
    "Problem",
    "build_dataset",
    "catalogue_markdown",
    "check_dataset",
    "check_report",
    "describe",
    "detect_layout",
    "download_dataset",
    "drop_unreadable",
    "find_entry",
    "label_indicators",
    "label_indices",
    "load_catalogue",
    "make_pipeline",
    "near_duplicate_groups",
    "perceptual_hash",
    "perceptual_hashes",
    "read_dataset",
    "read_square_image",
    "sample_photographs",
    "split_by_hash",
]
