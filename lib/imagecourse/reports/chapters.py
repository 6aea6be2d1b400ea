"""The chapters there are."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import imagecourse


def find_notebooks(names: Iterable[str] = (), folder: str | os.PathLike | None = None) -> list[Path]:
    """Paths of the chapters with these names or numbers, in their order; all chapters when there are no names.

    names: `01_preprocessing`, `1`, `01`, or the path of a notebook, which is that file and no other.
    folder: where they are; None looks in ./notebooks, then in the project that the package is installed from.
    Raises: FileNotFoundError; ValueError for a name that no chapter has, or that two of the files have.
    """
    names = list(names)
    files = [Path(name) for name in names if _is_path(name)]
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such notebook; check the name and the folder")
    chapters = _all_chapters(folder) if len(files) < len(names) or not names else []
    wanted = {_find_chapter(name, chapters) for name in names if not _is_path(name)}
    found = {path.resolve() for path in [*files, *(wanted if names else chapters)]}
    if len({path.stem for path in found}) < len(found):
        raise ValueError(f"{', '.join(names)}: two notebooks of one name; run them into folders of their own")
    return sorted(found, key=lambda path: path.stem)


def _is_path(name: str) -> bool:
    return name.endswith(".ipynb") and (len(Path(name).parts) > 1 or Path(name).is_file())


def _all_chapters(folder: str | os.PathLike | None) -> list[Path]:
    places = [Path(folder)] if folder else [Path("notebooks"), Path(imagecourse.__file__).parents[2] / "notebooks"]
    chapters = next((found for place in places if (found := sorted(place.glob("[0-9]*_*.ipynb")))), [])
    if not chapters:
        raise FileNotFoundError(f"{places[0]}: no notebooks here; run the command from the project's folder")
    return chapters


def _find_chapter(name: str, chapters: list[Path]) -> Path:
    stem = name.removesuffix(".ipynb")
    for path in chapters:
        if path.stem == stem or (stem.isdecimal() and int(stem) == chapter_number(path.stem)):
            return path
    raise ValueError(f"{name}: no such chapter; choose from {', '.join(path.stem for path in chapters)}")


def chapter_number(name: str) -> int | None:
    """1 for `01_preprocessing`; None for a name without a number."""
    number = re.match(r"\d+", name)
    return int(number.group()) if number else None
