"""Pictures as a network sees them."""

import os
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from imagecourse.files import read_ahead
from imagecourse.images.reading import read_image


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
