"""A network that writes captions, from disk and to it: a folder of plain files like that of any model.

architecture.json, model.weights.h5   the decoder; the frozen encoder comes with an installed package, see the card
vocabulary.txt                        the words, one per line, in the order of their numbers
card.json, history.csv, predictions.csv   as for `networks.bundles`; predictions: file, caption, log_probability, scores
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from keras import layers

from imagecourse.captioning.decoders import Decoder, decoder_of
from imagecourse.captioning.text import Vocabulary, read_vocabulary
from imagecourse.captioning.writing import BEAM, LENGTH_POWER, as_text, write
from imagecourse.files import in_groups, read_ahead
from imagecourse.images import read_image, squeeze
from imagecourse.networks.backbones import BackboneUnavailableError, backbone
from imagecourse.networks.loading import load_architecture, load_weights
from imagecourse.networks.model_files import VOCABULARY_NAME, ModelError, find_model, read_records
from imagecourse.networks.predict import forward
from imagecourse.networks.saving import Card, save_folder

BATCH_SIZE = 32
DEFAULT_NAME = "captioner"


@dataclass(frozen=True)
class Encoder:
    """What the decoder sees: the feature maps of one layer of a frozen backbone, for square pictures."""

    backbone: str = "efficientnet_lite2"
    image_size: int = 260
    layer: str = "block7a_project_bn"

    def network(self) -> keras.Model:
        """(n, image_size, image_size, 3) RGB in [0, 255] -> grid (n, places, channels), row by row.

        Raises: ValueError for a backbone or layer that there is not, or whose weights are not there.
        """
        try:
            base = backbone(self.backbone, self.image_size, pooling=None)
        except BackboneUnavailableError as error:
            raise ValueError(str(error)) from error
        maps = base.get_layer(self.layer).output
        grid = layers.Reshape((maps.shape[1] * maps.shape[2], maps.shape[3]), name="grid")(maps)
        return keras.Model(base.input, grid, name=f"{self.backbone}_grid")


@dataclass(frozen=True, eq=False)
class Captioner:
    """A trained encoder and decoder with their vocabulary, and what is known about them; made by `load_captioner`."""

    encoder: keras.Model
    decoder: Decoder
    vocabulary: Vocabulary
    folder: Path
    card: dict = field(default_factory=dict)
    history: pd.DataFrame = field(default_factory=pd.DataFrame)
    predictions: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def image_size(self) -> int:
        """Side in pixels of the square pictures that the encoder takes."""
        return self.encoder.input_shape[1]

    def grids(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """What the decoder sees of pictures of any size, (h, w, 3) uint8 each: (n, places, channels) float32."""
        squeezed = (squeeze(image, self.image_size, self.image_size) for image in images)
        return np.concatenate([forward(self.encoder, group, BATCH_SIZE) for group in in_groups(squeezed, BATCH_SIZE)])

    def describe(
        self, images: Sequence[np.ndarray], beam: int = BEAM, length_power: float = LENGTH_POWER
    ) -> tuple[list[str], np.ndarray]:
        """Captions of pictures of any size, (h, w, 3) uint8 each, and the log-probability of each caption: (n,)."""
        written = write(self.decoder, self.grids(images), beam, length_power)
        return as_text(written, self.vocabulary), written.log_probability


def caption_files(captioner: Captioner, files: Sequence[Path], beam: int = BEAM) -> Iterator[pd.DataFrame]:
    """Captions of image files, batch by batch: threads read ahead, memory holds three batches whatever the number.

    Yields: tables in the order of the files, columns `file`, `caption`, `log_probability`, `error`. A file that cannot
    be read has an empty caption, no number, and the reason in `error`.
    """
    readings = read_ahead(partial(_read, captioner.image_size), files, ahead=2 * BATCH_SIZE)
    for group in in_groups(files, BATCH_SIZE):
        images, errors = zip(*(next(readings) for _ in group), strict=True)
        readable = [image is not None for image in images]
        table = pd.DataFrame({"file": list(map(str, group)), "caption": "", "log_probability": np.nan, "error": errors})
        if any(readable):
            captions, log_probabilities = captioner.describe([image for image in images if image is not None], beam)
            table.loc[readable, "caption"] = captions
            table.loc[readable, "log_probability"] = log_probabilities
        yield table


def _read(image_size: int, path: Path) -> tuple[np.ndarray | None, str]:
    try:
        return squeeze(read_image(path), image_size, image_size), ""
    except (ValueError, OSError) as error:
        return None, str(error).removeprefix(f"{path}: ")


def load_captioner(name: str | os.PathLike = DEFAULT_NAME) -> Captioner:
    """Load a captioner by name or path, see `model_files.find_model`. Nothing in its files is run.

    Raises: FileNotFoundError, ValueError: which file, what is wrong, what to do.
    """
    folder = find_model(name)
    if not (folder / VOCABULARY_NAME).is_file():
        raise ValueError(f"{folder}: has no {VOCABULARY_NAME}, so it is no captioner; see imagecourse train captions")
    vocabulary = read_vocabulary(folder / VOCABULARY_NAME)
    card, history, predictions = read_records(folder)
    try:
        encoder = Encoder(**card["encoder"]).network()
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}/card.json: does not say which encoder it needs; copy the folder again") from error
    except ValueError as error:
        raise ModelError(f"{folder}/card.json: its encoder cannot be built ({error}); copy the folder again") from error
    teacher = load_architecture(folder)
    load_weights(teacher, folder)
    _check_fit(folder, encoder, teacher, vocabulary)
    return Captioner(encoder, decoder_of(teacher), vocabulary, folder, card, history, predictions)


def _check_fit(folder: Path, encoder: keras.Model, teacher: keras.Model, vocabulary: Vocabulary) -> None:
    seen, wanted, words = encoder.output_shape[1:], teacher.input_shape[0][1:], teacher.output_shape[-1]
    if seen != wanted or words != len(vocabulary):
        raise ModelError(
            f"{folder}: the decoder takes {wanted} and gives {words} words, encoder and vocabulary have {seen} and "
            f"{len(vocabulary)}; copy the whole folder again"
        )


def save_captioner(
    folder: str | os.PathLike,
    encoder: Encoder,
    teacher: keras.Model,
    vocabulary: Vocabulary,
    card: Card,
    history: pd.DataFrame,
    predictions: pd.DataFrame,
) -> Path:
    """Write the folder that `load_captioner` reads, wholly or not at all. Raises: as `saving.save_bundle`."""
    side = encoder.image_size
    facts = card.of(teacher) | {"input_size": [side, side, 3], "encoder": vars(encoder), "words": len(vocabulary)}
    return save_folder(folder, teacher, {VOCABULARY_NAME: vocabulary.lines()}, facts, history, predictions)
