"""Which breed is it: a classifier on a borrowed network, or one from scratch, trained in two turns.

The first turn keeps an eighth of the training pictures back and gives the curves, the second is the same with all of
them and gives the network.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from imagecourse.datasets import Dataset, choose_classes, label_indices
from imagecourse.evaluation.comparison import confused_pairs, top_figures
from imagecourse.images import read_squares
from imagecourse.networks.backbones import BackboneUnavailableError
from imagecourse.networks.features import cached_features
from imagecourse.networks.imagenet import imagenet_head
from imagecourse.networks.saving import round_to_half
from imagecourse.networks.scratch import learn_from_scratch
from imagecourse.networks.transfer import FINETUNED, FROZEN, REGIMES, SCRATCH, borrow, both_views, learn
from imagecourse.recipes import EXPLANATIONS, TrainingRequest, breed_tables
from imagecourse.recipes.breed_explanations import explain_some
from imagecourse.recipes.common import Recipe, Trained, Training, held_out_rows
from imagecourse.recipes.data import held_back
from imagecourse.samples.breeds import write_breeds

BACKBONE = "efficientnet_lite2"
SCRATCH_SIZE = 128
IMAGENET_NOTE = (
    "The pictures of Stanford Dogs come from ImageNet, and the backbone was trained on ImageNet: on many of these very "
    "pictures, and these breeds are among its 1000 classes. The figures flatter it; expect less of other photographs."
)


class BreedRecipe(Recipe):
    """backbone: what to borrow. regime: one of `transfer.REGIMES`. min_images, max_images: of each class, see
    `datasets.choose_classes`. compare: names of tables for the card, see `breed_tables.compare`, or EXPLANATIONS.
    other_data: data sets for one of the tables.
    """

    splits = ("train", "test")
    tables = breed_tables.TableSettings()

    def __init__(
        self,
        request: TrainingRequest,
        backbone: str = BACKBONE,
        regime: str = FROZEN,
        min_images: int = 1,
        max_images: int | None = None,
        compare: Sequence[str] = (),
        other_data: Sequence[Path] = (),
    ):
        super().__init__(request)
        if regime not in REGIMES:
            raise ValueError(f"regime: {regime!r} is unknown; use one of {', '.join(REGIMES)}")
        self.backbone, self.regime = backbone, regime
        self.images = {"min_images": min_images, "max_images": max_images}
        self.compare, self.other_data = compare, other_data

    def write_sample(self, folder: Path) -> None:
        write_breeds(folder, seed=self.request.seed)

    def settings(self) -> dict:
        return super().settings() | {"backbone": self.backbone, "regime": self.regime} | self.images

    def choose(self, dataset: Dataset) -> Dataset:
        return choose_classes(dataset, **self.images, seed=self.request.seed)

    def study(self, everything: Dataset, dataset: Dataset, training: Training) -> dict:
        names = [name for name in self.compare if name != EXPLANATIONS]
        if not names:
            return {}
        work = breed_tables.Work(dataset, self.backbone, self.other_data, training, self._from_scratch)
        return {"comparisons": breed_tables.compare(names, work, self.tables)}

    def learn(self, dataset: Dataset, training: Training) -> Trained:
        folder = training.checkpoint_dir / self.regime
        learn_regime = self._from_scratch if self.regime == SCRATCH else self._borrow
        return learn_regime(dataset, training._replace(checkpoint_dir=folder))

    def facts(self, dataset: Dataset, trained: Trained) -> dict:
        rows, classes = held_out_rows(dataset), dataset.classes
        truth, answers = label_indices(rows["label"], classes), np.array(classes)[trained.scores.argmax(axis=1)]
        counts = dataset.table.loc[dataset.table["split"] == "train", "label"].value_counts()
        always = round(float((rows["label"] == counts.index[0]).mean()), 4)
        facts = {
            "backbone": self.backbone,
            "regime": self.regime,
            "test": top_figures(truth, trained.scores),
            "baseline": {"always": counts.index[0], "accuracy": always},
            "training_images": {"all": int(counts.sum()), "fewest": int(counts.min()), "most": int(counts.max())},
            "confused_pairs": confused_pairs(rows["label"], answers).to_dict("records"),
        }
        if EXPLANATIONS in self.compare:
            facts[EXPLANATIONS] = explain_some(trained.model, classes, rows["file"].tolist(), truth, self.request.seed)
        return facts | (self._imagenet_facts(rows["file"].tolist(), truth) if dataset.layout == "stanford-dogs" else {})

    def _imagenet_facts(self, files: list[str], truth: np.ndarray) -> dict:
        """That the backbone knows these dogs, and how well without us; a backbone may come without a classifier."""
        try:
            head = imagenet_head(self.backbone, files, truth)
        except BackboneUnavailableError:
            head = None
        return {"note": IMAGENET_NOTE} | ({"imagenet_head": head} if head else {})

    def _borrow(self, dataset: Dataset, training: Training) -> Trained:
        """Only fine-tuning is long enough to be worth resuming: a head takes seconds."""
        files, targets, held = _training_rows(dataset)
        network = borrow(self.backbone, self.regime, len(dataset.classes), training.image_size, training.seed)
        keeps = self.regime == FINETUNED
        first, second = (training.checkpoint_dir / turn if keeps else None for turn in ("1", "2"))
        views = both_views(network.trunk, files)
        options = {"seed": training.seed, "epochs": training.epochs, "resume": training.resume}
        untrained = network.top.get_weights()
        validation = (views[0, held], targets[held]) if held.any() else None
        train = views[:, ~held], targets[~held]
        curves = learn(network, self.regime, *train, validation=validation, checkpoint_dir=first, **options)
        network.top.set_weights(untrained)
        learn(network, self.regime, views, targets, checkpoint_dir=second, **options)
        round_to_half(network.whole)
        test_features = cached_features(network.trunk, held_out_rows(dataset)["file"].tolist())
        return Trained(network.whole, curves, network.top.predict(test_features, verbose=0))

    def _from_scratch(self, dataset: Dataset, training: Training) -> Trained:
        files, targets, held = _training_rows(dataset)
        images = read_squares(files, training.image_size or SCRATCH_SIZE)
        options = {"seed": training.seed, "epochs": training.epochs, "resume": training.resume, "augment": True}
        validation = (images[held], targets[held]) if held.any() else None
        first, second = (training.checkpoint_dir / turn for turn in ("1", "2"))
        train = images[~held], targets[~held], len(dataset.classes)
        _, curves = learn_from_scratch(*train, validation=validation, checkpoint_dir=first, **options)
        model, _ = learn_from_scratch(images, targets, len(dataset.classes), checkpoint_dir=second, **options)
        return Trained(model, curves)


def _training_rows(dataset: Dataset) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Training files, their class numbers, and whether each is held back for the curves."""
    rows = dataset.table[dataset.table["split"] == "train"]
    held = np.array(held_back(rows["file"])) == "validation"
    return rows["file"].tolist(), label_indices(rows["label"], dataset.classes), held
