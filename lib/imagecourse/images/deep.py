"""Pictures with other than 8 bits a value, and TIFF layouts that Pillow does not know, as 8-bit Pillow images."""

import io
import struct
import warnings
from pathlib import Path

import cv2
import numpy as np
import tifffile
from PIL import Image

from imagecourse.images.errors import ImageReadError, ImageWarning

ICC_TAG, MAX_SAMPLE_TAG = 34675, 281
PNG_HEADER = 33  # bytes: signature and first chunk
MULTIPLIED, APART = 1, 2  # kinds of transparency in a TIFF: colours multiplied with it, or not
UNDERFILLED = (10, 12)
"""Numbers of bits that cameras and scanners store in 16."""


def deep_png_bits(path: Path) -> int:
    """Bits that count in each value of a PNG file with 16: what its sBIT chunk says, else 16; 0 for one with fewer."""
    with open(path, "rb") as file:
        header = file.read(PNG_HEADER)
        if len(header) < PNG_HEADER or header[24] != 16:
            return 0
        while len(chunk := file.read(8)) == 8:
            length, name = struct.unpack(">I4s", chunk)
            if name == b"sBIT":
                return max(file.read(length), default=16)
            if name in (b"IDAT", b"IEND"):
                break
            file.seek(length + 4, io.SEEK_CUR)
    return 16


def read_deep_png(path: Path, bits: int) -> Image.Image:
    """A PNG file with 16 bits a value as an 8-bit picture; bits: that count."""
    values = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None:
        raise ImageReadError(path, "damaged or cut short", "copy it again from its source")
    if values.ndim == 3:
        values = values[:, :, [2, 1, 0, 3][: values.shape[2]]]
    shift = 16 - bits  # sBIT: the bits that count come first
    return _picture(path, to_8_bits(path, values >> shift if shift else values, bits))


def to_8_bits(path: Path, values: np.ndarray, bits: int) -> np.ndarray:
    """Values of so many bits, 0 to 2^bits - 1, as uint8 of the same shape.

    Where 16 bits hold no value above those of 10 or 12, they are taken for so many, with an `ImageWarning`.
    """
    if bits == 16:
        own = next((few for few in UNDERFILLED if 0 < values.max(initial=0) < 2**few), 16)
        if own < bits:
            warnings.warn(f"{path}: no value above those of {own} bits, so it is read as {own} bits", ImageWarning, 4)
        bits = own
    if bits == 16:
        return (values >> 8).astype(np.uint8)
    return np.round(values.astype(np.float64) * (255 / (2**bits - 1))).clip(0, 255).astype(np.uint8)


def read_tiff(path: Path, number: int, largest: int) -> Image.Image | None:
    """A page of a TIFF file as an 8-bit picture; None where Pillow reads it as well.

    largest: number of pixels that is still read. Raises: ImageReadError for a layout without a fixed range.
    """
    with tifffile.TiffFile(path) as file:
        page = file.pages[number]
        bits = page.bitspersample
        photometric = getattr(page.photometric, "name", str(page.photometric))
        if (
            bits in (1, 8)
            and page.planarconfig == 1
            and photometric != "MINISWHITE"
            and MULTIPLIED not in page.extrasamples
        ):
            return None
        if page.imagewidth * page.imagelength > largest:
            return None  # Pillow's path tells the size
        if page.sampleformat != 1 or bits > 16:
            name = f"{photometric}, {bits} bits, {getattr(page.sampleformat, 'name', page.sampleformat)}"
            raise ImageReadError(path, f"a TIFF without a fixed range ({name})", "save it with 8 or 16 bits a channel")
        values = _in_columns(page)
        if photometric == "PALETTE":
            values = (page.colormap.T[values[:, :, 0]] >> 8).astype(np.uint8)
        elif photometric in ("MINISBLACK", "MINISWHITE", "RGB", "SEPARATED"):
            values = to_8_bits(path, values, _bits_that_count(page))
        else:
            raise ImageReadError(path, f"an unusual TIFF ({photometric})", "save it as RGB or grey")
        if photometric == "MINISWHITE":
            values[:, :, 0] = 255 - values[:, :, 0]
        colours = {"RGB": 3, "PALETTE": 3, "SEPARATED": 4}.get(photometric, 1)
        alpha = _alpha(page, values, colours)
        picture = _picture(
            path, np.concatenate([values[:, :, :colours], *alpha], axis=2), cmyk=photometric == "SEPARATED"
        )
        profile = page.tags.get(ICC_TAG)
        if profile is not None:
            picture.info["icc_profile"] = bytes(profile.value)
        picture.info["orientation"] = int(page.tags.valueof(274, default=1))
        return picture


def _in_columns(page: tifffile.TiffPage) -> np.ndarray:
    """(h, w, samples), whatever the planar configuration is."""
    values = page.asarray()
    if values.ndim == 2:
        return values[:, :, None].astype(np.uint16)
    if values.ndim != 3:
        raise ValueError(f"{values.ndim} dimensions")
    values = np.moveaxis(values, 0, 2) if page.planarconfig == 2 else values
    return values.astype(np.uint16)


def _bits_that_count(page: tifffile.TiffPage) -> int:
    highest = page.tags.valueof(MAX_SAMPLE_TAG)
    highest = max(highest) if isinstance(highest, tuple) else highest
    return int(highest).bit_length() if highest else page.bitspersample


def _alpha(page: tifffile.TiffPage, values: np.ndarray, colours: int) -> list[np.ndarray]:
    """The plane of transparency, if there is one; colours that were multiplied with it are divided in place."""
    for place, kind in enumerate(page.extrasamples):
        if kind in (MULTIPLIED, APART) and colours in (1, 3):
            alpha = values[:, :, colours + place : colours + place + 1]
            if kind == MULTIPLIED:
                own = values[:, :, :colours].astype(np.float64)
                shares = np.divide(255 * own, alpha, out=np.zeros(own.shape), where=alpha > 0)
                values[:, :, :colours] = np.round(shares).clip(0, 255).astype(np.uint8)
            return [alpha]
    return []


def _picture(path: Path, values: np.ndarray, cmyk: bool = False) -> Image.Image:
    """(h, w, 1 to 4) or (h, w) uint8 as a Pillow image."""
    values = np.ascontiguousarray(values[:, :, 0] if values.ndim == 3 and values.shape[2] == 1 else values)
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "CMYK" if cmyk else "RGBA"}
    samples = 1 if values.ndim == 2 else values.shape[2]
    if samples not in modes:
        raise ImageReadError(path, f"{samples} samples a pixel", "save it as RGB or grey")
    return Image.frombytes(modes[samples], values.shape[1::-1], values.tobytes())
