"""A data set looked through by a network: wrong labels, odd pictures, copies; as a table and as a page to decide on."""

import base64
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import jinja2
import numpy as np
import pandas as pd
from PIL import Image

from imagecourse.datasets.check import crossing
from imagecourse.datasets.duplicates import near_duplicate_groups
from imagecourse.datasets.table import Dataset
from imagecourse.evaluation.label_errors import label_margins, oddness, out_of_fold_scores
from imagecourse.files import new_folder, read_ahead
from imagecourse.images import read_image
from imagecourse.networks.features import cached_features
from imagecourse.recipes.data import open_dataset, without_unreadable

ODD = 3.5
"""Standard deviations from which a picture is called odd."""
SHOWN_LABELS, SHOWN_ODD, SHOWN_COPIES = 200, 60, 100
TABLE_NAME, PAGE_NAME = "audit.csv", "audit.html"
THUMBNAIL = 160


@dataclass(frozen=True, eq=False)
class Audit:
    """What was found.

    table: a row per picture, the most suspicious first: `file` (relative to `folder`), `split`, `label`, `suggestion`
    (the best other class), `margin` (own label's score minus the suggestion's; below 0 the others speak against the
    label), `oddness` (standard deviations), `copies` (names of near-copies in another split or class, joined by |).
    unreadable: how many files gave no picture. classes: in natural order.
    """

    folder: Path
    table: pd.DataFrame
    unreadable: int
    classes: list[str]

    @property
    def doubted(self) -> pd.DataFrame:
        """Pictures that the others' labels speak against."""
        return self.table[self.table["margin"] < 0]

    @property
    def odd(self) -> pd.DataFrame:
        """Pictures that resemble no other, the oddest first."""
        return self.table[self.table["oddness"] > ODD].sort_values("oddness", ascending=False)

    @property
    def copied(self) -> pd.DataFrame:
        """Pictures with a near-copy in another split or class."""
        return self.table[self.table["copies"] != ""]


def audit_dataset(folder: Path, backbone: str) -> Audit:
    """Look through a folder of classes, in any layout, with a frozen network.

    Raises: ValueError, FileNotFoundError: what is wrong with the data; classes with too few pictures.
    """
    with open_dataset(str(folder), write_sample=_refuse) as found:
        if "label" not in found.table:
            raise ValueError(f"{folder}: its pictures have several labels; give a set with one label a picture")
        dataset, hashes = without_unreadable(found)
        copies = near_duplicate_groups(hashes)
        features = cached_features(backbone, dataset.table["file"].tolist())
        numbers = pd.Categorical(dataset.table["label"], dataset.classes).codes.astype(int)
        try:
            scores = out_of_fold_scores(features, numbers, _group_numbers(len(numbers), copies))
        except ValueError as error:
            raise ValueError(f"{folder}: {error}") from error
        margins, others = label_margins(scores, numbers)
        table = pd.DataFrame(
            {
                "file": [Path(file).relative_to(dataset.root).as_posix() for file in dataset.table["file"]],
                "split": dataset.table["split"],
                "label": dataset.table["label"],
                "suggestion": [dataset.classes[number] for number in others],
                "margin": margins.round(4),
                "oddness": oddness(features).round(2),
                "copies": _copies_of_each(dataset, copies),
            }
        ).sort_values("margin", kind="stable", ignore_index=True)
        return Audit(dataset.root, table, len(found.table) - len(table), dataset.classes)


def save_audit(audit: Audit, destination: Path) -> Path:
    """Write audit.csv and audit.html, one file with all that it shows, into a new folder; give the page.

    Raises: FileExistsError when the folder is there and not empty.
    """
    sections = {
        "Labels that are probably wrong": audit.doubted.head(SHOWN_LABELS),
        "Odd pictures": audit.odd.head(SHOWN_ODD),
        "Copies in another split or class": audit.copied.head(SHOWN_COPIES),
    }
    shown = sorted({file for table in sections.values() for file in table["file"]})
    thumbnails = dict(zip(shown, read_ahead(_thumbnail, [audit.folder / file for file in shown], 32), strict=True))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("imagecourse.recipes", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    page = environment.get_template(PAGE_NAME).render(
        name=audit.folder.name,
        date=date.today().isoformat(),
        counts={"pictures": len(audit.table), "classes": len(audit.classes)},
        totals=[len(audit.doubted), len(audit.odd), len(audit.copied)],
        sections={title: table.to_dict("records") for title, table in sections.items()},
        thumbnails=thumbnails,
        classes=audit.classes,
    )
    with new_folder(destination) as folder:
        audit.table.to_csv(folder / TABLE_NAME, index=False, errors="backslashreplace")
        (folder / PAGE_NAME).write_text(page, encoding="utf-8", errors="backslashreplace")
    return destination / PAGE_NAME


def _refuse(_folder: Path) -> None:
    raise ValueError("sample: its pictures are there at any time; give a folder")


def _group_numbers(count: int, groups: list[list[int]]) -> np.ndarray:
    """(count,) int: a number of its own for each picture, the same for those of a group."""
    numbers = np.arange(count)
    for group in groups:
        numbers[group] = group[0]
    return numbers


def _copies_of_each(dataset: Dataset, groups: list[list[int]]) -> list[str]:
    names = [Path(file).relative_to(dataset.root).as_posix() for file in dataset.table["file"]]
    copies = [""] * len(names)
    for group in crossing(groups, dataset.table, ["split", "label"]):
        for member in group:
            copies[member] = " | ".join(names[other] for other in group if other != member)
    return copies


def _thumbnail(path: Path) -> str:
    """A small JPEG as a data URL."""
    picture = Image.fromarray(read_image(path))
    picture.thumbnail((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
