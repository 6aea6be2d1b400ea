"""One `fit` for all chapters: seeds, early stopping, class weights, learning rates, and resuming after a kill.

Nothing here but the determinism switch needs TensorFlow, so the same code trains with Keras on JAX.
"""

import json
import math
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_class_weight
from tqdm.auto import tqdm

from imagecourse.images import atomic_path

HISTORY_NAME = "history.csv"
BEST_WEIGHTS_NAME = "best.weights.h5"


def set_seeds(seed: int) -> None:
    """Seed Python, NumPy and Keras, and make TensorFlow's random and parallel operations repeatable.

    Call it before building a model too: its first weights are random.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def check_labels(labels: Sequence[str], classes: Sequence[str]) -> None:
    """Refuse a training set that teaches nothing: a single class, or a class without images, with ValueError."""
    if len(classes) < 2:
        found = f"only the class {classes[0]}" if len(classes) else "no class"
        raise ValueError(f"the data set holds {found}; give at least two classes, one folder each")
    empty = [name for name in classes if name not in set(labels)]
    if empty:
        raise ValueError(f"no training images for {', '.join(empty)}; add some or remove the class")


def class_weights(labels: Sequence[str], classes: Sequence[str]) -> dict[int, float]:
    """Weights that make each class count the same, n / (classes × n_class), by position in the list of classes.

    Raises: ValueError as `check_labels`.
    Source: King and Zeng, Logistic Regression in Rare Events Data, 2001, by scikit-learn's `compute_class_weight`.
    """
    check_labels(labels, classes)
    weights = compute_class_weight("balanced", classes=np.array(classes), y=np.array(labels))
    return {index: float(weight) for index, weight in enumerate(weights)}


def cosine_schedule(peak: float, epochs: int, warmup: int = 0) -> Callable[[int], float]:
    """A learning rate for each epoch: a straight rise to the peak in `warmup` epochs, then half a cosine towards 0.

    Give it to `fit` as `learning_rate`. Source: Loshchilov and Hutter, SGDR, 2017, arXiv:1608.03983.
    """

    def learning_rate(epoch: int) -> float:
        if epoch < warmup:
            return peak * (epoch + 1) / (warmup + 1)
        return peak * (1 + math.cos(math.pi * (epoch - warmup) / max(1, epochs - warmup))) / 2

    return learning_rate


def fit(
    model: keras.Model,
    train: Any,
    validation: Any = None,
    *,
    epochs: int,
    seed: int,
    batch_size: int = 32,
    checkpoint_dir: str | os.PathLike | None = None,
    resume: bool = False,
    patience: int | None = None,
    class_weights: dict[int, float] | None = None,
    learning_rate: float | Callable[[int], float] | None = None,
) -> pd.DataFrame:
    """Train a compiled model and return its history: a row per epoch, `epoch` (from 1), `loss`, the metrics, `val_…`.

    train, validation: batches (`datasets.make_pipeline`), or a pair of arrays (inputs, targets) that is cut into
    batches of batch_size, train in a new order each epoch.
    checkpoint_dir: after each epoch the weights, the optimiser's state and `history.csv` are stored there. With resume
    a training that was killed goes on after its last finished epoch; without, the folder starts afresh. It stays until
    the caller removes it. Resuming gives a complete training, not bit for bit the one that was never interrupted.
    patience: stop after so many epochs without a lower validation loss (training loss without validation), and go back
    to the best weights.
    learning_rate: a number, or a function of the epoch (from 0) such as `cosine_schedule`; None keeps the optimiser's.

    Raises: ValueError for a model that is not compiled, epochs below 1, or a checkpoint of another model.
    """
    if not model.compiled:
        raise ValueError(f"{model.name}: not compiled; call model.compile(optimizer, loss, metrics) first")
    if epochs < 1:
        raise ValueError(f"epochs: {epochs} is too few; give at least 1")
    set_seeds(seed)
    checkpoint = _Checkpoint(checkpoint_dir, resume)
    history = checkpoint.finished_epochs()
    monitor = "loss" if validation is None else "val_loss"
    stopping = [_EarlyStopping(history, monitor, patience, checkpoint)] if patience is not None else []
    callbacks = [*_rate_callbacks(learning_rate), _History(history, checkpoint), *stopping, *checkpoint.callbacks()]
    inputs, targets = train if isinstance(train, tuple) else (train, None)
    try:
        model.fit(
            inputs,
            targets,
            batch_size=batch_size if targets is not None else None,
            shuffle=targets is not None,
            validation_data=validation,
            epochs=_epochs_to_reach(history, epochs, monitor, patience),
            class_weight=class_weights,
            callbacks=[*callbacks, _Progress(len(history), epochs)],
            verbose=0,
        )
    finally:
        model._initial_epoch = None  # BackupAndRestore leaves it set, and the next fit would skip its epochs
    return pd.DataFrame(history)


def _epochs_to_reach(history: list[dict], epochs: int, monitor: str, patience: int | None) -> int:
    """Where training ends: where it is when a resumed training had already stopped early."""
    stopped = patience is not None and len(history) > 0 and _epochs_since_best(history, monitor) >= patience
    return len(history) if stopped else epochs


def _epochs_since_best(history: list[dict], monitor: str) -> int:
    losses = [row[monitor] for row in history]
    return len(losses) - 1 - losses.index(min(losses))


def _rate_callbacks(learning_rate: float | Callable[[int], float] | None) -> list[keras.callbacks.Callback]:
    if learning_rate is None:
        return []
    schedule = learning_rate if callable(learning_rate) else lambda _epoch: learning_rate
    return [keras.callbacks.LearningRateScheduler(schedule)]


class _Checkpoint:
    """The folder of a training in progress; with folder None it keeps nothing."""

    def __init__(self, folder: str | os.PathLike | None, resume: bool):
        self.folder = Path(folder) if folder is not None else None
        if self.folder is not None and not resume:
            shutil.rmtree(self.folder / "backup", ignore_errors=True)
            for name in (HISTORY_NAME, BEST_WEIGHTS_NAME):
                (self.folder / name).unlink(missing_ok=True)

    def callbacks(self) -> list[keras.callbacks.Callback]:
        if self.folder is None:
            return []
        backup = keras.callbacks.BackupAndRestore(
            str(self.folder / "backup"), double_checkpoint=True, delete_checkpoint=False
        )
        return [backup]

    def finished_epochs(self) -> list[dict]:
        """The rows of history.csv up to the epoch of the stored weights; a killed run may have written one more."""
        if self.folder is None or not (self.folder / HISTORY_NAME).exists():
            return []
        rows = pd.read_csv(self.folder / HISTORY_NAME).to_dict("records")
        return rows[: self._stored_epoch()]

    def _stored_epoch(self) -> int:
        state = self.folder / "backup" / "training_metadata.json"
        previous = state.with_name(state.name + ".bkp")
        for path in (state, previous):
            try:
                epoch = json.loads(path.read_text())["epoch"]
            except (FileNotFoundError, json.JSONDecodeError):
                continue
            if path == previous:
                shutil.copy(previous, state)
            return epoch
        shutil.rmtree(state.parent, ignore_errors=True)
        return 0

    def write_history(self, history: list[dict]) -> None:
        if self.folder is not None:
            with atomic_path(self.folder / HISTORY_NAME) as temporary:
                pd.DataFrame(history).to_csv(temporary, index=False)

    def write_best(self, model: keras.Model) -> None:
        if self.folder is not None:
            temporary = self.folder / f"new_{BEST_WEIGHTS_NAME}"
            model.save_weights(temporary)
            temporary.replace(self.folder / BEST_WEIGHTS_NAME)

    def read_best(self, model: keras.Model) -> None:
        if self.folder is not None and (self.folder / BEST_WEIGHTS_NAME).exists():
            model.load_weights(self.folder / BEST_WEIGHTS_NAME)


class _History(keras.callbacks.Callback):
    """Appends a row per epoch, in memory and on disk."""

    def __init__(self, history: list[dict], checkpoint: _Checkpoint):
        super().__init__()
        self.rows, self.checkpoint = history, checkpoint

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()})
        self.checkpoint.write_history(self.rows)


class _EarlyStopping(keras.callbacks.Callback):
    """Decides from the history alone, which a resumed training still has; Keras' own forgets its best at a kill."""

    def __init__(self, history: list[dict], monitor: str, patience: int, checkpoint: _Checkpoint):
        super().__init__()
        self.rows, self.monitor, self.patience, self.checkpoint = history, monitor, patience, checkpoint
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        since_best = _epochs_since_best(self.rows, self.monitor)
        if since_best == 0:
            self.best_weights = self.model.get_weights()
            self.checkpoint.write_best(self.model)
        elif since_best >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
        else:
            self.checkpoint.read_best(self.model)


class _Progress(keras.callbacks.Callback):
    """A bar over all batches of all epochs, on a terminal or in a notebook that a person has open."""

    def __init__(self, finished: int, epochs: int):
        super().__init__()
        self.finished, self.epochs = finished, epochs
        self.bar = None

    def on_epoch_begin(self, epoch, logs=None):
        steps = self.params.get("steps")
        if self.bar is None:
            disable = False if "JPY_SESSION_NAME" in os.environ else None  # set by Jupyter, not by papermill
            self.bar = tqdm(unit="batch", initial=self.finished * (steps or 0), disable=disable)
        self.bar.total = steps and steps * self.epochs
        self.bar.set_description(f"epoch {epoch + 1}/{self.epochs}")

    def on_train_batch_end(self, batch, logs=None):
        self.bar.update()

    def on_epoch_end(self, epoch, logs=None):
        self.bar.set_postfix({name: f"{value:.3g}" for name, value in logs.items()})

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()
