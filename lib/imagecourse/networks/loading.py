"""Layers and weights from files, of Keras 3 and Keras 2, in one file or several; nothing in the files is run."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from imagecourse.networks.model_files import (
    ARCHITECTURE_NAME,
    SINGLE_FILES,
    WEIGHTS_NAME,
    ModelError,
    first_line,
    parse_json,
)
from imagecourse.networks.older_keras import is_older, modern

if TYPE_CHECKING:
    import keras

MOST_LAYERS, MOST_UNITS, DEEPEST = 2_000, 100_000, 100
"""More than in any network for pictures: the largest of keras.applications have a thousand layers."""
OF_ANOTHER = "damaged, or of another network"


def load_architecture(folder: Path) -> keras.Model:
    """The network of a model folder without its weights.

    Raises: ModelError: which file, what is wrong, what to do.
    """
    path = folder / ARCHITECTURE_NAME
    if path.is_file():
        return build(path, parse_json(path, path.read_bytes()))
    single = [file for file in sorted(folder.glob("*")) if file.suffix in SINGLE_FILES and holds_architecture(file)]
    if len(single) != 1:
        raise ModelError(f"{path}: no such file; a model folder needs it, copy the whole folder again")
    return build(single[0], stored_architecture(single[0]))


def load_single_file(path: Path) -> keras.Model:
    """The network of a `.keras` file, or of an `.h5` file with layers in it, and its weights. Raises: as above."""
    model = build(path, stored_architecture(path))
    _load(model, path)
    return model


def holds_architecture(path: Path) -> bool:
    """Whether a file has layers in it, and not weights alone."""
    try:
        return bool(stored_architecture(path))
    except ModelError:
        return path.suffix == ".keras"


def stored_architecture(path: Path) -> dict:
    """What a `.keras` or `.h5` file says of the layers. Raises: ModelError where it says nothing."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                content = archive.read("config.json")
        else:
            import h5py

            with h5py.File(path) as file:
                content = file.attrs["model_config"]
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError) as error:
        raise ModelError(f"{path}: not a Keras model file; save it again with model.save") from error
    return parse_json(path, content)


def build(path: Path, config: dict) -> keras.Model:
    """A network from the description in a file. Raises: ModelError for one that carries code, or gives no network."""
    config = without_compilation(config)
    check_architecture(path, config)
    import keras

    try:
        model = keras.models.model_from_json(json.dumps(modern(config) if is_older(config) else config))
    except Exception as error:  # a damaged description can fail in any layer
        raise ModelError(f"{path}: Keras cannot build it ({first_line(error)}); save the model again") from error
    if not isinstance(model, keras.Model):
        raise ModelError(f"{path}: describes no Keras model; copy it again from its source")
    try:
        return keras.Model(model.inputs[0], model.outputs[0]) if isinstance(model, keras.Sequential) else model
    except (AttributeError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path}: does not say which input it takes; save the model again after its first use"
        ) from error


def without_compilation(config: dict) -> dict:
    """The layers alone: loss and metrics are for training, a model to predict with needs none."""
    return {name: part for name, part in config.items() if name != "compile_config"}


def check_architecture(path: Path, config: Any) -> None:
    """Refuse what carries code, anywhere in a description, and what is too large to be a network for pictures.

    Classes of others than Keras are refused by Keras itself. Raises: ModelError.
    """
    layers, waiting = 0, [(config, 0)]
    while waiting:
        part, depth = waiting.pop()
        if isinstance(part, dict):
            layers += len(part["layers"]) if isinstance(part.get("layers"), list) else 0
            _check_part(path, part)
            part = list(part.values())
        if layers > MOST_LAYERS or depth > DEEPEST:
            what = f"more than {MOST_LAYERS} layers" if layers > MOST_LAYERS else f"parts inside {DEEPEST} others"
            raise ModelError(f"{path}: describes {what}, which no network for pictures has; use a smaller one")
        waiting += [(inner, depth + 1) for inner in part] if isinstance(part, list) else []


def _check_part(path: Path, part: dict) -> None:
    if part.get("class_name") in ("Lambda", "TFSMLayer", "__lambda__"):
        what = f"holds a {part['class_name']}, which runs code of its own"
        raise ModelError(f"{path}: {what}; build the model from Keras' ordinary layers")
    for name in ("units", "filters", "input_dim", "output_dim"):
        if isinstance(part.get(name), int | float) and part[name] > MOST_UNITS:
            raise ModelError(f"{path}: describes a layer of {part[name]} {name}; use a smaller network")


def load_weights(model: keras.Model, folder: Path) -> None:
    """The weights of a model folder into its network. Raises: ModelError: which file, what is wrong, what to do."""
    _load(model, weights_file(folder))


def weights_file(folder: Path) -> Path:
    """The file of a model folder that holds the weights, whichever older courses called it. Raises: ModelError."""
    if (folder / WEIGHTS_NAME).is_file():
        return folder / WEIGHTS_NAME
    for kind in ("*.weights.h5", "*.h5", "*.hdf5", "*.keras"):
        files = sorted(folder.glob(kind))
        if len(files) > 1:
            raise ModelError(f"{folder}: holds {len(files)} files {kind}; leave the right one")
        if files:
            return files[0]
    raise ModelError(f"{folder / WEIGHTS_NAME}: no such file; copy the whole model folder again")


def _load(model: keras.Model, path: Path) -> None:
    try:
        with _under_own_name(path) as file:
            _check_stored(model, file)
            model.load_weights(file)
    except Exception as error:  # a damaged HDF5 file can fail anywhere
        raise ModelError(f"{path}: {OF_ANOTHER} ({first_line(error)}); copy it again") from error
    if not all(np.isfinite(weights).all() for weights in model.get_weights()):
        raise ModelError(f"{path}: holds weights that are no numbers (NaN or infinite); train the model again")


@contextmanager
def _under_own_name(path: Path) -> Iterator[Path]:
    """The weights under a name that tells Keras their format: it reads the name, and others gave other names."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        plain = path
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                plain = Path(archive.extract("model.weights.h5", folder))
        with h5py.File(plain) as file:
            older = "layer_names" in file.attrs or "model_weights" in file
        wanted = "older.h5" if older else "newer.weights.h5"
        if plain.name.endswith(".weights.h5") == older:
            plain = Path(shutil.copyfile(plain, Path(folder, wanted)))
        yield plain


def _check_stored(model: keras.Model, path: Path) -> None:
    """Refuse arrays that lie outside of the file, or are larger than any that the network has, with ValueError."""
    import h5py

    largest = max((int(np.prod(weights.shape)) for weights in model.weights), default=0)

    def fault(name: str) -> str | None:
        inside = isinstance(file.get(name, getlink=True), h5py.HardLink)
        item = file[name] if inside else None
        if not inside or (isinstance(item, h5py.Dataset) and (item.external or item.is_virtual)):
            return f"{name} lies in another file"
        if isinstance(item, h5py.Dataset) and item.size > max(largest, 1):
            return f"{name} has {item.size} values, the largest array of the network {largest}"
        return None

    with h5py.File(path) as file:
        if found := file.visit_links(fault):
            raise ValueError(found)
