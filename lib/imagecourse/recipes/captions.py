"""Captions for pictures: a decoder on what a frozen backbone sees, measured beside people and the nearest picture."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.captioning.batches import CaptionBatches
from imagecourse.captioning.captioner import Encoder, save_captioner
from imagecourse.captioning.decoders import DECODERS, LONGEST, Sizes, decoder_of
from imagecourse.captioning.learning import Learning, Watched, learn
from imagecourse.captioning.text import SIDED, Vocabulary, build_vocabulary, tokenise
from imagecourse.captioning.writing import as_text, in_batches, write
from imagecourse.datasets import Dataset, read_dataset
from imagecourse.networks.features import MappedFeatures, mapped_features, mirrored, unchanged
from imagecourse.networks.saving import Card, round_to_half
from imagecourse.networks.training import set_seeds
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.caption_tables import CaptionedTest, Writer, measure_all
from imagecourse.recipes.common import Recipe, checkpoint_folder
from imagecourse.recipes.data import (
    FRACTIONS,
    origin,
    sample_or_folder,
    with_all_splits,
    without_copies_across_splits,
    without_unreadable,
)
from imagecourse.samples.captioned import write_captioned

SPLITS = ("train", "validation", "test")


class Settings(NamedTuple):
    """Sizes of everything. length: words of a training caption at most, with its end. watched: validation pictures."""

    encoder: Encoder = Encoder()
    sizes: Sizes = Sizes()
    learning: Learning = Learning()
    min_count: int = 5
    length: int = 17
    watched: int = 500
    beam: int = 5


STANDARD = Settings()


class Prepared(NamedTuple):
    """What all decoders are trained on: the pictures' table, their grids in its order, and the vocabulary."""

    table: pd.DataFrame
    grids: MappedFeatures
    vocabulary: Vocabulary

    def rows(self, split: str) -> np.ndarray:
        """The places of a split's pictures in the table."""
        return np.flatnonzero(self.table["split"] == split)


class CaptionRecipe:
    """decoder: a name in `DECODERS`. language: of the captions. compare: train the others, too, for the table."""

    def __init__(
        self,
        request: TrainingRequest,
        decoder: str = "attention",
        language: str = "en",
        compare: bool = False,
        settings: Settings | None = None,
    ):
        settings = settings or STANDARD
        if request.image_size is not None:
            settings = settings._replace(encoder=replace(settings.encoder, image_size=request.image_size))
        if request.epochs is not None:
            settings = settings._replace(learning=settings.learning._replace(epochs=request.epochs))
        self.request, self.decoder, self.language, self.settings = request, decoder, language, settings
        self.kinds = [decoder, *(kind for kind in DECODERS if compare and kind != decoder)]

    def train(self) -> Path:
        """Train, measure, save; returns the model folder. Raises: ValueError, FileNotFoundError for unusable data."""
        request = self.request
        own = {"image_size": request.image_size, "decoder": self.decoder, "language": self.language}
        with (
            sample_or_folder(request.data, partial(write_captioned, language=self.language)) as root,
            checkpoint_folder(request, **own) as folder,
        ):
            dataset = captioned_dataset(root)
            prepared = self._prepare(dataset)
            trained = {kind: self._learn(kind, prepared, folder / kind) for kind in self.kinds}
            return self._save(dataset, prepared, trained)

    def _prepare(self, dataset: Dataset) -> Prepared:
        encoder = self.settings.encoder.network()
        table = dataset.table
        views = {"whole": unchanged, "mirrored": mirrored}
        grids = mapped_features(encoder, table["file"].tolist(), views=views)
        captions = [caption for captions in table.loc[table["split"] == "train", "captions"] for caption in captions]
        tokens = [tokenise(caption, self.language) for caption in captions]
        return Prepared(table, grids, build_vocabulary(tokens, self.settings.min_count, self.language))

    def _learn(self, kind: str, prepared: Prepared, folder: Path) -> tuple[keras.Model, pd.DataFrame]:
        settings, seed = self.settings, self.request.seed
        set_seeds(seed)
        teacher = DECODERS[kind](prepared.grids.shape[2:], len(prepared.vocabulary), settings.sizes)
        watched = prepared.rows("validation")[: settings.watched]
        history = learn(
            teacher,
            self._batches(prepared),
            Watched(prepared.grids.take(0, watched), prepared.table["captions"].iloc[watched].tolist()),
            prepared.vocabulary,
            settings.learning,
            seed,
            folder,
            self.request.resume,
        )
        round_to_half(teacher)
        return teacher, history

    def _batches(self, prepared: Prepared) -> CaptionBatches:
        rows = prepared.rows("train")
        captions = prepared.table["captions"].iloc[rows]
        tokens = [tokenise(caption, self.language) for several in captions for caption in several]
        return CaptionBatches(
            prepared.grids,
            np.repeat(rows, captions.map(len)),
            prepared.vocabulary.encode(tokens, self.settings.length),
            self.settings.learning.batch_size,
            self.request.seed,
            np.array([bool(SIDED[self.language] & set(caption)) for caption in tokens]),
        )

    def _save(self, dataset: Dataset, prepared: Prepared, trained: dict) -> Path:
        request, settings = self.request, self.settings
        writers = {kind: self._writer(teacher, prepared.vocabulary) for kind, (teacher, _) in trained.items()}
        test = CaptionedTest.of(prepared.table, prepared.grids, prepared.rows("train"), prepared.rows("test"))
        figures, predictions = measure_all(test, writers, request.seed)
        teacher, history = trained[self.decoder]
        facts = {
            "decoder": self.decoder,
            "language": self.language,
            "beam": settings.beam,
            "encoder_weights": "not stored: they come with the pip package of the backbone",
            "pictures": {split: len(prepared.rows(split)) for split in SPLITS},
            "seconds_per_epoch": {
                kind: round(float(each["seconds"].median()), 1) for kind, (_, each) in trained.items()
            },
            "weights": {kind: each.count_params() for kind, (each, _) in trained.items()},
            "validation": {kind: _best(each) for kind, (_, each) in trained.items()},
        }
        data, licence = origin(request.data, Recipe.sample_licence)
        card = Card("captions", data, licence, request.command, request.seed, figures.pop("metrics"), facts | figures)
        predictions.insert(0, "file", [Path(file).relative_to(dataset.root).as_posix() for file in test.files])
        return save_captioner(
            request.output, settings.encoder, teacher, prepared.vocabulary, card, history, predictions
        )

    def _writer(self, teacher: keras.Model, vocabulary: Vocabulary) -> Writer:
        decoder = decoder_of(teacher)

        def captions(grids: np.ndarray) -> tuple[list[str], np.ndarray]:
            written = in_batches(lambda some: write(decoder, some, self.settings.beam, length=LONGEST), grids)
            return as_text(written, vocabulary), written.log_probability

        return captions


def _best(history: pd.DataFrame) -> dict[str, float]:
    """The epoch that a training ended with, and its figures on the watched validation pictures."""
    best = history.loc[history["val_cider"].idxmax()]
    return {"epoch": int(best["epoch"]), "cider": round(best["val_cider"], 4), "bleu_4": round(best["val_bleu_4"], 4)}


def captioned_dataset(root: Path) -> Dataset:
    """The pictures of a folder that have captions, readable, with all splits, and no copies across them.

    Raises: ValueError for a folder without captions, or too few pictures for a split.
    """
    dataset = read_dataset(root, fractions=FRACTIONS)
    if "captions" not in dataset.table:
        raise ValueError(f"{root}: holds no captions; write captions.txt with lines image,caption into it")
    dataset, hashes = without_unreadable(replace(dataset, table=with_all_splits(dataset.table)))
    dataset = replace(dataset, table=without_copies_across_splits(dataset.table, hashes))
    for split in SPLITS:
        if not (dataset.table["split"] == split).any():
            raise ValueError(f"{root}: too few pictures, none is left for the split {split}; add some")
    return dataset
