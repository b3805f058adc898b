"""A sheet to draw on: shapes with the words that appear on hovering, text that fits, a legend that wraps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from llmopt.report.drawing.style import LAYERS
from llmopt.report.text import cell_width, clean

CHARACTER = 7.2
"""Width of a character of 12 px, on average in a wide font."""
BOLD = 1.15
"""How much wider it is when it is bold."""
LINE = 18
"""Height of a line of text."""
SHAPES = 4


class Canvas:
    """Collects the parts of one drawing."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.parts: list[str] = []

    def text(self, left: float, top: float, words: str, anchor: str = "start", style: str = "") -> None:
        """Write words; `anchor` says whether `left` is their start, middle or end."""
        named = f' class="{style}"' if style else ""
        at = f'x="{left:.1f}" y="{top:.1f}"'
        self.parts.append(f'<text{named} {at} text-anchor="{anchor}">{safe(words)}</text>')

    def path(self, style: str, steps: str) -> None:
        """Draw a line."""
        self.parts.append(f'<path class="{style}" d="{steps}"/>')

    def bar(self, style: str, left: float, top: float, wide: float, high: float, said: str) -> None:
        """Draw a filled rectangle that says something on hovering."""
        shape = f"M{left:.1f} {top:.1f}h{wide:.1f}v{high:.1f}h{-wide:.1f}z"
        self.parts.append(f'<path class="{style}" d="{shape}"><title>{safe(said)}</title></path>')

    def trail(self, number: int, places: Sequence[tuple[float, float]]) -> None:
        """Join the points of a series."""
        points = " ".join(f"{left:.1f},{top:.1f}" for left, top in places)
        dash = " dash" if number % 2 else ""
        self.parts.append(f'<polyline class="s{number % LAYERS} trail{dash}" points="{points}"/>')

    def mark(self, number: int, left: float, top: float, said: str = "") -> None:
        """Draw a circle, a square, a triangle or a diamond, as the number of the series says."""
        style = f'class="s{number % LAYERS} mark"'
        title = f"<title>{safe(said)}</title>" if said else ""
        if number % SHAPES == 0:
            self.parts.append(f'<circle {style} cx="{left:.1f}" cy="{top:.1f}" r="4">{title}</circle>')
            return
        corners, turn = {1: (4, 45), 2: (3, -90), 3: (4, 0)}[number % SHAPES]
        angles = [math.radians(turn + 360 * corner / corners) for corner in range(corners)]
        points = " ".join(f"{left + 5 * math.cos(angle):.1f},{top + 5 * math.sin(angle):.1f}" for angle in angles)
        self.parts.append(f'<polygon {style} points="{points}">{title}</polygon>')

    def drawn(self, name: str, title: str, words: str, height: float) -> str:
        """Return everything as one `<svg>` that a screen reader reads out."""
        key = "".join(character if character.isalnum() else "-" for character in f"{name}-{self.width}")
        head = (
            f'<svg viewBox="0 0 {self.width} {height:.0f}" width="{self.width}" '
            f'height="{height:.0f}" role="img" aria-labelledby="{key}-title {key}-desc">'
        )
        described = (
            f'<title id="{key}-title">{safe(title)}</title>',
            f'<desc id="{key}-desc">{safe(words)}</desc>',
        )
        return "\n".join((head, *described, *self.parts, "</svg>"))


def safe(words: str) -> str:
    """Return words as the text of an element."""
    return escape(clean(words))


def width_of(words: str) -> float:
    """Return about how wide words are, in pixels."""
    return CHARACTER * cell_width(clean(words))


def clipped(words: str, room: float) -> str:
    """Return words that fit into so many pixels, the end left out where they are longer."""
    shown = clean(words)
    if width_of(shown) <= room:
        return shown
    most = max(int(room / CHARACTER) - 2, 1)
    while most > 1 and cell_width(shown[:most]) > most:
        most -= 1
    return f"{shown[:most].rstrip()}.."


def flowed(widths: Sequence[float], left: float, right: float) -> list[tuple[float, int]]:
    """Return where entries of a legend go: their left edges and lines, wrapped at the right."""
    places, at, line = [], left, 0
    for wide in widths:
        if at + wide > right and at > left:
            at, line = left, line + 1
        places.append((at, line))
        at += wide
    return places
