"""From a user's own folder of class folders, a clean data set."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from imagecourse.datasets.decisions import Decision, read_decisions
from imagecourse.datasets.duplicates import (
    Fingerprint,
    both_hashes,
    exact_duplicate_groups,
    fingerprints,
    near_duplicate_groups,
)
from imagecourse.datasets.readers import read_dataset
from imagecourse.datasets.table import Dataset, check_names, split_by_hash
from imagecourse.files import map_files, new_folder
from imagecourse.images import kind_by_content, read_image, write_image

REPORT_NAME = "report.csv"
LONGEST_STEM = 200  # bytes; file systems take 255
SPLITS = ("train", "validation")


@dataclass(frozen=True, eq=False)
class Build:
    """What `build_dataset` did: the new folder, and what became of every file.

    table: `file` (relative to the source), `label`, `outcome` (`written`, `unreadable`, `copy`, `conflict`,
    `wrong` or `skipped`), `written` (relative to the destination, empty when left out), `reason` (why it was left out).
    """

    destination: Path
    table: pd.DataFrame

    @property
    def left_out(self) -> pd.DataFrame:
        """The rows of files that were not written."""
        return self.table[self.table["outcome"] != "written"]

    @property
    def warnings(self) -> list[str]:
        """One line for each class that a split lacks."""
        labelled = self.table[self.table["label"] != ""]
        splits = labelled["written"].str.split("/").str[0]
        counts = pd.crosstab(labelled["label"], splits).reindex(columns=SPLITS, fill_value=0)
        return [
            f"class {label} has no {split} image; add pictures to it"
            for label, row in counts.iterrows()
            for split in SPLITS
            if row[split] == 0
        ]


def build_dataset(
    source: str | os.PathLike,
    destination: str | os.PathLike,
    image_size: int = 256,
    validation: float = 0.2,
    decisions: str | os.PathLike | None = None,
) -> Build:
    """Make train/CLASS and validation/CLASS folders and report.csv from a folder of class folders.

    - Unreadable files are left out. Of identical files of one class the first stays; a file that lies in two classes is
      left out of both, since nothing tells which is right.
    - Pictures that look the same (`near_duplicate_groups`) go together into one split, chosen by a hash of the name of
      the first, so the validation score is not flattered by pictures seen in training.
    - Pictures are written upright, with the longest side at most image_size pixels, as JPEG when they came as JPEG and
      PNG otherwise, without metadata such as the place where they were taken.

    The source is only read. The destination appears when all is done; an interrupted build starts again from nothing.
    validation: share of the validation split, 0 to 1. decisions: a file of an audit (see `read_decisions`): what is
    called wrong is left out, what belongs to another class goes there.
    Raises: FileNotFoundError, FileExistsError when the destination holds files, ValueError when it lies inside the
    source, or the source has no class folders.
    """
    source, destination = Path(source).absolute(), Path(destination).absolute()
    _check_destination(source, destination)
    plan = _plan(source, validation, read_decisions(decisions) if decisions else {})
    with new_folder(destination) as work:
        _write_images(source, work, plan, image_size)
        table = plan.drop(columns="path")
        table.to_csv(work / REPORT_NAME, index=False, errors="backslashreplace")
    return Build(destination, table)


def _check_destination(source: Path, destination: Path) -> None:
    if destination.exists() and (not destination.is_dir() or any(destination.iterdir())):
        raise FileExistsError(f"{destination}: exists already; name a new folder, nothing is overwritten")
    if Path(os.path.realpath(destination)).is_relative_to(os.path.realpath(source)):
        raise ValueError(f"{destination}: lies inside the source {source}; name a folder outside of it")


def _plan(source: Path, validation: float, decisions: dict[str, Decision]) -> pd.DataFrame:
    """Every file of the source with its label, where it will be written, or why not."""
    dataset = read_dataset(source)
    if dataset.layout != "class-folders":
        raise ValueError(f"{source}: is laid out as {dataset.layout}; put the images of each class into a folder of it")
    check_names(dataset)
    outcomes = fingerprints(dataset.table["file"])
    plan = dataset.table[["label"]].assign(
        path=[outcome.path for outcome in outcomes],
        file=[str(outcome.path.relative_to(source)) for outcome in outcomes],
        outcome=["unreadable" if outcome.error else "written" for outcome in outcomes],
        written="",
        reason=[outcome.error.removeprefix(f"{outcome.path}: ") for outcome in outcomes],
    )
    prints = {row: outcome.result for row, outcome in enumerate(outcomes) if not outcome.error}
    _obey(decisions, plan, source)
    prints = {row: seen for row, seen in prints.items() if plan.at[row, "outcome"] == "written"}
    _leave_out_copies(plan, prints)
    kept = list(plan.index[plan["outcome"] == "written"])
    splits = _splits(plan, prints, kept, validation)
    for row in kept:
        path = plan.at[row, "path"]
        name = f"{_short(path.stem)}_{prints[row].digest[:8]}{_suffix(path)}"
        plan.at[row, "written"] = f"{splits[row]}/{plan.at[row, 'label']}/{name}"
    return pd.concat([plan, _skipped(dataset, source)], ignore_index=True)


def _obey(decisions: dict[str, Decision], plan: pd.DataFrame, source: Path) -> None:
    """Apply what a person decided. Raises: ValueError for a file that is not there."""
    rows = {Path(file).as_posix(): row for row, file in plan["file"].items()}
    for file, decision in decisions.items():
        if file not in rows:
            raise ValueError(
                f"{file}: is decided on, but not in {source}; give the decisions of an audit of this folder"
            )
        if decision.kind == "wrong":
            plan.loc[rows[file], ["outcome", "reason"]] = ["wrong", "called wrong in the decisions"]
        elif decision.kind == "other":
            plan.at[rows[file], "label"] = decision.label


def _skipped(dataset: Dataset, source: Path) -> pd.DataFrame:
    """Rows for what the reader left out: empty class folders, images beside the class folders."""
    rows = [
        {"path": Path(file), "file": str(Path(file).relative_to(source)), "outcome": "skipped", "reason": reason}
        for file, reason in dataset.problems
    ]
    return pd.DataFrame(rows).assign(label="", written="")


def _leave_out_copies(plan: pd.DataFrame, prints: dict[int, Fingerprint]) -> None:
    rows = list(prints)
    for group in exact_duplicate_groups([prints[row].digest for row in rows]):
        first, *others = (rows[member] for member in group)
        labels = sorted(set(plan.loc[[first, *others], "label"]))
        if len(labels) > 1:
            reason = f"the same file lies in {' and '.join(labels)}; keep it in the right one"
            plan.loc[[first, *others], ["outcome", "reason"]] = ["conflict", reason]
        else:
            plan.loc[others, ["outcome", "reason"]] = ["copy", f"a copy of {plan.at[first, 'file']}"]


def _splits(plan: pd.DataFrame, prints: dict[int, Fingerprint], kept: list[int], validation: float) -> dict[int, str]:
    """The split of every kept row: one for each group of pictures that look the same."""
    fractions = {"train": 1 - validation, "validation": validation}
    splits = {row: split_by_hash(plan.at[row, "path"].name, fractions) for row in kept}
    for group in near_duplicate_groups(both_hashes(prints[row] for row in kept)):
        for member in group:
            splits[kept[member]] = splits[kept[group[0]]]
    return splits


def _write_images(source: Path, work: Path, plan: pd.DataFrame, image_size: int) -> None:
    """Write what is planned; a file that has vanished since it was read first becomes unreadable in the plan."""
    unsorted = work / "unsorted"
    wanted = plan[plan["outcome"] == "written"]
    outcomes = map_files(partial(_shrink, source, unsorted, image_size), wanted["path"], "writing")
    for outcome, row in zip(outcomes, wanted.index, strict=True):
        if outcome.error:
            plan.loc[row, ["outcome", "written", "reason"]] = ["unreadable", "", outcome.error]
            continue
        name = work / wanted.at[row, "written"]
        name.parent.mkdir(parents=True, exist_ok=True)
        outcome.result.rename(name)
    shutil.rmtree(unsorted, ignore_errors=True)


def _shrink(source: Path, folder: Path, image_size: int, path: Path) -> Path:
    """Write the smaller picture into `folder`, under a name that fits everywhere; give the new path."""
    picture = Image.fromarray(read_image(path))
    picture.thumbnail((image_size, image_size), Image.Resampling.LANCZOS)
    place = hashlib.sha256(os.fsencode(path.relative_to(source))).hexdigest()
    target = folder / f"{place}{_suffix(path)}"
    write_image(target, np.asarray(picture))
    return target


def _short(stem: str) -> str:
    """As much of a name as leaves room for what is added to it."""
    return stem.encode(errors="replace")[:LONGEST_STEM].decode(errors="ignore")


def _suffix(path: Path) -> str:
    return ".jpg" if kind_by_content(path) == "JPEG" else ".png"
