"""A kennel of invented breeds: the same animal ten times over, told apart by one or two traits."""

import os
from pathlib import Path

import numpy as np

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.characters import BREEDS, draw_breed


def write_breeds(folder: str | os.PathLike, per_breed: int = 40, image_size: int = 128, seed: int = 42) -> Path:
    """Write `BREED/NUMBER.png` for the ten `BREEDS`, and return the folder; about 10 ms a picture.

    image_size: pixels a side, at least 48. The same seed writes the same files, and a picture does not depend on how
    many others there are. A reader splits them by a hash of the file's name, so all breeds alike.

    Raises: FileExistsError when the folder is there and not empty; ValueError for no pictures or too small ones.
    """
    if per_breed < 1:
        raise ValueError(f"per_breed: {per_breed} pictures are too few; ask for 1 or more")
    with new_folder(folder) as temporary:
        for breed_number, breed in enumerate(BREEDS):
            for number in range(per_breed):
                rng = np.random.default_rng([seed, breed_number, number])
                write_image(temporary / breed / f"{number + 1:04d}.png", draw_breed(breed, rng, image_size).image)
    return Path(folder)
