"""Words for what is no plain data: a fixed list, so that no text of a student's comes through."""

from typing import Any

TOO_LARGE, TOO_DEEP, OTHER = "something too large", "something nested too deep", "an object of another type"
UNUSUAL_COLUMN = "a table with a column of an unusual type"
OWN_NETWORK = "a network with layers or code of its own"
NAMED = {
    "generator": "a generator", "map": "a map object", "zip": "a zip object", "filter": "a filter object",
    "function": "a function", "builtin_function_or_method": "a function", "method": "a method", "type": "a class",
    "module": "a module", "matrix": "a NumPy matrix", "MaskedArray": "a masked array", "Image": "a Pillow image",
    "Figure": "a figure", "Axes": "a pair of axes", "PosixPath": "a path", "WindowsPath": "a path",
    "KerasTensor": "a tensor without values", "SymbolicTensor": "a tensor without values",
    "ndarray": "an array of objects or records",
}  # fmt: skip
WORDS = {*NAMED.values(), TOO_LARGE, TOO_DEEP, OTHER, UNUSUAL_COLUMN, OWN_NETWORK}


class NotPlainError(TypeError):
    """A value that is no plain data; the message says what it is, as one of WORDS."""


def word_for(value: Any) -> str:
    """What a value is that is no plain data."""
    return NAMED.get(type(value).__name__, OTHER)
