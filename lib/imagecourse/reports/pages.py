"""Whole pages: a chapter from its executed notebook, and the index of all chapters."""

import base64
import io
import re
from collections.abc import Sequence
from pathlib import Path

from bs4 import BeautifulSoup
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from nbformat import NotebookNode
from PIL import Image
from pygments.formatters import HtmlFormatter

from imagecourse.reports.cells import PICTURES, picture_address, to_blocks
from imagecourse.reports.prose import Prose, data_uri
from imagecourse.reports.search import Section

COVER_WIDTH = 760  # pixels: twice the width of a card, for sharp screens
KEY_FIGURES = 4
ABBREVIATIONS = {"psnr", "ssim", "mae", "rmse", "mse", "auc", "bleu", "cider", "cnn", "f1", "id", "knn", "roc", "iou"}


def chapter_page(notebook: NotebookNode, folder: Path, run: dict, before: dict | None, after: dict | None) -> str:
    """HTML of one chapter.

    folder: of the notebook's source, where its relative images start. run: its entry of runs.json.
    before, after: entries of the neighbouring chapters, None at the ends.
    """
    prose = Prose(folder)
    blocks = to_blocks(notebook, prose)
    title = prose.headings[0].text if prose.headings else run["name"]
    contents = [heading for heading in prose.headings[1:] if heading.level in (2, 3)]
    page = page_environment().get_template("chapter.html")
    return page.render(title=title, blocks=blocks, contents=contents, run=run, before=before, after=after)


def index_page(chapters: list[dict], versions: dict[str, str], searched: Sequence[Section]) -> str:
    """HTML of the index, with the search.

    chapters: runs.json entries, each with `title`, `summary`, `cover` and `metrics` besides. searched: of all chapters.
    """
    seeds = sorted({str(chapter["seed"]) for chapter in chapters if chapter["seed"] is not None})
    failed = sum(not chapter["passed"] for chapter in chapters)
    seconds = sum(chapter["seconds"] for chapter in chapters)
    environment = page_environment()
    script = Markup(environment.get_template("search.js").render())
    facts = {"chapters": chapters, "versions": versions, "seeds": seeds, "failed": failed, "seconds": seconds}
    page = environment.get_template("index.html")
    return page.render(**facts, sections=[section._asdict() for section in searched], search_script=script)


def introduction(notebook: NotebookNode) -> tuple[str, str]:
    """Title (without its number) and first sentence of a notebook's first cell; plain text, empty where missing."""
    source = next((cell.source for cell in notebook.cells if cell.cell_type == "markdown" and _is_own(cell)), "")
    page = BeautifulSoup(Prose(Path()).to_html(source), "html.parser")
    title = page.find(re.compile("^h[1-6]$"))
    paragraph = page.find("p")
    summary = " ".join(paragraph.get_text().split()) if paragraph else ""
    words = re.sub(r"^\d+\s*[·.:–-]\s*", "", title.get_text()) if title else ""
    return words, re.split(r"(?<=[.!?])\s", summary)[0]


def _is_own(cell: NotebookNode) -> bool:
    return "papermill-error-cell-tag" not in cell.metadata.get("tags", [])


def cover(notebook: NotebookNode, figures_dir: Path) -> str:
    """Data address of a chapter's picture: its `cover.png`, otherwise its first figure; empty where it has none."""
    path = figures_dir / "cover.png"
    if path.is_file():
        return _thumbnail(path.read_bytes())
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    data = next((output.data for output in outputs if any(name in output.get("data", {}) for name in PICTURES)), {})
    if not data or "image/svg+xml" in data:
        return picture_address(data)
    return _thumbnail(base64.b64decode(data.get("image/png") or data["image/jpeg"]))


def _thumbnail(content: bytes) -> str:
    picture = Image.open(io.BytesIO(content)).convert("RGBA")
    page = Image.new("RGBA", picture.size, "white")
    page.alpha_composite(picture)
    page.thumbnail((COVER_WIDTH, COVER_WIDTH))
    stream = io.BytesIO()
    page.convert("RGB").save(stream, "JPEG", quality=88)
    return data_uri("image/jpeg", stream.getvalue())


def key_figures(metrics: dict) -> dict[str, str]:
    """The first plain numbers of a chapter's metrics, with names and digits for readers."""
    numbers = {name: value for name, value in metrics.items() if type(value) in (int, float)}
    return {readable_name(name): readable_number(numbers[name]) for name in list(numbers)[:KEY_FIGURES]}


def readable_name(name: str) -> str:
    """`psnr_gain_db` becomes `PSNR gain (dB)`."""
    words = [word.upper() if word in ABBREVIATIONS else word for word in name.split("_")]
    if words[-1] == "db":
        words[-1] = "(dB)"
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def readable_number(value: float) -> str:
    """Three digits that count; thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 1000 or isinstance(value, int) else f"{value:.3g}"


def readable_time(seconds: float) -> str:
    """`48 s`, `3 min 05 s` or `1 h 02 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s" if seconds >= 1 else "under 1 s"


def page_environment() -> Environment:
    """What renders the templates of this room, in the style of the reports."""
    environment = Environment(
        loader=PackageLoader("imagecourse.reports", ""),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(key_figures=key_figures, readable_time=readable_time)
    environment.globals["style"] = Markup(_style(environment))
    return environment


def _style(environment: Environment) -> str:
    light = HtmlFormatter(style="default").get_style_defs(".code")
    dark = HtmlFormatter(style="github-dark").get_style_defs(".code")
    own = environment.get_template("style.css").render()
    return f"{light}\n@media screen and (prefers-color-scheme: dark) {{\n{dark}\n}}\n{own}"
