"""Features of frozen backbones, computed once per picture and kept."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from imagecourse.cache import ArrayCache, MappedRows
from imagecourse.files import in_groups, read_ahead
from imagecourse.images import read_image, squeeze
from imagecourse.networks import identity
from imagecourse.networks.backbones import backbone
from imagecourse.networks.predict import forward
from imagecourse.networks.runtime import OnnxNetwork, quick_network

View = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A function (image, generator) -> image, (h, w, 3) uint8 both, such as a random crop or a change of colour."""

BATCH_SIZE, MANY = 32, 512
HALF_LARGEST = float(np.finfo(np.float16).max)


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
    jobs, keys = _jobs(files, views)
    features = np.zeros((len(jobs), *model.output_shape[1:]), np.float32)
    with ArrayCache(f"features_{model.name}_{identity.of_network(model)}", np.float32, cache_dir) as cache:
        missing = []
        for row, key in enumerate(keys):
            found = cache.find(key)
            if found is None:
                missing.append(row)
            else:
                features[row] = found.reshape(features.shape[1:])
        for rows, vectors in _vectors(_quickest(model, len(missing)), missing, jobs, views):
            features[rows] = vectors
            cache.store([keys[row] for row in rows], vectors)
    return features


class MappedFeatures:
    """Features that stay on the disk, see `mapped_features`; `shape` is (views, files, …), `take` reads some."""

    def __init__(self, rows: MappedRows, numbers: np.ndarray):
        self._rows, self._numbers = rows, numbers
        self.shape = (*numbers.shape, *rows.shape)

    @property
    def nbytes(self) -> int:
        """What all of them would take in memory, as they are on the disk."""
        return self._numbers.size * self._rows.row_bytes

    def take(self, views: np.ndarray | int, files: np.ndarray) -> np.ndarray:
        """Features of some files, each in a view, by their places: (n, …) float32."""
        return self._rows.read(self._numbers[views, files]).astype(np.float32)


def mapped_features(
    network: keras.Model,
    files: Sequence[str | os.PathLike],
    cache_dir: str | os.PathLike | None = None,
    views: Mapping[str, View] | None = None,
) -> MappedFeatures:
    """As `cached_features`, for what is too large for the memory, such as grids of features: half precision, on disk.

    They lie in a file that is mapped into memory, and only what is asked for is read. Raises: as `cached_features`.
    """
    views = views or {"whole": unchanged}
    jobs, keys = _jobs(files, views)
    name = f"grids_{network.name}_{identity.of_network(network)}"
    rows = MappedRows(name, network.output_shape[1:], np.float16, cache_dir)
    first_of = {key: place for place, key in reversed(list(enumerate(keys)))}
    missing = [first_of[key] for key, number in zip(first_of, rows.numbers(list(first_of)), strict=True) if number < 0]
    for places, vectors in _vectors(_quickest(network, len(missing)), sorted(missing), jobs, views):
        rows.append([keys[place] for place in places], np.clip(vectors, -HALF_LARGEST, HALF_LARGEST))
    return MappedFeatures(rows, rows.numbers(keys).reshape(len(views), -1))


def _quickest(model: keras.Model, pictures: int) -> keras.Model | OnnxNetwork:
    """What looks at so many pictures soonest: from some hundreds on, an export takes less time than it saves."""
    return quick_network(model, identity.of_network(model)) if pictures >= MANY else model


def _jobs(
    files: Sequence[str | os.PathLike], views: Mapping[str, View]
) -> tuple[list[tuple[str, Path, str]], list[str]]:
    """What is to be looked at, as name of the view, file, and digest of the file; and the key of each."""
    digests = {file: _digest(file) for file in dict.fromkeys(map(Path, files))}
    codes = {name: identity.of_function(view) for name, view in views.items()}
    jobs = [(name, Path(file), digests[Path(file)]) for name in views for file in files]
    return jobs, [f"{digest} {name} {codes[name]}" for name, _, digest in jobs]


def _vectors(
    model: keras.Model | OnnxNetwork, rows: list[int], jobs: list[tuple[str, Path, str]], views: Mapping[str, View]
) -> Iterator[tuple[list[int], np.ndarray]]:
    """The network's answers for some of the jobs, group by group."""
    read = partial(_read_view, model.input_shape[1:3], views)
    images = read_ahead(read, (jobs[row] for row in rows), 2 * BATCH_SIZE)
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
