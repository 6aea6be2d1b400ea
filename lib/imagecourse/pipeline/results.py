"""The record of a run: results.csv, and what a report needs to know of its rows, however many there are."""

import csv
import heapq
from collections import Counter
from collections.abc import Sequence

import numpy as np

from imagecourse.files import atomic_path
from imagecourse.pipeline.ledger import Ledger
from imagecourse.pipeline.pages import Page
from imagecourse.pipeline.settings import COLUMNS, PHOTO, Settings

TABLE = "results.csv"
SHOWN = 120
"""Of the least certain pictures."""
BINS = 20


class Results:
    """Rows counted one by one.

    pages: how many. classes: how often each. restored: how many were changed. failures: rows with an error.
    histogram: (BINS,) int, how often the probability of a photograph lies in each bin between 0 and 1.
    """

    def __init__(self, threshold: float):
        self.threshold = threshold
        self.pages, self.restored, self.classes = 0, 0, Counter()
        self.failures: list[dict] = []
        self.histogram = np.zeros(BINS, int)
        self._doubtful: list[tuple[float, int, dict]] = []

    def add(self, row: dict) -> None:
        """Count one row of the table."""
        self.pages += 1
        if row["error"]:
            self.failures.append(row)
            return
        self.classes[row["class"]] += 1
        self.restored += "untouched" not in row["plan"]
        self.histogram[min(BINS - 1, int(row["probability"] * BINS))] += 1
        doubt = -abs(row["probability"] - self.threshold)
        keep = heapq.heappush if len(self._doubtful) < SHOWN else heapq.heappushpop
        keep(self._doubtful, (doubt, -self.pages, row))

    @property
    def least_certain(self) -> list[dict]:
        """At most SHOWN rows whose probability of a photograph is nearest to the threshold, nearest first."""
        return [row for *_, row in sorted(self._doubtful, reverse=True)]

    @property
    def counts(self) -> dict[str, int]:
        """For people: pages, photographs, each other class, restored, failed."""
        others = {name: count for name, count in self.classes.most_common() if name != PHOTO}
        found = {"pages": self.pages, "photographs": self.classes[PHOTO], **others}
        return found | {"restored": self.restored, "failed": len(self.failures)}


def write_results(pages: Sequence[Page], ledger: Ledger, settings: Settings) -> Results:
    """Write results.csv, a row for each page in their order, and count the rows."""
    results = Results(settings.threshold)
    with atomic_path(settings.output / TABLE) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        for page in pages:
            row = ledger.entry(page)["row"]
            writer.writerow(row)
            results.add(row)
    return results
