"""The tables on the card of a breed classifier, so that a chapter can draw them without the pictures."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse import ablation, comparison
from imagecourse.backbones import APPLICATIONS, LITES, available_backbones
from imagecourse.datasets import GENDERS, Dataset, label_indices, read_dataset
from imagecourse.evaluation import confusion_matrix_table
from imagecourse.features import cached_features
from imagecourse.images import atomic_path
from imagecourse.tasks import TrainingRequest
from imagecourse.tasks.breed_training import train_regime
from imagecourse.transfer import SCRATCH

SMALL_BACKBONE = "efficientnet_lite0"
REPEATS = 5
FEW = 3
FROZEN_SIZES = (224, 128)
ABLATION_SIZE, ABLATION_EPOCHS = 48, 8
FEW_PER_CLASS = 40


def compare(
    names: Sequence[str],
    request: TrainingRequest,
    dataset: Dataset,
    backbone: str,
    other_data: Sequence[Path],
    folder: Path,
) -> dict[str, list | dict]:
    """Tables by name (`tasks.COMPARISONS`), all but one on held-out training rows: `from-scratch`, a network trained on
    all of these, is measured on the test rows.

    Regimes and preparations are kept short: they are measured with `SMALL_BACKBONE` and at most 40 pictures of a class.
    Each is a list of rows, as `pd.DataFrame` takes it, or a dict of such. One that lies in the folder already, as
    NAME.json, is read from there when a training is resumed.
    """
    rows = dataset.table[dataset.table["split"] == "train"]
    files, targets = rows["file"].tolist(), label_indices(rows["label"], dataset.classes)
    seed = request.seed
    splits = comparison.repeated_splits(targets, REPEATS, seed)
    few = comparison.draw_per_class(targets, np.arange(len(targets)), FEW_PER_CLASS, seed)
    fewer = [files[row] for row in few], targets[few], comparison.repeated_splits(targets[few], REPEATS, seed)
    parts: dict[str, Callable[[], object]] = {
        "backbones": lambda: _backbones(files, targets, splits),
        "regimes": lambda: _regimes(*fewer, seed),
        "preparations": lambda: _preparations(*fewer, seed),
        "learning-curve": lambda: comparison.learning_curve(cached_features(backbone, files), targets, splits),
        "from-scratch": lambda: _from_scratch(request, dataset, backbone, folder),
        "kinds-of-data": lambda: _kinds_of_data(dataset, other_data, backbone, seed),
    }
    return {name: _kept(folder / f"{name}.json", parts[name], request.resume) for name in names}


def _kept(path: Path, compute: Callable[[], object], resume: bool) -> list | dict:
    if not (resume and path.exists()):
        start = time.perf_counter()
        found = compute()
        content = _rounded(found).to_dict("records") if isinstance(found, pd.DataFrame) else found
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content, allow_nan=False))
        print(f"{path.stem}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return json.loads(path.read_text())


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    return table.round(4).astype(object).where(table.notna(), None)


def _backbones(files: list[str], targets: np.ndarray, splits: list[comparison.Split]) -> dict[str, list]:
    """`rows` of the table, and `notes` on those that are left out: no weights on this computer."""
    names = available_backbones()
    table, notes = comparison.compare_backbones(names, files, targets, splits)
    absent = [name for name in LITES | APPLICATIONS if name not in names]
    notes += [f"left out: {name}; its weights are not on this computer" for name in absent]
    return {"rows": _rounded(table).to_dict("records"), "notes": notes}


def _regimes(files: list[str], targets: np.ndarray, splits: list[comparison.Split], seed: int) -> pd.DataFrame:
    return ablation.compare_regimes(SMALL_BACKBONE, files, targets, splits[:FEW], seed)


def _preparations(files: list[str], targets: np.ndarray, splits: list[comparison.Split], seed: int) -> dict[str, list]:
    """`frozen` and `scratch`, the rows of both tables."""
    steps = ablation.choose_preparations(files, seed)
    frozen = ablation.prepare_for_backbone(SMALL_BACKBONE, files, targets, splits, steps, FROZEN_SIZES)
    scratch = ablation.prepare_for_scratch(files, targets, splits[:FEW], steps, ABLATION_SIZE, seed, ABLATION_EPOCHS)
    return {name: _rounded(table).to_dict("records") for name, table in (("frozen", frozen), ("scratch", scratch))}


def _from_scratch(request: TrainingRequest, dataset: Dataset, backbone: str, folder: Path) -> dict:
    """`networks.breed_cnn` on the same split: its history, its confusion matrix, and its figures on the test rows."""
    own_size = replace(request, image_size=None, epochs=None)
    trained = train_regime(own_size, dataset, backbone, SCRATCH, folder / SCRATCH)
    labels = dataset.table.loc[dataset.table["split"] == "test", "label"]
    truth = label_indices(labels, dataset.classes)
    return {
        "image_size": trained.model.input_shape[1],
        "parameters": trained.model.count_params(),
        "history": _rounded(trained.history).to_dict("records"),
        "confusion_matrix": confusion_matrix_table(truth, trained.scores, dataset.classes).to_numpy().tolist(),
        "test": comparison.top_figures(truth, trained.scores),
    }


def _kinds_of_data(dataset: Dataset, folders: Sequence[Path], backbone: str, seed: int) -> pd.DataFrame:
    """`ablation.compare_kinds_of_data` on the training rows of the data set and on other folders: faces by gender."""
    here = dataset.root.name
    tables = {here: dataset.table[dataset.table["split"] == "train"]}
    for folder in folders:
        table = read_dataset(folder).table
        if "gender" in table:
            table = table.assign(label=[GENDERS[number] for number in table["gender"]])
        if "label" not in table:
            raise ValueError(f"{folder}: holds no classes to compare with; name another data set")
        tables[folder.name] = table.dropna(subset=["label"])
    return ablation.compare_kinds_of_data(tables, here, backbone, seed)
