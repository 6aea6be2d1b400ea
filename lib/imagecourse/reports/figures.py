"""The pictures that the project's own pages show: taken from a report, made small, and told from which models they are."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from PIL import Image

import imagecourse
from imagecourse.files import atomic_path, read_json, write_json
from imagecourse.reports.run import FIGURES, Run

PAGES = ("README.md", "README.fr.md", "README.es.md", "models/README.md", "docs/*.md")
SHOWN = re.compile(rf"\((?:\.\./)?({FIGURES}/[^)\s]+\.png)\)")
SOURCES = "sources.json"
COLOURS = 256


def shown_figures(project: Path) -> set[str]:
    """The pictures below figures/ that the project's pages show, as paths from the project's folder."""
    pages = [path for pattern in PAGES for path in project.glob(pattern)]
    return {name for page in pages for name in SHOWN.findall(page.read_text(encoding="utf-8"))}


def renew_figures(runs: Iterable[Run], reports: str | os.PathLike, project: Path | None = None) -> list[Path]:
    """Take the figures that pages show from the reports of these chapters; gives those that were written.

    They become PNG with a palette; figures/sources.json tells for each the models that its chapter showed, with the
    hash of their cards. What no page shows any more goes.
    """
    project = project or Path(imagecourse.__file__).parents[2]
    shown = shown_figures(project)
    sources = {name: source for name, source in read_json(project / FIGURES / SOURCES, {}).items() if name in shown}
    written = []
    for run in runs:
        cards = card_hashes(project, run.parameters)
        for name in sorted(name for name in shown if name.startswith(f"{run.figures_dir}/")):
            _write_small(Path(reports, name), project / name)
            sources[name] = {"chapter": run.name, "models": cards}
            written.append(project / name)
    for path in (project / FIGURES).rglob("*.png"):
        if path.relative_to(project).as_posix() not in shown:
            path.unlink()
    write_json(project / FIGURES / SOURCES, dict(sorted(sources.items())))
    return written


def card_hashes(project: Path, parameters: dict) -> dict[str, str]:
    """Model -> SHA-256 of its card, for those that a chapter's parameters name."""
    values = [value for given in parameters.values() for value in (given if isinstance(given, list) else [given])]
    cards = {value: project / "models" / value / "card.json" for value in values if isinstance(value, str) and value}
    return {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in cards.items() if path.is_file()}


def _write_small(source: Path, destination: Path) -> None:
    picture = Image.open(source).convert("RGB").quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    with atomic_path(destination) as temporary:
        picture.save(temporary, "PNG", optimize=True)
