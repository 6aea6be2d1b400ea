"""One `fit` for all chapters: seeds, early stopping, class weights, learning rates, and resuming after a kill.

Nothing here but the determinism switch needs TensorFlow, so the same code trains with Keras on JAX.
"""

import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pandas as pd
from sklearn.utils.class_weight import compute_class_weight
from tqdm.keras import TqdmCallback

from imagecourse.files import atomic_path

HISTORY_NAME = "history.csv"
SEEDS = "seed_states"
BEST = "best"


def set_seeds(seed: int) -> None:
    """Seed Python, NumPy and Keras, and make TensorFlow's random and parallel operations repeatable.

    Call it before building a model too: its first weights are random.
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
        tf.get_logger().setLevel("ERROR")  # its advice about tracing is none for readers


def start_afresh(model: keras.Model, fresh: keras.Model) -> None:
    """Give a compiled model the first weights of another one, just built, and an optimiser that has seen nothing.

    Several seeds then cost one compilation. fresh: the same layers, built with the next seed; random layers such as
    dropout and augmentation take its seed too.
    """
    for variable, first in zip(model.variables, fresh.variables, strict=True):
        variable.assign(first)
    rate = float(model.optimizer.learning_rate)
    model.optimizer.build(model.trainable_variables)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = rate


def seed_states(model: keras.Model) -> list[keras.Variable]:
    """What the next random numbers of dropout and the like depend on; Keras leaves it out of its files of weights."""
    return [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]


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
    after_epoch: Callable[[], dict[str, float]] | None = None,
    monitor: str | None = None,
    best: Callable[[Sequence[float]], float] = min,
) -> pd.DataFrame:
    """Train a compiled model and return its history: a row per epoch, `epoch` (from 1), `loss`, the metrics, `val_…`.

    train, validation: batches (`datasets.make_pipeline`), or a pair of arrays (inputs, targets) that is cut into
    batches of batch_size, train in a new order each epoch.
    checkpoint_dir: after each epoch the weights, the optimiser's state and `history.csv` are stored there. With resume
    a training that was killed goes on after its last finished epoch; without, the folder starts afresh. It stays until
    the caller removes it. Resuming gives the training that was never interrupted, bit for bit where the operations are
    deterministic; with a pair of arrays, or batches that draw numbers while they are made, one like it.
    patience: stop after so many epochs that were no better than the best one, and go back to the weights of that.
    learning_rate: a number, or a function of the epoch (from 0) such as `cosine_schedule`; None keeps the optimiser's.
    after_epoch: what else to measure after each epoch, name -> number; the history keeps it.
    monitor: the column of the history that patience watches; None: the validation loss (training loss without
    validation). best: `min` or `max`, which is good.

    Raises: ValueError for a model that is not compiled, epochs below 1, or a checkpoint of another model.
    """
    if not model.compiled:
        raise ValueError(f"{model.name}: not compiled; call model.compile(optimizer, loss, metrics) first")
    if epochs < 1:
        raise ValueError(f"epochs: {epochs} is too few; give at least 1")
    set_seeds(seed)
    kept = _Kept(checkpoint_dir)
    if resume:
        kept.restore(model)
    else:
        kept.clear()
    monitor = monitor or ("loss" if validation is None else "val_loss")
    measuring = [_Measuring(after_epoch)] if after_epoch is not None else []
    stopping = [_EarlyStopping(kept, monitor, best, patience)] if patience is not None else []
    model.fit(
        **_training_data(train, batch_size, len(kept.rows)),
        validation_data=validation,
        initial_epoch=len(kept.rows),
        epochs=_epochs_to_reach(kept.rows, epochs, monitor, best, patience),
        class_weight=class_weights,
        callbacks=[*_rate_callbacks(learning_rate), *measuring, kept, *stopping, _progress(epochs)],
        verbose=0,
    )
    return pd.DataFrame(kept.rows)


def _training_data(train: Any, batch_size: int, epochs: int) -> dict:
    """What Keras' `fit` is to be given of it when so many epochs are done.

    The order of the pictures, and what is changed in them, go on from there. A pipeline is one endless sequence: for
    each epoch that Keras begins by itself it skips a number of orders of its own.
    """
    if isinstance(train, tuple):
        inputs, targets = train
        return {"x": inputs, "y": targets, "batch_size": batch_size, "shuffle": True}
    if isinstance(train, keras.utils.PyDataset):
        for _ in range(epochs):
            train.on_epoch_end()
        return {"x": train, "shuffle": False}
    steps = int(train.cardinality())
    return {"x": train.repeat().skip(epochs * steps), "steps_per_epoch": steps, "shuffle": False}


def _epochs_to_reach(history: list[dict], epochs: int, monitor: str, best: Callable, patience: int | None) -> int:
    """Where training ends: where it is when a resumed training had already stopped early."""
    stopped = patience is not None and len(history) > 0 and _epochs_since_best(history, monitor, best) >= patience
    return len(history) if stopped else epochs


def _epochs_since_best(history: list[dict], monitor: str, best: Callable) -> int:
    values = [row[monitor] for row in history]
    return len(values) - 1 - values.index(best(values))


def _rate_callbacks(learning_rate: float | Callable[[int], float] | None) -> list[keras.callbacks.Callback]:
    if learning_rate is None:
        return []
    schedule = learning_rate if callable(learning_rate) else lambda _epoch: learning_rate
    return [keras.callbacks.LearningRateScheduler(schedule)]


def _progress(epochs: int) -> keras.callbacks.Callback:
    """Bars over epochs and batches, on a terminal or in a notebook that a person has open."""
    disable = False if "JPY_SESSION_NAME" in os.environ else None  # set by Jupyter, not by papermill
    return TqdmCallback(epochs, disable=disable)


class _Kept(keras.callbacks.Callback):
    """The history of a training, and in a folder all that it takes to go on after its last epoch; None keeps nothing.

    Weights and the optimiser's state lie there under the number of their epoch, and go when those of the next epoch and
    its row of the history are written: whenever the training is killed, a row has its weights.
    """

    def __init__(self, folder: str | os.PathLike | None):
        super().__init__()
        self.folder = Path(folder) if folder is not None else None
        self.rows: list[dict] = []

    def clear(self) -> None:
        """Forget an earlier training in the folder."""
        for path in self.files("*.weights.h5"):
            path.unlink()
        for path in self.files(HISTORY_NAME):
            path.unlink()

    def restore(self, model: keras.Model) -> None:
        """Bring back the weights, the optimiser and the history of the last epoch that was stored whole."""
        rows = [row for path in self.files(HISTORY_NAME) for row in pd.read_csv(path).to_dict("records")]
        model.optimizer.build(model.trainable_variables)
        for count in range(len(rows), 0, -1):
            for path in self.files(f"{count}.weights.h5"):
                self.load(model, path)
                self.rows = rows[:count]
                return

    def load(self, model: keras.Model, path: Path) -> None:
        """Weights from a file of the folder. Raises: ValueError where it is that of another network, or damaged."""
        try:
            model.load_weights(path)
            with h5py.File(path) as file:
                for state, kept in zip(seed_states(model), file[SEEDS].values(), strict=True):
                    state.assign(kept[()])
        except Exception as error:  # a damaged HDF5 file can fail anywhere
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"{path}: cannot go on from it ({reason}); start the training anew") from error

    def save(self, name: str) -> None:
        """The model's weights under a name that ends in .weights.h5, wholly or not at all."""
        if self.folder is not None:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / "new.weights.h5"  # the only ending that Keras takes
            self.model.save_weights(temporary)
            with h5py.File(temporary, "a") as file:
                group = file.create_group(SEEDS, track_order=True)
                for number, state in enumerate(seed_states(self.model)):
                    group[str(number)] = np.asarray(state)
            temporary.replace(self.folder / f"{name}.weights.h5")

    def files(self, pattern: str) -> list[Path]:
        """Files of the folder by a pattern; none without a folder."""
        return sorted(self.folder.glob(pattern)) if self.folder is not None else []

    def on_epoch_end(self, epoch, logs=None):
        self.rows.append({"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()})
        if self.folder is None:
            return
        self.save(str(epoch + 1))
        with atomic_path(self.folder / HISTORY_NAME) as temporary:
            pd.DataFrame(self.rows).to_csv(temporary, index=False)
        for path in self.files(f"{epoch}.weights.h5"):
            path.unlink()


class _Measuring(keras.callbacks.Callback):
    """Adds figures to those of an epoch, before the history takes them."""

    def __init__(self, measure: Callable[[], dict[str, float]]):
        super().__init__()
        self.measure = measure

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self.measure())


class _EarlyStopping(keras.callbacks.Callback):
    """Decides from the history alone, which a resumed training still has; Keras' own forgets its best at a kill."""

    def __init__(self, kept: _Kept, monitor: str, best: Callable, patience: int):
        super().__init__()
        self.kept, self.monitor, self.best, self.patience = kept, monitor, best, patience
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        since_best = _epochs_since_best(self.kept.rows, self.monitor, self.best)
        if since_best == 0:
            self.best_weights = self.model.get_weights()
            self.kept.save(BEST)
        elif since_best >= self.patience:
            self.model.stop_training = True

    def on_train_end(self, logs=None):
        if self.best_weights is not None:
            self.model.set_weights(self.best_weights)
            return
        for path in self.kept.files(f"{BEST}.weights.h5"):
            self.kept.load(self.model, path)
