"""How a decoder learns: batches of captions, a loss that leaves padding out, and captions that are scored meanwhile."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd
import psutil

from imagecourse.captioning.batches import CaptionBatches, SmoothedCrossentropy
from imagecourse.captioning.decoders import decoder_of
from imagecourse.captioning.scores import CiderScorer, bleu
from imagecourse.captioning.text import Vocabulary
from imagecourse.captioning.writing import as_text, in_batches, write
from imagecourse.networks.training import cosine_schedule, fit

MEGABYTE = 2**20


class Learning(NamedTuple):
    """How long and how fast. smoothing: see `batches.SmoothedCrossentropy`. patience: None trains to the end."""

    epochs: int = 15
    learning_rate: float = 1e-3
    batch_size: int = 64
    smoothing: float = 0.1
    patience: int | None = None


class Watched(NamedTuple):
    """Pictures that are captioned after each epoch: grids (n, places, channels), several references each."""

    grids: np.ndarray
    references: Sequence[Sequence[str]]


def learn(
    teacher: keras.Model,
    batches: CaptionBatches,
    watched: Watched,
    vocabulary: Vocabulary,
    learning: Learning,
    seed: int,
    checkpoint_dir: Path | None = None,
    resume: bool = False,
) -> pd.DataFrame:
    """Train a decoder by teacher forcing; it ends with the weights of the epoch whose captions had the best CIDEr.

    Returns: the history, see `training.fit`: loss; val_cider and val_bleu_4 of greedy captions of the watched pictures;
    seconds, without those for watching; memory_mb, what the process holds.
    """
    optimizer = keras.optimizers.Adam(learning.learning_rate, global_clipnorm=5.0)
    teacher.compile(optimizer, SmoothedCrossentropy(learning.smoothing))
    return fit(
        teacher,
        batches,
        epochs=learning.epochs,
        seed=seed,
        checkpoint_dir=checkpoint_dir,
        resume=resume,
        patience=learning.epochs if learning.patience is None else learning.patience,
        learning_rate=cosine_schedule(learning.learning_rate, learning.epochs, warmup=1),
        after_epoch=_watching(teacher, watched, vocabulary),
        monitor="val_cider",
        best=max,
    )


def _watching(teacher: keras.Model, watched: Watched, vocabulary: Vocabulary) -> Callable[[], dict[str, float]]:
    decoder, scorer = decoder_of(teacher), CiderScorer(watched.references)
    started = time.perf_counter()

    def measure() -> dict[str, float]:
        nonlocal started
        seconds = time.perf_counter() - started
        captions = as_text(in_batches(lambda grids: write(decoder, grids, beam=1), watched.grids), vocabulary)
        figures = {
            "val_cider": float(scorer.score(captions).mean()),
            "val_bleu_4": bleu(captions, watched.references)["bleu_4"],
            "seconds": round(seconds, 1),
            "memory_mb": round(psutil.Process().memory_info().rss / MEGABYTE),
        }
        started = time.perf_counter()
        return figures

    return measure
