"""Plots as SVG inside a page: no script, no font; a title and a description that a screen reader reads out.

Series differ in marker and dashes as well as in colour. Text and axes take the colour of the page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from llmopt.report.scale import Scale, scale_of, value_text
from llmopt.report.table import LimitLine, Plot, PlotPoint, Series
from llmopt.report.text import clean

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 30, 30, 70
"""Margins around the plotted area."""
STYLE = """\
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif;fill:currentColor}
svg .axis,svg .grid{stroke:currentColor;fill:none}svg .grid{opacity:.15}
svg .limit{stroke:#c22;stroke-dasharray:8 4}svg text.limit{stroke:none;fill:#c22;font-weight:bold}
svg .trail{fill:none;opacity:.6}
svg .s0{stroke:#0072b2;color:#0072b2}svg .s1{stroke:#d55e00;color:#d55e00;stroke-dasharray:6 3}
svg .s2{stroke:#009e73;color:#009e73;stroke-dasharray:2 3}svg .s3{stroke:#a3559a;color:#a3559a}
svg .s4{stroke:#8a6d00;color:#8a6d00;stroke-dasharray:6 3}
svg .mark{fill:currentColor;stroke-dasharray:none}svg text[class]{stroke:none}"""
"""Rules for the page; the colours can be told apart by the colour-blind (Okabe and Ito's)."""
COLORS = 5
SHAPES = 4


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values go on the picture."""

    x: Scale
    y: Scale

    def left(self, value: float) -> float:
        return LEFT + self.x.at(value) * (WIDTH - LEFT - RIGHT)

    def top(self, value: float) -> float:
        return TOP + (1 - self.y.at(value)) * (HEIGHT - TOP - BOTTOM)

    def has(self, point: PlotPoint) -> bool:
        return self.x.has(point.x) and self.y.has(point.y)


def svg(plot: Plot) -> str:
    """Return a plot as one `<svg>` element; its classes need `STYLE` in the page."""
    name = "".join(character if character.isalnum() else "-" for character in plot.name)
    points = [point for series in plot.series for point in series.points]
    limits = {axis: [line.value for line in plot.limits if line.axis == axis] for axis in ("x", "y")}
    x = scale_of([*(point.x for point in points), *limits["x"]], log=plot.x.log)
    y = scale_of([*(point.y for point in points), *limits["y"]], log=plot.y.log)
    frame = _Frame(x, y)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">',
        f'<title id="{name}-title">{_text(plot.title)}</title>',
        f'<desc id="{name}-desc">{_text(_described(plot))}</desc>',
        *_axes(plot, frame),
        *(line for limit in plot.limits for line in _limit(limit, frame)),
        *(line for number, series in enumerate(plot.series) for line in _series(series, number, frame)),
        *_legend(plot),
        "</svg>",
    ]
    return "\n".join(parts)


def _described(plot: Plot) -> str:
    """Return the figures of a plot in words."""
    said = [f"{plot.y.heading} over {plot.x.heading}."]
    for series in plot.series:
        pairs = ", ".join(
            f"{point.label + ': ' if point.label else ''}{value_text(point.x)} and {value_text(point.y)}"
            for point in series.points
        )
        said.append(f"{series.label or 'Points'}: {pairs}.")
    said += [f"{line.label}: {line.axis} = {value_text(line.value)}." for line in plot.limits]
    return " ".join(said)


def _axes(plot: Plot, frame: _Frame) -> list[str]:
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lines = [f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>']
    for value in frame.y.ticks(10):
        at = f"{frame.top(value):.1f}"
        lines.append(f'<path class="grid" d="M{LEFT} {at}H{right}"/>')
        lines.append(_words(LEFT - 8, float(at) + 4, value_text(value), "end"))
    for value in frame.x.ticks(8):
        at = f"{frame.left(value):.1f}"
        lines.append(f'<path class="grid" d="M{at} {TOP}V{bottom}"/>')
        lines.append(_words(float(at), bottom + 18, value_text(value), "middle"))
    lines.append(_words(right, bottom + 36, plot.x.heading, "end"))
    lines.append(_words(8, TOP - 12, plot.y.heading, "start"))
    return lines


def _limit(line: LimitLine, frame: _Frame) -> list[str]:
    scale = frame.x if line.axis == "x" else frame.y
    if not scale.has(line.value):
        return []
    if line.axis == "y":
        at = frame.top(line.value)
        path, left, top = f"M{LEFT} {at:.1f}H{WIDTH - RIGHT}", LEFT + 8.0, at - 6
    else:
        at = frame.left(line.value)
        path, left, top = f"M{at:.1f} {TOP}V{HEIGHT - BOTTOM}", at + 6, TOP + 12.0
    return [f'<path class="limit" d="{path}"/>', _words(left, top, line.label, "start", "limit")]


def _series(series: Series, number: int, frame: _Frame) -> list[str]:
    places = [(frame.left(point.x), frame.top(point.y), point.label) for point in series.points if frame.has(point)]
    style = f"s{number % COLORS}"
    lines = []
    if series.joined and len(places) > 1:
        trail = " ".join(f"{left:.1f},{top:.1f}" for left, top, _ in places)
        lines.append(f'<polyline class="trail {style}" points="{trail}"/>')
    taken: list[tuple[float, float]] = []
    for left, top, label in places:
        lines.append(_mark(left, top, number))
        if label:
            lines.append(_words(*_beside(left, top, taken), label, "start", style))
    return lines


def _beside(left: float, top: float, taken: list[tuple[float, float]]) -> tuple[float, float]:
    """Return where a label goes: above its point to the right, or elsewhere where another one is."""
    around = ((7, -5), (7, 14), (-20, -5), (-20, 14), (7, -19), (7, 28))
    free = [
        (left + right, top + down)
        for right, down in around
        if all(abs(left + right - x) > 18 or abs(top + down - y) > 11 for x, y in taken)
    ]
    place = free[0] if free else (left + around[0][0], top + around[0][1])
    taken.append(place)
    return place


def _mark(left: float, top: float, number: int) -> str:
    """Return a circle, a square, a triangle or a diamond."""
    style = f'class="mark s{number % COLORS}"'
    if number % SHAPES == 0:
        return f'<circle {style} cx="{left:.1f}" cy="{top:.1f}" r="4"/>'
    corners, turn = {1: (4, 45), 2: (3, -90), 3: (4, 0)}[number % SHAPES]
    angles = [math.radians(turn + 360 * corner / corners) for corner in range(corners)]
    points = " ".join(f"{left + 5 * math.cos(angle):.1f},{top + 5 * math.sin(angle):.1f}" for angle in angles)
    return f'<polygon {style} points="{points}"/>'


def _legend(plot: Plot) -> list[str]:
    lines: list[str] = []
    left = LEFT
    top = HEIGHT - 14
    for number, series in enumerate(plot.series):
        if series.label:
            lines += [_mark(left, top - 4, number), _words(left + 10, top, series.label, "start")]
            left += 30 + 7 * len(series.label)
    if plot.point_label:
        lines.append(_words(left, top, f"beside a point: {plot.point_label}", "start"))
    return lines


def _words(left: float, top: float, text: str, anchor: str, style: str = "") -> str:
    named = f' class="{style}"' if style else ""
    return f'<text{named} x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{_text(text)}</text>'


def _text(text: str) -> str:
    return escape(clean(text))


def styles(plots: Sequence[Plot]) -> str:
    """Return the rules that a page with these plots needs; empty without one."""
    return f"\n{STYLE}" if plots else ""
