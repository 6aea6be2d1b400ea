"""The page of a run: counts, how sure the photo filter was, and the least certain pictures for a person to check."""

import base64
import io
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from imagecourse.files import atomic_path
from imagecourse.images import read_image
from imagecourse.networks.bundles import load_bundle
from imagecourse.pipeline.results import BINS, Results
from imagecourse.pipeline.settings import Settings

REPORT = "report.html"
THUMBNAIL = 240
"""Pixels of the longer side."""
MOST_FAILURES = 500
"""That are named on the page; results.csv has all."""


def write_report(results: Results, settings: Settings) -> None:
    """Write one HTML file that needs no other: counts, a histogram, thumbnails of the least certain pictures.

    What a person corrects there is saved as `labels.csv`; beside the copies it makes them a data set to train on.
    """
    environment = Environment(
        loader=PackageLoader("imagecourse.pipeline", ""),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cards = [row | {"thumbnail": _thumbnail(settings.output / row["output"])} for row in results.least_certain]
    page = environment.get_template("report.html").render(
        name=settings.source.absolute().name,
        counts=results.counts,
        bars=_bars(results.histogram, settings.threshold),
        threshold=settings.threshold,
        cards=cards,
        hidden=results.pages - len(results.failures) - len(cards),
        classes=load_bundle(settings.classifier).labels,
        failures=results.failures[:MOST_FAILURES],
    )
    with atomic_path(settings.output / REPORT) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _bars(histogram: np.ndarray, threshold: float) -> list[dict]:
    """For each bin, its height in percent of the highest on a square-root scale, so that few pictures show."""
    edges, highest = np.linspace(0, 1, BINS + 1), max(1, histogram.max())
    return [
        {
            "count": int(count),
            "low": low,
            "high": high,
            "height": 100 * np.sqrt(count / highest),
            "photo": low >= threshold,
        }
        for count, low, high in zip(histogram, edges[:-1], edges[1:], strict=True)
    ]


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
