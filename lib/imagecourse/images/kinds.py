"""Which files are pictures: by their first bytes, whatever their names are."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

from imagecourse.images.errors import ImageReadError

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
    "AVIF": (".avif", ".avifs"),
    "HEIF": (".heic", ".heif"),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".j2c"),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
}
EXTENSIONS = frozenset(extension for extensions in FORMATS.values() for extension in extensions)
SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM.{12}(\x0c|\x28|\x34|\x38|\x40|\x6c|\x7c)\x00\x00\x00",
    "TIFF": rb"II[*+]\x00|MM\x00[*+]",
    "WEBP": rb"RIFF.{4}WEBP",
    "AVIF": rb".{4}ftypavi[fs]",
    "HEIF": rb".{4}ftyp(hei[cxms]|hev[cxms]|mif1|msf1)",
    "JPEG2000": rb"\x00\x00\x00\x0cjP {2}\r\n\x87\n|\xff\x4f\xff\x51",
    "PPM": rb"P[1-6]\s",
}
_PATTERNS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in SIGNATURES.items()}
_FIRST_BYTES = 32
_SAME_CONTAINER = {"AVIF", "HEIF"}


def kind_by_content(path: str | os.PathLike) -> str | None:
    """A key of `FORMATS` by the first bytes of a file; None where they are those of no picture. Raises: OSError."""
    with open(path, "rb") as file:
        start = file.read(_FIRST_BYTES)
    return next((kind for kind, pattern in _PATTERNS.items() if pattern.match(start)), None)


def kind_by_name(path: str | os.PathLike) -> str | None:
    """A key of `FORMATS` by the extension of a file; None for another."""
    suffix = Path(path).suffix.lower()
    return next((kind for kind, extensions in FORMATS.items() if suffix in extensions), None)


def identify(path: Path) -> str:
    """The kind of a file that can be opened as a picture.

    Raises: FileNotFoundError; ImageReadError for an empty, non-image or misnamed file, one that may not be read, a link
    that leads nowhere, and what is no plain file.
    """
    if not path.exists():
        if path.is_symlink():
            raise ImageReadError(path, "a link that leads nowhere", "mend or remove it")
        raise FileNotFoundError(f"{path}: no such file; check the name and the folder")
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise ImageReadError(path, "you may not read this folder", "ask its owner for read permission")
    if not path.is_file():
        raise ImageReadError(path, "no plain file", "name an image file")
    if path.stat().st_size == 0:
        raise ImageReadError(path, "the file is empty", "copy it again from its source")
    try:
        kind = kind_by_content(path)
    except PermissionError as error:
        raise ImageReadError(path, "you may not read it", "ask its owner for read permission") from error
    if kind is None:
        raise ImageReadError(path, "not an image in a known format", "leave it out or convert it to PNG or JPEG")
    named = kind_by_name(path)
    if named not in (None, kind) and {named, kind} != _SAME_CONTAINER:
        advice = f"rename it to {path.stem}{FORMATS[kind][0]}"
        raise ImageReadError(path, f"holds a {kind} image but is named {path.suffix}", advice)
    if kind == "HEIF" and find_spec("pillow_heif") is None:
        raise ImageReadError(
            path, "a HEIF image, which needs pillow-heif", "pip install 'imagecourse[heif]', or convert it"
        )
    return kind
