"""Bytes of pictures changed at random: `read_image` gives a picture, or tells in one line why not; nothing third."""

import numpy as np
import pytest
from made_pictures import FORMATS, all_pictures, encoded

from imagecourse.images import kind_by_content, page_numbers, read_image

CHANGED_PER_FORMAT = 250
HEADER = 400
TURNED = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A few bytes overwritten, most of them in the header; sometimes a part left out or doubled."""
    changed = bytearray(content)
    for _ in range(rng.integers(0, 6)):
        place = rng.integers(0, min(HEADER, len(changed)) if rng.random() < 0.8 else len(changed))
        changed[place] = rng.choice([0, 1, 127, 128, 254, 255, rng.integers(0, 256)])
    start, end = sorted(rng.integers(0, len(changed), 2))
    if rng.random() < 0.2:
        del changed[start : min(end, start + 50)]
    elif rng.random() < 0.1:
        changed[start:start] = changed[start : min(end, start + 50)]
    return bytes(changed)


def check(path) -> bool:
    """Whether a file was read. Fails for any answer but the two that there may be."""
    page_numbers(path)
    try:
        image = read_image(path)
    except ValueError as error:
        assert len(str(error).splitlines()) == 1 and str(path.name) in str(error)
        return False
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size
    return True


@pytest.mark.parametrize("extension", FORMATS)
def test_changed_bytes_give_a_picture_or_one_line(extension, tmp_path):
    rng = np.random.default_rng([8, *extension.encode()])
    content, read = encoded(extension, exif=TURNED), 0
    for number in range(CHANGED_PER_FORMAT):
        path = tmp_path / f"{number}.{extension}"
        path.write_bytes(damaged(content, rng))
        read += check(path)
    assert 0 < read < CHANGED_PER_FORMAT  # else nothing was tried


def test_any_bytes_at_all(tmp_path):
    """The first bytes of every format before noise, under every extension."""
    rng = np.random.default_rng(9)
    for name, content in all_pictures().items():
        path = tmp_path / f"{len(name)}_{len(content)}.{rng.choice(list(FORMATS))}"
        path.write_bytes(content[:32] + rng.integers(0, 256, 200, np.uint8).tobytes())
        check(path)
        kind_by_content(path)
