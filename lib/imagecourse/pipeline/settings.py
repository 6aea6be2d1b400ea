"""What a run of the pipeline is asked for, and the row it writes for each page."""

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

COLUMNS = (
    "file",
    "page",
    "output",
    "class",
    "probability",
    "caption",
    "noise_before",
    "blur_before",
    "noise_after",
    "blur_after",
    "plan",
    "seconds",
    "error",
)
"""Of results.csv. `probability` is that of a photograph; noise is in grey levels, blur in pixels."""
PHOTO, UNSURE = "Photo", "unsure"
DECIMALS = 4


@dataclass(frozen=True)
class Settings:
    """What is done to each page, and where it goes.

    source, output: folders that every worker sees under the same path. method: see `restoration.choice`.
    classifier: model folder with a class Photo. threshold: a page is a photograph from this probability on.
    captioner: model folder, or None for no captions. embed_captions: write them into the copies, too.
    threads: of each worker's networks.
    """

    source: Path
    output: Path
    method: str = "auto"
    classifier: str = "photo-filter"
    threshold: float = 0.5
    captioner: str | None = None
    embed_captions: bool = False
    threads: int = field(default=1, compare=False)

    def as_json(self) -> dict:
        """What a run must have been begun with to be resumed: all that changes a result."""
        values = {name: value for name, value in asdict(self).items() if name not in ("output", "threads")}
        return values | {"source": os.path.realpath(self.source)}
