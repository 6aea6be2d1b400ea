"""Photograph or not: a network fine-tuned on many views, further photographs and paintings made of them."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from imagecourse.datasets import Dataset, label_indices, read_dataset
from imagecourse.evaluation.calibration import fit_temperature
from imagecourse.networks.architectures import photo_cnn, separable_resnet
from imagecourse.networks.divided import CutViewBatches, DividedNetwork, divide, top_for_any_size
from imagecourse.networks.features import cached_features, mirrored, unchanged
from imagecourse.networks.predict import scores_of_files
from imagecourse.networks.training import class_weights, cosine_schedule, fit, set_seeds
from imagecourse.recipes import TrainingRequest, photo_checks
from imagecourse.recipes.classifier import ClassifierRecipe
from imagecourse.recipes.common import Trained, Training
from imagecourse.recipes.learning import LABEL_SMOOTHING, Scratch, learn_scratch, soften
from imagecourse.recipes.measuring import BASELINE, baseline_scores
from imagecourse.recipes.photo_views import painted_view, random_view
from imagecourse.samples.archive import write_archive

FINE_TUNED = "fine_tuned"
FROM_SCRATCH = {"photo_cnn": Scratch(photo_cnn), "separable_resnet": Scratch(separable_resnet)}
PHOTO, PAINTING = "Photo", "Painting"


@dataclass(frozen=True)
class FilterSettings:
    """Sizes of the fine-tuned filter. cut_side: of the cut of the maps it learns from, as a share of theirs.

    photographs_per_folder, painted_share: how many further photographs, and how many of these are painted too.
    """

    backbone: str = "efficientnet_lite0"
    last_frozen: str = "block3b_add"
    epochs: int = 8
    views: int = 5
    cut_side: float = 5 / 7
    batch_size: int = 32
    learning_rate: float = 3e-4
    weight_averaging: float = 0.99
    photographs_per_folder: int = 300
    painted_share: float = 1 / 3


class PhotoRecipe(ClassifierRecipe):
    """network: `FINE_TUNED`; a name of `FROM_SCRATCH`; or a backbone, which stays frozen.

    photographs: data sets whose pictures are further photographs to train on. leave_out: contents; `FINE_TUNED` is also
    trained without the files whose names begin with one of them and an underscore, and measured on those.
    """

    sizes = FilterSettings()

    def __init__(
        self,
        request: TrainingRequest,
        network: str = FINE_TUNED,
        photographs: Sequence[Path] = (),
        leave_out: Sequence[str] = (),
    ):
        self.from_scratch = FROM_SCRATCH.get(network)
        super().__init__(request, "scratch" if self.from_scratch else network)
        self.network, self.photographs, self.leave_out = network, photographs, leave_out

    def write_sample(self, folder: Path) -> None:
        write_archive(folder, seed=self.request.seed)

    def settings(self) -> dict:
        return super().settings() | {"photographs": [path.name for path in self.photographs]}

    def extend(self, dataset: Dataset) -> Dataset:
        return add_photographs(dataset, self.photographs, self.sizes.photographs_per_folder)

    def study(self, everything: Dataset, dataset: Dataset, training: Training) -> dict:
        return self._without_contents(dataset, training) if self.leave_out and self.network == FINE_TUNED else {}

    def learn(self, dataset: Dataset, training: Training) -> Trained:
        if self.network == FINE_TUNED:
            return fine_tune(self.sizes, dataset.table, dataset.classes, training)
        if self.from_scratch:
            return learn_scratch(self.from_scratch, dataset, training)
        return super().learn(dataset, training)

    def calibrate(self, model: keras.Model, dataset: Dataset) -> None:
        """The fine-tuned network has been, on the maps that its training saw."""
        if self.network != FINE_TUNED:
            super().calibrate(model, dataset)

    def facts(self, dataset: Dataset, trained: Trained) -> dict:
        return photo_checks.all_checks(trained.model, dataset, self.request.seed)

    def _without_contents(self, dataset: Dataset, training: Training) -> dict[str, dict]:
        """`left_out`: the contents, and the figures on their files of a network that was trained without them.

        `left_out_baseline…`: those of a logistic regression on frozen features, without further photographs and with.
        """
        shown = dataset.table["file"].map(lambda file: Path(file).name.split("_")[0])
        missing = sorted(set(self.leave_out) - set(shown))
        if missing:
            reason = f"no file name begins with {missing[0]}_; choose another content to leave out"
            raise ValueError(f"{dataset.root}: {reason}")
        named = shown.isin(self.leave_out) & ~dataset.table["further"]
        rows, others = dataset.table[named], dataset.table[~named & ~self._tells_of_contents(dataset.table)]
        truth, classes = label_indices(rows["label"], dataset.classes), dataset.classes
        model = self.learn(replace(dataset, table=others), training._replace(checkpoint_dir=None)).model
        train = others[others["split"] == "train"]
        scores = {
            "left_out": scores_of_files(model, rows["file"].tolist()),
            "left_out_baseline": baseline_scores(BASELINE, train[~train["further"]], rows, classes),
            "left_out_baseline_with_photographs": baseline_scores(BASELINE, train, rows, classes),
        }
        found = {name: photo_checks.figures(truth, each, classes, training.seed) for name, each in scores.items()}
        contents, accuracy = ", ".join(self.leave_out), found["left_out"]["accuracy"]["value"]
        print(f"without {contents} in training: accuracy on them {accuracy}", file=sys.stderr)
        return found | {"left_out": {"contents": list(self.leave_out)} | found["left_out"]}

    def _tells_of_contents(self, table: pd.DataFrame) -> pd.Series:
        """Whether a caption of a further photograph names one of the contents."""
        if "captions" not in table:
            return pd.Series(False, index=table.index)
        words = re.compile(rf"\b({'|'.join(map(re.escape, self.leave_out))})s?\b", re.IGNORECASE)
        texts = table["captions"].map(lambda captions: " ".join(captions) if isinstance(captions, list) else "")
        return texts.map(lambda text: words.search(text) is not None)


def add_photographs(dataset: Dataset, folders: Sequence[Path], per_folder: int) -> Dataset:
    """Further photographs as training rows of the class Photo: so many from each folder, none that is kept for its own
    validation or test.

    Always the same ones, so that what the trunk sees in them comes out of the cache. Column `further`: whether a row is
    one of them. Raises: as `read_dataset`; ValueError when the set has no class Photo.
    """
    parts = [dataset.table.assign(further=False)]
    if folders and PHOTO not in dataset.classes:
        raise ValueError(f"{dataset.root}: has no class {PHOTO}; leave out --photographs")
    generator = np.random.default_rng(0)
    for folder in folders:
        source = read_dataset(folder)
        rows = source.table[~source.table["split"].isin(["validation", "test"])]
        chosen = np.sort(generator.permutation(len(rows))[:per_folder])
        columns = [column for column in ("file", "captions") if column in rows]
        parts.append(rows.iloc[chosen][columns].assign(split="train", label=PHOTO, further=True))
    return replace(dataset, table=pd.concat(parts, ignore_index=True))


def fine_tune(sizes: FilterSettings, table: pd.DataFrame, classes: Sequence[str], training: Training) -> Trained:
    """Train on the rows of the split train, watch those of validation, which also give the temperature.

    table: columns file, split, label, further. A share of the further photographs are also shown as paintings, so that
    what is known from photographs only, people above all, does not give a photograph away.
    """
    set_seeds(training.seed)
    epochs = training.epochs or sizes.epochs
    network = divide(sizes.backbone, sizes.last_frozen, len(classes), training.image_size, seed=training.seed)
    shape = network.top.get_layer("upper").input_shape[1:]
    rows = {split: table[table["split"] == split] for split in ("train", "validation")}
    features, labels = _training_views(sizes, network, rows["train"], classes)
    targets = keras.utils.to_categorical(label_indices(labels, classes), len(classes))
    validation = rows["validation"]
    truth = keras.utils.to_categorical(label_indices(validation["label"], classes), len(classes))
    maps = _views(network, validation["file"].tolist(), {"whole": unchanged})[0].reshape(-1, *shape)
    top = top_for_any_size(network)
    top.compile(
        keras.optimizers.Adam(sizes.learning_rate, use_ema=True, ema_momentum=sizes.weight_averaging),
        keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    history = fit(
        top,
        CutViewBatches(features, targets, sizes.batch_size, training.seed, shape, round(sizes.cut_side * shape[0])),
        (maps, truth),
        epochs=epochs,
        seed=training.seed,
        checkpoint_dir=training.checkpoint_dir,
        resume=training.resume,
        class_weights={number: weight**0.5 for number, weight in class_weights(labels, classes).items()},
        learning_rate=cosine_schedule(sizes.learning_rate, epochs, warmup=1),
    )
    soften(network.whole, fit_temperature(truth.argmax(axis=1), top.predict(maps, verbose=0)))
    return Trained(network.whole, history)


def _training_views(
    sizes: FilterSettings, network: DividedNetwork, rows: pd.DataFrame, classes: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """Feature maps (views, pictures, d) float16 of all training pictures, painted ones last, and their labels."""
    labels = rows["label"].tolist()
    changes = {"whole": unchanged, "mirrored": mirrored} | _numbered("another", random_view, sizes.views - 2)
    features = _views(network, rows["file"].tolist(), changes)
    further = rows.loc[rows["further"], "file"]
    if further.empty or PAINTING not in classes:
        return features, labels
    to_paint = further.iloc[:: round(1 / sizes.painted_share)].tolist()
    painted = _views(network, to_paint, _numbered("painted over", painted_view, sizes.views))
    return np.concatenate([features, painted], axis=1), labels + [PAINTING] * len(to_paint)


def _views(network: DividedNetwork, files: list[str], views: dict[str, Callable]) -> np.ndarray:
    return np.stack(
        [cached_features(network.trunk, files, views={name: view}).astype(np.float16) for name, view in views.items()]
    )


def _numbered(name: str, view: Callable, count: int) -> dict[str, Callable]:
    return {f"{name} {number}": view for number in range(1, count + 1)}
