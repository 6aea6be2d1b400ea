"""A trained model to disk: the folder of plain files that `bundles` reads."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path

import h5py
import keras
import numpy as np
import pandas as pd

from imagecourse.files import temporary_folder, write_json
from imagecourse.networks.bundles import answers_by_name, check_labels
from imagecourse.networks.loading import check_architecture, without_compilation
from imagecourse.networks.model_files import (
    ARCHITECTURE_NAME,
    CARD_NAME,
    HISTORY_NAME,
    LABELS_NAME,
    PICTURES,
    PREDICTIONS_NAME,
    WEIGHTS_NAME,
)

HALF_LARGEST = float(np.finfo(np.float16).max)


@dataclass(frozen=True)
class Card:
    """What a reader must know of a model; `save_bundle` adds what the model itself says.

    data, data_licence: name of the data set, and on what terms. training_command: what trains it again.
    metrics: name -> number, with `split`, the name of the split they were measured on, and `images`, its size.
    more: anything else that JSON knows, by name.
    """

    task: str
    data: str
    data_licence: str
    training_command: str
    seed: int
    metrics: dict
    more: dict = field(default_factory=dict)

    def of(self, model: keras.Model, labels: Sequence[str] | None = None) -> dict:
        """The card of a model as JSON holds it; labels: None for one that names no classes."""
        libraries = ("tensorflow", "keras", "numpy", "imagecourse")
        names = "outputs" if answers_by_name(model) else "classes"
        facts = {
            "input_size": list(model.inputs[0].shape[1:]),
            **({} if labels is None else {names: list(labels)}),
            "date": date.today().isoformat(),
            "versions": {name: metadata.version(name) for name in libraries},
            "parameters": model.count_params(),
        }
        given = {name: value for name, value in vars(self).items() if name not in ("metrics", "more")}
        return given | facts | {"metrics": self.metrics} | self.more


def save_bundle(
    folder: str | os.PathLike,
    model: keras.Model,
    labels: Sequence[str] | None,
    card: Card,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    half_precision: bool = True,
) -> Path:
    """Write a model folder; it appears complete or not at all, and takes the place of an older one.

    labels: None for a network that answers with a picture.
    half_precision: store kernels as float16, which halves the file; vectors (biases, normalisation) stay float32.
    Raises: ValueError for labels that do not fit the model, a Lambda layer, or a folder that holds something else.
    """
    if labels is None:
        facts = card.of(model) | {"answers": PICTURES}
        return save_folder(folder, model, {}, facts, history, predictions, half_precision)
    check_labels(Path(folder), list(labels), model)
    facts, lists = card.of(model, labels), {LABELS_NAME: list(labels)}
    return save_folder(folder, model, lists, facts, history, predictions, half_precision)


def save_folder(
    folder: str | os.PathLike,
    model: keras.Model,
    lists: Mapping[str, Sequence[str]],
    card: dict,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
    half_precision: bool = True,
) -> Path:
    """As `save_bundle`, for any network; lists: name of a text file -> its lines, such as labels or a vocabulary."""
    folder = Path(folder)
    architecture = without_compilation(json.loads(model.to_json()))
    check_architecture(folder, architecture)
    check_place(folder)
    with temporary_folder(folder.parent) as work:
        new = work / "new"
        new.mkdir()
        (new / ARCHITECTURE_NAME).write_text(json.dumps(architecture) + "\n", encoding="utf-8")
        for name, lines in lists.items():
            (new / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        write_json(new / CARD_NAME, card)
        history.to_csv(new / HISTORY_NAME, index=False)
        predictions.to_csv(new / PREDICTIONS_NAME, index=False, float_format="%.6g")
        model.save_weights(work / WEIGHTS_NAME)
        _copy_weights(work / WEIGHTS_NAME, new / WEIGHTS_NAME, half_precision)
        if folder.exists():
            folder.rename(work / "old")
        new.rename(folder)
    return folder


def check_place(folder: Path) -> None:
    """Refuse a place where something else than a model folder lies, with ValueError."""
    is_model = (folder / ARCHITECTURE_NAME).exists()
    if folder.exists() and not (folder.is_dir() and (is_model or not any(folder.iterdir()))):
        raise ValueError(f"{folder}: exists and is no model folder; name another one")


def _copy_weights(source: Path, target: Path, half_precision: bool) -> None:
    """Without the optimiser's state, and smaller. Values that float16 cannot hold keep their array in float32."""

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name.split("/")[0] == "optimizer":
            return
        if isinstance(item, h5py.Group):
            new.require_group(name).attrs.update(item.attrs)
            return
        values = item[()]
        new.create_dataset(name, data=values.astype(np.float16) if half_precision and _fits_half(values) else values)

    with h5py.File(source) as old, h5py.File(target, "w") as new:
        new.attrs.update(old.attrs)
        old.visititems(copy)


def round_to_half(model: keras.Model) -> None:
    """Round the kernels of a model as `save_bundle` stores them: what is measured is what will be loaded."""
    for weights in model.weights:
        values = np.asarray(weights)
        if _fits_half(values):
            weights.assign(values.astype(np.float16).astype(np.float32))


def _fits_half(values: np.ndarray) -> bool:
    return values.dtype == np.float32 and values.ndim > 1 and bool(np.abs(values).max(initial=0) <= HALF_LARGEST)
