"""The chapters there are, and the parameters that each one takes."""

import ast
import os
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat

import imagecourse


def find_notebooks(names: Iterable[str] = (), folder: str | os.PathLike | None = None) -> list[Path]:
    """Paths of the chapters with these names or numbers, in their order; all chapters when there are no names.

    folder: where they are; None looks in ./notebooks, then in the project that the package is installed from.
    """
    places = [Path(folder)] if folder else [Path("notebooks"), Path(imagecourse.__file__).parents[2] / "notebooks"]
    chapters = next((found for place in places if (found := sorted(place.glob("[0-9]*_*.ipynb")))), [])
    if not chapters:
        raise FileNotFoundError(f"{places[0]}: no notebooks here; run the command from the project's folder")
    wanted = {_find_chapter(name, chapters) for name in names}
    return [path.resolve() for path in chapters if not wanted or path in wanted]


def _find_chapter(name: str, chapters: list[Path]) -> Path:
    stem = Path(name).name.removesuffix(".ipynb")
    for path in chapters:
        if path.stem == stem or (stem.isdecimal() and int(stem) == chapter_number(path.stem)):
            return path
    raise ValueError(f"{name}: no such chapter; choose from {', '.join(path.stem for path in chapters)}")


def chapter_number(name: str) -> int:
    """1 for `01_preprocessing`."""
    return int(re.match(r"\d+", name).group())


def read_parameters(path: Path) -> dict:
    """Names and default values of a notebook's parameters: the literals of its cell tagged `parameters`."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise ValueError(f"{path}: not a notebook ({str(error).splitlines()[0]}); restore the file") from error
    cell = next((cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])), None)
    assignments = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)] if cell else []
    return {ast.unparse(node.targets[0]): ast.literal_eval(node.value) for node in assignments}


def parse_value(text: str) -> object:
    """A value from the command line: true, false, none, numbers and Python literals as such, the rest as text."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
