"""What may be done to a picture before a network sees it, and what each step is worth: see the ablation of chapter 04.

`standardise` and `Whitening` give numbers around 0; `as_picture` brings these back to pixels, so that all of
`preparations` can stand before any network.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from sklearn.feature_extraction.image import PatchExtractor

Preparation = Callable[[np.ndarray], np.ndarray]
AS_IT_IS = "as it is"


def standardise(image: np.ndarray) -> np.ndarray:
    """The picture with mean 0 and standard deviation 1: brightness and contrast of the whole no longer count.

    image: (h, w, 3) uint8 or float. Returns: (h, w, 3) float32. The deviation is taken as at least 1 / √(number of
    values), so that an even picture gives zeros, as TensorFlow's per_image_standardization does.
    """
    values = image.astype(np.float32)
    return (values - values.mean()) / max(values.std(), 1 / np.sqrt(values.size))


def as_picture(values: np.ndarray, spread: float = 2.5) -> np.ndarray:
    """Numbers around 0 as pixels: -spread becomes black, 0 grey, +spread white; (…) float -> (…) uint8."""
    return np.clip(np.round(127.5 + values * (127.5 / spread)), 0, 255).astype(np.uint8)


def equalise(image: np.ndarray) -> np.ndarray:
    """Histogram equalisation of the luminance: every brightness becomes about as frequent; the colours stay.

    image: (h, w, 3) uint8 RGB; the luminance is Y of YCrCb. Source: Gonzalez and Woods, Digital Image Processing,
    section 3.3, by OpenCV's equalizeHist.
    """
    return _change_luminance(image, cv2.equalizeHist)


def clahe(image: np.ndarray, clip_limit: float = 2.0, tiles: int = 8) -> np.ndarray:
    """Contrast-limited adaptive histogram equalisation of the luminance: tile by tile, blended between tiles.

    image: (h, w, 3) uint8 RGB. clip_limit: how far above the mean a bin of a tile's histogram may rise; it bounds how
    much the contrast, and with it the noise, can grow. tiles: along each side.
    Source: Zuiderveld, Contrast Limited Adaptive Histogram Equalization, Graphics Gems IV, 1994, by OpenCV.
    """
    return _change_luminance(image, cv2.createCLAHE(clip_limit, (tiles, tiles)).apply)


def _change_luminance(image: np.ndarray, change: Preparation) -> np.ndarray:
    channels = cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb)
    channels[:, :, 0] = change(channels[:, :, 0])
    return cv2.cvtColor(channels, cv2.COLOR_YCrCb2RGB)


def draw_patches(images: Sequence[np.ndarray], side: int, per_image: int, seed: int) -> np.ndarray:
    """Square cuts from random places, flat: (len(images) × per_image, side × side × 3) float32 in [0, 1].

    images: each (h, w, 3) uint8, of any size from side up. Raises: ValueError for a smaller one.
    """
    patches = []
    for number, image in enumerate(images):
        if min(image.shape[:2]) < side:
            raise ValueError(f"image {number} is {image.shape[1]} × {image.shape[0]} pixels; take patches of that size")
        extractor = PatchExtractor(patch_size=(side, side), max_patches=per_image, random_state=seed + number)
        patches.append(extractor.transform(image[np.newaxis].astype(np.float32) / 255))
    return np.concatenate(patches).reshape(-1, side * side * 3)


class Whitening(NamedTuple):
    """A linear map after which values are uncorrelated, each of variance 1: `fit_whitening`.

    mean: (d,), matrix: (d, d) symmetric, float32; d = side × side × 3 for patches.
    """

    mean: np.ndarray
    matrix: np.ndarray

    def of_patches(self, patches: np.ndarray) -> np.ndarray:
        """Flat patches (n, d) in [0, 1] -> (n, d) float32 around 0."""
        return (patches - self.mean) @ self.matrix

    def of_image(self, image: np.ndarray) -> np.ndarray:
        """Each pixel as the middle of the patch around it: (h, w, 3) uint8 -> (h, w, 3) float32 around 0.

        The three columns of the matrix that belong to a patch's middle are filters; the picture goes through them.
        """
        side = round((len(self.mean) / 3) ** 0.5)
        filters = self.matrix.reshape(side, side, 3, side, side, 3)[:, :, :, side // 2, side // 2]
        offset = self.mean @ filters.reshape(-1, 3)
        values = image.astype(np.float32) / 255
        return np.stack([_filtered(values, filters[..., colour]) for colour in range(3)], axis=2) - offset


def _filtered(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    channels = zip(np.moveaxis(values, 2, 0), np.moveaxis(kernel, 2, 0), strict=True)
    return sum(cv2.filter2D(np.ascontiguousarray(v), -1, np.ascontiguousarray(k)) for v, k in channels)


def fit_whitening(patches: np.ndarray, epsilon: float = 0.0) -> Whitening:
    """ZCA whitening: of all maps that make the covariance the identity, the one that changes the patches least.

    patches: (n, d) float, more of them than d. epsilon: added to the variances before they are divided out; above 0
    (0.01 for patches in [0, 1]) the finest directions, mostly noise, are not blown up, and the result is no longer
    fully white.
    Raises: ValueError when epsilon is 0 and some direction has no variance.
    Source: Bell and Sejnowski, The "independent components" of natural scenes are edge filters, 1997; Krizhevsky,
    Learning Multiple Layers of Features from Tiny Images, 2009, appendix A.
    """
    variances, directions = np.linalg.eigh(covariance(patches).astype(np.float64))
    if epsilon == 0 and variances[0] <= 1e-9 * variances[-1]:
        raise ValueError(f"{len(patches)} patches do not vary in {len(variances)} directions; give more, or epsilon")
    matrix = directions / np.sqrt(variances + epsilon) @ directions.T
    return Whitening(patches.mean(axis=0), matrix.astype(np.float32))


def covariance(values: np.ndarray) -> np.ndarray:
    """How the columns vary together: (n, d) -> (d, d)."""
    return np.cov(values, rowvar=False)


def preparations(whitening: Whitening) -> dict[str, Preparation]:
    """The steps to compare, by name, all from (h, w, 3) uint8 to the same; whitening: fitted on training patches."""
    return {
        AS_IT_IS: lambda image: image,
        "standardised": lambda image: as_picture(standardise(image)),
        "whitened": lambda image: as_picture(whitening.of_image(image)),
        "equalised": equalise,
        "CLAHE": clahe,
    }


def turned_view(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The picture turned by up to 15 degrees, up to 15 % larger or smaller, mirrored or not; edges are reflected.

    image: (h, w, 3) uint8. A new training picture that costs nothing: `features.cached_features` takes it as a view.
    """
    height, width = image.shape[:2]
    turn, zoom = generator.uniform(-15, 15), generator.uniform(0.85, 1.15)
    change = cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom)
    if generator.random() < 0.5:
        image = image[:, ::-1]
    return cv2.warpAffine(np.ascontiguousarray(image), change, (width, height), borderMode=cv2.BORDER_REFLECT_101)
