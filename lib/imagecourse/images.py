"""Any image file as (h, w, 3) uint8 RGB and back, folders of image files, and what a network sees of them.

The one place that meets bad files.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import tifffile
from natsort import os_sort_keygen
from PIL import Image, ImageOps, UnidentifiedImageError

from imagecourse.files import atomic_path, read_ahead

FORMATS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}
EXTENSIONS = frozenset(extension for extensions in FORMATS.values() for extension in extensions)
MAX_PIXELS = 2**27
"""Larger pictures are refused as decompression bombs: 134 million pixels, an A3 page at 800 dpi."""

Image.MAX_IMAGE_PIXELS = None  # read_image checks the size itself, before any pixel is decoded
warnings.filterwarnings("ignore", module=r"PIL\.")  # a bad file is told in one line, by ImageReadError
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class ImageReadError(ValueError):
    """A file that does not give an image: `path`, `reason` (what is wrong) and `advice` (what to do)."""

    def __init__(self, path: str | os.PathLike, reason: str, advice: str):
        super().__init__(path, reason, advice)
        self.path, self.reason, self.advice = Path(path), reason, advice

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}; {self.advice}"


def read_image(path: str | os.PathLike, page: int = 0) -> np.ndarray:
    """Read the first frame of an image file, upright, or another page of a TIFF (from 0, see `page_numbers`).

    EXIF orientation is applied, transparency is laid on white, CMYK, grey, palette and 16-bit pixels become 8-bit RGB.

    Returns: (h, w, 3) uint8 RGB in [0, 255].
    Raises: FileNotFoundError; ImageReadError for an empty, truncated, non-image, misnamed or huge file, or one
    that may not be read.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; check the name and the folder")
    try:
        if path.stat().st_size == 0:
            raise ImageReadError(path, "the file is empty", "copy it again from its source")
        with Image.open(path, formats=list(FORMATS)) as picture:
            _check_header(path, picture)
            picture.seek(page)
            _check_size(path, picture.width, picture.height)
            return _to_rgb(path, picture)
    except UnidentifiedImageError:
        return _read_tiff(path, page)
    except ImageReadError:
        raise
    except PermissionError as error:
        raise ImageReadError(path, "you may not read it", "ask its owner for read permission") from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError) as error:
        raise ImageReadError(path, f"damaged or cut short ({error})", "copy it again from its source") from error


def page_numbers(path: str | os.PathLike) -> list[int]:
    """The pages of a TIFF that `read_image` can be asked for, small previews left out; [0] for any other file.

    Also [0] for a file that cannot be opened: `read_image` tells why.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS["TIFF"]:
        return [0]
    try:
        with tifffile.TiffFile(path) as file:
            return [number for number, page in enumerate(file.pages) if not page.is_reduced] or [0]
    except Exception:  # a damaged TIFF can fail anywhere inside its decoder
        return [0]


def _check_header(path: Path, picture: Image.Image) -> None:
    kind = "JPEG" if picture.format == "MPO" else picture.format
    if path.suffix.lower() not in FORMATS[kind]:
        advice = f"rename it to {path.stem}{FORMATS[kind][0]}"
        raise ImageReadError(path, f"holds a {kind} image but is named {path.suffix or 'without an extension'}", advice)


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        reason = f"{width} × {height} pixels is over the limit of {MAX_PIXELS / 1e6:.0f} million"
        raise ImageReadError(path, reason, "make it smaller first if you trust where it comes from")


def _to_rgb(path: Path, picture: Image.Image) -> np.ndarray:
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F"):
        raise ImageReadError(path, "32-bit pixels have no fixed range", "save it with 8 or 16 bits per channel")
    if picture.mode.startswith("I;16"):
        grey = (np.asarray(picture) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.array(picture.convert("RGB"))


def _read_tiff(path: Path, number: int) -> np.ndarray:
    """The TIFF variants that Pillow does not know, 16 bits per colour channel above all."""
    not_an_image = ImageReadError(path, "not an image in a known format", "leave it out or convert it to PNG or JPEG")
    if path.suffix.lower() not in FORMATS["TIFF"]:
        raise not_an_image
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[number]
            _check_size(path, page.imagewidth, page.imagelength)
            pixels = page.asarray()
            photometric, extra_samples = page.photometric.name, page.extrasamples
    except tifffile.TiffFileError as error:
        raise not_an_image from error
    except ImageReadError:
        raise
    except Exception as error:  # a damaged TIFF can fail anywhere inside its decoder
        raise ImageReadError(path, f"damaged or cut short ({error})", "copy it again from its source") from error
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.dtype != np.uint8 or photometric not in ("RGB", "MINISBLACK") or pixels.ndim not in (2, 3):
        raise ImageReadError(
            path, f"an unusual TIFF ({photometric}, {pixels.dtype})", "save it as 8 or 16-bit RGB or grey"
        )
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if extra_samples and photometric == "RGB":
        picture = Image.fromarray(np.ascontiguousarray(pixels[:, :, :4]), "RGBA")
        return _to_rgb(path, picture)
    return np.ascontiguousarray(pixels[:, :, :3])


def list_images(folder: str | os.PathLike) -> list[Path]:
    """Image files below a folder in natural order (page2 before page10); hidden files and links out of it left out.

    Raises: FileNotFoundError when there is no such folder, NotADirectoryError when it is a file.
    """
    folder = Path(folder)
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder; check the name")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: is a file, not a folder; name the folder that holds it")
    return sorted(_walk(folder), key=lambda path: _natural_order(path.relative_to(folder)))


def input_files(path: str | os.PathLike) -> list[Path]:
    """The image files of a folder in natural order, or the one file. Raises: FileNotFoundError, ValueError if empty."""
    path = Path(path)
    if path.is_file():
        return [path]
    files = list_images(path)
    if not files:
        raise ValueError(f"{path}: holds no images; name a folder with image files")
    return files


_natural_order = os_sort_keygen()


def _walk(folder: Path) -> Iterator[Path]:
    root = folder.resolve()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(parent, name)
            if name.startswith(".") or path.suffix.lower() not in EXTENSIONS:
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                continue
            yield path


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write (h, w, 3) uint8 RGB or (h, w) uint8 grey in the format of the extension, atomically.

    JPEG at quality 95 without colour subsampling, WebP lossless, TIFF compressed without loss.
    Raises: ValueError for another dtype, shape or extension; OSError when the folder cannot be written.
    """
    path = Path(path)
    image = np.asarray(image)
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] != 3):
        raise ValueError(f"{path}: cannot write {image.shape} {image.dtype}; give (h, w, 3) or (h, w) uint8")
    kind = next((kind for kind, extensions in FORMATS.items() if path.suffix.lower() in extensions), None)
    if kind is None:
        raise ValueError(f"{path}: no image format has this extension; use one of {', '.join(sorted(EXTENSIONS))}")
    options = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "WEBP": {"lossless": True},
        "TIFF": {"compression": "tiff_adobe_deflate"},
    }
    with atomic_path(path) as temporary:
        iio.imwrite(temporary, image, plugin="pillow", format=kind, **options.get(kind, {}))


def squeeze(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image as a network sees it: the whole of it in a fixed shape, whatever its own was.

    image: (h, w, 3) uint8. Returns: (height, width, 3) uint8; bilinear with antialiasing.
    """
    return np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))


def read_square_image(path: str | os.PathLike, image_size: int) -> np.ndarray:
    """An image file as a network sees it, see `squeeze`.

    Returns: (image_size, image_size, 3) float32 RGB in [0, 255]. Raises: as `read_image`.
    """
    return squeeze(read_image(path), image_size, image_size).astype(np.float32)


def read_squares(
    files: Sequence[str | os.PathLike], image_size: int, prepare: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """All pictures in memory, squeezed and then prepared: (n, image_size, image_size, 3) uint8."""

    def read(file: str | os.PathLike) -> np.ndarray:
        image = squeeze(read_image(file), image_size, image_size)
        return image if prepare is None else prepare(image)

    return np.stack(list(read_ahead(read, files, ahead=64)))
