"""What a learned filter trains on: patches of clean photographs, damaged anew in each epoch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import keras
import numpy as np

from imagecourse.restoration.filters import add_gaussian_blur


@dataclass(frozen=True)
class Damage:
    """What is done to a patch, and how well that is told.

    noise: lowest and highest deviation in grey levels. blur: the same in pixels, for the share `blurred` of patches.
    grey: the share that loses its colour first. noise_error, blur_error: of what is told, relative and in pixels. The
    share `false_alarm` of the sharp patches is told a blur of up to a pixel.
    """

    noise: tuple[float, float] = (0.0, 55.0)
    blur: tuple[float, float] = (0.4, 2.4)
    blurred: float = 0.0
    grey: float = 0.25
    noise_error: float = 0.05
    blur_error: float = 0.15
    false_alarm: float = 0.1


def cut_patches(
    images: Iterable[np.ndarray], size: int, shrink: int = 1, per_image: int = 1, seed: int = 0
) -> np.ndarray:
    """Square patches at random places of photographs, shrunk first: (n, size, size, 3) uint8.

    shrink: by how much each side; 2 and more make the blocks of JPEG files invisible. Photographs that are too small
    for a patch are left out. images: (h, w, 3) or (h, w) uint8.
    """
    generator, patches = np.random.default_rng(seed), []
    for image in images:
        height, width = (length // shrink for length in image.shape[:2])
        if min(height, width) < size:
            continue
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) if shrink > 1 else image
        colour = small if small.ndim == 3 else np.repeat(small[..., None], 3, axis=2)
        for _ in range(per_image):
            top, left = generator.integers(height - size + 1), generator.integers(width - size + 1)
            patches.append(colour[top : top + size, left : left + size])
    return np.array(patches, np.uint8).reshape(-1, size, size, 3)


class DamagedPatches(keras.utils.PyDataset):
    """Batches for `training.fit`: in each epoch every clean patch once, turned, mirrored and damaged anew.

    A batch is ({"image": damaged, "damage": what is told of it}, clean, weights), see `restorers.denoiser`. Damage is
    blur, then white noise, then rounding and clipping, as in a scan; a grey patch has the same noise in all channels.
    The weights make errors count relative to `expected_error`, so that faint noise matters as much as strong noise.

    patches: (n, size, size, 3) uint8.
    """

    def __init__(self, patches: np.ndarray, damage: Damage, batch_size: int, seed: int):
        super().__init__()
        self.patches, self.damage, self.batch_size, self.seed = patches, damage, batch_size, seed
        self.epoch = -1
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.patches) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        generator = np.random.default_rng([self.seed, self.epoch, number])
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        pairs = [damage_patch(self.patches[row], self.damage, generator) for row in rows]
        damaged, told, clean, weights = (np.array(part, np.float32) for part in zip(*pairs, strict=True))
        maps = np.broadcast_to(told[:, None, None], (*damaged.shape[:3], 2))
        return {"image": damaged, "damage": maps}, clean, weights[:, None, None]

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = np.random.default_rng([self.seed, self.epoch]).permutation(len(self.patches))

    def everything(self) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
        """One epoch in one batch: to validate on."""
        batches = [self[number] for number in range(len(self))]
        inputs = {name: np.concatenate([batch[0][name] for batch in batches]) for name in ("image", "damage")}
        return inputs, *(np.concatenate([batch[part] for batch in batches]) for part in (1, 2))


def damage_patch(
    patch: np.ndarray, damage: Damage, generator: np.random.Generator
) -> tuple[np.ndarray, tuple[float, float], np.ndarray, float]:
    """One damaged patch: the patch, noise and blur as they are told, the clean patch in the same position, its weight.

    patch: (size, size, 3) uint8, as are both patches that come back.
    """
    clean = np.rot90(patch, generator.integers(4))
    clean = np.ascontiguousarray(clean[:, ::-1] if generator.random() < 0.5 else clean)
    grey = generator.random() < damage.grey or (clean == clean[..., :1]).all()
    if grey:
        clean = np.repeat(cv2.cvtColor(clean, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    noise = generator.uniform(*damage.noise)
    blur = generator.uniform(*damage.blur) if generator.random() < damage.blurred else 0.0
    added = generator.normal(0, noise, (*clean.shape[:2], 1 if grey else 3))
    damaged = np.clip(np.rint(add_gaussian_blur(clean, blur) + added), 0, 255).astype(np.uint8)
    told = (noise * np.exp(generator.normal(0, damage.noise_error)), _told_blur(blur, damage, generator))
    return damaged, told, clean, 1 / expected_error(noise, blur)


def _told_blur(blur: float, damage: Damage, generator: np.random.Generator) -> float:
    if blur > 0:
        return max(0.0, blur + generator.normal(0, damage.blur_error))
    alarm = damage.blurred > 0 and generator.random() < damage.false_alarm
    return generator.uniform(0, 1) if alarm else 0.0


def expected_error(noise: float, blur: float) -> float:
    """About the mean squared error that a good filter leaves in a photograph, in squared grey levels.

    Fitted by eye to what FFDNet leaves at noise of 5, 15, 25 and 50: 7, 27, 51 and 121.
    """
    return 1 + 0.9 * noise**1.25 + 15 * blur**2


class DirtyPatches(keras.utils.PyDataset):
    """Batches for `training.fit`: patches of dirty pages and the same patches clean, (n, size, size, 1) float32 both.

    In each epoch `per_page` patches of every page, at another place, larger or smaller, turned and mirrored, with the
    dirty one lighter or darker, blurred and noisy by chance.

    pages: pairs of dirty and clean, (h, w) uint8, each at least 1.5 × size to each side.
    """

    def __init__(
        self, pages: Sequence[tuple[np.ndarray, np.ndarray]], size: int, per_page: int, batch_size: int, seed: int
    ):
        super().__init__()
        self.pages, self.size, self.per_page, self.batch_size, self.seed = pages, size, per_page, batch_size, seed
        self.epoch = -1
        self.on_epoch_end()

    def __len__(self) -> int:
        return -(-len(self.order) // self.batch_size)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng([self.seed, self.epoch, number])
        rows = self.order[number * self.batch_size : (number + 1) * self.batch_size]
        pairs = [varied_pair(*self.pages[row], self.size, generator) for row in rows]
        dirty, clean = (np.array(part, np.float32)[..., None] for part in zip(*pairs, strict=True))
        return dirty, clean

    def on_epoch_end(self) -> None:
        self.epoch += 1
        pages = np.repeat(np.arange(len(self.pages)), self.per_page)
        self.order = np.random.default_rng([self.seed, self.epoch]).permutation(pages)

    def everything(self) -> tuple[np.ndarray, np.ndarray]:
        """One epoch in one batch: to validate on."""
        dirty, clean = zip(*(self[number] for number in range(len(self))), strict=True)
        return np.concatenate(dirty), np.concatenate(clean)


def varied_pair(
    dirty: np.ndarray, clean: np.ndarray, size: int, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A square patch of a dirty page, varied at random, and the same patch clean: (size, size) uint8 both."""
    side = round(size * generator.uniform(2 / 3, 3 / 2))
    top, left = (generator.integers(length - side + 1) for length in dirty.shape)
    turns, mirrored = generator.integers(4), generator.random() < 0.5

    def cut(page: np.ndarray) -> np.ndarray:
        patch = page[top : top + side, left : left + side]
        patch = cv2.resize(patch, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
        return np.rot90(patch[:, ::-1] if mirrored else patch, turns)

    light, power = generator.uniform(0.85, 1.1), generator.uniform(0.8, 1.25)
    varied = 255 * light * (cut(dirty) / 255) ** power
    varied = cv2.GaussianBlur(varied, (0, 0), generator.uniform(0.05, 0.6))
    varied += generator.normal(0, generator.uniform(0, 6), varied.shape)
    return np.clip(np.rint(varied), 0, 255).astype(np.uint8), np.ascontiguousarray(cut(clean))
