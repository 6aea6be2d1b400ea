"""Pixels to files, with what an original knows of itself: resolution, date, greyness."""

import os
from collections.abc import Iterable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tifffile
from PIL import Image

from imagecourse.files import atomic_path
from imagecourse.images.kinds import FORMATS, kind_by_name

WRITTEN = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
"""Kinds that can be written."""
OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"lossless": True},
    "TIFF": {"compression": "tiff_adobe_deflate"},
}
WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF")
WITH_RESOLUTION = ("JPEG", "PNG", "TIFF", "BMP")
GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L")
ORIENTATION = 274


def can_write(path: str | os.PathLike) -> bool:
    """Whether the extension of a name is that of a kind in `WRITTEN`."""
    return kind_by_name(path) in WRITTEN


def copy_name(name: str) -> str:
    """The name of a changed copy: a format that cannot be written, or holds 256 colours, gets `.png` appended."""
    return name if can_write(name) and not name.lower().endswith(".gif") else f"{name}.png"


def write_image(path: str | os.PathLike, image: np.ndarray, original: str | os.PathLike | None = None) -> None:
    """Write (h, w, 3) uint8 RGB or (h, w) uint8 grey in the format of the extension, atomically.

    JPEG at quality 95 without colour subsampling, WebP lossless, TIFF compressed without loss.
    original: the file that the image was made from; resolution, EXIF (without orientation, since images are upright)
    and greyness of it are kept where the format can.
    Raises: ValueError for another dtype, shape or extension; OSError when the folder cannot be written.
    """
    path = Path(path)
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"{path}: cannot write {image.shape} {image.dtype}; give (h, w, 3) or (h, w) uint8")
    kind = kind_by_name(path)
    if kind not in WRITTEN:
        extensions = sorted(extension for name in WRITTEN for extension in FORMATS[name])
        raise ValueError(f"{path}: no image format to write has this extension; use one of {', '.join(extensions)}")
    facts, grey = _facts(Path(original), kind) if original else ({}, False)
    if grey and image.ndim == 3 and (image == image[:, :, :1]).all():
        image = image[:, :, 0]
    with atomic_path(path) as temporary:
        iio.imwrite(temporary, image, plugin="pillow", format=kind, **OPTIONS.get(kind, {}), **facts)


def write_pages(path: str | os.PathLike, images: Iterable[np.ndarray], original: str | os.PathLike) -> None:
    """Write (h, w, 3) uint8 RGB images as the pages of one TIFF file, compressed without loss, atomically.

    images: taken one after the other, so that a long file needs the memory of one page.
    original: the TIFF file that they were made from, with as many pages; resolution and greyness of each are kept.
    """
    with (
        atomic_path(path) as temporary,
        tifffile.TiffFile(original) as source,
        tifffile.TiffWriter(temporary) as target,
    ):
        own = [page for page in source.pages if not page.is_reduced]
        for page, image in zip(own, images, strict=True):
            grey = page.samplesperpixel == 1 and (image == image[:, :, :1]).all()
            values, photometric = (image[:, :, 0], "minisblack") if grey else (image, "rgb")
            resolution = {"resolution": page.get_resolution(), "resolutionunit": page.resolutionunit}
            target.write(values, photometric=photometric, compression="zlib", metadata=None, **resolution)


def _facts(original: Path, kind: str) -> tuple[dict, bool]:
    """What a file says of itself, as options for writing, and whether it is grey; nothing where that cannot be read."""
    facts = {}
    try:
        with Image.open(original) as picture:
            grey, resolution, exif = picture.mode in GREY_MODES, picture.info.get("dpi"), picture.getexif()
            exif.pop(ORIENTATION, None)
            if kind in WITH_EXIF and len(exif) and kind != "TIFF":
                facts["exif"] = exif.tobytes()
    except Exception:  # a picture that another decoder read, or EXIF that nobody can: the pixels are what counts
        return facts, False
    if kind in WITH_RESOLUTION and resolution:
        facts["dpi"] = tuple(map(float, resolution))
    return facts, grey
