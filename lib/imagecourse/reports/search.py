"""What a search over all chapters looks through: their sections as plain text, inside the page of the index."""

from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

BLOCKS = ["p", "pre", "td", "th", "li", "div", "figcaption", "summary"]
NOT_SEARCHED = ["nav", "footer", "style", "script", "svg"]


class Section(NamedTuple):
    """A part of a page between two headings. page: its file; chapter, title: headings; anchor: where it begins."""

    page: str
    chapter: str
    title: str
    anchor: str
    text: str


def sections(page: str, html: str, chapter: str) -> list[Section]:
    """The sections of a chapter's page, in their order; what stands before the second heading is the first one."""
    main = BeautifulSoup(html, "html.parser").find("main")
    for tag in main.find_all(NOT_SEARCHED):
        tag.decompose()
    for tag in main.find_all(BLOCKS):
        tag.append(" ")  # words of neighbours stay apart
    headings = main.find_all(["h1", "h2", "h3"], id=True)
    return [
        Section(page, chapter, _plain(heading.get_text()), heading["id"], _text_until(heading, after))
        for heading, after in zip(headings, [*headings[1:], None], strict=True)
    ]


def _text_until(heading: Tag, after: Tag | None) -> str:
    """The text behind a heading, up to the next one."""
    parts = []
    for node in heading.next_elements:
        if node is after:
            break
        if isinstance(node, str) and heading not in node.parents:
            parts.append(node)
    return _plain("".join(parts))


def _plain(text: str) -> str:
    return " ".join(text.split())
