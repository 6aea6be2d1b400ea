"""The scenes as a folder of files with captions, in the layout of Flickr8k."""

import csv
import os
from pathlib import Path

import numpy as np

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.captioned.drawing import any_facts, draw_captioned
from imagecourse.samples.captioned.grammar import describe

CAPTIONS = 5
_SPLITS = ("train", "dev", "test")
_HELD_OUT = 0.15


def write_captioned(
    folder: str | os.PathLike, language: str = "en", count: int = 1000, image_size: int = 128, seed: int = 42
) -> Path:
    """Write Images/NUMBER.png, captions.txt with five captions each, and the lists of the splits; returns the folder.

    count: pictures, 70 % train, 15 % dev, 15 % test. The same seed draws the same pictures in every language. About
    15 ms a picture.
    Raises: FileExistsError when the folder is there and not empty; ValueError for an unknown language, fewer than 10
    pictures, or smaller than 48 pixels.
    """
    if count < 10:
        raise ValueError(f"count: {count} pictures are too few; ask for 10 or more")
    held_out = round(_HELD_OUT * count)
    splits = np.repeat(_SPLITS, [count - 2 * held_out, held_out, held_out])
    with new_folder(folder) as temporary:
        names = [f"{number:05d}.png" for number in range(1, count + 1)]
        with open(temporary / "captions.txt", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(("image", "caption"))
            for number, name in enumerate(names):
                rng = np.random.default_rng([seed, number])
                facts = any_facts(rng)
                write_image(temporary / "Images" / name, draw_captioned(facts, rng, image_size).image)
                rows.writerows((name, describe(facts, language, rng)) for _ in range(CAPTIONS))
        for split in _SPLITS:
            listed = [name for name, own in zip(names, splits, strict=True) if own == split]
            path = temporary / f"Flickr_8k.{split}Images.txt"
            path.write_text("\n".join(listed) + "\n", encoding="utf-8")
    return Path(folder)
