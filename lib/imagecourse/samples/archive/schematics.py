"""Schematics: circuits, flow charts, plots and floor plans in thin lines, on paper or as blueprints."""

from collections.abc import Callable
from itertools import pairwise

import cv2
import numpy as np
from PIL import Image, ImageDraw

from imagecourse.samples.archive.canvas import ink_on, sheet, tilt
from imagecourse.samples.archive.text import font, words

_INKS = [(20, 20, 22), (20, 20, 22), (20, 20, 22), (45, 45, 50), (25, 35, 95), (110, 35, 30)]


def draw_schematics(rng: np.random.Generator, size: int, photographs: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """A technical drawing: what it shows and (size, size, 3) float32. `photographs` is not used."""
    name = str(rng.choice(list(DRAWINGS), p=[0.5, 0.2, 0.18, 0.12]))
    board = _Board(rng, size)
    DRAWINGS[name](board)
    cover = cv2.resize(tilt(np.asarray(board.image), rng), (size, size), interpolation=cv2.INTER_AREA)
    cover = np.clip(cover.astype(np.float32) / 255 * rng.uniform(0.9, 1.3), 0, 1)
    paper, ink = sheet(rng, size), np.array(_INKS[rng.integers(len(_INKS))])
    if rng.random() < 0.12:
        paper, ink = paper * np.array([0.13, 0.27, 0.52], np.float32), np.array([225, 235, 245])
    return name, ink_on(paper, cover, ink)


class _Board:
    """A drawing board at three times the final size, used in fractions of its side."""

    def __init__(self, rng: np.random.Generator, size: int):
        self.rng, self.side = rng, 3 * size
        self.image = Image.new("L", (self.side, self.side), 0)
        self.pen = ImageDraw.Draw(self.image)
        self.width = max(1, round(self.side * rng.uniform(0.004, 0.009)))
        self.letters = str(rng.choice(["DejaVuSans", "STIXGeneral", "STIXGeneralItalic", "DejaVuSansMono", "cmr10"]))

    def line(self, *points: tuple[float, float], scale: float = 1) -> None:
        thick = max(1, round(self.width * scale))
        self.pen.line([(x * self.side, y * self.side) for x, y in points], 255, thick, joint="curve")

    def circle(self, x: float, y: float, radius: float, filled: bool = False) -> None:
        box = [self.side * edge for edge in (x - radius, y - radius, x + radius, y + radius)]
        self.pen.ellipse(box, fill=255 if filled else 0, outline=255, width=self.width)

    def polygon(self, *points: tuple[float, float], fill: int = 0) -> None:
        """An outline filled with `fill`, 0 (hides what is below) to 255."""
        self.pen.polygon([(x * self.side, y * self.side) for x, y in points], fill=fill)
        self.line(*points, points[0])

    def label(self, x: float, y: float, text: str, height: float = 0.04) -> None:
        """Letters around a point; `height` in fractions of the side."""
        self.pen.text(
            (x * self.side, y * self.side), text, 255, font(self.letters, round(height * self.side)), anchor="mm"
        )

    def arrow(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        along = np.subtract(end, start) / (np.hypot(*np.subtract(end, start)) + 1e-9)
        side = np.array([-along[1], along[0]])
        self.line(start, end)
        back = np.array(end) - 0.03 * along
        self.polygon(tuple(end), tuple(back + 0.012 * side), tuple(back - 0.012 * side), fill=255)


def _circuit(board: _Board) -> None:
    """A grid of nodes; between neighbours a wire, a part or nothing."""
    rng = board.rng
    columns, rows = rng.integers(3, 6), rng.integers(2, 5)
    x = np.linspace(rng.uniform(0.08, 0.15), rng.uniform(0.85, 0.92), columns)
    y = np.linspace(rng.uniform(0.1, 0.2), rng.uniform(0.78, 0.88), rows)
    board.european, counts = rng.random() < 0.4, dict.fromkeys("RCLDV", 0)
    for i in range(columns):
        for j in range(rows):
            if i + 1 < columns and rng.random() < (1 if j in (0, rows - 1) else 0.5):
                _place_part(board, (x[i], y[j]), (x[i + 1], y[j]), counts, wire=0.45)
            if j + 1 < rows and rng.random() < (1 if i in (0, columns - 1) else 0.65):
                _place_part(board, (x[i], y[j]), (x[i], y[j + 1]), counts, wire=0.15)
            if rng.random() < 0.4:
                board.circle(x[i], y[j], 0.009, filled=True)
    for reach, below in ((0.04, 0.04), (0.025, 0.052), (0.01, 0.064)):
        board.line((x[1] - reach, y[-1] + below), (x[1] + reach, y[-1] + below))
    board.line((x[1], y[-1]), (x[1], y[-1] + 0.04))


def _place_part(board: _Board, start: tuple, end: tuple, counts: dict[str, int], wire: float) -> None:
    """A part in the middle of two leads with its name and perhaps its value, or just a wire."""
    if board.rng.random() < wire:
        return board.line(start, end)
    start, end = np.array(start), np.array(end)
    along = (end - start) / np.hypot(*(end - start))
    across, middle = np.array([-along[1], along[0]]), (start + end) / 2
    kind = str(board.rng.choice(list(counts), p=[0.4, 0.25, 0.12, 0.13, 0.1]))
    counts[kind] += 1

    def at(forward: float, sideways: float) -> tuple[float, float]:
        return tuple(middle + forward * along + sideways * across)

    half = 0.012 if kind == "C" else 0.045
    board.line(tuple(start), at(-half, 0))
    board.line(at(half, 0), tuple(end))
    _PARTS[kind](board, at)
    unit = {"R": "k", "C": "n", "L": "m", "D": "", "V": "V"}[kind]
    text = f"{kind}{counts[kind]}" if board.rng.random() < 0.7 or not unit else f"{board.rng.integers(1, 99)}{unit}"
    board.label(*at(0, -0.055 - 0.025 * abs(across[0])), text, 0.036)


def _resistor(board: _Board, at: Callable) -> None:
    if board.european:
        return board.polygon(at(-0.045, -0.018), at(0.045, -0.018), at(0.045, 0.018), at(-0.045, 0.018))
    zigzag = [at(-0.045 + 0.0075 * (2 * k + 1), 0.022 * (-1) ** k) for k in range(6)]
    return board.line(at(-0.045, 0), *zigzag, at(0.045, 0))


def _capacitor(board: _Board, at: Callable) -> None:
    for side in (-0.012, 0.012):
        board.line(at(side, -0.035), at(side, 0.035), scale=1.4)


def _inductor(board: _Board, at: Callable) -> None:
    turns = np.linspace(0, 4 * np.pi, 60)
    board.line(*[at(-0.045 + 0.09 * turn / (4 * np.pi), -0.028 * abs(np.sin(turn))) for turn in turns])


def _diode(board: _Board, at: Callable) -> None:
    board.line(at(-0.045, 0), at(0.045, 0))
    board.polygon(at(-0.025, -0.028), at(-0.025, 0.028), at(0.025, 0), fill=255 if board.european else 0)
    board.line(at(0.025, -0.03), at(0.025, 0.03))


def _source(board: _Board, at: Callable) -> None:
    board.circle(*at(0, 0), 0.045)
    board.line(at(-0.03, 0), at(-0.012, 0))
    board.line(at(-0.021, -0.009), at(-0.021, 0.009))
    board.line(at(0.021, -0.011), at(0.021, 0.011))


_PARTS = {"R": _resistor, "C": _capacitor, "L": _inductor, "D": _diode, "V": _source}


def _flow_chart(board: _Board) -> None:
    rng = board.rng
    count, lanes = int(rng.integers(3, 6)), int(rng.integers(1, 3))
    pitch, wide = 0.9 / count, rng.uniform(0.14, 0.19)
    for lane in range(lanes):
        x = 0.5 if lanes == 1 else (0.26, 0.74)[lane]
        for step in range(count):
            y, tall = 0.05 + pitch * (step + 0.5), 0.3 * pitch
            choice = rng.random() < 0.3
            if choice:
                board.polygon((x - wide, y), (x, y - 1.2 * tall), (x + wide, y), (x, y + 1.2 * tall))
            elif step in (0, count - 1):
                box = [edge * board.side for edge in (x - wide, y - tall, x + wide, y + tall)]
                board.pen.rounded_rectangle(box, radius=tall * board.side, outline=255, width=board.width)
            else:
                board.polygon((x - wide, y - tall), (x + wide, y - tall), (x + wide, y + tall), (x - wide, y + tall))
            board.label(x, y, words(rng, 1)[0].strip(".,")[:8], 0.042)
            if step + 1 < count:
                board.arrow((x, y + tall * (1.2 if choice else 1)), (x, y + pitch - 1.2 * tall))
            if choice and lanes == 2:
                board.arrow((x + (wide if lane == 0 else -wide), y), (0.57 if lane == 0 else 0.43, y))


def _plot(board: _Board) -> None:
    rng = board.rng
    left, bottom, right, top = 0.15, 0.84, 0.93, rng.uniform(0.1, 0.2)
    if rng.random() < 0.5:
        board.line((left, top), (right, top), (right, bottom), scale=0.7)
    board.arrow((left, bottom), (left, top - 0.02))
    board.arrow((left, bottom), (right + 0.02, bottom))
    grid = rng.random() < 0.4
    for tick in np.linspace(0, 1, rng.integers(4, 8))[:-1]:
        x, y = left + tick * (right - left), bottom - tick * (bottom - top)
        board.line((x, bottom + 0.012), (x, top if grid else bottom), scale=0.5)
        board.line((left - 0.012, y), (right if grid else left, y), scale=0.5)
        board.label(x, bottom + 0.045, f"{tick * 10:.0f}", 0.035)
        board.label(left - 0.055, y, f"{tick:.1f}", 0.035)
    board.label(0.54, 0.05, " ".join(words(rng, 2)).strip(".,"), 0.048)
    draw_data = _bars if rng.random() < 0.35 else _curves
    draw_data(board, left, bottom, right, top)


def _bars(board: _Board, left: float, bottom: float, right: float, top: float) -> None:
    edges = np.linspace(left + 0.03, right - 0.03, board.rng.integers(5, 10))
    for start, end in pairwise(edges):
        level, stop = bottom - board.rng.uniform(0.1, 0.95) * (bottom - top), start + 0.75 * (end - start)
        shade = int(board.rng.choice([0, 90, 255]))
        board.polygon((start, bottom), (start, level), (stop, level), (stop, bottom), fill=shade)


def _curves(board: _Board, left: float, bottom: float, right: float, top: float) -> None:
    rng, x = board.rng, np.linspace(0, 1, 60)
    for _ in range(rng.integers(1, 4)):
        wave = rng.uniform(0.02, 0.2) * np.sin(rng.uniform(2, 16) * x + rng.uniform(0, 6))
        noise = rng.choice([0, 0.03]) * rng.normal(0, 1, len(x))
        curve = np.clip(rng.uniform(0.2, 0.8) + rng.normal(0, 0.25) * x + wave + noise, 0, 1)
        drawn = np.column_stack([left + x * (right - left), bottom - curve * (bottom - top)])
        board.line(*map(tuple, drawn), scale=1.3)
        for point in drawn[::8] if rng.random() < 0.4 else ():
            board.circle(*point, 0.012)


def _floor_plan(board: _Board) -> None:
    rng = board.rng
    left, right, top, bottom = 0.1, 0.9, rng.uniform(0.1, 0.2), rng.uniform(0.75, 0.88)
    x, y = rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.6)
    board.line((left, top), (right, top), (right, bottom), (left, bottom), (left, top), scale=2.5)
    board.line((x, top), (x, bottom), scale=2)
    board.line((left, y), (right, y), scale=2)
    for middle_x, middle_y, turn in (
        (x, (top + y) / 2, 0),
        ((left + x) / 2, y, 90),
        ((x + right) / 2, y, 90),
        (x, (y + bottom) / 2, 0),
    ):
        reach = 0.06
        gap = (
            [(middle_x, middle_y - reach), (middle_x, middle_y + reach)]
            if turn == 0
            else [(middle_x - reach, middle_y), (middle_x + reach, middle_y)]
        )
        board.pen.line([(a * board.side, b * board.side) for a, b in gap], 0, 3 * board.width)
        box = [
            edge * board.side
            for edge in (gap[0][0] - 2 * reach, gap[0][1] - 2 * reach, gap[0][0] + 2 * reach, gap[0][1] + 2 * reach)
        ]
        board.pen.arc(box, 0, 90, 255, max(1, board.width // 2))
    for room_x, room_y in (
        ((left + x) / 2, (top + y) / 2),
        ((x + right) / 2, (top + y) / 2),
        ((x + right) / 2, (y + bottom) / 2),
    ):
        board.label(room_x, room_y, words(rng, 1)[0].strip(".,")[:7], 0.042)
    board.arrow((0.5, bottom + 0.06), (left, bottom + 0.06))
    board.arrow((0.5, bottom + 0.06), (right, bottom + 0.06))
    board.label(0.5, bottom + 0.09, f"{rng.uniform(4, 20):.2f} m", 0.04)


DRAWINGS: dict[str, Callable[[_Board], None]] = {
    "circuit": _circuit, "flowchart": _flow_chart, "plot": _plot, "floorplan": _floor_plan,
}  # fmt: skip
"""What kinds of drawing there are, by the name with which their files start."""
