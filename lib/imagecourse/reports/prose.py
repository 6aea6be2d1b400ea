"""Markdown to HTML: formulas become MathML, headings get readable anchors, and nothing points outside the page."""

import base64
import html
import mimetypes
import re
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag
from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

NUMBER = re.compile(r"[-−+±]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?( ?(%|dB|s|ms|px|MB))?|nan|inf|-inf|NaN|–|—", re.IGNORECASE)
LONG_TEXT = 40  # characters; longer texts in tables are broken between words
MATRIX = re.compile(
    r"<mo>(?P<bracket>&#x0005B;|&#x00028;|\|)</mo><mtable>(?P<rows>((?!<mtable).)*?)</mtable><mo>(&#x0005D;|&#x00029;|\|)</mo>"
)


class Heading(NamedTuple):
    """A heading of a page: level 1 to 6, plain text, anchor."""

    level: int
    text: str
    anchor: str


class Prose(IPythonRenderer):
    """Renders the markdown cells of one page and collects their headings on the way."""

    def __init__(self, folder: Path):
        """folder: where relative image addresses start."""
        super().__init__(escape=False)
        self.folder = folder
        self.headings: list[Heading] = []
        self._markdown = MarkdownWithMath(renderer=self)

    def to_html(self, source: str, attachments: dict | None = None) -> str:
        """HTML of a markdown text; attachments: a cell's own images by name."""
        self.attachments = attachments or {}
        return self.offline(self._markdown.render(source))

    def heading(self, text: str, level: int, **_attributes) -> str:
        """A heading with an anchor of its words, unique in the page."""
        words = BeautifulSoup(text, "html.parser").get_text()
        slug = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-") or "section"
        taken = sum(re.fullmatch(rf"{slug}(-\d+)?", heading.anchor) is not None for heading in self.headings)
        anchor = f"{slug}-{taken + 1}" if taken else slug
        self.headings.append(Heading(level, words, anchor))
        return f'<h{level} id="{anchor}">{text}</h{level}>\n'

    def inline_math(self, body: str) -> str:
        """A formula inside a line."""
        return mathml(body, "inline")

    def block_math(self, body: str) -> str:
        """A formula on its own line."""
        return mathml(body, "block")

    def latex_environment(self, name: str, body: str) -> str:
        """A LaTeX environment such as align."""
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def block_mermaidjs(self, code: str) -> str:
        """Mermaid needs a script from the network: its source is shown instead."""
        return f"<pre>{html.escape(code.strip())}</pre>"

    def offline(self, fragment: str) -> str:
        """HTML without scripts and outside addresses: images embedded, tables in frames that scroll sideways."""
        soup = BeautifulSoup(fragment, "html.parser")
        for tag in soup.find_all(["script", "link", "iframe", "object", "embed", "base", "meta"]):
            tag.decompose()
        for style in soup.find_all("style"):
            if style.has_attr("scoped") or re.search(r"@import|url\(", style.get_text()):
                style.decompose()
        for picture in soup.find_all(["img", "video", "audio", "source"]):
            self._embed(picture, soup)
        for table in soup.find_all("table"):
            self._frame_table(table, soup)
        return str(soup)

    def _embed(self, picture: Tag, soup: BeautifulSoup) -> None:
        address = str(picture.get("src", ""))
        picture.attrs.pop("srcset", None)
        picture.attrs.pop("poster", None)
        if address.startswith("data:"):
            return
        path = self.folder / address
        if re.match(r"(\w+:)?//", address):
            link = soup.new_tag("a", href=address)
            link.string = str(picture.get("alt") or address)
            picture.replace_with(link)
        elif path.is_file():
            picture["src"] = data_uri(mimetypes.guess_type(path)[0] or "image/png", path.read_bytes())
        else:
            picture.replace_with(str(picture.get("alt") or ""))

    def _frame_table(self, table: Tag, soup: BeautifulSoup) -> None:
        for tag in [table, *table.find_all("tr")]:
            tag.attrs.pop("border", None)
            tag.attrs.pop("style", None)
        for cell in table.find_all("td"):
            text = cell.get_text().strip()
            if NUMBER.fullmatch(text) or len(text) > LONG_TEXT:
                cell["class"] = [*cell.get("class", []), "number" if NUMBER.fullmatch(text) else "long"]
        _align_headers(table)
        section = self.headings[-1].text if self.headings else "results"
        frame = soup.new_tag("div", attrs={"class": "table", "role": "region", "tabindex": "0"})
        frame["aria-label"] = f"Table: {section}"
        table.wrap(frame)


def _align_headers(table: Tag) -> None:
    """Put column headers above their numbers, on the side where the first row has them."""
    body_row = next((row for row in table.find_all("tr") if row.find("td")), None)
    header_rows = table.thead.find_all("tr") if table.thead else []
    for header_row in header_rows:
        for header, cell in zip(
            header_row.find_all("th"), body_row.find_all(["th", "td"]) if body_row else [], strict=False
        ):
            if "number" in cell.get("class", []) and not header.has_attr("colspan"):
                header["class"] = [*header.get("class", []), "number"]


def mathml(latex: str, display: str) -> str:
    """A LaTeX formula as MathML, which browsers draw themselves; its source where the converter does not know it.

    display: "inline" or "block".
    """
    known = re.sub(r"\{(align|equation|gather)\}", r"{\1*}", latex.strip()).replace("{aligned}", "{align*}")
    known = re.sub(r"\\arg(?![a-z])", r"\\operatorname{arg}", known)
    try:
        formula = convert(known, xmlns="", display=display)
    except Exception:  # the converter raises many kinds, and a formula must not cost a page
        formula = "\\"
    if "\\" in formula:
        return f'<code class="latex">{html.escape(latex.strip())}</code>'
    formula = MATRIX.sub(_bracketed, formula.replace(' xmlns=""', ""))
    return f'<span class="formula">{formula}</span>' if display == "block" else formula


def _bracketed(match: re.Match) -> str:
    """A matrix whose brackets are drawn by the style sheet: only fonts made for mathematics can stretch them."""
    kind = {"[": "square", "(": "round", "|": "straight"}[html.unescape(match["bracket"])]
    return f'<mtable class="{kind}">{match["rows"]}</mtable>'


def data_uri(mime_type: str, content: bytes) -> str:
    """Bytes as an address that holds them."""
    return f"data:{mime_type};base64,{base64.b64encode(content).decode('ascii')}"
