"""Notebook cells to blocks that the page templates lay out: prose, code, outputs, grading badges."""

import ast
import base64
import html
import re

from bs4 import BeautifulSoup
from nbconvert.filters import ansi2html
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from imagecourse.reports.prose import Prose, data_uri, mathml

PICTURES = ("image/svg+xml", "image/png", "image/jpeg")
LONG_CELL = 20  # lines; longer code is folded
GREETINGS = re.compile(r"WARNING: All log messages before absl|I\d{4} \d\d:")
HIDDEN = "hide-input"  # the tag of cells that only build sentences
CAPTION = re.compile(r"^[*_]*(figure|fig\.)|^[*_][^*_].*[*_]$", re.IGNORECASE | re.DOTALL)


def to_blocks(notebook: NotebookNode, prose: Prose) -> list[dict]:
    """The blocks of a page, one per cell that has something to show.

    Each has `kind` ("prose", "code", "parameters"), `html`, `badge` ("" where not graded), `folded` (summary line
    of code to hide at first, or ""), `code_last` (whether what a cell gave goes before its code: cells tagged
    `hide-input`) and `outputs`: dicts with `kind` ("figure", "prose", "html", "text", "quiet", "error"), `html`, and
    for figures `caption`.
    """
    cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in cell.metadata.get("tags", [])]
    blocks = [_block(cell, prose) for cell in cells]
    return [block for block in blocks if block["html"] or block["outputs"]]


def _block(cell: NotebookNode, prose: Prose) -> dict:
    block = {"kind": "prose", "badge": badge(cell), "folded": "", "outputs": [], "id": cell.get("id", "")}
    block["code_last"] = HIDDEN in cell.metadata.get("tags", [])
    if cell.cell_type == "markdown":
        return block | {"html": prose.to_html(cell.source, cell.get("attachments"))}
    if cell.cell_type != "code":
        return block | {"html": ""}
    if "injected-parameters" in cell.metadata.get("tags", []):
        return block | {"kind": "parameters", "html": _run_with(cell.source)}
    code = highlight(cell.source, PythonLexer(), HtmlFormatter(nowrap=True)) if cell.source.strip() else ""
    return block | {"kind": "code", "html": code, "folded": _fold(cell), "outputs": to_outputs(cell, prose)}


def badge(cell: NotebookNode) -> str:
    """What a graded cell is for, with its points; empty for other cells."""
    grading = cell.metadata.get("nbgrader", {})
    points = f" · {grading['points']:g} points".replace(" 1 points", " 1 point") if grading.get("points") else ""
    if grading.get("task") or (grading.get("grade") and grading.get("solution")):
        return f"Exercise, marked by hand{points}"
    if grading.get("grade"):
        return f"Tests{points}"
    if grading.get("solution"):
        return "Solution"
    return "Exercise" if grading else ""


def _fold(cell: NotebookNode) -> str:
    lines = cell.source.count("\n") + 1
    grading = cell.metadata.get("nbgrader", {})
    if "hide-input" in cell.metadata.get("tags", []):
        return "Show the code"
    if grading.get("solution"):
        return "Show the solution"
    if grading.get("grade"):
        return "Show the tests"
    if HIDDEN in cell.metadata.get("tags", []):
        return "Show the code"
    return f"Show the code ({lines} lines)" if lines > LONG_CELL else ""


def _run_with(source: str) -> str:
    """The injected parameters as a line, without the folders, which say nothing to a reader."""
    assignments = [node for node in ast.parse(source).body if isinstance(node, ast.Assign)]
    settings = [ast.unparse(node) for node in assignments if not ast.unparse(node.targets[0]).endswith("_dir")]
    return " ".join(f"<code>{html.escape(setting)}</code>" for setting in settings)


def to_outputs(cell: NotebookNode, prose: Prose) -> list[dict]:
    """What a code cell gave, ready to lay out; neighbouring pieces of one stream are joined."""
    outputs: list[dict] = []
    for output in cell.outputs:
        new = _output(output, prose)
        last = outputs[-1] if outputs else {"kind": ""}
        if new["kind"] == last["kind"] == "quiet" or (new["kind"] == last["kind"] == "text" and "name" in output):
            last["html"] += new["html"]
        elif last["kind"] == "figure" and not last["caption"] and new.get("is_caption"):
            last["caption"] = new["html"]
        elif new["html"]:
            outputs.append(new)
    for output in outputs:
        if output["kind"] == "figure":
            output["html"] = _figure(output, prose)
    return outputs


def _output(output: NotebookNode, prose: Prose) -> dict:
    if output.output_type == "stream":
        text = final_text(output.text)
        return {
            "kind": "quiet" if output.name == "stderr" else "text",
            "html": str(ansi2html(text)) if text.strip() else "",
        }
    if output.output_type == "error":
        return {"kind": "error", "html": str(ansi2html("\n".join(output.traceback)))}
    return _rich_output(output.data, output.metadata, prose)


def _rich_output(data: dict, metadata: dict, prose: Prose) -> dict:
    picture = next((mime_type for mime_type in PICTURES if mime_type in data), None)
    if "application/vnd.jupyter.widget-view+json" in data:
        return {"kind": "html", "html": ""}
    if "text/html" in data:
        return {"kind": "html", "html": prose.offline(data["text/html"])}
    if picture:
        return {
            "kind": "figure",
            "html": picture_address(data),
            "caption": "",
            "alt": metadata.get(picture, {}).get("alt", ""),
        }
    if "text/markdown" in data:
        source = data["text/markdown"].strip()
        return {"kind": "prose", "html": prose.to_html(source), "is_caption": CAPTION.search(source) is not None}
    if "text/latex" in data:
        return {"kind": "prose", "html": mathml(data["text/latex"].strip("$ \n"), "block")}
    return {"kind": "text", "html": str(ansi2html(data.get("text/plain", "")))}


def picture_address(data: dict) -> str:
    """The picture of a display output as a data address; empty where there is none."""
    if "image/svg+xml" in data:
        return data_uri("image/svg+xml", data["image/svg+xml"].encode())
    mime_type = next((name for name in PICTURES if name in data), None)
    return data_uri(mime_type, base64.b64decode(data[mime_type])) if mime_type else ""


def _figure(output: dict, prose: Prose) -> str:
    section = prose.headings[-1].text if prose.headings else "this chapter"
    caption = BeautifulSoup(output["caption"], "html.parser").get_text().strip()
    alternative = html.escape(output["alt"] or caption or f"Figure for “{section}”", quote=True)
    return f'<img src="{output["html"]}" alt="{alternative}">'


def final_text(text: str) -> str:
    """What a terminal would show at the end of a text in which bars go back over their own line.

    Without the lines by which TensorFlow says hello: what cards and settings it found, not what went wrong.
    """
    lines = (re.split(r"[\r\b]+", line.rstrip("\r\b "))[-1] for line in text.split("\n"))
    return "\n".join(line for line in lines if not GREETINGS.match(line))
