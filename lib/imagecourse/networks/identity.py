"""When is a network, or a change of pictures, another one? Fingerprints of layers and weights, and of code."""

import functools
import hashlib
import json
import types
from typing import Any

import keras
import numpy as np


def of_network(model: keras.Model) -> str:
    """16 hexadecimal digits of a network's settings and weights; not of its layers' names, in which Keras counts."""
    digest = hashlib.sha256(repr(model.input_shape).encode())
    for layer in model.layers:
        settings = {name: value for name, value in layer.get_config().items() if name != "name"}
        digest.update(type(layer).__name__.encode() + json.dumps(settings, sort_keys=True, default=str).encode())
        for weights in layer.get_weights():
            digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()[:16]


def of_function(function: Any) -> str:
    """16 hexadecimal digits of what a function does: its code, what it holds, and the functions it calls by name.

    Those of other packages count by their name alone.
    """
    digest = hashlib.sha256()
    _add(function, digest, set())
    return digest.hexdigest()[:16]


def _add(value: Any, digest, seen: set[int]) -> None:
    if id(value) in seen:
        return
    if isinstance(value, types.FunctionType):
        seen.add(id(value))
        _add(value.__code__, digest, seen)
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        package = value.__module__.partition(".")[0]
        names = [value.__globals__.get(name) for name in value.__code__.co_names]
        own = [each for each in names if str(getattr(each, "__module__", package)).partition(".")[0] == package]
        _add([value.__defaults__, value.__kwdefaults__, cells, own], digest, seen)
    elif isinstance(value, types.CodeType):
        digest.update(value.co_code)
        _add([value.co_names, value.co_consts], digest, seen)
    elif isinstance(value, functools.partial):
        _add([value.func, value.args, value.keywords], digest, seen)
    elif isinstance(value, types.MethodType):
        _add([value.__func__, value.__self__], digest, seen)
    elif isinstance(value, np.ndarray):
        digest.update(str((value.shape, value.dtype)).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _add(list(value.items()), digest, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        digest.update(f"{type(value).__name__} {len(value)} ".encode())
        for part in value:
            _add(part, digest, seen)
    elif isinstance(value, int | float | str | bytes | None):
        digest.update(repr(value).encode())
    else:
        digest.update(str(getattr(value, "__qualname__", type(value).__qualname__)).encode())
