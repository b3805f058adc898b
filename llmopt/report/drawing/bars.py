"""Stacked bars over time: what was spent in each period, cut by model."""

from __future__ import annotations

from decimal import Decimal

from llmopt.core.money import EXACT
from llmopt.report.drawing.canvas import LINE, Canvas, clipped, flowed, width_of
from llmopt.report.drawing.numbers import said_value, tick
from llmopt.report.drawing.style import LAYERS
from llmopt.report.scale import Scale, scale_of
from llmopt.report.table import Bars, Layer

RIGHT, TOP, UNDER = 8, 14, 28
NARROW = 500


def draw(bars: Bars, width: int) -> str:
    """Return stacked bars as SVG.

    Args:
        bars: what to draw.
        width: in pixels.
    """
    canvas = Canvas(width)
    sums = totals(bars)
    scale = scale_of([0.0, *map(float, sums)], log=False)
    bottom = (230 if width < NARROW else 300) - UNDER
    left = 14 + max(width_of(tick(value, bars.kind)) for value in scale.ticks(7))
    for value in scale.ticks(7):
        at = TOP + (1 - scale.at(value)) * (bottom - TOP)
        canvas.path("grid", f"M{left:.1f} {at:.1f}H{width - RIGHT}")
        canvas.text(left - 8, at + 4, tick(value, bars.kind), "end", "soft")
    _stacks(canvas, bars, sums, scale, (left, bottom))
    canvas.path("axis", f"M{left:.1f} {bottom}H{width - RIGHT}")
    lines = _legend(canvas, bars, bottom + UNDER)
    return canvas.drawn(bars.name, bars.title, described(bars), bottom + UNDER + LINE * lines + 8)


def totals(bars: Bars) -> list[Decimal]:
    """Return the height of each bar."""
    return [sum((layer.values[place] for layer in bars.layers), Decimal(0)) for place, _ in enumerate(bars.labels)]


def described(bars: Bars) -> str:
    """Return the figures in words: the period, and the sum of each layer."""
    if not bars.labels:
        return "Nothing to show."
    span = f"{bars.labels[0]} to {bars.labels[-1]}" if len(bars.labels) > 1 else bars.labels[0]
    parts = ", ".join(f"{layer.label}: {said_value(_sum(layer), bars.kind)}" for layer in bars.layers)
    most = max(zip(totals(bars), bars.labels, strict=True), key=lambda pair: pair[0])
    return f"By {bars.period}, {span}. {parts}. Most: {said_value(most[0], bars.kind)} ({most[1]})."


def style_of(layer: Layer, number: int) -> str:
    """Return the class that colours a layer."""
    return "rest" if layer.rest or number >= LAYERS else f"s{number}"


def _sum(layer: Layer) -> Decimal:
    found = Decimal(0)
    for value in layer.values:
        found = EXACT.add(found, value)
    return found


def _stacks(canvas: Canvas, bars: Bars, sums: list[Decimal], scale: Scale, corner: tuple[float, float]) -> None:
    left, bottom = corner
    pitch = (canvas.width - RIGHT - left) / max(len(bars.labels), 1)
    wide = min(max(pitch * 0.78, 1.0), 60.0)
    step = _every([width_of(label) for label in bars.labels], pitch)
    for place, label in enumerate(bars.labels):
        start = left + pitch * (place + 0.5) - wide / 2
        floor = 0.0
        for number, layer in enumerate(bars.layers):
            value = float(layer.values[place])
            low, high = (TOP + (1 - scale.at(edge)) * (bottom - TOP) for edge in (floor, floor + value))
            floor += value
            if low - high < 0.05:
                continue
            gap = 1.0 if low - high > 3 else 0.0
            own, whole = said_value(layer.values[place], bars.kind), said_value(sums[place], bars.kind)
            words = f"{label}, {layer.label}: {own} of {whole}"
            canvas.bar(style_of(layer, number), start, high + gap, wide, low - high - gap, words)
        if place % step == 0:
            middle = start + wide / 2
            half = width_of(label) / 2
            canvas.text(min(max(middle, half), canvas.width - half), bottom + 18, label, "middle", "soft")


def _every(widths: list[float], pitch: float) -> int:
    """Return how many bars share a label so that labels do not touch."""
    return max(1, -int(-(max(widths, default=0.0) + 14) // pitch)) if pitch else 1


def _legend(canvas: Canvas, bars: Bars, top: float) -> int:
    named = [clipped(layer.label, canvas.width - 40) for layer in bars.layers]
    places = flowed([width_of(label) + 32 for label in named], 4, canvas.width)
    for number, (layer, label, (left, line)) in enumerate(zip(bars.layers, named, places, strict=True)):
        at = top + 12 + LINE * line
        canvas.bar(style_of(layer, number), left, at - 10, 11, 11, layer.label)
        canvas.text(left + 16, at, label)
    return places[-1][1] + 1 if places else 0
