"""Copies of the same picture: exact by their bytes, near by a perceptual hash."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from imagecourse.cache import ArrayCache
from imagecourse.files import Outcome, map_files
from imagecourse.images import read_image

HASH_WORDS = 4
NEAR_DISTANCE = 20
_FLAT = 2.0
_PAIRS_AT_ONCE = 2**20


class Fingerprint(NamedTuple):
    """What tells a picture apart: size in pixels, SHA-256 of the file, perceptual hashes, (4,) uint64 each.

    mirrored: the hash of its mirror image.
    """

    width: int
    height: int
    digest: str
    hash: np.ndarray
    mirrored: np.ndarray


def fingerprint(path: Path) -> Fingerprint:
    """Read an image file once and give its fingerprint. Raises: as `read_image`."""
    image = read_image(path)
    return Fingerprint(
        image.shape[1], image.shape[0], _digest(path), perceptual_hash(image), perceptual_hash(image[:, ::-1])
    )


def _digest(path: Path) -> str:
    """SHA-256 of a file; empty where it cannot be read."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def perceptual_hash(image: np.ndarray) -> np.ndarray:
    """The 256-bit perceptual hash of an image: signs of the lowest 16 × 16 frequencies of its grey version.

    image: (h, w, 3) uint8 RGB. Returns: (4,) uint64, all zero for a flat picture (a blank page, a black frame: grey
    values with a standard deviation under 2), whose frequencies are only rounding noise and resemble nothing.

    Method: phash of the ImageHash package, after C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
    Functions, 2010. Rescaling, recompression, small marks and moderate changes of colour hardly move it; rotation and
    cropping do, so it does not find those, and mirroring does, so mirror images have hashes of their own.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    if np.asarray(picture.convert("L").resize((64, 64))).std() < _FLAT:
        return np.zeros(HASH_WORDS, np.uint64)
    return np.packbits(imagehash.phash(picture, hash_size=16).hash).view(np.uint64)


def fingerprints(files: Iterable[str | os.PathLike]) -> list[Outcome]:
    """The fingerprint of each file, on all cores; an unreadable one has its `error` instead.

    Those computed before come out of a cache: the key is the bytes of the file.
    """
    paths = [Path(file) for file in files]
    digests = {path: digest for path in dict.fromkeys(paths) if (digest := _digest(path))}
    with ArrayCache("fingerprints_with_mirrored", np.uint64) as cache:
        known = {path: cache.find(digest) for path, digest in digests.items()}
        missing = [path for path in dict.fromkeys(paths) if known.get(path) is None]
        new = {outcome.path: outcome for outcome in map_files(fingerprint, missing, "reading")}
        readable = [outcome.result for outcome in new.values() if not outcome.error]
        sizes = [np.array([each.width, each.height], np.uint64) for each in readable]
        rows = [np.concatenate([size, each.hash, each.mirrored]) for size, each in zip(sizes, readable, strict=True)]
        cache.store([each.digest for each in readable], rows)
    return [new[path] if path in new else _known(path, digests[path], known[path]) for path in paths]


def _known(path: Path, digest: str, row: np.ndarray) -> Outcome:
    hashes = row[2 : 2 + HASH_WORDS], row[2 + HASH_WORDS :]
    return Outcome(path, Fingerprint(int(row[0]), int(row[1]), digest, *hashes), "")


def perceptual_hashes(files: Iterable[str | os.PathLike]) -> np.ndarray:
    """Hashes of many image files and of their mirror images: (n, 2, 4) uint64.

    Raises: ValueError that names an unreadable file.
    """
    outcomes = fingerprints(files)
    for outcome in outcomes:
        if outcome.error:
            raise ValueError(outcome.error)
    return both_hashes(outcome.result for outcome in outcomes)


def both_hashes(prints: Iterable[Fingerprint]) -> np.ndarray:
    """Perceptual hashes of pictures and of their mirror images: (n, 2, 4) uint64."""
    return np.array([(each.hash, each.mirrored) for each in prints], np.uint64).reshape(-1, 2, HASH_WORDS)


def exact_duplicate_groups(digests: Sequence[Hashable]) -> list[list[int]]:
    """Positions that share a digest, in groups of two or more, in order of the first."""
    positions = defaultdict(list)
    for index, digest in enumerate(digests):
        positions[digest].append(index)
    return [group for group in positions.values() if len(group) > 1]


def near_duplicate_groups(hashes: np.ndarray, distance: int = NEAR_DISTANCE) -> list[list[int]]:
    """Positions of pictures that look the same, in a mirror too, in groups of two or more, in order of the first.

    hashes: (n, 2, 4) uint64 from `perceptual_hashes`. distance: largest number of differing bits, of 256. Groups are
    chained: a near b and b near c puts all three together. Takes n² comparisons, two seconds for 10 000 pictures, and
    memory for a million of them at once.

    Why 20 of 256 bits: looked at by eye on photographs, faces, cartoons, diagrams and scanned pages, all pairs up to
    20 bits show the same picture (recompressed, rescaled, recoloured, subtitled; a page set in italics instead of
    upright). From 22 bits on come different pages of text under the same stain, from 34 on drawings of the same kind
    of thing. The usual 8 × 8 hash with 8 of 64 bits is no use here: it calls thousands of faces the same.
    """
    size = len(hashes)
    rows_at_once = max(1, _PAIRS_AT_ONCE // max(1, size))
    starts = range(0, size, rows_at_once)
    pairs = [
        _near_pairs(hashes, start, min(start + rows_at_once, size), side, distance)
        for start in starts
        for side in (0, 1)
    ]
    first, second = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0), int)
    graph = coo_array((np.ones(len(first), bool), (first, second)), shape=(size, size))
    names = connected_components(graph, directed=False)[1] if size else []
    return exact_duplicate_groups(list(names))


def _near_pairs(hashes: np.ndarray, start: int, stop: int, side: int, distance: int) -> np.ndarray:
    """Pairs (2, m) of positions, the first in start:stop and the second after it, at most `distance` bits apart.

    side: 0 compares pictures with pictures, 1 with mirror images.
    """
    differing = np.zeros((stop - start, len(hashes) - start), np.uint16)
    for word in range(HASH_WORDS):
        differing += np.bitwise_count(hashes[start:stop, 0, word, None] ^ hashes[None, start:, side, word])
    first, second = np.nonzero(differing <= distance)
    pictured = hashes[start:, 0].any(axis=1)
    wanted = (second > first) & pictured[first] & pictured[second]
    return np.stack([first[wanted], second[wanted]]) + start
