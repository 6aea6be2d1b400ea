"""Values as plain data and back, type by type: what two processes that do not trust each other can exchange.

A value becomes JSON and pieces of raw bytes. Only values whose type is exactly one of the known ones are taken, so
nothing that arrives has code, or says of itself that it equals everything. `outside` lets each side add what it
can do with more: a network, a function that is called back.
"""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from imagecourse.teaching.judging import tables
from imagecourse.teaching.judging.kinds import TOO_DEEP, TOO_LARGE, NotPlainError, word_for
from imagecourse.teaching.judging.wire import LARGEST_MESSAGE

DEEPEST = 40  # containers in containers
MOST_VALUES = 500_000
LONGEST_NUMBER = 4000  # digits
ARRAY_KINDS = "biufcSUmM?"
Outside = Callable[[Any, Any], Any]  # a value or JSON, and who asks: the Encoder or Decoder


class Encoder:
    """Turns values into JSON, gathering raw bytes in `pieces`. outside: gives JSON for what is not plain, or raises."""

    def __init__(self, outside: Outside | None = None):
        self.pieces: list[bytes] = []
        self._outside, self._depth, self._count, self._size = outside, 0, 0, 0

    def to_json(self, value: Any) -> Any:
        """JSON of a value. Raises: NotPlainError."""
        self._count += 1
        if self._depth > DEEPEST:
            raise NotPlainError(TOO_DEEP)
        if self._count > MOST_VALUES:
            raise NotPlainError(TOO_LARGE)
        self._depth += 1
        try:
            return self._convert(value)
        finally:
            self._depth -= 1

    def add_piece(self, content: bytes) -> int:
        """The number of a new piece."""
        self._size += len(content)
        if self._size > LARGEST_MESSAGE:
            raise NotPlainError(TOO_LARGE)
        self.pieces.append(content)
        return len(self.pieces) - 1

    def _convert(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind in (bool, str, float):
            return value
        if kind is int:
            if value.bit_length() > 3 * LONGEST_NUMBER:
                raise NotPlainError(TOO_LARGE)
            return value
        if kind is list:
            return [self.to_json(each) for each in value]
        if kind is dict:
            return {"dict": [[self.to_json(key), self.to_json(each)] for key, each in value.items()]}
        if kind in (tuple, set, frozenset):
            return {kind.__name__: [self.to_json(each) for each in value]}
        if kind is bytes:
            return {"bytes": self.add_piece(value)}
        if kind is complex:
            return {"complex": [value.real, value.imag]}
        if kind in (slice, range):
            return {kind.__name__: [self.to_json(each) for each in (value.start, value.stop, value.step)]}
        return self._convert_array(value)

    def _convert_array(self, value: Any) -> Any:
        if type(value) is np.ndarray:
            if value.dtype.kind in ARRAY_KINDS:
                return {"array": [value.dtype.str, list(value.shape), self.add_piece(value.tobytes())]}
            if value.dtype == object:
                return {"objects": [list(value.shape), [self.to_json(each) for each in value.ravel().tolist()]]}
        if isinstance(value, np.generic) and type(value) is value.dtype.type and value.dtype.kind in ARRAY_KINDS:
            return {"scalar": [value.dtype.str, self.add_piece(value.tobytes())]}
        table = tables.to_json(value, self)
        if table is not None:
            return table
        if self._outside:
            return self._outside(value, self)
        raise NotPlainError(word_for(value))


class Decoder:
    """Turns JSON and pieces into values. outside: gives the value for JSON of a tag that is not known here."""

    def __init__(self, pieces: list[bytes], outside: Outside | None = None):
        self._pieces, self._outside = pieces, outside

    def to_value(self, tree: Any) -> Any:
        """The value of JSON. Raises: ValueError and the like for anything that no Encoder writes."""
        if isinstance(tree, list):
            return [self.to_value(each) for each in tree]
        if not isinstance(tree, dict):
            return tree
        ((tag, content),) = tree.items()
        if tag == "dict":
            return {self.to_value(key): self.to_value(each) for key, each in content}
        if tag in ("tuple", "set", "frozenset"):
            return {"tuple": tuple, "set": set, "frozenset": frozenset}[tag](map(self.to_value, content))
        if tag == "bytes":
            return bytes(self.piece(content))
        if tag == "complex":
            return complex(*content)
        if tag in ("slice", "range"):
            return {"slice": slice, "range": range}[tag](*map(self.to_value, content))
        if tag in tables.TAGS:
            return tables.to_value(tag, content, self)
        return self._to_array(tag, content)

    def piece(self, number: int) -> bytes:
        """A piece by its number."""
        if type(number) is not int or number < 0:
            raise ValueError("no number of a piece")
        return self._pieces[number]

    def _to_array(self, tag: str, content: Any) -> Any:
        if tag == "array":
            name, shape, number = content
            return np.frombuffer(self.piece(number), _dtype(name)).reshape(_shape(shape)).copy()
        if tag == "scalar":
            name, number = content
            (value,) = np.frombuffer(self.piece(number), _dtype(name))
            return value
        if tag == "objects":
            shape, items = content
            array = np.empty(len(items), object)
            array[:] = [self.to_value(each) for each in items]
            return array.reshape(_shape(shape))
        if self._outside:
            return self._outside({tag: content}, self)
        raise ValueError(f"{tag!r}: unknown data")


def _dtype(name: str) -> np.dtype:
    dtype = np.dtype(str(name))
    if dtype.kind not in ARRAY_KINDS or dtype.itemsize == 0:
        raise ValueError(f"{name!r}: unknown numbers")
    return dtype


def _shape(sizes: list) -> tuple[int, ...]:
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError("no shape of an array")
    return tuple(sizes)


def encode(value: Any, outside: Outside | None = None) -> list[bytes]:
    """A value as pieces of bytes, the first of them JSON. Raises: NotPlainError for a value that is no plain data."""
    encoder = Encoder(outside)
    tree = encoder.to_json(value)
    return [json.dumps(tree).encode(), *encoder.pieces]


def decode(pieces: list[bytes], outside: Outside | None = None) -> Any:
    """The value of such pieces. Raises: ValueError for anything that `encode` does not write."""
    try:
        return Decoder(pieces[1:], outside).to_value(json.loads(pieces[0]))
    except (TypeError, LookupError, OverflowError, RecursionError, AttributeError, MemoryError) as error:
        raise ValueError(f"not plain data: {type(error).__name__}") from error
