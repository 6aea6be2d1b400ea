"""When is a network, or a change of pictures, another one? Fingerprints of layers and weights, and of code."""

import functools
import hashlib
import json
import types
from typing import Any

import keras
import numpy as np


def of_network(model: keras.Model) -> str:
    """16 hexadecimal digits of a network's settings, wiring and weights; not of layers' names, in which it counts."""
    numbers = {layer.name: number for number, layer in enumerate(model.layers)}
    settings = {name: value for name, value in model.get_config().items() if name != "name"}
    digest = hashlib.sha256(json.dumps(_numbered(settings, numbers), sort_keys=True, default=str).encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).tobytes())
    return digest.hexdigest()[:16]


def _numbered(settings: Any, numbers: dict[str, int]) -> Any:
    """Settings with the number of a layer wherever its name stands."""
    if isinstance(settings, dict):
        return {key: _numbered(value, numbers) for key, value in settings.items()}
    if isinstance(settings, list | tuple):
        return [_numbered(value, numbers) for value in settings]
    return numbers.get(settings, settings) if isinstance(settings, str) else settings


def of_function(function: Any) -> str:
    """16 hexadecimal digits of what a function does: its code, what it holds, and the functions it calls by name.

    Those of other packages count by their name alone. function: also a method, a partial, or an object that is called.
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
        named = [value.__globals__.get(name) for name in _names(value.__code__)]
        own = [each for each in named if str(getattr(each, "__module__", package)).partition(".")[0] == package]
        _add([value.__defaults__, value.__kwdefaults__, cells, own], digest, seen)
    elif isinstance(value, types.CodeType):
        digest.update(value.co_code)
        _add([value.co_names, value.co_consts], digest, seen)
    elif isinstance(value, functools.partial):
        _add([value.func, value.args, value.keywords], digest, seen)
    elif isinstance(value, types.MethodType):
        _add([value.__func__, value.__self__], digest, seen)
    elif isinstance(value, np.ndarray | np.generic):
        value = np.asarray(value)
        digest.update(str((value.shape, value.dtype)).encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _add(list(value.items()), digest, seen)
    elif isinstance(value, set | frozenset):
        _add(sorted(value, key=repr), digest, seen)
    elif isinstance(value, list | tuple):
        digest.update(f"{type(value).__name__} {len(value)} ".encode())
        for part in value:
            _add(part, digest, seen)
    elif isinstance(value, int | float | complex | str | bytes | range | slice | None):
        digest.update(repr(value).encode())
    elif hasattr(value, "__dict__") and not hasattr(value, "__name__"):
        seen.add(id(value))
        called = type(value).__call__ if callable(value) else None
        _add([type(value).__qualname__, called, vars(value)], digest, seen)
    else:
        digest.update(str(getattr(value, "__qualname__", type(value).__qualname__)).encode())


def _names(code: types.CodeType) -> list[str]:
    """What code looks up by name, also inside of its comprehensions and inner functions."""
    inner = (name for part in code.co_consts if isinstance(part, types.CodeType) for name in _names(part))
    return [*code.co_names, *inner]
