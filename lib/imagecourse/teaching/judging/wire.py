"""Messages between two processes over pipes: a head of JSON and pieces of bytes, measured before they are read."""

import json
import struct
from collections.abc import Sequence
from typing import BinaryIO

PREFIX = struct.Struct("<IQ")  # bytes of the head, bytes of all pieces together
LARGEST_HEAD = 2**20  # bytes
LARGEST_MESSAGE = 64 * 2**20


class BrokenMessageError(ValueError):
    """What came is no message, or a larger one than is taken."""


def send(stream: BinaryIO, head: dict, pieces: Sequence[bytes] = ()) -> None:
    """Write one message. Raises: BrokenMessageError, before anything is written, for one that nobody would take."""
    text = json.dumps(head | {"pieces": [len(piece) for piece in pieces]}).encode()
    size = sum(map(len, pieces))
    if len(text) > LARGEST_HEAD or size > LARGEST_MESSAGE:
        raise BrokenMessageError(f"a message of more than {LARGEST_MESSAGE // 2**20} MB")
    stream.write(PREFIX.pack(len(text), size))
    stream.write(text)
    for piece in pieces:
        stream.write(piece)
    stream.flush()


def receive(stream: BinaryIO) -> tuple[dict, list[bytes]]:
    """Wait for one message and give its head and pieces. Raises: EOFError at the end, BrokenMessageError."""
    length, size = PREFIX.unpack(_read(stream, PREFIX.size))
    if length > LARGEST_HEAD or size > LARGEST_MESSAGE:
        raise BrokenMessageError(f"a message of more than {LARGEST_MESSAGE // 2**20} MB")
    try:
        head = json.loads(_read(stream, length))
        sizes = head.pop("pieces")
        right = all(type(each) is int and each >= 0 for each in sizes) and sum(sizes) == size
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError) as error:
        raise BrokenMessageError("not a message") from error
    if not right:
        raise BrokenMessageError("not a message")
    return head, [_read(stream, each) for each in sizes]


def _read(stream: BinaryIO, count: int) -> bytes:
    content = stream.read(count)
    if len(content) < count:
        raise EOFError
    return content
