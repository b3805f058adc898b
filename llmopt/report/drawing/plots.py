"""Points over two axes, with limit lines, labels and a legend."""

from __future__ import annotations

from dataclasses import dataclass

from llmopt.report.drawing.canvas import LINE, Canvas, clipped, flowed, width_of
from llmopt.report.scale import Scale, scale_of, value_text
from llmopt.report.table import Axis, LimitLine, Plot, PlotPoint, Series

RIGHT, TOP, UNDER = 22, 30, 46
"""Margins: beside, above and (for the axis) below the plotted area."""
NARROW = 500


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where values go on the picture."""

    x: Scale
    y: Scale
    left_edge: float
    right_edge: float
    bottom: float

    def left(self, value: float) -> float:
        return self.left_edge + self.x.at(value) * (self.right_edge - self.left_edge)

    def top(self, value: float) -> float:
        return TOP + (1 - self.y.at(value)) * (self.bottom - TOP)

    def has(self, point: PlotPoint) -> bool:
        return self.x.has(point.x) and self.y.has(point.y)


def draw(plot: Plot, width: int) -> str:
    """Return a plot as SVG.

    Args:
        plot: what to draw.
        width: in pixels.
    """
    canvas = Canvas(width)
    frame = _frame(plot, width)
    _axes(canvas, plot, frame)
    for limit in plot.limits:
        _limit(canvas, limit, frame)
    for number, series in enumerate(plot.series):
        _series(canvas, plot, series, number, frame)
    lines = _legend(canvas, plot, frame)
    return canvas.drawn(plot.name, plot.title, described(plot), frame.bottom + UNDER + LINE * lines + 6)


def described(plot: Plot) -> str:
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


def _frame(plot: Plot, width: int) -> _Frame:
    points = [point for series in plot.series for point in series.points]
    limits = {axis: [line.value for line in plot.limits if line.axis == axis] for axis in ("x", "y")}
    x = scale_of([*(point.x for point in points), *limits["x"]], log=plot.x.log)
    y = scale_of([*(point.y for point in points), *limits["y"]], log=plot.y.log)
    ticks = max(width_of(value_text(value)) for value in y.ticks(10))
    height = 290 if width < NARROW else 360
    return _Frame(x, y, 14 + ticks, width - RIGHT, height - UNDER)


def _axes(canvas: Canvas, plot: Plot, frame: _Frame) -> None:
    wide = canvas.width >= NARROW
    for value in frame.y.ticks(8 if wide else 6):
        at = frame.top(value)
        canvas.path("grid", f"M{frame.left_edge:.1f} {at:.1f}H{frame.right_edge:.1f}")
        canvas.text(frame.left_edge - 8, at + 4, value_text(value), "end", "soft")
    for value in frame.x.ticks(8 if wide else 5):
        at = frame.left(value)
        canvas.path("grid", f"M{at:.1f} {TOP}V{frame.bottom:.1f}")
        canvas.text(at, frame.bottom + 18, value_text(value), "middle", "soft")
    canvas.path("axis", f"M{frame.left_edge:.1f} {TOP}V{frame.bottom:.1f}H{frame.right_edge:.1f}")
    canvas.text(frame.right_edge, frame.bottom + 36, clipped(plot.x.heading, canvas.width - RIGHT), "end")
    canvas.text(4, TOP - 14, clipped(plot.y.heading, canvas.width - RIGHT))


def _limit(canvas: Canvas, line: LimitLine, frame: _Frame) -> None:
    scale = frame.x if line.axis == "x" else frame.y
    if not scale.has(line.value):
        return
    words = clipped(line.label, frame.right_edge - frame.left_edge)
    if line.axis == "y":
        at = frame.top(line.value)
        canvas.path("limit", f"M{frame.left_edge:.1f} {at:.1f}H{frame.right_edge:.1f}")
        canvas.text(frame.left_edge + 8, at - 6, words, "start", "limit")
        return
    at = frame.left(line.value)
    canvas.path("limit", f"M{at:.1f} {TOP}V{frame.bottom:.1f}")
    on_right = at + 6 + width_of(words) <= canvas.width
    canvas.text(at + 6 if on_right else at - 6, TOP + 12.0, words, "start" if on_right else "end", "limit")


def _series(canvas: Canvas, plot: Plot, series: Series, number: int, frame: _Frame) -> None:
    points = [point for point in series.points if frame.has(point)]
    places = [(frame.left(point.x), frame.top(point.y)) for point in points]
    if series.joined and len(places) > 1:
        canvas.trail(number, places)
    taken: list[tuple[float, float]] = []
    for point, (left, top) in zip(points, places, strict=True):
        canvas.mark(number, left, top, _said(plot, series, point))
        if point.label:
            _label(canvas, point.label, left, top, taken)


def _said(plot: Plot, series: Series, point: PlotPoint) -> str:
    named = f"{plot.point_label or 'point'} {point.label}" if point.label else ""
    values = f"{_value(point.x, plot.x)}, {_value(point.y, plot.y)}"
    return ": ".join(part for part in (series.label, named, values) if part)


def _value(value: float, axis: Axis) -> str:
    return f"{axis.name} {value:,.6g}{f' {axis.unit}' if axis.unit else ''}"


def _label(canvas: Canvas, label: str, left: float, top: float, taken: list[tuple[float, float]]) -> None:
    """Write a label beside its point: above to the right, or elsewhere where another one or the edge is."""
    wide = width_of(label)
    around = ((7.0, -6), (7.0, 15), (-7 - wide, -6), (-7 - wide, 15), (7.0, -20), (7.0, 29))
    free = [
        (left + right, top + down)
        for right, down in around
        if 0 <= left + right <= canvas.width - wide
        and all(abs(left + right - x) > 18 or abs(top + down - y) > 11 for x, y in taken)
    ]
    place = free[0] if free else (left + around[0][0], top + around[0][1])
    taken.append(place)
    canvas.text(*place, label, "start", "soft")


def _legend(canvas: Canvas, plot: Plot, frame: _Frame) -> int:
    """Name the series below the axis; return how many lines that takes."""
    named = [(number, series.label) for number, series in enumerate(plot.series) if series.label]
    entries = [(number, clipped(label, canvas.width - 60)) for number, label in named]
    if plot.point_label:
        entries.append((-1, clipped(f"beside a point: {plot.point_label}", canvas.width - 60)))
    places = flowed([width_of(label) + 30 for _, label in entries], frame.left_edge, canvas.width - 4)
    for (number, label), (left, line) in zip(entries, places, strict=True):
        top = frame.bottom + UNDER + 12 + LINE * line
        if number < 0:
            canvas.text(left, top, label, "start", "soft")
        else:
            canvas.mark(number, left + 4, top - 4)
            canvas.text(left + 14, top, label)
    return places[-1][1] + 1 if places else 0
