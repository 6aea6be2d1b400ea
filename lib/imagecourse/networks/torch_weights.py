"""Tensors out of a legacy torch file (not a zip archive, as before torch 1.6): no torch needed, no code in it run."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001


class _TensorView(NamedTuple):
    """Where a tensor lies: a view on a storage, in elements."""

    storage: tuple
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool
    backward_hooks: OrderedDict


_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _TensorView,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _TensorUnpickler(pickle.Unpickler):
    """Knows the four names that a file of float and integer tensors uses and refuses every other one."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no file of weights needs")
        return _ALLOWED[module, name]

    def persistent_load(self, storage: tuple) -> tuple:
        return storage


def read_torch_weights(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Read the tensors of a state dict from a legacy torch file.

    The file holds pickles (magic number, protocol, system, index of tensors, storage keys) and then the raw storages.
    A tensor is a strided view on a storage, not always in row-major order.

    Returns: name -> array, float32 or int64, in the shape and axis order that torch shows.
    Raises: FileNotFoundError; ValueError for another format, a damaged file or one that asks for anything but tensors.
    Source: `_legacy_save` in torch/serialization.py, https://github.com/pytorch/pytorch.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; install the package of weights again")
    try:
        with path.open("rb") as file:
            return _read_tensors(file)
    except Exception as error:  # a damaged pickle can fail in any way
        reason = f"not a readable legacy torch file of tensors ({error})"
        raise ValueError(f"{path}: {reason}; install the package of weights again") from error


def _read_tensors(file: BinaryIO) -> dict[str, np.ndarray]:
    magic_number, version, _system, views, keys = (_TensorUnpickler(file).load() for _ in range(5))
    if magic_number != MAGIC_NUMBER or version != PROTOCOL_VERSION:
        raise ValueError("wrong magic number or version")
    dtypes = {view.storage[2]: np.dtype(view.storage[1]) for view in views.values()}
    storages = {key: _read_storage(file, dtypes[key]) for key in keys}
    return {name: _tensor(view, storages[view.storage[2]]) for name, view in views.items()}


def _read_storage(file: BinaryIO, dtype: np.dtype) -> np.ndarray:
    count = int.from_bytes(file.read(8), "little")
    content = file.read(count * dtype.itemsize)
    return np.frombuffer(content, dtype, count)


def _tensor(view: _TensorView, storage: np.ndarray) -> np.ndarray:
    size = storage.itemsize
    strides = tuple(stride * size for stride in view.strides)
    # np.ndarray refuses a view that leaves its buffer
    return np.ndarray(view.shape, storage.dtype, storage, view.offset * size, strides).copy(order="C")
