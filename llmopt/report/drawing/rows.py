"""Horizontal bars, a row each, with their values written out: waterfalls and meters.

Where there is room the label stands left of its bar; on a narrow screen it stands above.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from llmopt.report.drawing.canvas import BOLD, Canvas, clipped, width_of
from llmopt.report.drawing.numbers import said_value
from llmopt.report.table import Meter, Meters, Waterfall

NARROW = 500
MOST_LABEL = 240.0
_HIGH = {True: 28, False: 46}
"""Pixels a row, wide and narrow."""
_Place = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class _Row:
    """One bar."""

    label: str
    value: str
    start: float
    end: float
    style: str
    span: tuple[float, float] | None = None
    goal: float | None = None
    link: float | None = None
    """Where the next bar begins, joined by a thin line; None: it is not joined."""

    @property
    def said(self) -> str:
        return f"{self.label}: {self.value}"


def draw_waterfall(chart: Waterfall, width: int) -> str:
    """Return a waterfall as SVG."""
    rows = _steps(chart)
    return _drawn(chart.name, chart.title, rows, width)


def draw_meters(chart: Meters, width: int) -> str:
    """Return meters as SVG."""
    rows = [_meter(one, chart) for one in chart.meters]
    return _drawn(chart.name, chart.title, rows, width)


def _steps(chart: Waterfall) -> list[_Row]:
    rows, before = [], 0.0
    for place, step in enumerate(chart.steps):
        level = float(step.level)
        link = None if place == len(chart.steps) - 1 else level
        if step.whole:
            rows.append(_Row(step.label, said_value(step.level, chart.kind), 0.0, level, "whole", link=link))
        elif step.change is None:
            rows.append(_Row(step.label, "not known", level, level, "whole", link=link))
        else:
            sign = "+" if step.change > 0 else "-" if step.change < 0 else ""
            value = f"{sign}{said_value(abs(step.change), chart.kind)}"
            rows.append(_Row(step.label, value, before, level, "more" if step.change > 0 else "less", link=link))
        before = level
    return rows


def _meter(one: Meter, chart: Meters) -> _Row:
    style = "s0" if one.good is None else "less" if one.good else "more"
    goal = "" if one.goal is None else f"goal {said_value(one.goal, chart.kind)}"
    judged = "" if one.good is None else "met" if one.good else "missed"
    aside = ", ".join(part for part in (goal, judged) if part)
    value = f"{said_value(one.value, chart.kind, chart.unit)}{f' ({aside})' if aside else ''}"
    span = None if one.low is None or one.high is None else (float(one.low), float(one.high))
    return _Row(one.label, value, 0.0, float(one.value), style, span, None if one.goal is None else float(one.goal))


def _drawn(name: str, title: str, rows: Sequence[_Row], width: int) -> str:
    canvas = Canvas(width)
    wide = width >= NARROW
    label_room = min(max((width_of(row.label) for row in rows), default=0.0), MOST_LABEL) if wide else 0.0
    value_room = max((BOLD * width_of(row.value) for row in rows), default=0.0) if wide else 0.0
    left, right = (label_room + 12, width - value_room - 12) if wide else (2.0, width - 2.0)
    low, high = _ends(rows)

    def place(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    pitch = _HIGH[wide]
    for number, row in enumerate(rows):
        top = 4 + pitch * number
        _words(canvas, row, top, wide=wide, left=left)
        _bar(canvas, row, top if wide else top + 20, place)
        if row.link is not None and wide:  # where labels stand above the bars, it would go through them
            canvas.path("link", f"M{place(row.link):.1f} {top + 20:.1f}v{pitch - 14}")
    height = pitch * len(rows) + 8
    canvas.path("axis", f"M{place(0.0):.1f} 0V{height}")
    said = " ".join(f"{row.said}." for row in rows) or "Nothing to show."
    return canvas.drawn(name, title, said, height)


def _words(canvas: Canvas, row: _Row, top: float, *, wide: bool, left: float) -> None:
    if wide:
        canvas.text(left - 8, top + 14, clipped(row.label, MOST_LABEL), "end")
        canvas.text(canvas.width, top + 14, row.value, "end", "strong")
        return
    canvas.text(2, top + 14, clipped(row.label, canvas.width - BOLD * width_of(row.value) - 16))
    canvas.text(canvas.width, top + 14, row.value, "end", "strong")


def _bar(canvas: Canvas, row: _Row, top: float, place: _Place) -> None:
    start, end = sorted((place(row.start), place(row.end)))
    canvas.bar(row.style, start, top + 2, max(end - start, 1.0), 16, row.said)
    if row.span is not None:
        low, high = place(row.span[0]), place(row.span[1])
        canvas.path("span", f"M{low:.1f} {top + 6}v8M{low:.1f} {top + 10}H{high:.1f}M{high:.1f} {top + 6}v8")
    if row.goal is not None:
        canvas.path("goal", f"M{place(row.goal):.1f} {top}v20")


def _ends(rows: Sequence[_Row]) -> tuple[float, float]:
    """Return the ends of the axis, 0 among them."""
    values = [value for row in rows for value in (row.start, row.end, *(row.span or ()), row.goal or 0.0)]
    low, high = min([0.0, *values]), max([0.0, *values])
    return low, high if high > low else low + 1.0
