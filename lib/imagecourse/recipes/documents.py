"""A cleaner for dirty pages of text, measured on texts and backgrounds that it has not seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets.documents import Page, read_documents, split_by_text_and_background
from imagecourse.networks.restorers import document_cleaner
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.networks.training import cosine_schedule, fit, set_seeds
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.common import Recipe, checkpoint_folder, kept
from imagecourse.recipes.data import SAMPLE, origin
from imagecourse.recipes.measuring import rounded
from imagecourse.restoration.learned import clean_document
from imagecourse.restoration.pages import CLASSIC, best_settings, mean_error, page_error
from imagecourse.restoration.patches import DirtyPatches
from imagecourse.samples.documents import draw_document, write_documents

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class DocumentSettings:
    """Sizes of a training. drawn: pages drawn by the course that are learned from too; a twelfth more validate."""

    patch: int = 128
    per_page: int = 6
    drawn: int = 150
    repeated: int = 2
    batch_size: int = 16
    epochs: int = 40
    learning_rate: float = 2e-3
    filters: int = 32


class DocumentRecipe:
    """The test pages share neither text nor background with the training pages, see `split_by_text_and_background`.

    Pages drawn by the course are learned from as well, and others of them are validated on, so that nothing is chosen
    by the test. compare: "random-split" trains once more with test pages drawn at random, which share texts and
    backgrounds with training pages, and puts on the card how much better that looks.
    """

    sizes = DocumentSettings()

    def __init__(self, request: TrainingRequest, compare: str | None = None):
        self.request, self.compare = request, compare

    def train(self) -> Path:
        """Split, train, measure, save; returns the model folder. Raises: ValueError, FileNotFoundError for bad data."""
        request = self.request
        with checkpoint_folder(request, image_size=request.image_size) as folder:
            pages = self._pages(folder)
            split = np.array(kept(folder / "split.json", request.resume, partial(_split, pages)))
            leak = {}
            if self.compare:
                leak = kept(folder / "leak.json", request.resume, partial(self._leak, pages, split, folder))
            model, history = self._learn(_pairs(pages, split == "train"), folder / "grouped")
            table = self._measure(model, pages, split)
            return save_bundle(request.output, model, None, self._card(table, split, leak), history, table)

    def _pages(self, folder: Path) -> list[Page]:
        if self.request.data != SAMPLE:
            return read_documents(self.request.data)
        sample = folder / SAMPLE
        return read_documents(sample if sample.exists() else write_documents(sample, seed=self.request.seed))

    def _learn(self, pairs: Sequence[Pair], folder: Path) -> tuple[keras.Model, pd.DataFrame]:
        request, sizes = self.request, self.sizes
        set_seeds(request.seed)
        size, epochs = request.image_size or sizes.patch, request.epochs or sizes.epochs
        drawn = [
            draw_document(np.random.default_rng([request.seed, number])) for number in range(sizes.drawn * 13 // 12)
        ]
        model = document_cleaner(sizes.filters)
        model.compile(keras.optimizers.Adam(sizes.learning_rate), "mean_squared_error")
        learned = [*pairs] * sizes.repeated + drawn[: sizes.drawn]
        validation = DirtyPatches(drawn[sizes.drawn :] or drawn, size, sizes.per_page, sizes.batch_size, request.seed)
        history = fit(
            model,
            DirtyPatches(learned, size, sizes.per_page, sizes.batch_size, request.seed),
            validation.everything(),
            epochs=epochs,
            seed=request.seed,
            checkpoint_dir=folder,
            resume=request.resume,
            learning_rate=cosine_schedule(sizes.learning_rate, epochs, warmup=1),
        )
        round_to_half(model)
        return model, history

    def _leak(self, pages: list[Page], split: np.ndarray, folder: Path) -> dict:
        """The error with as many test and training pages as in the split, but drawn at random."""
        order = np.random.default_rng(self.request.seed).permutation(len(pages))
        test, train = (split == "test").sum(), (split == "train").sum()
        model, _ = self._learn(_pairs(pages, order[test : test + train]), folder / "random")
        error = mean_error(partial(clean_document, model=model), _pairs(pages, order[:test]))
        return {"random_split": round(error, 4), "images": int(test)}

    def _measure(self, model: keras.Model, pages: list[Page], split: np.ndarray) -> pd.DataFrame:
        """`page_error` of each test page as it is, and after each cleaner; the classic ones fit the training pages."""
        training = _pairs(pages, split == "train")
        cleaners = {"as it is": lambda page: page}
        cleaners |= {name: best_settings(method, training) for name, method in CLASSIC.items()}
        cleaners["document-cleaner"] = partial(clean_document, model=model)
        rows = [
            {"file": page.name} | {name: page_error(page.clean, clean(page.dirty)) for name, clean in cleaners.items()}
            for page, part in zip(pages, split, strict=True)
            if part == "test"
        ]
        return pd.DataFrame(rows)

    def _card(self, table: pd.DataFrame, split: np.ndarray, leak: dict) -> Card:
        request = self.request
        data, licence = origin(request.data, Recipe.sample_licence)
        errors = rounded(table.mean(numeric_only=True))
        facts = {
            "errors": errors,
            "pages": {name: int((split == name).sum()) for name in ("train", "test", "left out")},
        }
        return Card(
            task=request.task,
            data=data,
            data_licence=licence,
            training_command=request.command,
            seed=request.seed,
            metrics={"split": "test", "images": len(table), "root_mean_squared_error": errors["document-cleaner"]},
            more=facts | ({"leak": leak} if leak else {}),
        )


def _split(pages: list[Page]) -> list[str]:
    return split_by_text_and_background(pages).tolist()


def _pairs(pages: list[Page], rows: np.ndarray) -> list[Pair]:
    numbers = np.flatnonzero(rows) if rows.dtype == bool else rows
    return [(pages[number].dirty, pages[number].clean) for number in numbers]
