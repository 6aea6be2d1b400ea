"""The tables on the card of a breed classifier, so that a chapter can draw them without the pictures."""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from imagecourse.datasets import GENDERS, Dataset, label_indices, read_dataset
from imagecourse.evaluation import comparison, confusion_matrix_table
from imagecourse.networks.backbones import APPLICATIONS, LITES, available_backbones
from imagecourse.networks.features import cached_features
from imagecourse.networks.predict import scores_of_files
from imagecourse.networks.saving import round_to_half
from imagecourse.networks.transfer import BORROWING
from imagecourse.recipes import COMPARISONS, comparisons
from imagecourse.recipes.backbone_tables import compare_backbones
from imagecourse.recipes.common import Trained, Training, held_out_rows, kept


@dataclass(frozen=True)
class TableSettings:
    """Sizes; None leaves one to the network, or takes all there are.

    repeats: splits of each table; of regimes and preparations the number of folds. per_class: pictures for these two,
    which are measured on `small_backbone`. regime_epochs: the most there may be. frozen_…, scratch_…: of preparations.
    pool: pictures of a class for kinds of data. own_scratch_…: of `from-scratch`.
    """

    small_backbone: str = "efficientnet_lite0"
    backbones: Sequence[str] | None = None
    regimes: Sequence[str] = BORROWING
    regime_epochs: int | None = None
    repeats: int = 5
    per_class: int = 40
    frozen_sizes: Sequence[int] = (224, 128)
    scratch_size: int = 48
    scratch_epochs: int | None = None
    own_scratch_size: int = 128
    own_scratch_epochs: int | None = None
    pool: int = 40


class Work(NamedTuple):
    """What the tables are made of. from_scratch: trains the network that borrows nothing, on the same split."""

    dataset: Dataset
    backbone: str
    other_data: Sequence[Path]
    training: Training
    from_scratch: Callable[[Dataset, Training], Trained]


class _Pictures(NamedTuple):
    """Training files, their class numbers, and splits of them."""

    files: list[str]
    targets: np.ndarray
    splits: list[comparison.Split]


def compare(names: Sequence[str], work: Work, settings: TableSettings) -> dict[str, list | dict]:
    """Tables by name (`recipes.COMPARISONS`), all but one on held-out training rows: `from-scratch`, a network trained
    on all of these, is measured on the test rows.

    Each is a list of rows, as `pd.DataFrame` takes it, or a dict of such. One that lies in the training's folder
    already, as NAME.json, is read from there when it is resumed.
    """
    rows = work.dataset.table[work.dataset.table["split"] == "train"]
    files, targets, seed = rows["file"].tolist(), label_indices(rows["label"], work.dataset.classes), work.training.seed
    all_pictures = _Pictures(files, targets, comparison.repeated_splits(targets, settings.repeats, seed))
    chosen = comparison.draw_per_class(targets, np.arange(len(targets)), settings.per_class, seed)
    folds = comparison.folds(targets[chosen], settings.repeats, seed)
    few_pictures = _Pictures([files[row] for row in chosen], targets[chosen], folds)
    parts = (
        lambda: _backbones(all_pictures, settings),
        lambda: _regimes(few_pictures, settings, seed),
        lambda: _preparations(few_pictures, settings, seed),
        lambda: comparison.learning_curve(cached_features(work.backbone, files), targets, all_pictures.splits),
        lambda: _from_scratch(work, settings),
        lambda: _kinds_of_data(work, settings),
    )
    tables = dict(zip(COMPARISONS, parts, strict=True))
    folder, resume = work.training.checkpoint_dir, work.training.resume
    return {name: kept(folder / f"{name}.json", resume, partial(_table, name, tables[name])) for name in names}


def _table(name: str, compute: Callable[[], list | dict | pd.DataFrame]) -> list | dict:
    start = time.perf_counter()
    found = compute()
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return _rows(found) if isinstance(found, pd.DataFrame) else found


def _rows(table: pd.DataFrame) -> list[dict]:
    return table.round(4).astype(object).where(table.notna(), None).to_dict("records")


def _backbones(pictures: _Pictures, settings: TableSettings) -> dict[str, list]:
    """`rows` of the table, and `notes` on those that are left out: no weights on this computer."""
    names = settings.backbones or available_backbones()
    table, notes = compare_backbones(names, *pictures)
    absent = [name for name in LITES | APPLICATIONS if name not in names]
    notes += [f"left out: {name}; its weights are not on this computer" for name in absent]
    return {"rows": _rows(table), "notes": notes}


def _regimes(pictures: _Pictures, settings: TableSettings, seed: int) -> pd.DataFrame:
    options = {"epochs": settings.regime_epochs, "regimes": settings.regimes}
    return comparisons.compare_regimes(settings.small_backbone, *pictures, seed, **options)


def _preparations(pictures: _Pictures, settings: TableSettings, seed: int) -> dict[str, list]:
    """`frozen` and `scratch`, the rows of both tables."""
    steps = comparisons.choose_preparations(pictures.files, seed)
    frozen = comparisons.prepare_for_backbone(settings.small_backbone, *pictures, steps, settings.frozen_sizes)
    scratch = comparisons.prepare_for_scratch(*pictures, steps, settings.scratch_size, seed, settings.scratch_epochs)
    return {name: _rows(table) for name, table in (("frozen", frozen), ("scratch", scratch))}


def _from_scratch(work: Work, settings: TableSettings) -> dict:
    """`architectures.breed_cnn` on the same split: its history, its confusion matrix, its figures on the test rows."""
    folder = work.training.checkpoint_dir / "from_scratch"
    size, epochs = settings.own_scratch_size, settings.own_scratch_epochs
    own = work.training._replace(image_size=size, epochs=epochs, checkpoint_dir=folder)
    trained = work.from_scratch(work.dataset, own)
    round_to_half(trained.model)
    rows = held_out_rows(work.dataset)
    truth = label_indices(rows["label"], work.dataset.classes)
    scores = scores_of_files(trained.model, rows["file"].tolist())
    return {
        "image_size": trained.model.input_shape[1],
        "parameters": trained.model.count_params(),
        "history": _rows(trained.history),
        "confusion_matrix": confusion_matrix_table(truth, scores, work.dataset.classes).to_numpy().tolist(),
        "test": comparison.top_figures(truth, scores),
    }


def _kinds_of_data(work: Work, settings: TableSettings) -> pd.DataFrame:
    """`comparisons.compare_kinds_of_data` on the training rows and on other folders: faces by gender."""
    here = work.dataset.root.name
    tables = {here: work.dataset.table[work.dataset.table["split"] == "train"]}
    for folder in work.other_data:
        table = read_dataset(folder).table
        if "gender" in table:
            table = table.assign(label=[GENDERS[number] for number in table["gender"]])
        if "label" not in table:
            raise ValueError(f"{folder}: holds no classes to compare with; name another data set")
        tables[folder.name] = table.dropna(subset=["label"])
    return comparisons.compare_kinds_of_data(tables, here, work.backbone, work.training.seed, pool=settings.pool)
