"""What a person decided about the pictures of an audit."""

import os
from pathlib import Path
from typing import NamedTuple

from imagecourse.datasets.listed import read_list
from imagecourse.evaluation.labels import label_fault

COLUMNS = ["file", "decision", "label"]
KINDS = ("keep", "wrong", "other")


class Decision(NamedTuple):
    """kind: one of `KINDS`. label: the class that a picture belongs to, for "other"; else empty."""

    kind: str
    label: str


def read_decisions(path: str | os.PathLike) -> dict[str, Decision]:
    """Decisions by file, relative to the folder that was audited, from a CSV file with the columns of `COLUMNS`.

    Raises: FileNotFoundError; ValueError for another table, an unknown decision, or a label that cannot be one.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; give the decisions.csv that the page of an audit saved")
    table = read_list(path)
    if list(table.columns) != COLUMNS:
        raise ValueError(f"{path}: has no columns {', '.join(COLUMNS)}; give the decisions.csv of an audit")
    decisions = {}
    for row in table.itertuples():
        if row.decision not in KINDS:
            raise ValueError(f"{path}: {row.file}: {row.decision!r} is no decision; choose from {', '.join(KINDS)}")
        fault = label_fault(row.label) if row.decision == "other" else None
        if fault:
            raise ValueError(f"{path}: {row.file}: the label {row.label!r} {fault}")
        decisions[row.file] = Decision(row.decision, row.label)
    return decisions
