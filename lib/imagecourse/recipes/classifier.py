"""Any folder with a class in each sub-folder: a linear layer on a frozen network, or more on request."""

import sys
from pathlib import Path

import keras

from imagecourse.datasets import Dataset, label_indices
from imagecourse.datasets.catalogue import load_catalogue
from imagecourse.evaluation import Estimate, accuracy_with_interval
from imagecourse.evaluation.calibration import fit_temperature
from imagecourse.networks.architectures import photo_cnn
from imagecourse.networks.backbones import APPLICATIONS, LITES
from imagecourse.networks.predict import scores_of_files
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.character_views import varied_view
from imagecourse.recipes.common import Recipe, Trained, Training, held_out_rows
from imagecourse.recipes.learning import Borrowing, Scratch, balanced, learn_borrowed, learn_scratch, soften
from imagecourse.recipes.measuring import baseline_accuracy, rounded
from imagecourse.samples.archive import write_archive

FROZEN, FINE_TUNED, SCRATCH = "frozen", "fine_tuned", "scratch"
BACKBONE = "efficientnet_lite0"
FEWEST_STEPS = 400


class ClassifierRecipe(Recipe):
    """network: `FROZEN`, a linear layer on `BACKBONE`; the name of another backbone to put it on; `FINE_TUNED`, its
    last blocks trained too; `SCRATCH`, nothing borrowed."""

    def __init__(self, request: TrainingRequest, network: str = FROZEN, seeds: int = 1):
        super().__init__(request)
        known = (FROZEN, FINE_TUNED, SCRATCH, *LITES, *APPLICATIONS)
        if network not in known:
            raise ValueError(f"{network!r}: no such network; use one of {', '.join(known)}")
        self.network, self.seeds = network, seeds

    @property
    def sample_licence(self) -> str:
        """It holds photographs from packages."""
        return load_catalogue()["sample"].licence

    def write_sample(self, folder: Path) -> None:
        write_archive(folder, seed=self.request.seed)

    def settings(self) -> dict:
        return super().settings() | {"network": self.network}

    def learn(self, dataset: Dataset, training: Training) -> Trained:
        if self.network == SCRATCH:
            return learn_scratch(Scratch(photo_cnn, image_size=128, augment=True), dataset, training)
        return learn_borrowed(self._borrowing(dataset), dataset, False, training, varied_view, balanced(dataset))

    def calibrate(self, model: keras.Model, dataset: Dataset) -> None:
        """With a temperature from the split validation."""
        rows = dataset.table[dataset.table["split"] == "validation"]
        truth = label_indices(rows["label"], dataset.classes)
        soften(model, fit_temperature(truth, scores_of_files(model, rows["file"].tolist()), cautious=True))

    def _borrowing(self, dataset: Dataset) -> Borrowing:
        if self.network == FINE_TUNED:
            return Borrowing("efficientnet_lite1", "block6b_add", epochs=20, learning_rate=3e-4)
        pictures = int((dataset.table["split"] == "train").sum())
        steps = -(-pictures // Borrowing.batch_size)
        backbone = BACKBONE if self.network == FROZEN else self.network
        return Borrowing(backbone, epochs=max(12, -(-FEWEST_STEPS // steps)), views=2)

    def facts(self, dataset: Dataset, trained: Trained) -> dict:
        rows = held_out_rows(dataset)
        predicted = [dataset.classes[best] for best in trained.scores.argmax(axis=1)]
        estimate = accuracy_with_interval(rows["label"], predicted)
        if self.network != FINE_TUNED:
            wrong = int((rows["label"] != predicted).sum())
            print(_advice(wrong, len(rows), estimate, borrowed=self.network != SCRATCH), file=sys.stderr)
        return {
            "network": self.network,
            "test": {"accuracy": rounded(estimate._asdict())},
            "baseline": baseline_accuracy(dataset, "test"),
        }


def _advice(wrong: int, images: int, estimate: Estimate, borrowed: bool) -> str:
    """Whether a longer training is worth the wait."""
    if wrong == 0:
        return f"none of {images} test pictures is wrong: they could not show that another network is better"
    found = f"{wrong} of {images} test pictures are wrong, accuracy {estimate}"
    if not borrowed:
        return f"{found}; try --network {FROZEN}: a network that has seen many pictures before needs few of yours"
    return (
        f"{found}; if that matters to you, --network {FINE_TUNED} is worth the wait, which is several times as long; "
        f"--network {SCRATCH} is not: it wants thousands of pictures of each class to come as far"
    )
