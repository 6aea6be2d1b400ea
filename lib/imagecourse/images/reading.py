"""Any image file as (h, w, 3) uint8 RGB: the one place that meets bad files."""

import io
import logging
import os
import warnings
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image, ImageCms

from imagecourse.images import deep
from imagecourse.images.errors import ImageReadError
from imagecourse.images.kinds import identify, kind_by_content

MAX_PIXELS = 2**27
"""Larger pictures are refused as decompression bombs: 134 million pixels, an A3 page at 800 dpi."""
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What turns a picture upright, by its EXIF orientation."""
ORIENTATION = 274
DAMAGED = "copy it again from its source"

Image.MAX_IMAGE_PIXELS = None  # read_image checks the size itself, before any pixel is decoded
warnings.filterwarnings("ignore", module=r"PIL\.")  # a bad file is told in one line, by ImageReadError
logging.getLogger("tifffile").setLevel(logging.CRITICAL)
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def read_image(path: str | os.PathLike, page: int = 0) -> np.ndarray:
    """Read an image file, upright, in sRGB colours.

    EXIF orientation is applied, an embedded colour profile is converted to sRGB, transparency is laid on white; CMYK,
    grey, palette and 16-bit pixels become 8-bit RGB. Of an animation it is the first frame.

    page: of a TIFF file with several, from 0; see `page_numbers`.
    Returns: (h, w, 3) uint8 RGB in [0, 255].
    Raises: FileNotFoundError; ImageReadError for an empty, truncated, non-image, misnamed or huge file, a page that is
    not there, or a file that may not be read.
    """
    path = Path(path)
    kind = identify(path)
    try:
        picture = _open(path, kind, page)
        turn = UPRIGHT.get(_orientation(picture))
        upright = picture.transpose(turn) if turn is not None else picture
        upright.info |= {name: picture.info[name] for name in ("icc_profile",) if name in picture.info}
        return np.array(_to_rgb(path, upright))
    except ImageReadError:
        raise
    except PermissionError as error:
        raise ImageReadError(path, "you may not read it", "ask its owner for read permission") from error
    except Exception as error:  # a damaged file can fail anywhere inside its decoder
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ImageReadError(path, f"damaged or cut short ({reason[:160]})", DAMAGED) from error


def page_numbers(path: str | os.PathLike) -> list[int]:
    """The pages of a TIFF file that `read_image` can be asked for, small previews left out; [0] for any other file.

    Also [0] for a file that cannot be opened: `read_image` tells why.
    """
    try:
        if kind_by_content(path) != "TIFF":
            return [0]
        with tifffile.TiffFile(path) as file:
            return [number for number, page in enumerate(file.pages) if not page.is_reduced] or [0]
    except Exception:  # a damaged file can fail anywhere inside its decoder
        return [0]


def _open(path: Path, kind: str, page: int) -> Image.Image:
    """All pixels of a picture, with 8 bits a value."""
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    if kind == "TIFF" and (picture := deep.read_tiff(path, page, MAX_PIXELS)):
        return picture
    bits = deep.deep_png_bits(path) if kind == "PNG" else 0
    with Image.open(path, formats=[kind]) as picture:
        _check_size(path, picture.width, picture.height)
        if bits:
            deep_picture = deep.read_deep_png(path, bits)
            deep_picture.info |= picture.info
            return deep_picture
        if page:
            picture.seek(page)
        picture.load()
        return picture.copy() if picture.mode != "I" else _from_integers(path, picture, kind)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        reason = f"{width} × {height} pixels is over the limit of {MAX_PIXELS / 1e6:.0f} million"
        raise ImageReadError(path, reason, "make it smaller first if you trust where it comes from")


def _from_integers(path: Path, picture: Image.Image, kind: str) -> Image.Image:
    """A PGM file with 16 bits; other pixels of 32 bits have no fixed range."""
    if kind != "PPM":
        raise ImageReadError(path, "32-bit pixels have no fixed range", "save it with 8 or 16 bits per channel")
    return Image.fromarray(deep.to_8_bits(path, np.asarray(picture).astype(np.uint16), 16))


def _orientation(picture: Image.Image) -> int:
    """As EXIF has it; a broken EXIF block turns nothing."""
    if "orientation" in picture.info:
        return picture.info["orientation"]
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # EXIF comes from anywhere, and a picture without it is still a picture
        return 1


def _to_rgb(path: Path, picture: Image.Image) -> Image.Image:
    if picture.mode == "F":
        raise ImageReadError(path, "32-bit pixels have no fixed range", "save it with 8 or 16 bits per channel")
    if picture.mode.startswith("I;16"):
        picture = Image.fromarray(deep.to_8_bits(path, np.asarray(picture).astype(np.uint16), 16))
    profile = picture.info.get("icc_profile")
    alpha = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
    colours = _to_srgb(picture if picture.mode in ("L", "CMYK", "LAB") else picture.convert("RGB"), profile)
    if alpha is None:
        return colours
    return Image.composite(colours, Image.new("RGB", colours.size, "white"), alpha)


def _to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Colours of another profile as those of sRGB; without a profile, or with a broken one, as they are."""
    srgb = ImageCms.createProfile("sRGB")
    try:
        if picture.mode == "LAB":
            return ImageCms.profileToProfile(picture, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else None
        if own is not None and "srgb" not in ImageCms.getProfileDescription(own).lower().replace(" ", ""):
            return ImageCms.profileToProfile(picture, own, srgb, outputMode="RGB") or picture.convert("RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        pass
    return picture.convert("RGB")
