"""Text: printed pages of made-up words, as a scanner sees them."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from imagecourse.samples.archive.canvas import clouds, ink_on, sheet, tilt

_FONTS = ("DejaVuSerif", "DejaVuSerif", "DejaVuSans", "STIXGeneral", "STIXGeneral", "DejaVuSansMono", "cmr10", "cmss10")
_FONTS += ("cmtt10", "STIXGeneralItalic", "DejaVuSerif-Italic")
_HEAVY_FONTS = ("DejaVuSerif-Bold", "DejaVuSans-Bold", "STIXGeneralBol", "cmb10")
_HANDWRITING = "STIXGeneralBolIta"
_VOCABULARY = """
    the the the of of and and to in a is was that for with as on by from at which archive letter harbour council page
    morning winter garden river market bridge school report measure copper lamp window journey captain orchard village
    signal printed paper engine weather portrait station museum history catalogue received ordered paid present copy
    under against before between without together seldom always perhaps therefore however
"""
_WORDS = tuple(_VOCABULARY.split())
_ONSETS = (*"bcdfghlmnprstv", "br", "cl", "dr", "gr", "pl", "st", "tr")
_VOWELS, _CODAS = ("a", "e", "i", "o", "u", "ea", "ou"), ("n", "r", "s", "t", "l", "nd", "st")
_INKS = [(25, 25, 28), (25, 25, 28), (50, 48, 50), (45, 35, 30), (30, 35, 75)]


def draw_text(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A page or a part of one: what kind of page it is and (size, size, 3) float32. `photographs` is not used."""
    name = _any(list(LAYOUTS), rng)
    cover = print_page(LAYOUTS[name], rng, size)
    ink = np.array(_INKS[rng.integers(len(_INKS))])
    page = sheet(rng, size)
    if rng.random() < 0.3:
        back = cv2.GaussianBlur(print_page(LAYOUTS["page"], rng, size)[:, ::-1], (0, 0), 1.2)
        page = ink_on(page, rng.uniform(0.08, 0.25) * back, ink)
    page = ink_on(page, cover * (1 - 0.35 * np.clip(clouds(rng, size, 60, octaves=2), 0, 1)), ink)
    if rng.random() < 0.2:
        page = ink_on(page, 0.75 * _stamp(rng, size), rng.choice([(170, 40, 50), (45, 60, 140)]))
    return name, page


def words(rng: np.random.Generator, count: int) -> list[str]:
    """Words of a plain vocabulary, one in four invented from syllables, with a full stop or comma here and there."""
    sentence = ["."]
    draws, picks = rng.random((count, 2)), rng.integers(len(_WORDS), size=count)
    for (invented, mark), pick in zip(draws, picks, strict=True):
        word = _invent(rng) if invented < 0.25 else _WORDS[pick]
        if sentence[-1].endswith("."):
            word = word.capitalize()
        sentence.append(word + ("." if mark < 0.08 else "," if mark < 0.16 else ""))
    return sentence[1:]


def _invent(rng: np.random.Generator) -> str:
    syllables = [_any(_ONSETS, rng) + _any(_VOWELS, rng) for _ in range(rng.integers(1, 4))]
    return "".join(syllables) + _any(_CODAS, rng)


def _any(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[rng.integers(len(choices))]


@cache
def font(name: str, pixels: int) -> ImageFont.FreeTypeFont:
    """A font that ships with matplotlib, e.g. "DejaVuSerif", at a height in pixels."""
    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"), pixels)


class _Page:
    """A sheet being printed at twice the final size; `pen` draws on it, `y` is where the next line goes."""

    def __init__(self, rng: np.random.Generator, side: int):
        self.rng, self.side = rng, side
        self.image = Image.new("L", (side, side), 0)
        self.pen = ImageDraw.Draw(self.image)
        self.text_height = round(side * rng.uniform(0.03, 0.085))
        self.face = font(_any(_FONTS, rng), self.text_height)
        self.leading = round(self.text_height * rng.uniform(1.15, 1.6))
        self.y = round(side * rng.uniform(-0.1, 0.12))

    def heading(self, left: int, right: int, scale: float) -> None:
        face = font(_any(_HEAVY_FONTS, self.rng), round(self.text_height * scale))
        text = " ".join(words(self.rng, self.rng.integers(2, 5))).strip(".,")
        start = left if self.rng.random() < 0.5 else max(left, (left + right - face.getlength(text)) / 2)
        self.pen.text((start, self.y), text, 255, face)
        self.y += round(self.text_height * scale * 1.6)

    def paragraph(self, left: int, right: int, lines: int, justified: bool = False) -> None:
        space = self.face.getlength("n") * 0.55
        for number in range(lines):
            line, length = [], 0.0
            reach = right - left if number < lines - 1 else (right - left) * self.rng.uniform(0.3, 0.9)
            for word in words(self.rng, 20):
                wide = self.face.getlength(word)
                if line and length + wide > reach:
                    break
                line.append((word, wide))
                length += wide + space
            gap = space + (reach - length + space) / max(1, len(line) - 1) * (justified and number < lines - 1)
            x = float(left)
            for word, wide in line:
                self.pen.text((x, self.y), word, 255, self.face)
                x += wide + gap
            self.y += self.leading


def print_page(layout: Callable[[_Page], None], rng: np.random.Generator, size: int) -> np.ndarray:
    """Set a page of a layout of `LAYOUTS`, lay it askew, look at it: cover of ink, (size, size) float32 in [0, 1]."""
    page = _Page(rng, 2 * size)
    layout(page)
    cover = tilt(np.asarray(page.image), rng)
    return cv2.resize(cover, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def _page(page: _Page) -> None:
    rng, side = page.rng, page.side
    left, right = round(side * rng.uniform(-0.05, 0.15)), round(side * rng.uniform(0.85, 1.1))
    justified = rng.random() < 0.6
    while page.y < side:
        if rng.random() < 0.3:
            page.heading(left, right, rng.uniform(1.1, 1.8))
        page.paragraph(left, right, int(rng.integers(3, 10)), justified)
        page.y += round(page.leading * rng.uniform(0.2, 0.9))


def _columns(page: _Page) -> None:
    rng, side = page.rng, page.side
    page.text_height = round(side * rng.uniform(0.03, 0.045))
    page.face = font(_any(_FONTS, rng), page.text_height)
    page.leading = round(page.text_height * 1.3)
    page.heading(round(0.05 * side), round(0.95 * side), rng.uniform(1.8, 3))
    top, count = page.y, int(rng.integers(2, 4))
    wide = 0.92 * side / count
    for column in range(count):
        page.y, left = top, round(0.04 * side + column * wide)
        while page.y < side:
            page.paragraph(left, round(left + 0.92 * wide), int(rng.integers(3, 9)), justified=True)
            page.y += page.leading // 2
        if column and rng.random() < 0.5:
            page.pen.line((left - 0.04 * wide, top, left - 0.04 * wide, side), 200, 2)


def _table(page: _Page) -> None:
    rng, side = page.rng, page.side
    page.heading(round(0.06 * side), round(0.94 * side), 1.3)
    rows = page.y + np.arange(rng.integers(5, 12)) * round(page.leading * 1.3)
    columns = np.cumsum([0.06 * side, *(side * rng.uniform(0.16, 0.34, rng.integers(2, 5)))])
    columns = columns * min(1, 0.96 * side / columns[-1])
    ruled = rng.random() < 0.6
    for row in rows:
        for left, right in pairwise(columns):
            first = left == columns[0] or row == rows[0]
            entry = words(rng, 1)[0].strip(".,") if first else f"{rng.gamma(2, 60):.{rng.integers(0, 3)}f}"
            while page.face.getlength(entry) > 0.9 * (right - left) and len(entry) > 2:
                entry = entry[:-1]
            page.pen.text((left + 0.05 * (right - left), row), entry, 255, page.face)
    across = [*(rows if ruled else rows[[0, 1]]), rows[-1] + page.leading * 1.3]
    for row in across:
        page.pen.line((columns[0], row - 4, columns[-1], row - 4), 220, 2)
    for column in columns if ruled else ():
        page.pen.line((column, rows[0] - 4, column, across[-1] - 4), 220, 2)
    page.y = round(across[-1] + page.leading)
    page.paragraph(round(columns[0]), round(0.94 * side), 8)


def _letter(page: _Page) -> None:
    rng, side = page.rng, page.side
    left, right = round(0.09 * side), round(0.93 * side)
    page.heading(left, right, 1.5)
    page.pen.text(
        (0.6 * side, page.y),
        f"{rng.integers(1, 29)}. {rng.integers(1, 13)}. {rng.integers(1870, 1995)}",
        255,
        page.face,
    )
    page.y += 2 * page.leading
    if rng.random() < 0.5:
        page.face = font(_HANDWRITING, round(page.text_height * 1.2))
    for _ in range(2):
        page.paragraph(left, right, int(rng.integers(2, 6)))
        page.y += page.leading // 2
    signature = font(_HANDWRITING, round(page.text_height * 1.8))
    page.pen.text((0.5 * side, page.y), _invent(rng).capitalize(), 255, signature)
    page.pen.arc((0.46 * side, page.y + page.leading, 0.9 * side, page.y + 2.2 * page.leading), 190, 330, 255, 3)


LAYOUTS: dict[str, Callable[[_Page], None]] = {"page": _page, "columns": _columns, "table": _table, "letter": _letter}
"""What kinds of page there are, by the name with which their files start."""


def _stamp(rng: np.random.Generator, size: int) -> np.ndarray:
    """A worn rubber stamp: cover of ink, (size, size) float32 in [0, 1]."""
    image = Image.new("L", (2 * size, 2 * size), 0)
    pen, x, y = ImageDraw.Draw(image), rng.uniform(0.6, 1.4) * size, rng.uniform(0.6, 1.4) * size
    wide, tall = 0.36 * size, rng.choice([0.12, 0.36]) * size
    shape = pen.ellipse if tall > 0.3 * size else pen.rectangle
    for margin in (0, 0.045 * size):
        shape((x - wide + margin, y - tall + margin, x + wide - margin, y + tall - margin), outline=255, width=4)
    face = font("DejaVuSans-Bold", round(0.085 * size))
    pen.text((x, y), _any(("RECEIVED", "PAID", "COPY", "ARCHIVE"), rng), 255, face, anchor="mm")
    turned = np.asarray(image.rotate(rng.normal(0, 15), center=(x, y)).resize((size, size))) / 255
    return turned.astype(np.float32) * np.clip(0.9 + 0.7 * clouds(rng, size, 20, octaves=2), 0, 1)
