"""Features of frozen backbones, computed once per picture and kept."""

import hashlib
import json
import os
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import keras
import numpy as np
from tqdm.auto import tqdm

from imagecourse.backbones import backbone
from imagecourse.batches import forward, in_groups, read_ahead, squeeze
from imagecourse.images import read_image

View = Callable[[np.ndarray, np.random.Generator], np.ndarray]
"""A function (image, generator) -> image, (h, w, 3) uint8 both, such as a random crop or a change of colour."""

BATCH_SIZE = 32


def cache_folder() -> Path:
    """Where features are kept: $IMAGECOURSE_CACHE, or ~/.cache/imagecourse. It can be deleted at any time."""
    return Path(os.environ.get("IMAGECOURSE_CACHE") or Path.home() / ".cache" / "imagecourse")


def cached_features(
    network: str | keras.Model,
    files: Sequence[str | os.PathLike],
    image_size: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    views: Mapping[str, View] | None = None,
) -> np.ndarray:
    """Features of image files from a frozen network; those computed before come out of a cache, in seconds.

    The key of a feature is the bytes of the file, the network (its layers and weights), the image size and the name of
    the view: a changed picture or network is noticed, a renamed file is not new. An interrupted run keeps what it has.
    Images are squeezed to the network's square.

    network: the name of a backbone (`backbones.backbone`, averaged over positions), or any model of images, whose
    outputs, say feature maps, keep their shape.
    image_size: side in pixels for a backbone; None takes its own.
    cache_dir: None takes `cache_folder()`. A folder that cannot be written gives a warning and nothing is kept.
    views: by name, changes of the picture before it is squeezed, say `{"flipped": lambda image, _: image[:, ::-1]}`;
    the generator is seeded by file and name. Give a changed view another name.

    Returns: (n, d) float32 in the order of the files; with views (len(views) × n, d), all files in the first view, then
    all in the second …
    Raises: FileNotFoundError, ImageReadError for a file that gives no image (`datasets.drop_unreadable` finds them).
    """
    model = backbone(network, image_size) if isinstance(network, str) else network
    views = views or {"": _unchanged}
    jobs = [(name, Path(file)) for name in views for file in files]
    digests = {file: _digest(file) for file in dict.fromkeys(file for _, file in jobs)}
    keys = [f"{digests[file]} {name}" for name, file in jobs]
    features = np.zeros((len(jobs), *model.output_shape[1:]), np.float32)
    with closing(_open(Path(cache_dir or cache_folder()), model)) as cache:
        missing = []
        for row, key in enumerate(keys):
            found = cache.execute("SELECT vector FROM features WHERE key = ?", [key]).fetchone()
            if found is None:
                missing.append(row)
            else:
                features[row] = np.frombuffer(found[0], np.float32).reshape(features.shape[1:])
        read = partial(_read_view, model.input_shape[1:3], views)
        images = read_ahead(read, ((*jobs[row], digests[jobs[row][1]]) for row in missing), 2 * BATCH_SIZE)
        for rows, vectors in _vectors(model, missing, images):
            features[rows] = vectors
            _store(cache, [keys[row] for row in rows], vectors)
    return features


def _vectors(
    model: keras.Model, rows: list[int], images: Iterator[np.ndarray]
) -> Iterator[tuple[list[int], np.ndarray]]:
    with tqdm(total=len(rows), desc="features", unit="image", disable=None) as bar:
        for group in in_groups(rows, BATCH_SIZE):
            yield group, forward(model, [next(images) for _ in group], BATCH_SIZE)
            bar.update(len(group))


def _unchanged(image: np.ndarray, _generator: np.random.Generator) -> np.ndarray:
    return image


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _read_view(shape: tuple[int, int], views: Mapping[str, View], job: tuple[str, Path, str]) -> np.ndarray:
    name, file, digest = job
    generator = np.random.default_rng(list(f"{digest} {name}".encode()))
    return squeeze(views[name](read_image(file), generator), *shape)


def _open(folder: Path, model: keras.Model) -> sqlite3.Connection:
    """One SQLite file per network: its transactions make each batch appear wholly or not at all."""
    path = folder / f"features_{model.name}_{_fingerprint(model)}.sqlite"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _with_table(sqlite3.connect(path, timeout=60))
    except (OSError, sqlite3.Error) as error:
        _warn_not_kept(f"{path}: {error}")
        return _with_table(sqlite3.connect(":memory:"))


def _with_table(cache: sqlite3.Connection) -> sqlite3.Connection:
    with cache:
        cache.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, vector BLOB) WITHOUT ROWID")
    return cache


def _store(cache: sqlite3.Connection, keys: list[str], vectors: np.ndarray) -> None:
    try:
        with cache:
            rows = ((key, vector.tobytes()) for key, vector in zip(keys, vectors, strict=True))
            cache.executemany("INSERT OR REPLACE INTO features VALUES (?, ?)", rows)
    except sqlite3.OperationalError as error:
        _warn_not_kept(str(error))


def _warn_not_kept(reason: str) -> None:
    warnings.warn(f"features are not kept ({reason}); set IMAGECOURSE_CACHE to a folder of yours", stacklevel=4)


def _fingerprint(model: keras.Model) -> str:
    """Of the layers' settings and weights; not of their names, in which Keras counts."""
    digest = hashlib.sha256(repr(model.input_shape).encode())
    for layer in model.layers:
        settings = {name: value for name, value in layer.get_config().items() if name != "name"}
        digest.update(type(layer).__name__.encode() + json.dumps(settings, sort_keys=True, default=str).encode())
        for weights in layer.get_weights():
            digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()[:16]
