"""The pages of a folder of scans: one for each file, and one for each page of a TIFF with several."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from imagecourse.images import input_files, page_numbers


class Page(NamedTuple):
    """One page: `file` below the source (with slashes), its `number` (from 0), whether the file has `several`."""

    file: str
    number: int
    several: bool

    @property
    def shown_number(self) -> int | str:
        """Counted from 1 where there are several, else empty: as results.csv has it."""
        return self.number + 1 if self.several else ""

    def below(self, folder: str) -> str:
        """Where its copy goes: the file's name, with the number of the page where there are several."""
        path = Path(self.file)
        name = f"{path.stem}-page-{self.number + 1:03d}{path.suffix}" if self.several else path.name
        return (Path(folder) / path.with_name(name)).as_posix()


def all_pages(source: Path) -> Iterator[Page]:
    """Every page of a file or of the image files below a folder, in natural order.

    Raises: FileNotFoundError, ValueError where there is no image.
    """
    root = root_of(source)
    for path in input_files(source):
        numbers = page_numbers(path)
        for number in numbers:
            yield Page(path.relative_to(root).as_posix(), number, len(numbers) > 1)


def root_of(source: Path) -> Path:
    """The folder that names of files are relative to."""
    return source.parent if source.is_file() else source


def content_hash(path: Path) -> str:
    """32 hexadecimal digits that change with any byte of a file. Raises: OSError where it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
