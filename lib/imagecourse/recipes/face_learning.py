"""How a face network learns: all of it, from a pretrained backbone, on views of the pictures drawn anew."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd

from imagecourse.networks.faces import AGE, DISTRIBUTION, GENDER, face_network, soft_ages
from imagecourse.networks.quick import quick_copy
from imagecourse.networks.training import cosine_schedule, fit, set_seeds
from imagecourse.recipes.common import Training
from imagecourse.recipes.face_views import face_view


@dataclass(frozen=True)
class FaceSettings:
    """How the network is trained. deviation: of the soft ages, in years. weights: of the losses, age in years.

    weight_averaging: what the average of the weights keeps of itself in each step.
    """

    backbone: str = "efficientnet_lite0"
    image_size: int = 128
    epochs: int = 16
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    weight_averaging: float = 0.998
    dropout: float = 0.3
    deviation: float = 2.0
    label_smoothing: float = 0.05
    distribution_weight: float = 1.0
    age_weight: float = 0.3
    gender_weight: float = 2.0


class FaceBatches(keras.utils.PyDataset):
    """Batches for `training.fit`: in each epoch every picture once, as a view drawn anew; a last part batch is left
    out, so that TensorFlow compiles for one shape.

    images: (n, h, w, 3) uint8. targets: output name -> (n, …).
    """

    def __init__(self, images: np.ndarray, targets: dict[str, np.ndarray], batch_size: int, seed: int):
        super().__init__()
        self.images, self.targets = images, targets
        self.batch_size, self.generator = min(batch_size, len(images)), np.random.default_rng(seed)
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self.images) // self.batch_size

    def __getitem__(self, number: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        views = np.stack([face_view(image, self.generator) for image in self.images[rows]])
        return views.astype(np.float32), {name: values[rows] for name, values in self.targets.items()}

    def on_epoch_end(self) -> None:
        self.order = self.generator.permutation(len(self.images))


def learning_targets(rows: pd.DataFrame, targets: tuple[str, ...], deviation: float) -> dict[str, np.ndarray]:
    """What each output should say: output name -> (n, …) float32. rows: columns age, gender."""
    found = {}
    if AGE in targets:
        ages = rows["age"].to_numpy(np.float32)
        found |= {DISTRIBUTION: soft_ages(ages, deviation), AGE: ages[:, None]}
    if GENDER in targets:
        found[GENDER] = rows["gender"].to_numpy(np.float32)[:, None]
    return found


def learn_faces(
    settings: FaceSettings,
    train: tuple[np.ndarray, pd.DataFrame],
    validation: tuple[np.ndarray, pd.DataFrame],
    targets: tuple[str, ...],
    training: Training,
) -> tuple[keras.Model, pd.DataFrame]:
    """The network of `faces.face_network`, trained, and its history.

    train, validation: pictures (n, size, size, 3) uint8 and their rows, columns age and gender.
    """
    set_seeds(training.seed)
    epochs = training.epochs or settings.epochs
    size = train[0].shape[1]
    network = face_network(settings.backbone, size, targets, settings.dropout, training.seed)
    quick = quick_copy(network)
    quick.compile(_optimizer(settings), **_losses(settings, targets))
    history = fit(
        quick,
        FaceBatches(
            train[0],
            learning_targets(train[1], targets, settings.deviation),
            settings.batch_size,
            training.seed,
        ),
        (validation[0], learning_targets(validation[1], targets, settings.deviation)),
        epochs=epochs,
        seed=training.seed,
        batch_size=settings.batch_size,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        learning_rate=cosine_schedule(settings.learning_rate, epochs, warmup=1),
    )
    network.set_weights(quick.get_weights())
    return network, history


def _optimizer(settings: FaceSettings) -> keras.optimizers.Optimizer:
    """Weights of kernels decay, those of vectors do not."""
    optimizer = keras.optimizers.AdamW(
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        use_ema=True,
        ema_momentum=settings.weight_averaging,
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _losses(settings: FaceSettings, targets: tuple[str, ...]) -> dict:
    """loss, loss_weights and metrics for `compile`, by the name of the output."""
    losses, weights, metrics = {}, {}, {}
    if AGE in targets:
        losses |= {DISTRIBUTION: "categorical_crossentropy", AGE: "mean_absolute_error"}
        weights |= {DISTRIBUTION: settings.distribution_weight, AGE: settings.age_weight}
    if GENDER in targets:
        losses[GENDER] = keras.losses.BinaryCrossentropy(label_smoothing=settings.label_smoothing)
        weights[GENDER], metrics[GENDER] = settings.gender_weight, ["accuracy"]
    return {"loss": losses, "loss_weights": weights, "metrics": metrics}
