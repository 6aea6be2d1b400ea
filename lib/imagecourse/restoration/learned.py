"""Learned filters at work: pictures of any size through a network that answers with pictures, tile by tile.

Images are (h, w, 3) RGB or (h, w) grey uint8 throughout.
"""

from functools import cache
from itertools import product

import keras
import numpy as np

from imagecourse.images import squeeze
from imagecourse.networks.bundles import Bundle, load_bundle, load_restorer
from imagecourse.networks.model_files import is_there
from imagecourse.networks.predict import forward, input_size
from imagecourse.restoration.measures import without_equal_channels

DENOISER, DOCUMENT_CLEANER = "denoiser", "document-cleaner"
PHOTO_FILTER, TEXT, SURE = "photo-filter", "Text", 0.9
TILE, MARGIN, STEP = 768, 64, 16
"""Sides in pixels of what a network sees at once, of its surroundings that are computed and thrown away, and the
number that all sides are a multiple of."""


@cache
def _classifier(name: str) -> Bundle:
    return load_bundle(name)


@cache
def network(name: str) -> keras.Model:
    """The network of a model folder, loaded once. Raises: as `load_restorer`."""
    return load_restorer(name).model


def remove_noise(image: np.ndarray, noise: float, blur: float = 0.0, model: keras.Model | None = None) -> np.ndarray:
    """Remove noise, and a blur under it, with a network that is told how strong they are.

    noise: deviation in grey levels. blur: deviation of a Gaussian in pixels. model: see `restorers.denoiser`; None
    takes models/denoiser. Large pictures are worked on in tiles that overlap by more than the network sees, so
    that there are no seams and memory stays bounded. A grey picture comes back grey.
    Raises: as `load_restorer`.
    """
    grey = without_equal_channels(image)
    colour = grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, axis=2)
    restored = _in_tiles(model or network(DENOISER), colour, (noise, blur))
    if grey.ndim == 2:
        restored = _grey(restored)
    return restored if restored.ndim == image.ndim else np.repeat(restored[..., None], 3, axis=2)


def clean_document(image: np.ndarray, model: keras.Model | None = None) -> np.ndarray:
    """Remove stains, folds and the tone of the paper from a page of text: black on white in the shape it had.

    model: see `restorers.document_cleaner`; None takes models/document-cleaner. Raises: as `load_restorer`.
    """
    page = image if image.ndim == 2 else _grey(image)
    cleaned = _in_tiles(model or network(DOCUMENT_CLEANER), page[..., None])[..., 0]
    return cleaned if image.ndim == 2 else np.repeat(cleaned[..., None], 3, axis=2)


def is_text(image: np.ndarray, model: str = PHOTO_FILTER) -> bool:
    """Whether a photo filter takes a picture for a page of text with a probability of at least `SURE`.

    False where there is no such model.
    """
    if not is_there(model):
        return False
    bundle = _classifier(model)
    colour = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    scores = forward(bundle.model, [squeeze(colour, *input_size(bundle))], 1)[0]
    return TEXT in bundle.labels and bool(scores[bundle.labels.index(TEXT)] >= SURE)


def _grey(image: np.ndarray) -> np.ndarray:
    return np.rint(image.mean(axis=2)).astype(np.uint8)


def _in_tiles(model: keras.Model, image: np.ndarray, damage: tuple[float, ...] = ()) -> np.ndarray:
    """The network's answer to a picture (h, w, channels) uint8, in the same form."""
    result = np.empty_like(image)
    for top, left in product(*(range(0, length, TILE) for length in image.shape[:2])):
        y, x = max(0, top - MARGIN), max(0, left - MARGIN)
        tile = image[y : top + TILE + MARGIN, x : left + TILE + MARGIN]
        inner = (slice(top - y, top - y + TILE), slice(left - x, left - x + TILE))
        result[top : top + TILE, left : left + TILE] = _answer(model, tile, damage)[inner]
    return result


def _answer(model: keras.Model, tile: np.ndarray, damage: tuple[float, ...]) -> np.ndarray:
    height, width = tile.shape[:2]
    padding = [(0, -length % STEP) for length in (height, width)]
    batch = np.pad(tile, [*padding, (0, 0)], mode="edge")[None].astype(np.float32)
    maps = np.broadcast_to(np.array(damage, np.float32), (*batch.shape[:3], len(damage)))
    answer = np.asarray(model.predict_on_batch([batch, maps] if damage else batch))[0, :height, :width]
    return np.clip(np.rint(answer), 0, 255).astype(np.uint8)
