"""The parameters of a chapter: what its cell says of them, and whether a value fits."""

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import nbformat

SET_BY_THE_COMMAND = ("output_dir", "figures_dir")
_RANGE = re.compile(r"#\s*(-?[\d.e-]+)(?: to (-?[\d.e-]+)| or more)")
_CHOICES = re.compile(r"#\s*([\w-]+(?:, [\w-]+)* or [\w-]+)$")


class Parameter(NamedTuple):
    """A parameter as its line has it: `image_size = 64  # 32 to 512`, `dataset = "sample"  # sample or folder`.

    low, high: of numbers, None without a limit. choices: words to take one of; empty where any will do.
    """

    default: object
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


def read_parameters(path: Path) -> dict:
    """Names and default values of a notebook's parameters: the literals of its cell tagged `parameters`."""
    return {name: parameter.default for name, parameter in describe_parameters(path).items()}


def describe_parameters(path: Path) -> dict[str, Parameter]:
    """The parameters of a notebook by their names. Raises: ValueError for a file that is no notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        raise ValueError(f"{path}: not a notebook ({str(error).splitlines()[0]}); restore the file") from error
    cell = next((cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])), None)
    if cell is None:
        return {}
    lines = cell.source.splitlines()
    assignments = [node for node in ast.parse(cell.source).body if isinstance(node, ast.Assign)]
    return {ast.unparse(node.targets[0]): _parameter(node, lines[node.end_lineno - 1]) for node in assignments}


def _parameter(node: ast.Assign, line: str) -> Parameter:
    default, remark = ast.literal_eval(node.value), line.encode()[node.end_col_offset :].decode()
    limits, choices = _RANGE.search(remark), _CHOICES.search(remark.strip())
    if limits:
        return Parameter(default, float(limits[1]), float(limits[2]) if limits[2] else None)
    return Parameter(default, choices=tuple(re.split(", | or ", choices[1])) if choices else ())


def parse_value(text: str) -> object:
    """A value from the command line: true, false, none, numbers and Python literals as such, the rest as text."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def check_settings(settings: Mapping[str, object], notebooks: Iterable[Mapping[str, Parameter]]) -> dict[str, object]:
    """The settings as the notebooks take them: one word for a list becomes a list, and a folder of data alone is meant
    to be used.

    Raises: ValueError for a parameter that no notebook has, a value of another type or out of range, and for pictures
    of a folder without the folder.
    """
    notebooks = list(notebooks)
    names = sorted({name for parameters in notebooks for name in parameters} - set(SET_BY_THE_COMMAND))
    settings = dict(settings)
    if settings.get("data_dir") is not None and "dataset" in names:
        settings.setdefault("dataset", "folder")
    if settings.get("dataset") == "folder" and settings.get("data_dir") is None:
        raise ValueError("-p dataset folder: names no folder; add -p data_dir DIR")
    for name in settings:
        if name in SET_BY_THE_COMMAND:
            raise ValueError(f"-p {name}: the command sets it; use --output")
        if name not in names:
            raise ValueError(f"-p {name}: no such parameter; there are {', '.join(names)}")
        for parameter in (parameters[name] for parameters in notebooks if name in parameters):
            settings[name] = _fitting(name, settings[name], parameter)
    return settings


def _fitting(name: str, value: object, parameter: Parameter) -> object:
    default = parameter.default
    if isinstance(default, list) and not isinstance(value, list):
        value = [value]
    if default is not None and not _same_type(value, default):
        kind = {int: "a whole number", float: "a number", bool: "true or false", str: "text", list: "a list of names"}
        raise ValueError(f"-p {name} {value}: give {kind[type(default)]}, such as {default}")
    low, high, choices = parameter.low, parameter.high, parameter.choices
    if choices and value not in choices:
        raise ValueError(f"-p {name} {value}: choose from {', '.join(choices)}")
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"{low:g} or more" if high is None else f"{low:g} to {high:g}"
        raise ValueError(f"-p {name} {value}: out of range; give {limits}")
    return value


def _same_type(value: object, default: object) -> bool:
    if isinstance(value, bool) or isinstance(default, bool):
        return isinstance(value, bool) and isinstance(default, bool)
    if isinstance(default, list):
        return all(_same_type(each, default[0]) for each in value) if default else True
    return isinstance(value, (int, float)) if isinstance(default, float) else isinstance(value, type(default))
