"""The characters as folders of files: one label a picture, and scenes with several labels and masks."""

import csv
import os
from collections.abc import Iterable, Iterator
from itertools import permutations
from pathlib import Path

import numpy as np

from imagecourse.files import new_folder
from imagecourse.images import write_image
from imagecourse.samples.characters.drawing import Drawing, draw_character, draw_fusion, draw_relative, draw_scene
from imagecourse.samples.characters.traits import FAMILIES

_HELD_OUT = 0.2
_RELATIVES = 2
_CHARACTERS, _PREDICT, _SCENES = 0, 1, 2  # each has random numbers of its own


def write_characters(folder: str | os.PathLike, count: int = 500, image_size: int = 150, seed: int = 42) -> Path:
    """Write `SPLIT/FAMILY/NUMBER.png`, 60 % train, 20 % validation, 20 % test, and predict/; returns the folder.

    count: pictures with one character, as many of each family (one more or less), the evolutions, fusions and
    relatives in predict/ not counted; image_size: pixels a side. `predict.csv` tells the truth about these: file,
    kind ("evolution", "fusion", "relative"), stage, families (joined by "+"). The same seed writes the same files, and
    a picture does not depend on how many others there are. About 10 ms a picture.

    Raises: FileExistsError when the folder is there and not empty; ValueError for fewer than 12 pictures (one of each
    family in each split) or smaller than 48 pixels.
    """
    _check_count(count, 3 * len(FAMILIES))
    with new_folder(folder) as temporary:
        for family_number, family in enumerate(FAMILIES):
            of_this_family = count // len(FAMILIES) + (family_number < count % len(FAMILIES))
            for split_number, (split, pictures) in enumerate(_split_counts(of_this_family).items()):
                for number in range(pictures):
                    rng = np.random.default_rng([seed, _CHARACTERS, family_number, split_number, number])
                    image = draw_character(family, rng, image_size).image
                    write_image(temporary / split / family / f"{number + 1:04d}.png", image)
        _write_predict(temporary, image_size, seed)
    return Path(folder)


def _write_predict(folder: Path, size: int, seed: int) -> None:
    subjects = list(_unusual_subjects())
    rows = []
    for number, position in enumerate(np.random.default_rng([seed, _PREDICT]).permutation(len(subjects)), start=1):
        kind, stage, families = subjects[position]
        drawing = _draw_unusual(kind, stage, families, np.random.default_rng([seed, _PREDICT, position]), size)
        file = f"predict/{number:04d}.png"
        write_image(folder / file, drawing.image)
        rows.append((file, kind, stage, "+".join(families)))
    _write_table(folder / "predict.csv", ("file", "kind", "stage", "families"), rows)


def _unusual_subjects() -> Iterator[tuple[str, int, tuple[str, ...]]]:
    for family in FAMILIES:
        yield from (("evolution", stage, (family,)) for stage in (2, 3))
        yield from (("relative", 1, (family,)) for _ in range(_RELATIVES))
    yield from (("fusion", 1, pair) for pair in permutations(FAMILIES, 2))


def _draw_unusual(kind: str, stage: int, families: tuple[str, ...], rng: np.random.Generator, size: int) -> Drawing:
    if kind == "evolution":
        return draw_character(*families, rng, size, stage)
    return draw_fusion(*families, rng, size) if kind == "fusion" else draw_relative(*families, rng, size)


def write_scenes(folder: str | os.PathLike, count: int = 300, image_size: int = 150, seed: int = 42) -> Path:
    """Write `images/SPLIT_NUMBER.png` with one to three characters each, and the truth; returns the folder.

    labels.csv: `file` (below the folder), `split` (60 % train, 20 % validation, 20 % test), a column of 0 and 1 per
    family. masks/SPLIT_NUMBER_FAMILY.png: (size, size) grey, 255 where the character is seen, else 0. Every second
    picture has two characters, the others one or three. Seeds and errors as in `write_characters`; at least 3 scenes.
    """
    _check_count(count, 3)
    rows = []
    with new_folder(folder) as temporary:
        for split_number, (split, pictures) in enumerate(_split_counts(count).items()):
            for number in range(pictures):
                rng = np.random.default_rng([seed, _SCENES, split_number, number])
                cast = rng.permutation(list(FAMILIES))[: (2, 1, 2, 3)[number % 4]].tolist()
                drawing, name = draw_scene(cast, rng, image_size), f"{split}_{number + 1:04d}"
                write_image(temporary / "images" / f"{name}.png", drawing.image)
                for family, mask in drawing.masks.items():
                    write_image(temporary / "masks" / f"{name}_{family}.png", mask.astype(np.uint8) * 255)
                rows.append((f"images/{name}.png", split, *(int(family in drawing.labels) for family in FAMILIES)))
        _write_table(temporary / "labels.csv", ("file", "split", *FAMILIES), rows)
    return Path(folder)


def _check_count(count: int, least: int) -> None:
    if count < least:
        raise ValueError(f"count: {count} pictures are too few; ask for {least} or more")


def _split_counts(count: int) -> dict[str, int]:
    held_out = max(1, round(_HELD_OUT * count))
    return {"train": count - 2 * held_out, "validation": held_out, "test": held_out}


def _write_table(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
