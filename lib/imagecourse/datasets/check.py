"""What is in a folder of images, and what is wrong with it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from imagecourse.datasets.duplicates import both_hashes, exact_duplicate_groups, fingerprints, near_duplicate_groups
from imagecourse.datasets.readers import LAYOUTS, read_dataset
from imagecourse.datasets.table import TRAIN_AND_TEST, Dataset, Problem

_NOT_LABELS = ("file", "split", "captions", "clean")


@dataclass(frozen=True, eq=False)
class Check:
    """What `check_dataset` found.

    unreadable: files that give no image. sizes: (n, 2) int, width and height in pixels of the readable ones.
    exact, near: groups of rows of `dataset.table` with the same bytes, or with the same look but other bytes.
    """

    dataset: Dataset
    unreadable: list[Problem]
    sizes: np.ndarray
    exact: list[list[int]]
    near: list[list[int]]


def check_dataset(folder: str | os.PathLike, fractions: Mapping[str, float] = TRAIN_AND_TEST) -> Check:
    """Read every image of a folder in any layout, on all cores, and look for damage and duplicates.

    Duplicates are looked for among the images themselves, not among clean partners: several dirty pages may share one.
    Raises: as `read_dataset`.
    """
    dataset = read_dataset(folder, fractions=fractions)
    files = list(map(Path, dataset.table["file"]))
    partners = sorted(set(map(Path, dataset.table.get("clean", []))))
    outcomes = fingerprints(files + partners)
    unreadable = [Problem(str(outcome.path), outcome.error) for outcome in outcomes if outcome.error]
    sizes = np.array([outcome.result[:2] for outcome in outcomes if not outcome.error], int).reshape(-1, 2)
    rows = [row for row, outcome in enumerate(outcomes[: len(files)]) if not outcome.error]
    prints = [outcomes[row].result for row in rows]
    exact = exact_duplicate_groups([image.digest for image in prints])
    looks = near_duplicate_groups(both_hashes(prints))
    near = [group for group in looks if len({prints[member].digest for member in group}) > 1]
    return Check(dataset, unreadable, sizes, _to_rows(exact, rows), _to_rows(near, rows))


def _to_rows(groups: list[list[int]], rows: list[int]) -> list[list[int]]:
    return [[rows[member] for member in group] for group in groups]


def check_report(check: Check) -> str:
    """The check as text: layout, counts, sizes, then one line for each thing that is wrong."""
    dataset = check.dataset
    lines = [f"folder      {dataset.root}", f"layout      {dataset.layout}: {LAYOUTS[dataset.layout]}"]
    lines += [f"images      {len(dataset.table)}: {_split_counts(dataset.table)}"]
    lines += _class_lines(dataset) + _value_lines(dataset.table)
    lines += [f"{name:11} {_spread(check.sizes[:, axis])} pixels" for axis, name in enumerate(("width", "height"))]
    lines += _problem_lines("left out", dataset.problems, dataset.root)
    lines += _problem_lines("unreadable", check.unreadable, dataset.root)
    lines += _duplicate_lines("the same file", check.exact, dataset)
    lines += _duplicate_lines("the same look", check.near, dataset)
    return "\n".join(lines)


def crossing(groups: list[list[int]], table: pd.DataFrame, columns: list[str]) -> list[list[int]]:
    """Those groups of rows whose members differ in one of the columns; rows without a value there do not count."""
    return [group for group in groups if len(table.iloc[group][columns].dropna().drop_duplicates()) > 1]


def label_columns(table: pd.DataFrame) -> list[str]:
    """The columns that say what an image shows, such as `label`, or `age`, `gender` and `race`."""
    return [column for column in table.columns if column not in _NOT_LABELS]


def _split_counts(table: pd.DataFrame) -> str:
    return ", ".join(f"{split} {count}" for split, count in table["split"].value_counts(sort=False).items())


def _class_lines(dataset: Dataset) -> list[str]:
    classes = dataset.classes
    if not classes:
        return []
    column = "labels" if "labels" in dataset.table else "label"
    labelled = dataset.table.explode(column).dropna(subset=[column])
    counts = pd.crosstab(labelled[column], labelled["split"]).loc[classes]
    note = " (one class: nothing to tell apart)" if len(classes) == 1 else ""
    table = counts.rename_axis(index=None, columns=None).to_string()
    return [f"classes     {len(classes)}{note}", *("  " + line for line in table.splitlines())]


def _value_lines(table: pd.DataFrame) -> list[str]:
    lines = [f"age         {_spread(table['age'])} years"] if "age" in table else []
    for column in ("gender", "race"):
        if column in table:
            counts = table[column].value_counts().sort_index()
            lines.append(f"{column:11} " + ", ".join(f"{value}: {count}" for value, count in counts.items()))
    if "captions" in table:
        lines.append(f"captions    {_spread(table['captions'].map(len))} per image")
    return lines


def _spread(values: np.ndarray | pd.Series) -> str:
    if len(values) == 0:
        return "unknown"
    return f"{np.min(values):.0f} to {np.max(values):.0f}, median {np.median(values):.0f}"


def _problem_lines(title: str, problems: list[Problem], root: Path) -> list[str]:
    lines = [f"  {_short(problem.file, root)}: {_without_path(problem)}" for problem in problems]
    return [f"{title:11} {len(problems)}", *lines]


def _without_path(problem: Problem) -> str:
    return problem.reason.removeprefix(f"{problem.file}: ")


def _duplicate_lines(title: str, groups: list[list[int]], dataset: Dataset) -> list[str]:
    """A summary, then each group that crosses splits or labels; copies inside one class and split do less harm."""
    table = dataset.table
    between_splits = crossing(groups, table, ["split"])
    labels = label_columns(table)
    between_labels = crossing(groups, table, labels) if labels else []
    summary = f"{sum(map(len, groups))} images; groups: {len(groups)}"
    if groups:
        summary += f", across splits: {len(between_splits)}, across labels: {len(between_labels)}"
    lines = [f"{title:13} {summary}"]
    for group in groups:
        marks = [mark for mark, some in (("splits", between_splits), ("labels", between_labels)) if group in some]
        if marks:
            names = [f"{_short(file, dataset.root)} ({split})" for file, split in _members(table, group)]
            lines.append(f"  across {' and '.join(marks)}: " + " = ".join(names))
    return lines


def _members(table: pd.DataFrame, group: list[int]) -> list[tuple[str, str]]:
    rows = table.iloc[group]
    return list(zip(rows["file"], rows["split"], strict=True))


def _short(file: str, root: Path) -> str:
    path = Path(file)
    return str(path.relative_to(root)) if path.is_relative_to(root) else file
