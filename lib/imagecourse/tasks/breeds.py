"""Which breed is it: a classifier on a borrowed network, or one from scratch, for folders with a class each."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse.bundles import make_card, save_bundle
from imagecourse.comparison import confused_pairs, top_figures
from imagecourse.datasets import Dataset, drop_unreadable, label_indices, load_catalogue, read_dataset
from imagecourse.datasets.sample.breeds import write_breeds
from imagecourse.evaluation import classification_summary
from imagecourse.images import ImageReadError
from imagecourse.tasks import TrainingRequest, breed_comparisons
from imagecourse.tasks.breed_training import Trained, train_regime
from imagecourse.tasks.classification import FRACTIONS, checkpoint_folder
from imagecourse.transfer import REGIMES

BACKBONE = "efficientnet_lite2"
IMAGENET_NOTE = (
    "The pictures of Stanford Dogs come from ImageNet, and the backbone was trained on ImageNet: on many of these very "
    "pictures, and these breeds are among its 1000 classes. The figures flatter it; expect less of other photographs."
)


def train(
    request: TrainingRequest,
    backbone: str = BACKBONE,
    regime: str = "frozen",
    min_images: int = 1,
    max_images: int | None = None,
    compare: Sequence[str] = (),
    other_data: Sequence[Path] = (),
) -> Path:
    """Train on folders of classes and save the model.

    regime: one of `transfer.REGIMES`. min_images, max_images: of each class, see `choose_classes`.
    compare: names of tables for the card, see `breed_comparisons.compare`. other_data: data sets for one of them.
    Raises: FileNotFoundError, ValueError: data that cannot be used, an unknown regime or backbone.
    """
    if regime not in REGIMES:
        raise ValueError(f"regime: {regime!r} is unknown; use one of {', '.join(REGIMES)}")
    settings = {"backbone": backbone, "regime": regime, "image_size": request.image_size}
    settings |= {"min_images": min_images, "max_images": max_images}
    with (
        open_breeds(request.data, min_images, max_images, request.seed) as dataset,
        checkpoint_folder(request, **settings) as folder,
    ):
        try:
            trained = train_regime(request, dataset, backbone, regime, folder / regime)
        except ImageReadError:
            dataset = _readable(dataset)
            trained = train_regime(request, dataset, backbone, regime, folder / regime)
        more = {"backbone": backbone, "regime": regime}
        if compare:
            tables = breed_comparisons.compare(compare, request, dataset, backbone, other_data, folder)
            more["comparisons"] = tables
        return _save(request, trained, dataset, more)


@contextmanager
def open_breeds(data: str, min_images: int, max_images: int | None, seed: int) -> Iterator[Dataset]:
    """The data set in a folder, or for "sample" ten invented breeds, with the splits train and test.

    Pictures are not opened yet: those seen before need not be. Raises: as `choose_classes`.
    """
    with tempfile.TemporaryDirectory() if data == "sample" else nullcontext() as temporary:
        root = write_breeds(Path(temporary, "sample"), seed=seed) if temporary else data
        yield choose_classes(read_dataset(root, fractions=FRACTIONS), min_images, max_images, seed)


def choose_classes(dataset: Dataset, min_images: int = 1, max_images: int | None = None, seed: int = 0) -> Dataset:
    """The classes with at least min_images training pictures, and at most max_images of each, drawn at random.

    Validation pictures are for training too, or for the test where there is no other; test pictures all stay.
    Raises: ValueError when fewer than two classes are left, or nothing to train on or to test with.
    """
    if "label" not in dataset.table:
        raise ValueError(f"{dataset.root}: holds no classes; put the images of each into a folder of its own")
    table = _train_and_test(dataset.table.dropna(subset=["label"]))
    training = table[table["split"] == "train"].sample(frac=1, random_state=seed)
    counts = training["label"].value_counts()
    few = set(table["label"]) - set(counts.index[counts >= min_images])
    if max_images is not None:
        training = training.groupby("label").head(max_images)
    kept = pd.concat([training, table[table["split"] == "test"]]).sort_index()
    chosen = replace(dataset, table=kept[~kept["label"].isin(few)].reset_index(drop=True))
    splits = set(chosen.table["split"])
    if len(chosen.classes) < 2 or splits != {"train", "test"}:
        raise ValueError(
            f"{dataset.root}: {len(chosen.classes)} classes with {min_images} or more training pictures and splits "
            f"{', '.join(sorted(splits)) or 'none'}; at least two classes, with pictures to train and test, are wanted"
        )
    return chosen


def _train_and_test(table: pd.DataFrame) -> pd.DataFrame:
    splits = table["split"]
    if not (splits == "test").any():
        splits = splits.replace("validation", "test")
    return table.assign(split=splits.replace("validation", "train"))


def _readable(dataset: Dataset) -> Dataset:
    """Without damaged pictures; a first look at one of them is what brought us here."""
    dataset = drop_unreadable(dataset)
    for problem in dataset.problems:
        print(f"left out: {problem.file}: {problem.reason.removeprefix(problem.file + ': ')}", file=sys.stderr)
    return dataset


def _save(request: TrainingRequest, trained: Trained, dataset: Dataset, more: dict) -> Path:
    """The model folder, measured on the test split from the features that training left behind."""
    rows, classes = dataset.table[dataset.table["split"] == "test"], dataset.classes
    truth, scores = label_indices(rows["label"], classes), trained.scores
    answers = np.array(classes)[scores.argmax(axis=1)]
    files = [Path(file).relative_to(dataset.root).as_posix() for file in rows["file"]]
    columns = {"file": files, "truth": rows["label"].to_numpy(), "prediction": answers}
    summary = {name: round(value, 4) for name, value in classification_summary(truth, scores).items()}
    counts = dataset.table.loc[dataset.table["split"] == "train", "label"].value_counts()
    more |= {
        "test": top_figures(truth, scores),
        "baseline": {"always": counts.index[0], "accuracy": round(float((rows["label"] == counts.index[0]).mean()), 4)},
        "training_images": {"all": int(counts.sum()), "fewest": int(counts.min()), "most": int(counts.max())},
        "confused_pairs": confused_pairs(columns["truth"], answers).to_dict("records"),
    }
    if dataset.layout == "stanford-dogs":
        more["note"] = IMAGENET_NOTE
    name = Path(request.data).resolve().name
    entry = load_catalogue().get(name)
    licence = entry.licence if entry else "not known; ask whoever made the data set"
    metrics = {"split": "test", "images": len(rows)} | summary
    card = make_card(
        request.task, trained.model, classes, name, licence, request.command, request.seed, metrics, **more
    )
    predictions = pd.DataFrame(columns | dict(zip(classes, scores.T, strict=True)))
    return save_bundle(request.output, trained.model, classes, card, trained.history, predictions)
