"""The page of a run: counts, how sure the photo filter was, and the least certain pictures for a person to check."""

import base64
import io
from pathlib import Path

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from imagecourse.files import atomic_path
from imagecourse.images import read_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.pipeline.settings import PHOTO, Settings

SHOWN = 120
THUMBNAIL = 240
"""Pixels of the longer side."""
BINS = 20


def write_report(path: Path, table: pd.DataFrame, settings: Settings) -> None:
    """Write one HTML file that needs no other: counts, a histogram, thumbnails of the least certain pictures.

    What a person corrects there is saved as `labels.csv`; beside the copies it makes them a data set to train on.
    table: of `run_pipeline`.
    """
    environment = Environment(
        loader=PackageLoader("imagecourse.pipeline", ""),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    done, failed = table[table["error"] == ""], table[table["error"] != ""]
    page = environment.get_template("report.html").render(
        name=settings.source.name,
        counts=_counts(table),
        bars=_histogram(done["probability"].astype(float), settings.threshold),
        threshold=settings.threshold,
        cards=[_card(row, settings) for row in least_certain(done, settings.threshold).to_dict("records")],
        hidden=max(0, len(done) - SHOWN),
        classes=load_bundle(settings.classifier).labels,
        failures=failed[["file", "page", "error"]].to_dict("records"),
    )
    with atomic_path(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def least_certain(table: pd.DataFrame, threshold: float, count: int = SHOWN) -> pd.DataFrame:
    """The rows whose probability of a photograph is nearest to the threshold, nearest first; ties in their order."""
    distance = (table["probability"].astype(float) - threshold).abs()
    return table.loc[distance.sort_values(kind="stable").index[:count]]


def _counts(table: pd.DataFrame) -> dict[str, int]:
    done = table[table["error"] == ""]
    photographs = done["class"] == PHOTO
    restored = done["plan"].str.contains("untouched") == 0
    others = {name: int(count) for name, count in done.loc[~photographs, "class"].value_counts().items()}
    found = {"pages": len(table), "photographs": int(photographs.sum()), **others}
    return found | {"restored": int(restored.sum()), "failed": int((table["error"] != "").sum())}


def _histogram(probabilities: pd.Series, threshold: float) -> list[dict]:
    """For each bin, its height in percent of the highest on a square-root scale, so that few pictures show."""
    counts, edges = np.histogram(probabilities, BINS, (0, 1))
    highest = max(1, counts.max())
    return [
        {
            "count": int(count),
            "low": low,
            "high": high,
            "height": 100 * np.sqrt(count / highest),
            "photo": low >= threshold,
        }
        for count, low, high in zip(counts, edges, edges[1:], strict=False)
    ]


def _card(row: dict, settings: Settings) -> dict:
    return row | {"thumbnail": _thumbnail(settings.output / row["output"]), "label": row["class"]}


def _thumbnail(path: Path) -> str:
    """A picture as a data address; empty where it has gone since."""
    try:
        picture = Image.fromarray(read_image(path))
    except (ValueError, OSError):
        return ""
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}"
