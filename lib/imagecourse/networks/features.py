"""Features of frozen backbones, computed once per picture and kept."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from imagecourse.cache import ArrayCache
from imagecourse.files import in_groups, read_ahead
from imagecourse.images import read_image, squeeze
from imagecourse.networks import identity
from imagecourse.networks.backbones import backbone
from imagecourse.networks.predict import forward

View = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A function (image, generator) -> image, (h, w, 3) uint8 both, such as a random crop or a change of colour."""

BATCH_SIZE = 32


def cached_features(
    network: str | keras.Model,
    files: Sequence[str | os.PathLike],
    image_size: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    views: Mapping[str, View] | None = None,
) -> np.ndarray:
    """Features of image files from a frozen network; those computed before come out of a cache, in seconds.

    The key of a feature is the bytes of the file, the network (layers and weights), the image size, and the name and
    code of the view: what has changed is noticed, a renamed file is not new. An interrupted run keeps what it has.
    Images are squeezed to the network's square.

    network: the name of a backbone (`backbones.backbone`, averaged over positions), or any model of images, whose
    outputs, say feature maps, keep their shape.
    image_size: side in pixels for a backbone; None takes its own.
    cache_dir: None takes `cache.cache_folder()`. A folder that cannot be written gives a warning and nothing is kept.
    views: by name, changes of the picture before it is squeezed, say `{"flipped": lambda image, _: image[:, ::-1]}`;
    the generator is seeded by file and name.

    Returns: (n, d) float32 in the order of the files; with views (len(views) × n, d), all files in the first view, then
    all in the second …
    Raises: FileNotFoundError, ImageReadError for a file that gives no image (`datasets.drop_unreadable` finds them).
    """
    model = backbone(network, image_size) if isinstance(network, str) else network
    views = views or {"whole": unchanged}
    jobs = [(name, Path(file)) for name in views for file in files]
    digests = {file: _digest(file) for file in dict.fromkeys(file for _, file in jobs)}
    codes = {name: identity.of_function(view) for name, view in views.items()}
    keys = [f"{digests[file]} {name} {codes[name]}" for name, file in jobs]
    features = np.zeros((len(jobs), *model.output_shape[1:]), np.float32)
    with ArrayCache(f"features_{model.name}_{identity.of_network(model)}", np.float32, cache_dir) as cache:
        missing = []
        for row, key in enumerate(keys):
            found = cache.find(key)
            if found is None:
                missing.append(row)
            else:
                features[row] = found.reshape(features.shape[1:])
        read = partial(_read_view, model.input_shape[1:3], views)
        images = read_ahead(read, ((*jobs[row], digests[jobs[row][1]]) for row in missing), 2 * BATCH_SIZE)
        for rows, vectors in _vectors(model, missing, images):
            features[rows] = vectors
            cache.store([keys[row] for row in rows], vectors)
    return features


def _vectors(
    model: keras.Model, rows: list[int], images: Iterator[np.ndarray]
) -> Iterator[tuple[list[int], np.ndarray]]:
    with tqdm(total=len(rows), desc="features", unit="image", disable=None) as bar:
        for group in in_groups(rows, BATCH_SIZE):
            yield group, forward(model, [next(images) for _ in group], BATCH_SIZE)
            bar.update(len(group))


def unchanged(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    """A view: the picture as it is."""
    return image


def mirrored(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    """A view: left becomes right."""
    return image[:, ::-1]


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_view(shape: tuple[int, int], views: Mapping[str, View], job: tuple[str, Path, str]) -> np.ndarray:
    name, file, digest = job
    generator = np.random.default_rng(list(f"{digest} {name}".encode()))
    return squeeze(views[name](read_image(file), generator), *shape)
